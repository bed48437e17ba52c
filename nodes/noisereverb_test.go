package nodes_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["NoiseReverbNode"] = []abi.Config{{"length_s": 0.0015}, {"length_s": 0.004, "seed": 7.0}}
}

// The bands add up to white noise: with long decays its power is that of its
// RMS, √(13.8/rate), and the band of an octave holds its share.
func TestNoiseReverbBands(t *testing.T) {
	const frames = 1 << 15
	response := func(gains []float64) (energy float64) {
		long := slices.Repeat([]float64{100}, 12)
		p := abitest.P{"gains_db": gains, "decays_s": long, "mix": 1, "config": abi.Config{"length_s": frames / abitest.Rate}}
		for _, v := range abitest.Run(t, "NoiseReverbNode", p, abitest.Impulse(frames)) {
			energy += v * v
		}
		return energy
	}
	white := 6 * math.Ln10 / abitest.Rate * frames
	all := make([]float64, 12)
	require.InEpsilon(t, white, response(all), 0.05) // 1 % by chance, 4.7 % by the decay
	top := make([]float64, 12)
	for i := range 11 {
		top[i] = -100
	}
	// Above rate·2^-1.5 all of the spectrum; below, to rate/4·2^-0.5, cos⁴.
	part := 1 - math.Pow(2, -0.5)
	for i := range 1000 {
		x := (float64(i) + 0.5) / 1000
		part += math.Pow(math.Cos(math.Pi/2*x), 4) * math.Pow(2, -0.5-x) * math.Ln2 / 1000
	}
	require.InEpsilon(t, white*part, response(top), 0.06)
}

func TestNoiseReverbDecay(t *testing.T) {
	decays := slices.Repeat([]float64{0.3}, 12)
	p := abitest.P{"decays_s": decays, "mix": 1, "predelay_ms": 10}
	y := abitest.Run(t, "NoiseReverbNode", p, abitest.Impulse(20000))
	power := func(from int) float64 {
		e := 0.0
		for _, v := range y[from : from+4000] {
			e += v * v
		}
		return 10 * math.Log10(e)
	}
	for n := range 480 {
		require.Zero(t, y[n])
	}
	// 0.3 s is 14400 frames; the energy of 4000 frames is known to 2 %, 0.1 dB.
	require.InDelta(t, -60*12000.0/14400, power(480+12000)-power(480), 0.4)
}

package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["PitchShiftNode"] = []abi.Config{{"window": 16.0, "hop": 4.0}, {"window": 12.0, "hop": 3.0}}
}

func TestPitchShiftByNothing(t *testing.T) {
	x := abitest.Noise(3000, 1)
	y := abitest.Run(t, "PitchShiftNode", abitest.P{"config": abi.Config{"window": 256.0, "hop": 64.0}}, x)
	for n := 300; n < len(x); n++ {
		require.InDelta(t, x[n-256], y[n], 1e-10)
	}
}

// A sine comes out at its new frequency and its old level.
func TestPitchShiftMovesASine(t *testing.T) {
	const cycles = 0.0123
	for _, semitones := range []float64{-12, -5, 3, 7} {
		y := abitest.Run(t, "PitchShiftNode", abitest.P{"semitones": semitones}, abitest.Sine(20000, cycles))
		want := cycles * math.Exp2(semitones/12)
		part := func(cycles float64) float64 {
			var re, im float64
			for n := range 8000 {
				w := 1 - math.Cos(2*math.Pi*(float64(n)+0.5)/8000)
				s, c := math.Sincos(2 * math.Pi * cycles * float64(n))
				re, im = re+w*y[6000+n]*c, im+w*y[6000+n]*s
			}
			return math.Hypot(re, im) / 4000
		}
		// The peak of a Hann window falls by 1.42 dB half a bin off, 6e-5 cycles.
		at := part(want)
		require.InDelta(t, 1, at, 0.15)
		require.Greater(t, at, part(want+6e-5))
		require.Greater(t, at, part(want-6e-5))
		require.Less(t, part(cycles), 0.02)
	}
}

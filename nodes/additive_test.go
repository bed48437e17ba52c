package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["HarmonicOscillatorNode"] = []abi.Config{{"harmonics": 1.0}, {"harmonics": 7.0}}
	benchConfig["HarmonicOscillatorNode"] = abi.Config{"harmonics": 64.0}
}

// Each partial is a sine of its own frequency, also over many chunks.
func TestHarmonicOscillatorIsItsSum(t *testing.T) {
	const frames, f0 = 3000, 111.5
	amps, phases := []float64{1, 0.5, 0, 0.25, 2}, []float64{0, 0.1, 0.2, 0.3, -0.4}
	for _, b := range []float64{0, 0.003} {
		p := abitest.P{"f0_hz": f0, "amps": amps, "phases": phases, "inharmonicity": b, "config": abi.Config{"harmonics": 5.0}}
		held := abitest.Run(t, "HarmonicOscillatorNode", p, abitest.Silence(frames))
		constant := make(abitest.PerFrame, frames)
		for n := range constant {
			constant[n] = f0
		}
		p["f0_hz"] = constant
		varying := abitest.Run(t, "HarmonicOscillatorNode", p, abitest.Silence(frames))
		for n := range frames {
			want := 0.0
			for i, a := range amps {
				k := float64(i + 1)
				want += a * math.Sin(2*math.Pi*(k*math.Sqrt(1+b*k*k)*f0*float64(n+1)/abitest.Rate+phases[i]))
			}
			require.InDelta(t, want, held[n], 1e-10)
			require.InDelta(t, want, varying[n], 1e-10)
		}
	}
}

// A partial that rises through half the rate leaves without a jump.
func TestHarmonicOscillatorFades(t *testing.T) {
	const frames = 20000
	f0 := make(abitest.PerFrame, frames)
	for n := range f0 {
		f0[n] = 11000 + 2000*float64(n)/frames // the second partial ends at 26 kHz
	}
	y := abitest.Run(t, "HarmonicOscillatorNode", abitest.P{"f0_hz": f0, "amps": []float64{0, 1}, "config": abi.Config{"harmonics": 2.0}}, abitest.Silence(frames))
	turn := 0.0
	for n := range y {
		turn += f0[n] / abitest.Rate
		f := 2 * f0[n] / abitest.Rate
		u := min(max((0.5-f)/0.025, 0), 1)
		require.InDelta(t, u*u*(3-2*u)*math.Sin(4*math.Pi*turn), y[n], 1e-9)
	}
	require.Zero(t, y[frames-1])
}

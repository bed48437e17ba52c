package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	for _, name := range []string{"ChorusNode", "FlangerNode", "VibratoNode"} {
		configs[name] = []abi.Config{{"max_ms": 0.2}, {"max_ms": 2.0, "interp": "lagrange3"}, {"max_ms": 2.0, "wave": "triangle"}}
	}
}

// Linear interpolation reads a ramp exactly, so it shows the time of each frame.
func TestVibratoMovesAsItsWave(t *testing.T) {
	ramp := abitest.Row(4000, func(n int) float64 { return float64(n) })
	const delay, depth, rate, phase = 5.0, 2.0, 7.0, 0.3
	for _, interp := range []string{"linear", "lagrange3"} {
		y := abitest.Run(t, "VibratoNode", abitest.P{"delay_ms": delay, "depth_ms": depth, "rate_hz": rate, "phase": phase,
			"config": abi.Config{"interp": interp}}, ramp)
		for n := 400; n < len(y); n++ {
			time := delay + depth*math.Sin(2*math.Pi*(phase+rate*float64(n)/abitest.Rate))
			require.InDelta(t, float64(n)-time*abitest.Rate/1000, y[n], 1e-8)
		}
	}
}

// Without movement it is a delay with feedback.
func TestFlangerAtRestIsADelay(t *testing.T) {
	x := abitest.Noise(600, 1)
	y := abitest.Run(t, "FlangerNode", abitest.P{"delay_ms": 1.3, "depth_ms": 0, "feedback": -0.7, "mix": 0.4}, x)
	want := abitest.Run(t, "DelayNode", abitest.P{"time_ms": 1.3, "feedback": -0.7, "mix": 0.4}, x)
	require.InDeltaSlice(t, want, y, 1e-12)
}

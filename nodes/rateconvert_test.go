package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["RateConvertNode"] = []abi.Config{
		{"ratio": "3/2", "kind": "spline"}, {"ratio": "2/3", "kind": "spline"}, {"ratio": "5/7", "quality": "low_latency"},
		{"ratio": "7/3", "quality": "low_latency"}, {"ratio": "1/1", "quality": "low_latency", "kind": "sinc"},
	}
}

// levelOf returns the level of the later half of a signal.
func levelOf(x []float64) float64 {
	e := 0.0
	for _, v := range x[len(x)/2:] {
		e += v * v
	}
	return math.Sqrt(2 * e / float64(len(x)))
}

// What lies below half the lower rate passes, what lies above does not.
func TestRateConvertPassesItsBand(t *testing.T) {
	for _, ratio := range []struct {
		text  string
		lower float64
	}{{"1/2", 0.5}, {"3/4", 0.75}, {"3/2", 1}, {"2/5", 0.4}} {
		p := abitest.P{"config": abi.Config{"ratio": ratio.text}}
		for _, part := range []float64{0.05, 0.3, 0.75} { // of half the lower rate
			x := abitest.Sine(4000, part*ratio.lower/2)
			y := abitest.Run(t, "RateConvertNode", p, x)
			require.InDelta(t, 0, 20*math.Log10(levelOf(y)/levelOf(x)), 0.01, "%s at %v", ratio.text, part)
		}
		if ratio.lower < 1 {
			x := abitest.Sine(4000, 1.1*ratio.lower/2)
			require.Less(t, 20*math.Log10(levelOf(abitest.Run(t, "RateConvertNode", p, x))/levelOf(x)), -80.0)
		}
	}
}

// Cubic interpolation keeps parabolas, whatever the rate.
func TestRateConvertSplineKeepsParabolas(t *testing.T) {
	x := abitest.Row(200, func(n int) float64 { return 1 + 0.3*float64(n) - 0.01*float64(n*n) })
	y := abitest.Run(t, "RateConvertNode", abitest.P{"config": abi.Config{"ratio": "2/3", "kind": "spline"}}, x)
	for n := 30; n < 200; n++ {
		require.InDelta(t, x[n-5], y[n], 1e-9) // two frames, and two values of 3/2 frames
	}
}

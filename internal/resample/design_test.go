package resample

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// gain is the magnitude in dB at a frequency given in units of the lower rate.
func gain(taps []float64, ratio int, f float64) float64 {
	var re, im float64
	for i, h := range taps {
		s, c := math.Sincos(2 * math.Pi * f / float64(ratio) * float64(i))
		re += h * c
		im += h * s
	}
	return 20 * math.Log10(math.Hypot(re, im))
}

func TestDesignMeetsItsMask(t *testing.T) {
	for _, ratio := range []int{2, 4, 8, 16} {
		standard, low := Design(ratio, Standard), Design(ratio, LowLatency)
		for f := 0.0; f <= 0.45; f += 0.002 {
			require.InDelta(t, 0, gain(standard, ratio, f), 0.01, "standard pass band at %g", f)
		}
		for f := 0.55; f <= float64(ratio)/2; f += 0.0013 {
			require.Less(t, gain(standard, ratio, f), -100.0, "standard stop band at %g", f)
		}
		for f := 0.0; f <= 0.3; f += 0.002 {
			require.InDelta(t, 0, gain(low, ratio, f), 0.02, "low latency pass band at %g", f)
		}
		for f := 0.7; f <= float64(ratio)/2; f += 0.0013 {
			require.Less(t, gain(low, ratio, f), -80.0, "low latency stop band at %g", f)
		}
	}
}

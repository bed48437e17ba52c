package problem

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A lower rate keeps what is below half of it, in time with the original, and
// nothing of what is above.
func TestDecimateKeepsTime(t *testing.T) {
	const rate, ratio, frames = 48000.0, 4, 8000
	tone := func(hz, rate float64, frames int) []float64 {
		x := make([]float64, frames)
		for n := range x {
			x[n] = math.Sin(2 * math.Pi * hz * float64(n) / rate)
		}
		return x
	}
	low := decimate([][]float64{tone(700, rate, frames), tone(9000, rate, frames)}, ratio)
	require.Len(t, low[0], frames/ratio)
	want := tone(700, rate/ratio, frames/ratio)
	for n := 50; n < len(want)-50; n++ { // but for the ends, where half of the filter is out
		require.InDelta(t, want[n], low[0][n], 2e-3)
		require.InDelta(t, 0, low[1][n], 2e-3)
	}
}

package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// tones is a sum of sines below a fifth of the rate, read so many frames late.
func tones(frames int, late float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, frames)
	for range 40 {
		w, p := 2*math.Pi*0.2*rng.Float64(), 2*math.Pi*rng.Float64()
		for n := range x {
			x[n] += math.Sin(w*(float64(n)-late) + p)
		}
	}
	return x
}

// The parabola finds fractions of a frame to a few hundredths where the spectrum
// ends well below half the rate.
func TestLag(t *testing.T) {
	for _, late := range []float64{0, 12, 12.3, -40.75, 299.5} {
		got, c := Lag([][]float64{tones(4000, 0)}, [][]float64{tones(4000, late)}, 400)
		require.InDelta(t, late, got, 0.05)
		require.Greater(t, c, 0.8)
	}
	y := tones(4000, 7)
	for n := range y {
		y[n] *= -0.2
	}
	got, c := Lag([][]float64{tones(4000, 0)}, [][]float64{y, y}, 400)
	require.InDelta(t, 7, got, 0.05, "polarity, level and channels do not matter")
	require.Less(t, c, -0.8)
	_, c = Lag([][]float64{make([]float64, 100)}, [][]float64{tones(100, 0)}, 50)
	require.Zero(t, c, "silence")
}

package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ampfit/optim/analysis"

	"github.com/stretchr/testify/require"
)

// White noise is taken for another noise about once in a thousand; what is coloured
// or a tone is not taken for white.
func TestFromWhite(t *testing.T) {
	for n := range 5 { // too short to have a shape, or nearly
		require.False(t, math.IsNaN(analysis.FromWhite(make([]float64, n, 8))))
		require.LessOrEqual(t, analysis.FromWhite([]float64{1, -2, 3, 1, 2}[:n]), 1.0)
	}
	const frames, draws = 2000, 500
	limit, over := 1.95/math.Sqrt(frames/2), 0
	for seed := range uint64(draws) {
		rng := rand.New(rand.NewPCG(seed, 1))
		x, y := make([]float64, frames), make([]float64, frames)
		last := 0.0
		for n := range x {
			x[n] = rng.NormFloat64()
			last = 0.3*last + x[n]
			y[n] = last
		}
		if analysis.FromWhite(x) > limit {
			over++
		}
		require.Greater(t, analysis.FromWhite(y), limit, "coloured by a pole at 0.3")
	}
	require.LessOrEqual(t, over, 5, "of %d draws", draws)
	tone := make([]float64, frames)
	for n := range tone {
		tone[n] = math.Sin(0.3 * float64(n))
	}
	require.Greater(t, analysis.FromWhite(tone), 0.5)
	require.Zero(t, analysis.FromWhite(make([]float64, 64)))
}

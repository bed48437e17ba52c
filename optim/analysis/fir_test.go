package analysis

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// The taps of a filter are those of least squares: what is left is orthogonal to
// every shift of the sound, though that has hardly anything at high frequencies.
func TestTapsAreLeastSquares(t *testing.T) {
	const frames, taps = 3000, 40
	rng := rand.New(rand.NewPCG(8, 9))
	u, y := make([]float64, 2*frames), make([]float64, 2*frames) // two channels
	for c := range 2 {
		low := 0.0
		for n := range frames {
			low += 0.1 * (rng.NormFloat64() - low)
			u[c*frames+n] = low + 1e-3*rng.NormFloat64()
			y[c*frames+n] = rng.NormFloat64()
			for _, k := range []int{0, 7, 55} { // the last out of reach
				if n >= k {
					y[c*frames+n] += u[c*frames+n-k] * float64(1+k)
				}
			}
		}
	}
	h := make([]float64, taps)
	s := NewFIR(u, 2, taps)
	s.Solve(context.Background(), h, y)
	left := make([]float64, len(y))
	s.apply(left, h)
	for n := range left {
		left[n] = y[n] - left[n]
	}
	g := make([]float64, taps)
	for k := range g {
		for c := range 2 {
			for n := k; n < frames; n++ {
				g[k] += left[c*frames+n] * u[c*frames+n-k]
			}
		}
	}
	require.Less(t, math.Sqrt(dot(g, g)), 1e-8*math.Sqrt(dot(u, u)*dot(y, y)))
}

package search

import (
	"context"
	"math/rand/v2"
	"testing"

	"ampfit/optim/loss"

	"ampfit/optim/method"
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
	s := newTapSystem(u, 2, taps)
	s.solve(context.Background(), h, y)
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
	require.Less(t, method.Norm(g), 1e-8*method.Norm(u)*method.Norm(y))
}

// A loss of spectra begins at the taps of least squares as well.
func TestSpectralFitSolvesForTaps(t *testing.T) {
	x := hissOf(8000)
	o := objectiveOf(t, "FIRNode", `"taps": {"value": [1, 0, 0, 0, 0, 0, 0, 0], "learn": true}`, `"taps": [0.5, -0.3, 0.2, 0, 0.1, 0, 0, -0.4]`, x, 16000)
	l, err := loss.Parse("mrstft", o.target, 1, 16000)
	require.NoError(t, err)
	o.Loss = l
	at := o.Start()
	f, err := auto(context.Background(), o, at, method.Settings{})
	require.NoError(t, err)
	require.Less(t, f, spectralDone)
	require.Less(t, o.Calls, 20, "no descent was needed")
}

// The solution for the taps of a start ends with the context.
func TestStartsEndWithTheContext(t *testing.T) {
	o := objectiveOf(t, "FIRNode", `"taps": {"value": [1, 0, 0, 0], "learn": true}`, `"taps": [0.5, -0.3, 0.2, 0.1]`, hissOf(2000), 16000)
	ctx, cancel := context.WithCancel(context.Background())
	solved := o.Starts(ctx, o.Start())
	cancel()
	ended := o.Starts(ctx, o.Start())
	require.Len(t, solved, 1)
	require.Len(t, ended, 1)
	require.Less(t, o.Evaluate(nil, solved[0]), 1e-12)
	require.Equal(t, 1.0, o.Evaluate(nil, ended[0]), "no iteration, no taps")
}

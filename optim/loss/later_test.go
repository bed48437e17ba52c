package loss_test

import (
	"math/rand/v2"
	"testing"

	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

// What comes before has no part in the value, nor a gradient; the rest is the loss of
// the rest.
func TestParseAfter(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 1))
	const frames, skip = 3000, 700
	x, y := make([]float64, 2*frames), make([]float64, 2*frames)
	var restX, restY []float64
	for n := range x {
		x[n], y[n] = rng.NormFloat64(), rng.NormFloat64()
		if n%frames >= skip {
			restX, restY = append(restX, x[n]), append(restY, y[n])
		}
	}
	for _, spec := range []string{"esr", "mrstft(512)", "esr + 0.1*si_sdr"} {
		after, err := loss.ParseAfter(skip, spec, y, 2, 48000)
		require.NoError(t, err)
		rest, err := loss.Parse(spec, restY, 2, 48000)
		require.NoError(t, err)
		require.Equal(t, rest.Name(), after.Name())
		require.Equal(t, loss.Quadratic(rest), loss.Quadratic(after))
		require.Equal(t, loss.Decibels(rest), loss.Decibels(after))
		g, h := make([]float64, len(x)), make([]float64, len(restX))
		require.Equal(t, rest.Evaluate(h, restX), after.Evaluate(g, x))
		var later []float64
		for n, v := range g {
			if n%frames < skip {
				require.Zero(t, v)
				continue
			}
			later = append(later, v)
		}
		require.Equal(t, h, later)
		require.Equal(t, rest.Evaluate(nil, restX), after.Evaluate(nil, x))
	}
	_, err := loss.ParseAfter(frames, "esr", y, 2, 48000)
	require.EqualError(t, err, "loss: 3000 frames are to be left out of the target, which has 3000; leave out fewer")
}

package search

import (
	"context"
	"testing"

	"ampfit/optim/loss"
	"ampfit/optim/method"

	"github.com/stretchr/testify/require"
)

// A loss of spectra begins at the taps of least squares as well.
func TestSpectralFitSolvesForTaps(t *testing.T) {
	x := hissOf(8000)
	o := problemOf(t, "FIRNode", `"taps": {"value": [1, 0, 0, 0, 0, 0, 0, 0], "learn": true}`, `"taps": [0.5, -0.3, 0.2, 0, 0.1, 0, 0, -0.4]`, x, 16000)
	l, err := loss.Parse("mrstft", o.Target, 1, 16000)
	require.NoError(t, err)
	o.Loss = l
	at := o.Start()
	f, err := New(o, false).Run(context.Background(), at, o.Evaluate(nil, at), method.Settings{})
	require.NoError(t, err)
	require.Less(t, f, spectralDone)
	require.Less(t, o.Calls, 20, "no descent was needed")
}

// The solution for the taps of a start ends with the context.
func TestStartsEndWithTheContext(t *testing.T) {
	o := problemOf(t, "FIRNode", `"taps": {"value": [1, 0, 0, 0], "learn": true}`, `"taps": [0.5, -0.3, 0.2, 0.1]`, hissOf(2000), 16000)
	ctx, cancel := context.WithCancel(context.Background())
	s := New(o, false).newState(o.Start(), 1, method.Settings{})
	solved, err := knownTaps.Propose(ctx, s)
	require.NoError(t, err)
	cancel()
	ended, err := knownTaps.Propose(ctx, s)
	require.NoError(t, err)
	require.Len(t, solved, 1)
	require.Len(t, ended, 1)
	require.Less(t, o.Evaluate(nil, solved[0].X), 1e-12)
	require.Equal(t, 1.0, o.Evaluate(nil, ended[0].X), "no iteration, no taps")
}

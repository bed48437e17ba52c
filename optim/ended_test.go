package optim_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	_ "ampfit/nodes"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

func TestFitStopsWithTheContext(t *testing.T) {
	nodes := dry + `,{"name": "t", "type": "TanhNode"}`
	in := [][]float64{noise(12, 500, 0.5)}
	ctx, cancel := context.WithCancel(context.Background())
	r, err := optim.Fit(ctx, load(t, nodes, `{"source": "dry", "target": "t"}`), optim.FitOptions{
		Target: [][]float64{noise(13, 500, 0.1)}, Input: in, Rate: rate,
		Progress: func(p optim.Progress) {
			if p.Step >= 2 {
				cancel()
			}
		},
	})
	require.NoError(t, err)
	require.True(t, r.Interrupted)
	require.LessOrEqual(t, r.Final, r.Initial)
	require.Len(t, r.Output[0], 500)
}

func TestInterruptedSpectraAreSaid(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	target, dry := make([]float64, 6000), make([]float64, 6000)
	for n := range dry {
		target[n], dry[n] = rng.NormFloat64()/5, rng.NormFloat64()/5
	}
	g := load(t, `{"name": "dry", "type": "InputNode"}, {"name": "amp", "type": "GainNode", "params": {"gain": {"value": 0.001, "learn": true}}}`,
		`{"source": "dry", "target": "amp"}`)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	last := -1
	r, err := optim.Fit(ctx, g, optim.FitOptions{Target: [][]float64{target}, Input: [][]float64{dry}, Rate: rate, Progress: func(p optim.Progress) {
		if !p.Searching && p.Step < last { // the second begins to count anew
			cancel()
		}
		last = max(last, p.Step)
	}})
	require.NoError(t, err)
	require.Equal(t, "esr", r.LossName)
	require.Error(t, ctx.Err(), "the second descent was not reached")
	require.True(t, r.Interrupted)
}

func TestFitEndsWithinAJacobian(t *testing.T) {
	const gains = 60
	nodes, edges, before := dry, "", "dry"
	for i := range gains {
		name := fmt.Sprintf("g%d", i)
		nodes += fmt.Sprintf(`,{"name": "%s", "type": "GainNode", "params": {"gain": {"value": 1.01, "learn": true}}}`, name)
		if i > 0 {
			edges += ","
		}
		edges += fmt.Sprintf(`{"source": "%s", "target": "%s"}`, before, name)
		before = name
	}
	in := [][]float64{noise(3, 2000, 0.3)}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := optim.Fit(ctx, load(t, nodes, edges), optim.FitOptions{Target: in, Input: in, Rate: rate, Progress: func(p optim.Progress) { cancel() }})
	require.NoError(t, err)
	require.True(t, r.Interrupted)
	require.LessOrEqual(t, r.Final, r.Initial)
	for _, p := range r.Params {
		require.NotContains(t, p.Notes, "at its bound")
	}
}

func TestErrorBarsKeepTheTimeLimit(t *testing.T) {
	g := load(t, dry+`,{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 900, "learn": true}}}`, `{"source": "dry", "target": "lp"}`)
	in := [][]float64{noise(18, 4000, 0.3)}
	o := optim.FitOptions{Target: render(t, g, 4000, in), Input: in, Rate: rate}
	hurried, err := optim.Fit(soon{context.Background()}, g, o)
	require.NoError(t, err)
	require.True(t, math.IsNaN(param(t, hurried, "lp", "cutoff_hz").StdErr[0]))
	require.Contains(t, strings.Join(hurried.Notes, "\n"), "no error bars: the time was over")
	free, err := optim.Fit(context.Background(), g, o)
	require.NoError(t, err)
	require.False(t, math.IsNaN(param(t, free, "lp", "cutoff_hz").StdErr[0]))
	require.Equal(t, free.Final, hurried.Final)
}

func TestFitEndsWithinAnEvaluation(t *testing.T) {
	nodes := func(cutoff int) string {
		return dry + fmt.Sprintf(`,{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %d, "learn": true}}}`, cutoff)
	}
	edges := `{"source": "dry", "target": "lp"}`
	in := [][]float64{noise(18, 20000, 0.3)}
	target := render(t, load(t, nodes(1500), edges), 20000, in)
	for _, optimizer := range []string{"auto", "lm", "adam", "lbfgs", "neldermead"} {
		for _, at := range []int{1, 5, 30, 60, 100} { // some twenty to an evaluation
			ctx := &counted{Context: context.Background(), left: at}
			r, err := optim.Fit(ctx, load(t, nodes(500), edges), optim.FitOptions{Target: target, Input: in, Rate: rate, Optimizer: optimizer})
			require.NoError(t, err)
			require.True(t, r.Interrupted, optimizer)
			require.LessOrEqual(t, r.Final, r.Initial, optimizer)
			require.Len(t, r.Output[0], 20000)
			for _, s := range r.History {
				require.False(t, math.IsInf(s.Loss, 0), optimizer)
			}
		}
	}
}

// counted is a context that ends when it was asked so often.
type counted struct {
	context.Context
	left int
}

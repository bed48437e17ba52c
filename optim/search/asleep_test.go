package search

import (
	"context"
	"fmt"
	"math"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/nodes"
	"ampfit/optim/method"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

// problemOf is the error of a node's output from the dry signal against that
// of the same node with other settings.
func problemOf(t *testing.T, node, start, truth string, x []float64, rate float64) *problem.Problem {
	t.Helper()
	at := func(params string) *graph.Graph {
		g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %g, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "x", "type": %q, "params": {%s}}],
			"edges": [{"source": "dry", "target": "x.in"}]}`, rate, node, params)))
		require.NoError(t, err)
		return g
	}
	p, err := graph.NewPlan(at(truth), graph.Options{Frames: len(x), Channels: 1})
	require.NoError(t, err)
	r := run.New(p, run.Options{})
	r.Input = [][]float64{x}
	f, err := problem.New(at(start), problem.Options{Target: r.Render(false), Run: adjoint.Options{Input: [][]float64{x}, Rate: rate}})
	require.NoError(t, err)
	return f
}

// A limiter whose ceiling lies above all peaks has no slope by it, and at the
// best gain nothing is lower next to it: the look along the ceiling finds where
// it acts.
func TestAsleepFindsTheCeiling(t *testing.T) {
	const rate = 16000
	x := make([]float64, 6000)
	for n := range x {
		x[n] = 0.5 * math.Sin(float64(n*n)*1e-4) * math.Exp(-float64(n%1500)/400)
	}
	o := problemOf(t, "LimiterNode", `"attack_ms": {"value": 0, "learn": false}, "ceiling_db": {"value": -1, "learn": true}, "release_ms": {"value": 100, "learn": true}, "makeup_db": {"value": 0, "learn": true}`,
		`"ceiling_db": -17, "release_ms": 30, "makeup_db": 8`, x, rate)
	at := o.Start()
	f, err := method.Levenberg(context.Background(), o, at, method.Settings{})
	require.NoError(t, err)
	require.Greater(t, f, 1e-3, "the descent alone ends asleep")
	s := New(o, false).newState(at, f, method.Settings{})
	require.NoError(t, s.runGroup(context.Background(), []*Stage{asleep}))
	require.Less(t, s.F, 1e-9)
}

// A search that has used up its evaluations looks no further.
func TestAsleepIsNotForTheSpent(t *testing.T) {
	o := problemOf(t, "LimiterNode", `"ceiling_db": {"value": -1, "learn": true}, "makeup_db": {"value": 0, "learn": true}`,
		`"ceiling_db": -17, "makeup_db": 8`, hissOf(2000), 16000)
	at := o.Start()
	s := New(o, false).newState(at, o.Evaluate(nil, at), method.Settings{})
	o.Calls = 4*Budget(o) + 1
	before := o.Calls
	_, err := asleep.Propose(context.Background(), s)
	require.NoError(t, err)
	require.LessOrEqual(t, o.Calls-before, 2*len(at)+1, "more than the curvature was evaluated")
}

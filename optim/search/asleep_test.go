package search

import (
	"context"
	"fmt"
	"math"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"

	"ampfit/optim/method"
	"github.com/stretchr/testify/require"
)

// objectiveOf is the error of a node's output from the dry signal against that
// of the same node with other settings.
func objectiveOf(t *testing.T, node, start, truth string, x []float64, rate float64) *GraphObjective {
	t.Helper()
	at := func(params string) *graph.Graph {
		g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %g, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "x", "type": %q, "params": {%s}}],
			"edges": [{"source": "dry", "target": "x.in"}]}`, rate, node, params)))
		require.NoError(t, err)
		return g
	}
	p, err := graph.NewPlan(at(truth), graph.Options{Frames: len(x), Channels: 1})
	require.NoError(t, err)
	r := graph.NewRun(p, graph.RunOptions{})
	r.Input = [][]float64{x}
	f, err := newFit(at(start), FitOptions{Target: r.Render(false), Input: [][]float64{x}, Rate: rate})
	require.NoError(t, err)
	return f.objective
}

// A limiter whose ceiling lies above all peaks has no slope by it, and at the
// best gain nothing is lower next to it: the look along the ceiling finds where
// it acts.
func TestWakeFindsTheCeiling(t *testing.T) {
	const rate = 16000
	x := make([]float64, 6000)
	for n := range x {
		x[n] = 0.5 * math.Sin(float64(n*n)*1e-4) * math.Exp(-float64(n%1500)/400)
	}
	o := objectiveOf(t, "LimiterNode", `"attack_ms": {"value": 0, "learn": false}, "ceiling_db": {"value": -1, "learn": true}, "release_ms": {"value": 100, "learn": true}, "makeup_db": {"value": 0, "learn": true}`,
		`"ceiling_db": -17, "release_ms": 30, "makeup_db": 8`, x, rate)
	at := o.Start()
	a := &searcher{o: o, local: method.Levenberg, done: waveformDone}
	f, err := method.Levenberg(context.Background(), o, at, method.Settings{})
	require.NoError(t, err)
	require.Greater(t, f, 1e-3, "the descent alone ends asleep")
	f, err = a.wake(context.Background(), at, f)
	require.NoError(t, err)
	require.Less(t, f, 1e-9)
}

// The map to a range of 0 to 1000 is stretched around a start of 1: two of its
// plain units are 8 % of a value near 0, and a step may be more.
func TestStepsInAVastRange(t *testing.T) {
	q := &graph.Param{Param: abi.Param{Min: 0, Max: 1000, Scale: abi.Linear}}
	v, err := newVariable(&adjoint.Param{Name: "attack_ms", Spec: q, Values: []float64{1}}, 0)
	require.NoError(t, err)
	o := &GraphObjective{Variables: []Variable{v}}
	var limit [1]float64
	u := v.Unbounded(1)
	o.StepLimits(limit[:], []float64{u})
	after, _ := v.Value(u - limit[0])
	require.InEpsilon(t, math.Exp(-2), after, 0.01)
}

// A search that has used up its evaluations looks no further.
func TestWakeIsNotForTheSpent(t *testing.T) {
	o := objectiveOf(t, "LimiterNode", `"ceiling_db": {"value": -1, "learn": true}, "makeup_db": {"value": 0, "learn": true}`,
		`"ceiling_db": -17, "makeup_db": 8`, hissOf(2000), 16000)
	at := o.Start()
	a := &searcher{o: o, local: method.Levenberg, done: waveformDone}
	f := o.Evaluate(nil, at)
	o.Calls = 4*o.Budget() + 1
	before := o.Calls
	_, err := a.wake(context.Background(), at, f)
	require.NoError(t, err)
	require.LessOrEqual(t, o.Calls-before, 2*len(at)+1, "more than the curvature was evaluated")
}

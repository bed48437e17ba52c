package search

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim/method"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

func hissOf(frames int) []float64 {
	rng := rand.New(rand.NewPCG(21, 22))
	x := make([]float64, frames)
	for n := range x {
		x[n] = 0.2 * rng.NormFloat64()
	}
	return x
}

// A point means the same at another rate, though ranges that end at a part of
// the rate differ.
func TestCarryKeepsValues(t *testing.T) {
	o := problemOf(t, "PhaserNode", "", `"center_hz": 700`, hissOf(9000), 44100)
	low, err := o.AtRate(2)
	require.NoError(t, err)
	require.Equal(t, 22050.0, low.Model.Plan.Rate)
	x := o.Start()
	i := o.Index(movements(o)[0].centre)
	require.NotEqual(t, o.Variables[i].Hi, low.Variables[i].Hi)
	x[i] = o.Variables[i].Unbounded(1234)
	p := o.Carry(low, x)
	for k := range p {
		want, _ := o.Variables[k].Value(x[k])
		got, _ := low.Variables[k].Value(p[k])
		require.InDelta(t, want, got, 1e-9*math.Max(1, math.Abs(want)), o.Variables[k].Name())
	}
	_, err = o.AtRate(32)
	require.ErrorContains(t, err, "too few")
}

// bestWave descends from the best waves of a movement.
func bestWave(t *testing.T, o *problem.Problem, m *movement, keep int) ([]float64, float64) {
	t.Helper()
	starts, err := waveStarts(context.Background(), o, m, o.Start())
	require.NoError(t, err)
	require.NotEmpty(t, starts)
	low := Start{F: math.Inf(1)}
	for _, c := range lowest(starts, keep) {
		f, err := method.Levenberg(context.Background(), o, c.X, method.Settings{Steps: 25})
		require.NoError(t, err)
		if f < low.F {
			low = Start{X: c.X, F: f}
		}
		if f < waveformDone {
			break
		}
	}
	return low.X, low.F
}

// The corners of a phaser at rest show its wave, an octave and more off the
// defaults, where a descent alone ends elsewhere.
func TestWavesOfAPhaser(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	truth := `"rate_hz": 1.7, "depth_oct": 1.4, "center_hz": 2100, "feedback": 0.4, "mix": 0.45, "phase": 0.7`
	o := problemOf(t, "PhaserNode", "", truth, hissOf(20000), 22050)
	ms := movements(o)
	require.Len(t, ms, 1)
	require.True(t, ms[0].octaves)
	alone := o.Start()
	f, err := method.Levenberg(context.Background(), o, alone, method.Settings{})
	require.NoError(t, err)
	require.Greater(t, f, 1e-2)
	x, f := bestWave(t, o, ms[0], 8)
	require.Less(t, f, waveformDone)
	centre, _ := o.Variables[o.Index(ms[0].centre)].Value(x[o.Index(ms[0].centre)])
	require.InEpsilon(t, 2100, centre, 1e-3)
}

// An LFO that moves a delay along an edge with a scale is its wave.
func TestDelaysFindTheLFOOfADelay(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds")
	}
	const rate = 16000
	at := func(lfo, delay string) *graph.Graph {
		g, err := graph.Parse("", []byte(`{"sample_rate": 16000, "nodes": [{"name": "dry", "type": "InputNode"},
			{"name": "m", "type": "LFONode", "params": {`+lfo+`}}, {"name": "x", "type": "DelayNode", "config": {"max_ms": 30}, "params": {`+delay+`}}],
			"edges": [{"source": "dry", "target": "x.in"}, {"source": "m", "target": "x.time_ms", "scale": 0.5}], "output": "x"}`))
		require.NoError(t, err)
		return g
	}
	in := [][]float64{hissOf(12000)}
	p, err := graph.NewPlan(at(`"rate_hz": 2.9, "depth": 3, "phase": 0.4`, `"time_ms": 17, "mix": 0.6`), graph.Options{Frames: 12000, Channels: 1})
	require.NoError(t, err)
	r := run.New(p, run.Options{})
	r.Input = in
	o, err := problem.New(at("", `"time_ms": 8, "mix": 0.5`), problem.Options{Target: r.Render(false), Run: adjoint.Options{Input: in, Rate: rate}})
	require.NoError(t, err)
	ms := movements(o)
	require.Len(t, ms, 1)
	require.Equal(t, 0.5, ms[0].scale)
	require.Equal(t, "m", ms[0].depth.Node)
	x := o.Start()
	s := New(o, false).newState(x, o.Evaluate(nil, x), method.Settings{})
	require.NoError(t, s.runGroup(context.Background(), []*Stage{movedDelays}))
	require.Less(t, s.F, waveformDone)
	x = s.X
	depth, _ := o.Variables[o.Index(ms[0].depth)].Value(x[o.Index(ms[0].depth)])
	require.InEpsilon(t, 3, math.Abs(depth), 1e-3)
}

// Where a moving delay may lie anywhere in a long range, the grid narrows to
// where it is, and holds all of its movement.
func TestNarrowedGridHoldsTheDelay(t *testing.T) {
	for _, centre := range []float64{12, 31, 44} {
		o := problemOf(t, "ChorusNode", "", fmt.Sprintf(`"rate_hz": 1.3, "depth_ms": 2, "mix": 0.5, "delay_ms": %g`, centre), hissOf(6000), 16000)
		m := movements(o)[0]
		first, step, n := m.span(o)
		require.Greater(t, n, 4*wideSpan)
		first, n = narrowed(o, o.Start(), m, first, step, n)
		require.LessOrEqual(t, n, 2*wideSpan)
		require.Less(t, first, centre-2)
		require.Greater(t, first+float64(n)*step, centre+2)
	}
}

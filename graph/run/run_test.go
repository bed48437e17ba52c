package run_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/internal/graphtest" // LookaheadNode
	_ "ampfit/nodes"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// plan parses and plans a graph of nodes and edges at 48 kHz.
func plan(t testing.TB, nodes, edges string, o graph.Options) *graph.Plan {
	t.Helper()
	p, err := tryPlan(nodes, edges, o)
	require.NoError(t, err)
	return p
}

func tryPlan(nodes, edges string, o graph.Options) (*graph.Plan, error) {
	g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": 48000, "nodes": [%s], "edges": [%s]}`, nodes, edges)))
	if err != nil {
		return nil, err
	}
	if o.Frames == 0 {
		o.Frames = 100
	}
	return graph.NewPlan(g, o)
}

// render plays a signal through a graph, latency and all.
func render(t testing.TB, nodes, edges string, in ...[]float64) [][]float64 {
	t.Helper()
	p := plan(t, nodes, edges, graph.Options{Frames: len(in[0]), Channels: len(in)})
	r := run.New(p, run.Options{})
	r.Input = in
	return r.Render(true)
}

// ramp is 1, 2, 3, …: every frame tells its number.
func ramp(frames int) []float64 {
	x := make([]float64, frames)
	for n := range x {
		x[n] = float64(n + 1)
	}
	return x
}

func noise(seed uint64, frames int) []float64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	x := make([]float64, frames)
	for n := range x {
		x[n] = rng.NormFloat64()
	}
	return x
}

// Which edge closes a loop was read off the order of rendering, which follows
// the block: so did the latency that is cut off.
func TestLatencyOfLoopForEveryBlock(t *testing.T) {
	nodes := `{"name": "dry", "type": "InputNode"}, {"name": "a", "type": "LookaheadNode", "gather": "sum"},
		{"name": "b", "type": "LookaheadNode"}, {"name": "out", "type": "GainNode"}`
	edges := `{"source": "dry", "target": "a"}, {"source": "a", "target": "b", "delay_frames": 20},
		{"source": "b", "target": "a", "delay_frames": 3}, {"source": "b", "target": "out"}`
	want := plan(t, nodes, edges, graph.Options{Settings: graph.Settings{Block: 1}}).Latency
	for _, block := range []int{2, 3, 4, 10, 20, 21, 100} {
		require.Equal(t, want, plan(t, nodes, edges, graph.Options{Settings: graph.Settings{Block: block}}).Latency, "block %d", block)
	}
}

// Frames that are rendered and cut off count as well: a delay line that was as
// long as the run without them forgot its first frames.
func TestDelayReachesIntoTheLatencyThatIsCut(t *testing.T) {
	const frames = 140
	nodes := `{"name": "dry", "type": "InputNode"},
		{"name": "late", "type": "DelayNode", "oversample_ratio": 4, "params": {"time_ms": 3.125}}` // 150 frames
	in := noise(1, 2*frames)
	var out [][]float64
	for _, block := range []int{1000, 100, 1} {
		r := run.New(plan(t, nodes, `{"source": "dry", "target": "late"}`, graph.Options{Frames: frames, Settings: graph.Settings{Block: block}}), run.Options{})
		r.Input = [][]float64{in}
		y := r.Render(false)
		if out == nil {
			out = y
		}
		require.Equal(t, out, y, "block %d", block)
	}
}

func itoa(n int) string { return fmt.Sprint(n) }

// A delay of 1e9 frames took 8 GB of history for a run of 100.
func TestDelayLongerThanTheRun(t *testing.T) {
	nodes := `{"name": "x", "type": "InputNode"}, {"name": "early", "type": "GainNode", "oversample_ratio": 2, "params": {"gain": 0.7}},
		{"name": "y", "type": "GainNode", "gather": "sum"}`
	render := func(delay int) [][]float64 {
		edges := fmt.Sprintf(`{"source": "x", "target": "early"}, {"source": "early", "target": "y", "delay_frames": %d},
			{"source": "x", "target": "y", "delay_frames": 2}, {"source": "x", "target": "y.gain", "delay_frames": %d}`, delay, delay)
		p := plan(t, nodes, edges, graph.Options{Frames: 100, Channels: 1})
		require.Less(t, run.Costs(p).Cost(100).History, 400)
		r := run.New(p, run.Options{CheckReads: true, Limits: tape.Limits{Segment: 1}})
		r.Input = [][]float64{noise(1, 100)}
		return r.Render(false)
	}
	want := render(300)
	require.NotZero(t, want[0][5])
	require.Equal(t, want, render(1e9))
}

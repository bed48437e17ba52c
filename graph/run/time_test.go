package run_test

import (
	"math"
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/resample"

	"github.com/stretchr/testify/require"
)

const (
	dry  = `{"name": "dry", "type": "InputNode"}`
	gain = `{"name": "a", "type": "GainNode"}`
)

// delayed is x seen so many frames later, zero before.
func delayed(x []float64, frames int) []float64 {
	y := make([]float64, len(x))
	copy(y[min(frames, len(y)):], x)
	return y
}

func TestFrameIsSeenAfterTheDelayOfItsEdge(t *testing.T) {
	x := ramp(50)
	for _, r := range []int{0, 1, 17, 49, 50, 51, 5000} {
		y := render(t, dry+","+gain, edge("dry", "a", r), x)
		require.Equal(t, delayed(x, r), y[0], "delay_frames %d", r)
	}
}

func edge(from, to string, delay int) string {
	return `{"source": "` + from + `", "target": "` + to + `", "delay_frames": ` + itoa(delay) + `}`
}

// declared_delay is the whole latency: the runtime waits for what the node's
// own row is not late by.
func TestDeclaredDelayIsPadded(t *testing.T) {
	x := ramp(60)
	late := func(declared string) string {
		return dry + `,{"name": "l", "type": "LookaheadNode", "config": {"frames": 7}` + declared + `},` + gain
	}
	edges := edge("dry", "l", 0) + "," + edge("l", "a", 2)
	for declared, want := range map[string]int{"": 9, `, "declared_delay": 7`: 9, `, "declared_delay": 20`: 22} {
		require.Equal(t, delayed(x, want), render(t, late(declared), edges, x)[0], declared)
	}
	// A node without delay of its own, too.
	require.Equal(t, delayed(x, 5), render(t, dry+`,{"name": "b", "type": "GainNode", "declared_delay": 5},`+gain, edge("dry", "b", 0)+","+edge("b", "a", 0), x)[0])

	_, err := tryPlan(late(`, "declared_delay": 6`), edges, graph.Options{})
	require.ErrorContains(t, err, `nodes[1].declared_delay: l needs 7 frames of its own, more than the 6 declared; declare at least 7 or leave the key out`)
	_, err = tryPlan(dry+`,{"name": "a", "type": "GainNode", "oversample_ratio": 2, "declared_delay": 63}`, edge("dry", "a", 0), graph.Options{})
	require.ErrorContains(t, err, `a needs 64 frames of its own (0 for its kernel, the rest for the filters of 2 times oversampling), more than the 63 declared`)
}

// The largest block is the largest b such that the edges with R < b form no
// cycle: in a loop with one delayed edge that delay; in one with two, the
// larger; the smallest of several loops.
func TestBlockOfLoop(t *testing.T) {
	node := func(name string) string { return `{"name": "` + name + `", "type": "GainNode", "gather": "sum"}` }
	for _, tc := range []struct {
		name, edges string
		want        int
	}{
		{"one frame", edge("a", "b", 0) + "," + edge("b", "a", 1), 1},
		{"one delayed edge", edge("a", "b", 0) + "," + edge("b", "a", 37), 37},
		{"two delayed edges", edge("a", "b", 20) + "," + edge("b", "a", 37), 37},
		{"two loops", edge("a", "b", 0) + "," + edge("b", "a", 37) + "," + edge("b", "b", 5), 5},
		{"two ways around", edge("a", "b", 3) + "," + edge("b", "a", 37) + "," + edge("b", "c", 0) + "," + edge("c", "a", 10), 10},
		{"longer than a block", edge("a", "b", 0) + "," + edge("b", "a", 900), 256},
		{"on itself", edge("a", "b", 0) + "," + edge("b", "b", 12), 12},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := plan(t, dry+","+node("a")+","+node("b")+","+node("c")+`,{"name": "out", "type": "GainNode"}`,
				edge("dry", "a", 0)+","+tc.edges+","+edge("b", "out", 0)+","+edge("c", "out", 0), graph.Options{Settings: graph.Settings{Block: 256}})
			require.Equal(t, tc.want, p.Unit("b").Component.Block)
			require.True(t, p.Unit("b").Component.Loop)
			require.False(t, p.Unit("out").Component.Loop)
			require.Equal(t, 256, p.Unit("dry").Component.Block)
		})
	}
}

func TestCycleWithoutLatencyIsNamed(t *testing.T) {
	nodes := dry + `,{"name": "comb", "type": "GainNode", "gather": "sum"},{"name": "lp", "type": "OnePoleNode"},{"name": "k", "type": "LookaheadNode"},{"name": "out", "type": "GainNode"}`
	_, err := tryPlan(nodes, edge("dry", "comb", 0)+","+edge("comb", "lp", 0)+","+edge("lp", "k", 0)+","+edge("k", "comb", 0), graph.Options{})
	require.ErrorContains(t, err, `edges[3]: comb → lp → k → comb has no latency, so frame n would need itself; give one edge "delay_frames": 1 or more`)

	// A modulation edge closes a loop like any other, and two loops are two faults.
	_, err = tryPlan(nodes, `{"source": "lp", "target": "lp.cutoff_hz"},`+edge("comb", "comb", 0)+","+edge("dry", "lp", 0)+","+edge("lp", "k", 0)+","+edge("k", "out", 0), graph.Options{})
	require.ErrorContains(t, err, `edges[0]: lp → lp has no latency`)
	require.ErrorContains(t, err, `edges[1]: comb → comb has no latency`)

	// A declared delay, or the padding of a gate, is latency enough.
	plan(t, `{"name": "a", "type": "GainNode", "gather": "sum", "declared_delay": 3},{"name": "out", "type": "GainNode"}`, edge("a", "a", 0)+","+edge("a", "out", 0), graph.Options{})
}

// padding returns the gate padding of each edge.
func padding(p *graph.Plan) []int {
	pad := make([]int, len(p.Graph.Edges))
	for _, l := range p.Links {
		if l.Edge != nil {
			pad[l.Edge.Index] = l.Padding
		}
	}
	return pad
}

func gated(from, to string, delay int, gates string) string {
	return `{"source": "` + from + `", "target": "` + to + `", "delay_frames": ` + itoa(delay) + `, "synchrony_gates": [` + gates + `]}`
}

func TestGatesAlign(t *testing.T) {
	nodes := dry + `,{"name": "l", "type": "LookaheadNode", "config": {"frames": 7}},{"name": "b", "type": "GainNode", "declared_delay": 3},
		{"name": "c", "type": "GainNode"},{"name": "sum", "type": "GainNode", "gather": "sum"}`
	fan := edge("dry", "l", 0) + "," + edge("dry", "b", 0) + "," + edge("dry", "c", 4) + ","
	for _, tc := range []struct {
		name, edges string
		want        []int
	}{
		// A + L: l brings 7, b 3, c 4.
		{"to the latest", fan + gated("l", "sum", 0, "1") + "," + gated("b", "sum", 0, "1") + "," + gated("c", "sum", 0, "1"), []int{0, 0, 0, 0, 4, 3}},
		{"delays count", fan + gated("l", "sum", 0, "1") + "," + gated("b", "sum", 10, "1") + "," + gated("c", "sum", 0, "1"), []int{0, 0, 0, 6, 0, 9}},
		{"two gates", fan + gated("l", "sum", 0, "1") + "," + gated("b", "sum", 0, "1") + "," + gated("c", "sum", 0, "2"), []int{0, 0, 0, 0, 4, 0}},
		{"gates that share an edge are one", fan + gated("l", "sum", 0, "1") + "," + gated("b", "sum", 0, "1, 2") + "," + gated("c", "sum", 0, "2"), []int{0, 0, 0, 0, 4, 3}},
		// The first gate makes c as late as l; the second sees 7 there.
		{"one after the other", edge("dry", "l", 0) + "," + gated("dry", "c", 0, "1") + "," + gated("l", "b", 0, "1") + "," + gated("b", "sum", 0, "2") + "," + gated("c", "sum", 0, "2"), []int{0, 7, 0, 0, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := plan(t, nodes, tc.edges, graph.Options{})
			require.Equal(t, tc.want, padding(p))
		})
	}
	y := render(t, nodes, fan+gated("l", "sum", 0, "1")+","+gated("b", "sum", 0, "1")+","+gated("c", "sum", 0, "1"), ramp(40))
	want := delayed(ramp(40), 7)
	for n := range want {
		want[n] *= 3
	}
	require.Equal(t, want, y[0], "all three arrive together")
}

// The filters of an oversampled node make the slowest path; both paths then
// carry the same signal, and their difference is the filters' ripple.
func TestGateWaitsForOversampledNode(t *testing.T) {
	p := plan(t, dry+`,{"name": "up", "type": "GainNode", "oversample_ratio": 4},{"name": "inv", "type": "GainNode", "params": {"gain": -1}},
		{"name": "sum", "type": "GainNode", "gather": "sum"}`,
		edge("dry", "up", 0)+","+edge("dry", "inv", 0)+","+gated("up", "sum", 0, "1")+","+gated("inv", "sum", 0, "1"), graph.Options{Frames: 400})
	require.Equal(t, []int{0, 0, 0, 64}, padding(p))
	require.Equal(t, 64, p.Latency)
	r := run.New(p, run.Options{})
	x := make([]float64, 400)
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * 997 / 48000 * float64(n))
	}
	r.Input = [][]float64{x}
	for n, y := range r.Render(true)[0][200:] {
		require.InDelta(t, 0, y, 3e-3, "frame %d", 200+n) // 0.01 dB twice
	}
}

// In a loop a gate aligns the L of the edges there, which lengthens the loop;
// they do not count for what is outside.
func TestGateInsideFeedback(t *testing.T) {
	nodes := dry + `,{"name": "l", "type": "LookaheadNode", "config": {"frames": 7}},{"name": "a", "type": "GainNode", "gather": "sum"},{"name": "out", "type": "GainNode", "gather": "sum"}`
	p := plan(t, nodes, edge("dry", "a", 0)+","+edge("a", "l", 0)+","+gated("l", "a", 1, "1")+","+gated("a", "a", 2, "1")+","+gated("a", "out", 0, "1")+","+gated("dry", "out", 0, "1"), graph.Options{})
	// L of l → a is 8, of a → a 2. Outside, a and dry arrive at 0.
	require.Equal(t, []int{0, 0, 0, 6, 0, 0}, padding(p))
}

func TestGatesInSeriesAreRefused(t *testing.T) {
	nodes := dry + "," + gain + `,{"name": "b", "type": "GainNode"}`
	_, err := tryPlan(nodes, gated("dry", "a", 0, "1")+","+gated("a", "b", 0, "1"), graph.Options{})
	require.ErrorContains(t, err, "the synchrony gate of this edge also holds an edge further up or down the same path")
	_, err = tryPlan(nodes+`,{"name": "c", "type": "GainNode", "gather": "sum"}`,
		gated("dry", "a", 0, "1")+","+gated("a", "c", 0, "2")+","+gated("dry", "b", 0, "2")+","+gated("b", "c", 0, "1"), graph.Options{})
	require.ErrorContains(t, err, "edges in series cannot cross together", "gates that wait for each other")
}

// What the graph is late without meaning it is cut off; declared padding and
// delays of edges are meant.
func TestOwnLatencyIsCut(t *testing.T) {
	nodes := dry + `,{"name": "l", "type": "LookaheadNode", "config": {"frames": 7}, "declared_delay": 10},` + gain
	p := plan(t, nodes, edge("dry", "l", 0)+","+edge("l", "a", 5), graph.Options{Frames: 60})
	require.Equal(t, 7, p.Latency)
	r := run.New(p, run.Options{})
	x := ramp(100)
	r.Input = [][]float64{x}
	require.Equal(t, delayed(x[:60], 8), r.Render(false)[0])
	require.Equal(t, delayed(x[:60], 15), r.Render(true)[0])
}

func TestLatencyIsThatOfTheLongestPath(t *testing.T) {
	late := func(name string, frames int) string {
		return `{"name": "` + name + `", "type": "LookaheadNode", "gather": "sum", "config": {"frames": ` + itoa(frames) + `}}`
	}
	nodes := dry + "," + late("a", 3) + "," + late("b", 50) + "," + late("c", 4)
	p := plan(t, nodes, edge("dry", "a", 0)+","+edge("dry", "b", 0)+","+edge("a", "c", 0)+","+edge("b", "c", 0), graph.Options{})
	require.Equal(t, 54, p.Latency)
	// A modulator is on a path to the output like any input.
	p = plan(t, nodes+","+`{"name": "vca", "type": "GainNode", "oversample_ratio": 2}`, edge("dry", "a", 0)+","+edge("dry", "b", 0)+","+edge("a", "c", 0)+","+edge("c", "vca", 0)+`,{"source": "b", "target": "vca.gain"}`, graph.Options{})
	require.Equal(t, 50+64, p.Latency)
}

// A kernel's delay that is no whole number of frames is waited out: the output
// is the input, late by whole frames.
func TestOversampledDelayIsRoundedUpToFrames(t *testing.T) {
	x := make([]float64, 400)
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * 997 / 48000 * float64(n))
	}
	for frames, want := range map[int]int{0: 0, 1: 1, 3: 1, 4: 1, 5: 2, 8: 2} {
		p := plan(t, dry+`,{"name": "l", "type": "LookaheadNode", "config": {"frames": `+itoa(frames)+`}, "oversample_ratio": 4}`, edge("dry", "l", 0), graph.Options{Frames: 400})
		late := 2*resample.Standard.Delay() + want
		require.Equal(t, late, p.Latency)
		r := run.New(p, run.Options{})
		r.Input = [][]float64{x}
		y := r.Render(true)[0]
		for n := 300; n < 400; n++ {
			require.InDelta(t, x[n-late], y[n], 3e-3, "%d frames, frame %d", frames, n) // 0.01 dB twice
		}
	}
}

package cnode_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

// blocks are options of a run in blocks of 100 frames.
func blocks(x []float64) adjoint.Options {
	return adjoint.Options{Rate: 48000, Input: [][]float64{x}, Options: run.Options{Heat: true, Settings: graph.Settings{Block: 100}}}
}

// ones is a loss whose gradient by every sample is 1.
var ones = adjoint.LossFunc(func(grad, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v
		if grad != nil {
			grad[i] = 1
		}
	}
	return sum
})

// What a library measures of its delay is the node's: gates wait for it, the
// graph's latency is it, and gradients come in time.
func TestDelayOfLibrary(t *testing.T) { eachWay(t, delayOfLibrary) }

func delayOfLibrary(t *testing.T) {
	dir := build(t, "testdata/measures.c")
	g, err := parse(t, dir, `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "late", "type": "Late", "library": "measures.so", "supports_v2": true},
	  {"name": "dry", "type": "GainNode", "params": {"gain": -1}}, {"name": "mix", "type": "MixNode", "gather": "sum"}],
	  "edges": [{"source": "in", "target": "late"}, {"source": "in", "target": "dry"},
	    {"source": "late", "target": "mix", "synchrony_gate_id": 1}, {"source": "dry", "target": "mix", "synchrony_gate_id": 1}]}`)
	require.NoError(t, err)
	x := noise(1000)
	m, err := adjoint.NewModel(g, blocks(x))
	require.NoError(t, err)
	require.Equal(t, 5, m.Plan.Latency)
	require.Equal(t, 5, m.Plan.Unit("late").Out[0].Measured)
	m.Forward()
	for n, y := range m.Output { // the gate holds the dry signal back as long
		require.Zero(t, y, "frame %d", n)
	}
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: blocks(x)})
	require.NoError(t, err)
	require.True(t, report.OK, "%+v", report)

	g, err = parse(t, dir, odd("measures.so", "Drift", "{}"))
	require.NoError(t, err)
	m, err = adjoint.NewModel(g, blocks(x))
	require.NoError(t, err)
	require.ErrorContains(t, faultOf(t, m.Forward), "the forward call says that the node is 1 frames late; it was 0 when the graph was planned")
}

// Heat that a library counts is the node's, however the run is cut; heat that it
// does not count is measured at its ports.
func TestHeatOfLibrary(t *testing.T) { eachWay(t, heatOfLibrary) }

func heatOfLibrary(t *testing.T) {
	dir := build(t, "testdata/measures.c", nodes)
	x := noise(10000)
	g, err := parse(t, dir, odd("measures.so", "Warm", `{"thermo.heat": 7}`))
	require.NoError(t, err)
	for _, limits := range []tape.Limits{{}, {TapeMode: "segments", Segment: graph.Grid}, {TapeMode: "binomial", Segment: graph.Grid, Slots: 2}} {
		o := blocks(x)
		o.Limits = limits
		m, err := adjoint.NewModel(g, o)
		require.NoError(t, err)
		for range 2 {
			m.ValueGradient(ones)
			require.Equal(t, []float64{7 + 3*(41+41+19)}, m.Heat["odd"]) // no block crosses frame 4096 or 8192
		}
	}
	g, err = parse(t, dir, odd("measures.so", "Refuse", "{}"))
	require.NoError(t, err)
	m, err := adjoint.NewModel(g, blocks(x))
	require.NoError(t, err)
	m.Forward()
	require.Equal(t, []float64{0}, m.Heat["odd"]) // nothing is exchanged at its ports
	g, err = parse(t, dir, odd("measures.so", "Cold", "{}"))
	require.NoError(t, err)
	m, err = adjoint.NewModel(g, blocks(x))
	require.NoError(t, err)
	require.ErrorContains(t, faultOf(t, m.Forward), "the heat so far is -1 joules")
}

// A library may refuse at any call: zeros from there on, for the whole way back,
// and a report.
func TestLibraryRefuses(t *testing.T) { eachWay(t, libraryRefuses) }

func libraryRefuses(t *testing.T) {
	dir := build(t, "testdata/measures.c")
	refuse := func(params string) *adjoint.Model {
		g, err := parse(t, dir, `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "g", "type": "GainNode"},
		  {"name": "odd", "type": "Refuse", "library": "measures.so", "supports_v2": true, "params": `+params+`}],
		  "edges": [{"source": "in", "target": "g"}, {"source": "g", "target": "odd"}]}`)
		require.NoError(t, err)
		m, err := adjoint.NewModel(g, blocks(noise(500)))
		require.NoError(t, err)
		require.Empty(t, m.Unsupported)
		m.ValueGradient(ones)
		return m
	}
	zeros := func(m *adjoint.Model, says string) {
		require.Equal(t, []string{"odd"}, m.Unsupported)
		require.Equal(t, []float64{0}, m.Param("g", "gain").Grad)
		require.Equal(t, "odd", m.Param("g", "gain").Blocked)
		require.Equal(t, make([]float64, 500), m.InputGrad[0])
		require.Len(t, m.Run.Unconverged(), 1)
		require.Contains(t, m.Run.Unconverged()[0], says)
	}
	x := noise(500)
	m := refuse("{}")
	require.Empty(t, m.Unsupported)
	require.Empty(t, m.Run.Unconverged())
	require.NotZero(t, m.Param("g", "gain").Grad[0])

	m = refuse(`{"backward_call": 3}`)
	require.Equal(t, x, m.Output)
	zeros(m, "odd: it answers on the way back that it is unsupported")
	m.ValueGradient(ones) // and so it stays
	require.Equal(t, x, m.Output)
	zeros(m, "on the way back")

	m = refuse(`{"forward_call": 3}`)
	require.Equal(t, x[:200], m.Output[:200])
	require.Equal(t, make([]float64, 300), m.Output[200:])
	zeros(m, "odd: it answers that it is unsupported (AMP_E_UNSUPPORTED), so its output is silent from there on")
}

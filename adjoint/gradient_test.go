package adjoint_test

import (
	"math"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/graphtest"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

var _ = graphtest.Options{} // LookaheadNode

const loop = `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
	{"name": "sum", "type": "TanhNode", "gather": "sum", "params": {"drive": 1.5, "bias": 0.1}},
	{"name": "lp", "type": "LowpassNode", "params": {"cutoff_hz": 2000}},
	{"name": "back", "type": "GainNode", "params": {"gain": -0.4}}],
	"edges": [{"source": "dry", "target": "sum"}, {"source": "sum", "target": "lp"}, {"source": "lp", "target": "back"},
		{"source": "back", "target": "sum", "delay_frames": 3}], "output": "lp"}`

// difference is a central difference of fourth order.
func difference(f func(h float64) float64, h float64) float64 {
	return (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h)
}

func TestGradientByInput(t *testing.T) {
	g := load(t, loop)
	in := noise(3, 1, 400)
	for _, o := range []adjoint.Options{{}, {Options: run.Options{Settings: graph.Settings{Block: 64}, Limits: tape.Limits{Segment: 100}}}} {
		o.Input = in
		r, err := adjoint.Gradient(g, half, o)
		require.NoError(t, err)
		m, err := adjoint.NewModel(g, o)
		require.NoError(t, err)
		for _, n := range []int{0, 1, 57, 398, 399} {
			want := difference(func(h float64) float64 {
				moved := append([]float64(nil), in[0]...)
				moved[n] += h
				m.Run.Input = [][]float64{moved}
				return m.Value(half)
			}, 1e-3)
			require.InDelta(t, want, r.Input[0][n], 1e-9, "frame %d", n)
		}
	}
}

// The state before the first frame is reached by differences through a snapshot.
func TestGradientByInitialState(t *testing.T) {
	g := load(t, loop)
	o := adjoint.Options{Input: noise(4, 1, 300)}
	r, err := adjoint.Gradient(g, half, o)
	require.NoError(t, err)
	require.Len(t, r.State["lp"], 4)
	p, err := graph.NewPlan(g, graph.Options{Frames: 300})
	require.NoError(t, err)
	r2 := run.New(p, run.Options{})
	r2.Input = o.Input
	out := [][]float64{make([]float64, 300)}
	for i := range 4 {
		want := difference(func(h float64) float64 {
			r2.Reset()
			r2.States(p.Unit("lp"))[i] = h
			r2.Advance(300)
			r2.CopyOut(out, 0)
			return half(nil, out[0])
		}, 1e-3)
		require.InDelta(t, want, r.State["lp"][i], 1e-9, "state %d", i)
	}
}

// Two batches with values of their own are two runs.
func TestBatchesAreRunsOfTheirOwn(t *testing.T) {
	one := func(gain, cutoff string) string {
		return `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
			{"name": "eq", "type": "ParametricEQNode", "config": {"bands": 2, "high_shelf": false}, "params": {"gains_db": ` + gain + `}},
			{"name": "sum", "type": "GainNode", "gather": "sum", "params": {"gain": 0.9}},
			{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": ` + cutoff + `}}],
			"edges": [{"source": "dry", "target": "eq"}, {"source": "eq", "target": "sum"}, {"source": "sum", "target": "lp"},
				{"source": "lp", "target": "sum", "delay_frames": 4}, {"source": "dry", "target": "lp.cutoff_hz", "scale": 100}], "output": "lp"}`
	}
	o := adjoint.Options{Input: noise(5, 2, 700), Options: run.Options{Heat: true, Settings: graph.Settings{Block: 128}}}
	a, err := adjoint.Gradient(load(t, one("[3, -2]", "1000")), half, o)
	require.NoError(t, err)
	b, err := adjoint.Gradient(load(t, one("[1, 5]", "2500")), half, o)
	require.NoError(t, err)
	o.Batches = 2
	both, err := adjoint.Gradient(load(t, one("[3, -2, 1, 5]", "[1000, 2500]")), half, o)
	require.NoError(t, err)
	require.Equal(t, append(append([][]float64{}, a.Output...), b.Output...), both.Output)
	require.Equal(t, a.Value+b.Value, both.Value)
	require.Equal(t, append(append([]float64{}, a.Param("eq", "gains_db")...), b.Param("eq", "gains_db")...), both.Param("eq", "gains_db"))
	require.Equal(t, []float64{a.Param("lp", "cutoff_hz")[0], b.Param("lp", "cutoff_hz")[0]}, both.Param("lp", "cutoff_hz"))
	require.InEpsilon(t, a.Param("sum", "gain")[0]+b.Param("sum", "gain")[0], both.Param("sum", "gain")[0], 1e-13, "a value for all batches has the sum")
	for node := range both.Heat {
		require.Equal(t, []float64{a.Heat[node][0], b.Heat[node][0]}, both.Heat[node])
	}
	for c := range both.Input {
		for n := range both.Input[c] {
			require.InDelta(t, a.Input[c][n]+b.Input[c][n], both.Input[c][n], 1e-13)
		}
	}
}

// A model evaluated again gives the same bits, whatever lay between.
func TestModelTwiceGivesTheSameBits(t *testing.T) {
	g, err := graph.Load("../testdata/graphs/overdrive.json")
	require.NoError(t, err)
	for _, o := range []adjoint.Options{{}, {Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 500}}}} {
		o.Input = noise(6, 1, 2000)
		m, err := adjoint.NewModel(g, o)
		require.NoError(t, err)
		v := m.ValueGradient(half)
		out := append([]float64(nil), m.Output...)
		var grads [][]float64
		for _, p := range m.Params {
			grads = append(grads, append([]float64(nil), p.Grad...))
		}
		p := m.Param("drive", "drive")
		require.NoError(t, m.Set(p, []float64{9}))
		require.NotEqual(t, v, m.ValueGradient(half))
		m.Forward()
		require.NoError(t, m.Set(p, []float64{4}))
		require.Equal(t, v, m.ValueGradient(half))
		require.Equal(t, out, m.Output)
		for i, p := range m.Params {
			require.Equal(t, grads[i], p.Grad, "%s.%s", p.Node, p.Name)
		}
		require.Equal(t, v, m.Value(half))
	}
}

// weightedHeat compares the gradient of a loss that is heat alone.
func TestHeatGradient(t *testing.T) {
	text := `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "a", "type": "GainNode", "params": {"gain": 0.8, "thermo.heat": 0.5}},
		{"name": "late", "type": "LookaheadNode", "config": {"frames": 9}},
		{"name": "drive", "type": "TanhNode", "oversample_ratio": 2, "params": {"drive": 2}},
		{"name": "sum", "type": "OnePoleNode", "gather": "sum", "params": {"cutoff_hz": 3000}}],
		"edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "late"}, {"source": "late", "target": "drive"},
			{"source": "drive", "target": "sum"}, {"source": "sum", "target": "sum", "delay_frames": 30}], "output": "sum"}`
	g := load(t, text)
	silent := adjoint.LossFunc(func(grad, _ []float64) float64 { clear(grad); return 0 })
	for _, weights := range []map[string]float64{{"a": 1}, {"late": 3}, {"drive": 2}, {"sum": 1}, {"dry": 2}, {"a": 1, "drive": -2, "sum": 0.5}} {
		for _, o := range []adjoint.Options{{}, {Options: run.Options{Settings: graph.Settings{Block: 50}, Limits: tape.Limits{Segment: 130}}}} {
			o.Input, o.HeatWeights = noise(7, 2, 500), weights
			m, err := adjoint.NewModel(g, o)
			require.NoError(t, err)
			value := m.ValueGradient(silent)
			want := 0.0
			for node, w := range weights {
				want += w * m.Heat[node][0]
			}
			require.InEpsilon(t, want, value+1e-300, 1e-12)
			if weights["a"] != 0 {
				require.Greater(t, m.Heat["a"][0], 0.5, "the start value is part of it")
			}
			for _, p := range m.Params {
				if p.Spec == nil {
					require.Equal(t, []float64{weights[p.Node]}, p.Grad, "heat of %s by its start", p.Node)
					continue
				}
				adjointGrad := append([]float64(nil), p.Grad...)
				v := p.Values[0]
				d := difference(func(h float64) float64 {
					require.NoError(t, m.Set(p, []float64{v + h}))
					return m.Value(silent)
				}, 1e-4*math.Max(math.Abs(v), 0.1))
				require.NoError(t, m.Set(p, []float64{v}))
				require.InDelta(t, d, adjointGrad[0], 1e-6*math.Abs(d)+1e-12, "%s.%s with %v", p.Node, p.Name, weights)
			}
			// By the input, at one frame.
			m.ValueGradient(silent)
			grad := m.InputGrad[1][123]
			d := difference(func(h float64) float64 {
				moved := [][]float64{o.Input[0], append([]float64(nil), o.Input[1]...)}
				moved[1][123] += h
				m.Run.Input = moved
				return m.Value(silent)
			}, 1e-4)
			require.InDelta(t, d, grad, 1e-5*math.Abs(d)+1e-12, "by the input with %v", weights)
		}
	}
}

// Set changes the heat a node starts with, as it does any value.
func TestSetHeatStart(t *testing.T) {
	g := load(t, loop)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(1, 1, 50), Options: run.Options{Heat: true}})
	require.NoError(t, err)
	m.Forward()
	before := m.Heat["back"][0]
	require.NoError(t, m.Set(m.Param("back", graph.HeatParam), []float64{2}))
	m.Forward()
	require.InEpsilon(t, before+2, m.Heat["back"][0], 1e-14)
}

// What zeros stand behind a node that gives none, and its name is told; what
// does not pass through it keeps its gradient.
func TestSupportsV2FalseCutsOff(t *testing.T) {
	text := func(supports string) string {
		return `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "before", "type": "GainNode", "params": {"gain": 0.7}},
		{"name": "off", "type": "OnePoleNode", "supports_v2": ` + supports + `},
		{"name": "beside", "type": "GainNode", "params": {"gain": 0.6}},
		{"name": "out", "type": "GainNode", "gather": "sum"}],
		"edges": [{"source": "dry", "target": "before"}, {"source": "before", "target": "off"}, {"source": "off", "target": "out"},
			{"source": "dry", "target": "beside"}, {"source": "beside", "target": "out"}, {"source": "before", "target": "beside.gain"}]}`
	}
	o := adjoint.Options{Input: noise(2, 1, 300)}
	on, err := adjoint.Gradient(load(t, text("true")), half, o)
	require.NoError(t, err)
	off, err := adjoint.Gradient(load(t, text("false")), half, o)
	require.NoError(t, err)
	require.Equal(t, on.Output, off.Output)
	require.Empty(t, on.Unsupported)
	require.Equal(t, []string{"off"}, off.Unsupported)
	require.NotZero(t, on.Param("off", "cutoff_hz")[0])
	require.Zero(t, off.Param("off", "cutoff_hz")[0])
	require.Equal(t, on.Param("beside", "gain"), off.Param("beside", "gain"))
	require.Equal(t, on.Param("out", "gain"), off.Param("out", "gain"))
	// before reaches the output through the modulated gain still.
	require.NotZero(t, off.Param("before", "gain")[0])
	require.NotEqual(t, on.Param("before", "gain"), off.Param("before", "gain"))
	for _, p := range off.Params {
		want := ""
		if p.Node == "off" && p.Spec != nil {
			want = "off"
		}
		require.Equal(t, want, p.Blocked, "%s.%s", p.Node, p.Name)
	}
	require.NotZero(t, on.State["off"][0])
	require.Zero(t, off.State["off"][0])
}

// Outside the range of a modulated parameter the slope is 0, on the bound 1.
func TestClampStopsGradient(t *testing.T) {
	text := `{"sample_rate": 48000, "nodes": [{"name": "m", "type": "InputNode"},
		{"name": "x", "type": "ConstantNode", "params": {"value": 1}},
		{"name": "vca", "type": "GainNode", "params": {"gain": 97}}],
		"edges": [{"source": "x", "target": "vca"}, {"source": "m", "target": "vca.gain"}], "output": "vca"}`
	sum := adjoint.LossFunc(func(grad, x []float64) float64 {
		s := 0.0
		for i, v := range x {
			s += v
			grad[i] = 1
		}
		return s
	})
	r, err := adjoint.Gradient(load(t, text), sum, adjoint.Options{Input: [][]float64{{1, 2, 3, 4, 5}}})
	require.NoError(t, err)
	require.Equal(t, [][]float64{{98, 99, 100, 100, 100}}, r.Output)
	require.Equal(t, [][]float64{{1, 1, 1, 0, 0}}, r.Input)
	require.Equal(t, []float64{3}, r.Param("vca", "gain"))
}

// A producer that several readers hear gets the sum of their gradients, and one
// that many channels hear that of all channels.
func TestGatherSumsGradients(t *testing.T) {
	text := `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "stereo", "type": "ConstantNode", "config": {"channels": 2}, "params": {"value": 10}},
		{"name": "sum", "type": "GainNode", "gather": "sum", "params": {"gain": 2}}],
		"edges": [{"source": "dry", "target": "sum"}, {"source": "stereo", "target": "sum"}, {"source": "dry", "target": "sum", "delay_frames": 1}], "output": "sum"}`
	weights := []float64{1, 10, 100, 1000, 3, 30, 300, 3000} // of the output's frames
	sum := adjoint.LossFunc(func(grad, x []float64) float64 {
		s := 0.0
		for i, v := range x {
			s += weights[i] * v
			grad[i] = weights[i]
		}
		return s
	})
	r, err := adjoint.Gradient(load(t, text), sum, adjoint.Options{Input: [][]float64{{1, 2, 3, 4}}})
	require.NoError(t, err)
	require.Equal(t, [][]float64{{22, 26, 30, 34}, {22, 26, 30, 34}}, r.Output)
	// Frame n is heard at n and n+1, on both channels, twice as loud.
	require.Equal(t, [][]float64{{2 * (4 + 40), 2 * (40 + 400), 2 * (400 + 4000), 2 * 4000}}, r.Input)
	require.Equal(t, []float64{2 * 4444}, r.Param("stereo", "value"))
}

// Once a model is warm, evaluating it allocates nothing.
func TestNoAllocations(t *testing.T) {
	for _, file := range []string{"gates", "stereo", "modulated", "upsampled", "equaliser", "heat"} {
		t.Run(file, func(t *testing.T) {
			g, err := graph.Load("../testdata/graphs/" + file + ".json")
			require.NoError(t, err)
			for _, o := range []adjoint.Options{{}, {Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 400}}}, {HeatWeights: map[string]float64{"sum": 1, "pad": 1}, Options: run.Options{Heat: true}}} {
				o.Input = noise(1, 1, 2000)
				m, err := adjoint.NewModel(g, o)
				require.NoError(t, err)
				seed := func(grad, y []float64) { copy(grad, y) }
				m.ForwardBackward(seed)
				require.Zero(t, testing.AllocsPerRun(5, func() { m.ForwardBackward(seed) }), "%+v", o.Segment)
			}
		})
	}
}

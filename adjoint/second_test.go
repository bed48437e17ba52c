package adjoint_test

import (
	"path/filepath"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// cubed is a loss whose curvature is not constant: Σ y⁴/4.
type cubed struct{}

func (cubed) Evaluate(grad, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v * v * v * v / 4
		if grad != nil {
			grad[i] = v * v * v
		}
	}
	return sum
}

// curved knows its curvature as well.
type curved struct{ cubed }

func (curved) Curvature(dst, x, v []float64) {
	for i, a := range x {
		dst[i] = 3 * a * a * v[i]
	}
}

// Forward over reverse agrees with differences of gradients, through loops,
// modulation by sums and products, gathers, oversampling and every way of
// keeping the tape.
func TestHVPIsTheDifferenceOfGradients(t *testing.T) {
	graphs := map[string]string{
		"loop of one frame": `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "sum", "type": "GainNode", "gather": "sum", "params": {"gain": 0.9}},
			{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": 3000}}, {"name": "k", "type": "GainNode", "params": {"gain": -0.6}}],
			"edges": [{"source": "dry", "target": "sum"}, {"source": "sum", "target": "lp"}, {"source": "lp", "target": "k"}, {"source": "k", "target": "sum", "delay_frames": 1}], "output": "lp"}`,
		"modulation": `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": 3000}},
			{"name": "vca", "type": "GainNode", "params": {"gain": 0.7}}],
			"edges": [{"source": "dry", "target": "vca"}, {"source": "dry", "target": "lp"}, {"source": "lp", "target": "vca.gain", "mode": "multiply", "scale": 1.5, "delay_frames": 7},
			{"source": "lp", "target": "vca.gain", "scale": 0.4}, {"source": "dry", "target": "lp.cutoff_hz", "scale": 900}], "output": "vca"}`,
		"long loop and oversampling": `{"nodes": [{"name": "dry", "type": "InputNode", "config": {"channels": 2}}, {"name": "a", "type": "GainNode", "gather": "sum"},
			{"name": "b", "type": "OnePoleNode", "oversample_ratio": 2, "params": {"cutoff_hz": 5000}}, {"name": "back", "type": "GainNode", "params": {"gain": 0.5}}],
			"edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "back"}, {"source": "back", "target": "a", "delay_frames": 300}], "output": "b"}`,
	}
	for name, text := range graphs {
		t.Run(name, func(t *testing.T) {
			g := load(t, `{"sample_rate": 48000, `+text[1:])
			var whole []float64
			for _, o := range []adjoint.Options{{Options: run.Options{Limits: tape.Limits{TapeMode: "full"}}}, {Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{TapeMode: "segments", Segment: 256}}}, {Options: run.Options{Settings: graph.Settings{Block: 64}, Limits: tape.Limits{TapeMode: "binomial", Segment: 128, Slots: 2}}}} {
				o.Input = noise(3, 1, 900)
				m, err := adjoint.NewModel(g, o)
				require.NoError(t, err)
				for _, loss := range []adjoint.Loss{curved{}, cubed{}} {
					p := m.HVP(loss, all(m))
					require.Empty(t, p.Approximate)
					if loss == (curved{}) {
						require.Zero(t, p.Error)
					} else {
						require.Less(t, p.Error, 1e-7)
					}
					want := gradientDifference(m, loss, all(m), 1e-3)
					near(t, want, p.Values, 2e-6)
					if whole == nil {
						whole = p.Values
					}
					near(t, whole, p.Values, 1e-7)
				}
			}
		})
	}
}

// all is a direction of all parameters, each by a part of its value.
func all(m *adjoint.Model) adjoint.Direction {
	d := adjoint.Direction{Params: map[*adjoint.Param][]float64{}}
	for i, p := range m.Params {
		if p.Spec != nil {
			v := make([]float64, len(p.Values))
			for k, x := range p.Values {
				v[k] = (0.3 + 0.1*float64(i%4)) * x
			}
			d.Params[p] = v
		}
	}
	return d
}

// gradientDifference is the derivative of the gradient along d by central
// differences over five points.
func gradientDifference(m *adjoint.Model, l adjoint.Loss, d adjoint.Direction, h float64) []float64 {
	start := map[*adjoint.Param][]float64{}
	for p := range d.Params {
		start[p] = append([]float64(nil), p.Values...)
	}
	at := func(h float64) (g []float64) {
		for p, v := range d.Params {
			x := append([]float64(nil), start[p]...)
			for i := range x {
				x[i] += h * v[i]
			}
			if err := m.Set(p, x); err != nil {
				panic(err)
			}
		}
		m.ValueGradient(l)
		for _, p := range m.Params {
			if p.Spec != nil {
				g = append(g, p.Grad...)
			}
		}
		return g
	}
	a, b, c, e := at(h), at(-h), at(2*h), at(-2*h)
	at(0)
	for i := range a {
		a[i] = (8*(a[i]-b[i]) - (c[i] - e[i])) / (12 * h)
	}
	return a
}

func near(t *testing.T, want, got []float64, tolerance float64) {
	t.Helper()
	most := 0.0
	for _, v := range want {
		most = max(most, v, -v)
	}
	require.NotZero(t, most)
	for i, v := range want {
		require.InDelta(t, v, got[i], tolerance*max(v, -v)+1e-9*most, "value %d", i)
	}
}

// The graphs of testdata take the way of kernels, and agree with differences of
// gradients.
func TestHVPOfGraphs(t *testing.T) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(t, err)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(2, 1, 1200), Rate: 48000, Options: run.Options{Settings: graph.Settings{Block: 200}, Limits: tape.Limits{TapeMode: "segments", Segment: 500}}})
			require.NoError(t, err)
			p := m.HVP(curved{}, all(m))
			require.Empty(t, p.Approximate)
			require.Zero(t, p.Error)
			switch filepath.Base(file) {
			case "crusher.json", "clipper.json":
				return // no difference sees past the steps of a quantiser, or the corners of a clipper
			}
			near(t, gradientDifference(m, curved{}, all(m), 1e-5), p.Values, 1e-4)
		})
	}
}

// A type without kernels for it is named, and a difference of gradients stands in,
// with its error: an envelope of exponentials has an adjoint only.
func TestHVPNamesWhatHasNoKernel(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "e", "type": "ExpEnvelopeNode", "params": {"t60_s": 0.1, "attack_ms": 0.7}}, {"name": "v", "type": "GainNode", "params": {"gain": 0.5}}],
		"edges": [{"source": "e", "target": "v"}]}`)
	m, err := adjoint.NewModel(g, adjoint.Options{Frames: 500})
	require.NoError(t, err)
	p := m.HVP(curved{}, all(m))
	require.Equal(t, []string{"e"}, p.Approximate)
	require.Positive(t, p.Error)
	require.Less(t, p.Error, 1e-6)
	near(t, gradientDifference(m, curved{}, all(m), 1e-4), p.Values, 1e-5)
}

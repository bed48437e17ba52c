package adjoint_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"

	"github.com/stretchr/testify/require"
)

// load parses a graph written in a test.
func load(t testing.TB, text string) *graph.Graph {
	t.Helper()
	g, err := graph.Parse("", []byte(text))
	require.NoError(t, err)
	return g
}

// noise returns seeded noise, a slice per channel.
func noise(seed uint64, channels, frames int) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = make([]float64, frames)
		for n := range rows[c] {
			rows[c][n] = 0.5 * rng.NormFloat64()
		}
	}
	return rows
}

// half is ½ Σ x², whose gradient is x.
var half = adjoint.LossFunc(func(grad, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += v * v / 2
		if grad != nil {
			grad[i] = v
		}
	}
	return sum
})

// The gradient of ½ Σ y² by a gain g is Σ y x, for every channel of the output.
func TestStereoOutputHasGradient(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "vca", "type": "GainNode", "params": {"gain": 0.7}}], "edges": [{"source": "dry", "target": "vca"}]}`)
	in := noise(1, 2, 300)
	r, err := adjoint.Gradient(g, half, adjoint.Options{Input: in})
	require.NoError(t, err)
	want := 0.0
	for _, row := range in {
		for _, x := range row {
			want += 0.7 * x * x
		}
	}
	require.InEpsilon(t, want, r.Param("vca", "gain")[0], 1e-13)
	require.Len(t, r.Output, 2)
	for c, row := range in {
		for n, x := range row {
			require.InDelta(t, 0.49*x, r.Input[c][n], 1e-15)
		}
	}
}

// A node whose configuration has no adjoint cuts off what lies before it,
// although its type has a backward kernel.
func TestQuantizerConfigurationWithoutAdjoint(t *testing.T) {
	text := func(config string) string {
		return `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "before", "type": "GainNode", "params": {"gain": 0.7}},
		{"name": "crush", "type": "QuantizerNode", "params": {"bits": 6}` + config + `},
		{"name": "after", "type": "GainNode", "params": {"gain": 0.5}}],
		"edges": [{"source": "dry", "target": "before"}, {"source": "before", "target": "crush"}, {"source": "crush", "target": "after"}]}`
	}
	o := adjoint.Options{Input: noise(2, 1, 200)}
	r, err := adjoint.Gradient(load(t, text("")), half, o)
	require.NoError(t, err)
	require.Equal(t, []string{"crush"}, r.Unsupported)
	require.Zero(t, r.Param("before", "gain")[0])
	require.NotZero(t, r.Param("after", "gain")[0])
	for _, x := range r.Input[0] {
		require.Zero(t, x)
	}
	for _, p := range r.Params {
		if p.Node == "before" && p.Name == "gain" {
			require.Equal(t, "crush", p.Blocked)
		}
	}

	through, err := adjoint.Gradient(load(t, text(`, "config": {"straight_through": true}`)), half, o)
	require.NoError(t, err)
	require.Empty(t, through.Unsupported)
	want := 0.0 // ½ Σ (0.5 q)² with q taken for 0.7 x
	for _, x := range o.Input[0] {
		want += 0.25 * math.Round(0.7*x*32) / 32 * x
	}
	require.InEpsilon(t, want, through.Param("before", "gain")[0], 1e-12)
}

// The gradient by an input shorter than the run is as long as the input, and so
// is that by a longer one, whose end is heard when the graph is late.
func TestInputGradientHasLengthOfInput(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "vca", "type": "GainNode", "params": {"gain": 0.5}, "oversample_ratio": 2}], "edges": [{"source": "dry", "target": "vca"}]}`)
	for _, frames := range []int{50, 200} {
		in := noise(1, 1, frames)
		r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Input: in, Frames: 120}})
		require.NoError(t, err)
		require.True(t, r.OK, "%s", r)
		d, err := adjoint.Gradient(g, half, adjoint.Options{Input: in, Frames: 120})
		require.NoError(t, err)
		require.Len(t, d.Input[0], frames)
		if frames > 120 {
			require.NotZero(t, d.Input[0][130])
		}
	}
}

// A node that hears nothing leaves a gradient of 1e-17, all rounding, where
// differences are 0: that is no wrong gradient.
func TestCheckOfSilence(t *testing.T) {
	g := load(t, `{"sample_rate": 8000, "nodes": [{"name": "a", "type": "TanhNode", "params": {"level": 0.8207, "bias": 0.1}}]}`)
	for seed := range uint64(5) {
		r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Seed: seed, Options: adjoint.Options{Frames: 30}})
		require.NoError(t, err)
		require.True(t, r.OK, "%s", r)
	}
}

// The curvature of a check was that of the first batch, and panicked.
func TestCheckOfBatches(t *testing.T) {
	g := load(t, `{"sample_rate": 8000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "a", "type": "TanhNode", "params": {"drive": [2, 0.5, 1]}}], "edges": [{"source": "dry", "target": "a"}]}`)
	r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 200, Batches: 3}})
	require.NoError(t, err)
	require.True(t, r.OK, "%s", r)
	require.Len(t, r.Rows, 5, "three drives, bias and level")
	require.Greater(t, r.Rates[2], 2.8, "%s", r)
}

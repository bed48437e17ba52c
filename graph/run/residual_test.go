package run_test

import (
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"

	"github.com/stretchr/testify/require"
)

// A clipper with one Newton step per frame is named, one that converges is not,
// and a new run starts from nothing.
func TestUnconvergedClipperIsNamed(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "up", "type": "GainNode", "params": {"gain": 20}},
		{"name": "good", "type": "DiodeClipperNode"}, {"name": "bad", "type": "DiodeClipperNode", "config": {"newton_max": 1}}, {"name": "sum", "type": "MixNode"}],
		"edges": [{"source": "dry", "target": "up"}, {"source": "up", "target": "good"}, {"source": "up", "target": "bad"}, {"source": "good", "target": "sum"}, {"source": "bad", "target": "sum"}]}`))
	require.NoError(t, err)
	p, err := graph.NewPlan(g, graph.Options{Frames: 400, Channels: 1})
	require.NoError(t, err)
	run := run.New(p, run.Options{})
	in := make([]float64, 400)
	for n := range in {
		in[n] = float64(n%7) - 3
	}
	run.Input = [][]float64{in}
	run.Render(false)
	require.Less(t, run.Residual("good"), 1e-12)
	require.Greater(t, run.Residual("bad"), 1e-3)
	require.Zero(t, run.Residual("up"))
	list := run.Unconverged()
	require.Len(t, list, 1)
	require.Contains(t, list[0], "bad: up to ")
	run.Reset()
	require.Empty(t, run.Unconverged())
}

package run_test

import (
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// A loop that grows without bound is named, not what hears it.
func TestBrokenNamesTheLoop(t *testing.T) {
	nodes := `{"name": "x", "type": "InputNode"}, {"name": "after", "type": "GainNode"}, {"name": "loop", "type": "GainNode", "gather": "sum", "params": {"gain": 100}}`
	edges := `{"source": "x", "target": "loop"}, {"source": "loop", "target": "loop", "delay_frames": 1}, {"source": "loop", "target": "after"}`
	for _, segment := range []int{0, 1} {
		p := plan(t, nodes, edges, graph.Options{Frames: 2000, Channels: 1, Settings: graph.Settings{Block: 100}})
		r := run.New(p, run.Options{Limits: tape.Limits{Segment: segment}})
		r.Input = [][]float64{ramp(100)}
		require.Empty(t, r.Broken(), "before anything is rendered")
		r.Advance(100)
		require.Empty(t, r.Broken())
		r.Advance(100)
		// Frame n is 1.02 · 100^(n+1), which is beyond 1.8e308 from n = 154 on.
		require.Equal(t, `the output of the node "loop" is +Inf at frame 154`, r.Broken())
	}
}

package run_test

import (
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// With cursors kept, every graph reads only what is written and still there, in
// every schedule, block size and segment.
func TestNoGraphReadsEarlyOrLate(t *testing.T) {
	each(t, func(t *testing.T, g *graph.Graph) {
		for _, schedule := range []run.Schedule{run.KPN, run.IPLS} {
			for _, size := range [][2]int{{0, 0}, {7, 200}, {1000, 3000}} {
				p, err := graph.NewPlan(g, graph.Options{Frames: 5000, Rate: 48000, Settings: graph.Settings{Block: size[0]}})
				require.NoError(t, err)
				r := run.New(p, run.Options{Schedule: schedule, Threads: 2, CheckReads: true, Limits: tape.Limits{Segment: size[1]}})
				r.Input = [][]float64{noise(3, 5000)}
				require.NotPanics(t, func() { r.Render(true) })
			}
		}
	})
}

// A read offset that the plan has not allowed for is found at once.
func TestEarlyReadPanics(t *testing.T) {
	nodes := dry + "," + gain + `,{"name": "b", "type": "GainNode"}`
	edges := edge("dry", "a", 0) + "," + edge("a", "b", 3)
	link := func(r *run.Run) *graph.Link { return r.Plan.Links[len(r.Plan.Links)-1] }
	start := func() *run.Run {
		p := plan(t, nodes, edges, graph.Options{Frames: 3000})
		r := run.New(p, run.Options{CheckReads: true, Limits: tape.Limits{Segment: 1024}})
		r.Input = [][]float64{noise(1, 3000)}
		return r
	}
	r := start()
	link(r).Back = -1
	require.PanicsWithValue(t, "run: early read: b reads frame 1024 of a.out, which is written to frame 1024", func() { r.Render(true) })
	r = start()
	link(r).Back = 9
	require.PanicsWithValue(t, "run: late read: b reads frame -9 of a.out, which is kept from frame -3 on", func() { r.Render(true) })
	require.NotPanics(t, func() { start().Render(true) })
}

// The dump shows where every channel and reader stands.
func TestChannelsShowsCursors(t *testing.T) {
	p := plan(t, dry+","+gain, edge("dry", "a", 100), graph.Options{Frames: 3000})
	r := run.New(p, run.Options{CheckReads: true, Limits: tape.Limits{Segment: 1024}})
	r.Advance(50)
	require.Regexp(t, `dry\.out +1 +100 +50 +a\.in +100 +50 +none before frame 100`, r.Channels())
	r.Advance(1000)
	require.Regexp(t, `dry\.out +1 +100 +1050 +a\.in +100 +1050 +made at 950, visible at 1050`, r.Channels())
}

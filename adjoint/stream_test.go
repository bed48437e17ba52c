package adjoint_test

import (
	"testing"

	"ampfit/adjoint"

	"github.com/stretchr/testify/require"
)

// Longer calls press the arena: it doubles, keeps values, states and histories,
// and stays where it is while calls fit.
func TestArenaGrowsBetweenCalls(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "lp", "type": "OnePoleNode"}, {"name": "echo", "type": "GainNode", "gather": "sum", "params": {"gain": 0.5}}],
		"edges": [{"source": "dry", "target": "lp"}, {"source": "lp", "target": "echo"}, {"source": "echo", "target": "echo", "delay_frames": 100}], "output": "echo"}`)
	input := noise(5, 1, 9000)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: input})
	require.NoError(t, err)
	m.Forward()

	s, err := adjoint.NewStream(g, adjoint.StreamOptions{Record: 1, Frames: 64, Channels: 1})
	require.NoError(t, err)
	at := 0
	call := func(frames int) {
		s.Forward(frames, func(_ string, _, _ int, dst []float64) { copy(dst, input[0][at:]) })
		require.Equal(t, m.Output[at:at+frames], s.Output(s.Plan.Output)[0], "frames %d to %d", at, at+frames)
		at += frames
	}
	call(64)
	small, first := s.Run.Bytes(), &s.Run.Head()[0]
	call(10)
	require.Same(t, first, &s.Run.Head()[0], "there is room")
	call(2000)
	grown := s.Run.Bytes()
	require.GreaterOrEqual(t, grown, 2*small)
	second := &s.Run.Head()[0]
	require.NotSame(t, first, second)
	call(1500)
	call(64)
	require.Same(t, second, &s.Run.Head()[0], "there is room")
	call(5000)
	require.GreaterOrEqual(t, s.Run.Bytes(), 2*grown)
	require.Zero(t, testing.AllocsPerRun(3, func() { s.Run.Advance(512) }), "nothing is allocated while a run goes on")
}

// A stream that keeps nothing has no dual arena; ports that gather, and outputs
// with several readers, work without.
func TestStreamWithoutRecord(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "half", "type": "GainNode", "params": {"gain": 0.5}},
		{"name": "sum", "type": "GainNode", "gather": "sum"}],
		"edges": [{"source": "dry", "target": "half"}, {"source": "dry", "target": "sum"}, {"source": "half", "target": "sum"}], "output": "sum"}`)
	s, err := adjoint.NewStream(g, adjoint.StreamOptions{Frames: 4, Channels: 1})
	require.NoError(t, err)
	s.Forward(4, func(_ string, _, _ int, dst []float64) { copy(dst, []float64{1, 2, 3, 4}) })
	require.Equal(t, []float64{1.5, 3, 4.5, 6}, s.Output(s.Plan.Output)[0])
}

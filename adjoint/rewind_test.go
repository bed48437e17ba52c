package adjoint_test

import (
	"fmt"
	"log"
	"path/filepath"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// After a run in any tape mode the graph goes back to any frame, within blocks
// and segments, and sounds on with the same bits and the same heat.
func TestRewindRepeatsTheSameBits(t *testing.T) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(t, err)
	const frames = 9500
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			for _, mode := range []adjoint.Options{
				{Options: run.Options{Limits: tape.Limits{TapeMode: "full"}}}, {Options: run.Options{Limits: tape.Limits{TapeMode: "segments", Segment: 2048}}}, {Options: run.Options{Limits: tape.Limits{TapeMode: "binomial", Segment: 1024, Slots: 3}}},
			} {
				mode.Input, mode.Rate, mode.Heat, mode.KeepLatency = noise(7, 1, frames), 48000, true, true
				m, err := adjoint.NewModel(g, mode)
				require.NoError(t, err)
				for _, gradient := range []bool{false, true} {
					if gradient {
						m.ForwardBackward(func(grad, y []float64) { copy(grad, y) })
					} else {
						m.Forward()
					}
					want := split(append([]float64(nil), m.Output...), frames)
					heat := copyHeat(m.Heat)
					for _, at := range []int64{9499, 4096, 4095, 9000, 1, 0, 5121, 2048, 3000, frames} {
						require.NoError(t, m.Rewind(at))
						require.Equal(t, at, m.Run.End())
						got := m.Continue(frames - int(at))
						for i := range want {
							require.Equal(t, want[i][at:], got[i], "%s, gradient %v, from frame %d", m.Tape.Mode, gradient, at)
						}
						require.Equal(t, heat, m.Run.Heat(), "from frame %d", at)
					}
				}
			}
		})
	}
}

// What the tape holds is of no use once a parameter has changed.
func TestRewindAfterSet(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "lp", "type": "OnePoleNode"}],
		"edges": [{"source": "dry", "target": "lp"}]}`)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(1, 1, 5000), Options: run.Options{Limits: tape.Limits{TapeMode: "segments", Segment: 1024}}})
	require.NoError(t, err)
	m.Forward()
	require.NoError(t, m.Set(m.Param("lp", "cutoff_hz"), []float64{300}))
	require.NoError(t, m.Rewind(3000))
	got := m.Continue(2000)
	m.Forward()
	require.Equal(t, m.Output[3000:], got[0])
	require.EqualError(t, m.Rewind(5001), "adjoint: frame 5001 is outside of the run, which has frames 0 to 5000")
	require.EqualError(t, m.Rewind(-1), "adjoint: frame -1 is outside of the run, which has frames 0 to 5000")
}

func split(buf []float64, n int) [][]float64 {
	var rows [][]float64
	for ; len(buf) > 0; buf = buf[n:] {
		rows = append(rows, buf[:n])
	}
	return rows
}

func copyHeat(heat map[string][]float64) map[string][]float64 {
	c := map[string][]float64{}
	for name, h := range heat {
		c[name] = append([]float64(nil), h...)
	}
	return c
}

// A run goes back to any of its frames, and sounds the same from there.
func ExampleModel_Rewind() {
	g, err := graph.Parse("", []byte(`{
		"sample_rate": 48000,
		"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "sum", "type": "GainNode", "gather": "sum", "params": {"gain": 0.5}}],
		"edges": [{"source": "dry", "target": "sum"}, {"source": "sum", "target": "sum", "delay_frames": 1}],
		"output": "sum"
	}`))
	if err != nil {
		log.Fatal(err)
	}
	m, err := adjoint.NewModel(g, adjoint.Options{Input: [][]float64{{8, 0, 0, 0}}})
	if err != nil {
		log.Fatal(err)
	}
	m.Forward()
	if err := m.Rewind(2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Output, m.Continue(2))
	// Output: [4 2 1 0.5] [[1 0.5]]
}

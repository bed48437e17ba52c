package adjoint_test

import (
	"os"
	"path/filepath"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/nodes"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// Every graph in testdata has a right gradient, whole and in segments.
func TestGraphGradients(t *testing.T) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			options := []adjoint.Options{{Frames: 6000}, {Frames: 3000, Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 700}}}}
			if testing.Short() {
				options = []adjoint.Options{{Frames: 1500, Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 700}}}}
			}
			for _, o := range options {
				r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: o})
				require.NoError(t, err)
				t.Logf("\n%s", r)
				require.True(t, r.OK)
			}
		})
	}
}

// A parameter on its bound is not moved past it, also where the dot product goes
// by differences: LFONode's slew is 0, and a compressor has no tangent kernel.
func TestCheckAtABound(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "lfo", "type": "LFONode"}, {"name": "g", "type": "GainNode"}, {"name": "c", "type": "CompressorNode"}],
		"edges": [{"source": "dry", "target": "g"}, {"source": "lfo", "target": "g.gain"}, {"source": "g", "target": "c"}]}`)
	r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 2000}})
	require.NoError(t, err)
	require.True(t, r.OK, "\n%s", r)
	require.Less(t, r.Dot, 1e-6)
}

// The output of a source at 0 is 0, and linear in its value: what remains of a
// Taylor series is rounding of the moved output.
func TestCheckOfASilentLinearSource(t *testing.T) {
	g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "c", "type": "ConstantNode"}]}`)
	r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 2000}})
	require.NoError(t, err)
	require.True(t, r.OK, "\n%s", r)
}

// The graphs of the tasks have many kinks, some too small to show in a row: pulses
// and saws at their defaults, envelopes with corners on frames. AMPFIT_LONG=1 checks
// all of them.
func TestCheckOfTasks(t *testing.T) {
	if testing.Short() {
		t.Skip("each graph takes seconds")
	}
	files := []string{"../testdata/tasks/cs-pwm-vibrato-lead.json", "../testdata/tasks/cs-subtractive-bass.json"}
	if os.Getenv("AMPFIT_LONG") != "" {
		var err error
		files, err = filepath.Glob("../testdata/tasks/*.json")
		require.NoError(t, err)
		require.Greater(t, len(files), 50)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			g, err := graph.Load(file)
			require.NoError(t, err)
			r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{})
			require.NoError(t, err)
			require.True(t, r.OK, "\n%s", r)
		})
	}
}

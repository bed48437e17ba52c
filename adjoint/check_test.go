package adjoint_test

import (
	"path/filepath"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"

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
			options := []adjoint.Options{{Frames: 6000}, {Block: 100, Segment: 700, Frames: 3000}}
			if testing.Short() {
				options = []adjoint.Options{{Block: 100, Segment: 700, Frames: 1500}}
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

package adjoint_test

import (
	"path/filepath"
	"testing"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// BenchmarkShippedGraphs reports what a value with its whole gradient costs over
// a forward run that keeps the same tape, for the graphs of testdata. The two
// take turns, so that other load on the machine meets both.
func BenchmarkShippedGraphs(b *testing.B) {
	files, err := filepath.Glob("../testdata/graphs/*.json")
	require.NoError(b, err)
	for _, file := range files {
		b.Run(filepath.Base(file), func(b *testing.B) {
			g, err := graph.Load(file)
			require.NoError(b, err)
			const frames = 24000
			m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(1, 1, frames), Rate: 48000, Options: run.Options{Limits: tape.Limits{TapeMode: "full"}}})
			require.NoError(b, err)
			seed := func(grad, y []float64) { copy(grad, y) }
			m.ForwardBackward(seed)
			forward, gradient := time.Hour, time.Hour
			for b.Loop() {
				start := time.Now()
				m.Forward()
				half := time.Now()
				m.ForwardBackward(seed)
				forward, gradient = min(forward, half.Sub(start)), min(gradient, time.Since(half))
			}
			b.ReportMetric(float64(forward)/frames, "fwd-ns/frame")
			b.ReportMetric(float64(gradient)/frames, "grad-ns/frame")
			b.ReportMetric(float64(gradient)/float64(forward), "grad/fwd")
		})
	}
}

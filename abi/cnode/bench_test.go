package cnode_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"ampfit/abi/cnode"
	"ampfit/adjoint"
	"ampfit/graph"
)

// BenchmarkCall measures a forward call of a library of one block, and one with
// its way back, in process and isolated; the built-in node beside it.
func BenchmarkCall(b *testing.B) {
	dir := build(b, nodes)
	for _, way := range []struct {
		name, text string
		limit      time.Duration
	}{{"builtin", builtin, 0}, {"library", onePole, 0}, {"isolated", onePole, cnode.CallLimit}} {
		for _, pass := range []string{"forward", "both"} {
			b.Run(way.name+"/"+pass, func(b *testing.B) {
				cnode.Isolate(way.limit)
				defer cnode.Isolate(0)
				path := filepath.Join(dir, "graph.json")
				if err := os.WriteFile(path, []byte(way.text), 0o600); err != nil {
					b.Fatal(err)
				}
				g, err := graph.Load(path)
				if err != nil {
					b.Fatal(err)
				}
				const blocks = 100
				m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{noise(blocks * graph.DefaultBlock)}})
				if err != nil {
					b.Fatal(err)
				}
				cutoff := m.Param("lp", "cutoff_hz")
				v := []float64{800}
				b.ReportAllocs()
				for b.Loop() {
					v[0]++ // so that nothing is answered from what was kept
					if err := m.Set(cutoff, v); err != nil {
						b.Fatal(err)
					}
					if pass == "forward" {
						m.Forward()
					} else {
						gradient(m)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*blocks), "ns/block")
			})
		}
	}
}

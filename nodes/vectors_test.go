//go:build amd64 && !noasm

package nodes_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/nodes/kernel"
)

// The kernels in assembly give what the plain ones give, in value and gradient,
// for lengths that leave frames over.
func TestVectorsEqualPlain(t *testing.T) {
	for _, w := range workloads {
		t.Run(w.name, func(t *testing.T) {
			const frames = 3001
			results := func() (values [][]float64) {
				m, seed := workload(t, w.nodes, frames)
				m.ForwardBackward(func(grad, y []float64) {
					values = append(values, append([]float64(nil), y...))
					seed(grad, y)
				})
				for _, p := range m.Params {
					values = append(values, append([]float64(nil), p.Grad...))
				}
				return values
			}
			fast := results()
			var plain [][]float64
			was := kernel.AVX2
			kernel.AVX2 = false
			plain = results()
			kernel.AVX2 = was
			for i, want := range plain {
				peak := 0.0
				for _, v := range want {
					peak = max(peak, v, -v)
				}
				for n, v := range fast[i] {
					require.InDelta(t, want[n], v, 1e-10*peak, "result %d, value %d", i, n)
				}
			}
		})
	}
}

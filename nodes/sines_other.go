//go:build !amd64 || noasm

package nodes

func sinesAddFast(_, _, _ []float64, _ bool) { panic("nodes: no vectors here") }
func sinesSumFast(_, _, _, _ []float64)      { panic("nodes: no vectors here") }
func sineTurnsFast(_, _ []float64) int       { panic("nodes: no vectors here") }

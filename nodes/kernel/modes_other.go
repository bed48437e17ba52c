//go:build !amd64 || noasm

package kernel

func modesForwardFast(_, _, _, _ []float64, _ int, _, _ []float64) { panic("kernel: no vectors here") }

func modesBackwardFast(_, _, _, _, _, _ []float64, _ int, _, _ []float64, _ func(int, float64, float64, float64)) {
	panic("kernel: no vectors here")
}

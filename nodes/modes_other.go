//go:build !amd64 || noasm

package nodes

import "ampfit/abi"

func modesForward(*abi.Block, int, []float64, []float64) { panic("nodes: no vectors here") }
func modesBackward(_, _ *abi.Block, _ int, _, _, _ []float64, _ bool) {
	panic("nodes: no vectors here")
}

//go:build !amd64 || noasm

package nodes

import "ampfit/abi"

func biquadFour(*abi.Block, int)             { panic("nodes: no vectors here") }
func biquadPolesFour(_, _ *abi.Block, _ int) { panic("nodes: no vectors here") }

func biquadProducts(_, _, _, _, _, _ []float64) [5]float64 { panic("nodes: no vectors here") }

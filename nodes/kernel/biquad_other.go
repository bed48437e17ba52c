//go:build !amd64 || noasm

package kernel

import "ampfit/abi"

func biquadFour(*abi.Block, int)             { panic("kernel: no vectors here") }
func biquadPolesFour(_, _ *abi.Block, _ int) { panic("kernel: no vectors here") }

func biquadProducts(_, _, _, _, _, _ []float64) [5]float64 { panic("kernel: no vectors here") }

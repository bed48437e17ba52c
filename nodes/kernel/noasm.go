//go:build !amd64 || noasm

package kernel

import "ampfit/abi"

// Here is no assembly: what stands for it does no frames, or is never called.

// AVX2 tells whether the kernels in assembly run here: there are none.
const AVX2 = false

func biquadFour(*abi.Block, int)             { panic("kernel: no vectors here") }
func biquadPolesFour(_, _ *abi.Block, _ int) { panic("kernel: no vectors here") }

func biquadProducts(_, _, _, _, _, _ []float64) [5]float64 { panic("kernel: no vectors here") }

func logRowFast(_, _ []float64, _, _ float64) int { return 0 }
func expRowFast(_, _ []float64) int               { return 0 }

func followRowsFast(_, _, _ []float64, _, _ float64, _ []float64) { panic("kernel: no vectors here") }

func kneeGainFast(_ []float64, _ *[5]float64) int                                 { return 0 }
func kneeBackFast(_, _ []float64, _ *[5]float64) (int, float64, float64, float64) { return 0, 0, 0, 0 }

func rowsAddFast(_, _, _ []float64, _, _ int) int                 { return 0 }
func rowsConvolveFast(_, _, _ []float64) int                      { return 0 }
func rowsDotFast(_, _, _ []float64, _ int) int                    { return 0 }
func rowsTurnFast(_ []float64, _, _, _ int) int                   { return 0 }
func rowsBlendFast(_, _, _ []float64, _, _ float64) int           { return 0 }
func rowsTakeFast(_, _, _, _ []float64, _ float64) (float64, int) { return 0, 0 }

func rowsEndsFast(_ []float64, _, _ int, _ [][]float64, _ []float64, _ int, _ []float64) (int, int) {
	return 0, 0
}

func rowsBackFast(_ []float64, _ int, _ []float64, _ float64, _, _ []float64, _ int, _ []float64) {
	panic("kernel: no vectors here")
}

func rowsLineFast(_, _, _, _, _ []float64, _ float64) [3]float64 { panic("kernel: no vectors here") }

func modesForwardFast(_, _, _, _ []float64, _ int, _, _ []float64) { panic("kernel: no vectors here") }

func modesBackwardFast(_, _, _, _, _, _ []float64, _ int, _, _ []float64, _ func(int, float64, float64, float64)) {
	panic("kernel: no vectors here")
}

func sinesAddFast(_, _, _ []float64, _ bool) { panic("kernel: no vectors here") }
func sinesSumFast(_, _, _, _ []float64)      { panic("kernel: no vectors here") }
func sineTurnsFast(_, _ []float64) int       { panic("kernel: no vectors here") }

// PartialsEight takes no partials here.
func PartialsEight(_ []float64, _ *[4][8]float64, _, _ []float64, _ int) int { return 0 }

// PartialsBack takes no partials here.
func PartialsBack(_ *[7][4]float64, _, _, _, _ []float64, _ int) int { return 0 }

//go:build !amd64 || noasm

package kernel

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

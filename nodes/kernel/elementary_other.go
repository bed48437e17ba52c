//go:build !amd64 || noasm

package kernel

func logRowFast(_, _ []float64, _, _ float64) int { return 0 }
func expRowFast(_, _ []float64) int               { return 0 }

func followRowsFast(_, _, _ []float64, _, _ float64, _ []float64) { panic("kernel: no vectors here") }

func kneeGainFast(_ []float64, _ *[5]float64) int                                 { return 0 }
func kneeBackFast(_, _ []float64, _ *[5]float64) (int, float64, float64, float64) { return 0, 0, 0, 0 }

//go:build !amd64 || noasm

package kernel

func sinesAddFast(_, _, _ []float64, _ bool) { panic("kernel: no vectors here") }
func sinesSumFast(_, _, _, _ []float64)      { panic("kernel: no vectors here") }
func sineTurnsFast(_, _ []float64) int       { panic("kernel: no vectors here") }

// PartialsEight takes no partials here.
func PartialsEight(_ []float64, _ *[4][8]float64, _, _ []float64, _ int) int { return 0 }

// PartialsBack takes no partials here.
func PartialsBack(_ *[7][4]float64, _, _, _, _ []float64, _ int) int { return 0 }

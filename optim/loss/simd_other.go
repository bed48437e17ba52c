//go:build !amd64 || noasm

package loss

// useAVX2 is false: the plain functions do all.
var useAVX2 = false

func windowAVX2(dst, x, window *float64, count int)                           { panic("loss: no AVX2") }
func addWindowedAVX2(dst, x, window *float64, count int)                      { panic("loss: no AVX2") }
func sumsAVX2(out *[16]float64, re, im, y *float64, count int, floor float64) { panic("loss: no AVX2") }
func gradientAVX2(dre, dim, re, im, y *float64, count int, sc, log, lin, floor float64) {
	panic("loss: no AVX2")
}

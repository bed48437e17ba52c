//go:build !amd64 || noasm

package vec

// useAVX2 is false: the plain loops do all.
var useAVX2 = false

func addAVX2(dst, src *float64, count int)             { panic("vec: no AVX2") }
func axpyAVX2(dst, src *float64, s float64, count int) { panic("vec: no AVX2") }
func axpyDotAVX2(chains *[4]float64, dst, v, x *float64, s float64, count int) {
	panic("vec: no AVX2")
}
func dot8AVX2(chains *[4]float64, h, x *float64, count int) { panic("vec: no AVX2") }
func dot4AVX2(chains *[4]float64, h, x *float64, count int) { panic("vec: no AVX2") }
func firAVX2(dst, x, h *float64, fours, rest, count int)    { panic("vec: no AVX2") }

//go:build !amd64 || noasm

package fft

// useAVX2 is false: the plain functions do all.
var useAVX2 = false

func firstAVX2(dst, x, twiddles *float64, count, quarter int)           { panic("fft: no AVX2") }
func middleAVX2(dst, src, twiddles *float64, count, width, quarter int) { panic("fft: no AVX2") }
func last4AVX2(re, im, src *float64, s int)                             { panic("fft: no AVX2") }
func last4SwappedAVX2(x, src *float64, s int)                           { panic("fft: no AVX2") }
func last2AVX2(re, im, src *float64, s int)                             { panic("fft: no AVX2") }
func last2SwappedAVX2(x, src *float64, s int)                           { panic("fft: no AVX2") }
func splitAVX2(lr, li, ur, ui, wr, wi *float64, count int, h float64)   { panic("fft: no AVX2") }
func mergeAVX2(lz, uz, lr, li, ur, ui, wr, wi *float64, count int, inner float64) {
	panic("fft: no AVX2")
}

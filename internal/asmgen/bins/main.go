// Command bins writes the AVX2 kernels of the spectral losses in optim/loss.
// Each does what the plain function in bins.go does, on whole vectors of four.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() { Write(window, addWindowed, sums, gradient) }

// loop repeats body for count vectors of the arrays.
func loop(count GPVirtual, body func(), arrays ...GPVirtual) {
	Label("loop")
	body()
	Next("loop", count, 32, arrays...)
}

func window() {
	Kernel("windowAVX2", "func(dst, x, window *float64, count int)", "windowAVX2 writes x times the window, 4 count floats.")
	dst, x, w, count := Arg("dst"), Arg("x"), Arg("window"), Arg("count")
	loop(count, func() {
		v := YMM()
		VMOVUPD(Mem{Base: x}, v)
		VMULPD(Mem{Base: w}, v, v)
		VMOVUPD(v, Mem{Base: dst})
	}, dst, x, w)
	Leave()
}

func addWindowed() {
	Kernel("addWindowedAVX2", "func(dst, x, window *float64, count int)", "addWindowedAVX2 adds x times the window, 4 count floats.")
	dst, x, w, count := Arg("dst"), Arg("x"), Arg("window"), Arg("count")
	loop(count, func() {
		v, sum := YMM(), YMM()
		VMOVUPD(Mem{Base: x}, v)
		VMOVUPD(Mem{Base: dst}, sum)
		VFMADD231PD(Mem{Base: w}, v, sum)
		VMOVUPD(sum, Mem{Base: dst})
	}, dst, x, w)
	Leave()
}

// power returns re² + im², rounded as the plain function does: not fused.
func power(re, im VecVirtual) VecVirtual {
	p, q := YMM(), YMM()
	VMULPD(re, re, p)
	VMULPD(im, im, q)
	VADDPD(q, p, p)
	return p
}

// ones returns a vector of set bits.
func ones() VecVirtual {
	v := YMM()
	VPCMPEQD(v, v, v)
	return v
}

// one returns 1 in all four places.
func one() VecVirtual {
	v := ones()
	VPSLLQ(U8(54), v, v)
	VPSRLQ(U8(2), v, v)
	return v
}

func sums() {
	Kernel("sumsAVX2", "func(out *[16]float64, re, im, y *float64, count int, floor float64)",
		"sumsAVX2 writes the sums of (X-Y)² and |X-Y|, and the products of the greater and of the lesser of X and Y, four parts of each, over 4 count bins.")
	out, re, im, y, count := Arg("out"), Arg("re"), Arg("im"), Arg("y"), Arg("count")
	floor := Scalar("floor")
	square, lin, high, low := YMM(), YMM(), one(), one()
	VXORPD(square, square, square)
	VXORPD(lin, lin, lin)
	size := ones() // all bits but the sign
	VPSRLQ(U8(1), size, size)
	loop(count, func() {
		a, b, v, d := YMM(), YMM(), YMM(), YMM()
		VMOVUPD(Mem{Base: re}, a)
		VMOVUPD(Mem{Base: im}, b)
		VMOVUPD(Mem{Base: y}, v)
		m := power(a, b)
		VMAXPD(m, floor, m) // NaN stays: the last of Intel's operands wins
		VSQRTPD(m, m)
		VSUBPD(v, m, d)
		VFMADD231PD(d, d, square)
		VANDPD(size, d, d)
		VADDPD(d, lin, lin)
		VMAXPD(v, m, d)
		VMULPD(d, high, high)
		VMINPD(v, m, d)
		VMULPD(d, low, low)
	}, re, im, y)
	for i, v := range []VecVirtual{square, lin, high, low} {
		VMOVUPD(v, Mem{Base: out, Disp: 32 * i})
	}
	Leave()
}

func gradient() {
	Kernel("gradientAVX2", "func(dre, dim, re, im, y *float64, count int, sc, log, lin, floor float64)", "gradientAVX2 does binGradient on 4 count bins.")
	dre, dim, re, im, y := Arg("dre"), Arg("dim"), Arg("re"), Arg("im"), Arg("y")
	count := Arg("count")
	sc, log, lin, floor := Scalar("sc"), Scalar("log"), Scalar("lin"), Scalar("floor")
	unit, signs, zero := one(), ones(), YMM()
	VPSLLQ(U8(63), signs, signs)
	VXORPD(zero, zero, zero)
	const notEqual, notLessOrEqual = 4, 6 // both true of NaN
	loop(count, func() {
		a, b, d := YMM(), YMM(), YMM()
		VMOVUPD(Mem{Base: re}, a)
		VMOVUPD(Mem{Base: im}, b)
		p := power(a, b)
		m, inverse := YMM(), YMM()
		VSQRTPD(p, m)
		VDIVPD(m, unit, inverse)
		VSUBPD(Mem{Base: y}, m, d)
		// slope = sign(d) (log/X + lin), 0 at d = 0
		slope, t := YMM(), YMM()
		VMOVAPD(lin, slope)
		VFMADD231PD(log, inverse, slope)
		VANDPD(signs, d, t)
		VORPD(t, slope, slope)
		VCMPPD(U8(notEqual), zero, d, t)
		VANDPD(t, slope, slope)
		VFMADD231PD(sc, d, slope)
		VMULPD(inverse, slope, slope)
		VCMPPD(U8(notLessOrEqual), floor, p, t)
		VANDPD(t, slope, slope)
		VMULPD(slope, a, a)
		VMOVUPD(a, Mem{Base: dre})
		VMULPD(slope, b, b)
		VMOVUPD(b, Mem{Base: dim})
	}, dre, dim, re, im, y)
	Leave()
}

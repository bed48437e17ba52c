// Command vec writes the AVX2 kernels of internal/vec. Each does what the plain
// function of vec.go does, with the same operations in the same order.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() { Write(add, axpy, axpyDot, dot4, dot8, fir) }

func add() {
	Kernel("addAVX2", "func(dst, src *float64, count int)", "addAVX2 adds 4 count floats.")
	dst, src, count := Arg("dst"), Arg("src"), Arg("count")
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: dst}, v)
	VADDPD(Mem{Base: src}, v, v)
	VMOVUPD(v, Mem{Base: dst})
	Next("loop", count, 32, dst, src)
	Leave()
}

func axpy() {
	Kernel("axpyAVX2", "func(dst, src *float64, s float64, count int)", "axpyAVX2 adds s times 4 count floats.")
	dst, src, count := Arg("dst"), Arg("src"), Arg("count")
	s := Scalar("s")
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: dst}, v)
	VFMADD231PD(Mem{Base: src}, s, v)
	VMOVUPD(v, Mem{Base: dst})
	Next("loop", count, 32, dst, src)
	Leave()
}

func axpyDot() {
	Kernel("axpyDotAVX2", "func(chains *[4]float64, dst, v, x *float64, s float64, count int)",
		"axpyDotAVX2 adds s times 8 count floats of v to dst, and sums v·x as dot8AVX2 does.")
	chains, dst, v, x, count := Arg("chains"), Arg("dst"), Arg("v"), Arg("x"), Arg("count")
	s := Scalar("s")
	low, high := Zero(), Zero()
	Label("loop")
	for i, sum := range []VecVirtual{low, high} {
		w, d := YMM(), YMM()
		VMOVUPD(Mem{Base: v, Disp: 32 * i}, w)
		VMOVUPD(Mem{Base: dst, Disp: 32 * i}, d)
		VFMADD231PD(w, s, d)
		VFMADD231PD(Mem{Base: x, Disp: 32 * i}, w, sum)
		VMOVUPD(d, Mem{Base: dst, Disp: 32 * i})
	}
	Next("loop", count, 64, dst, v, x)
	VADDPD(high, low, low)
	VMOVUPD(low, Mem{Base: chains})
	Leave()
}

func dot8() {
	Kernel("dot8AVX2", "func(chains *[4]float64, h, x *float64, count int)",
		"dot8AVX2 sums h·x in eight chains over 8 count taps, and adds the last four to the first.")
	chains, h, x, count := Arg("chains"), Arg("h"), Arg("x"), Arg("count")
	low, high := Zero(), Zero()
	Label("loop")
	v, w := YMM(), YMM()
	VMOVUPD(Mem{Base: h}, v)
	VMOVUPD(Mem{Base: h, Disp: 32}, w)
	VFMADD231PD(Mem{Base: x}, v, low)
	VFMADD231PD(Mem{Base: x, Disp: 32}, w, high)
	Next("loop", count, 64, h, x)
	VADDPD(high, low, low)
	VMOVUPD(low, Mem{Base: chains})
	Leave()
}

func dot4() {
	Kernel("dot4AVX2", "func(chains *[4]float64, h, x *float64, count int)", "dot4AVX2 sums h·x in four chains over 4 count taps.")
	chains, h, x, count := Arg("chains"), Arg("h"), Arg("x"), Arg("count")
	sum := Zero()
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: h}, v)
	VFMADD231PD(Mem{Base: x}, v, sum)
	Next("loop", count, 32, h, x)
	VMOVUPD(sum, Mem{Base: chains})
	Leave()
}

// fir keeps the four chains of eight outputs in eight registers.
func fir() {
	Kernel("firAVX2", "func(dst, x, h *float64, fours, rest, count int)",
		"firAVX2 adds the filter's outputs to 8 count floats of dst; h has 4 fours + rest taps.")
	dst, x, h, count := Arg("dst"), Arg("x"), Arg("h"), Arg("count")
	Label("outputs")
	var sums [4][2]VecVirtual
	for c := range sums {
		sums[c] = [2]VecVirtual{Zero(), Zero()}
	}
	tap, past, left := GP64(), GP64(), GP64()
	MOVQ(h, tap)
	MOVQ(x, past)
	Load(Param("fours"), left)
	TESTQ(left, left)
	JZ(LabelRef("single"))
	Label("four")
	for c := range sums {
		v := YMM()
		VBROADCASTSD(Mem{Base: tap, Disp: 8 * c}, v)
		for half := range 2 {
			VFMADD231PD(Mem{Base: past, Disp: 8*c + 32*half}, v, sums[c][half])
		}
	}
	Next("four", left, 32, tap, past)
	Label("single")
	Load(Param("rest"), left)
	TESTQ(left, left)
	JZ(LabelRef("sum"))
	Label("one")
	v := YMM()
	VBROADCASTSD(Mem{Base: tap}, v)
	for half := range 2 {
		VFMADD231PD(Mem{Base: past, Disp: 32 * half}, v, sums[0][half])
	}
	Next("one", left, 8, tap, past)
	Label("sum")
	for half := range 2 {
		VADDPD(sums[1][half], sums[0][half], sums[0][half])
		VADDPD(sums[3][half], sums[2][half], sums[2][half])
		VADDPD(sums[2][half], sums[0][half], sums[0][half])
		VADDPD(Mem{Base: dst, Disp: 32 * half}, sums[0][half], sums[0][half])
		VMOVUPD(sums[0][half], Mem{Base: dst, Disp: 32 * half})
	}
	Next("outputs", count, 64, dst, x)
	Leave()
}

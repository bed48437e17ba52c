// Command vec writes the AVX2 kernels of internal/vec. Each does what the plain
// function of vec.go does, with the same operations in the same order.
package main

import (
	. "ampfit/internal/asmgen/asm"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	add()
	axpy()
	axpyDot()
	dot4()
	dot8()
	fir()
	Generate()
}

func add() {
	Kernel("addAVX2", "func(dst, src *float64, count int)", "adds 4 count floats.")
	dst, src, count := Arg("dst"), Arg("src"), Arg("count")
	Loop("loop", count, func() {
		v := Quad(At(dst, 0))
		VADDPD(At(src, 0), v, v)
		VMOVUPD(v, At(dst, 0))
		Advance(32, dst, src)
	})
	Leave()
}

func axpy() {
	Kernel("axpyAVX2", "func(dst, src *float64, s float64, count int)", "adds s times 4 count floats.")
	dst, src, count := Arg("dst"), Arg("src"), Arg("count")
	s := Scalar("s")
	Loop("loop", count, func() {
		v := Quad(At(dst, 0))
		VFMADD231PD(At(src, 0), s, v)
		VMOVUPD(v, At(dst, 0))
		Advance(32, dst, src)
	})
	Leave()
}

func axpyDot() {
	Kernel("axpyDotAVX2", "func(chains *[4]float64, dst, v, x *float64, s float64, count int)", "adds s times 8 count floats of v to dst, and sums v·x as dot8AVX2 does.")
	chains, dst, v, x, count := Arg("chains"), Arg("dst"), Arg("v"), Arg("x"), Arg("count")
	s := Scalar("s")
	low, high := Zero(), Zero()
	Loop("loop", count, func() {
		for i, sum := range []VecVirtual{low, high} {
			w, d := Quad(At(v, 32*i)), Quad(At(dst, 32*i))
			VFMADD231PD(w, s, d)
			VFMADD231PD(At(x, 32*i), w, sum)
			VMOVUPD(d, At(dst, 32*i))
		}
		Advance(64, dst, v, x)
	})
	VADDPD(high, low, low)
	VMOVUPD(low, At(chains, 0))
	Leave()
}

func dot8() {
	Kernel("dot8AVX2", "func(chains *[4]float64, h, x *float64, count int)", "sums h·x in eight chains over 8 count taps, and adds the last four to the first.")
	chains, h, x, count := Arg("chains"), Arg("h"), Arg("x"), Arg("count")
	low, high := Zero(), Zero()
	Loop("loop", count, func() {
		v, w := Quad(At(h, 0)), Quad(At(h, 32))
		VFMADD231PD(At(x, 0), v, low)
		VFMADD231PD(At(x, 32), w, high)
		Advance(64, h, x)
	})
	VADDPD(high, low, low)
	VMOVUPD(low, At(chains, 0))
	Leave()
}

func dot4() {
	Kernel("dot4AVX2", "func(chains *[4]float64, h, x *float64, count int)", "sums h·x in four chains over 4 count taps.")
	chains, h, x, count := Arg("chains"), Arg("h"), Arg("x"), Arg("count")
	sum := Zero()
	Loop("loop", count, func() {
		v := Quad(At(h, 0))
		VFMADD231PD(At(x, 0), v, sum)
		Advance(32, h, x)
	})
	VMOVUPD(sum, At(chains, 0))
	Leave()
}

// fir keeps the four chains of eight outputs in eight registers.
func fir() {
	Kernel("firAVX2", "func(dst, x, h *float64, fours, rest, count int)", "adds the filter's outputs to 8 count floats of dst; h has 4 fours + rest taps.")
	dst, x, h, count := Arg("dst"), Arg("x"), Arg("h"), Arg("count")
	Loop("outputs", count, func() {
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
		Loop("four", left, func() {
			for c := range sums {
				v := Splat(At(tap, 8*c))
				for half := range 2 {
					VFMADD231PD(At(past, 8*c+32*half), v, sums[c][half])
				}
			}
			Advance(32, tap, past)
		})
		Label("single")
		Load(Param("rest"), left)
		TESTQ(left, left)
		JZ(LabelRef("sum"))
		Loop("one", left, func() {
			v := Splat(At(tap, 0))
			for half := range 2 {
				VFMADD231PD(At(past, 32*half), v, sums[0][half])
			}
			Advance(8, tap, past)
		})
		Label("sum")
		for half := range 2 {
			VADDPD(sums[1][half], sums[0][half], sums[0][half])
			VADDPD(sums[3][half], sums[2][half], sums[2][half])
			VADDPD(sums[2][half], sums[0][half], sums[0][half])
			VADDPD(At(dst, 32*half), sums[0][half], sums[0][half])
			VMOVUPD(sums[0][half], At(dst, 32*half))
		}
		Advance(64, dst, x)
	})
	Leave()
}

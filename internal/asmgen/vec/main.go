// Command vec writes the AVX2 kernels of internal/vec. Each does what the plain
// function of vec.go does, with the same operations in the same order.
package main

import (
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

func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func zero() VecVirtual {
	v := YMM()
	VXORPD(v, v, v)
	return v
}

func add() {
	TEXT("addAVX2", NOSPLIT, "func(dst, src *float64, count int)")
	Pragma("noescape")
	Doc("addAVX2 adds 4 count floats.")
	dst, src, count := arg("dst"), arg("src"), arg("count")
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: dst}, v)
	VADDPD(Mem{Base: src}, v, v)
	VMOVUPD(v, Mem{Base: dst})
	ADDQ(U8(32), dst)
	ADDQ(U8(32), src)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func axpy() {
	TEXT("axpyAVX2", NOSPLIT, "func(dst, src *float64, s float64, count int)")
	Pragma("noescape")
	Doc("axpyAVX2 adds s times 4 count floats.")
	dst, src, count := arg("dst"), arg("src"), arg("count")
	s := YMM()
	param, err := Param("s").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(param.Addr, s)
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: dst}, v)
	VFMADD231PD(Mem{Base: src}, s, v)
	VMOVUPD(v, Mem{Base: dst})
	ADDQ(U8(32), dst)
	ADDQ(U8(32), src)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

func axpyDot() {
	TEXT("axpyDotAVX2", NOSPLIT, "func(chains *[4]float64, dst, v, x *float64, s float64, count int)")
	Pragma("noescape")
	Doc("axpyDotAVX2 adds s times 8 count floats of v to dst, and sums v·x as dot8AVX2 does.")
	chains, dst, v, x, count := arg("chains"), arg("dst"), arg("v"), arg("x"), arg("count")
	s := YMM()
	param, err := Param("s").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSD(param.Addr, s)
	low, high := zero(), zero()
	Label("loop")
	for i, sum := range []VecVirtual{low, high} {
		w, d := YMM(), YMM()
		VMOVUPD(Mem{Base: v, Disp: 32 * i}, w)
		VMOVUPD(Mem{Base: dst, Disp: 32 * i}, d)
		VFMADD231PD(w, s, d)
		VFMADD231PD(Mem{Base: x, Disp: 32 * i}, w, sum)
		VMOVUPD(d, Mem{Base: dst, Disp: 32 * i})
	}
	ADDQ(U8(64), dst)
	ADDQ(U8(64), v)
	ADDQ(U8(64), x)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VADDPD(high, low, low)
	VMOVUPD(low, Mem{Base: chains})
	VZEROUPPER()
	RET()
}

func dot8() {
	TEXT("dot8AVX2", NOSPLIT, "func(chains *[4]float64, h, x *float64, count int)")
	Pragma("noescape")
	Doc("dot8AVX2 sums h·x in eight chains over 8 count taps, and adds the last four to the first.")
	chains, h, x, count := arg("chains"), arg("h"), arg("x"), arg("count")
	low, high := zero(), zero()
	Label("loop")
	v, w := YMM(), YMM()
	VMOVUPD(Mem{Base: h}, v)
	VMOVUPD(Mem{Base: h, Disp: 32}, w)
	VFMADD231PD(Mem{Base: x}, v, low)
	VFMADD231PD(Mem{Base: x, Disp: 32}, w, high)
	ADDQ(U8(64), h)
	ADDQ(U8(64), x)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VADDPD(high, low, low)
	VMOVUPD(low, Mem{Base: chains})
	VZEROUPPER()
	RET()
}

func dot4() {
	TEXT("dot4AVX2", NOSPLIT, "func(chains *[4]float64, h, x *float64, count int)")
	Pragma("noescape")
	Doc("dot4AVX2 sums h·x in four chains over 4 count taps.")
	chains, h, x, count := arg("chains"), arg("h"), arg("x"), arg("count")
	sum := zero()
	Label("loop")
	v := YMM()
	VMOVUPD(Mem{Base: h}, v)
	VFMADD231PD(Mem{Base: x}, v, sum)
	ADDQ(U8(32), h)
	ADDQ(U8(32), x)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(sum, Mem{Base: chains})
	VZEROUPPER()
	RET()
}

// fir keeps the four chains of eight outputs in eight registers.
func fir() {
	TEXT("firAVX2", NOSPLIT, "func(dst, x, h *float64, fours, rest, count int)")
	Pragma("noescape")
	Doc("firAVX2 adds the filter's outputs to 8 count floats of dst; h has 4 fours + rest taps.")
	dst, x, h, count := arg("dst"), arg("x"), arg("h"), arg("count")
	Label("outputs")
	var sums [4][2]VecVirtual
	for c := range sums {
		sums[c] = [2]VecVirtual{zero(), zero()}
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
	ADDQ(U8(32), tap)
	ADDQ(U8(32), past)
	DECQ(left)
	JNZ(LabelRef("four"))
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
	ADDQ(U8(8), tap)
	ADDQ(U8(8), past)
	DECQ(left)
	JNZ(LabelRef("one"))
	Label("sum")
	for half := range 2 {
		VADDPD(sums[1][half], sums[0][half], sums[0][half])
		VADDPD(sums[3][half], sums[2][half], sums[2][half])
		VADDPD(sums[2][half], sums[0][half], sums[0][half])
		VADDPD(Mem{Base: dst, Disp: 32 * half}, sums[0][half], sums[0][half])
		VMOVUPD(sums[0][half], Mem{Base: dst, Disp: 32 * half})
	}
	ADDQ(U8(64), dst)
	ADDQ(U8(64), x)
	DECQ(count)
	JNZ(LabelRef("outputs"))
	VZEROUPPER()
	RET()
}

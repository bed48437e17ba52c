// Command biquad writes the AVX2 kernels of the second-order filters in nodes/kernel.
// Each does what its plain counterpart in biquad.go does, operation by
// operation for the recursions, so that a lane has the same bits in either.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() { Write(forward, poles, collect) }

// pointers loads the n pointers of an array.
func pointers(array GPVirtual, first, n int) []GPVirtual {
	p := make([]GPVirtual, n)
	for i := range p {
		p[i] = GP64()
		MOVQ(Mem{Base: array, Disp: 8 * (first + i)}, p[i])
	}
	return p
}

// four is a group of four float64, the i-th of a table.
func four(table GPVirtual, i int) Mem { return Mem{Base: table, Disp: 32 * i} }

func loadRows(p []GPVirtual) []VecVirtual {
	r := make([]VecVirtual, 4)
	for i := range r {
		r[i] = YMM()
		VMOVUPD(Mem{Base: p[i]}, r[i])
	}
	return r
}

func forward() {
	Kernel("biquadFourAVX2", "func(rows *[8]*float64, coefs *[5][4]float64, state *[4][4]float64, count int)",
		"biquadFourAVX2 filters four lanes for 4 count frames. rows are the inputs and",
		"the outputs, coefs b0, b1, b2, -a1, -a2 and state x1, x2, y1, y2 of the lanes.")
	rows, coefs, state, count := Arg("rows"), Arg("coefs"), Arg("state"), Arg("count")
	p := pointers(rows, 0, 4)
	q := pointers(rows, 4, 4)
	x1, x2, y1, y2 := YMM(), YMM(), YMM(), YMM()
	for i, v := range []VecVirtual{x1, x2, y1, y2} {
		VMOVUPD(four(state, i), v)
	}
	Label("loop")
	x := Transpose(loadRows(p))
	step := func(x0, x1, x2, y1, y2 VecVirtual) VecVirtual {
		y := YMM()
		VMULPD(four(coefs, 2), x2, y)
		VFMADD231PD(four(coefs, 1), x1, y)
		VFMADD231PD(four(coefs, 0), x0, y)
		VFMADD231PD(four(coefs, 4), y2, y)
		VFMADD231PD(four(coefs, 3), y1, y)
		return y
	}
	u0 := step(x[0], x1, x2, y1, y2)
	u1 := step(x[1], x[0], x1, u0, y1)
	u2 := step(x[2], x[1], x[0], u1, u0)
	u3 := step(x[3], x[2], x[1], u2, u1)
	VMOVAPD(x[3], x1)
	VMOVAPD(x[2], x2)
	VMOVAPD(u3, y1)
	VMOVAPD(u2, y2)
	for i, v := range Transpose([]VecVirtual{u0, u1, u2, u3}) {
		VMOVUPD(v, Mem{Base: q[i]})
	}
	for i := range p {
		ADDQ(U8(32), p[i])
		ADDQ(U8(32), q[i])
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i, v := range []VecVirtual{x1, x2, y1, y2} {
		VMOVUPD(v, four(state, i))
	}
	Leave()
}

func poles() {
	Kernel("biquadPolesFourAVX2", "func(rows *[8]*float64, coefs *[2][4]float64, state *[2][4]float64, count int)",
		"biquadPolesFourAVX2 runs λ[n] = ȳ[n] - a1 λ[n+1] - a2 λ[n+2] back over 4 count",
		"frames of four lanes. rows point at the last four frames of ȳ and of λ, coefs",
		"are -a1, -a2, state λ[n+1], λ[n+2] of the lanes.")
	rows, coefs, state, count := Arg("rows"), Arg("coefs"), Arg("state"), Arg("count")
	p := pointers(rows, 0, 4)
	q := pointers(rows, 4, 4)
	a1, a2, l1, l2 := YMM(), YMM(), YMM(), YMM()
	VMOVUPD(four(coefs, 0), a1)
	VMOVUPD(four(coefs, 1), a2)
	VMOVUPD(four(state, 0), l1)
	VMOVUPD(four(state, 1), l2)
	Label("loop")
	g := Transpose(loadRows(p))
	for k := 3; k >= 0; k-- {
		n1, n2 := l1, l2
		if k < 3 {
			n1 = g[k+1]
			if k < 2 {
				n2 = g[k+2]
			} else {
				n2 = l1
			}
		}
		VFMADD231PD(a2, n2, g[k])
		VFMADD231PD(a1, n1, g[k])
	}
	VMOVAPD(g[0], l1)
	VMOVAPD(g[1], l2)
	for i, v := range Transpose(g) {
		VMOVUPD(v, Mem{Base: q[i]})
	}
	for i := range p {
		SUBQ(U8(32), p[i])
		SUBQ(U8(32), q[i])
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(l1, four(state, 0))
	VMOVUPD(l2, four(state, 1))
	Leave()
}

func collect() {
	Kernel("biquadCollectAVX2", "func(x, y, dx, lambda *float64, b *[3]float64, sums *[5][4]float64, count int)",
		"biquadCollectAVX2 adds b0 λ[n] + b1 λ[n+1] + b2 λ[n+2] to dx, and to sums the",
		"products of x[n] with these three and of y[n] with the last two, 4 count frames.")
	x, y, dx, lambda, b, sums, count := Arg("x"), Arg("y"), Arg("dx"), Arg("lambda"), Arg("b"), Arg("sums"), Arg("count")
	var bs, acc []VecVirtual
	for i := range 3 {
		v := YMM()
		VBROADCASTSD(Mem{Base: b, Disp: 8 * i}, v)
		bs = append(bs, v)
	}
	for i := range 5 {
		v := YMM()
		VMOVUPD(four(sums, i), v)
		acc = append(acc, v)
	}
	Label("loop")
	l0, l1, l2, z, u, v := YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
	VMOVUPD(Mem{Base: lambda}, l0)
	VMOVUPD(Mem{Base: lambda, Disp: 8}, l1)
	VMOVUPD(Mem{Base: lambda, Disp: 16}, l2)
	VMOVUPD(Mem{Base: dx}, z)
	VFMADD231PD(bs[2], l2, z)
	VFMADD231PD(bs[1], l1, z)
	VFMADD231PD(bs[0], l0, z)
	VMOVUPD(z, Mem{Base: dx})
	VMOVUPD(Mem{Base: x}, u)
	VMOVUPD(Mem{Base: y}, v)
	VFMADD231PD(u, l0, acc[0])
	VFMADD231PD(u, l1, acc[1])
	VFMADD231PD(u, l2, acc[2])
	VFMADD231PD(v, l1, acc[3])
	VFMADD231PD(v, l2, acc[4])
	for _, p := range []GPVirtual{x, y, dx, lambda} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i, a := range acc {
		VMOVUPD(a, four(sums, i))
	}
	Leave()
}

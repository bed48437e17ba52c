// Command biquad writes the AVX2 kernels of the second-order filters in nodes.
// Each does what its plain counterpart in biquad.go does, operation by
// operation for the recursions, so that a lane has the same bits in either.
package main

import (
	. "ampfit/internal/asmgen/asm"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	forward()
	poles()
	collect()
	Generate()
}

// pointers loads the n pointers of an array.
func pointers(array GPVirtual, first, n int) []GPVirtual {
	p := make([]GPVirtual, n)
	for i := range p {
		p[i] = GP64()
		MOVQ(At(array, 8*(first+i)), p[i])
	}
	return p
}

// four is a group of four float64, the i-th of a table.
func four(table GPVirtual, i int) Mem { return At(table, 32*i) }

func loadRows(p []GPVirtual) []VecVirtual {
	r := make([]VecVirtual, 4)
	for i := range r {
		r[i] = Quad(Mem{Base: p[i]})
	}
	return r
}

func forward() {
	Kernel("biquadFourAVX2", "func(rows *[8]*float64, coefs *[5][4]float64, state *[4][4]float64, count int)", "filters four lanes for 4 count frames. rows are the inputs and",
		"the outputs, coefs b0, b1, b2, -a1, -a2 and state x1, x2, y1, y2 of the lanes.")
	rows, coefs, state, count := Arg("rows"), Arg("coefs"), Arg("state"), Arg("count")
	p := pointers(rows, 0, 4)
	q := pointers(rows, 4, 4)
	x1, x2, y1, y2 := YMM(), YMM(), YMM(), YMM()
	for i, v := range []VecVirtual{x1, x2, y1, y2} {
		VMOVUPD(four(state, i), v)
	}
	Loop("loop", count, func() {
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
	})
	for i, v := range []VecVirtual{x1, x2, y1, y2} {
		VMOVUPD(v, four(state, i))
	}
	Leave()
}

func poles() {
	Kernel("biquadPolesFourAVX2", "func(rows *[8]*float64, coefs *[2][4]float64, state *[2][4]float64, count int)", "runs λ[n] = ȳ[n] - a1 λ[n+1] - a2 λ[n+2] back over 4 count",
		"frames of four lanes. rows point at the last four frames of ȳ and of λ, coefs",
		"are -a1, -a2, state λ[n+1], λ[n+2] of the lanes.")
	rows, coefs, state, count := Arg("rows"), Arg("coefs"), Arg("state"), Arg("count")
	p := pointers(rows, 0, 4)
	q := pointers(rows, 4, 4)
	a1, a2, l1, l2 := Quad(four(coefs, 0)), Quad(four(coefs, 1)), Quad(four(state, 0)), Quad(four(state, 1))
	Loop("loop", count, func() {
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
	})
	VMOVUPD(l1, four(state, 0))
	VMOVUPD(l2, four(state, 1))
	Leave()
}

func collect() {
	Kernel("biquadCollectAVX2", "func(x, y, dx, lambda *float64, b *[3]float64, sums *[5][4]float64, count int)", "adds b0 λ[n] + b1 λ[n+1] + b2 λ[n+2] to dx, and to sums the",
		"products of x[n] with these three and of y[n] with the last two, 4 count frames.")
	x, y, dx, lambda, b, sums, count := Arg("x"), Arg("y"), Arg("dx"), Arg("lambda"), Arg("b"), Arg("sums"), Arg("count")
	var bs, acc []VecVirtual
	for i := range 3 {
		bs = append(bs, Splat(At(b, 8*i)))
	}
	for i := range 5 {
		acc = append(acc, Quad(four(sums, i)))
	}
	Loop("loop", count, func() {
		l0, l1, l2, z, u, v := YMM(), YMM(), YMM(), YMM(), YMM(), YMM()
		VMOVUPD(At(lambda, 0), l0)
		VMOVUPD(At(lambda, 8), l1)
		VMOVUPD(At(lambda, 16), l2)
		VMOVUPD(At(dx, 0), z)
		VFMADD231PD(bs[2], l2, z)
		VFMADD231PD(bs[1], l1, z)
		VFMADD231PD(bs[0], l0, z)
		VMOVUPD(z, At(dx, 0))
		VMOVUPD(At(x, 0), u)
		VMOVUPD(At(y, 0), v)
		VFMADD231PD(u, l0, acc[0])
		VFMADD231PD(u, l1, acc[1])
		VFMADD231PD(u, l2, acc[2])
		VFMADD231PD(v, l1, acc[3])
		VFMADD231PD(v, l2, acc[4])
		Advance(32, x, y, dx, lambda)
	})
	for i, a := range acc {
		VMOVUPD(a, four(sums, i))
	}
	Leave()
}

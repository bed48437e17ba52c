// Command elementary writes AVX2 kernels of logarithm, exponential and envelopes for nodes.
// They do what their plain counterparts in elementary.go do, operation by
// operation, so that both give the same bits.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() {
	Write(func() {
		logarithm()
		exponential()
		kneeGain()
		kneeBack()
		follow("followLargerAVX2", false)
		follow("followSmallerAVX2", true)
	})
}

func splat(base GPVirtual, i int) VecVirtual {
	v := YMM()
	VBROADCASTSD(Mem{Base: base, Disp: 8 * i}, v)
	return v
}

func logarithm() {
	Kernel("logRowAVX2", "func(dst *float64, x *float64, count int, table *[18]uint64, floor float64, scale float64)",
		"logRowAVX2 writes scale ln max(x, floor) of 4 count values.")
	dst, x, count, table := Arg("dst"), Arg("x"), Arg("count"), Arg("table")
	one, two := splat(table, 4), splat(table, 5)
	floor, scale := Scalar("floor"), Scalar("scale")
	Label("loop")
	b, k, t, m, e := YMM(), YMM(), YMM(), YMM(), YMM()
	VMAXPD(Mem{Base: x}, floor, b)
	VPADDQ(splat(table, 0), b, k)
	VPSRLQ(U8(52), k, k)
	VPSLLQ(U8(52), k, t)
	VPSUBQ(t, b, m)
	VPADDQ(splat(table, 1), m, m)
	VPOR(splat(table, 2), k, e)
	VSUBPD(splat(table, 3), e, e)
	f, s, z, z2, z4 := YMM(), YMM(), YMM(), YMM(), YMM()
	VSUBPD(one, m, f)
	VADDPD(one, m, m)
	VDIVPD(m, f, s)
	VMULPD(s, s, z)
	VMULPD(z, z, z2)
	VMULPD(z2, z2, z4)
	pair := func(i int) VecVirtual { // c_i + c_{i+1} z
		v := splat(table, i)
		VFMADD231PD(splat(table, i+1), z, v)
		return v
	}
	low, p := pair(8), pair(10)
	VFMADD231PD(p, z2, low)
	mid, q := pair(12), pair(14)
	VFMADD231PD(q, z2, mid)
	VFMADD231PD(pair(16), z4, mid)
	VFMADD231PD(mid, z4, low)
	VMULPD(s, z, z)
	VMULPD(two, s, s)
	VFMADD231PD(low, z, s)
	VFMADD231PD(splat(table, 7), e, s)
	VFMADD231PD(splat(table, 6), e, s)
	VMULPD(scale, s, s)
	VMOVUPD(s, Mem{Base: dst})
	Next("loop", count, 32, x, dst)
	Leave()
}

func exponential() {
	Kernel("expRowAVX2", "func(dst *float64, x *float64, count int, table *[20]uint64)", "expRowAVX2 writes e^x of 4 count values.")
	dst, x, count, table := Arg("dst"), Arg("x"), Arg("count"), Arg("table")
	away := splat(table, 1)
	Label("loop")
	v, k, n, r := YMM(), YMM(), YMM(), YMM()
	VMOVUPD(Mem{Base: x}, v)
	VMINPD(splat(table, 4), v, v)
	VMAXPD(splat(table, 5), v, v)
	VMOVAPD(away, k)
	VFMADD231PD(splat(table, 0), v, k)
	VSUBPD(away, k, n)
	VMOVAPD(v, r)
	VFNMADD231PD(splat(table, 2), n, r)
	VFNMADD231PD(splat(table, 3), n, r)
	r2, r4, r8 := YMM(), YMM(), YMM()
	VMULPD(r, r, r2)
	VMULPD(r2, r2, r4)
	VMULPD(r4, r4, r8)
	pair := func(i int) VecVirtual {
		v := splat(table, i)
		VFMADD231PD(splat(table, i+1), r, v)
		return v
	}
	a, b := pair(6), pair(8)
	VFMADD231PD(b, r2, a)
	c, d := pair(10), pair(12)
	VFMADD231PD(d, r2, c)
	VFMADD231PD(c, r4, a)
	e, f := pair(14), pair(16)
	VFMADD231PD(f, r2, e)
	VFMADD231PD(pair(18), r4, e)
	VFMADD231PD(e, r8, a)
	VPSLLQ(U8(52), k, k)
	VPADDQ(a, k, a)
	VMOVUPD(a, Mem{Base: dst})
	Next("loop", count, 32, x, dst)
	Leave()
}

// follow runs two envelopes side by side: of a level and of its square.
func follow(name string, falls bool) {
	Kernel(name, "func(e *float64, q *float64, level *float64, count int, coefs *[4]float64, state *float64)",
		name+" writes envelopes of a level and its square: coefs are a, 1-a, b, 1-b of", "both ways of following, of which it takes the larger or the smaller.")
	e, q, level, count, coefs, state := Arg("e"), Arg("q"), Arg("level"), Arg("count"), Arg("coefs"), Arg("state")
	var c []VecVirtual
	for i := range 4 {
		v := XMM()
		VMOVDDUP(Mem{Base: coefs, Disp: 8 * i}, v)
		c = append(c, v)
	}
	last := XMM()
	VMOVUPD(Mem{Base: state}, last)
	Label("loop")
	d, s, u, w := XMM(), XMM(), XMM(), XMM()
	VMOVSD(Mem{Base: level}, d)
	VMULSD(d, d, s)
	VUNPCKLPD(s, d, d)
	VMULPD(d, c[1], u)
	VMULPD(d, c[3], w)
	VFMADD231PD(last, c[0], u)
	VFMADD231PD(last, c[2], w)
	if falls {
		VMINPD(w, u, last)
	} else {
		VMAXPD(w, u, last)
	}
	VMOVLPD(last, Mem{Base: e})
	VMOVHPD(last, Mem{Base: q})
	for _, p := range []GPVirtual{e, q, level} {
		ADDQ(U8(8), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(last, Mem{Base: state})
	RET()
}

// knee returns how far a level is up the knee, and how far above its upper end;
// the table is threshold, half the knee, the knee and its inverse.
func knee(level Op, table GPVirtual) (p, above VecVirtual) {
	over, zero := YMM(), YMM()
	p, above = YMM(), YMM()
	VXORPD(zero, zero, zero)
	VMOVUPD(level, over)
	VSUBPD(splat(table, 0), over, over)
	VADDPD(splat(table, 1), over, p)
	VMAXPD(zero, p, p)
	VMINPD(splat(table, 2), p, p)
	VMULPD(splat(table, 3), p, p)
	VSUBPD(splat(table, 1), over, above)
	VMAXPD(zero, above, above)
	return p, above
}

func kneeGain() {
	Kernel("kneeGainAVX2", "func(row *float64, count int, table *[5]float64)",
		"kneeGainAVX2 replaces 4 count levels by gains; the last of the table is the slope.")
	row, count, table := Arg("row"), Arg("count"), Arg("table")
	slope := splat(table, 4)
	Label("loop")
	p, above := knee(Mem{Base: row}, table)
	VMULPD(p, p, p)
	VFMADD231PD(splat(table, 1), p, above)
	VMULPD(slope, above, above)
	VMOVUPD(above, Mem{Base: row})
	Next("loop", count, 32, row)
	Leave()
}

func kneeBack() {
	Kernel("kneeBackAVX2", "func(row *float64, level *float64, count int, table *[5]float64, sums *[3][4]float64)",
		"kneeBackAVX2 replaces gradients of gains by those of levels, and writes the sums", "for slope, knee and threshold of every fourth frame.")
	row, level, count, table, sums := Arg("row"), Arg("level"), Arg("count"), Arg("table"), Arg("sums")
	var acc []VecVirtual
	for range 3 {
		v := YMM()
		VXORPD(v, v, v)
		acc = append(acc, v)
	}
	slope := splat(table, 4)
	Label("loop")
	p, above := knee(Mem{Base: level}, table)
	v, square := YMM(), YMM()
	VMOVUPD(Mem{Base: row}, v)
	VMULPD(p, p, square)
	VFMADD231PD(splat(table, 1), square, above)
	VFMADD231PD(above, v, acc[0])
	VSUBPD(square, p, square)
	VFMADD231PD(square, v, acc[1])
	VMULPD(slope, v, v)
	VMULPD(p, v, v)
	VADDPD(v, acc[2], acc[2])
	VMOVUPD(v, Mem{Base: row})
	Next("loop", count, 32, row, level)
	for i := range acc {
		VMOVUPD(acc[i], Mem{Base: sums, Disp: 32 * i})
	}
	Leave()
}

// Command sines writes the AVX2 kernels of the damped sinusoids in nodes. Each
// does what its plain counterpart in sines.go does, operation by operation, so
// that both give the same bits.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

// The places of a table in sines.go, in bytes.
const (
	here   = 0   // Re z^j, Im z^j
	before = 64  // Re z^(j-4), Im z^(j-4)
	twice  = 128 // 2 Re z^4
	square = 136 // |z|^8
	table  = 144
)

func main() {
	Write(func() {
		add("sinesAddAVX2", false)
		add("sinesAddDampedAVX2", true)
		sum()
		turns()
		partials()
		partialsBack()
	})
}

func add(name string, damped bool) {
	TEXT(name, NOSPLIT, "func(y *float64, pairs int, tables *float64, phasors *float64, quads int)")
	Pragma("noescape")
	doc := "has |z| = 1"
	if damped {
		doc = "has any z"
	}
	Doc(name+" adds 4 quads partials to 8 pairs frames of y. Each "+doc+", and", "phasors are its imaginary and real part in the first frame.")
	y, pairs, tables, phasors, quads := Arg("y"), Arg("pairs"), Arg("tables"), Arg("phasors"), Arg("quads")
	Label("quad")
	var s, q, w []VecVirtual
	for i := range 4 {
		im, re := Splat(At(phasors, 16*i)), Splat(At(phasors, 16*i+8))
		for _, disp := range []int{here, before} {
			v := YMM()
			VMULPD(At(tables, table*i+disp), im, v)
			VFMADD231PD(At(tables, table*i+disp+32), re, v)
			if disp == here {
				s = append(s, v)
			} else {
				q = append(q, v)
			}
		}
	}
	for i := range 4 {
		w = append(w, Splat(At(tables, table*i+twice)))
	}
	p, count := GP64(), GP64()
	MOVQ(y, p)
	MOVQ(pairs, count)
	r := YMM()
	step := func(s, q []VecVirtual, disp int) { // adds s; q becomes what comes after s
		a, b := YMM(), YMM()
		VADDPD(s[1], s[0], a)
		VADDPD(s[3], s[2], b)
		VADDPD(b, a, a)
		VADDPD(At(p, disp), a, a)
		VMOVUPD(a, At(p, disp))
		for i := range 4 {
			if damped {
				VBROADCASTSD(At(tables, table*i+square), r)
				VMULPD(r, q[i], q[i])
			}
			VFMSUB231PD(w[i], s[i], q[i])
		}
	}
	Label("loop")
	step(s, q, 0)
	step(q, s, 32)
	Next("loop", count, 64, p)
	ADDQ(U32(4*table), tables)
	Next("quad", quads, 64, phasors)
	Leave()
}

func sum() {
	Kernel("sinesSumAVX2", "func(sums *float64, x *float64, ramp *float64, pairs int, tables *float64, twos int)",
		"sinesSumAVX2 writes for each of 2 twos partials the real and imaginary parts of", "Σ x[n] z^n and of Σ ramp[n] z^n over 8 pairs frames.")
	sums, x, ramp, pairs, tables, twos := Arg("sums"), Arg("x"), Arg("ramp"), Arg("pairs"), Arg("tables"), Arg("twos")
	last := GP64()
	MOVQ(pairs, last)
	SHLQ(U8(6), last)
	SUBQ(U8(64), last) // offset of the last eight frames
	Label("two")
	// u' and u'' of both rows and partials.
	var u, v, w, r []VecVirtual
	for i := range 2 {
		w = append(w, Splat(At(tables, table*i+twice)))
		r = append(r, Splat(At(tables, table*i+square)))
	}
	for range 4 {
		a, b := YMM(), YMM()
		VXORPD(a, a, a)
		VXORPD(b, b, b)
		u, v = append(u, a), append(v, b)
	}
	p, q, count := GP64(), GP64(), GP64()
	LEAQ(Mem{Base: x, Index: last, Scale: 1}, p)
	LEAQ(Mem{Base: ramp, Index: last, Scale: 1}, q)
	MOVQ(pairs, count)
	step := func(u, v []VecVirtual, disp int) { // v becomes the new u
		a, b := YMM(), YMM()
		VMOVUPD(At(p, disp), a)
		VMOVUPD(At(q, disp), b)
		for i := range 2 {
			VFNMADD213PD(a, r[i], v[2*i])
			VFMADD231PD(w[i], u[2*i], v[2*i])
			VFNMADD213PD(b, r[i], v[2*i+1])
			VFMADD231PD(w[i], u[2*i+1], v[2*i+1])
		}
	}
	Label("loop")
	step(u, v, 32)
	step(v, u, 0)
	SUBQ(U8(64), p)
	SUBQ(U8(64), q)
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range 2 {
		var e []VecVirtual // real and imaginary part of each row
		for row := range 2 {
			VMULPD(r[i], v[2*i+row], v[2*i+row])
			for part := range 2 {
				a := YMM()
				VMULPD(At(tables, table*i+before+32*part), v[2*i+row], a)
				VFMSUB231PD(At(tables, table*i+here+32*part), u[2*i+row], a)
				e = append(e, a)
			}
		}
		a, b, c, d := YMM(), YMM(), YMM(), YMM()
		VHADDPD(e[1], e[0], a) // e0: 0+1, e1: 0+1, e0: 2+3, e1: 2+3
		VHADDPD(e[3], e[2], b)
		VPERM2F128(U8(0x20), b, a, c)
		VPERM2F128(U8(0x31), b, a, d)
		VADDPD(d, c, c)
		VMOVUPD(c, At(sums, 32*i))
	}
	ADDQ(U32(2*table), tables)
	Next("two", twos, 64, sums)
	Leave()
}

// turns is sinTurn of wave.go for four phases at a time, and for their quarter
// turn ahead.
func turns() {
	Kernel("sinesTurnsAVX2", "func(phasors *float64, turns *float64, quads int, constants *[14]float64)",
		"sinesTurnsAVX2 replaces 4 quads phases in cycles by pairs of sine and cosine.")
	phasors, phases, quads, constants := Arg("phasors"), Arg("turns"), Arg("quads"), Arg("constants")
	away, quarter, mask := Splat(At(constants, 0)), Splat(At(constants, 8)), Splat(At(constants, 16))
	coef := func(i int) VecVirtual { return Splat(At(constants, 24+8*i)) }
	Label("quad")
	turn := YMM()
	VMOVUPD(At(phases, 0), turn)
	sine := func(p VecVirtual) VecVirtual {
		r, a := YMM(), YMM()
		VADDPD(away, p, r)
		VSUBPD(away, r, r)
		VSUBPD(r, p, r)
		VANDPD(mask, r, a) // |r|
		VSUBPD(quarter, a, a)
		VANDPD(mask, a, a)
		VSUBPD(a, quarter, a)
		z, z2, z4 := YMM(), YMM(), YMM()
		VMULPD(a, a, z)
		VMULPD(z, z, z2)
		VMULPD(z2, z2, z4)
		pair := func(i int) VecVirtual { // c_i + c_{i+1} z
			v := coef(i)
			t := YMM()
			VMULPD(coef(i+1), z, t)
			VADDPD(t, v, v)
			return v
		}
		join := func(v, w, x VecVirtual) { // v + w x
			t := YMM()
			VMULPD(w, x, t)
			VADDPD(t, v, v)
		}
		low := pair(0)
		join(low, pair(2), z2)
		high := pair(4)
		join(high, pair(6), z2)
		join(high, coef(8), z4)
		join(low, high, z4)
		VMULPD(a, low, low)
		s := YMM()
		VANDNPD(r, mask, s) // the sign of r
		VORPD(s, low, low)
		return low
	}
	s := sine(turn)
	VADDPD(quarter, turn, turn)
	c := sine(turn)
	a, b, lo, hi := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPD(c, s, a)
	VUNPCKHPD(c, s, b)
	VPERM2F128(U8(0x20), b, a, lo)
	VPERM2F128(U8(0x31), b, a, hi)
	VMOVUPD(lo, At(phasors, 0))
	VMOVUPD(hi, At(phasors, 32))
	ADDQ(U8(32), phases)
	ADDQ(U8(64), phasors)
	DECQ(quads)
	JNZ(LabelRef("quad"))
	Leave()
}

// rotate turns (s, c) by (s1, c1), both sine and cosine.
func rotate(s, c, s1, c1 VecVirtual) {
	t, u := YMM(), YMM()
	VMULPD(s1, c, t)
	VMULPD(s1, s, u)
	VFMADD132PD(c1, t, s)
	VFMSUB132PD(c1, u, c)
}

func partials() {
	Kernel("partialsEightAVX2", "func(y *[8]float64, walk *[4][8]float64, coefs *float64, count int)",
		"partialsEightAVX2 adds count partials to eight frames. walk is sine and cosine of", "the first partial and of the last one, coefs pairs a cos φ, a sin φ.")
	y, walk, coefs, count := Arg("y"), Arg("walk"), Arg("coefs"), Arg("count")
	var v [4][2]VecVirtual
	var sum [2]VecVirtual
	for h := range 2 {
		for i := range v {
			v[i][h] = YMM()
			VMOVUPD(At(walk, 64*i+32*h), v[i][h])
		}
		sum[h] = YMM()
		VMOVUPD(At(y, 32*h), sum[h])
	}
	Label("loop")
	a, b := Splat(At(coefs, 0)), Splat(At(coefs, 8))
	for h := range 2 {
		rotate(v[2][h], v[3][h], v[0][h], v[1][h])
		VFMADD231PD(a, v[2][h], sum[h])
		VFMADD231PD(b, v[3][h], sum[h])
	}
	Next("loop", count, 16, coefs)
	for h := range 2 {
		VMOVUPD(sum[h], At(y, 32*h))
		VMOVUPD(v[2][h], At(walk, 128+32*h))
		VMOVUPD(v[3][h], At(walk, 192+32*h))
	}
	Leave()
}

func partialsBack() {
	Kernel("partialsBackAVX2", "func(walk *[7][4]float64, coefs *float64, sums *float64, count int)",
		"partialsBackAVX2 goes over count partials of four frames. walk is sine and cosine", "of the first partial and of the last one, ȳ, Φ, and the gradient of Φ; coefs are cos φ,", "sin φ and 2π k a, sums those for amplitude, phase and ratio of every fourth frame.")
	walk, coefs, sums, count := Arg("walk"), Arg("coefs"), Arg("sums"), Arg("count")
	var v []VecVirtual
	for i := range 7 {
		r := YMM()
		VMOVUPD(At(walk, 32*i), r)
		v = append(v, r)
	}
	s1, c1, s, c, g, turn, lambda := v[0], v[1], v[2], v[3], v[4], v[5], v[6]
	Label("loop")
	rotate(s, c, s1, c1)
	a, b, p, q, t := Splat(At(coefs, 0)), Splat(At(coefs, 8)), YMM(), YMM(), YMM()
	VMULPD(a, s, p)
	VFMADD231PD(b, c, p)
	VMULPD(b, s, t)
	VMULPD(a, c, q)
	VSUBPD(t, q, q)
	VMOVUPD(At(sums, 0), t)
	VFMADD231PD(g, p, t)
	VMOVUPD(t, At(sums, 0))
	VMULPD(g, q, q)
	VADDPD(At(sums, 32), q, t)
	VMOVUPD(t, At(sums, 32))
	VMOVUPD(At(sums, 64), t)
	VFMADD231PD(turn, q, t)
	VMOVUPD(t, At(sums, 64))
	VFMADD231PD(Splat(At(coefs, 16)), q, lambda)
	ADDQ(U8(24), coefs)
	ADDQ(U8(96), sums)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(s, At(walk, 64))
	VMOVUPD(c, At(walk, 96))
	VMOVUPD(lambda, At(walk, 192))
	Leave()
}

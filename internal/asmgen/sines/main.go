// Command sines writes the AVX2 kernels of the damped sinusoids in nodes. Each
// does what its plain counterpart in sines.go does, operation by operation, so
// that both give the same bits.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
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
	ConstraintExpr("!noasm")
	add("sinesAddAVX2", false)
	add("sinesAddDampedAVX2", true)
	sum()
	turns()
	Generate()
}

func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func at(base GPVirtual, disp int) Mem { return Mem{Base: base, Disp: disp} }

func splat(m Mem) VecVirtual {
	v := YMM()
	VBROADCASTSD(m, v)
	return v
}

func add(name string, damped bool) {
	TEXT(name, NOSPLIT, "func(y *float64, pairs int, tables *float64, phasors *float64, quads int)")
	Pragma("noescape")
	doc := "has |z| = 1"
	if damped {
		doc = "has any z"
	}
	Doc(name+" adds 4 quads partials to 8 pairs frames of y. Each "+doc+", and", "phasors are its imaginary and real part in the first frame.")
	y, pairs, tables, phasors, quads := arg("y"), arg("pairs"), arg("tables"), arg("phasors"), arg("quads")
	Label("quad")
	var s, q, w []VecVirtual
	for i := range 4 {
		im, re := splat(at(phasors, 16*i)), splat(at(phasors, 16*i+8))
		for _, disp := range []int{here, before} {
			v := YMM()
			VMULPD(at(tables, table*i+disp), im, v)
			VFMADD231PD(at(tables, table*i+disp+32), re, v)
			if disp == here {
				s = append(s, v)
			} else {
				q = append(q, v)
			}
		}
	}
	for i := range 4 {
		w = append(w, splat(at(tables, table*i+twice)))
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
		VADDPD(at(p, disp), a, a)
		VMOVUPD(a, at(p, disp))
		for i := range 4 {
			if damped {
				VBROADCASTSD(at(tables, table*i+square), r)
				VMULPD(r, q[i], q[i])
			}
			VFMSUB231PD(w[i], s[i], q[i])
		}
	}
	Label("loop")
	step(s, q, 0)
	step(q, s, 32)
	ADDQ(U8(64), p)
	DECQ(count)
	JNZ(LabelRef("loop"))
	ADDQ(U32(4*table), tables)
	ADDQ(U8(64), phasors)
	DECQ(quads)
	JNZ(LabelRef("quad"))
	VZEROUPPER()
	RET()
}

func sum() {
	TEXT("sinesSumAVX2", NOSPLIT, "func(sums *float64, x *float64, ramp *float64, pairs int, tables *float64, twos int)")
	Pragma("noescape")
	Doc("sinesSumAVX2 writes for each of 2 twos partials the real and imaginary parts of", "Σ x[n] z^n and of Σ ramp[n] z^n over 8 pairs frames.")
	sums, x, ramp, pairs, tables, twos := arg("sums"), arg("x"), arg("ramp"), arg("pairs"), arg("tables"), arg("twos")
	last := GP64()
	MOVQ(pairs, last)
	SHLQ(U8(6), last)
	SUBQ(U8(64), last) // offset of the last eight frames
	Label("two")
	// u' and u'' of both rows and partials.
	var u, v, w, r []VecVirtual
	for i := range 2 {
		w = append(w, splat(at(tables, table*i+twice)))
		r = append(r, splat(at(tables, table*i+square)))
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
		VMOVUPD(at(p, disp), a)
		VMOVUPD(at(q, disp), b)
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
				VMULPD(at(tables, table*i+before+32*part), v[2*i+row], a)
				VFMSUB231PD(at(tables, table*i+here+32*part), u[2*i+row], a)
				e = append(e, a)
			}
		}
		a, b, c, d := YMM(), YMM(), YMM(), YMM()
		VHADDPD(e[1], e[0], a) // e0: 0+1, e1: 0+1, e0: 2+3, e1: 2+3
		VHADDPD(e[3], e[2], b)
		VPERM2F128(U8(0x20), b, a, c)
		VPERM2F128(U8(0x31), b, a, d)
		VADDPD(d, c, c)
		VMOVUPD(c, at(sums, 32*i))
	}
	ADDQ(U32(2*table), tables)
	ADDQ(U8(64), sums)
	DECQ(twos)
	JNZ(LabelRef("two"))
	VZEROUPPER()
	RET()
}

// turns is sinTurn of wave.go for four phases at a time, and for their quarter
// turn ahead.
func turns() {
	TEXT("sinesTurnsAVX2", NOSPLIT, "func(phasors *float64, turns *float64, quads int, constants *[14]float64)")
	Pragma("noescape")
	Doc("sinesTurnsAVX2 replaces 4 quads phases in cycles by pairs of sine and cosine.")
	phasors, phases, quads, constants := arg("phasors"), arg("turns"), arg("quads"), arg("constants")
	away, quarter, mask := splat(at(constants, 0)), splat(at(constants, 8)), splat(at(constants, 16))
	coef := func(i int) VecVirtual { return splat(at(constants, 24+8*i)) }
	Label("quad")
	turn := YMM()
	VMOVUPD(at(phases, 0), turn)
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
	VMOVUPD(lo, at(phasors, 0))
	VMOVUPD(hi, at(phasors, 32))
	ADDQ(U8(32), phases)
	ADDQ(U8(64), phasors)
	DECQ(quads)
	JNZ(LabelRef("quad"))
	VZEROUPPER()
	RET()
}

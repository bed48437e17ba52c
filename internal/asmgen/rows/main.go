// Command rows writes the AVX2 kernels that combine rows of frames, for the delay
// lines in nodes. Counts are of four frames. They do what their plain
// counterparts do, operation by operation, but for the order of long sums.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func main() {
	ConstraintExpr("!noasm")
	add()
	dot()
	butterfly(8)
	butterfly(2)
	blend()
	take()
	ends(1)
	ends(2)
	back()
	line()
	Generate()
}

func arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

func at(base GPVirtual, disp int) Mem { return Mem{Base: base, Disp: disp} }

// scalar spreads an argument over a vector, without an instruction of the old kind,
// which is slow beside those of AVX.
func scalar(name string) VecVirtual {
	place, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return splat(place.Addr)
}

func load(m Mem) VecVirtual {
	v := YMM()
	VMOVUPD(m, v)
	return v
}

func splat(m Mem) VecVirtual {
	v := YMM()
	VBROADCASTSD(m, v)
	return v
}

func zero() VecVirtual {
	v := YMM()
	VXORPD(v, v, v)
	return v
}

func leave() {
	VZEROUPPER()
	RET()
}

func transpose(r []VecVirtual) []VecVirtual {
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPD(r[1], r[0], a)
	VUNPCKHPD(r[1], r[0], b)
	VUNPCKLPD(r[3], r[2], c)
	VUNPCKHPD(r[3], r[2], d)
	t := []VecVirtual{YMM(), YMM(), YMM(), YMM()}
	VPERM2F128(U8(0x20), c, a, t[0])
	VPERM2F128(U8(0x20), d, b, t[1])
	VPERM2F128(U8(0x31), c, a, t[2])
	VPERM2F128(U8(0x31), d, b, t[3])
	return t
}

// four are the addresses of four rows that are stride apart.
func four(base, stride, thrice GPVirtual) []Mem {
	return []Mem{{Base: base}, {Base: base, Index: stride, Scale: 1}, {Base: base, Index: stride, Scale: 2}, {Base: base, Index: thrice, Scale: 1}}
}

func triple(stride GPVirtual) GPVirtual {
	t := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, t)
	return t
}

func add() {
	TEXT("rowsAddAVX2", NOSPLIT, "func(dst *float64, count int, weights *float64, step int, rows *float64, stride int, n int)")
	Pragma("noescape")
	Doc("rowsAddAVX2 adds n rows to dst, each times its weight. Weights are step, rows", "stride bytes apart.")
	dst, count, weights, step, rows, stride, n := arg("dst"), arg("count"), arg("weights"), arg("step"), arg("rows"), arg("stride"), arg("n")
	w, r, k := GP64(), GP64(), GP64()
	pass := func(name string, vectors int) {
		Label(name)
		SUBQ(U8(vectors), count)
		JLT(LabelRef(name + "End"))
		var acc []VecVirtual
		for i := range vectors {
			acc = append(acc, load(at(dst, 32*i)))
		}
		MOVQ(weights, w)
		MOVQ(rows, r)
		MOVQ(n, k)
		Label(name + "Row")
		g := splat(at(w, 0))
		for i := range acc {
			VFMADD231PD(at(r, 32*i), g, acc[i])
		}
		ADDQ(step, w)
		ADDQ(stride, r)
		DECQ(k)
		JNZ(LabelRef(name + "Row"))
		for i := range acc {
			VMOVUPD(acc[i], at(dst, 32*i))
		}
		ADDQ(U32(32*vectors), dst)
		ADDQ(U32(32*vectors), rows)
		JMP(LabelRef(name))
		Label(name + "End")
		ADDQ(U8(vectors), count)
	}
	pass("wide", 8)
	pass("narrow", 1)
	leave()
}

func dot() {
	TEXT("rowsDotAVX2", NOSPLIT, "func(sums *[4][4]float64, x *float64, rows *float64, stride int, count int)")
	Pragma("noescape")
	Doc("rowsDotAVX2 writes the sums of the products of x with four rows, of every fourth", "frame.")
	sums, x, rows, stride, count := arg("sums"), arg("x"), arg("rows"), arg("stride"), arg("count")
	thrice := triple(stride)
	acc := []VecVirtual{zero(), zero(), zero(), zero()}
	Label("loop")
	v := load(at(x, 0))
	for i, m := range four(rows, stride, thrice) {
		VFMADD231PD(m, v, acc[i])
	}
	ADDQ(U8(32), x)
	ADDQ(U8(32), rows)
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range acc {
		VMOVUPD(acc[i], at(sums, 32*i))
	}
	leave()
}

func butterfly(n int) {
	name := map[int]string{2: "rowsTurnTwoAVX2", 8: "rowsTurnEightAVX2"}[n]
	TEXT(name, NOSPLIT, "func(rows *float64, stride int, count int)")
	Pragma("noescape")
	Doc(name + " multiplies rows that are stride bytes apart by Hadamard's matrix.")
	rows, stride, count := arg("rows"), arg("stride"), arg("count")
	thrice, more := triple(stride), GP64()
	LEAQ(Mem{Base: rows, Index: stride, Scale: 4}, more)
	Label("loop")
	places := append(four(rows, stride, thrice), four(more, stride, thrice)...)[:n]
	var v []VecVirtual
	for _, m := range places {
		v = append(v, load(m))
	}
	for half := 1; half < n; half *= 2 {
		for i := range n {
			if i&half != 0 {
				continue
			}
			t := YMM()
			VSUBPD(v[i+half], v[i], t)
			VADDPD(v[i+half], v[i], v[i])
			v[i+half] = t
		}
	}
	for i, m := range places {
		VMOVUPD(v[i], m)
	}
	ADDQ(U8(32), rows)
	ADDQ(U8(32), more)
	DECQ(count)
	JNZ(LabelRef("loop"))
	leave()
}

func blend() {
	TEXT("rowsBlendAVX2", NOSPLIT, "func(dst *float64, a *float64, x *float64, s float64, w float64, count int)")
	Pragma("noescape")
	Doc("rowsBlendAVX2 writes s a + w x to dst.")
	dst, a, x, s, g, count := arg("dst"), arg("a"), arg("x"), scalar("s"), scalar("w"), arg("count")
	Label("loop")
	t, u := YMM(), load(at(a, 0))
	VMULPD(at(x, 0), g, t)
	VFMADD231PD(u, s, t)
	VMOVUPD(t, at(dst, 0))
	for _, p := range []GPVirtual{dst, a, x} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	leave()
}

func take() {
	TEXT("rowsTakeAVX2", NOSPLIT, "func(sum *[4]float64, dst *float64, lambda *float64, x *float64, dx *float64, w float64, count int)")
	Pragma("noescape")
	Doc("rowsTakeAVX2 copies λ to dst, adds w λ to dx and writes the sums of x λ of every", "fourth frame.")
	sum, dst, lambda, x, dx, g, count := arg("sum"), arg("dst"), arg("lambda"), arg("x"), arg("dx"), scalar("w"), arg("count")
	acc := zero()
	Label("loop")
	l, d := load(at(lambda, 0)), load(at(dx, 0))
	VMOVUPD(l, at(dst, 0))
	VFMADD231PD(l, g, d)
	VMOVUPD(d, at(dx, 0))
	VFMADD231PD(at(x, 0), l, acc)
	for _, p := range []GPVirtual{dst, lambda, x, dx} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(acc, at(sum, 0))
	leave()
}

// ends runs the low-passes of four or eight lines.
func ends(groups int) {
	name := map[int]string{1: "rowsEndsFourAVX2", 2: "rowsEndsEightAVX2"}[groups]
	TEXT(name, NOSPLIT, "func(l *float64, stride int, past **float64, coefs *float64, state *float64, count int)")
	Pragma("noescape")
	Doc(name+" writes l[n] = f v[n] + p l[n-1] of lines whose rows l are stride bytes", "apart. past are the rows v, coefs f of all lines and then p, state l[n-1].")
	l, stride, past, coefs, state, count := arg("l"), arg("stride"), arg("past"), arg("coefs"), arg("state"), arg("count")
	thrice := triple(stride)
	var rows []GPVirtual
	for i := range 4 * groups {
		p := GP64()
		MOVQ(at(past, 8*i), p)
		rows = append(rows, p)
	}
	bases := []GPVirtual{l}
	if groups == 2 {
		more := past // no longer needed
		LEAQ(Mem{Base: l, Index: stride, Scale: 4}, more)
		bases = append(bases, more)
	}
	var last []VecVirtual
	for i := range groups {
		last = append(last, load(at(state, 32*i)))
	}
	Label("loop")
	for i := range groups {
		var r []VecVirtual
		for _, p := range rows[4*i : 4*i+4] {
			r = append(r, load(at(p, 0)))
		}
		t := transpose(r)
		before := last[i]
		for k := range t {
			VMULPD(at(coefs, 32*i), t[k], t[k])
			VFMADD231PD(at(coefs, 32*(groups+i)), before, t[k])
			before = t[k]
		}
		VMOVAPD(before, last[i])
		for k, v := range transpose(t) {
			VMOVUPD(v, four(bases[i], stride, thrice)[k])
		}
	}
	for _, p := range append(append([]GPVirtual{}, rows...), bases...) {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range last {
		VMOVUPD(last[i], at(state, 32*i))
	}
	leave()
}

func back() {
	TEXT("rowsBackFourAVX2", NOSPLIT, "func(rows *float64, stride int, dy *float64, scale float64, coefs *[2][4]float64, dual *[4]float64, count int)")
	Pragma("noescape")
	Doc("rowsBackFourAVX2 replaces four rows r by g[n] = c ȳ[n] + scale r[n] + p g[n+1], back",
		"in time. rows and dy point at the last four frames; coefs are c and p, dual is p g[n+1].")
	rows, stride, dy, scale, coefs, dual, count := arg("rows"), arg("stride"), arg("dy"), scalar("scale"), arg("coefs"), arg("dual"), arg("count")
	thrice := triple(stride)
	p, pending := load(at(coefs, 32)), load(at(dual, 0))
	Label("loop")
	g := load(at(dy, 0))
	var r []VecVirtual
	for i, m := range four(rows, stride, thrice) {
		t := YMM()
		VMULPD(m, scale, t)
		VFMADD231PD(splat(at(coefs, 8*i)), g, t)
		r = append(r, t)
	}
	t := transpose(r)
	VADDPD(pending, t[3], t[3])
	for k := 2; k >= 0; k-- {
		VFMADD231PD(p, t[k+1], t[k])
	}
	VMULPD(p, t[0], pending)
	for i, v := range transpose(t) {
		VMOVUPD(v, four(rows, stride, thrice)[i])
	}
	SUBQ(U8(32), rows)
	SUBQ(U8(32), dy)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(pending, at(dual, 0))
	leave()
}

func line() {
	TEXT("rowsLineAVX2", NOSPLIT, "func(sums *[3][4]float64, row *float64, l *float64, v *float64, dv *float64, dy *float64, f float64, count int)")
	Pragma("noescape")
	Doc("rowsLineAVX2 adds f times row to dv, and writes the sums of the products of l with ȳ and of v and l[n-1] with row, of every", "fourth frame.")
	sums, g, l, v, dv, dy, f, count := arg("sums"), arg("row"), arg("l"), arg("v"), arg("dv"), arg("dy"), scalar("f"), arg("count")
	acc := []VecVirtual{zero(), zero(), zero()}
	Label("loop")
	x, d, y := load(at(g, 0)), load(at(dv, 0)), load(at(dy, 0))
	VFMADD231PD(at(l, 0), y, acc[0])
	VFMADD231PD(at(v, 0), x, acc[1])
	VFMADD231PD(at(l, -8), x, acc[2])
	VFMADD231PD(x, f, d)
	VMOVUPD(d, at(dv, 0))
	for _, p := range []GPVirtual{g, l, v, dv, dy} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range acc {
		VMOVUPD(acc[i], at(sums, 32*i))
	}
	leave()
}

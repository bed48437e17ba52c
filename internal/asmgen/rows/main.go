// Command rows writes the AVX2 kernels that combine rows of frames, for the delay
// lines in nodes/kernel. Counts are of four frames. They do what their plain
// counterparts do, operation by operation, but for the order of long sums.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() {
	Write(func() {
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
	})
}

// four are the addresses of four rows that are stride apart.
func four(base, stride, thrice GPVirtual) []Mem {
	return []Mem{{Base: base}, {Base: base, Index: stride, Scale: 1}, {Base: base, Index: stride, Scale: 2}, {Base: base, Index: thrice, Scale: 1}}
}

func add() {
	Kernel("rowsAddAVX2", "func(dst *float64, count int, weights *float64, step int, rows *float64, stride int, n int)",
		"rowsAddAVX2 adds n rows to dst, each times its weight. Weights are step, rows", "stride bytes apart.")
	dst, count, weights, step, rows, stride, n := Arg("dst"), Arg("count"), Arg("weights"), Arg("step"), Arg("rows"), Arg("stride"), Arg("n")
	w, r, k := GP64(), GP64(), GP64()
	pass := func(name string, vectors int) {
		Label(name)
		SUBQ(U8(vectors), count)
		JLT(LabelRef(name + "End"))
		var acc []VecVirtual
		for i := range vectors {
			acc = append(acc, Four(At(dst, 32*i)))
		}
		MOVQ(weights, w)
		MOVQ(rows, r)
		MOVQ(n, k)
		Label(name + "Row")
		g := Splat(At(w, 0))
		for i := range acc {
			VFMADD231PD(At(r, 32*i), g, acc[i])
		}
		ADDQ(step, w)
		ADDQ(stride, r)
		DECQ(k)
		JNZ(LabelRef(name + "Row"))
		for i := range acc {
			VMOVUPD(acc[i], At(dst, 32*i))
		}
		ADDQ(U32(32*vectors), dst)
		ADDQ(U32(32*vectors), rows)
		JMP(LabelRef(name))
		Label(name + "End")
		ADDQ(U8(vectors), count)
	}
	pass("wide", 8)
	pass("narrow", 1)
	Leave()
}

func dot() {
	Kernel("rowsDotAVX2", "func(sums *[4][4]float64, x *float64, rows *float64, stride int, count int)",
		"rowsDotAVX2 writes the sums of the products of x with four rows, of every fourth", "frame.")
	sums, x, rows, stride, count := Arg("sums"), Arg("x"), Arg("rows"), Arg("stride"), Arg("count")
	thrice := Triple(stride)
	acc := []VecVirtual{Zero(), Zero(), Zero(), Zero()}
	Label("loop")
	v := Four(At(x, 0))
	for i, m := range four(rows, stride, thrice) {
		VFMADD231PD(m, v, acc[i])
	}
	Next("loop", count, 32, x, rows)
	for i := range acc {
		VMOVUPD(acc[i], At(sums, 32*i))
	}
	Leave()
}

func butterfly(n int) {
	name := map[int]string{2: "rowsTurnTwoAVX2", 8: "rowsTurnEightAVX2"}[n]
	Kernel(name, "func(rows *float64, stride int, count int)",
		name+" multiplies rows that are stride bytes apart by Hadamard's matrix.")
	rows, stride, count := Arg("rows"), Arg("stride"), Arg("count")
	thrice, more := Triple(stride), GP64()
	LEAQ(Mem{Base: rows, Index: stride, Scale: 4}, more)
	Label("loop")
	places := append(four(rows, stride, thrice), four(more, stride, thrice)...)[:n]
	var v []VecVirtual
	for _, m := range places {
		v = append(v, Four(m))
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
	Next("loop", count, 32, rows, more)
	Leave()
}

func blend() {
	Kernel("rowsBlendAVX2", "func(dst *float64, a *float64, x *float64, s float64, w float64, count int)", "rowsBlendAVX2 writes s a + w x to dst.")
	dst, a, x, s, g, count := Arg("dst"), Arg("a"), Arg("x"), Scalar("s"), Scalar("w"), Arg("count")
	Label("loop")
	t, u := YMM(), Four(At(a, 0))
	VMULPD(At(x, 0), g, t)
	VFMADD231PD(u, s, t)
	VMOVUPD(t, At(dst, 0))
	for _, p := range []GPVirtual{dst, a, x} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	Leave()
}

func take() {
	Kernel("rowsTakeAVX2", "func(sum *[4]float64, dst *float64, lambda *float64, x *float64, dx *float64, w float64, count int)",
		"rowsTakeAVX2 copies λ to dst, adds w λ to dx and writes the sums of x λ of every", "fourth frame.")
	sum, dst, lambda, x, dx, g, count := Arg("sum"), Arg("dst"), Arg("lambda"), Arg("x"), Arg("dx"), Scalar("w"), Arg("count")
	acc := Zero()
	Label("loop")
	l, d := Four(At(lambda, 0)), Four(At(dx, 0))
	VMOVUPD(l, At(dst, 0))
	VFMADD231PD(l, g, d)
	VMOVUPD(d, At(dx, 0))
	VFMADD231PD(At(x, 0), l, acc)
	for _, p := range []GPVirtual{dst, lambda, x, dx} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(acc, At(sum, 0))
	Leave()
}

// ends runs the low-passes of four or eight lines.
func ends(groups int) {
	name := map[int]string{1: "rowsEndsFourAVX2", 2: "rowsEndsEightAVX2"}[groups]
	Kernel(name, "func(l *float64, stride int, past **float64, coefs *float64, state *float64, count int)",
		name+" writes l[n] = f v[n] + p l[n-1] of lines whose rows l are stride bytes", "apart. past are the rows v, coefs f of all lines and then p, state l[n-1].")
	l, stride, past, coefs, state, count := Arg("l"), Arg("stride"), Arg("past"), Arg("coefs"), Arg("state"), Arg("count")
	thrice := Triple(stride)
	var rows []GPVirtual
	for i := range 4 * groups {
		p := GP64()
		MOVQ(At(past, 8*i), p)
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
		last = append(last, Four(At(state, 32*i)))
	}
	Label("loop")
	for i := range groups {
		var r []VecVirtual
		for _, p := range rows[4*i : 4*i+4] {
			r = append(r, Four(At(p, 0)))
		}
		t := Transpose(r)
		before := last[i]
		for k := range t {
			VMULPD(At(coefs, 32*i), t[k], t[k])
			VFMADD231PD(At(coefs, 32*(groups+i)), before, t[k])
			before = t[k]
		}
		VMOVAPD(before, last[i])
		for k, v := range Transpose(t) {
			VMOVUPD(v, four(bases[i], stride, thrice)[k])
		}
	}
	for _, p := range append(append([]GPVirtual{}, rows...), bases...) {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range last {
		VMOVUPD(last[i], At(state, 32*i))
	}
	Leave()
}

func back() {
	Kernel("rowsBackFourAVX2", "func(rows *float64, stride int, dy *float64, scale float64, coefs *[2][4]float64, dual *[4]float64, count int)",
		"rowsBackFourAVX2 replaces four rows r by g[n] = c ȳ[n] + scale r[n] + p g[n+1], back",
		"in time. rows and dy point at the last four frames; coefs are c and p, dual is p g[n+1].")
	rows, stride, dy, scale, coefs, dual, count := Arg("rows"), Arg("stride"), Arg("dy"), Scalar("scale"), Arg("coefs"), Arg("dual"), Arg("count")
	thrice := Triple(stride)
	p, pending := Four(At(coefs, 32)), Four(At(dual, 0))
	Label("loop")
	g := Four(At(dy, 0))
	var r []VecVirtual
	for i, m := range four(rows, stride, thrice) {
		t := YMM()
		VMULPD(m, scale, t)
		VFMADD231PD(Splat(At(coefs, 8*i)), g, t)
		r = append(r, t)
	}
	t := Transpose(r)
	VADDPD(pending, t[3], t[3])
	for k := 2; k >= 0; k-- {
		VFMADD231PD(p, t[k+1], t[k])
	}
	VMULPD(p, t[0], pending)
	for i, v := range Transpose(t) {
		VMOVUPD(v, four(rows, stride, thrice)[i])
	}
	SUBQ(U8(32), rows)
	SUBQ(U8(32), dy)
	DECQ(count)
	JNZ(LabelRef("loop"))
	VMOVUPD(pending, At(dual, 0))
	Leave()
}

func line() {
	Kernel("rowsLineAVX2", "func(sums *[3][4]float64, row *float64, l *float64, v *float64, dv *float64, dy *float64, f float64, count int)",
		"rowsLineAVX2 adds f times row to dv, and writes the sums of the products of l with ȳ and of v and l[n-1] with row, of every", "fourth frame.")
	sums, g, l, v, dv, dy, f, count := Arg("sums"), Arg("row"), Arg("l"), Arg("v"), Arg("dv"), Arg("dy"), Scalar("f"), Arg("count")
	acc := []VecVirtual{Zero(), Zero(), Zero()}
	Label("loop")
	x, d, y := Four(At(g, 0)), Four(At(dv, 0)), Four(At(dy, 0))
	VFMADD231PD(At(l, 0), y, acc[0])
	VFMADD231PD(At(v, 0), x, acc[1])
	VFMADD231PD(At(l, -8), x, acc[2])
	VFMADD231PD(x, f, d)
	VMOVUPD(d, At(dv, 0))
	for _, p := range []GPVirtual{g, l, v, dv, dy} {
		ADDQ(U8(32), p)
	}
	DECQ(count)
	JNZ(LabelRef("loop"))
	for i := range acc {
		VMOVUPD(acc[i], At(sums, 32*i))
	}
	Leave()
}

// Command modes writes the AVX2 kernels of the two-pole resonators in nodes:
// four modes stand side by side in a register.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

// A table holds c1, c2 and A of 16 modes; a state u[n-1] and u[n-2] of them.
const (
	row   = 128 // bytes of 16 modes
	c1    = 0
	c2    = row
	level = 2 * row
)

func main() { Write(forward, states, backward) }

// load takes n vectors.
func load(base GPVirtual, disp, n int) []VecVirtual {
	v := make([]VecVirtual, n)
	for i := range v {
		v[i] = YMM()
		VMOVUPD(At(base, disp+32*i), v[i])
	}
	return v
}

func store(v []VecVirtual, base GPVirtual, disp int) {
	for i := range v {
		VMOVUPD(v[i], At(base, disp+32*i))
	}
}

// run steps u over count frames, two at a time so that nothing is moved: with
// each step u[n-2] becomes u[n].
func run(count GPVirtual, u, v []VecVirtual, step func(u, v []VecVirtual), end func(u, v []VecVirtual)) {
	SUBQ(U8(2), count)
	JLT(LabelRef("odd"))
	Label("loop")
	step(u, v)
	step(v, u)
	SUBQ(U8(2), count)
	JGE(LabelRef("loop"))
	Label("odd")
	ADDQ(U8(2), count)
	JZ(LabelRef("even"))
	step(u, v)
	end(v, u)
	Label("even")
	end(u, v)
}

func forward() {
	Kernel("modesForwardAVX2", "func(wide *float64, x *float64, count int, table *float64, state *float64)",
		"modesForwardAVX2 runs 16 modes over count frames, and adds what they give to", "four values a frame, those of every fourth mode.")
	wide, x, count, table, state := Arg("wide"), Arg("x"), Arg("count"), Arg("table"), Arg("state")
	u, v := load(state, 0, 4), load(state, row, 4)
	step := func(u, v []VecVirtual) {
		a, in := YMM(), YMM()
		VMOVUPD(At(wide, 0), a)
		VBROADCASTSD(At(x, 0), in)
		for i := range u {
			VFMADD231PD(At(table, level+32*i), u[i], a)
			VFMADD132PD(At(table, c2+32*i), in, v[i])
			VFMADD231PD(At(table, c1+32*i), u[i], v[i])
		}
		VMOVUPD(a, At(wide, 0))
		ADDQ(U8(8), x)
		ADDQ(U8(32), wide)
	}
	run(count, u, v, step, func(u, v []VecVirtual) {
		store(u, state, 0)
		store(v, state, row)
		Leave()
	})
}

func states() {
	Kernel("modesStatesAVX2", "func(rows *float64, x *float64, count int, table *float64, state *float64)",
		"modesStatesAVX2 runs 8 modes over count frames, and writes u[n-1] of each frame.")
	rows, x, count, table, state := Arg("rows"), Arg("x"), Arg("count"), Arg("table"), Arg("state")
	u, v := load(state, 0, 2), load(state, row, 2)
	step := func(u, v []VecVirtual) {
		in := YMM()
		VBROADCASTSD(At(x, 0), in)
		for i := range u {
			VMOVUPD(u[i], At(rows, 32*i))
			VFMADD132PD(At(table, c2+32*i), in, v[i])
			VFMADD231PD(At(table, c1+32*i), u[i], v[i])
		}
		ADDQ(U8(8), x)
		ADDQ(U8(64), rows)
	}
	run(count, u, v, step, func(u, v []VecVirtual) { Leave() })
}

func backward() {
	Kernel("modesBackwardAVX2", "func(rows *float64, wide *float64, dy *float64, count int, table *float64, dual *float64, sums *[3][8]float64)",
		"modesBackwardAVX2 runs 8 modes back over count frames. rows, wide and dy point at",
		"the last of them, rows[-8] is u[n-2]; wide takes what the input gets, in four",
		"values a frame. dual is Λ and μ, sums are those of the gradients of A, c1, c2.")
	rows, wide, dy, count, table, dual, sums := Arg("rows"), Arg("wide"), Arg("dy"), Arg("count"), Arg("table"), Arg("dual"), Arg("sums")
	l, m := load(dual, 0, 2), load(dual, row, 2)
	var acc [3][]VecVirtual
	for k := range acc {
		for range 2 {
			z := YMM()
			VXORPD(z, z, z)
			acc[k] = append(acc[k], z)
		}
	}
	g, t := YMM(), YMM()
	frame := func(more bool) {
		VADDPD(l[1], l[0], t)
		VADDPD(At(wide, 0), t, t)
		VMOVUPD(t, At(wide, 0))
		for i := range 2 {
			VFMADD231PD(At(rows, 32*i), g, acc[0][i])
			VFMADD231PD(At(rows, 32*i), l[i], acc[1][i])
			VFMADD231PD(At(rows, 32*i-64), l[i], acc[2][i])
		}
		if more {
			VBROADCASTSD(At(dy, -8), g)
		}
		for i := range 2 { // m has A ȳ already: the chain of dependent steps is short
			next := YMM()
			if more {
				VMULPD(At(table, level+32*i), g, next)
				VFMADD231PD(At(table, c2+32*i), l[i], next)
			} else {
				VMULPD(At(table, c2+32*i), l[i], next)
			}
			VFMADD132PD(At(table, c1+32*i), m[i], l[i])
			VMOVAPD(next, m[i])
		}
	}
	VBROADCASTSD(At(dy, 0), g)
	for i := range 2 {
		VFMADD231PD(At(table, level+32*i), g, m[i])
	}
	DECQ(count)
	JZ(LabelRef("last"))
	Label("loop")
	frame(true)
	SUBQ(U8(64), rows)
	SUBQ(U8(32), wide)
	SUBQ(U8(8), dy)
	DECQ(count)
	JNZ(LabelRef("loop"))
	Label("last")
	frame(false)
	store(l, dual, 0)
	store(m, dual, row)
	for k := range acc {
		store(acc[k], sums, 64*k)
	}
	Leave()
}

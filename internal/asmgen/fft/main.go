// Command fft writes the AVX2 kernels of package internal/fft. Each does what
// the plain function of its name in stockham.go does, on whole vectors of four.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"

	. "ampfit/internal/asmgen/asm"
)

func main() {
	Write(func() {
		first()
		middle()
		last4(false)
		last4(true)
		last2(false)
		last2(true)
		split()
		merge()
	})
}

// pair is four complex numbers.
type pair struct{ re, im VecVirtual }

func newPair() pair { return pair{YMM(), YMM()} }

// add sets d = a + b, sub d = a - b.
func add(d, a, b pair) { VADDPD(b.re, a.re, d.re); VADDPD(b.im, a.im, d.im) }
func sub(d, a, b pair) { VSUBPD(b.re, a.re, d.re); VSUBPD(b.im, a.im, d.im) }

// turn sets plus = a - i b and minus = a + i b.
func turn(plus, minus, a, b pair) {
	VADDPD(b.im, a.re, plus.re)
	VSUBPD(b.re, a.im, plus.im)
	VSUBPD(b.im, a.re, minus.re)
	VADDPD(b.re, a.im, minus.im)
}

// times sets d = w a, with the parts of w in registers or memory.
func times(d pair, wr, wi Op, a pair) {
	VMULPD(wi, a.im, d.re)
	VFMSUB231PD(wr, a.re, d.re)
	VMULPD(wi, a.re, d.im)
	VFMADD231PD(wr, a.im, d.im)
}

func load(at Mem) pair {
	p := newPair()
	VMOVUPD(at, p.re)
	VMOVUPD(at.Offset(32), p.im)
	return p
}

func store(at Mem, p pair) {
	VMOVUPD(p.re, at)
	VMOVUPD(p.im, at.Offset(32))
}

// quarters returns the places at base, and 1, 2, 3 strides after it.
func quarters(base, stride, stride3 Register) [4]Mem {
	return [4]Mem{
		{Base: base}, {Base: base, Index: stride, Scale: 1},
		{Base: base, Index: stride, Scale: 2}, {Base: base, Index: stride3, Scale: 1},
	}
}

// bytes loads a number of floats as a number of bytes.
func bytes(name string) GPVirtual {
	r := Arg(name)
	SHLQ(U8(3), r)
	return r
}

// radix4 returns the four sums of a butterfly, without twiddles.
func radix4(a, b, c, d pair) (y0, u1, u2, u3 pair) {
	t0, t1, t2, t3 := newPair(), newPair(), newPair(), newPair()
	add(t0, a, c)
	sub(t1, a, c)
	add(t2, b, d)
	sub(t3, b, d)
	y0, u1, u2, u3 = newPair(), newPair(), newPair(), newPair()
	add(y0, t0, t2)
	sub(u2, t0, t2)
	turn(u1, u3, t1, t3)
	return
}

func first() {
	Kernel("firstAVX2", "func(dst, x, twiddles *float64, count, quarter int)",
		"firstAVX2 does 4 count butterflies of the first pass; quarter is the floats from one input to the next.")
	dst, x, w, count := Arg("dst"), Arg("x"), Arg("twiddles"), Arg("count")
	quarter := bytes("quarter")
	places := quarters(x, quarter, Triple(quarter))

	Label("loop")
	var in [4]pair
	for i, at := range places {
		even, odd := YMM(), YMM() // numbers 0 and 2, 1 and 3
		VMOVUPD(at, even)         // the whole vector, lest avo take its upper half for live
		VINSERTF128(U8(1), at.Offset(32), even, even)
		VMOVUPD(at.Offset(16), odd)
		VINSERTF128(U8(1), at.Offset(48), odd, odd)
		in[i] = newPair()
		VUNPCKLPD(odd, even, in[i].re)
		VUNPCKHPD(odd, even, in[i].im)
	}
	y0, u1, u2, u3 := radix4(in[0], in[1], in[2], in[3])
	y := [4]pair{y0}
	for i, u := range []pair{u1, u2, u3} {
		y[i+1] = newPair()
		times(y[i+1], Mem{Base: w, Disp: 64 * i}, Mem{Base: w, Disp: 64*i + 32}, u)
	}
	transpose(y[0].re, y[1].re, y[2].re, y[3].re, Mem{Base: dst})
	transpose(y[0].im, y[1].im, y[2].im, y[3].im, Mem{Base: dst, Disp: 32})
	ADDQ(U8(64), x)
	ADDQ(U32(192), w)
	ADDQ(U32(256), dst)
	DECQ(count)
	JNZ(LabelRef("loop"))
	Leave()
}

// transpose stores the columns of four rows, one to a block.
func transpose(r0, r1, r2, r3 VecVirtual, at Mem) {
	a, b, c, d := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPD(r1, r0, a)
	VUNPCKHPD(r1, r0, b)
	VUNPCKLPD(r3, r2, c)
	VUNPCKHPD(r3, r2, d)
	for i, p := range []struct {
		low, high VecVirtual
		which     U8
	}{{a, c, 0x20}, {b, d, 0x20}, {a, c, 0x31}, {b, d, 0x31}} {
		column := YMM()
		VPERM2F128(p.which, p.high, p.low, column)
		VMOVUPD(column, at.Offset(64*i))
	}
}

func middle() {
	Kernel("middleAVX2", "func(dst, src, twiddles *float64, count, width, quarter int)",
		"middleAVX2 does a middle pass: count values of p with width floats each; quarter is the floats from one input to the next.")
	dst, src, w, count := Arg("dst"), Arg("src"), Arg("twiddles"), Arg("count")
	width, quarter := bytes("width"), bytes("quarter")
	width3 := Triple(width)
	in, out := quarters(src, quarter, Triple(quarter)), quarters(dst, width, width3)

	Label("p")
	var ws [6]VecVirtual
	for i := range ws {
		ws[i] = YMM()
		VBROADCASTSD(Mem{Base: w, Disp: 8 * i}, ws[i])
	}
	left := GP64()
	MOVQ(width, left)
	Label("q")
	// c and d come from memory where they are used, for want of registers
	a, t0, t1 := load(in[0]), newPair(), newPair()
	VADDPD(in[2], a.re, t0.re)
	VADDPD(in[2].Offset(32), a.im, t0.im)
	VSUBPD(in[2], a.re, t1.re)
	VSUBPD(in[2].Offset(32), a.im, t1.im)
	b, t2, t3 := load(in[1]), newPair(), newPair()
	VADDPD(in[3], b.re, t2.re)
	VADDPD(in[3].Offset(32), b.im, t2.im)
	VSUBPD(in[3], b.re, t3.re)
	VSUBPD(in[3].Offset(32), b.im, t3.im)
	y, u := newPair(), newPair()
	add(y, t0, t2)
	store(out[0], y)
	sub(u, t0, t2)
	y = newPair()
	times(y, ws[2], ws[3], u)
	store(out[2], y)
	plus, minus := newPair(), newPair()
	turn(plus, minus, t1, t3)
	y = newPair()
	times(y, ws[0], ws[1], plus)
	store(out[1], y)
	y = newPair()
	times(y, ws[4], ws[5], minus)
	store(out[3], y)
	ADDQ(U8(64), src)
	ADDQ(U8(64), dst)
	SUBQ(U8(64), left)
	JNZ(LabelRef("q"))
	ADDQ(U8(48), w)
	ADDQ(width3, dst)
	DECQ(count)
	JNZ(LabelRef("p"))
	Leave()
}

// swapped stores four complex numbers in turn, imaginary part first.
func swapped(at Mem, y pair) { interleave(at, y.im, y.re) }

func interleave(at Mem, even, odd VecVirtual) {
	low, high, a, b := YMM(), YMM(), YMM(), YMM()
	VUNPCKLPD(odd, even, low)
	VUNPCKHPD(odd, even, high)
	VPERM2F128(U8(0x20), high, low, a)
	VPERM2F128(U8(0x31), high, low, b)
	VMOVUPD(a, at)
	VMOVUPD(b, at.Offset(32))
}

func last4(swap bool) {
	src, outputs, advance := last(4, swap)
	stride := bytes("s") // in planes
	stride2 := GP64()    // in blocks and in numbers in turn
	LEAQ(Mem{Base: stride, Index: stride, Scale: 1}, stride2)
	in := quarters(src, stride2, Triple(stride2))
	count := Arg("s")
	stride3 := GPVirtual(nil)
	if swap {
		stride3 = Triple(stride2)
	} else {
		stride3 = Triple(stride)
	}
	Label("loop")
	y0, y1, y2, y3 := radix4(load(in[0]), load(in[1]), load(in[2]), load(in[3]))
	for i, y := range []pair{y0, y1, y2, y3} {
		if swap {
			swapped(quarters(outputs[0], stride2, stride3)[i], y)
		} else {
			VMOVUPD(y.re, quarters(outputs[0], stride, stride3)[i])
			VMOVUPD(y.im, quarters(outputs[1], stride, stride3)[i])
		}
	}
	advance(count)
}

func last2(swap bool) {
	src, outputs, advance := last(2, swap)
	stride := bytes("s")
	stride2 := GP64()
	LEAQ(Mem{Base: stride, Index: stride, Scale: 1}, stride2)
	count := Arg("s")
	Label("loop")
	a, b := load(Mem{Base: src}), load(Mem{Base: src, Index: stride2, Scale: 1})
	y0, y1 := newPair(), newPair()
	add(y0, a, b)
	sub(y1, a, b)
	if swap {
		swapped(Mem{Base: outputs[0]}, y0)
		swapped(Mem{Base: outputs[0], Index: stride2, Scale: 1}, y1)
	} else {
		VMOVUPD(y0.re, Mem{Base: outputs[0]})
		VMOVUPD(y0.im, Mem{Base: outputs[1]})
		VMOVUPD(y1.re, Mem{Base: outputs[0], Index: stride, Scale: 1})
		VMOVUPD(y1.im, Mem{Base: outputs[1], Index: stride, Scale: 1})
	}
	advance(count)
}

// last begins a last pass; advance ends it.
func last(radix int, swap bool) (src GPVirtual, outputs []GPVirtual, advance func(count GPVirtual)) {
	name, params, step := fmt.Sprintf("last%d", radix), "re, im", uint8(32)
	if swap {
		name, params, step = name+"Swapped", "x", 64
	}
	TEXT(name+"AVX2", NOSPLIT, "func("+params+", src *float64, s int)")
	Pragma("noescape")
	Doc(name + "AVX2 does the last pass, with stride s.")
	src = Arg("src")
	if swap {
		outputs = []GPVirtual{Arg("x")}
	} else {
		outputs = []GPVirtual{Arg("re"), Arg("im")}
	}
	return src, outputs, func(count GPVirtual) {
		ADDQ(U8(64), src)
		for _, o := range outputs {
			ADDQ(U8(step), o)
		}
		SUBQ(U8(4), count)
		JNZ(LabelRef("loop"))
		Leave()
	}
}

// mirror loads four numbers in reverse.
func mirror(at Mem) VecVirtual {
	v := YMM()
	VPERMPD(U8(0x1b), at, v)
	return v
}

func split() {
	Kernel("splitAVX2", "func(lr, li, ur, ui, wr, wi *float64, count int, h float64)",
		"splitAVX2 splits 4 count bins from lr, li up and their mirror images from ur, ui down.")
	lr, li, ur, ui := Arg("lr"), Arg("li"), Arg("ur"), Arg("ui")
	wr, wi, count := Arg("wr"), Arg("wi"), Arg("count")
	h := Scalar("h")
	Label("loop")
	z := newPair()
	VMOVUPD(Mem{Base: lr}, z.re)
	VMOVUPD(Mem{Base: li}, z.im)
	y := pair{mirror(Mem{Base: ur}), mirror(Mem{Base: ui})}
	e, o, t := newPair(), newPair(), newPair()
	VADDPD(y.re, z.re, e.re)
	VSUBPD(y.im, z.im, e.im)
	VADDPD(y.im, z.im, o.re)
	VSUBPD(z.re, y.re, o.im)
	for _, v := range []VecVirtual{e.re, e.im, o.re, o.im} {
		VMULPD(h, v, v)
	}
	times(t, Mem{Base: wr}, Mem{Base: wi}, o)
	low, high := newPair(), newPair()
	add(low, e, t)
	VMOVUPD(low.re, Mem{Base: lr})
	VMOVUPD(low.im, Mem{Base: li})
	VSUBPD(t.re, e.re, high.re)
	VSUBPD(e.im, t.im, high.im)
	VPERMPD(U8(0x1b), high.re, high.re)
	VPERMPD(U8(0x1b), high.im, high.im)
	VMOVUPD(high.re, Mem{Base: ur})
	VMOVUPD(high.im, Mem{Base: ui})
	for _, r := range []GPVirtual{lr, li, wr, wi} {
		ADDQ(U8(32), r)
	}
	SUBQ(U8(32), ur)
	SUBQ(U8(32), ui)
	DECQ(count)
	JNZ(LabelRef("loop"))
	Leave()
}

func merge() {
	Kernel("mergeAVX2", "func(lz, uz, lr, li, ur, ui, wr, wi *float64, count int, inner float64)",
		"mergeAVX2 merges 4 count bins from lr, li up and their mirror images from ur, ui down, to lz up and uz down.")
	lz, uz := Arg("lz"), Arg("uz")
	lr, li, ur, ui := Arg("lr"), Arg("li"), Arg("ur"), Arg("ui")
	wr, wi, count := Arg("wr"), Arg("wi"), Arg("count")
	inner := Scalar("inner")
	Label("loop")
	x := newPair()
	VMOVUPD(Mem{Base: lr}, x.re)
	VMOVUPD(Mem{Base: li}, x.im)
	y := pair{mirror(Mem{Base: ur}), mirror(Mem{Base: ui})}
	e, g, o := newPair(), newPair(), newPair()
	VADDPD(y.re, x.re, e.re)
	VSUBPD(y.im, x.im, e.im)
	VSUBPD(y.re, x.re, g.re)
	VADDPD(y.im, x.im, g.im)
	for _, v := range []VecVirtual{e.re, e.im, g.re, g.im} {
		VMULPD(inner, v, v)
	}
	// o = conj(w) g
	VMULPD(Mem{Base: wi}, g.im, o.re)
	VFMADD231PD(Mem{Base: wr}, g.re, o.re)
	VMULPD(Mem{Base: wi}, g.re, o.im)
	VFMSUB231PD(Mem{Base: wr}, g.im, o.im)
	low, high := newPair(), newPair()
	VSUBPD(o.im, e.re, low.re)
	VADDPD(o.re, e.im, low.im)
	swapped(Mem{Base: lz}, low)
	VADDPD(o.im, e.re, high.re)
	VSUBPD(e.im, o.re, high.im)
	VPERMPD(U8(0x1b), high.re, high.re)
	VPERMPD(U8(0x1b), high.im, high.im)
	swapped(Mem{Base: uz}, high)
	for _, r := range []GPVirtual{lr, li, wr, wi} {
		ADDQ(U8(32), r)
	}
	ADDQ(U8(64), lz)
	SUBQ(U8(64), uz)
	SUBQ(U8(32), ur)
	SUBQ(U8(32), ui)
	DECQ(count)
	JNZ(LabelRef("loop"))
	Leave()
}

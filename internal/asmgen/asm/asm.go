// Package asm holds what the generators of the AVX2 kernels share, on top of avo:
// the frame of a kernel, its arguments, vectors of four floats, loops.
package asm

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Kernel begins a function without stack whose pointers do not escape. Its
// documentation is the name and what it does, in lines.
func Kernel(name, signature, does string, more ...string) {
	TEXT(name, NOSPLIT, signature)
	Pragma("noescape")
	Doc(append([]string{name + " " + does}, more...)...)
}

// Leave ends a kernel.
func Leave() {
	VZEROUPPER()
	RET()
}

// Loop repeats body count times; each loop of a kernel has a name of its own.
func Loop(name string, count Op, body func()) {
	Label(name)
	body()
	DECQ(count)
	JNZ(LabelRef(name))
}

// Arg loads an argument.
func Arg(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }

// Scalar spreads an argument over a vector, without an instruction of the old
// kind, which is slow beside those of AVX.
func Scalar(name string) VecVirtual {
	place, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return Splat(place.Addr)
}

// At is a place so many bytes behind a base.
func At(base Register, disp int) Mem { return Mem{Base: base, Disp: disp} }

// Quad loads four floats.
func Quad(m Op) VecVirtual {
	v := YMM()
	VMOVUPD(m, v)
	return v
}

// Quads loads n vectors, one after the other.
func Quads(base Register, disp, n int) []VecVirtual {
	v := make([]VecVirtual, n)
	for i := range v {
		v[i] = Quad(At(base, disp+32*i))
	}
	return v
}

// StoreQuads writes vectors one after the other.
func StoreQuads(base Register, disp int, v ...VecVirtual) {
	for i := range v {
		VMOVUPD(v[i], At(base, disp+32*i))
	}
}

// Splat loads a float into all four places.
func Splat(m Op) VecVirtual {
	v := YMM()
	VBROADCASTSD(m, v)
	return v
}

// Zero returns four zeros.
func Zero() VecVirtual {
	v := YMM()
	VXORPD(v, v, v)
	return v
}

// Advance moves pointers on by less than 128 bytes.
func Advance(bytes uint8, pointers ...GPVirtual) {
	for _, p := range pointers {
		ADDQ(U8(bytes), p)
	}
}

// Retreat moves pointers back by less than 128 bytes.
func Retreat(bytes uint8, pointers ...GPVirtual) {
	for _, p := range pointers {
		SUBQ(U8(bytes), p)
	}
}

// Triple returns three times a register.
func Triple(r GPVirtual) GPVirtual {
	t := GP64()
	LEAQ(Mem{Base: r, Index: r, Scale: 2}, t)
	return t
}

// Four are the places at a base, and 1, 2 and 3 strides after it.
func Four(base, stride, thrice Register) []Mem {
	return []Mem{{Base: base}, {Base: base, Index: stride, Scale: 1}, {Base: base, Index: stride, Scale: 2}, {Base: base, Index: thrice, Scale: 1}}
}

// Transpose turns four rows of four frames into four frames of four rows, and
// back.
func Transpose(r []VecVirtual) []VecVirtual {
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

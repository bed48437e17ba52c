//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"unsafe"
)

// The structures of amp.h.

type cBuffer struct {
	name, data                uintptr
	batches, channels, frames uint32
	_                         uint32
}

type cDescriptor struct {
	size, version             uint32
	name, typeName, params    uintptr
	rate                      float64
	_, oversample, supportsV2 uint32 // the graph keeps the declared delay
	inputs, outputs           uint32
	_                         uint32
}

type cMetrics struct {
	delay uint32 // frames
	heat  float32
	_     [6]float32
}

type cLegacyDescriptor struct {
	name, nameLen, typeName, typeLen, params, paramsLen uintptr
}

type cAudio struct {
	has, batches, channels, frames uint32
	data                           uintptr
}

type cParam struct {
	name                      uintptr
	batches, channels, frames uint32
	_                         uint32
	data                      uintptr
}

type cInputs struct {
	audio  cAudio
	count  uint64
	params uintptr
	_      [4]uint64 // taps and their status
}

// tensor is the shape of one buffer; batches are 1.
type tensor struct {
	name             string
	channels, frames int
}

func (t tensor) size() int { return t.channels * t.frames }

// list is an array of amp_buffer_t with the memory they point to.
type list struct {
	heads region
	c     []cBuffer
	names []region
	data  []region
	want  []cBuffer
}

func newList(names []string, paged bool) *list {
	l := &list{heads: region{paged: paged, what: "the array of buffers"}, names: make([]region, len(names)), data: make([]region, len(names))}
	for i := range l.data {
		l.names[i].paged, l.data[i].paged, l.data[i].what = paged, paged, fmt.Sprintf("the buffer %q", names[i])
		l.names[i].text(names[i])
	}
	l.c = view[cBuffer](&l.heads, len(names))
	l.want = make([]cBuffer, len(names))
	return l
}

// set gives buffer i a shape and returns its values.
func (l *list) set(i int, t tensor) []float64 {
	data := l.data[i].use(t.size())
	l.c[i] = cBuffer{name: address(l.names[i].data), data: address(data), batches: 1, channels: uint32(t.channels), frames: uint32(t.frames)}
	l.want[i] = l.c[i]
	return data
}

// intact tells what a call did to the list that it must not.
func (l *list) intact(what string) error {
	if before, after := l.heads.intact(); !before || !after {
		return fmt.Errorf("the library writes past the end of the array of buffers")
	}
	for i := range l.data {
		before, after := l.data[i].intact()
		name := l.nameOf(i)
		switch {
		case !after:
			return fmt.Errorf("the library writes past the end of a buffer, %s %q", what, name)
		case !before:
			return fmt.Errorf("the library writes before the start of a buffer, %s %q", what, name)
		}
	}
	return nil
}

// shapes tells whether a call left the shapes of the buffers as they were.
func (l *list) shapes(way, what string) error {
	for i, b := range l.c {
		w := l.want[i]
		if b.batches != w.batches || b.channels != w.channels || b.frames != w.frames {
			return fmt.Errorf("the %s call says that %s %q has the shape (%d, %d, %d), not (1, %d, %d)", way, what, l.nameOf(i), b.batches, b.channels, b.frames, w.channels, w.frames)
		}
		if b.data != w.data {
			return fmt.Errorf("the %s call replaces the memory of %s %q, which belongs to the caller", way, what, l.nameOf(i))
		}
	}
	return nil
}

func (l *list) nameOf(i int) string {
	return goText(uintptr(unsafe.Pointer(&l.names[i].data[0])))
}

func (l *list) free() {
	l.heads.free()
	for i := range l.data {
		l.names[i].free()
		l.data[i].free()
	}
}

// goText copies a C string.
func goText(at uintptr) string {
	var b []byte
	for p := *(*unsafe.Pointer)(unsafe.Pointer(&at)); *(*byte)(p) != 0; p = unsafe.Add(p, 1) {
		b = append(b, *(*byte)(p))
	}
	return string(b)
}

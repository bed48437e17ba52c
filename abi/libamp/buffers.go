package main

/*
#include "amp.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"
)

// maxBuffers is how many a call may have each way.
const maxBuffers = 4096

// buffers shows C buffers to Go without copying.
func buffers(p *C.amp_buffer_t, n int) []host.Buffer {
	out := make([]host.Buffer, n)
	for i, b := range unsafe.Slice(p, n) {
		out[i] = host.Buffer{Name: goText(b.name), Batches: int(b.batches), Channels: int(b.channels), Frames: int(b.frames)}
		if size, ok := out[i].Size(); ok {
			out[i].Data = doubles(b.data, size)
		}
	}
	return out
}

// shape tells C the shapes of buffers.
func shape(p *C.amp_buffer_t, list []host.Buffer) {
	own := unsafe.Slice(p, len(list))
	for i := range own {
		c := &own[i]
		c.batches, c.channels, c.frames = C.uint32_t(list[i].Batches), C.uint32_t(list[i].Channels), C.uint32_t(list[i].Frames)
	}
}

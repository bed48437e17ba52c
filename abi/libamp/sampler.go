package main

/*
#include <stdlib.h>
#include "amp.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"
)

// freeSound gives back the C memory of a staged sound.
func freeSound(s *host.Sound) {
	if s != nil && len(s.Samples) > 0 {
		C.free(unsafe.Pointer(&s.Samples[0]))
	}
}

//export amp_kpn_session_stage_sampler_buffer
func amp_kpn_session_stage_sampler_buffer(_ unsafe.Pointer, samples *C.double, frames C.size_t, channels C.uint32_t, node *C.char) (code C.int) {
	defer guard(&code)
	size, ok := (&host.Buffer{Batches: 1, Channels: int(channels), Frames: int(frames)}).Size()
	if node == nil || samples == nil || !ok {
		return invalid("samples, frames, channels and node are needed")
	}
	own := doubles(cDoubles(doubles(samples, size)), size)
	freeSound(host.StageSound(goText(node), own, int(channels)))
	return remember(nil)
}

//export amp_sampler_unregister
func amp_sampler_unregister(node *C.char) C.int {
	return staged(node, true, func(name string) bool {
		s := host.UnstageSound(name)
		freeSound(s)
		return s != nil
	})
}

//export amp_sampler_peek
func amp_sampler_peek(node *C.char, samples **C.double, frames *C.size_t, channels *C.uint32_t, position *C.size_t) C.int {
	return staged(node, samples != nil && frames != nil && channels != nil && position != nil, func(name string) bool {
		s, ok := host.StagedSound(name)
		if ok {
			*samples = (*C.double)(unsafe.Pointer(&s.Samples[0]))
			*frames, *channels, *position = C.size_t(s.Frames()), C.uint32_t(s.Channels), C.size_t(s.Read)
		}
		return ok
	})
}

//export amp_sampler_advance
func amp_sampler_advance(node *C.char, frames C.size_t) C.int {
	return staged(node, true, func(name string) bool { return host.AdvanceSound(name, int(min(frames, 1<<62))) })
}

// staged calls f with a name that a sound is staged under; false from it is
// AMP's -2.
func staged(node *C.char, given bool, f func(name string) bool) (code C.int) {
	defer guard(&code)
	if node == nil || !given {
		return invalid("no argument may be NULL")
	}
	if name := goText(node); !f(name) {
		remember(host.Invalid("no sound is staged under the name %s", name))
		return -2
	}
	return remember(nil)
}

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
func amp_sampler_unregister(node *C.char) (code C.int) {
	defer guard(&code)
	if node == nil {
		return invalid("node must not be NULL")
	}
	s := host.UnstageSound(goText(node))
	freeSound(s)
	if s == nil {
		return unstaged(node)
	}
	return remember(nil)
}

//export amp_sampler_peek
func amp_sampler_peek(node *C.char, samples **C.double, frames *C.size_t, channels *C.uint32_t, position *C.size_t) (code C.int) {
	defer guard(&code)
	if node == nil || samples == nil || frames == nil || channels == nil || position == nil {
		return invalid("no argument may be NULL")
	}
	s, ok := host.StagedSound(goText(node))
	if !ok {
		return unstaged(node)
	}
	*samples = (*C.double)(unsafe.Pointer(&s.Samples[0]))
	*frames, *channels, *position = C.size_t(s.Frames()), C.uint32_t(s.Channels), C.size_t(s.Read)
	return remember(nil)
}

//export amp_sampler_advance
func amp_sampler_advance(node *C.char, frames C.size_t) (code C.int) {
	defer guard(&code)
	if node == nil {
		return invalid("node must not be NULL")
	}
	if !host.AdvanceSound(goText(node), int(min(frames, 1<<62))) {
		return unstaged(node)
	}
	return remember(nil)
}

// unstaged is AMP's -2 for a name without a sound.
func unstaged(node *C.char) C.int {
	remember(host.Invalid("no sound is staged under the name " + goText(node)))
	return -2
}

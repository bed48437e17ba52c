package main

/*
#include <stdlib.h>
#include "amp.h"
*/
import "C"

import (
	"math"
	"unsafe"

	"ampfit/abi/libamp/host"
)

//export amp_run_node
func amp_run_node(desc *C.amp_legacy_descriptor_t, inputs *C.amp_node_inputs_t, batches, channels, frames C.int, rate C.double,
	out **C.double, outChannels *C.int, state *unsafe.Pointer, history *C.amp_control_history_t) (code C.int) {
	defer guard(&code)
	return legacy(desc, inputs, int(batches), int(channels), int(frames), float64(rate), out, outChannels, state, history, nil)
}

// legacy runs a node forward the way AMP's programs call it.
func legacy(desc *C.amp_legacy_descriptor_t, inputs *C.amp_node_inputs_t, batches, channels, frames int, rate float64,
	out **C.double, outChannels *C.int, state *unsafe.Pointer, history *C.amp_control_history_t, metrics *C.amp_legacy_metrics_t) C.int {
	if desc == nil || out == nil || outChannels == nil || state == nil {
		return invalid("desc, out_buffer, out_channels and state must not be NULL")
	}
	*out, *outChannels = nil, 0
	if !(rate > 0) || math.IsInf(rate, 0) {
		rate = 48000
	}
	batches, frames = max(batches, 1), max(frames, 1)
	var node *host.Legacy
	if *state != nil {
		var ok bool
		if node, ok = lookup(*state).(*host.Legacy); !ok {
			return invalid("the state is none of amp_run_node, or was released")
		}
		if err := node.Update(glance(desc.type_name, desc.type_len), glance(desc.params_json, desc.params_len), rate); err != nil {
			return remember(err)
		}
	} else {
		var err error
		node, err = host.NewLegacy(length(desc.name, desc.name_len), length(desc.type_name, desc.type_len), length(desc.params_json, desc.params_len), rate)
		if err != nil {
			return remember(err)
		}
		*state = newHandle(node)
	}
	var call host.LegacyCall
	call.Batches, call.Channels, call.Frames = batches, channels, frames
	if inputs != nil {
		a := &inputs.audio
		if a.has_audio&1 != 0 && a.data != nil {
			call.Audio = &host.Buffer{Batches: int(a.batches), Channels: int(a.channels), Frames: int(a.frames)}
			call.Audio.Data = doubles(a.data, int(a.batches)*int(a.channels)*int(a.frames))
		}
		if inputs.params.items != nil {
			for _, p := range unsafe.Slice(inputs.params.items, int(inputs.params.count)) {
				if p.data == nil {
					continue
				}
				call.Params = append(call.Params, host.Buffer{
					Name: goText(p.name), Batches: int(p.batches), Channels: int(p.channels), Frames: int(p.frames),
					Data: doubles(p.data, int(p.batches)*int(p.channels)*int(p.frames)),
				})
			}
		}
	}
	call.History = curvesOf(history)
	y, n, err := node.Run(call)
	if err != nil {
		return remember(err)
	}
	*out, *outChannels = cDoubles(y), C.int(n)
	if metrics != nil {
		*metrics = C.amp_legacy_metrics_t{}
		delay, heat := node.Metrics()
		metrics.measured_delay_frames, metrics.accumulated_heat = C.uint32_t(delay), C.float(heat)
	}
	return remember(nil)
}

// glance shows such a text without copying it, for as long as the call lasts.
func glance(s *C.char, n C.size_t) string {
	if s == nil {
		return ""
	}
	return unsafe.String((*byte)(unsafe.Pointer(s)), int(n))
}

// length is a text that AMP gives with its length.
func length(s *C.char, n C.size_t) string {
	if s == nil {
		return ""
	}
	return C.GoStringN(s, C.int(n))
}

// curvesOf reads a control history.
func curvesOf(h *C.amp_control_history_t) map[string][]float64 {
	out := map[string][]float64{}
	if h == nil || h.curves == nil {
		return out
	}
	for _, c := range unsafe.Slice(h.curves, int(h.curve_count)) {
		out[C.GoStringN(c.name, C.int(c.name_len))] = append([]float64(nil), doubles(c.values, int(c.count))...)
	}
	return out
}

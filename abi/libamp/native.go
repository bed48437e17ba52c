//go:build cgo && native

package main

/*
#include "amp.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi"
	"ampfit/abi/libamp/host"
)

// In AMP's own interface every mode but forward is unsupported.
//
//export amp_run_node_v2
func amp_run_node_v2(desc *C.amp_legacy_descriptor_t, inputs *C.amp_node_inputs_t, batches, channels, frames C.int, rate C.double,
	out **C.double, outChannels *C.int, state *unsafe.Pointer, history *C.amp_control_history_t, mode C.int, metrics *C.amp_legacy_metrics_t) (code C.int) {
	defer guard(&code)
	if mode != 0 {
		if metrics != nil {
			*metrics = C.amp_legacy_metrics_t{}
		}
		return remember(&host.Fault{Code: abi.EUnsupported, Msg: "AMP's nodes have no backward mode; libamp's amp_run_node_v2 has"})
	}
	return legacy(desc, inputs, int(batches), int(channels), int(frames), float64(rate), out, outChannels, state, history, metrics)
}

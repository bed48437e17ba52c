//go:build cgo && !native

package main

/*
#include "amp.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"
)

//export amp_run_node_v2
func amp_run_node_v2(desc *C.amp_node_descriptor_t, state **C.amp_state_t, inputs, outputs *C.amp_buffer_t,
	mode C.amp_execution_mode_t, metrics *C.amp_node_metrics_t) (code C.int) {
	defer guard(&code)
	switch {
	case desc == nil || state == nil:
		return invalid("desc and state must not be NULL")
	case desc.struct_size < C.uint32_t(unsafe.Sizeof(*desc)):
		return invalid("desc.struct_size is %d; this library needs %d", desc.struct_size, unsafe.Sizeof(*desc))
	case desc.abi_version != 2:
		return invalid("desc.abi_version is %d; this library speaks 2", desc.abi_version)
	case mode != C.AMP_FORWARD && mode != C.AMP_BACKWARD:
		return invalid("mode %d is neither AMP_FORWARD nor AMP_BACKWARD", mode)
	case desc.input_count > maxBuffers || desc.output_count > maxBuffers:
		return invalid("%d inputs and %d outputs are more than the %d a node may have", desc.input_count, desc.output_count, maxBuffers)
	}
	ins, outs := int(desc.input_count), int(desc.output_count)
	if mode == C.AMP_BACKWARD {
		ins, outs = outs, ins
	}
	if ins > 0 && inputs == nil || outs > 0 && outputs == nil {
		return invalid("inputs or outputs is NULL while the descriptor counts some")
	}
	node, err := nodeOf(desc, state)
	if err != nil {
		return remember(err)
	}
	in, out := buffers(inputs, ins), buffers(outputs, outs)
	if mode == C.AMP_FORWARD {
		err = node.Forward(in, out)
	} else {
		err = node.Backward(in, out)
	}
	if mode == C.AMP_FORWARD && err == nil {
		shape(outputs, out)
	}
	if metrics != nil {
		*metrics = C.amp_node_metrics_t{}
		delay, heat := node.Metrics()
		metrics.measured_delay_frames, metrics.accumulated_heat = C.uint32_t(delay), C.float(heat)
	}
	return remember(err)
}

func nodeOf(desc *C.amp_node_descriptor_t, state **C.amp_state_t) (*host.Node, error) {
	d := host.Descriptor{
		Type: peek(desc.type_name), Params: peek(desc.params_json), Rate: float64(desc.sample_rate),
		Declared: int(desc.declared_delay), Oversample: int(desc.oversample_ratio), SupportsV2: desc.supports_v2 != 0,
	}
	if *state != nil {
		if node, ok := lookup(unsafe.Pointer(*state)).(*host.Node); ok {
			return node, node.Same(d)
		}
		return nil, host.Invalid("the state is none of amp_run_node_v2, or was released")
	}
	d.Name, d.Type, d.Params = goText(desc.name), goText(desc.type_name), goText(desc.params_json)
	d.Record = host.RecordOf(d.Params)
	node, err := host.NewNode(d)
	if err == nil {
		*state = (*C.amp_state_t)(newHandle(node))
	}
	return node, err
}

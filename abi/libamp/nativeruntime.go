//go:build cgo && native

package main

/*
#include <stdlib.h>
#include "native.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"
)

// Order and speed of execution are the engine's: a result does not depend on
// AMP's schedulers, so what is asked of them is accepted.

//export amp_graph_runtime_set_scheduler_mode
func amp_graph_runtime_set_scheduler_mode(p *C.amp_runtime_t, mode C.int) C.int {
	return with(p, true, func(*runtime) error {
		if mode != 0 && mode != 1 {
			return host.Invalid("the mode %d is neither 0 nor 1", mode)
		}
		return nil
	})
}

//export amp_graph_runtime_set_scheduler_params
func amp_graph_runtime_set_scheduler_params(p *C.amp_runtime_t, params *C.native_scheduler_t) C.int {
	return with(p, params != nil, func(*runtime) error { return nil })
}

//export amp_graph_runtime_execute_with_history
func amp_graph_runtime_execute_with_history(p *C.amp_runtime_t, h *C.amp_control_history_t, hint C.int, rate C.double,
	out **C.double, batches, channels, frames *C.uint32_t) C.int {
	return with(p, out != nil, func(r *runtime) error {
		*out = nil
		r.SetRate(float64(rate))
		y, ch, n, err := r.ExecuteCurves(curvesOf(h), int(hint))
		if err == nil {
			r.hand(y, ch, n, out, batches, channels, frames)
		}
		return err
	})
}

//export amp_graph_runtime_execute_into
func amp_graph_runtime_execute_into(p *C.amp_runtime_t, control *C.uint8_t, length C.size_t, hint C.int, rate C.double,
	to *C.double, room C.size_t, batches, channels, frames *C.uint32_t) C.int {
	var out *C.double
	code := amp_graph_runtime_execute(p, control, length, hint, rate, &out, batches, channels, frames)
	return into(code, p, out, to, room)
}

//export amp_graph_runtime_execute_history_into
func amp_graph_runtime_execute_history_into(p *C.amp_runtime_t, h *C.amp_control_history_t, hint C.int, rate C.double,
	to *C.double, room C.size_t, batches, channels, frames *C.uint32_t) C.int {
	var out *C.double
	code := amp_graph_runtime_execute_with_history(p, h, hint, rate, &out, batches, channels, frames)
	return into(code, p, out, to, room)
}

// into copies the block that a runtime holds to a caller's buffer.
func into(code C.int, p *C.amp_runtime_t, out, to *C.double, room C.size_t) C.int {
	if code != 0 {
		return code
	}
	size := runtimeOf(p).size
	if to == nil || int(room) < size {
		return invalid("the block has %d values, the buffer room for %d", size, room)
	}
	copy(doubles(to, size), doubles(out, size))
	return code
}

//export amp_load_control_history
func amp_load_control_history(data *C.uint8_t, length C.size_t, hint C.int) (h *C.amp_control_history_t) {
	var code C.int
	defer guard(&code)
	curves, err := host.ParseHistory(blob(data, length))
	if remember(err) != 0 {
		return nil
	}
	h = (*C.amp_control_history_t)(C.calloc(1, C.sizeof_amp_control_history_t))
	h.frames_hint, h.curve_count = C.uint32_t(max(hint, 0)), C.uint32_t(len(curves))
	h.curves = (*C.amp_control_curve_t)(C.calloc(C.size_t(max(len(curves), 1)), C.sizeof_amp_control_curve_t))
	i := 0
	for name, v := range curves {
		c := &unsafe.Slice(h.curves, len(curves))[i]
		c.name, c.name_len, c.values, c.count = C.CString(name), C.uint32_t(len(name)), cDoubles(v), C.uint32_t(len(v))
		i++
	}
	return h
}

//export amp_release_control_history
func amp_release_control_history(h *C.amp_control_history_t) {
	if h == nil {
		return
	}
	for _, c := range unsafe.Slice(h.curves, int(h.curve_count)) {
		C.free(unsafe.Pointer(c.name))
		C.free(unsafe.Pointer(c.values))
	}
	C.free(unsafe.Pointer(h.curves))
	C.free(unsafe.Pointer(h))
}

//export amp_graph_history_load
func amp_graph_history_load(data *C.uint8_t, length C.size_t, hint C.int) *C.amp_control_history_t {
	return amp_load_control_history(data, length, hint)
}

//export amp_graph_history_destroy
func amp_graph_history_destroy(h *C.amp_control_history_t) { amp_release_control_history(h) }

//export amp_load_compiled_plan
func amp_load_compiled_plan(descriptor *C.uint8_t, descriptorLen C.size_t, plan *C.uint8_t, planLen C.size_t) (p *C.native_plan_t) {
	var code C.int
	defer guard(&code)
	x, err := host.ParsePlan(blob(descriptor, descriptorLen), blob(plan, planLen))
	if remember(err) != 0 {
		return nil
	}
	p = (*C.native_plan_t)(C.calloc(1, C.sizeof_native_plan_t))
	p.version, p.node_count = C.uint32_t(x.Version), C.uint32_t(len(x.Nodes))
	p.nodes = (*C.native_plan_node_t)(C.calloc(C.size_t(max(len(x.Nodes), 1)), C.sizeof_native_plan_node_t))
	for i, n := range unsafe.Slice(p.nodes, len(x.Nodes)) {
		from := x.Nodes[i]
		n.name, n.name_len, n.function_id = C.CString(from.Name), C.uint32_t(len(from.Name)), C.uint32_t(from.Function)
		n.audio_offset, n.audio_span, n.param_count = C.uint32_t(from.AudioOffset), C.uint32_t(from.AudioSpan), C.uint32_t(len(from.Params))
		n.params = (*C.native_plan_param_t)(C.calloc(C.size_t(max(len(from.Params), 1)), C.sizeof_native_plan_param_t))
		for k, q := range from.Params {
			unsafe.Slice(n.params, len(from.Params))[k] = C.native_plan_param_t{name: C.CString(q.Name), name_len: C.uint32_t(len(q.Name)), offset: C.uint32_t(q.Offset), span: C.uint32_t(q.Span)}
		}
		unsafe.Slice(p.nodes, len(x.Nodes))[i] = n
	}
	return p
}

//export amp_release_compiled_plan
func amp_release_compiled_plan(p *C.native_plan_t) {
	if p == nil {
		return
	}
	for _, n := range unsafe.Slice(p.nodes, int(p.node_count)) {
		for _, q := range unsafe.Slice(n.params, int(n.param_count)) {
			C.free(unsafe.Pointer(q.name))
		}
		C.free(unsafe.Pointer(n.params))
		C.free(unsafe.Pointer(n.name))
	}
	C.free(unsafe.Pointer(p.nodes))
	C.free(unsafe.Pointer(p))
}

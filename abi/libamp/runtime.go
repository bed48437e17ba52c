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

// runtime is a host.Runtime and what C was given of it.
type runtime struct {
	*host.Runtime
	out   *C.double // of the last execute, size values
	size  int
	texts []*C.char // of the last error
}

func runtimeOf(p *C.amp_runtime_t) *runtime {
	r, _ := lookup(unsafe.Pointer(p)).(*runtime)
	return r
}

func newRuntime(r *host.Runtime, err error) *C.amp_runtime_t {
	if remember(err) != 0 {
		return nil
	}
	return (*C.amp_runtime_t)(newHandle(&runtime{Runtime: r}))
}

func blob(p *C.uint8_t, n C.size_t) []byte {
	if p == nil {
		return nil
	}
	return C.GoBytes(unsafe.Pointer(p), C.int(n))
}

//export amp_graph_runtime_create
func amp_graph_runtime_create(descriptor *C.uint8_t, descriptorLen C.size_t, plan *C.uint8_t, planLen C.size_t) (r *C.amp_runtime_t) {
	var code C.int
	defer guard(&code)
	return newRuntime(host.NewRuntime(blob(descriptor, descriptorLen), blob(plan, planLen), native))
}

//export amp_graph_runtime_create_json
func amp_graph_runtime_create_json(text *C.char) (r *C.amp_runtime_t) {
	var code C.int
	defer guard(&code)
	return newRuntime(host.NewRuntimeJSON([]byte(goText(text))))
}

//export amp_graph_runtime_destroy
func amp_graph_runtime_destroy(p *C.amp_runtime_t) {
	if r, ok := release(unsafe.Pointer(p)).(*runtime); ok {
		r.freeTexts()
		C.free(unsafe.Pointer(r.out))
	}
}

//export amp_graph_runtime_configure
func amp_graph_runtime_configure(p *C.amp_runtime_t, batches, frames C.uint32_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil {
		return invalid("the runtime is NULL or was destroyed")
	}
	return remember(r.Configure(int(batches), int(frames)))
}

//export amp_graph_runtime_set_dsp_sample_rate
func amp_graph_runtime_set_dsp_sample_rate(p *C.amp_runtime_t, rate C.double) {
	if r := runtimeOf(p); r != nil {
		r.SetRate(float64(rate))
	}
}

//export amp_graph_runtime_set_record
func amp_graph_runtime_set_record(p *C.amp_runtime_t, blocks C.int) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil {
		return invalid("the runtime is NULL or was destroyed")
	}
	r.SetRecord(int(blocks))
	return remember(nil)
}

//export amp_graph_runtime_set_param
func amp_graph_runtime_set_param(p *C.amp_runtime_t, node, param *C.char, data *C.double, batches, channels, frames C.uint32_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || node == nil || param == nil || data == nil {
		return invalid("runtime, node, param and data must not be NULL")
	}
	size, ok := (&host.Buffer{Batches: int(batches), Channels: int(channels), Frames: int(frames)}).Size()
	if !ok {
		return invalid("the shape (%d, %d, %d) is no tensor", batches, channels, frames)
	}
	return remember(r.SetParam(goText(node), goText(param), doubles(data, size), int(batches), int(channels), int(frames)))
}

//export amp_graph_runtime_clear_params
func amp_graph_runtime_clear_params(p *C.amp_runtime_t) {
	if r := runtimeOf(p); r != nil {
		r.ClearParams()
	}
}

//export amp_graph_runtime_describe_node
func amp_graph_runtime_describe_node(p *C.amp_runtime_t, node *C.char, out *C.amp_node_summary_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || node == nil || out == nil {
		return invalid("runtime, node and summary must not be NULL")
	}
	s, err := r.Describe(goText(node))
	if err != nil {
		return remember(err)
	}
	*out = C.amp_node_summary_t{}
	out.declared_delay_frames, out.oversample_ratio = C.uint32_t(s.Declared), C.uint32_t(s.Oversample)
	if s.Ran {
		out.has_metrics = 1
	}
	if s.SupportsV2 {
		out.supports_v2 = 1
	}
	out.metrics.measured_delay_frames, out.metrics.accumulated_heat = C.uint32_t(s.Delay), C.float(s.Heat)
	out.total_heat = C.double(s.Heat)
	return remember(nil)
}

//export amp_graph_runtime_execute
func amp_graph_runtime_execute(p *C.amp_runtime_t, control *C.uint8_t, controlLen C.size_t, framesHint C.int, rate C.double,
	out **C.double, batches, channels, frames *C.uint32_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || out == nil {
		return invalid("runtime and out_buffer must not be NULL")
	}
	*out = nil
	r.SetRate(float64(rate))
	y, ch, n, err := r.Execute(blob(control, controlLen), int(framesHint))
	if err != nil {
		return remember(err)
	}
	r.hand(y, ch, n, out, batches, channels, frames)
	return remember(nil)
}

// hand keeps a block for the caller, who has it until the next one.
func (r *runtime) hand(y []float64, ch, n int, out **C.double, batches, channels, frames *C.uint32_t) {
	C.free(unsafe.Pointer(r.out))
	r.out, r.size = cDoubles(y), len(y)
	*out = r.out
	for _, x := range []struct {
		to *C.uint32_t
		v  int
	}{{batches, len(y) / max(ch*n, 1)}, {channels, ch}, {frames, n}} {
		if x.to != nil {
			*x.to = C.uint32_t(x.v)
		}
	}
}

// The buffer belongs to the runtime.
//
//export amp_graph_runtime_buffer_free
func amp_graph_runtime_buffer_free(*C.double) {}

//export amp_graph_runtime_execute_backward
func amp_graph_runtime_execute_backward(p *C.amp_runtime_t, gradient *C.double, batches, channels, frames C.uint32_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || gradient == nil {
		return invalid("runtime and gradient must not be NULL")
	}
	size, ok := (&host.Buffer{Batches: int(batches), Channels: int(channels), Frames: int(frames)}).Size()
	if !ok {
		return invalid("the shape (%d, %d, %d) is no tensor", batches, channels, frames)
	}
	return remember(r.Backward(doubles(gradient, size)))
}

//export amp_graph_runtime_gradient
func amp_graph_runtime_gradient(p *C.amp_runtime_t, node, param *C.char, out *C.double, count C.size_t) (n C.int64_t) {
	var code C.int
	defer func() {
		if code != 0 {
			n = C.int64_t(code)
		}
	}()
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || node == nil || param == nil {
		return C.int64_t(invalid("runtime, node and param must not be NULL"))
	}
	g, err := r.Gradient(goText(node), goText(param))
	if err != nil {
		return C.int64_t(remember(err))
	}
	copy(doubles(out, int(count)), g)
	remember(nil)
	return C.int64_t(len(g))
}

//export amp_graph_runtime_last_error
func amp_graph_runtime_last_error(p *C.amp_runtime_t, info *C.amp_error_info_t) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || info == nil {
		return invalid("runtime and info must not be NULL")
	}
	r.freeTexts()
	f := r.LastError()
	for _, s := range []string{f.Stage, f.Node, f.Detail} {
		r.texts = append(r.texts, C.CString(s))
	}
	info.code, info.stage, info.node, info.detail = C.int(f.Code), r.texts[0], r.texts[1], r.texts[2]
	return C.int(0)
}

func (r *runtime) freeTexts() {
	for _, t := range r.texts {
		C.free(unsafe.Pointer(t))
	}
	r.texts = nil
}

package main

/*
#include <stdlib.h>
#include "amp.h"
*/
import "C"

import (
	"bytes"
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
	return bytes.Clone(unsafe.Slice((*byte)(p), n))
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

//export amp_graph_runtime_create_file
func amp_graph_runtime_create_file(path *C.char) (r *C.amp_runtime_t) {
	var code C.int
	defer guard(&code)
	return newRuntime(host.NewRuntimeFile(goText(path)))
}

//export amp_graph_runtime_process
func amp_graph_runtime_process(p *C.amp_runtime_t, inputs *C.amp_buffer_t, inputCount C.uint32_t, outputs *C.amp_buffer_t, outputCount C.uint32_t) C.int {
	return with(p, true, func(r *runtime) error {
		in, out, err := both(inputs, inputCount, outputs, outputCount)
		if err == nil {
			err = r.Process(in, out)
		}
		if err == nil {
			shape(outputs, out)
		}
		return err
	})
}

//export amp_graph_runtime_process_backward
func amp_graph_runtime_process_backward(p *C.amp_runtime_t, gradients *C.amp_buffer_t, gradientCount C.uint32_t, inputs *C.amp_buffer_t, inputCount C.uint32_t) C.int {
	return with(p, true, func(r *runtime) error {
		in, out, err := both(gradients, gradientCount, inputs, inputCount)
		if err == nil {
			err = r.ProcessBackward(in, out)
		}
		return err
	})
}

// both shows two lists of buffers to Go.
func both(a *C.amp_buffer_t, aCount C.uint32_t, b *C.amp_buffer_t, bCount C.uint32_t) (x, y []host.Buffer, err error) {
	switch {
	case aCount > maxBuffers || bCount > maxBuffers:
		return nil, nil, host.Invalid("%d and %d buffers are more than the %d of a call", aCount, bCount, maxBuffers)
	case aCount > 0 && a == nil || bCount > 0 && b == nil:
		return nil, nil, host.Invalid("a list of buffers is NULL while its count is not 0")
	}
	return buffers(a, int(aCount)), buffers(b, int(bCount)), nil
}

//export amp_graph_runtime_report
func amp_graph_runtime_report(p *C.amp_runtime_t) (text *C.char) {
	with(p, true, func(r *runtime) error {
		s, err := r.Report()
		if err == nil {
			text = C.CString(s)
		}
		return err
	})
	return text
}

//export amp_graph_runtime_destroy
func amp_graph_runtime_destroy(p *C.amp_runtime_t) {
	if r, ok := release(unsafe.Pointer(p)).(*runtime); ok {
		r.freeTexts()
		C.free(unsafe.Pointer(r.out))
	}
}

// with calls f with a runtime and turns what goes wrong into a code. given says
// that no other argument is missing.
func with(p *C.amp_runtime_t, given bool, f func(r *runtime) error) (code C.int) {
	defer guard(&code)
	r := runtimeOf(p)
	switch {
	case r == nil:
		return invalid("the runtime is NULL or was destroyed")
	case !given:
		return invalid("an argument is NULL")
	}
	return remember(f(r))
}

// tensor shows a C tensor to Go.
func tensor(data *C.double, batches, channels, frames C.uint32_t) ([]float64, error) {
	size, ok := (&host.Buffer{Batches: int(batches), Channels: int(channels), Frames: int(frames)}).Size()
	if !ok {
		return nil, host.Invalid("the shape (%d, %d, %d) is no tensor", batches, channels, frames)
	}
	return doubles(data, size), nil
}

//export amp_graph_runtime_configure
func amp_graph_runtime_configure(p *C.amp_runtime_t, batches, frames C.uint32_t) C.int {
	return with(p, true, func(r *runtime) error { return r.Configure(int(batches), int(frames)) })
}

//export amp_graph_runtime_set_dsp_sample_rate
func amp_graph_runtime_set_dsp_sample_rate(p *C.amp_runtime_t, rate C.double) {
	if r := runtimeOf(p); r != nil {
		r.SetRate(float64(rate))
	}
}

//export amp_graph_runtime_set_record
func amp_graph_runtime_set_record(p *C.amp_runtime_t, blocks C.int) C.int {
	return with(p, true, func(r *runtime) error {
		r.SetRecord(int(blocks))
		return nil
	})
}

//export amp_graph_runtime_set_param
func amp_graph_runtime_set_param(p *C.amp_runtime_t, node, param *C.char, data *C.double, batches, channels, frames C.uint32_t) C.int {
	return with(p, node != nil && param != nil && data != nil, func(r *runtime) error {
		v, err := tensor(data, batches, channels, frames)
		if err != nil {
			return err
		}
		return r.SetParam(goText(node), goText(param), v, int(batches), int(channels), int(frames))
	})
}

//export amp_graph_runtime_clear_params
func amp_graph_runtime_clear_params(p *C.amp_runtime_t) {
	if r := runtimeOf(p); r != nil {
		r.ClearParams()
	}
}

//export amp_graph_runtime_describe_node
func amp_graph_runtime_describe_node(p *C.amp_runtime_t, node *C.char, out *C.amp_node_summary_t) C.int {
	return with(p, node != nil && out != nil, func(r *runtime) error {
		s, err := r.Describe(goText(node))
		if err != nil {
			return err
		}
		*out = C.amp_node_summary_t{
			declared_delay_frames: C.uint32_t(s.Declared), oversample_ratio: C.uint32_t(s.Oversample),
			has_metrics: truth(s.Ran), supports_v2: truth(s.SupportsV2), total_heat: C.double(s.Heat),
		}
		out.metrics.measured_delay_frames, out.metrics.accumulated_heat = C.uint32_t(s.Delay), C.float(s.Heat)
		return nil
	})
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

//export amp_graph_runtime_execute
func amp_graph_runtime_execute(p *C.amp_runtime_t, control *C.uint8_t, controlLen C.size_t, framesHint C.int, rate C.double,
	out **C.double, batches, channels, frames *C.uint32_t) C.int {
	return with(p, out != nil, func(r *runtime) error {
		*out = nil
		r.SetRate(float64(rate))
		y, ch, n, err := r.Execute(blob(control, controlLen), int(framesHint))
		if err == nil {
			r.hand(y, ch, n, out, batches, channels, frames)
		}
		return err
	})
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
func amp_graph_runtime_execute_backward(p *C.amp_runtime_t, gradient *C.double, batches, channels, frames C.uint32_t) C.int {
	return with(p, gradient != nil, func(r *runtime) error {
		g, err := tensor(gradient, batches, channels, frames)
		if err != nil {
			return err
		}
		return r.Backward(g)
	})
}

//export amp_graph_runtime_gradient
func amp_graph_runtime_gradient(p *C.amp_runtime_t, node, param *C.char, out *C.double, count C.size_t) (n C.int64_t) {
	code := with(p, node != nil && param != nil, func(r *runtime) error {
		g, err := r.Gradient(goText(node), goText(param))
		copy(doubles(out, int(count)), g)
		n = C.int64_t(len(g))
		return err
	})
	if code != 0 {
		return C.int64_t(code)
	}
	return n
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

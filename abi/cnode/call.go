//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"math"
	"strings"
	"unsafe"

	"ampfit/abi"

	"github.com/ebitengine/purego"
)

// local is a state of a library in this process.
type local struct {
	lib  *library
	spec *spec

	fixed           [4]region // descriptor, texts, metrics
	json            region
	desc            *cDescriptor
	cell            region
	state           *uintptr
	metrics         *cMetrics
	in, out         *list
	gradOut, gradIn *list
	flat            [2][]float64 // gradients as they are returned
	first           *legacyCall
	trial           bool // what it measures is not known yet
}

func (lib *library) instance(s *spec) instance { return lib.local(s) }

func (lib *library) local(s *spec) *local {
	x := &local{lib: lib, spec: s, flat: [2][]float64{{}, {}}}
	for i, what := range []string{"the descriptor", "the metrics", "the name", "the type name"} {
		x.fixed[i] = region{paged: lib.paged, what: what}
	}
	x.json, x.cell = region{paged: lib.paged, what: "params_json"}, region{paged: lib.paged, what: "the state's pointer"}
	x.desc = &view[cDescriptor](&x.fixed[0], 1)[0]
	x.metrics = &view[cMetrics](&x.fixed[1], 1)[0]
	x.state = &view[uintptr](&x.cell, 1)[0]
	*x.desc = cDescriptor{
		size: uint32(unsafe.Offsetof(cDescriptor{}.outputs) + 8), version: 2, rate: s.Rate,
		name: x.fixed[2].text(s.Name), typeName: x.fixed[3].text(s.Type),
		params:     x.json.text(s.json(s.silence(1))),
		oversample: 1, supportsV2: 1, inputs: uint32(len(s.Inputs) + len(s.Params)), outputs: uint32(len(s.Outputs)),
	}
	names := append([]string(nil), s.Inputs...)
	for _, p := range s.Params {
		names = append(names, p.Name)
	}
	x.in, x.out = newList(names, lib.paged), newList(s.Outputs, lib.paged)
	if !s.V1 {
		x.gradIn, x.gradOut = newList(names, lib.paged), newList(s.Outputs, lib.paged)
	}
	return x
}

// shapes gives the inputs of a call, or their gradients, their shapes and
// hands their memory out.
func (x *local) shapes(l *list, c *call, each func(data []float64, param bool)) {
	s := x.spec
	for i, channels := range s.Channels {
		each(l.set(i, tensor{s.Inputs[i], channels, c.frames}), false)
	}
	for k, p := range s.Params {
		t := tensor{p.Name, p.Len, 1}
		if c.varies[k] {
			t = tensor{p.Name, 1, c.frames}
		}
		each(l.set(len(s.Inputs)+k, t), true)
	}
}

// fill puts what a call hears into its buffers.
func (x *local) fill(c *call) {
	in, params := c.in, c.params
	x.shapes(x.in, c, func(data []float64, param bool) {
		if param {
			params = params[copy(data, params):]
		} else {
			in = in[copy(data, in):]
		}
	})
}

func (x *local) forward(c *call) *breach {
	if x.spec.V1 {
		return x.legacy(c, false)
	}
	x.fill(c)
	for i, channels := range x.spec.OutChannels {
		fillNaN(x.out.set(i, tensor{x.spec.Outputs[i], channels, c.frames})) // what is not written shows
	}
	code := x.call(x.in, x.out, 0)
	if c.refused = code == abi.EUnsupported; c.refused {
		c.refuse(x.spec)
		return x.overrun(x.in, x.out, "output")
	}
	if b := x.check("forward", code, x.in, x.out, "output", c.in, c.params); b != nil {
		return b
	}
	if b := x.measured(c); b != nil {
		return b
	}
	c.out = c.out[:0]
	for i := range x.out.data {
		c.out = append(c.out, x.out.data[i].data...)
	}
	return nil
}

// measured takes over what the library measured in a call.
func (x *local) measured(c *call) *breach {
	delay, heat := x.metrics.delay, float64(x.metrics.heat)
	switch {
	case int(delay) != x.spec.Delay && !x.trial:
		return breaks("the forward call says that the node is %d frames late; it was %d when the graph was planned", delay, x.spec.Delay)
	case delay > maxDelay:
		return breaks("the forward call says that the node is %d frames late; it may be %d", delay, maxDelay)
	case math.IsNaN(heat) || math.IsInf(heat, 0) || heat < 0:
		return breaks("the forward call says that the heat so far is %g joules", heat)
	}
	c.heat = heat
	return nil
}

func (x *local) backward(c *call, grad []float64) (in, params []float64, b *breach) {
	code, b := x.walk(c, grad)
	if b == nil && code == abi.EUnsupported {
		return nil, nil, nil
	}
	if b == nil {
		b = x.check("backward", code, x.gradOut, x.gradIn, "gradient", grad)
	}
	if b != nil {
		return nil, nil, b
	}
	in, params = x.flat[0][:0], x.flat[1][:0]
	for i := range x.gradIn.data {
		if data := x.gradIn.data[i].data; i < len(x.spec.Inputs) {
			in = append(in, data...)
		} else {
			params = append(params, data...)
		}
	}
	x.flat[0], x.flat[1] = in, params
	return in, params, nil
}

// walk makes a backward call.
func (x *local) walk(c *call, grad []float64) (abi.Code, *breach) {
	for i, channels := range x.spec.OutChannels {
		grad = grad[copy(x.gradOut.set(i, tensor{x.spec.Outputs[i], channels, c.frames}), grad):]
	}
	x.shapes(x.gradIn, c, func(data []float64, _ bool) { fillNaN(data) })
	code := x.call(x.gradOut, x.gradIn, 1)
	return code, x.overrun(x.gradOut, x.gradIn, "gradient")
}

func (x *local) call(in, out *list, mode uintptr) abi.Code {
	*x.metrics = cMetrics{}
	r, _, _ := purego.SyscallN(x.lib.v2, pointer(x.desc), pointer(x.state), address(in.c), address(out.c), mode, pointer(x.metrics))
	return abi.Code(int32(r))
}

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// check tells what is wrong with the results of a call; values that are no
// numbers are the library's doing when what it heard was numbers.
func (x *local) check(way string, code abi.Code, in, out *list, what string, heard ...[]float64) *breach {
	if b := x.overrun(in, out, what); b != nil {
		return b
	}
	if code != abi.OK {
		return breaks("the %s call fails with code %d%s", way, code, x.lib.sentence())
	}
	if err := out.shapes(way, what); err != nil {
		return breaks("%v", err)
	}
	for i := range out.data {
		bad, ok := finite(out.data[i].data)
		if ok {
			continue
		}
		for _, h := range heard {
			if _, ok := finite(h); !ok {
				return nil
			}
		}
		return breaks("the %s call returns %v (value %d of %s %q)", way, out.data[i].data[bad], bad, what, out.nameOf(i))
	}
	return nil
}

// overrun tells what the library wrote that was not its to write.
func (x *local) overrun(in, out *list, what string) *breach {
	err := in.intact("input")
	if err == nil {
		err = out.intact(what)
	}
	if err == nil {
		for _, r := range [...]*region{&x.fixed[0], &x.fixed[1], &x.fixed[2], &x.fixed[3], &x.cell, &x.json} {
			if before, after := r.intact(); !before || !after {
				err = fmt.Errorf("the library writes past %s", r.what)
			}
		}
	}
	if err != nil {
		return &breach{msg: err.Error()}
	}
	return nil
}

// open renders a few frames of silence and walks them back: it tells whether
// the library knows the type, its channels, and whether it has an adjoint.
func (lib *library) open(s *spec) (o opened, err error) {
	const frames = 8
	if lib.v2 == 0 {
		return lib.openLegacy(s, frames)
	}
	if s.FirstOnly {
		if o, err := lib.openLegacy(s, frames); err == nil {
			return o, nil
		}
		s.V1 = false // only the second interface knows it
	}
	x := lib.local(s)
	defer x.release()
	x.trial = true
	c := s.silence(frames)
	x.fill(c)
	for i := range s.Outputs {
		x.out.set(i, tensor{s.Outputs[i], 1, frames})
		x.out.c[i].data, x.out.c[i].channels = 0, 0 // only the shape is wanted
	}
	code := x.call(x.in, x.out, 0)
	switch {
	case code == abi.EUnknownNode, code == abi.EUnsupported:
		return lib.openLegacy(s, frames) // it may know it by the first call
	case code != abi.OK:
		return o, fmt.Errorf("%s refuses a node of type %q (code %d)%s", lib.path, s.Type, code, lib.sentence())
	}
	for i := range s.Outputs {
		b := x.out.c[i]
		if b.batches != 1 || b.frames != frames || b.channels < 1 || b.channels > maxChannels {
			return o, fmt.Errorf("%s answers an input of %d channels and %d frames with an output of the shape (%d, %d, %d)", lib.path, sum(s.Channels), frames, b.batches, b.channels, b.frames)
		}
		o.OutChannels = append(o.OutChannels, int(b.channels))
	}
	s.OutChannels = o.OutChannels
	if b := x.forward(c); b != nil {
		return o, fmt.Errorf("%s cannot render a node of type %q: %w", lib.path, s.Type, b)
	}
	o.Delay = int(x.metrics.delay)
	s.Delay = o.Delay
	if c.refused { // the run says so
		o.NoBackward = true
		return o, nil
	}
	code, b := x.walk(c, make([]float64, s.outSize(c)))
	switch {
	case b != nil:
		return o, b
	case code == abi.EUnsupported:
		o.NoBackward = true
	case code != abi.OK:
		return o, fmt.Errorf("%s cannot walk a node of type %q back (code %d)%s", lib.path, s.Type, code, lib.sentence())
	}
	o.Heat, err = lib.counts(s, frames)
	return o, err
}

// counts tells whether the library counts heat: whether a loud call makes some.
func (lib *library) counts(s *spec, frames int) (bool, error) {
	x := lib.local(s)
	defer x.release()
	c := s.silence(frames)
	for i := range c.in {
		c.in[i] = 0.5 - float64(i&1)
	}
	if b := x.forward(c); b != nil {
		return false, fmt.Errorf("%s cannot render a node of type %q: %w", lib.path, s.Type, b)
	}
	return c.heat > 0, nil
}

const (
	maxChannels = 256
	maxDelay    = 1 << 24 // frames
)

// sentence is what the library says of its last error.
func (lib *library) sentence() string {
	if lib.lastError == 0 {
		return ""
	}
	at, _, _ := purego.SyscallN(lib.lastError)
	if at == 0 {
		return ""
	}
	if s := strings.TrimSpace(goText(at)); s != "" {
		return ": " + s
	}
	return ""
}

func (x *local) clone() instance {
	if x.lib.clone == 0 || *x.state == 0 {
		return nil
	}
	state, _, _ := purego.SyscallN(x.lib.clone, *x.state)
	if state == 0 {
		return nil
	}
	y := x.lib.local(x.spec)
	*y.state = state
	return y
}

func (x *local) alive() bool { return true }

func (x *local) release() {
	if state := *x.state; state != 0 && x.lib.release != 0 {
		purego.SyscallN(x.lib.release, state)
	}
	for i := range x.fixed {
		x.fixed[i].free()
	}
	x.json.free()
	x.cell.free()
	for _, l := range []*list{x.in, x.out, x.gradIn, x.gradOut} {
		if l != nil {
			l.free()
		}
	}
	x.first.free()
}

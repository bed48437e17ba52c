//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"math"
	"syscall"
	"unsafe"

	"ampfit/abi"

	"github.com/ebitengine/purego"
)

// The structures of amp.h.

type cBuffer struct {
	name, data                uintptr
	batches, channels, frames uint32
	_                         uint32
}

type cDescriptor struct {
	size, version             uint32
	name, typeName, params    uintptr
	rate                      float64
	_, oversample, supportsV2 uint32 // the graph keeps the declared delay
	inputs, outputs           uint32
	_                         uint32
}

// cMetrics are not read: the engine measures heat itself.
type cMetrics struct{ _ [8]uint32 }

type cLegacyDescriptor struct {
	name, nameLen, typeName, typeLen, params, paramsLen uintptr
}

type cAudio struct {
	has, batches, channels, frames uint32
	data                           uintptr
}

type cParam struct {
	name                      uintptr
	batches, channels, frames uint32
	_                         uint32
	data                      uintptr
}

type cInputs struct {
	audio  cAudio
	count  uint64
	params uintptr
	_      [4]uint64 // taps and their status
}

// arena is memory that C sees, outside of Go's heap: descriptors, texts and
// buffers of one session. A word after each buffer shows when a library writes
// past its end.
type arena struct {
	memory []byte
	at     int
	frames int // room of the buffers

	state                       *uintptr
	desc                        *cDescriptor
	legacy                      *cLegacyDescriptor
	legacyIn                    *cInputs
	views                       []cParam
	metrics                     *cMetrics
	inputs, outputs             []cBuffer // of a forward call
	gradOutputs, gradInputs     []cBuffer
	in, out, params             []float64
	gradOut, gradIn, gradParams []float64
	legacyOut                   *uintptr
	legacyChannels              *int32
	guards                      []*uint64
	ends                        [4]*uint64 // behind what a call uses of the buffers
	text                        []byte     // params_json
}

func (a *arena) unmap() {
	if a != nil {
		_ = syscall.Munmap(a.memory) // it was mapped, so this cannot fail
	}
}

const guard = 0x5afe5afe5afe5afe

func take[T any](a *arena, n int) []T {
	var zero T
	size := int(unsafe.Sizeof(zero)) * n
	at := (a.at + 15) &^ 15
	a.at = at + size
	if a.at > len(a.memory) {
		panic("cnode: the arena is too small")
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&a.memory[at])), n)
}

// floats takes a buffer with a guard after it.
func (a *arena) floats(n int) []float64 {
	v := take[float64](a, n+1)
	g := (*uint64)(unsafe.Pointer(&v[n]))
	*g = guard
	a.guards = append(a.guards, g)
	return v[:n:n]
}

func (a *arena) name(s string) uintptr {
	b := take[byte](a, len(s)+1)
	copy(b, s)
	b[len(s)] = 0
	return address(b)
}

func address[T any](v []T) uintptr {
	if len(v) == 0 {
		return 0
	}
	return uintptr(unsafe.Pointer(&v[0]))
}

func textLen(list []string) (n int) {
	for _, s := range list {
		n += len(s)
	}
	return n
}

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// room returns the session's arena with buffers for so many frames; the state
// of the library moves with it.
func (n *node) room(s *session, frames int) *arena {
	if s.arena != nil && s.arena.frames >= frames {
		return s.arena
	}
	state := uintptr(0)
	if s.arena != nil {
		state = *s.arena.state
	}
	wide := max(n.channels, n.outChannels, 1)
	size := 4*8*(wide*frames+4) + 16*1024 + 512*len(n.params)
	size += 8 * textLen(n.params)
	size += 2 * (len(n.name) + len(n.typeName))
	memory, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		n.fault("no memory for blocks of %d frames: %v", frames, err)
	}
	a := &arena{memory: memory, frames: frames}
	s.arena.unmap()
	s.arena = a
	a.state = &take[uintptr](a, 1)[0]
	*a.state = state
	a.desc, a.legacy, a.legacyIn = &take[cDescriptor](a, 1)[0], &take[cLegacyDescriptor](a, 1)[0], &take[cInputs](a, 1)[0]
	a.metrics, a.legacyOut, a.legacyChannels = &take[cMetrics](a, 1)[0], &take[uintptr](a, 1)[0], &take[int32](a, 1)[0]
	a.views = take[cParam](a, len(n.params))
	k := 1 + len(n.params)
	a.inputs, a.outputs = take[cBuffer](a, k), take[cBuffer](a, 1)
	a.gradInputs, a.gradOutputs = take[cBuffer](a, k), take[cBuffer](a, 1)
	a.in, a.gradIn = a.floats(n.channels*frames), a.floats(n.channels*frames)
	a.out, a.gradOut = a.floats(n.outChannels*frames), a.floats(n.outChannels*frames)
	a.params, a.gradParams = a.floats(len(n.params)), a.floats(len(n.params))
	names := make([]uintptr, len(n.params))
	for i, p := range n.params {
		names[i] = a.name(p)
	}
	in, out := a.name("in"), a.name("out")
	name, typeName := a.name(n.name), a.name(n.typeName)
	start := n.json(n.start)
	a.text = take[byte](a, 64+40*len(n.params)+6*textLen(n.params))
	copy(a.text, start+"\x00")
	params := address(a.text)
	for _, b := range []*cBuffer{&a.inputs[0], &a.gradInputs[0]} {
		b.name = in
	}
	a.outputs[0].name, a.gradOutputs[0].name = out, out
	for i := range n.params {
		a.inputs[1+i] = cBuffer{name: names[i], data: address(a.params[i:]), batches: 1, channels: 1, frames: 1}
		a.gradInputs[1+i] = cBuffer{name: names[i], data: address(a.gradParams[i:]), batches: 1, channels: 1, frames: 1}
		a.views[i] = cParam{name: names[i], batches: 1, channels: 1, data: address(a.params[i:]), frames: 1}
	}
	*a.desc = cDescriptor{
		size: uint32(unsafe.Offsetof(cDescriptor{}.outputs) + 8), version: 2, name: name, typeName: typeName, params: params, rate: n.rate,
		oversample: 1, supportsV2: 1, inputs: uint32(k), outputs: 1,
	}
	*a.legacy = cLegacyDescriptor{name, uintptr(len(n.name)), typeName, uintptr(len(n.typeName)), params, uintptr(len(start))}
	return a
}

// fill prepares the buffers of a call.
func (n *node) fill(s *session, c *call) *arena {
	a := n.room(s, c.frames)
	copy(a.in, c.in)
	copy(a.params, c.params)
	f := uint32(c.frames)
	set := func(b *cBuffer, data []float64, channels int) {
		b.data, b.batches, b.channels, b.frames = address(data), 1, uint32(channels), f
	}
	for i, part := range [][]float64{a.in[n.channels*c.frames:], a.gradIn[n.channels*c.frames:], a.out[n.outChannels*c.frames:], a.gradOut[n.outChannels*c.frames:]} {
		a.ends[i] = nil
		if len(part) > 0 {
			a.ends[i] = (*uint64)(unsafe.Pointer(&part[0]))
			*a.ends[i] = guard
		}
	}
	set(&a.inputs[0], a.in, n.channels)
	set(&a.gradInputs[0], a.gradIn, n.channels)
	set(&a.outputs[0], a.out, n.outChannels)
	set(&a.gradOutputs[0], a.gradOut, n.outChannels)
	return a
}

// intact reports a library that wrote past a buffer.
func (a *arena) intact() error {
	for _, g := range append(a.guards, a.ends[:]...) {
		if g != nil && *g != guard {
			*g = guard
			return fmt.Errorf("the library writes past the end of a buffer")
		}
	}
	return nil
}

// shape asks for the output's channels.
func (n *node) shape(s *session, c *call) (abi.Code, int, error) {
	a := n.fill(s, c)
	a.outputs[0] = cBuffer{name: a.outputs[0].name}
	code := n.call(a, a.inputs, a.outputs, 0)
	channels := int(a.outputs[0].channels)
	if code == abi.OK && (a.outputs[0].batches != 1 || a.outputs[0].frames != uint32(c.frames) || channels < 1 || channels > 256) {
		o := a.outputs[0]
		return code, 0, fmt.Errorf("%s answers an input of %d channels and %d frames with an output of the shape (%d, %d, %d)", n.lib.path, n.channels, c.frames, o.batches, o.channels, o.frames)
	}
	if code == abi.OK && channels != n.outChannels {
		state := *a.state
		a.unmap()
		s.arena, n.outChannels = nil, channels
		*n.room(s, c.frames).state = state
	}
	return code, channels, nil
}

func (n *node) callForward(s *session, c *call) (abi.Code, error) {
	a := n.fill(s, c)
	out := a.out[:n.outChannels*c.frames]
	for i := range out {
		out[i] = math.NaN() // what is not written shows
	}
	want := a.outputs[0]
	code := n.call(a, a.inputs, a.outputs, 0)
	if err := a.intact(); err != nil {
		return code, err
	}
	if o := a.outputs[0]; code == abi.OK && (o.batches != 1 || o.channels != want.channels || o.frames != want.frames) {
		return code, fmt.Errorf("the forward call says that its output has the shape (%d, %d, %d), not (1, %d, %d)", o.batches, o.channels, o.frames, want.channels, want.frames)
	}
	c.out = append(c.out[:0], out...)
	return code, nil
}

func (n *node) callBackward(s *session, c *call) (abi.Code, error) {
	a := n.fill(s, c)
	grad := a.gradIn[:n.channels*c.frames]
	for i := range grad {
		grad[i] = math.NaN()
	}
	for k := range a.gradParams {
		a.gradParams[k] = math.NaN()
	}
	code := n.call(a, a.gradOutputs, a.gradInputs, 1)
	return code, a.intact()
}

func (n *node) call(a *arena, in, out []cBuffer, mode uintptr) abi.Code {
	r, _, _ := purego.SyscallN(n.lib.v2, pointer(a.desc), pointer(a.state), address(in), address(out), mode, pointer(a.metrics))
	return abi.Code(int32(r))
}

// callLegacy renders through the first call, which allocates its output.
func (n *node) callLegacy(s *session, c *call, learn bool) (abi.Code, error) {
	a := n.fill(s, c)
	text := n.json(c.params)
	copy(a.text[:cap(a.text)], text+"\x00")
	a.legacy.paramsLen = uintptr(len(text))
	in := a.legacyIn
	*in = cInputs{count: uint64(len(a.views)), params: address(a.views)}
	in.audio = cAudio{has: 1, batches: 1, channels: uint32(n.channels), frames: uint32(c.frames), data: address(a.in)}
	*a.legacyOut, *a.legacyChannels = 0, 0
	code := abi.Code(n.lib.runNode(pointer(a.legacy), pointer(in), 1, int32(n.channels), int32(c.frames), n.rate, pointer(a.legacyOut), pointer(a.legacyChannels), pointer(a.state), 0))
	if err := a.intact(); err != nil || code != abi.OK {
		return code, err
	}
	channels, out := int(*a.legacyChannels), *a.legacyOut
	if learn {
		n.outChannels = channels
	}
	if out == 0 || channels < 1 || channels > 256 || channels != n.outChannels {
		return code, fmt.Errorf("the call returns an output of %d channels", channels)
	}
	p := *(*unsafe.Pointer)(unsafe.Pointer(a.legacyOut))
	c.out = append(c.out[:0], unsafe.Slice((*float64)(p), channels*c.frames)...)
	if n.lib.free != 0 {
		purego.SyscallN(n.lib.free, out)
	}
	return code, nil
}

//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"fmt"
	"unsafe"

	"ampfit/abi"

	"github.com/ebitengine/purego"
)

// legacyCall is the memory of calls by AMP's first interface.
type legacyCall struct {
	fixed    [5]region
	desc     *cLegacyDescriptor
	in       *cInputs
	views    []cParam
	out      *uintptr
	channels *int32
	frames   []region // of the parameters, one value per frame
}

func (x *local) firstCall() *legacyCall {
	if x.first != nil {
		return x.first
	}
	f := &legacyCall{frames: make([]region, len(x.spec.Params))}
	for i := range f.fixed {
		f.fixed[i] = region{paged: x.lib.paged, what: "the first interface's structures"}
	}
	for i := range f.frames {
		f.frames[i] = region{paged: x.lib.paged, what: fmt.Sprintf("the view %q", x.spec.Params[i].Name)}
	}
	f.desc, f.in = &view[cLegacyDescriptor](&f.fixed[0], 1)[0], &view[cInputs](&f.fixed[1], 1)[0]
	f.views = view[cParam](&f.fixed[2], len(x.spec.Params))
	f.out, f.channels = &view[uintptr](&f.fixed[3], 1)[0], &view[int32](&f.fixed[4], 1)[0]
	x.first = f
	return f
}

// openLegacy tries a node through the first call.
func (lib *library) openLegacy(s *spec, frames int) (o opened, err error) {
	if len(s.Inputs) > 1 || len(s.Outputs) > 1 {
		return o, fmt.Errorf("%s knows the type %q by amp_run_node only, which has one audio input and one output", lib.path, s.Type)
	}
	s.V1 = true
	x := lib.local(s)
	defer x.release()
	if b := x.legacy(s.silence(frames), true); b != nil {
		return o, fmt.Errorf("%s has no node type %q: %w", lib.path, s.Type, b)
	}
	return opened{OutChannels: s.OutChannels, V1: true, NoBackward: true}, nil
}

// legacy renders through the first call, which allocates its output. learn
// takes the number of channels from it.
func (x *local) legacy(c *call, learn bool) *breach {
	s, f := x.spec, x.firstCall()
	x.fill(c)
	text := s.json(c)
	*f.desc = cLegacyDescriptor{x.desc.name, uintptr(len(s.Name)), x.desc.typeName, uintptr(len(s.Type)), x.json.text(text), uintptr(len(text))}
	*f.in = cInputs{count: uint64(len(f.views)), params: address(f.views)}
	channels := 0
	if len(s.Inputs) > 0 {
		channels = s.Channels[0]
		f.in.audio = cAudio{has: 1, batches: 1, channels: uint32(channels), frames: uint32(c.frames), data: x.in.c[0].data}
	}
	for k, p := range s.Params {
		b := &x.in.c[len(s.Inputs)+k]
		v := cParam{name: b.name, batches: 1, channels: b.channels, frames: b.frames, data: b.data}
		if !p.Vector && !c.varies[k] { // AMP's nodes read a value per frame
			values := f.frames[k].use(c.frames)
			for i := range values {
				values[i] = x.in.data[len(s.Inputs)+k].data[0]
			}
			v.frames, v.data = uint32(c.frames), address(values)
		}
		f.views[k] = v
	}
	*f.out, *f.channels = 0, 0
	code := abi.Code(x.lib.runNode(pointer(f.desc), pointer(f.in), 1, int32(channels), int32(c.frames), s.Rate, pointer(f.out), pointer(f.channels), pointer(x.state), 0))
	if code == abi.EUnsupported && !learn {
		c.refuse(s)
		return x.overrun(x.in, newList(nil, false), "output")
	}
	if b := x.check("forward", code, x.in, newList(nil, false), "output"); b != nil {
		return b
	}
	for i := range f.frames {
		if before, after := f.frames[i].intact(); !before || !after {
			return &breach{msg: fmt.Sprintf("the library writes past the view %q", s.Params[i].Name)}
		}
	}
	got := int(*f.channels)
	if *f.out == 0 || got < 1 || got > maxChannels || !learn && got != s.OutChannels[0] {
		return breaks("the call returns an output of %d channels", got)
	}
	if learn {
		s.OutChannels = []int{got}
	}
	p := *(*unsafe.Pointer)(unsafe.Pointer(f.out))
	c.out = append(c.out[:0], unsafe.Slice((*float64)(p), got*c.frames)...)
	if x.lib.free != 0 {
		purego.SyscallN(x.lib.free, *f.out)
	}
	if bad, ok := finite(c.out); !ok {
		if _, heard := finite(c.in); heard {
			return breaks("the forward call returns %v (value %d)", c.out[bad], bad)
		}
	}
	return nil
}

func (f *legacyCall) free() {
	if f == nil {
		return
	}
	for i := range f.fixed {
		f.fixed[i].free()
	}
	for i := range f.frames {
		f.frames[i].free()
	}
}

package host

import (
	"cmp"
	"slices"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/jsontree"
)

// shapes are the buffers of a forward call.
type shapes struct {
	inputs []Buffer // without data
	audio  []int    // index into inputs, by port
	params map[string]int
	feeds  map[string]int // by the input node that a buffer feeds

	frames, batches int
	outFrames       []int // of the output buffers, which say how long sources play
}

func hasKey(t *abi.NodeType, name string) bool {
	return slices.ContainsFunc(t.Config, func(k abi.Key) bool { return k.Name == name })
}

func has(v *jsontree.Value, key string) bool { return v.Get(key) != nil }

// sort tells audio from parameters: parameters by name, the others in order.
func (n *Node) sort(inputs []Buffer) (shapes, error) {
	s := shapes{params: map[string]int{}}
	for i := range inputs {
		b := &inputs[i]
		if b.Batches < 1 || b.Channels < 1 || b.Frames < 1 || float64(b.Batches)*float64(b.Channels)*float64(b.Frames) > maxFloats {
			return s, fault(abi.EShape, "the buffer %q has the shape (%d, %d, %d); each size is at least 1", b.Name, b.Batches, b.Channels, b.Frames)
		}
		if b.Data == nil {
			return s, fault(abi.EInvalidArg, "the input buffer %q has no data", b.Name)
		}
		shape := *b
		shape.Data = nil
		s.inputs = append(s.inputs, shape)
		isParam := slices.ContainsFunc(n.typ.Params, func(p abi.Param) bool { return p.Name == b.Name })
		switch {
		case b.Name != "" && isParam:
			if _, twice := s.params[b.Name]; twice {
				return s, fault(abi.EInvalidArg, "the parameter %q is passed twice", b.Name)
			}
			s.params[b.Name] = i
		case b.Name == graph.HeatParam:
			if _, twice := s.params[b.Name]; twice {
				return s, fault(abi.EInvalidArg, "the parameter %q is passed twice", b.Name)
			}
			s.params[b.Name] = i
		default:
			s.audio = append(s.audio, i)
		}
	}
	return s, nil
}

// like reports whether a call has the shapes of the one before, outputs
// included.
func (n *Node) like(inputs, outputs []Buffer) bool {
	s := &n.last
	if n.stream == nil || s.frames == 0 || len(inputs) != len(s.inputs) || len(outputs) != len(s.outFrames) {
		return false
	}
	for i := range inputs {
		b, w := &inputs[i], &s.inputs[i]
		if b.Data == nil || b.Batches != w.Batches || b.Channels != w.Channels || b.Frames != w.Frames || b.Name != w.Name {
			return false
		}
	}
	for i := range outputs {
		if outputs[i].Frames != s.outFrames[i] || len(s.audio) == 0 && outputs[i].Batches > s.batches {
			return false
		}
	}
	return true
}

// shapesOf returns the shapes of a call and sees to the stream for it; one that
// is only asked for its shape gets no room for its frames.
func (n *Node) shapesOf(inputs, outputs []Buffer, shapeOnly bool) (shapes, error) {
	if n.like(inputs, outputs) {
		return n.last, n.numbers(inputs, &n.last)
	}
	s, err := n.sort(inputs)
	if err == nil {
		err = n.numbers(inputs, &s)
	}
	if err != nil {
		return s, err
	}
	ports, settled := n.typ.Inputs, n.typ.Configure == nil || n.unit != nil
	if n.unit != nil {
		ports = n.unit.Setup.Inputs
	}
	odd := n.named(&s, ports) // the plan may still bring ports of that name
	if odd != nil && settled {
		return s, odd
	}
	if s.frames, s.batches, err = n.frames(inputs, outputs, s); err == nil {
		room := s.frames
		if shapeOnly {
			room = 1
		}
		err = n.build(inputs, s, room)
	}
	if err != nil {
		return s, cmp.Or(odd, err)
	}
	s.feeds = map[string]int{}
	for port, i := range s.audio {
		s.feeds[audioName(port)] = i
	}
	for name, i := range s.params {
		s.feeds[modName(name)] = i
	}
	for _, o := range outputs {
		s.outFrames = append(s.outFrames, o.Frames)
	}
	n.last = s
	return s, nil
}

// frames returns the length of the block and the number of batches.
func (n *Node) frames(inputs []Buffer, outputs []Buffer, s shapes) (frames, batches int, err error) {
	batches = 1
	for _, i := range s.audio {
		if frames != 0 && inputs[i].Frames != frames {
			return 0, 0, fault(abi.EShape, "the audio inputs have %d and %d frames", frames, inputs[i].Frames)
		}
		frames = inputs[i].Frames
		batches = max(batches, inputs[i].Batches)
	}
	for _, i := range s.params {
		if frames == 0 || len(s.audio) == 0 {
			frames = max(frames, inputs[i].Frames)
		}
		batches = max(batches, inputs[i].Batches)
	}
	if len(s.audio) == 0 {
		for _, o := range outputs { // sources learn their length from the output
			frames = max(frames, o.Frames)
			batches = max(batches, o.Batches)
		}
	}
	if frames == 0 {
		return 0, 0, fault(abi.EShape, "%s has no audio input; the frames of its output buffer say how long the block is", n.desc.Type)
	}
	for i := range inputs {
		b := &inputs[i]
		if b.Batches != 1 && b.Batches != batches {
			return 0, 0, fault(abi.EShape, "the buffer %q has %d batches, another has %d", b.Name, b.Batches, batches)
		}
	}
	return frames, batches, nil
}

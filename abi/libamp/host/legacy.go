package host

import (
	"math"
	"slices"

	"ampfit/abi"
)

// Legacy is a node called the way AMP's first interface does: parameter views
// by name, the length of the block as an argument, frames beyond a view at the
// parameter's default.
type Legacy struct {
	node *Node
	desc Descriptor
}

// LegacyCall is one block.
type LegacyCall struct {
	Batches, Channels, Frames int
	Audio                     *Buffer
	Params                    []Buffer
	History                   map[string][]float64
}

// NewLegacy makes a node with AMP's recorded behaviour.
func NewLegacy(name, typ, params string, rate float64) (*Legacy, error) {
	d := Descriptor{Name: name, Type: typ, Params: params, Rate: rate, SupportsV2: true, Lenient: true}
	n, err := NewNode(d)
	if err != nil {
		return nil, err
	}
	// The first interface carries no delay and no oversampling of its own.
	n.node.Members = slices.DeleteFunc(n.node.Members, func(m member) bool {
		return m.Key == "declared_delay" || m.Key == "oversample_ratio" || m.Key == "supports_v2"
	})
	return &Legacy{node: n, desc: d}, nil
}

// Run renders a block and returns it with its channels.
func (l *Legacy) Run(c LegacyCall) (out []float64, channels int, err error) {
	var inputs []Buffer
	if c.Audio != nil {
		a := *c.Audio
		if a.Frames != c.Frames {
			return nil, 0, fault(abi.EInvalidArg, "the audio has %d frames, the block %d", a.Frames, c.Frames)
		}
		inputs = append(inputs, a)
	}
	for _, p := range c.Params {
		spec := paramOf(l.node.typ, alias(l.node.typ, p.Name))
		if spec == nil || spec.Vector {
			continue // AMP ignores views that a node does not read
		}
		p.Name = spec.Name
		inputs = append(inputs, complete(p, *spec, c.Batches, c.Frames))
	}
	outputs := []Buffer{{Batches: c.Batches, Channels: 1, Frames: c.Frames}}
	if err := l.node.Forward(inputs, outputs); err != nil { // asks for the shape
		return nil, 0, err
	}
	size, ok := outputs[0].Size()
	if !ok {
		return nil, 0, fault(abi.EShape, "the output is too large")
	}
	outputs[0].Data = make([]float64, size)
	if err := l.node.Forward(inputs, outputs); err != nil {
		return nil, 0, err
	}
	return outputs[0].Data, outputs[0].Channels, nil
}

// Metrics returns delay and heat.
func (l *Legacy) Metrics() (delay int, heat float64) { return l.node.Metrics() }

// alias maps the second names that AMP accepts for views.
func alias(t *abi.NodeType, name string) string {
	if paramOf(t, name) != nil {
		return name
	}
	other := map[string]string{"frequency": "freq", "amplitude": "amp", "amp": "amplitude", "phase": "phase_offset", "freq": "frequency"}
	return other[name]
}

// complete extends a view to all batches and frames by the default.
func complete(p Buffer, spec abi.Param, batches, frames int) Buffer {
	if p.Batches == batches && p.Frames == frames && frames > 1 {
		return p
	}
	q := Buffer{Name: p.Name, Batches: batches, Channels: p.Channels, Frames: frames}
	q.Data = make([]float64, q.size())
	for i := range q.Data {
		q.Data[i] = spec.Default
	}
	for b := range min(batches, p.Batches) {
		for c := range p.Channels {
			n := min(frames, p.Frames)
			copy(q.row(b, c)[:n], p.row(b, c)[:n])
		}
	}
	return q
}

// Invalid returns a fault of a bad argument.
func Invalid(msg string) error { return fault(abi.EInvalidArg, "%s", msg) }

// Size returns the number of values, false when the shape is no tensor.
func (b *Buffer) Size() (int, bool) {
	n := float64(b.Batches) * float64(b.Channels) * float64(b.Frames)
	if b.Batches < 1 || b.Channels < 1 || b.Frames < 1 || n > maxFloats || n > math.MaxInt {
		return 0, false
	}
	return b.size(), true
}

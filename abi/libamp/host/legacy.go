package host

import (
	"bytes"
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
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

// Update takes what the descriptor of a call says, which may differ from that of
// the calls before, as AMP reads it in each: values change where they are,
// another configuration or rate begins afresh.
func (l *Legacy) Update(typ, params string, rate float64) error {
	if typ != l.desc.Type {
		return fault(abi.EInvalidArg, "the state is that of a node of type %q, the call names %q; release it, or give each node a state of its own", l.desc.Type, strings.Clone(typ))
	}
	if params == l.desc.Params && rate == l.desc.Rate {
		return nil
	}
	other, err := NewLegacy(l.desc.Name, l.desc.Type, strings.Clone(params), rate)
	if err != nil {
		return err
	}
	was, now := l.node.node, other.node.node
	same := rate == l.desc.Rate && bytes.Equal(was.Get("config").Format(), now.Get("config").Format())
	other.node.staged, other.node.playing = l.node.staged, l.node.playing
	l.desc = other.desc
	if !same || l.node.stream == nil {
		l.node = other.node
		return nil
	}
	l.node.node, l.node.desc = now, other.node.desc
	for _, q := range l.node.unit.Params {
		if len(q.Mods) > 0 {
			continue
		}
		v := listOf(now.Get("params").Get(q.Name))
		if v == nil && q.Len == 1 {
			v = []float64{q.Default}
		}
		if len(v) != q.Len {
			continue
		}
		for i := range v {
			if q.Scale != abi.Periodic {
				v[i] = math.Min(math.Max(v[i], q.Min), q.Max)
			}
		}
		_ = l.node.stream.Run.Set(q, v) // its length is right
	}
	return nil
}

// listOf reads the values of a parameter of a node object.
func listOf(v *jsontree.Value) (list []float64) {
	switch {
	case v == nil:
	case v.Kind == jsontree.Number:
		list = []float64{v.Num}
	case v.Kind == jsontree.Object:
		return listOf(v.Get("value"))
	case v.Kind == jsontree.Array:
		for _, item := range v.Items {
			list = append(list, item.Num)
		}
	}
	return list
}

// Stage gives a sampler the sound that AMP stages under its name.
func (l *Legacy) Stage(sound *abi.Audio) { l.node.staged = sound }

// Run renders a block and returns it with its channels, as it lies in AMP's
// memory.
func (l *Legacy) Run(c LegacyCall) (out []float64, channels int, err error) {
	if c.Audio != nil && c.Audio.Frames != c.Frames {
		return nil, 0, fault(abi.EInvalidArg, "the audio has %d frames, the block %d", c.Audio.Frames, c.Frames)
	}
	if c.Batches < 1 || c.Frames < 1 {
		return nil, 0, fault(abi.EInvalidArg, "%d batches of %d frames are no block", c.Batches, c.Frames)
	}
	if l.node.typ.Name == "ControllerNode" {
		return l.control(c)
	}
	inputs, err := l.inputs(c)
	if err != nil {
		return nil, 0, err
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
	return l.leave(outputs[0]), outputs[0].Channels, nil
}

// inputs are the audio and the views that the node reads.
func (l *Legacy) inputs(c LegacyCall) ([]Buffer, error) {
	t := l.node.typ
	var inputs []Buffer
	if c.Audio != nil {
		inputs = append(inputs, l.enter(*c.Audio))
	} else if n := l.silent(); n > 1 {
		inputs = append(inputs, Buffer{Batches: c.Batches, Channels: n, Frames: c.Frames, Data: make([]float64, c.Batches*n*c.Frames)})
	}
	for _, p := range c.Params {
		if p.Batches < 1 || p.Channels < 1 || p.Frames < 1 {
			return nil, fault(abi.EShape, "the view %q has the shape (%d, %d, %d)", p.Name, p.Batches, p.Channels, p.Frames)
		}
		if port := slices.Index(t.Inputs, p.Name); port >= 0 { // an audio port, which AMP feeds by a view
			for len(inputs) < port {
				inputs = append(inputs, Buffer{Batches: c.Batches, Channels: 1, Frames: c.Frames, Data: make([]float64, c.Batches*c.Frames)})
			}
			if len(inputs) == port {
				inputs = append(inputs, complete(l.enter(p), 0, c.Batches, c.Frames))
			}
		}
	}
	for _, p := range c.Params {
		name := alias(t, p.Name)
		spec := paramOf(t, name)
		if spec == nil || spec.Vector || !spec.Mod || slices.Contains(t.Inputs, p.Name) {
			continue // AMP ignores views that a node does not read
		}
		if name != p.Name && slices.ContainsFunc(c.Params, func(q Buffer) bool { return q.Name == name }) {
			continue // both names were passed
		}
		start := spec.Default
		if v := l.node.node.Get("params").Get(name); v != nil && v.Kind == jsontree.Number {
			start = v.Num
		}
		p.Name = name
		inputs = append(inputs, complete(l.enter(p), start, c.Batches, c.Frames))
	}
	return inputs, nil
}

// silent is the number of channels that "channels" asks of an input without
// audio.
func (l *Legacy) silent() int {
	v := tree(l.desc.Params).Get("channels")
	if v == nil || len(l.node.typ.Inputs) == 0 || v.Kind != jsontree.Number || v.Num > 256 {
		return 0
	}
	return int(v.Num)
}

// frameMajor types have (frame, batch, channel) in memory.
func (l *Legacy) frameMajor() bool {
	return l.node.typ.Name == "FFTDivisionNode" || l.node.typ.Name == "SamplerNode"
}

// enter turns a buffer of AMP's into (batch, channel, frame).
func (l *Legacy) enter(b Buffer) Buffer {
	rows := b.Batches * b.Channels
	if !l.frameMajor() || rows == 1 {
		return b
	}
	data := make([]float64, len(b.Data))
	for i, v := range b.Data {
		data[i%rows*b.Frames+i/rows] = v
	}
	b.Data = data
	return b
}

// leave turns an output into what AMP has in memory: frame by frame for some
// types, the planes of an envelope one after the other.
func (l *Legacy) leave(b Buffer) []float64 {
	rows := b.Batches * b.Channels
	switch {
	case rows == 1:
	case l.frameMajor():
		data := make([]float64, len(b.Data))
		for i := range data {
			data[i] = b.Data[i%rows*b.Frames+i/rows]
		}
		return data
	case l.node.typ.Name == "EnvelopeModulatorNode":
		var data []float64
		for c := range b.Channels {
			for batch := range b.Batches {
				data = append(data, b.row(batch, c)...)
			}
		}
		return data
	}
	return b.Data
}

// control is AMP's controller: each output is a view, or a curve of the control
// history, or zero. Without names the outputs are the views.
func (l *Legacy) control(c LegacyCall) ([]float64, int, error) {
	var names []string
	sources := map[string]string{}
	config := l.node.node.Get("config")
	list := func(key string) []string {
		if v := config.Get(key); v != nil && v.Text != "" {
			return strings.Split(v.Text, ",")
		}
		return nil
	}
	for _, name := range list("__controller_outputs__") {
		names = append(names, strings.TrimSpace(name))
	}
	for _, pair := range list("__controller_sources__") {
		name, source, _ := strings.Cut(pair, "=")
		sources[strings.TrimSpace(name)] = strings.TrimSpace(source)
	}
	if names == nil {
		for _, p := range c.Params {
			names = append(names, p.Name)
		}
	}
	out := Buffer{Batches: c.Batches, Channels: max(len(names), 1), Frames: c.Frames}
	size, ok := out.Size()
	if !ok {
		return nil, 0, fault(abi.EShape, "the output is too large")
	}
	out.Data = make([]float64, size)
	for i, name := range names {
		if s, ok := sources[name]; ok {
			name = s
		}
		view := slices.IndexFunc(c.Params, func(p Buffer) bool { return p.Name == name })
		curve := curve{c.History[name]}
		for batch := range c.Batches {
			row := out.row(batch, i)
			if view >= 0 {
				p := &c.Params[view]
				copy(row, p.row(min(batch, p.Batches-1), 0))
				continue
			}
			for n := range row {
				row[n] = curve.at(n)
			}
		}
	}
	return out.Data, out.Channels, nil
}

// Metrics returns delay and heat.
func (l *Legacy) Metrics() (delay int, heat float64) { return l.node.Metrics() }

// alias maps the second names that AMP accepts for views.
func alias(t *abi.NodeType, name string) string {
	for _, names := range [][]string{{"freq", "frequency"}, {"amp", "amplitude"}, {"phase", "phase_offset"}} {
		if paramOf(t, name) == nil && slices.Contains(names, name) {
			for _, other := range names {
				if paramOf(t, other) != nil {
					return other
				}
			}
		}
	}
	return name
}

// complete extends a view to all batches and frames by a value.
func complete(p Buffer, start float64, batches, frames int) Buffer {
	if p.Batches == batches && p.Frames == frames {
		return p
	}
	q := Buffer{Name: p.Name, Batches: batches, Channels: p.Channels, Frames: frames}
	q.Data = make([]float64, q.size())
	for i := range q.Data {
		q.Data[i] = start
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
func Invalid(format string, args ...any) error { return fault(abi.EInvalidArg, format, args...) }

// Size returns the number of values, false when the shape is no tensor.
func (b *Buffer) Size() (int, bool) {
	n := float64(b.Batches) * float64(b.Channels) * float64(b.Frames)
	if b.Batches < 1 || b.Channels < 1 || b.Frames < 1 || n > maxFloats || n > math.MaxInt {
		return 0, false
	}
	return b.size(), true
}

package host

import (
	"fmt"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/jsontree"
)

// build makes the stream for buffers of a shape: a graph of the node and of
// inputs that are fed from the buffers, with room for so many frames.
func (n *Node) build(inputs []Buffer, s shapes, room int) error {
	frames := s.frames
	key := fmt.Sprint(s.batches)
	for i, b := range inputs {
		_, param := s.params[b.Name]
		key += fmt.Sprint(";", i, b.Name, b.Channels, param && n.perFrame(&b, frames))
	}
	if n.stream != nil && n.shape == key {
		return nil
	}
	if n.stream != nil && !n.desc.Lenient {
		return fault(abi.EShape, "the channels, batches or modulated parameters differ from those of the calls before; release the state and start afresh")
	}
	if len(s.audio) > len(n.typ.Inputs) && n.typ.Configure == nil {
		return fault(abi.EInvalidArg, "%s has %d audio inputs, %d buffers were passed that are no parameters of it", n.desc.Type, len(n.typ.Inputs), len(s.audio))
	}
	stream, err := n.plan(inputs, s, room, nil)
	if err == nil && has(n.node, "declared_delay") {
		// A consumer sees the outputs as late as the node declares.
		outputs := unitOf(stream).Setup.Outputs
		stream, err = n.plan(inputs, s, room, outputs)
	}
	if err == nil && n.typ.Configure != nil {
		err = n.named(&s, unitOf(stream).Setup.Inputs)
	}
	if err != nil {
		return err
	}
	n.stream, n.shape, n.unit, n.calls, n.heat = stream, key, unitOf(stream), nil, math.NaN()
	n.ports, n.modded = nil, map[string]bool{}
	for _, q := range n.unit.Params {
		n.modded[q.Name] = len(q.Mods) > 0
	}
	for i := range n.unit.Out {
		if u := stream.Plan.Unit(consumer(i)); u != nil {
			n.ports = append(n.ports, u.Out[0])
		} else {
			n.ports = append(n.ports, n.own(i))
		}
	}
	n.feed = func(node string, batch, channel int, dst []float64) {
		b := &n.inputs[n.last.feeds[node]]
		copy(dst, b.row(min(batch, b.Batches-1), min(channel, b.Channels-1)))
	}
	return nil
}

// perFrame reports whether a parameter's buffer has a value for each frame. In a
// block of one frame it stays what it was, held at first, but for AMP's views,
// which always are rows.
func (n *Node) perFrame(b *Buffer, frames int) bool {
	return b.Frames == frames && (frames > 1 || n.desc.Lenient || n.modded[b.Name])
}

// plan makes a stream in which the given outputs have a consumer.
func (n *Node) plan(inputs []Buffer, s shapes, room int, consumed []string) (*adjoint.Stream, error) {
	g, err := n.graph(inputs, s, s.frames, consumed)
	if err != nil {
		return nil, err
	}
	stream, err := adjoint.NewStream(g, adjoint.StreamOptions{
		Rate: n.desc.Rate, Batches: s.batches, Record: n.desc.Record, Frames: room, Memory: memory, Audio: n.audio,
	})
	if err != nil {
		return nil, planFault(n.typ, err)
	}
	return stream, nil
}

// audio reads a file, or takes what is staged for the node.
func (n *Node) audio(path string) (*abi.Audio, error) {
	if path == "x" && n.staged != nil {
		return n.staged, nil
	}
	return adjoint.ReadAudio(path)
}

// unitOf returns the unit of the node itself.
func unitOf(stream *adjoint.Stream) *graph.Unit {
	for _, u := range stream.Plan.Units {
		if u.Node.Name == "x" && u.Filter == nil {
			return u
		}
	}
	panic("host: the plan has lost its node")
}

// The nodes of the graph around a node "x": what feeds its ports and its
// parameters, and who reads its outputs.
func audioName(port int) string { return fmt.Sprint("audio", port) }

func modName(param string) string { return "mod_" + param }

func consumer(port int) string { return fmt.Sprint("consumer", port) }

func (n *Node) graph(inputs []Buffer, s shapes, frames int, consumed []string) (*graph.Graph, error) {
	b := newBuilder()
	params := clone(n.node.Get("params"))
	ports := n.typ.Inputs
	for port, i := range s.audio {
		b.input(audioName(port), inputs[i].Channels)
		to := "x"
		if port < len(ports) {
			to += "." + ports[port]
		}
		b.edge(audioName(port), to)
	}
	for _, p := range n.typ.Params { // in a fixed order
		i, ok := s.params[p.Name]
		switch {
		case !ok:
		case n.perFrame(&inputs[i], frames) && !p.Vector:
			if !p.Mod {
				return nil, fault(abi.EShape, "%s of %s is one value for the whole block; it cannot be passed frame by frame", p.Name, n.desc.Type)
			}
			b.input(modName(p.Name), inputs[i].Channels)
			b.edge(modName(p.Name), "x."+p.Name)
		case p.Vector:
			params.Set(p.Name, jsontree.NewNumbers(inputs[i].Data))
		case inputs[i].Frames == 1:
			params.Set(p.Name, jsontree.NewNumber(clamp(inputs[i].Data[0], p, n.desc.Rate)))
		default:
			return nil, fault(abi.EShape, "%s has %d frames; it needs 1 or the block's %d", p.Name, inputs[i].Frames, frames)
		}
	}
	x := b.node("x", n.typ.Name)
	x.Members = append(x.Members, n.node.Members...)
	x.Set("params", params)
	for i, port := range consumed {
		b.node(consumer(i), "GainNode") // by 1
		b.edge("x."+port, consumer(i))
	}
	g, err := b.graph("x", "")
	if err != nil {
		return nil, planFault(n.typ, err)
	}
	if n.desc.Lenient {
		g.Node("x").Type = unbounded(n.typ)
	}
	return g, nil
}

// free are roles of parameters that AMP has no range for: a rate below 0 runs
// back, a frequency beyond half the rate folds.
var free = []abi.Role{abi.Pitch, abi.Rate, abi.Depth}

// unbounded is a type whose parameters have no range where AMP has none.
func unbounded(t *abi.NodeType) *abi.NodeType {
	own := *t
	own.Params = slices.Clone(t.Params)
	for i := range own.Params {
		if p := &own.Params[i]; slices.Contains(factors, p.Name) || slices.Contains(free, p.Role) {
			p.Min, p.Max, p.MaxRate, p.Scale = -1e300, 1e300, 0, abi.Linear
		}
	}
	return &own
}

func clone(v *jsontree.Value) *jsontree.Value {
	out := &jsontree.Value{Kind: jsontree.Object}
	if v != nil {
		out.Members = slices.Clone(v.Members)
	}
	return out
}

// clamp brings a value that a host passes into the range of its parameter.
func clamp(v float64, p abi.Param, rate float64) float64 {
	if p.Scale == abi.Periodic {
		return v
	}
	hi := p.Max
	if p.MaxRate > 0 {
		hi = p.MaxRate * rate
	}
	return math.Min(math.Max(v, p.Min), hi)
}

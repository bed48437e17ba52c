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

// Descriptor says which node runs.
type Descriptor struct {
	Name, Type, Params string
	Rate               float64
	Declared           int
	Oversample         int // 0 means 1
	SupportsV2         bool
	Record             int // forward calls kept for backward; −1 all
	// Lenient drops keys of Params that the type does not have, and takes the
	// recorded behaviour of AMP (config compat) where a type offers it.
	Lenient bool
}

// Buffer is a tensor (batch, channel, frame), frames contiguous.
type Buffer struct {
	Name                      string
	Data                      []float64 // nil: only the shape is wanted
	Batches, Channels, Frames int
}

func (b *Buffer) size() int { return b.Batches * b.Channels * b.Frames }

// row returns one channel.
func (b *Buffer) row(batch, channel int) []float64 {
	at := (batch*b.Channels + channel) * b.Frames
	return b.Data[at : at+b.Frames]
}

// maxFloats bounds a buffer, so that sizes multiply without overflow.
const maxFloats = 1 << 40

// maxDelay bounds a declared delay, so that a slip does not take all memory.
const maxDelay = 1 << 24

// Node is one node with its state between calls. One goroutine uses it at a
// time.
type Node struct {
	desc    Descriptor
	typ     *abi.NodeType
	node    *jsontree.Value
	stream  *adjoint.Stream
	shape   string // of the buffers the stream was made for
	unit    *graph.Unit
	calls   []shapes         // of the calls that can be walked back
	ports   []*graph.OutPort // outputs as the host sees them
	modded  map[string]bool  // parameters that the stream takes frame by frame
	last    shapes           // of the call before: most calls are like it
	inputs  []Buffer         // of the call that is made
	feed    adjoint.Feed
	staged  *abi.Audio // what the node plays where it names no file
	playing Sound      // where that was staged for the whole process
}

// shapes are the buffers of a forward call.
type shapes struct {
	inputs []Buffer // without data
	audio  []int    // index into inputs, by port
	params map[string]int
	feeds  map[string]int // by the input node that a buffer feeds

	frames, batches int
	outFrames       []int // of the output buffers, which say how long sources play
}

// NewNode looks the type up and reads its parameters.
func NewNode(d Descriptor) (*Node, error) {
	t := abi.Lookup(d.Type)
	if t == nil {
		return nil, fault(abi.EUnknownNode, "there is no node type %q", d.Type)
	}
	switch {
	case !(d.Rate > 0) || math.IsInf(d.Rate, 0):
		return nil, fault(abi.EInvalidArg, "the sample rate %g is not above 0", d.Rate)
	case d.Oversample > 1 && (d.Oversample > 16 || d.Oversample&(d.Oversample-1) != 0):
		return nil, fault(abi.EInvalidArg, "oversample_ratio %d: allowed are 1, 2, 4, 8 and 16", d.Oversample)
	}
	node, err := nodeObject(t, d.Params, d.Lenient)
	if err != nil {
		return nil, err
	}
	if v := node.Get("declared_delay"); max(d.Declared, 0) > maxDelay || v != nil && v.Num > maxDelay {
		return nil, fault(abi.EInvalidArg, "declared_delay: a node may hold its output back by %d frames at most", maxDelay)
	}
	if d.Oversample > 1 {
		node.Set("oversample_ratio", jsontree.NewNumber(float64(d.Oversample)))
	}
	if d.Declared > 0 {
		node.Set("declared_delay", jsontree.NewNumber(float64(d.Declared)))
	}
	if !d.SupportsV2 {
		node.Set("supports_v2", &jsontree.Value{Kind: jsontree.Bool})
	}
	if d.Lenient && hasKey(t, "compat") && !has(node.Get("config"), "compat") {
		node.Get("config").Set("compat", &jsontree.Value{Kind: jsontree.String, Text: "amp"})
	}
	return &Node{desc: d, typ: t, node: node}, nil
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

// shapesOf returns the shapes of a call and sees to the stream for it.
func (n *Node) shapesOf(inputs, outputs []Buffer) (shapes, error) {
	if n.like(inputs, outputs) {
		return n.last, nil
	}
	s, err := n.sort(inputs)
	if err != nil {
		return s, err
	}
	if s.frames, s.batches, err = n.frames(inputs, outputs, s); err != nil {
		return s, err
	}
	if err := n.build(inputs, s, s.frames, s.batches); err != nil {
		return s, err
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

// build makes the stream for buffers of a shape: a graph of the node and of
// inputs that are fed from the buffers.
func (n *Node) build(inputs []Buffer, s shapes, frames, batches int) error {
	key := fmt.Sprint(batches)
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
	stream, err := n.plan(inputs, s, frames, batches, nil)
	if err == nil && has(n.node, "declared_delay") {
		// A consumer sees the outputs as late as the node declares.
		outputs := unitOf(stream).Setup.Outputs
		stream, err = n.plan(inputs, s, frames, batches, outputs)
	}
	if err != nil {
		return err
	}
	n.stream, n.shape, n.unit, n.calls = stream, key, unitOf(stream), nil
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
func (n *Node) plan(inputs []Buffer, s shapes, frames, batches int, consumed []string) (*adjoint.Stream, error) {
	g, err := n.graph(inputs, s, frames, consumed)
	if err != nil {
		return nil, err
	}
	stream, err := adjoint.NewStream(g, adjoint.StreamOptions{
		Rate: n.desc.Rate, Batches: batches, Record: n.desc.Record, Frames: frames, Audio: n.audio,
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
		if u.Node.Name == "x" && !u.Filter {
			return u
		}
	}
	panic("host: the plan has lost its node")
}

// input names of the graph around the node.
func audioName(port int) string   { return fmt.Sprint("audio", port) }
func modName(param string) string { return "mod_" + param }
func consumer(port int) string    { return fmt.Sprint("consumer", port) }
func inputNode(name string, channels int) *jsontree.Value {
	v := &jsontree.Value{Kind: jsontree.Object}
	v.Set("name", text(name))
	v.Set("type", text("InputNode"))
	config := &jsontree.Value{Kind: jsontree.Object}
	config.Set("channels", jsontree.NewNumber(float64(channels)))
	v.Set("config", config)
	return v
}

func text(s string) *jsontree.Value { return &jsontree.Value{Kind: jsontree.String, Text: s} }

func (n *Node) graph(inputs []Buffer, s shapes, frames int, consumed []string) (*graph.Graph, error) {
	nodes, edges := &jsontree.Value{Kind: jsontree.Array}, &jsontree.Value{Kind: jsontree.Array}
	x := &jsontree.Value{Kind: jsontree.Object}
	x.Set("name", text("x"))
	x.Set("type", text(n.typ.Name))
	for _, m := range n.node.Members {
		x.Set(m.Key, m.Value)
	}
	params := clone(n.node.Get("params"))
	x.Set("params", params)
	edge := func(from, to string) {
		e := &jsontree.Value{Kind: jsontree.Object}
		e.Set("source", text(from))
		e.Set("target", text(to))
		edges.Items = append(edges.Items, e)
	}
	ports := n.typ.Inputs
	for port, i := range s.audio {
		nodes.Items = append(nodes.Items, inputNode(audioName(port), inputs[i].Channels))
		to := "x"
		if port < len(ports) {
			to += "." + ports[port]
		}
		edge(audioName(port), to)
	}
	for _, p := range n.typ.Params { // in a fixed order
		i, ok := s.params[p.Name]
		switch {
		case !ok:
		case n.perFrame(&inputs[i], frames) && !p.Vector:
			if !p.Mod {
				return nil, fault(abi.EShape, "%s of %s is one value for the whole block; it cannot be passed frame by frame", p.Name, n.desc.Type)
			}
			nodes.Items = append(nodes.Items, inputNode(modName(p.Name), inputs[i].Channels))
			edge(modName(p.Name), "x."+p.Name)
		case p.Vector:
			params.Set(p.Name, jsontree.NewNumbers(inputs[i].Data))
		case inputs[i].Frames == 1:
			params.Set(p.Name, jsontree.NewNumber(clamp(inputs[i].Data[0], p, n.desc.Rate)))
		default:
			return nil, fault(abi.EShape, "%s has %d frames; it needs 1 or the block's %d", p.Name, inputs[i].Frames, frames)
		}
	}
	nodes.Items = append(nodes.Items, x)
	for i, port := range consumed {
		v := &jsontree.Value{Kind: jsontree.Object}
		v.Set("name", text(consumer(i)))
		v.Set("type", text("GainNode")) // by 1
		nodes.Items = append(nodes.Items, v)
		edge("x."+port, consumer(i))
	}
	top := &jsontree.Value{Kind: jsontree.Object}
	top.Set("descriptor_version", jsontree.NewNumber(2))
	top.Set("nodes", nodes)
	top.Set("edges", edges)
	top.Set("output", text("x"))
	g, err := graph.Parse("", top.Format())
	if err != nil {
		return nil, planFault(n.typ, err)
	}
	for _, e := range g.Edges {
		if e.Param != "" {
			e.Mode = graph.Replace
		}
	}
	if n.desc.Lenient {
		g.Node("x").Type = unbounded(n.typ)
	}
	return g, nil
}

// factors are parameters that AMP multiplies by, whatever they are.
var factors = []string{"amp", "amplitude", "gain"}

// unbounded is a type whose factors have no range.
func unbounded(t *abi.NodeType) *abi.NodeType {
	own := *t
	own.Params = slices.Clone(t.Params)
	for i := range own.Params {
		if p := &own.Params[i]; slices.Contains(factors, p.Name) {
			p.Min, p.Max, p.Scale = -1e300, 1e300, abi.Linear
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

// Forward renders a block. Inputs are the audio ports in order and parameters
// by name; outputs get shapes, and frames where they have data.
func (n *Node) Forward(inputs, outputs []Buffer) error {
	n.restage(n.desc.Name)
	s, err := n.shapesOf(inputs, outputs)
	if err != nil {
		return err
	}
	frames, batches := s.frames, s.batches
	if len(outputs) > len(n.unit.Setup.Outputs) {
		return fault(abi.EInvalidArg, "%s has %d outputs, not %d", n.desc.Type, len(n.unit.Setup.Outputs), len(outputs))
	}
	shapeOnly := len(outputs) > 0
	for i := range outputs {
		shapeOnly = shapeOnly && outputs[i].Data == nil
	}
	for i := range outputs {
		want := Buffer{Name: outputs[i].Name, Batches: batches, Channels: n.port(i).Channels, Frames: frames, Data: outputs[i].Data}
		if want.Data != nil && (outputs[i].Batches != batches || outputs[i].Channels != want.Channels || outputs[i].Frames != frames) {
			return fault(abi.EShape, "output %d has the shape (%d, %d, %d) and needs (%d, %d, %d)", i,
				outputs[i].Batches, outputs[i].Channels, outputs[i].Frames, batches, want.Channels, frames)
		}
		outputs[i] = want
	}
	if shapeOnly {
		return nil
	}
	n.set(inputs, s)
	n.inputs = inputs
	n.stream.Forward(frames, n.feed)
	n.inputs = nil
	for i := range outputs {
		if outputs[i].Data == nil {
			continue
		}
		for k, row := range n.stream.Output(n.port(i)) {
			copy(outputs[i].Data[k*frames:(k+1)*frames], row)
		}
	}
	n.played(n.desc.Name, frames)
	if n.desc.Record != 0 {
		n.calls = append(n.calls, s)
		if r := n.desc.Record; r > 0 && len(n.calls) > r {
			n.calls = slices.Clone(n.calls[len(n.calls)-r:])
		}
	}
	return nil
}

// port returns output i as the host sees it, after the declared delay.
func (n *Node) port(i int) *graph.OutPort { return n.ports[i] }

// own is output i before the declared delay.
func (n *Node) own(i int) *graph.OutPort { return ownOutput(n.unit, i) }

// ownOutput is an output behind the downsampler of an oversampled node.
func ownOutput(u *graph.Unit, i int) *graph.OutPort {
	out := u.Out[i]
	if u.Mult > 1 && len(out.Readers) > 0 && out.Readers[0].To().Filter {
		return out.Readers[0].To().Out[0]
	}
	return out
}

// set stores the held parameters of a call.
func (n *Node) set(inputs []Buffer, s shapes) {
	for _, q := range n.unit.Params {
		i, ok := s.params[q.Name]
		if !ok || len(q.Mods) > 0 {
			continue
		}
		v := slices.Clone(inputs[i].Data)
		for k := range v {
			if q.Scale != abi.Periodic {
				v[k] = math.Min(math.Max(v[k], q.Min), q.Max)
			}
		}
		_ = n.stream.Run.SetParam("x", q.Name, v) // its length was checked when the graph was made
	}
}

// Metrics returns the measured delay in frames and the heat so far in joules.
func (n *Node) Metrics() (delay int, heat float64) {
	if n.unit == nil {
		return 0, 0
	}
	return n.own(0).Measured, n.stream.Heat("x")
}

// Backward walks the newest forward call back: inputs are the gradients of the
// outputs, outputs become those of the call's inputs.
func (n *Node) Backward(inputs, outputs []Buffer) error {
	if n.stream == nil {
		return fault(abi.EInvalidArg, "there is no forward call to walk back")
	}
	frames, ok := n.stream.Pending()
	if !ok {
		return fault(abi.EInvalidArg, "there is no forward call left to walk back; \"record\" in params_json says how many are kept")
	}
	s := n.calls[len(n.calls)-1]
	if err := n.checkBackward(inputs, outputs, s, frames); err != nil {
		return err
	}
	if n.unit.NoAdjoint {
		for i := range outputs {
			clear(outputs[i].Data)
		}
		return fault(abi.EUnsupported, "%s has no adjoint here; the gradients are zero", n.desc.Type)
	}
	seeds := map[*graph.OutPort][][]float64{}
	for i := range inputs {
		port := n.port(i)
		for k := range n.stream.Plan.Batches * port.Channels {
			seeds[port] = append(seeds[port], inputs[i].Data[k*frames:(k+1)*frames])
		}
	}
	if err := n.stream.Backward(seeds); err != nil {
		return fault(abi.EInvalidArg, "%v", err)
	}
	n.calls = n.calls[:len(n.calls)-1]
	for i := range outputs {
		clear(outputs[i].Data)
	}
	for port, i := range s.audio {
		n.collect(audioName(port), &outputs[i], frames)
	}
	for name, i := range s.params {
		if name == graph.HeatParam {
			continue
		}
		q := n.param(name)
		if q == nil {
			continue
		}
		if len(q.Mods) > 0 {
			n.collect(modName(name), &outputs[i], frames)
			continue
		}
		g := n.stream.ParamGrad(q)
		for k, v := range g {
			outputs[i].Data[k%len(outputs[i].Data)] += v
		}
	}
	return nil
}

func (n *Node) param(name string) *graph.Param {
	for _, q := range n.unit.Params {
		if q.Name == name {
			return q
		}
	}
	return nil
}

// collect sums the gradient of what an input node was fed into its buffer.
func (n *Node) collect(node string, b *Buffer, frames int) {
	u := n.stream.Plan.Unit(node)
	for batch := range n.stream.Plan.Batches {
		for c := range u.Out[0].Channels {
			row := b.row(min(batch, b.Batches-1), min(c, b.Channels-1))
			for k, v := range n.stream.InputGrad(node, batch, c, frames) {
				row[k] += v
			}
		}
	}
}

func (n *Node) checkBackward(inputs, outputs []Buffer, s shapes, frames int) error {
	if len(inputs) != len(n.unit.Setup.Outputs) {
		return fault(abi.EInvalidArg, "backward takes %d gradients of outputs, not %d", len(n.unit.Setup.Outputs), len(inputs))
	}
	if len(outputs) != len(s.inputs) {
		return fault(abi.EInvalidArg, "backward fills %d gradients, those of the inputs of the forward call, not %d", len(s.inputs), len(outputs))
	}
	for i := range inputs {
		want := Buffer{Batches: n.stream.Plan.Batches, Channels: n.port(i).Channels, Frames: frames}
		if b := inputs[i]; b.Data == nil || b.Batches != want.Batches || b.Channels != want.Channels || b.Frames != frames {
			return fault(abi.EInvalidArg, "the gradient of output %d has the shape (%d, %d, %d); the forward call had (%d, %d, %d)", i, b.Batches, b.Channels, b.Frames, want.Batches, want.Channels, frames)
		}
	}
	for i := range outputs {
		b, want := outputs[i], s.inputs[i]
		if b.Data == nil {
			outputs[i] = want
			return fault(abi.EInvalidArg, "the gradient buffer %d has no data", i)
		}
		if b.Batches != want.Batches || b.Channels != want.Channels || b.Frames != want.Frames {
			return fault(abi.EShape, "the gradient buffer %d has the shape (%d, %d, %d) and needs (%d, %d, %d)", i, b.Batches, b.Channels, b.Frames, want.Batches, want.Channels, want.Frames)
		}
	}
	return nil
}

package host

import (
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
	heat    float64    // that was passed last; NaN before
}

// NewNode looks the type up and reads its parameters.
func NewNode(d Descriptor) (*Node, error) {
	t := abi.Lookup(d.Type)
	if t == nil {
		return nil, fault(abi.EUnknownNode, "there is no node type %q", d.Type)
	}
	switch {
	case t.External:
		return nil, fault(abi.EInvalidArg, "%s is where a host feeds a graph; it is no node to call by itself", t.Name)
	case !(d.Rate >= graph.MinRate && d.Rate <= graph.MaxRate):
		return nil, fault(abi.EInvalidArg, "%g Hz is not a sample rate; allowed are %d to %d", d.Rate, graph.MinRate, graph.MaxRate)
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

// factors are parameters that AMP multiplies by, whatever they are.
var factors = []string{"amp", "amplitude", "gain"}

// Forward renders a block. Inputs are the audio ports in order and parameters
// by name; outputs get shapes, and frames where they have data.
func (n *Node) Forward(inputs, outputs []Buffer) error {
	n.restage(n.desc.Name)
	shapeOnly := len(outputs) > 0
	for i := range outputs {
		shapeOnly = shapeOnly && outputs[i].Data == nil
	}
	s, err := n.shapesOf(inputs, outputs, shapeOnly)
	if err != nil {
		return err
	}
	frames, batches := s.frames, s.batches
	if len(outputs) > len(n.unit.Setup.Outputs) {
		return fault(abi.EInvalidArg, "%s has %d outputs, not %d", n.desc.Type, len(n.unit.Setup.Outputs), len(outputs))
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
	if err := n.stream.Reserve(frames); err != nil {
		return planFault(n.typ, err)
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
	if u.Mult > 1 && len(out.Readers) > 0 && out.Readers[0].To().Filter != nil {
		return out.Readers[0].To().Out[0]
	}
	return out
}

// set stores the held parameters of a call. Heat that is passed is where the
// node's begins, and again whenever another value comes.
func (n *Node) set(inputs []Buffer, s shapes) {
	if i, ok := s.params[graph.HeatParam]; ok && inputs[i].Data[0] != n.heat {
		n.heat = inputs[i].Data[0]
		n.stream.SetHeat("x", n.heat)
	}
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
		_ = n.stream.Run.Set(q, v) // its length was checked when the graph was made
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
		collect(n.stream, audioName(port), &outputs[i], frames)
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
			collect(n.stream, modName(name), &outputs[i], frames)
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

package host

import (
	"encoding/json"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/jsontree"
	"ampfit/internal/suggest"
)

// spot is what a buffer of a graph stands for: the sound of input nodes, or a
// parameter.
type spot struct {
	nodes []string // input nodes; nil for a parameter
	node  string
	param string
}

// placeOf finds what "node" or "node.param" means; "" is every input node.
func (r *Runtime) placeOf(name string) (spot, error) {
	inputs := r.inputs()
	if name == "" {
		if len(inputs) == 0 {
			return spot{}, fault(abi.EInvalidArg, "a buffer has no name, and the graph has no input node that it could feed")
		}
		return spot{nodes: inputs}, nil
	}
	node, param, dotted := strings.Cut(name, ".")
	switch {
	case !dotted && slices.Contains(inputs, node):
		return spot{nodes: []string{node}}, nil
	case r.findAny(node) == nil:
		return spot{}, fault(abi.EInvalidArg, "there is no node %q for the buffer %q; %s", node, name, suggest.Instead(node, r.Nodes()))
	case !dotted:
		return spot{}, fault(abi.EInvalidArg, "%q is no input node; sound goes to input nodes (%s), a value to \"node.param\"", name, suggest.List(inputs))
	}
	return spot{node: node, param: param}, nil
}

// inputs lists the nodes that a host feeds.
func (r *Runtime) inputs() (names []string) {
	if r.file != nil {
		for _, n := range r.file.Nodes {
			if n.Type.External {
				names = append(names, n.Name)
			}
		}
	}
	for i := range r.nodes {
		if t := abi.Lookup(r.nodes[i].typ); t.External {
			names = append(names, r.nodes[i].name)
		}
	}
	return names
}

// outputOf finds the port of "node" or "node.port"; "" is the graph's output.
func (r *Runtime) outputOf(name string) (*graph.OutPort, error) {
	p := r.stream.Plan
	if name == "" {
		return p.Output, nil
	}
	node, port, dotted := strings.Cut(name, ".")
	u := p.Unit(node)
	if u == nil || strings.HasPrefix(node, paramPrefix) {
		return nil, fault(abi.EInvalidArg, "there is no node %q for the output %q; %s", node, name, suggest.Instead(node, r.Nodes()))
	}
	var names []string
	for i, out := range u.Out {
		names = append(names, out.Name)
		if !dotted && i == 0 || out.Name == port {
			return ownOutput(u, i), nil
		}
	}
	return nil, fault(abi.EInvalidArg, "the node %q has no output %q; %s", node, port, suggest.Instead(port, names))
}

// Process renders a block: the sound of input nodes by their names, parameters
// by "node.param", with one frame or the block's; and outputs by "node" or
// "node.port". Outputs without data, all of them, only get their shapes.
func (r *Runtime) Process(inputs, outputs []Buffer) (err error) {
	defer r.ended(&err)
	if err := r.process(inputs, outputs); err != nil {
		return r.fail("process", "", err)
	}
	return nil
}

func (r *Runtime) process(inputs, outputs []Buffer) error {
	places := make([]spot, len(inputs))
	frames, channels := 0, 0
	for i := range inputs {
		b := &inputs[i]
		var err error
		if places[i], err = r.placeOf(b.Name); err != nil {
			return err
		}
		if _, ok := b.Size(); !ok || b.Batches != 1 && b.Batches != r.batches {
			return fault(abi.EShape, "the buffer %q has the shape (%d, %d, %d); batches are 1 or %d, the other sizes at least 1", b.Name, b.Batches, b.Channels, b.Frames, r.batches)
		}
		if b.Data == nil {
			return fault(abi.EInvalidArg, "the buffer %q has no data", b.Name)
		}
		if places[i].nodes != nil {
			if frames != 0 && b.Frames != frames {
				return fault(abi.EShape, "the sounds of a block have %d and %d frames", frames, b.Frames)
			}
			frames, channels = b.Frames, max(channels, b.Channels)
		}
	}
	for i := range outputs {
		if frames == 0 && outputs[i].Frames > 0 { // the block of a graph without input
			frames = outputs[i].Frames
		}
	}
	if frames == 0 {
		frames = r.frames
	}
	if frames == 0 {
		return fault(abi.EInvalidArg, "the block has no frames; say so in an output buffer, or configure the runtime")
	}
	if err := r.ready(inputs, places, frames, channels); err != nil {
		return err
	}
	shapeOnly := len(outputs) > 0 && !slices.ContainsFunc(outputs, func(b Buffer) bool { return b.Data != nil })
	ports, err := r.shapeOutputs(outputs, frames)
	if err != nil || shapeOnly {
		return err
	}
	if err := r.take(inputs, places, frames); err != nil {
		return err
	}
	if err := r.stream.Reserve(frames); err != nil {
		return fault(abi.EInvalidArg, "%v", err)
	}
	r.history, r.ran = nil, true
	r.stream.Forward(frames, r.feed)
	clear(r.fed)
	for i, port := range ports {
		if outputs[i].Data != nil {
			for k, row := range r.stream.Output(port) {
				copy(outputs[i].Data[k*frames:(k+1)*frames], row)
			}
		}
	}
	return nil
}

// ready sees to a stream for a block: with the channels of its sound, and with
// inputs for the parameters that come frame by frame.
func (r *Runtime) ready(inputs []Buffer, places []spot, frames, channels int) error {
	moving := slices.Clone(r.moving)
	for i, p := range places {
		if key := p.node + "\x1f" + p.param; p.nodes == nil && inputs[i].Frames > 1 && inputs[i].Frames == frames && !slices.Contains(moving, key) {
			moving = append(moving, key)
		}
	}
	other := len(moving) != len(r.moving) || channels > 0 && channels != max(r.channels, 1) && !r.declared()
	if other && r.stream != nil {
		if r.ran {
			return fault(abi.EShape, "the channels of the sound, or which parameters come frame by frame, differ from those of the blocks before; configure the runtime to start afresh")
		}
		r.stream = nil
	}
	if other {
		r.moving, r.channels = moving, channels
	}
	if r.stream == nil {
		return r.start(frames)
	}
	return nil
}

// declared reports whether every input node says its channels.
func (r *Runtime) declared() bool {
	for _, name := range r.inputs() {
		if n := r.file; n != nil && !n.Node(name).Config.Has("channels") || n == nil {
			return false
		}
	}
	return true
}

// shapeOutputs finds the ports of outputs and completes their shapes.
func (r *Runtime) shapeOutputs(outputs []Buffer, frames int) ([]*graph.OutPort, error) {
	ports := make([]*graph.OutPort, len(outputs))
	for i := range outputs {
		b := &outputs[i]
		var err error
		if ports[i], err = r.outputOf(b.Name); err != nil {
			return nil, err
		}
		want := Buffer{Name: b.Name, Batches: r.batches, Channels: ports[i].Channels, Frames: frames, Data: b.Data}
		if b.Data != nil && (b.Batches != want.Batches || b.Channels != want.Channels || b.Frames != frames) {
			return nil, fault(abi.EShape, "output %q has the shape (%d, %d, %d) and needs (%d, %d, %d)", b.Name, b.Batches, b.Channels, b.Frames, want.Batches, want.Channels, frames)
		}
		*b = want
	}
	return ports, nil
}

// take checks what a block is passed, and keeps it for feed.
func (r *Runtime) take(inputs []Buffer, places []spot, frames int) error {
	if r.fed == nil {
		r.fed = map[string]*Buffer{}
	}
	clear(r.fed)
	for i, p := range places {
		b := &inputs[i]
		for _, node := range p.nodes {
			if c := r.stream.Plan.Unit(node).Out[0].Channels; b.Channels != c && b.Channels != 1 {
				return fault(abi.EShape, "the sound of %q has %d channels; the node has %d", node, b.Channels, c)
			}
			if r.fed[node] == nil || b.Name != "" {
				r.fed[node] = b
			}
		}
		if p.nodes != nil {
			continue
		}
		if k, ok := finite(b.Data); !ok {
			return fault(abi.EInvalidArg, "%s: value %d is %g; parameters are finite numbers, and the graph is as it was", b.Name, k, b.Data[k])
		}
		key := p.node + "\x1f" + p.param
		if r.file != nil && slices.Contains(r.moving, key) {
			if b.Frames != frames {
				return fault(abi.EShape, "%s came frame by frame before, and has %d frames now; the block has %d", b.Name, b.Frames, frames)
			}
			r.fed[paramPrefix+key] = b
		}
	}
	for _, key := range r.moving {
		if r.file != nil && r.fed[paramPrefix+key] == nil {
			node, param, _ := strings.Cut(key, "\x1f")
			return fault(abi.EShape, "%s.%s came frame by frame before, and is not passed now; configure the runtime to start afresh", node, param)
		}
	}
	for _, node := range r.inputs() {
		if r.fed[node] == nil {
			return fault(abi.EInvalidArg, "the graph has the input node %q, and the block brings no sound for it", node)
		}
	}
	for i, p := range places { // last: all else is well
		if b := &inputs[i]; p.nodes == nil && r.fed[paramPrefix+p.node+"\x1f"+p.param] == nil {
			if err := r.SetParam(p.node, p.param, b.Data, b.Batches, b.Channels, b.Frames); err != nil {
				return err
			}
		}
	}
	return nil
}

// unfed is a fault when nobody plays the graph's input nodes.
func (r *Runtime) unfed() error {
	if names := r.inputs(); len(names) > 0 {
		return fault(abi.EInvalidArg, "the graph has the input node %q, which execute cannot feed; call amp_graph_runtime_process", names[0])
	}
	return nil
}

// withMoving is a graph file with an input for each parameter that comes frame
// by frame; what the file says of the parameter's modulation acts on that.
func (r *Runtime) withMoving() (*graph.Graph, error) {
	if len(r.moving) == 0 {
		return r.file, nil
	}
	top, _ := jsontree.Parse([]byte(r.text))
	b := newBuilder()
	b.nodes.Items = slices.Clone(top.Get("nodes").Items)
	for _, key := range r.moving {
		node, param, _ := strings.Cut(key, "\x1f")
		b.input(paramPrefix+key, 1)
		b.edge(paramPrefix+key, node+"."+param)
	}
	if edges := top.Get("edges"); edges != nil {
		b.edges.Items = append(b.edges.Items, edges.Items...)
	}
	top.Set("nodes", b.nodes)
	top.Set("edges", b.edges)
	if top.Get("output") == nil {
		top.Set("output", text(r.file.Output.Node.Name))
	}
	return fedGraph(r.file.Path, top, paramPrefix)
}

// ProcessBackward walks the newest block back: grads are the gradients of
// outputs, by their names, and out become those of inputs and parameters, by
// theirs. Parameters need not have been passed.
func (r *Runtime) ProcessBackward(grads, out []Buffer) (err error) {
	defer r.ended(&err)
	if err := r.processBackward(grads, out); err != nil {
		return r.fail("backward", "", err)
	}
	return nil
}

func (r *Runtime) processBackward(grads, out []Buffer) error {
	if r.stream == nil {
		return fault(abi.EInvalidArg, "no block was processed")
	}
	frames, ok := r.stream.Pending()
	if !ok {
		return fault(abi.EInvalidArg, "no block is kept; set record before processing")
	}
	seeds := map[*graph.OutPort][][]float64{}
	for i := range grads {
		b := &grads[i]
		port, err := r.outputOf(b.Name)
		if err != nil {
			return err
		}
		if b.Data == nil || b.Batches != r.batches || b.Channels != port.Channels || b.Frames != frames {
			return fault(abi.EShape, "the gradient of output %q has the shape (%d, %d, %d); the block has (%d, %d, %d)", b.Name, b.Batches, b.Channels, b.Frames, r.batches, port.Channels, frames)
		}
		if seeds[port] != nil {
			return fault(abi.EInvalidArg, "the output %q is given two gradients", b.Name)
		}
		for k := range b.Batches * b.Channels {
			seeds[port] = append(seeds[port], b.Data[k*frames:(k+1)*frames])
		}
	}
	places := make([]spot, len(out))
	for i := range out {
		var err error
		if places[i], err = r.gradientPlace(&out[i], frames); err != nil {
			return err
		}
	}
	if err := r.stream.Backward(seeds); err != nil {
		return fault(abi.EInvalidArg, "%v", err)
	}
	for i, p := range places {
		clear(out[i].Data)
		for _, node := range p.nodes {
			collect(r.stream, node, &out[i], frames)
		}
		if p.nodes != nil {
			continue
		}
		if moving := paramPrefix + p.node + "\x1f" + p.param; r.stream.Plan.Unit(moving) != nil {
			collect(r.stream, moving, &out[i], frames)
			continue
		}
		for k, v := range r.stream.ParamGrad(r.stream.Plan.Param(p.node, p.param)) {
			out[i].Data[k%len(out[i].Data)] += v
		}
	}
	return nil
}

// gradientPlace finds what a gradient belongs to and checks its shape.
func (r *Runtime) gradientPlace(b *Buffer, frames int) (spot, error) {
	p, err := r.placeOf(b.Name)
	if err != nil {
		return p, err
	}
	channels, length := 1, frames
	switch {
	case p.nodes != nil:
		channels = r.stream.Plan.Unit(p.nodes[0]).Out[0].Channels
	case r.stream.Plan.Unit(paramPrefix+p.node+"\x1f"+p.param) != nil:
	default:
		q := r.stream.Plan.Param(p.node, p.param)
		if q == nil {
			return p, fault(abi.EInvalidArg, "there is no parameter %q", b.Name)
		}
		channels, length = q.Len, 1
	}
	if b.Data == nil || b.Batches != 1 && b.Batches != r.batches || b.Channels != channels && (p.nodes == nil || b.Channels != 1) || b.Frames != length {
		return p, fault(abi.EShape, "the gradient of %q has the shape (%d, %d, %d) and needs (1 or %d, %d, %d)", b.Name, b.Batches, b.Channels, b.Frames, r.batches, channels, length)
	}
	return p, nil
}

// collect sums the gradient of what an input node was fed into a buffer.
func collect(s *adjoint.Stream, node string, b *Buffer, frames int) {
	for batch := range s.Plan.Batches {
		for c := range s.Plan.Unit(node).Out[0].Channels {
			row := b.row(min(batch, b.Batches-1), min(c, b.Channels-1))
			for k, v := range s.InputGrad(node, batch, c, frames) {
				row[k] += v
			}
		}
	}
}

// outputName is what outputOf finds a port by.
func outputName(p graph.Port) string {
	if p.Name == "" {
		return p.Node.Name
	}
	return p.Node.Name + "." + p.Name
}

// Report describes the graph as JSON: its latency, inputs and outputs, the
// nodes without adjoint, and the parameters that these cut off.
func (r *Runtime) Report() (text string, err error) {
	defer r.ended(&err)
	if r.stream == nil {
		if err := r.start(max(r.frames, 1)); err != nil {
			return "", r.fail("create", "", err)
		}
	}
	type port struct {
		Name     string `json:"name"`
		Channels int    `json:"channels"`
	}
	type cut struct {
		Param  string `json:"param"`
		Behind string `json:"behind"`
	}
	p := r.stream.Plan
	out := struct {
		Rate        float64  `json:"sample_rate"`
		Latency     int      `json:"latency_frames"`
		Inputs      []port   `json:"inputs"`
		Outputs     []port   `json:"outputs"`
		Unsupported []string `json:"unsupported"`
		CutOff      []cut    `json:"cut_off"`
		Warnings    []string `json:"warnings"`
	}{p.Rate, p.Latency, []port{}, []port{{outputName(p.Graph.Output), p.Output.Channels}}, []string{}, []cut{}, []string{}}
	for _, name := range r.inputs() {
		out.Inputs = append(out.Inputs, port{name, p.Unit(name).Out[0].Channels})
	}
	nodes, behind := adjoint.CutOff(p)
	out.Unsupported = append(out.Unsupported, nodes...)
	for _, name := range nodes {
		if n := p.Graph.Node(name); n != nil && n.FirstOnly {
			out.Warnings = append(out.Warnings, name+` runs by amp_run_node and has no gradient; set "supports_v2": true if its library has amp_run_node_v2`)
		}
	}
	for _, u := range p.Units {
		for _, q := range u.Params {
			if name := behind[u]; name != "" {
				out.CutOff = append(out.CutOff, cut{u.Name + "." + q.Name, name})
			}
		}
	}
	out.Warnings = append(out.Warnings, r.stream.Run.Unconverged()...)
	data, err := json.Marshal(out)
	return string(data), err
}

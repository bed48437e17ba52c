package host

import (
	"math"
	"os"
	"strings"

	"ampfit/abi"
	"ampfit/abi/cnode"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/jsontree"
)

// Runtime is a graph that a host executes block by block, from AMP's blobs or
// from a graph file.
type Runtime struct {
	native    bool // AMP's own behaviour: delays and oversampling of blobs 1 and 2 are not honoured
	nodes     []blobNode
	plan      *blobPlan
	file      *graph.Graph       // of a graph file, instead of blobs
	text      string             // of the file
	channels  int                // of the sound of input nodes that do not say
	moving    []string           // parameters that come frame by frame, node + "\x1f" + param
	ran       bool               // the stream has rendered
	fed       map[string]*Buffer // what a block is passed, by input node
	batches   int
	frames    int
	rate      float64
	record    int
	overrides map[string]blobParam // node + "\x00" + param
	stream    *adjoint.Stream
	history   map[string]curve
	last      Failure
}

// Failure is what went wrong last.
type Failure struct {
	Code                abi.Code
	Stage, Node, Detail string
}

// NewRuntime makes a runtime of AMP's descriptor and plan blobs. native gives
// it AMP's own time: declared delays and oversampling are carried, not honoured.
func NewRuntime(descriptor, plan []byte, native bool) (*Runtime, error) {
	r := &Runtime{native: native, batches: 1, rate: 48000, overrides: map[string]blobParam{}}
	var err error
	if r.nodes, err = parseDescriptor(descriptor); err != nil {
		return nil, err
	}
	if r.plan, err = parsePlan(plan); err != nil {
		return nil, err
	}
	if len(r.nodes) == 0 {
		return nil, fault(abi.EInvalidArg, "the descriptor blob holds no node")
	}
	return r, r.checkBlobs()
}

// NewRuntimeJSON makes a runtime of the text of a graph file; what it names by
// relative paths is looked for in the working directory.
func NewRuntimeJSON(text []byte) (*Runtime, error) { return newRuntimeJSON("", text) }

// NewRuntimeFile makes a runtime of a graph file.
func NewRuntimeFile(path string) (*Runtime, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fault(abi.EInvalidArg, "the graph file cannot be read: %v", err)
	}
	return newRuntimeJSON(path, text)
}

func newRuntimeJSON(path string, text []byte) (*Runtime, error) {
	g, err := graph.Parse(path, text)
	if err != nil {
		return nil, fault(abi.EInvalidArg, "%v", err)
	}
	return &Runtime{file: g, text: string(text), batches: 1, rate: 48000, overrides: map[string]blobParam{}}, nil
}

func (r *Runtime) find(name string) *blobNode {
	for i := range r.nodes {
		if r.nodes[i].name == name {
			return &r.nodes[i]
		}
	}
	return nil
}

func (r *Runtime) checkBlobs() error {
	seen := map[string]bool{}
	for i := range r.nodes {
		n := &r.nodes[i]
		if n.name == "" || seen[n.name] {
			return fault(abi.EInvalidArg, "the node name %q is empty or stands twice", n.name)
		}
		seen[n.name] = true
		if abi.Lookup(n.typ) == nil {
			return fault(abi.EUnknownNode, "there is no node type %q (node %q)", n.typ, n.name)
		}
		for _, p := range n.params {
			if k, ok := finite(p.data); !ok {
				return fault(abi.EInvalidArg, "%s.%s: value %d is %g; parameters are finite numbers", n.name, p.name, k, p.data[k])
			}
		}
		for _, in := range n.audio {
			if r.find(in) == nil {
				return fault(abi.EInvalidArg, "the node %q takes its input from %q, which does not exist", n.name, in)
			}
		}
		for _, m := range n.mods {
			if r.find(m.source) == nil {
				return fault(abi.EInvalidArg, "the node %q is modulated by %q, which does not exist", n.name, m.source)
			}
		}
	}
	if r.plan == nil {
		return nil
	}
	for _, p := range r.plan.nodes {
		if r.find(p.name) == nil {
			return fault(abi.EInvalidArg, "the plan names the node %q, which the descriptor does not have", p.name)
		}
	}
	return nil
}

// Configure sets batches and the length of a block; the run starts afresh.
func (r *Runtime) Configure(batches, frames int) error {
	if batches < 0 || frames < 0 || batches > adjoint.MaxBatches || frames > 1<<28 {
		return fault(abi.EInvalidArg, "%d batches of %d frames cannot be configured", batches, frames)
	}
	r.batches, r.frames, r.moving = max(batches, 1), frames, nil
	r.restart()
	return nil
}

// SetRate sets the sample rate; values of 0 and below mean 48000 Hz.
func (r *Runtime) SetRate(rate float64) {
	if !(rate > 0) || math.IsInf(rate, 0) {
		rate = 48000
	}
	if rate != r.rate {
		r.rate = rate
		r.restart()
	}
}

// SetRecord says how many executes are kept for backward.
func (r *Runtime) SetRecord(n int) {
	r.record = n
	r.restart()
}

// restart plans again and keeps nothing.
func (r *Runtime) restart() { r.stream, r.ran = nil, false }

// ended turns what a node library broke into an error; the run starts afresh.
func (r *Runtime) ended(err *error) {
	switch f := recover().(type) {
	case nil:
	case *cnode.Fault:
		r.restart()
		*err = r.fail("execute", f.Node, fault(abi.EInternal, "%v", f))
	default:
		panic(f)
	}
}

// fail keeps an error for LastError.
func (r *Runtime) fail(stage, node string, err error) error {
	r.last = Failure{CodeOf(err), stage, node, err.Error()}
	return err
}

// LastError returns what failed last.
func (r *Runtime) LastError() Failure { return r.last }

// Summary is what describe_node tells.
type Summary struct {
	Declared, Oversample int
	SupportsV2           bool
	Delay                int
	Heat                 float64
	Ran                  bool // there are metrics
}

// Describe tells about a node.
func (r *Runtime) Describe(node string) (Summary, error) {
	n := r.findAny(node)
	if n == nil {
		return Summary{}, r.fail("describe_node", node, fault(abi.EInvalidArg, "there is no node %q", node))
	}
	s := Summary{Oversample: 1, SupportsV2: true}
	members := tree(n.json)
	if v := members.Get("declared_delay"); v != nil {
		s.Declared = int(v.Num)
	}
	if v := members.Get("oversample_ratio"); v != nil && v.Num >= 1 {
		s.Oversample = int(v.Num)
	}
	if v := members.Get("supports_v2"); v != nil && v.Kind == jsontree.Bool {
		s.SupportsV2 = v.Bool
	}
	if r.file != nil {
		x := r.file.Node(node)
		s.Declared, s.Oversample, s.SupportsV2 = max(x.Declared, 0), max(x.Oversample, 1), !x.NoAdjoint
	}
	declared, oversample := r.planned(node)
	if declared > 0 {
		s.Declared = declared
	}
	if oversample > 0 {
		s.Oversample = oversample
	}
	if r.stream != nil {
		if u := r.stream.Plan.Unit(node); u != nil {
			s.Delay = ownOutput(u, 0).Measured
			s.Heat, s.Ran = r.stream.Heat(node), true
		}
	}
	if s.Heat == 0 {
		if p, ok := r.overrides[node+"\x00"+graph.HeatParam]; ok {
			s.Heat = p.data[0]
		}
	}
	if r.native && r.version() < 3 {
		s.Ran = s.Ran && s.SupportsV2
		if _, given := r.overrides[node+"\x00"+graph.HeatParam]; !given && !r.hasDefault(n, graph.HeatParam) {
			s.Heat = 0 // AMP's nodes report none
		}
	}
	return s, nil
}

// version is that of the plan blob; without one it is 2.
func (r *Runtime) version() int {
	if r.plan != nil {
		return r.plan.version
	}
	return 2
}

// planned is what the plan says of a node's time; 0 is nothing.
func (r *Runtime) planned(node string) (declared, oversample int) {
	if r.plan != nil {
		for _, p := range r.plan.nodes {
			if p.name == node {
				return p.declared, p.oversample
			}
		}
	}
	return 0, 0
}

// tree reads a JSON object; what is none has no members.
func tree(text string) *jsontree.Value {
	v, _ := jsontree.Parse([]byte(text))
	return v
}

// Rate returns the sample rate in Hz.
func (r *Runtime) Rate() float64 { return r.rate }

// Nodes lists the names of the nodes; the last one is the sink where the plan
// names none.
func (r *Runtime) Nodes() []string {
	var names []string
	if r.file != nil {
		for _, n := range r.file.Nodes {
			names = append(names, n.Name)
		}
	}
	for i := range r.nodes {
		names = append(names, r.nodes[i].name)
	}
	return names
}

// Sink is the name of the node that is heard.
func (r *Runtime) Sink() string { return r.sink() }

// Execute renders one block and returns it as (batches, channels, frames).
func (r *Runtime) Execute(history []byte, frames int) (out []float64, channels, length int, err error) {
	curves, err := parseHistory(history)
	if err != nil {
		return nil, 0, 0, r.fail("execute", "", err)
	}
	return r.execute(curves, frames)
}

// ExecuteCurves is Execute with the values of the control history by name.
func (r *Runtime) ExecuteCurves(curves map[string][]float64, frames int) (out []float64, channels, length int, err error) {
	history := map[string]curve{}
	for name, v := range curves {
		history[name] = curve{v}
	}
	return r.execute(history, frames)
}

func (r *Runtime) execute(history map[string]curve, frames int) (out []float64, channels, length int, err error) {
	defer r.ended(&err)
	if err := r.unfed(); err != nil {
		return nil, 0, 0, r.fail("execute", "", err)
	}
	if frames <= 0 {
		frames = r.frames
	}
	if frames <= 0 {
		return nil, 0, 0, r.fail("execute", "", fault(abi.EInvalidArg, "the block has no frames; configure the runtime or pass a hint"))
	}
	for name, c := range history {
		if k, ok := finite(c.values); !ok {
			return nil, 0, 0, r.fail("execute", "", fault(abi.EInvalidArg, "the control history of %q: value %d is %g; controls are finite numbers", name, k, c.values[k]))
		}
	}
	r.history, r.ran = history, true
	if r.stream == nil {
		if err := r.start(frames); err != nil {
			return nil, 0, 0, r.fail("create", "", err)
		}
	}
	if err := r.stream.Reserve(frames); err != nil {
		return nil, 0, 0, r.fail("execute", "", fault(abi.EInvalidArg, "%v", err))
	}
	r.stream.Forward(frames, r.feed)
	port := r.stream.Plan.Output
	out = make([]float64, r.batches*port.Channels*frames)
	for i, row := range r.stream.Output(port) {
		copy(out[i*frames:], row)
	}
	return out, port.Channels, frames, nil
}

// feed plays controllers, and parameters that are tensors.
func (r *Runtime) feed(node string, batch, channel int, dst []float64) {
	if b := r.fed[node]; b != nil {
		copy(dst, b.row(min(batch, b.Batches-1), min(channel, b.Channels-1)))
		return
	}
	if name, ok := strings.CutPrefix(node, paramPrefix); ok {
		node, param, _ := strings.Cut(name, "\x1f")
		p := r.value(node, param)
		for n := range dst {
			if len(p.data) > 0 {
				b, c := min(batch, p.batches-1), min(channel, p.channels-1)
				dst[n] = p.data[(b*p.channels+c)*p.frames+min(n, p.frames-1)]
			}
		}
		return
	}
	names := controllerNames(r.find(node))
	for n := range dst {
		dst[n] = 0
		if channel < len(names) {
			dst[n] = r.history[names[channel]].at(n)
		}
	}
}

// value is the override of a parameter, or its default.
func (r *Runtime) value(node, param string) blobParam {
	if p, ok := r.overrides[node+"\x00"+param]; ok {
		return p
	}
	if n := r.find(node); n != nil {
		for _, p := range n.params {
			if p.name == param {
				return p
			}
		}
	}
	return blobParam{}
}

const paramPrefix = "\x1eparam\x1f"

// controllerNames lists the outputs of AMP's controller.
func controllerNames(n *blobNode) []string {
	if n == nil {
		return nil
	}
	if v := tree(n.json).Get("__controller_outputs__"); v != nil && v.Text != "" {
		names := strings.Split(v.Text, ",")
		for i := range names {
			names[i] = strings.TrimSpace(names[i])
		}
		return names
	}
	return nil
}

// start builds the graph and its stream.
func (r *Runtime) start(frames int) error {
	var g *graph.Graph
	var err error
	if r.file != nil {
		g, err = r.withMoving()
	} else {
		g, err = r.graph()
	}
	if err != nil {
		return fault(abi.EInvalidArg, "%v", err)
	}
	r.stream, err = adjoint.NewStream(g, adjoint.StreamOptions{Rate: r.rate, Channels: r.channels, Batches: r.batches, Record: r.record, Frames: frames, Memory: memory, Audio: stagedOr(r.rate)})
	if err != nil {
		return fault(abi.EInvalidArg, "%v", err)
	}
	for key, p := range r.overrides {
		node, param, _ := strings.Cut(key, "\x00")
		if param == graph.HeatParam {
			r.stream.SetHeat(node, p.data[0])
		} else if r.file != nil {
			if err := r.hold(node, param, p.data); err != nil {
				return err
			}
		}
	}
	return nil
}

// Backward walks the newest executed block back from the gradient of its
// output (batches, channels, frames); Gradient then reads the results.
func (r *Runtime) Backward(grad []float64) (err error) {
	defer r.ended(&err)
	if r.stream == nil {
		return r.fail("backward", "", fault(abi.EInvalidArg, "no block was executed"))
	}
	frames, ok := r.stream.Pending()
	if !ok {
		return r.fail("backward", "", fault(abi.EInvalidArg, "no block is kept; set record before executing"))
	}
	port := r.stream.Plan.Output
	if len(grad) != r.batches*port.Channels*frames {
		return r.fail("backward", "", fault(abi.EShape, "the gradient has %d values and needs %d", len(grad), r.batches*port.Channels*frames))
	}
	rows := make([][]float64, r.batches*port.Channels)
	for i := range rows {
		rows[i] = grad[i*frames : (i+1)*frames]
	}
	if err := r.stream.Backward(map[*graph.OutPort][][]float64{port: rows}); err != nil {
		return r.fail("backward", "", err)
	}
	return nil
}

// Gradient returns the gradient by a parameter in the block that was walked
// back: Len values for each batch of a held one, the frames of each batch and
// channel of one that is a tensor.
func (r *Runtime) Gradient(node, param string) ([]float64, error) {
	if r.stream == nil {
		return nil, r.fail("gradient", node, fault(abi.EInvalidArg, "no block was walked back"))
	}
	q := r.stream.Plan.Param(node, param)
	if q == nil {
		return nil, r.fail("gradient", node, fault(abi.EInvalidArg, "there is no parameter %s.%s", node, param))
	}
	fed := r.stream.Plan.Unit(paramPrefix + node + "\x1f" + param)
	if fed == nil {
		return r.stream.ParamGrad(q), nil
	}
	var out []float64
	frames := int(r.stream.Run.Segment)
	if n := r.stream.Walked(); n > 0 {
		frames = n
	}
	for b := range r.batches {
		for c := range fed.Out[0].Channels {
			out = append(out, r.stream.InputGrad(fed.Name, b, c, frames)...)
		}
	}
	return out, nil
}

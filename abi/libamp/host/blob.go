package host

import (
	"encoding/binary"
	"math"

	"ampfit/abi"
)

// blobNode is a node of a descriptor blob.
type blobNode struct {
	name, typ, json string
	audio           []string
	mods            []blobMod
	params          []blobParam
}

type blobMod struct {
	source, param string
	multiply      bool
	scale         float64
	channel       int
}

type blobParam struct {
	name                      string
	batches, channels, frames int
	data                      []float64
}

// blobPlan is a plan blob: an order, delays, and from version 3 on the edges.
type blobPlan struct {
	version int
	nodes   []planNode
	edges   []planEdge
}

type planNode struct {
	name                             string
	declared, oversample             int
	function, audioOffset, audioSpan int
	params                           []PlanParam
}

type planEdge struct {
	source, target string
	kind           int // 0 audio, 1 add, 2 multiply
	delay          int
	scale          float64
	channel        int
	gates          []int
}

// reader takes little-endian values off a blob. The first that is missing sets
// bad, and all later ones are zero.
type reader struct {
	data []byte
	at   int
	bad  string
}

func (r *reader) take(n int, what string) []byte {
	if r.bad != "" || n < 0 || n > len(r.data)-r.at {
		if r.bad == "" {
			r.bad = what
		}
		return nil
	}
	b := r.data[r.at : r.at+n]
	r.at += n
	return b
}

// bits takes a number of n bytes.
func (r *reader) bits(n int, what string) uint64 {
	var b [8]byte
	copy(b[:], r.take(n, what))
	return binary.LittleEndian.Uint64(b[:])
}

func (r *reader) u32(what string) int    { return int(r.bits(4, what)) }
func (r *reader) i32(what string) int    { return int(int32(r.bits(4, what))) }
func (r *reader) u64(what string) uint64 { return r.bits(8, what) }
func (r *reader) f32(what string) float64 {
	return float64(math.Float32frombits(uint32(r.bits(4, what))))
}
func (r *reader) f64(what string) float64 { return math.Float64frombits(r.bits(8, what)) }

func (r *reader) text(n int, what string) string { return string(r.take(n, what)) }

// count reads a number of things that each take at least size bytes, so a
// corrupt count never makes more of them than the blob could hold.
func (r *reader) count(size int, what string) int {
	n := r.u32(what)
	if r.bad == "" && n > (len(r.data)-r.at)/size {
		r.bad = what
	}
	if r.bad != "" {
		return 0
	}
	return n
}

func (r *reader) fault(blob string) error {
	if r.bad == "" {
		return nil
	}
	return fault(abi.EInvalidArg, "the %s blob ends or is corrupt at byte %d, in %s", blob, r.at, r.bad)
}

// parseDescriptor reads a node descriptor blob.
func parseDescriptor(data []byte) ([]blobNode, error) {
	r := &reader{data: data}
	nodes := make([]blobNode, r.count(32, "the node count"))
	for i := range nodes {
		n := &nodes[i]
		r.u32("a type id")
		name, typ := r.u32("a name length"), r.u32("a type length")
		audio, mods, params, shapes := r.count(4, "an input count"), r.count(20, "a modulation count"), r.count(24, "a parameter count"), r.count(12, "a shape count")
		json := r.u32("a JSON length")
		n.name, n.typ = r.text(name, "a name"), r.text(typ, "a type")
		for range audio {
			n.audio = append(n.audio, r.text(r.u32("an input length"), "an input"))
		}
		for range mods {
			var m blobMod
			src, param, mode := r.u32("a source length"), r.u32("a parameter length"), r.u32("a mode")
			m.multiply, m.scale, m.channel = mode == 1, r.f32("a scale"), r.i32("a channel")
			m.source, m.param = r.text(src, "a source"), r.text(param, "a parameter")
			n.mods = append(n.mods, m)
		}
		for range params {
			n.params = append(n.params, r.param())
		}
		for range 3 * shapes {
			r.u32("a shape")
		}
		n.json = r.text(json, "the JSON")
		if r.bad != "" {
			break
		}
	}
	return nodes, r.fault("descriptor")
}

func (r *reader) param() blobParam {
	var p blobParam
	name := r.u32("a parameter name length")
	p.batches, p.channels, p.frames = max(1, r.u32("a shape")), max(1, r.u32("a shape")), max(1, r.u32("a shape"))
	bytes := r.u64("a parameter length")
	p.name = r.text(name, "a parameter name")
	if bytes > uint64(len(r.data)) || bytes%8 != 0 || float64(p.batches)*float64(p.channels)*float64(p.frames) != float64(bytes/8) {
		if bytes != 0 && r.bad == "" {
			r.bad = "a parameter whose size is not that of its shape"
		}
	}
	for k := uint64(0); k < bytes/8 && r.bad == ""; k++ {
		p.data = append(p.data, r.f64("parameter values"))
	}
	return p
}

// parsePlan reads a plan blob of version 1, 2 or 3; nil data is no plan.
func parsePlan(data []byte) (*blobPlan, error) {
	if len(data) == 0 {
		return nil, nil
	}
	r := &reader{data: data}
	if magic := r.text(4, "the magic"); magic != "AMPL" {
		return nil, fault(abi.EInvalidArg, "the plan blob does not begin with AMPL")
	}
	p := &blobPlan{version: r.u32("the version")}
	if r.bad == "" && (p.version < 1 || p.version > 3) {
		return nil, fault(abi.EInvalidArg, "the plan blob has version %d; 1, 2 and 3 are read", p.version)
	}
	size := 20
	if p.version > 1 {
		size = 28
	}
	n := r.count(size, "the node count")
	for range n {
		var node planNode
		node.function = r.u32("a function id")
		name := r.u32("a name length")
		node.audioOffset, node.audioSpan = r.u32("an audio offset"), r.u32("an audio span")
		params := r.count(12, "a parameter count")
		if p.version > 1 {
			node.declared, node.oversample = r.u32("a declared delay"), r.u32("an oversampling ratio")
		}
		node.name = r.text(name, "a name")
		for range params {
			length := r.u32("a parameter length")
			q := PlanParam{Offset: r.u32("an offset"), Span: r.u32("a count")}
			q.Name = r.text(length, "a parameter")
			node.params = append(node.params, q)
		}
		p.nodes = append(p.nodes, node)
		if r.bad != "" {
			break
		}
	}
	if p.version == 3 {
		for range r.count(28, "the edge count") {
			p.edges = append(p.edges, r.edge())
		}
	}
	return p, r.fault("plan")
}

// Plan is a plan blob as AMP's programs read it.
type Plan struct {
	Version int
	Nodes   []PlanNode
}

// PlanNode is a node of it.
type PlanNode struct {
	Name                             string
	Function, AudioOffset, AudioSpan int
	Params                           []PlanParam
}

// PlanParam is a parameter group of a node.
type PlanParam struct {
	Name         string
	Offset, Span int
}

// ParsePlan reads a plan blob and checks its nodes against the descriptor.
func ParsePlan(descriptor, plan []byte) (*Plan, error) {
	if len(plan) == 0 {
		return nil, fault(abi.EInvalidArg, "there is no plan blob")
	}
	r, err := NewRuntime(descriptor, plan, true)
	if err != nil {
		return nil, err
	}
	p := &Plan{Version: r.plan.version}
	for _, n := range r.plan.nodes {
		p.Nodes = append(p.Nodes, PlanNode{n.name, n.function, n.audioOffset, n.audioSpan, n.params})
	}
	return p, nil
}

func (r *reader) edge() planEdge {
	var e planEdge
	src, dst := r.u32("a source length"), r.u32("a target length")
	e.kind, e.delay = r.u32("an edge kind"), r.u32("a delay")
	e.scale, e.channel = r.f32("a scale"), r.i32("a channel")
	for range r.count(4, "a gate count") {
		e.gates = append(e.gates, r.u32("a gate"))
	}
	e.source, e.target = r.text(src, "a source"), r.text(dst, "a target")
	if e.kind > 2 && r.bad == "" {
		r.bad = "an edge kind above 2"
	}
	return e
}

// curve is the newest values of a key of a control history.
type curve struct{ values []float64 }

func (c curve) at(frame int) float64 {
	if len(c.values) == 0 {
		return 0
	}
	return c.values[min(frame, len(c.values)-1)]
}

// parseHistory reads a control history; each key keeps its newest event that is
// not empty, the later one of equal times.
func parseHistory(data []byte) (map[string]curve, error) {
	if len(data) == 0 {
		return nil, nil
	}
	r := &reader{data: data}
	events, keys := r.u32("the event count"), r.count(4, "the key count")
	lengths := make([]int, keys)
	for i := range lengths {
		lengths[i] = r.u32("a key length")
	}
	names := make([]string, keys)
	for i := range names {
		names[i] = r.text(lengths[i], "a key")
	}
	out, when := map[string]curve{}, map[string]float64{}
	for e := 0; e < events && r.bad == ""; e++ {
		at := r.f64("a time")
		for _, name := range names {
			n := r.count(8, "a value count")
			values := make([]float64, n)
			for i := range values {
				values[i] = r.f64("a value")
			}
			if old, seen := when[name]; n > 0 && (!seen || at >= old) {
				out[name], when[name] = curve{values}, at
			}
		}
	}
	return out, r.fault("control history")
}

// ParseHistory reads a control history blob: the values of each key.
func ParseHistory(data []byte) (map[string][]float64, error) {
	curves, err := parseHistory(data)
	out := map[string][]float64{}
	for name, c := range curves {
		out[name] = c.values
	}
	return out, err
}

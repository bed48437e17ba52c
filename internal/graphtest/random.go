package graphtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Options bounds what Random draws. The zero value draws everything.
type Options struct {
	MaxNodes  int  // 0 means 8
	MaxFrames int  // 0 means 700
	Smooth    bool // nothing with corners, steps or without an adjoint
}

// Random draws a graph: a chain or net of simple nodes, with feedback, gates,
// modulation, fan-in, oversampling and declared delays. Gates in series are
// possible; channel counts fit.
func Random(rng *rand.Rand, o Options) *Spec {
	for {
		s := draw(rng, o)
		if _, err := s.channels(); err == nil {
			return s
		}
	}
}

func draw(rng *rand.Rand, o Options) *Spec {
	d := &drawer{Rand: rng, o: o}
	frames := 700
	if o.MaxFrames > 0 {
		frames = o.MaxFrames
	}
	d.s = &Spec{Rate: 8000, Frames: 20 + rng.IntN(frames-19), Batches: 1}
	if d.chance(0.2) {
		d.s.Batches = 2
	}
	for range 1 + rng.IntN(2) {
		row := make([]float64, d.s.Frames-rng.IntN(10))
		for n := range row {
			row[n] = 0.5 * rng.NormFloat64()
		}
		d.s.Input = append(d.s.Input, row)
	}
	most := 8
	if o.MaxNodes > 0 {
		most = o.MaxNodes
	}
	for i := range 2 + rng.IntN(most-1) {
		d.node(i)
	}
	if d.chance(0.5) {
		for range 1 + rng.IntN(2) {
			d.feedback()
		}
	}
	d.gates()
	s := d.s
	s.Output = s.Nodes[len(s.Nodes)-1].Name
	if d.chance(0.2) {
		s.Output = s.Nodes[rng.IntN(len(s.Nodes))].Name
	}
	rng.Shuffle(len(s.Nodes), func(i, j int) { s.Nodes[i], s.Nodes[j] = s.Nodes[j], s.Nodes[i] })
	rng.Shuffle(len(s.Edges), func(i, j int) { s.Edges[i], s.Edges[j] = s.Edges[j], s.Edges[i] })
	for _, n := range s.Nodes {
		if d.chance(0.1) && s.used(n.Name) {
			n.Declared = s.Measured(n) + rng.IntN(10)
		}
	}
	return s
}

type drawer struct {
	*rand.Rand
	o Options
	s *Spec
}

func (d *drawer) chance(p float64) bool { return d.Float64() < p }

// value draws a value for each batch between lo and hi.
func (d *drawer) value(lo, hi float64) []float64 {
	v := []float64{lo + (hi-lo)*d.Float64()}
	for d.s.Batches > len(v) && (len(v) > 1 || d.chance(0.6)) {
		v = append(v, lo+(hi-lo)*d.Float64())
	}
	return v
}

var kinds = []string{
	"GainNode", "GainNode", "OnePoleNode", "OnePoleNode", "TanhNode", "DryWetNode", "MixNode", "LookaheadNode", "DelayNode",
	"SineOscillatorNode", "ConstantNode", "HardClipNode", "QuantizerNode",
}

const smoothKinds = 11 // the first ones, without corners

// modulatable are the parameters that an edge may drive, with a useful scale.
var modulatable = map[string]map[string]float64{
	"GainNode": {"gain": 0.5}, "OnePoleNode": {"cutoff_hz": 900}, "TanhNode": {"drive": 0.5, "bias": 0.3}, "DryWetNode": {"mix": 0.4},
	"SineOscillatorNode": {"frequency": 300, "amplitude": 0.3}, "HardClipNode": {"drive": 0.4},
}

func (d *drawer) node(i int) {
	n := &Node{Name: fmt.Sprintf("n%d", i), Params: map[string][]float64{}, Oversample: 1, Declared: -1}
	switch {
	case i == 0 && d.chance(0.85):
		n.Type = "InputNode"
	case i == 0:
		n.Type = "SineOscillatorNode"
	case d.o.Smooth:
		n.Type = kinds[d.IntN(smoothKinds)]
	default:
		n.Type = kinds[d.IntN(len(kinds))]
	}
	d.params(n)
	earlier := d.s.Nodes
	d.s.Nodes = append(d.s.Nodes, n)
	for _, port := range ports(n.Type) {
		links := 1
		switch r := d.Float64(); {
		case r < 0.04:
			links = 0
		case r < 0.3:
			links = 2
		}
		for range links {
			src := earlier[max(d.IntN(len(earlier)), d.IntN(len(earlier)))]
			d.edge(&Edge{Source: src.Name, Target: n.Name, Port: port})
		}
	}
	n.Sum = d.chance(0.4)
	for _, name := range modNames(n.Type) {
		if !d.chance(0.25) || len(earlier) == 0 {
			continue
		}
		for range 1 + d.IntN(2) {
			d.edge(d.modulation(earlier[d.IntN(len(earlier))].Name, n, name))
		}
	}
	if len(ports(n.Type))+len(modNames(n.Type)) > 0 && n.Type != "MixNode" && d.chance(0.12) {
		n.Oversample = 2 << d.IntN(2)
	}
	if !d.o.Smooth {
		n.NoAdjoint = d.chance(0.05)
	}
}

func modNames(nodeType string) []string {
	var names []string
	for name := range modulatable[nodeType] {
		names = append(names, name)
	}
	if len(names) == 2 && names[0] > names[1] { // maps have no order
		names[0], names[1] = names[1], names[0]
	}
	return names
}

func (d *drawer) modulation(source string, n *Node, name string) *Edge {
	e := &Edge{Source: source, Target: n.Name, Param: name, Scale: modulatable[n.Type][name] * (2*d.Float64() - 0.5)}
	if d.chance(0.3) {
		e.Multiply, e.Scale = true, 0.5+1.5*d.Float64()
	}
	return e
}

// edge adds an edge with a delay, and now and then one channel only.
func (d *drawer) edge(e *Edge) {
	e.Channel = -1
	if d.chance(0.1) {
		e.Channel = d.IntN(2)
	}
	switch r := d.Float64(); {
	case r < 0.2:
		e.Delay += 1 + d.IntN(5)
	case r < 0.35:
		e.Delay += d.IntN(90)
	}
	d.s.Edges = append(d.s.Edges, e)
}

func (d *drawer) params(n *Node) {
	set := func(name string, lo, hi float64) {
		if d.chance(0.9) {
			n.Params[name] = d.value(lo, hi)
		}
	}
	switch n.Type {
	case "ConstantNode":
		set("value", -0.5, 0.5)
	case "SineOscillatorNode":
		set("frequency", 20, 900)
		set("amplitude", 0.1, 0.8)
		set("phase", -1, 1)
	case "GainNode":
		set("gain", -1, 1)
	case "OnePoleNode":
		set("cutoff_hz", 100, 2000)
	case "TanhNode":
		set("drive", 0.3, 1.2)
		set("bias", -0.3, 0.3)
		set("level", 0.3, 1)
	case "HardClipNode":
		set("drive", 0.3, 1.2)
		set("threshold", 0.2, 1)
	case "DryWetNode":
		set("mix", 0.1, 0.9)
	case "QuantizerNode":
		n.Params["bits"] = []float64{float64(4 + d.IntN(8))}
	case "LookaheadNode":
		n.Config = map[string]any{"frames": d.IntN(30)}
	case "DelayNode":
		n.Config = map[string]any{"max_ms": 50.0}
		n.Params["time_ms"] = d.value(2.2/8, 30)
		for i, v := range n.Params["time_ms"] { // off the corners at whole frames
			n.Params["time_ms"][i] = (math.Floor(v*8) + 0.3 + 0.4*d.Float64()) / 8
		}
		set("feedback", -0.5, 0.5)
		set("mix", 0.2, 0.9)
	}
}

// feedback closes a loop through a small gain and at least one frame, to an
// input or to a parameter.
func (d *drawer) feedback() {
	s := d.s
	from, to := slices.Clone(s.Nodes), []*Node(nil)
	for _, n := range s.Nodes {
		if len(ports(n.Type)) > 0 {
			to = append(to, n)
		}
	}
	if len(to) == 0 {
		return
	}
	target := to[d.IntN(len(to))]
	source := from[d.IntN(len(from))]
	names := modNames(target.Type)
	if len(names) > 0 && d.chance(0.3) {
		e := d.modulation(source.Name, target, names[d.IntN(len(names))])
		e.Delay, e.Scale = 1+d.IntN(20), 0.3*e.Scale
		d.edge(e)
		return
	}
	back := &Node{
		Name: fmt.Sprintf("n%d", len(s.Nodes)), Type: "GainNode", Oversample: 1, Declared: -1,
		Params: map[string][]float64{"gain": d.value(-0.3, 0.3)},
	}
	// In front of the last node, which is the output.
	last := len(s.Nodes) - 1
	s.Nodes = append(s.Nodes[:last:last], back, s.Nodes[last])
	d.edge(&Edge{Source: source.Name, Target: back.Name, Port: "in"})
	in := ports(target.Type)
	d.edge(&Edge{Source: back.Name, Target: target.Name, Port: in[d.IntN(len(in))], Delay: 1 + d.IntN(40)})
	target.Sum = target.Sum || d.chance(0.9)
}

func (d *drawer) gates() {
	if len(d.s.Edges) < 2 || !d.chance(0.35) {
		return
	}
	for id := range 1 + d.IntN(2) {
		for range 2 + d.IntN(2) {
			e := d.s.Edges[d.IntN(len(d.s.Edges))]
			e.Gates = append(e.Gates, id)
		}
	}
}

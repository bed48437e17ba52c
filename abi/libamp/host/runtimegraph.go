package host

import (
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/jsontree"
)

// graph turns the blobs into a graph file; controllers and tensors become
// inputs that are fed.
func (r *Runtime) graph() (*graph.Graph, error) {
	b := newBuilder()
	for i := range r.nodes {
		if err := r.addNode(b, &r.nodes[i]); err != nil {
			return nil, err
		}
	}
	r.addEdges(b)
	g, err := b.graph(r.sink(), paramPrefix)
	if err == nil && r.native {
		for _, n := range g.Nodes {
			n.Type = unbounded(n.Type)
		}
	}
	return g, err
}

// sink is the last node in plan order.
func (r *Runtime) sink() string {
	if r.plan != nil && len(r.plan.nodes) > 0 {
		return r.plan.nodes[len(r.plan.nodes)-1].name
	}
	return r.nodes[len(r.nodes)-1].name
}

func (r *Runtime) addNode(b *builder, n *blobNode) error {
	if names := controllerNames(n); n.typ == "ControllerNode" && names != nil {
		b.input(n.name, len(names))
		return nil
	}
	t := abi.Lookup(n.typ)
	v, err := nodeObject(t, n.json, true)
	if err != nil {
		return err
	}
	v.Set("name", text(n.name))
	v.Set("type", text(t.Name))
	if hasKey(t, "compat") && !has(v.Get("config"), "compat") {
		v.Get("config").Set("compat", text("amp"))
	}
	r.time(v, n.name)
	b.nodes.Items = append(b.nodes.Items, v)
	for _, param := range r.tensors(n) {
		p := r.value(n.name, param)
		spec := paramOf(t, param)
		if r.native {
			spec = paramOf(unbounded(t), param)
		}
		switch {
		case spec == nil: // such as thermo.heat, which AMP only checks
		case spec.Mod:
			name := paramPrefix + n.name + "\x1f" + param
			b.input(name, max(p.channels, 1))
			b.edge(name, n.name+"."+param)
		case spec.Vector:
			v.Get("params").Set(param, jsontree.NewNumbers(p.data))
		case len(p.data) > 0:
			v.Get("params").Set(param, jsontree.NewNumber(clamp(p.data[0], *spec, r.rate)))
		}
	}
	return nil
}

func paramOf(t *abi.NodeType, name string) *abi.Param {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return &t.Params[i]
		}
	}
	return nil
}

// tensors lists the parameters of a node that start from a tensor: those with
// a default or an override, and those that are only modulated, which start at
// zero.
func (r *Runtime) tensors(n *blobNode) []string {
	var names []string
	add := func(name string) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, p := range n.params {
		add(p.name)
	}
	for key := range r.overrides {
		if node, param, _ := strings.Cut(key, "\x00"); node == n.name {
			add(param)
		}
	}
	for _, m := range n.mods {
		add(m.param)
	}
	slices.Sort(names)
	return names
}

// time sets delay and oversampling, or takes them away where AMP ignores them.
func (r *Runtime) time(v *jsontree.Value, name string) {
	drop := func(key string) {
		v.Members = slices.DeleteFunc(v.Members, func(m jsontree.Member) bool { return m.Key == key })
	}
	declared, oversample := r.planned(name)
	if declared > 0 {
		v.Set("declared_delay", jsontree.NewNumber(float64(declared)))
	}
	if oversample > 0 {
		v.Set("oversample_ratio", jsontree.NewNumber(float64(oversample)))
	}
	if r.native && r.version() < 3 {
		drop("declared_delay")
		drop("oversample_ratio")
	}
	drop("supports_v2") // AMP's default is true, and its types have no adjoint of their own
}

// addEdges connects the nodes as the plan says, or as the descriptor does.
func (r *Runtime) addEdges(b *builder) {
	if r.plan != nil && len(r.plan.edges) > 0 {
		for _, e := range r.plan.edges {
			v := b.edge(e.source, e.target)
			v.Set("delay_frames", jsontree.NewNumber(float64(e.delay)))
			if len(e.gates) > 0 {
				gates := &jsontree.Value{Kind: jsontree.Array}
				for _, g := range e.gates {
					gates.Items = append(gates.Items, jsontree.NewNumber(float64(g)))
				}
				v.Set("synchrony_gates", gates)
			}
			setMod(v, e.kind, e.scale, e.channel)
		}
		return
	}
	for i := range r.nodes {
		n := &r.nodes[i]
		for _, in := range n.audio {
			b.edge(in, n.name)
		}
		for _, m := range n.mods {
			kind := 1
			if m.multiply {
				kind = 2
			}
			setMod(b.edge(m.source, n.name+"."+m.param), kind, m.scale, m.channel)
		}
	}
}

func setMod(v *jsontree.Value, kind int, scale float64, channel int) {
	if channel >= 0 {
		v.Set("channel", jsontree.NewNumber(float64(channel)))
	}
	if kind == 0 {
		return
	}
	v.Set("scale", jsontree.NewNumber(scale))
	if kind == 2 {
		v.Set("mode", text("multiply"))
	}
}

package graph

import (
	"fmt"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
	"ampfit/internal/suggest"
)

func (l *loader) nodeNames() []string {
	var names []string
	for _, n := range l.g.Nodes {
		names = append(names, n.Name)
	}
	return names
}

func (l *loader) edge(v *jsontree.Value, i int, namesKnown bool) {
	path := fmt.Sprintf("edges[%d]", i)
	if !l.want(v, path, jsontree.Object) {
		return
	}
	l.keys(v, path, "an edge", edgeKeys)
	e := &Edge{Index: len(l.g.Edges), Scale: 1, Channel: -1, value: v, path: path}
	ok := l.end(v, path, "source", namesKnown, &e.Source)
	ok = l.end(v, path, "target", namesKnown, &e.Target) && ok
	if d := v.Get("delay_frames"); d != nil {
		e.Delay, _ = l.whole(d, path+".delay_frames", 0, maxFrames)
	}
	if c := v.Get("channel"); c != nil {
		e.Channel, _ = l.whole(c, path+".channel", -1, 1<<20)
	}
	l.gates(e, v)
	if !ok {
		return
	}
	l.resolve(e)
	l.modulation(e)
	l.g.Edges = append(l.g.Edges, e)
}

// end reads "node" or "node.port".
func (l *loader) end(v *jsontree.Value, path, key string, namesKnown bool, port *Port) bool {
	at := v.Get(key)
	if at == nil {
		l.add(v, path, "the edge has no %q", key)
		return false
	}
	if !l.want(at, join(path, key), jsontree.String) {
		return false
	}
	node, name, dotted := strings.Cut(at.Text, ".")
	port.Node, port.Name = l.g.Node(node), name
	if dotted && name == "" {
		l.add(at, join(path, key), "%q ends in a dot; name a port or leave the dot out", at.Text)
		return false
	}
	if port.Node == nil {
		if namesKnown {
			l.add(at, join(path, key), "there is no node %q; %s", node, hint(node, l.nodeNames()))
		}
		return false
	}
	return port.Node.Type != nil
}

// resolve turns a target that names a parameter into a modulation edge, and
// checks port names of types whose ports do not depend on configuration.
func (l *loader) resolve(e *Edge) {
	src, dst := e.Source.Node.Type, e.Target.Node.Type
	fixed := func(t *abi.NodeType) bool { return t.Configure == nil }
	if e.Source.Name == "" {
		e.Source.Name = src.Outputs[0]
	} else if fixed(src) && !slices.Contains(src.Outputs, e.Source.Name) {
		l.add(e.value.Get("source"), e.path+".source", "%s has no output %q; %s", src.Name, e.Source.Name, hint(e.Source.Name, src.Outputs))
	}
	at := e.value.Get("target")
	if p := l.targetParam(e.Target); p != nil {
		if !p.Mod {
			l.add(at, e.path+".target", "%s of %s cannot be modulated; %s", p.Name, dst.Name, modulatable(dst))
		}
		e.Param, e.Target.Name = p.Name, ""
		return
	}
	switch {
	case e.Target.Name == HeatParam:
		l.add(at, e.path+".target", "%s cannot be modulated; %s", HeatParam, modulatable(dst))
	case e.Target.Name == "" && len(dst.Inputs) > 0:
		e.Target.Name = dst.Inputs[0]
	case e.Target.Name == "" && fixed(dst):
		l.add(at, e.path+".target", "%s has no audio input; %s", dst.Name, modulatable(dst))
	case e.Target.Name != "" && fixed(dst) && !slices.Contains(dst.Inputs, e.Target.Name):
		all := append(append([]string(nil), dst.Inputs...), paramNames(dst)...)
		l.add(at, e.path+".target", "%s has no input or parameter %q; %s", dst.Name, e.Target.Name, hint(e.Target.Name, all))
	}
}

// targetParam is the parameter that a target names, nil for an input port or a name
// that means nothing.
func (l *loader) targetParam(to Port) *abi.Param {
	if to.Name == "" || slices.Contains(to.Node.Type.Inputs, to.Name) {
		return nil
	}
	return l.param(to.Node, to.Name)
}

// modulatable says which parameters of a type an edge may drive.
func modulatable(t *abi.NodeType) string {
	var names []string
	for _, p := range t.Params {
		if p.Mod {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return "none of its parameters can be modulated"
	}
	return "edges may modulate " + suggest.List(names)
}

func (l *loader) gates(e *Edge, v *jsontree.Value) {
	if one := v.Get("synchrony_gate_id"); one != nil {
		if id, ok := l.whole(one, e.path+".synchrony_gate_id", 0, 1<<31-1); ok {
			e.Gates = append(e.Gates, id)
		}
	}
	if many := v.Get("synchrony_gates"); many != nil && l.want(many, e.path+".synchrony_gates", jsontree.Array) {
		for i, item := range many.Items {
			if id, ok := l.whole(item, fmt.Sprintf("%s.synchrony_gates[%d]", e.path, i), 0, 1<<31-1); ok {
				e.Gates = append(e.Gates, id)
			}
		}
	}
}

// modulation reads mode and scale, which only modulation edges have.
func (l *loader) modulation(e *Edge) {
	mode, scale := e.value.Get("mode"), e.value.Get("scale")
	if mode != nil && l.want(mode, e.path+".mode", jsontree.String) {
		switch mode.Text {
		case "add":
		case "multiply", "mul":
			e.Mode = Multiply
		default:
			l.add(mode, e.path+".mode", `%q is no mode; allowed are "add" and "multiply"`, mode.Text)
		}
	}
	if scale != nil && l.want(scale, e.path+".scale", jsontree.Number) {
		e.Scale = scale.Num
	}
	if e.Param == "" {
		if mode != nil {
			l.add(mode, e.path+".mode", `an audio edge has no "mode"; name a parameter as its target, or remove it`)
		}
		if scale != nil {
			l.add(scale, e.path+".scale", `an audio edge has no "scale"; put a GainNode between, or remove it`)
		}
	}
}

func (l *loader) output(t *jsontree.Value) {
	g := l.g
	if v := t.Get("output"); v != nil {
		if !l.want(v, "output", jsontree.String) {
			return
		}
		node, port, _ := strings.Cut(v.Text, ".")
		g.Output = Port{g.Node(node), port}
		switch {
		case g.Output.Node == nil:
			l.add(v, "output", "there is no node %q; %s", node, hint(node, l.nodeNames()))
		case g.Output.Node.Type == nil:
		case port == "":
			g.Output.Name = g.Output.Node.Type.Outputs[0]
		case g.Output.Node.Type.Configure == nil && !slices.Contains(g.Output.Node.Type.Outputs, port):
			l.add(v, "output", "%s has no output %q; %s", g.Output.Node.Type.Name, port, hint(port, g.Output.Node.Type.Outputs))
		}
		return
	}
	var free []string
	used := map[*Node]bool{}
	for _, e := range g.Edges {
		used[e.Source.Node] = true
	}
	for _, n := range g.Nodes {
		if !used[n] {
			free = append(free, n.Name)
			g.Output.Node = n
		}
	}
	if len(free) != 1 {
		switch {
		case len(l.faults) > 0: // a broken edge would make its source a candidate
		case len(free) == 0:
			l.add(t, "", `every node feeds another, round a loop, so the output is not clear; add "output": with one of %s, and see that an edge of each loop has "delay_frames"`, suggest.List(l.nodeNames()))
		default:
			l.add(t, "", `%d nodes have no outgoing edge, so the output is not clear; add "output": with one of %s`, len(free), suggest.List(free))
		}
		g.Output.Node = nil
		return
	}
	if g.Output.Node.Type != nil {
		g.Output.Name = g.Output.Node.Type.Outputs[0]
	}
}

func (l *loader) ipls(v *jsontree.Value) {
	if v == nil || !l.want(v, "ipls", jsontree.Array) {
		return
	}
	seen := map[string]bool{}
	for i, stage := range v.Items {
		path := fmt.Sprintf("ipls[%d]", i)
		if !l.want(stage, path, jsontree.Array) {
			continue
		}
		var names []string
		for j, item := range stage.Items {
			at := fmt.Sprintf("%s[%d]", path, j)
			switch {
			case !l.want(item, at, jsontree.String):
			case l.g.Node(item.Text) == nil:
				l.add(item, at, "there is no node %q; %s", item.Text, hint(item.Text, l.nodeNames()))
			case seen[item.Text]:
				l.add(item, at, "the node %q stands in two stages", item.Text)
			default:
				seen[item.Text] = true
				names = append(names, item.Text)
			}
		}
		l.g.IPLS = append(l.g.IPLS, names)
	}
	for _, n := range l.g.Nodes {
		if !seen[n.Name] {
			l.add(v, "ipls", "the schedule leaves out the node %q", n.Name)
		}
	}
}

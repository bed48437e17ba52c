package graph

import (
	"fmt"
	"math"
	"os"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
	"ampfit/internal/suggest"
)

// Load reads and checks a graph file. A faulty file gives [Errors] with every
// fault that can be found without knowing the sample rate and the input; the
// rest is NewPlan's.
func Load(path string) (*Graph, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory; name a graph file (JSON)", path)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("%s: %d bytes are more than a graph file has (at most %d)", path, info.Size(), maxFile)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	return Parse(path, data)
}

const maxFile = 64 << 20 // bytes

func fileError(path string, err error) error {
	switch {
	case os.IsNotExist(err):
		return fmt.Errorf("%s: no such file", path)
	case os.IsPermission(err):
		return fmt.Errorf("%s: this file may not be read (permission denied)", path)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Parse checks the text of a graph file. The path is used in messages and to
// find the files that the graph names; it may be empty.
func Parse(path string, data []byte) (*Graph, error) {
	g := &Graph{Path: path, data: data, Version: 1}
	l := &loader{g: g, report: g.report()}
	tree, problems := jsontree.Parse(data)
	for _, p := range problems {
		l.addAt(p.Offset, "", "%s", p.Msg)
	}
	if tree == nil {
		return nil, l.err()
	}
	g.tree = tree
	l.top(tree)
	if err := l.err(); err != nil {
		return nil, err
	}
	return g, nil
}

type loader struct {
	g *Graph
	*report
}

var (
	topKeys     = []string{"descriptor_version", "sample_rate", "nodes", "edges", "output", "ipls", "loss", "groups", "comment"}
	nodeKeys    = []string{"name", "type", "config", "params", "oversample_ratio", "declared_delay", "supports_v2", "gather", "library", "comment"}
	edgeKeys    = []string{"source", "target", "delay_frames", "synchrony_gate_id", "synchrony_gates", "mode", "scale", "channel", "comment"}
	settingKeys = []string{"value", "learn", "min", "max", "scale", "unit", "prior", "tie", "comment"}
)

// keys reports the members that are not allowed.
func (l *loader) keys(v *jsontree.Value, path, what string, allowed []string) {
	for _, m := range v.Members {
		if !contains(allowed, m.Key) {
			l.addAt(m.Offset, join(path, m.Key), "%s has no key %q; %s", what, m.Key, hint(m.Key, allowed))
		}
	}
}

// hint names the nearest and the allowed names.
func hint(name string, allowed []string) string {
	if len(allowed) == 0 {
		return "it has none"
	}
	if near := suggest.Nearest(name, allowed); near != "" && len(allowed) > 1 {
		return fmt.Sprintf("did you mean %q? It has %s", near, suggest.List(allowed))
	}
	return "it has " + suggest.List(allowed)
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// want reports a value of another kind.
func (l *loader) want(v *jsontree.Value, path string, k jsontree.Kind) bool {
	if v.Kind == k {
		return true
	}
	l.add(v, path, "this must be %s, not %s", k, v.Kind)
	return false
}

// whole reads an integer in [lo, hi].
func (l *loader) whole(v *jsontree.Value, path string, lo, hi int) (int, bool) {
	if !l.want(v, path, jsontree.Number) {
		return 0, false
	}
	if v.Num != math.Trunc(v.Num) || v.Num < float64(lo) || v.Num > float64(hi) {
		l.add(v, path, "%s is not a whole number from %d to %d", v.Text, lo, hi)
		return 0, false
	}
	return int(v.Num), true
}

const maxFrames = 1 << 31 // of any delay

func (l *loader) top(t *jsontree.Value) {
	g := l.g
	if !l.want(t, "", jsontree.Object) {
		return
	}
	l.keys(t, "", "a graph", topKeys)
	if v := t.Get("descriptor_version"); v != nil {
		if n, ok := l.whole(v, "descriptor_version", 0, 1000); ok {
			g.Version = max(n, 1)
			if n > 2 {
				l.add(v, "descriptor_version", "version %d is newer than this program, which reads 1 and 2", n)
			}
		}
	}
	if v := t.Get("sample_rate"); v != nil && l.want(v, "sample_rate", jsontree.Number) {
		if v.Num < 1 || v.Num > 1e7 {
			l.add(v, "sample_rate", "%s Hz is not a sample rate; allowed are 1 to 10000000", v.Text)
		}
		g.Rate = v.Num
	}
	if v := t.Get("loss"); v != nil && l.want(v, "loss", jsontree.String) {
		g.Loss = v.Text
	}
	nodes := t.Get("nodes")
	switch {
	case nodes == nil:
		l.add(t, "", `a graph needs "nodes": [...]`)
		return
	case !l.want(nodes, "nodes", jsontree.Array):
		return
	case len(nodes.Items) == 0:
		l.add(nodes, "nodes", "a graph needs at least one node")
		return
	}
	before := len(l.faults)
	for i, v := range nodes.Items {
		l.node(v, i)
	}
	namesKnown := len(l.faults) == before || allNamed(g.Nodes, len(nodes.Items))
	if v := t.Get("edges"); v != nil && l.want(v, "edges", jsontree.Array) {
		for i, e := range v.Items {
			l.edge(e, i, namesKnown)
		}
	}
	l.ties()
	if namesKnown {
		l.output(t)
		l.ipls(t.Get("ipls"))
	}
}

func allNamed(nodes []*Node, n int) bool { return len(nodes) == n }

func (l *loader) node(v *jsontree.Value, i int) {
	path := fmt.Sprintf("nodes[%d]", i)
	if !l.want(v, path, jsontree.Object) {
		return
	}
	n := &Node{Index: len(l.g.Nodes), value: v, path: path, Oversample: 1, Declared: -1}
	name := v.Get("name")
	switch {
	case name == nil:
		l.add(v, path, `the node has no "name"`)
		return
	case !l.want(name, path+".name", jsontree.String):
		return
	case name.Text == "":
		l.add(name, path+".name", "the name is empty")
		return
	case strings.Contains(name.Text, "."):
		l.add(name, path+".name", "the name %q holds a dot, which separates node and port; use another character", name.Text)
		return
	case l.g.Node(name.Text) != nil:
		l.add(name, path+".name", "two nodes have the name %q; names are unique", name.Text)
		return
	}
	n.Name = name.Text
	l.g.Nodes = append(l.g.Nodes, n)
	l.keys(v, path, "a node", nodeKeys)
	if lib := v.Get("library"); lib != nil && l.want(lib, path+".library", jsontree.String) {
		n.Library = lib.Text
	}
	n.Type = l.nodeType(v, n, path)
	if o := v.Get("oversample_ratio"); o != nil {
		if k, ok := l.whole(o, path+".oversample_ratio", 1, 16); ok {
			if k&(k-1) != 0 {
				l.add(o, path+".oversample_ratio", "%d is not an oversampling ratio; allowed are 1, 2, 4, 8 and 16", k)
			}
			n.Oversample = k
		}
	}
	if d := v.Get("declared_delay"); d != nil {
		if k, ok := l.whole(d, path+".declared_delay", 0, maxFrames); ok {
			n.Declared = k
		}
	}
	if s := v.Get("supports_v2"); s != nil && l.want(s, path+".supports_v2", jsontree.Bool) {
		n.NoAdjoint = !s.Bool
	}
	if s := v.Get("gather"); s != nil && l.want(s, path+".gather", jsontree.String) {
		switch s.Text {
		case "sum":
			n.Sum = true
		case "concat":
		default:
			l.add(s, path+".gather", `%q is no way to gather; allowed are "sum" and "concat"`, s.Text)
		}
	}
	if n.Type == nil {
		return
	}
	n.Config = l.config(v.Get("config"), n, path+".config")
	l.params(v.Get("params"), n, path+".params")
}

// nodeType looks the type up: by the key, or by the name when there is none.
func (l *loader) nodeType(v *jsontree.Value, n *Node, path string) *abi.NodeType {
	tv, name := v.Get("type"), n.Name
	if tv != nil {
		if !l.want(tv, path+".type", jsontree.String) {
			return nil
		}
		name = tv.Text
	}
	if n.Library != "" {
		t, err := openLibrary(l.g.resolve(n.Library), name)
		if err != nil {
			l.add(v.Get("library"), path+".library", "%v", err)
			return nil
		}
		if s := v.Get("supports_v2"); s == nil {
			n.NoAdjoint = true // libraries say explicitly that they carry gradients
		}
		return t
	}
	if t := abi.Lookup(name); t != nil {
		return t
	}
	var names []string
	for _, t := range abi.Types() {
		names = append(names, t.Name)
	}
	if tv == nil {
		l.add(v, path, "the node %q has no \"type\", and its name is no node type; add \"type\": \"%s\"", name, orElse(suggest.Nearest(name, names), "GainNode"))
		return nil
	}
	if near := suggest.Nearest(name, names); near != "" {
		l.add(tv, path+".type", "there is no node type %q; did you mean %q? `ampfit nodes` lists all %d", name, near, len(names))
	} else {
		l.add(tv, path+".type", "there is no node type %q; `ampfit nodes` lists all %d", name, len(names))
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// openLibrary loads a C node library; package abi/cnode provides it.
var openLibrary = func(path, typeName string) (*abi.NodeType, error) {
	return nil, fmt.Errorf("this program was built without C node libraries")
}

// RegisterLibraryLoader sets the function that opens C node libraries for the
// "library" key. Package abi/cnode calls it when it is imported.
func RegisterLibraryLoader(open func(path, typeName string) (*abi.NodeType, error)) {
	openLibrary = open
}

func (l *loader) config(v *jsontree.Value, n *Node, path string) abi.Config {
	c := abi.Config{}
	for _, k := range n.Type.Config {
		if k.Default != nil {
			c[k.Name] = k.Default
		}
	}
	if v == nil || !l.want(v, path, jsontree.Object) {
		return c
	}
	for _, m := range v.Members {
		at := join(path, m.Key)
		k := configKey(n.Type, m.Key)
		if k == nil {
			var names []string
			for _, k := range n.Type.Config {
				names = append(names, k.Name)
			}
			l.addAt(m.Offset, at, "%s has no configuration key %q; %s", n.Type.Name, m.Key, hint(m.Key, names))
			continue
		}
		if val, ok := l.configValue(m.Value, at, k); ok {
			c[m.Key] = val
		}
	}
	return c
}

func configKey(t *abi.NodeType, name string) *abi.Key {
	for i := range t.Config {
		if t.Config[i].Name == name {
			return &t.Config[i]
		}
	}
	return nil
}

func (l *loader) configValue(v *jsontree.Value, path string, k *abi.Key) (any, bool) {
	switch k.Kind {
	case abi.String, abi.File:
		if !l.want(v, path, jsontree.String) {
			return nil, false
		}
		if len(k.Enum) > 0 && !contains(k.Enum, v.Text) {
			l.add(v, path, "%q is not allowed here; %s", v.Text, hint(v.Text, k.Enum))
			return nil, false
		}
		return v.Text, true
	case abi.Bool:
		return v.Bool, l.want(v, path, jsontree.Bool)
	case abi.Int, abi.Number:
		if !l.want(v, path, jsontree.Number) {
			return nil, false
		}
		if k.Kind == abi.Int && v.Num != math.Trunc(v.Num) {
			l.add(v, path, "%s is not a whole number", v.Text)
			return nil, false
		}
		if k.Min != k.Max && (v.Num < k.Min || v.Num > k.Max) {
			l.add(v, path, "%s is outside %s to %s", v.Text, short(k.Min), short(k.Max))
			return nil, false
		}
		return v.Num, true
	}
	if !l.want(v, path, jsontree.Array) {
		return nil, false
	}
	var nums []float64
	var pairs [][2]float64
	var texts []string
	for i, item := range v.Items {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch k.Kind {
		case abi.Numbers:
			if !l.want(item, at, jsontree.Number) {
				return nil, false
			}
			nums = append(nums, item.Num)
		case abi.Strings:
			if !l.want(item, at, jsontree.String) {
				return nil, false
			}
			texts = append(texts, item.Text)
		case abi.Pairs:
			if len(item.Items) != 2 || item.Items[0].Kind != jsontree.Number || item.Items[1].Kind != jsontree.Number {
				l.add(item, at, "this must be a pair of numbers, [a, b]")
				return nil, false
			}
			pairs = append(pairs, [2]float64{item.Items[0].Num, item.Items[1].Num})
		}
	}
	switch k.Kind {
	case abi.Numbers:
		return nums, true
	case abi.Strings:
		return texts, true
	}
	return pairs, true
}

func (l *loader) params(v *jsontree.Value, n *Node, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	for _, m := range v.Members {
		at := join(path, m.Key)
		if n.Type.Open && m.Key != HeatParam && typeParam(n.Type, m.Key) == nil {
			p := openParam(m)
			if learn := m.Value.Get("learn"); p.NoGradient && learn != nil && learn.Bool {
				l.addAt(m.Offset, at, `to learn %s, give it "min" and "max": the library does not say its range`, m.Key)
				continue
			}
			n.Type.Params = append(n.Type.Params, p) // the type is the node's own
		}
		p := typeParam(n.Type, m.Key)
		if p == nil && m.Key != HeatParam {
			l.addAt(m.Offset, at, "%s has no parameter %q; %s", n.Type.Name, m.Key, hint(m.Key, paramNames(n.Type)))
			continue
		}
		if s := l.setting(m, at, n, p); s != nil {
			n.Settings = append(n.Settings, s)
		}
	}
}

// openParam describes a parameter by what the file says of it. Without a range
// there is nowhere to look for it: it is not learned.
func openParam(m jsontree.Member) abi.Param {
	p := abi.Param{Name: m.Key, Doc: "A parameter of the library.", Min: -1e300, Max: 1e300}
	lo, hi := m.Value.Get("min"), m.Value.Get("max")
	if lo != nil && lo.Kind == jsontree.Number {
		p.Min = lo.Num
	}
	if hi != nil && hi.Kind == jsontree.Number {
		p.Max = hi.Num
	}
	p.NoGradient = lo == nil || hi == nil
	value := m.Value
	if v := m.Value.Get("value"); v != nil {
		value = v
	}
	if value.Kind == jsontree.Number {
		p.Default = value.Num
	}
	return p
}

func typeParam(t *abi.NodeType, name string) *abi.Param {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return &t.Params[i]
		}
	}
	return nil
}

func paramNames(t *abi.NodeType) []string {
	var names []string
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	return names
}

func (l *loader) setting(m jsontree.Member, path string, n *Node, p *abi.Param) *Setting {
	s := &Setting{Name: m.Key, value: m.Value, path: path}
	before := len(l.faults)
	switch m.Value.Kind {
	case jsontree.Number, jsontree.Array:
		l.values(s, m.Value, path)
	case jsontree.Object:
		l.keys(m.Value, path, "a parameter", settingKeys)
		if v := m.Value.Get("value"); v != nil {
			l.values(s, v, path+".value")
		}
		if v := m.Value.Get("learn"); v != nil && l.want(v, path+".learn", jsontree.Bool) {
			s.Learn = v.Bool
			if v.Bool && p != nil && p.NoGradient {
				l.add(v, path+".learn", "%s of %s has no gradient and cannot be learned; set it by hand", m.Key, n.Type.Name)
			}
		}
		s.Min, s.Max = l.number(m.Value, path, "min"), l.number(m.Value, path, "max")
		if s.Min != nil && s.Max != nil && *s.Min >= *s.Max {
			l.add(m.Value, path, "min %s is not below max %s", short(*s.Min), short(*s.Max))
		}
		if v := m.Value.Get("unit"); v != nil && l.want(v, path+".unit", jsontree.String) {
			s.Unit = v.Text
		}
		l.scale(s, m.Value.Get("scale"), path+".scale")
		l.prior(s, m.Value.Get("prior"), path+".prior")
		l.tie(s, m.Value.Get("tie"), path+".tie")
	default:
		l.add(m.Value, path, "a parameter is a number, an array of numbers or an object, not %s", m.Value.Kind)
	}
	if len(l.faults) > before {
		return nil
	}
	return s
}

func (l *loader) values(s *Setting, v *jsontree.Value, path string) {
	switch v.Kind {
	case jsontree.Number:
		s.Value = []float64{v.Num}
	case jsontree.Array:
		s.Array = true
		if len(v.Items) == 0 {
			l.add(v, path, "the array is empty")
		}
		for i, item := range v.Items {
			if l.want(item, fmt.Sprintf("%s[%d]", path, i), jsontree.Number) {
				s.Value = append(s.Value, item.Num)
			}
		}
	default:
		l.add(v, path, "a value is a number or an array of numbers, not %s", v.Kind)
	}
}

func (l *loader) number(v *jsontree.Value, path, key string) *float64 {
	m := v.Get(key)
	if m == nil || !l.want(m, join(path, key), jsontree.Number) {
		return nil
	}
	return &m.Num
}

func (l *loader) scale(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.String) {
		return
	}
	for _, scale := range []abi.Scale{abi.Linear, abi.Log, abi.Periodic} {
		if scale.String() == v.Text {
			s.Scale = &scale
			return
		}
	}
	l.add(v, path, `%q is no scale; allowed are "linear", "log" and "periodic"`, v.Text)
}

func (l *loader) prior(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	l.keys(v, path, "a prior", []string{"mean", "std"})
	mean, std := l.number(v, path, "mean"), l.number(v, path, "std")
	if mean == nil || std == nil || *std <= 0 {
		l.add(v, path, `a prior needs "mean" and a "std" above 0`)
		return
	}
	s.Prior = &Prior{*mean, *std}
}

func (l *loader) tie(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	l.keys(v, path, "a tie", []string{"to", "scale", "offset"})
	to := v.Get("to")
	if to == nil {
		l.add(v, path, `a tie needs "to": "node.param"`)
		return
	}
	if !l.want(to, path+".to", jsontree.String) {
		return
	}
	node, param, ok := strings.Cut(to.Text, ".")
	if !ok {
		l.add(to, path+".to", "%q is not of the form node.param", to.Text)
		return
	}
	s.Tie = &Tie{Node: node, Param: param, Scale: 1}
	if x := l.number(v, path, "scale"); x != nil {
		s.Tie.Scale = *x
	}
	if x := l.number(v, path, "offset"); x != nil {
		s.Tie.Offset = *x
	}
}

// ties checks that every tie names a parameter that is not tied itself.
func (l *loader) ties() {
	for _, n := range l.g.Nodes {
		for _, s := range n.Settings {
			if s.Tie == nil {
				continue
			}
			at, path := s.value.Get("tie").Get("to"), s.path+".tie.to"
			to := l.g.Node(s.Tie.Node)
			switch {
			case to == nil:
				l.add(at, path, "there is no node %q; %s", s.Tie.Node, hint(s.Tie.Node, l.nodeNames()))
			case to.Type == nil:
			case typeParam(to.Type, s.Tie.Param) == nil:
				l.add(at, path, "%s has no parameter %q; %s", to.Type.Name, s.Tie.Param, hint(s.Tie.Param, paramNames(to.Type)))
			case to.Setting(s.Tie.Param) != nil && to.Setting(s.Tie.Param).Tie != nil:
				l.add(at, path, "%s.%s is tied itself; tie both to the same parameter", s.Tie.Node, s.Tie.Param)
			}
		}
	}
}

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
	} else if fixed(src) && !contains(src.Outputs, e.Source.Name) {
		l.add(e.value.Get("source"), e.path+".source", "%s has no output %q; %s", src.Name, e.Source.Name, hint(e.Source.Name, src.Outputs))
	}
	at := e.value.Get("target")
	if p := typeParam(dst, e.Target.Name); p != nil && !contains(dst.Inputs, e.Target.Name) {
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
	case e.Target.Name != "" && fixed(dst) && !contains(dst.Inputs, e.Target.Name):
		all := append(append([]string(nil), dst.Inputs...), paramNames(dst)...)
		l.add(at, e.path+".target", "%s has no input or parameter %q; %s", dst.Name, e.Target.Name, hint(e.Target.Name, all))
	}
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
		case g.Output.Node.Type.Configure == nil && !contains(g.Output.Node.Type.Outputs, port):
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
		candidates := free
		if len(free) == 0 {
			candidates = l.nodeNames()
		}
		if len(l.faults) == 0 { // a broken edge would make its source a candidate
			l.add(t, "", `%d nodes have no outgoing edge, so the output is not clear; add "output": with one of %s`, len(free), suggest.List(candidates))
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

// short prints a number for messages.
func short(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.6g", x), ".0") }

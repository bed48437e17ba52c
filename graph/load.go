package graph

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
	"ampfit/internal/suggest"
)

// Load reads and checks a graph file. A faulty file gives [Errors] with every
// fault that can be found without knowing the sample rate and the input; the
// rest is NewPlan's.
func Load(path string) (*Graph, error) {
	if path == "" {
		return nil, errors.New("\"\": the name of the file is empty; name a graph file (JSON)")
	}
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
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1)) // a pipe or a device may never end
	if err != nil {
		return nil, fileError(path, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s: more bytes than a graph file has (at most %d)", path, maxFile)
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
	g := &Graph{Path: path, data: data, Version: 1, byName: map[string]*Node{}}
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
		if !slices.Contains(allowed, m.Key) {
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

// Sample rates of graphs, in Hz.
const (
	MinRate = 1
	MaxRate = 10_000_000
)

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
		if v.Num < MinRate || v.Num > MaxRate {
			l.add(v, "sample_rate", "%s Hz is not a sample rate; allowed are %d to %d", v.Text, MinRate, MaxRate)
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
	namesKnown := len(l.faults) == before || len(g.Nodes) == len(nodes.Items)
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
	l.g.byName[n.Name] = n
	if lib := v.Get("library"); lib != nil && l.want(lib, path+".library", jsontree.String) {
		n.Library = lib.Text
	}
	n.Type = l.nodeType(v, n, path)
	l.nodeKeys(v, path, n)
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

// nodeKeys reports the members that a node does not have, and where those of its
// type belong.
func (l *loader) nodeKeys(v *jsontree.Value, path string, n *Node) {
	for _, m := range v.Members {
		at := join(path, m.Key)
		switch {
		case slices.Contains(nodeKeys, m.Key):
		case n.Type != nil && configKey(n.Type, m.Key) != nil:
			l.addAt(m.Offset, at, `%s is configuration of %s; write it into the node's "config": {"%s": …}`, m.Key, n.Type.Name, m.Key)
		case n.Type != nil && (typeParam(n.Type, m.Key) != nil || n.Type.Alias(m.Key) != nil):
			l.addAt(m.Offset, at, `%s is a parameter of %s; write it into the node's "params": {"%s": …}`, m.Key, n.Type.Name, m.Key)
		default:
			l.addAt(m.Offset, at, "a node has no key %q; %s", m.Key, hint(m.Key, nodeKeys))
		}
	}
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
		t, err := abi.FromLibrary(l.g.resolve(n.Library), name)
		if err != nil {
			l.add(v.Get("library"), path+".library", "%v", err)
			return nil
		}
		if s := v.Get("supports_v2"); s == nil || !s.Bool {
			n.NoAdjoint, n.FirstOnly = true, true // libraries say explicitly that they carry gradients
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
		l.add(v, path, "the node %q has no \"type\", and its name is no node type; add \"type\": \"%s\"", name, cmp.Or(suggest.Nearest(name, names), "GainNode"))
		return nil
	}
	if near := suggest.Nearest(name, names); near != "" {
		l.add(tv, path+".type", "there is no node type %q; did you mean %q? `ampfit nodes` lists all %d", name, near, len(names))
	} else {
		l.add(tv, path+".type", "there is no node type %q; `ampfit nodes` lists all %d", name, len(names))
	}
	return nil
}

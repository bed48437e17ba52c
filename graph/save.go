package graph

import (
	"path/filepath"

	"ampfit/abi"
	"ampfit/internal/jsontree"
)

// WithValues returns the text of the graph with other parameter values, keyed
// by node and parameter; everything else stays as the file has it. Files that
// the graph names are written relative to dir, where the text will be saved,
// or absolute when they cannot be.
func (g *Graph) WithValues(values map[string]map[string][]float64, dir string) []byte {
	tree, _ := jsontree.Parse(g.data) // it was parsed before
	items := tree.Get("nodes").Items
	for _, n := range g.Nodes {
		v := items[n.Index]
		for _, q := range n.Type.Params { // in a fixed order
			if x, ok := values[n.Name][q.Name]; ok {
				name := q.Name
				if s := n.Setting(name); s != nil {
					name = s.word()
				}
				setParam(v, name, x, q.Vector)
			}
		}
		if c := v.Get("config"); c != nil {
			for _, key := range n.Type.Config {
				if f := c.Get(key.Name); key.Kind == abi.File && f != nil {
					f.Text = g.rebase(f.Text, dir)
				}
			}
		}
		if lib := v.Get("library"); lib != nil {
			lib.Text = g.rebase(lib.Text, dir)
		}
	}
	return tree.Format()
}

// setParam replaces the value of a parameter of a node, keeping what else the
// file says of it.
func setParam(node *jsontree.Value, name string, x []float64, vector bool) {
	params := node.Get("params")
	if params == nil {
		params = &jsontree.Value{Kind: jsontree.Object}
		node.Set("params", params)
	}
	value := jsontree.NewNumbers(x)
	if len(x) == 1 && !vector {
		value = jsontree.NewNumber(x[0])
	}
	if old := params.Get(name); old != nil && old.Kind == jsontree.Object {
		if old.Get("value") == nil { // put it first, where readers look
			old.Members = append([]jsontree.Member{{Key: "value"}}, old.Members...)
		}
		old.Set("value", value)
		return
	}
	params.Set(name, value)
}

// rebase turns a path relative to the graph file into one relative to dir.
func (g *Graph) rebase(path, dir string) string {
	if filepath.IsAbs(path) {
		return path
	}
	abs, err := filepath.Abs(g.resolve(path))
	if err != nil {
		return path
	}
	to, err := filepath.Abs(dir)
	if err != nil {
		return abs
	}
	rel, err := filepath.Rel(to, abs)
	if err != nil {
		return abs
	}
	return filepath.ToSlash(rel)
}

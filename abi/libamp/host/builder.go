package host

import (
	"strings"

	"ampfit/graph"
	"ampfit/internal/jsontree"
)

// builder writes a graph file.
type builder struct{ nodes, edges *jsontree.Value }

func newBuilder() *builder {
	return &builder{&jsontree.Value{Kind: jsontree.Array}, &jsontree.Value{Kind: jsontree.Array}}
}

// node adds a node, whose other members the caller sets.
func (b *builder) node(name, typ string) *jsontree.Value {
	v := &jsontree.Value{Kind: jsontree.Object}
	v.Set("name", text(name))
	v.Set("type", text(typ))
	b.nodes.Items = append(b.nodes.Items, v)
	return v
}

// input adds a node that is fed.
func (b *builder) input(name string, channels int) {
	config := &jsontree.Value{Kind: jsontree.Object}
	config.Set("channels", jsontree.NewNumber(float64(channels)))
	b.node(name, "InputNode").Set("config", config)
}

// edge adds an edge, whose other members the caller sets.
func (b *builder) edge(from, to string) *jsontree.Value {
	e := &jsontree.Value{Kind: jsontree.Object}
	e.Set("source", text(from))
	e.Set("target", text(to))
	b.edges.Items = append(b.edges.Items, e)
	return e
}

// graph reads what was written. Parameters that nodes of a prefix feed take what
// they are fed, whatever else they are.
func (b *builder) graph(output, prefix string) (*graph.Graph, error) {
	top := &jsontree.Value{Kind: jsontree.Object}
	top.Set("descriptor_version", jsontree.NewNumber(2))
	top.Set("nodes", b.nodes)
	top.Set("edges", b.edges)
	top.Set("output", text(output))
	return fedGraph("", top, prefix)
}

// fedGraph is the graph of a file in which nodes of a prefix feed parameters.
func fedGraph(path string, top *jsontree.Value, prefix string) (*graph.Graph, error) {
	g, err := graph.Parse(path, top.Format())
	if err != nil {
		return nil, err
	}
	for _, e := range g.Edges {
		if e.Param != "" && strings.HasPrefix(e.Source.Node.Name, prefix) {
			e.Mode = graph.Replace
		}
	}
	return g, nil
}

func text(s string) *jsontree.Value { return &jsontree.Value{Kind: jsontree.String, Text: s} }

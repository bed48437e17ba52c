package graph

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"ampfit/abi"
)

// Differs says in what two graphs differ beside the values of their parameters,
// "" when in nothing: g is "this graph" of the sentence.
func (g *Graph) Differs(other *Graph) string {
	if g.Rate != other.Rate && g.Rate != 0 && other.Rate != 0 {
		return fmt.Sprintf("it runs at %g Hz and this graph at %g Hz", other.Rate, g.Rate)
	}
	if len(g.Nodes) != len(other.Nodes) {
		return fmt.Sprintf("it has %d nodes and this graph %d", len(other.Nodes), len(g.Nodes))
	}
	for i, n := range g.Nodes {
		m := other.Nodes[i]
		switch {
		case n.Name != m.Name:
			return fmt.Sprintf("node %d is %q there and %q in this graph", i+1, m.Name, n.Name)
		case n.Type.Name != m.Type.Name:
			return fmt.Sprintf("the node %q is a %s there and a %s in this graph", n.Name, m.Type.Name, n.Type.Name)
		case n.Oversample != m.Oversample || n.Declared != m.Declared || n.NoAdjoint != m.NoAdjoint || n.Sum != m.Sum:
			return fmt.Sprintf("the node %q has another oversample_ratio, declared_delay, supports_v2 or gather there", n.Name)
		case !reflect.DeepEqual(g.plainConfig(n), other.plainConfig(m)):
			return fmt.Sprintf("the node %q has another config there", n.Name)
		}
	}
	if len(g.Edges) != len(other.Edges) {
		return fmt.Sprintf("it has %d edges and this graph %d", len(other.Edges), len(g.Edges))
	}
	for i, e := range g.Edges {
		d := other.Edges[i]
		if endOf(e.Source) != endOf(d.Source) || endOf(e.Target) != endOf(d.Target) || e.Param != d.Param ||
			e.Delay != d.Delay || e.Mode != d.Mode || e.Scale != d.Scale || e.Channel != d.Channel || !slices.Equal(e.Gates, d.Gates) {
			return fmt.Sprintf("edge %d is another one there", i+1)
		}
	}
	if endOf(g.Output) != endOf(other.Output) {
		return "it has another output"
	}
	return ""
}

func endOf(p Port) [2]string {
	if p.Node == nil {
		return [2]string{"", p.Name}
	}
	return [2]string{p.Node.Name, p.Name}
}

// plainConfig is the configuration without the files that it names: they are
// relative to where the graph lies.
func (g *Graph) plainConfig(n *Node) map[string]any {
	c := maps.Clone(map[string]any(n.Config))
	for _, key := range n.Type.Config {
		if key.Kind == abi.File {
			delete(c, key.Name)
		}
	}
	return c
}

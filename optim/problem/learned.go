package problem

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/suggest"
)

// learned picks what is learned: the flags, else what the file marks, else
// everything differentiable but heat and what its node type or the file holds.
func learned(g *graph.Graph, m *adjoint.Model, o Options) ([]Variable, error) {
	var names []string
	marked := false
	for _, p := range m.Params {
		names = append(names, p.Node+"."+p.Name)
		marked = marked || Marked(p)
	}
	for _, list := range []*[]string{&o.Learn, &o.Freeze} {
		*list = slices.Clone(*list)
		for i, name := range *list {
			if (*list)[i] = called(g, name); !slices.Contains(names, (*list)[i]) {
				return nil, unknownParam(g, name, names)
			}
		}
	}
	var vars []Variable
	for _, p := range m.Params {
		name := p.Node + "." + p.Name
		learn := p.Spec != nil && !p.Spec.NoGradient
		switch {
		case len(o.Learn) > 0:
			asked := slices.Contains(o.Learn, name)
			if asked && !learn {
				return nil, fmt.Errorf("%s cannot be learned: it has no gradient", name)
			}
			learn = asked
		case marked:
			learn = learn && Marked(p)
		case learn && (p.Spec.Held || p.Spec.Setting != nil && p.Spec.Setting.Held):
			learn = false
		}
		if !learn || slices.Contains(o.Freeze, name) || p.Spec.Setting != nil && p.Spec.Setting.Tie != nil {
			continue
		}
		for i := range p.Values {
			v, err := newVariable(p, i)
			if err != nil {
				return nil, err
			}
			vars = append(vars, v)
		}
	}
	if len(vars) == 0 {
		return nil, fmt.Errorf("%s: there is nothing to learn: no parameter is left after \"learn\": false, --learn and --freeze, or the nodes have none", cmp.Or(g.Path, "graph"))
	}
	return vars, nil
}

// Marked reports whether the file asks to learn a parameter.
func Marked(p *adjoint.Param) bool {
	return p.Spec != nil && p.Spec.Setting != nil && p.Spec.Setting.Learn
}

// called is the node.param that a name means: another word of the field for the
// parameter is accepted, as in the file.
func called(g *graph.Graph, name string) string {
	node, param, _ := strings.Cut(name, ".")
	if n := g.Node(node); n != nil && n.Type != nil {
		if p := n.Type.Alias(param); p != nil {
			return node + "." + p.Name
		}
	}
	return name
}

func unknownParam(g *graph.Graph, name string, names []string) error {
	if near := suggest.Nearest(name, names); near != "" {
		return fmt.Errorf("%s: there is no parameter %q; did you mean %q?", cmp.Or(g.Path, "graph"), name, near)
	}
	return fmt.Errorf("%s: there is no parameter %q; parameters are named node.param, for example %s", cmp.Or(g.Path, "graph"), name, names[0])
}

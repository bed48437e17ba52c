package adjoint

import "ampfit/graph"

// Param is a parameter of a model with its gradient.
type Param struct {
	Node, Name string
	Spec       *graph.Param // nil for thermo.heat
	Values     []float64    // Len, or batches × Len
	Grad       []float64    // the same
	// Blocked names the node without an adjoint that stands in every way to
	// the output; "" when there is a way.
	Blocked string

	unit *graph.Unit
}

// cuts reports whether gradients end at a unit.
func cuts(u *graph.Unit) bool {
	forward, backward := u.Refused()
	return u.NoAdjoint || forward || backward
}

// unsupported lists the nodes that have no adjoint, as far as is known, and what
// they cut off.
func (m *Model) unsupported() {
	var blocked map[*graph.Unit]string
	m.Unsupported, blocked = CutOff(m.Plan)
	for _, p := range m.Params {
		if p.Spec != nil {
			p.Blocked = blocked[p.unit]
		}
	}
}

// params lists the parameters in file order, each node's thermo.heat last.
func (m *Model) params() {
	for _, u := range m.Plan.Units {
		if u.Filter != nil {
			continue
		}
		for _, q := range u.Params {
			m.Params = append(m.Params, &Param{
				Node: u.Name, Name: q.Name, Spec: q, Values: append([]float64(nil), q.Value...),
				Grad: make([]float64, len(q.Value)), unit: u,
			})
		}
		heat := &Param{Node: u.Name, Name: graph.HeatParam, Values: []float64{0}, Grad: []float64{0}, unit: u}
		if s := u.Node.Setting(graph.HeatParam); s != nil && len(s.Value) > 0 {
			heat.Values = append([]float64(nil), s.Value...)
			heat.Grad = make([]float64, len(s.Value))
		}
		m.Params = append(m.Params, heat)
	}
	m.unsupported()
}

// CutOff names the nodes of a plan that pass zeros on, being without adjoint as
// far as is known, and for every unit whose gradient does not reach the output
// such a node in the way; "" when there is none.
func CutOff(p *graph.Plan) (nodes []string, behind map[*graph.Unit]string) {
	for _, u := range p.Units {
		if u.Filter == nil && cuts(u) {
			nodes = append(nodes, u.Name)
		}
	}
	reaches := map[*graph.Unit]bool{}
	var visit func(u *graph.Unit)
	visit = func(u *graph.Unit) {
		if reaches[u] || cuts(u) {
			return
		}
		reaches[u] = true
		for _, in := range u.In {
			for _, l := range in.Links {
				visit(l.From.Unit)
			}
		}
		for _, q := range u.Params {
			for _, l := range q.Mods {
				visit(l.From.Unit)
			}
		}
	}
	visit(p.Output.Unit)
	behind = map[*graph.Unit]string{}
	for _, u := range p.Units {
		if !reaches[u] {
			behind[u] = obstacle(u, map[*graph.Unit]bool{})
		}
	}
	return nodes, behind
}

// obstacle names the first node without adjoint on the way from u.
func obstacle(u *graph.Unit, seen map[*graph.Unit]bool) string {
	if cuts(u) {
		return u.Name
	}
	seen[u] = true
	for _, out := range u.Out {
		for _, l := range out.Readers {
			if !seen[l.To()] {
				if name := obstacle(l.To(), seen); name != "" {
					return name
				}
			}
		}
	}
	return ""
}

// Param returns a parameter of the model, nil when there is none.
func (m *Model) Param(node, name string) *Param {
	for _, p := range m.Params {
		if p.Node == node && p.Name == name {
			return p
		}
	}
	return nil
}

// Set changes the values of a parameter for the next evaluation: as many as it has,
// or batches times as many. The values must lie in its range.
func (m *Model) Set(p *Param, values []float64) error {
	var err error
	if p.Spec == nil {
		err = m.Run.SetHeatStart(p.unit, values)
	} else {
		err = m.Run.Set(p.Spec, values)
	}
	if err != nil {
		return err
	}
	m.rendered = false
	if len(values) != len(p.Values) {
		p.Values, p.Grad = make([]float64, len(values)), make([]float64, len(values))
	}
	copy(p.Values, values)
	return nil
}

// collect sums the gradients of the lanes into those of the parameters.
func (m *Model) collect() {
	for _, p := range m.Params {
		clear(p.Grad)
		if p.Spec != nil {
			m.Run.AddGrad(p.Grad, p.Spec)
			continue
		}
		for b := range m.Plan.Batches {
			p.Grad[min(b, len(p.Grad)-1)] += m.options.HeatWeights[p.Node]
		}
	}
}

// StateGrad returns the gradient by the initial states of a node, lanes ×
// states, after a backward run; nil when the node has none.
func (m *Model) StateGrad(node string) []float64 {
	u := m.Plan.Unit(node)
	if u == nil || u.Filter != nil {
		return nil
	}
	return m.Run.StateGrad(u)
}

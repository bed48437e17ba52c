package adjoint

import (
	"fmt"
	"math"
	"strings"

	"ampfit/graph"
)

// VJP returns the vector–Jacobian product of a graph's output: the gradient of
// ⟨w, output⟩ by every parameter, the input and the initial states. w is
// batches × channels × frames.
func VJP(g *graph.Graph, w []float64, o Options) (*Result, error) {
	m, err := NewModel(g, o)
	if err != nil {
		return nil, err
	}
	if len(w) != len(m.Output) {
		return nil, fmt.Errorf("adjoint: w has %d values, the output %d", len(w), len(m.Output))
	}
	r := &Result{}
	m.ForwardBackward(func(grad, output []float64) {
		copy(grad, w)
		r.Value = dot(w, output)
	})
	m.fill(r)
	return r, nil
}

// Product is a derivative along a direction.
type Product struct {
	// Values are those of the output (JVP), or of each parameter element of
	// Params in turn (HVP).
	Values []float64
	// Approximate names the nodes without a kernel for it; Values then come
	// from a Richardson difference with the relative error Error. Both are
	// zero where kernels gave the exact derivative.
	Approximate []string
	Error       float64 // +Inf when no difference converged
}

// JVP returns the Jacobian–vector product: the derivative of the output along
// a direction of parameters ("node.param") and input. Directions of parameters
// have as many elements as the parameter.
func JVP(g *graph.Graph, params map[string][]float64, input [][]float64, o Options) (*Product, error) {
	m, err := NewModel(g, o)
	if err != nil {
		return nil, err
	}
	d, err := m.Direction(params, input)
	if err != nil {
		return nil, err
	}
	return m.JVP(d), nil
}

// Direction makes a direction of names; a name that the model does not have, or
// one with another length, is an error.
func (m *Model) Direction(params map[string][]float64, input [][]float64) (Direction, error) {
	d := Direction{Params: map[*Param][]float64{}, Input: input}
	for name, v := range params {
		p, err := m.named(name)
		if err != nil {
			return d, err
		}
		if len(v) != len(p.Values) {
			return d, fmt.Errorf("adjoint: the direction of %s has %d elements, the parameter %d", name, len(v), len(p.Values))
		}
		d.Params[p] = v
	}
	return d, nil
}

// named finds a parameter by "node.param".
func (m *Model) named(name string) (*Param, error) {
	node, param, _ := strings.Cut(name, ".")
	if p := m.Param(node, param); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("adjoint: the graph has no parameter %q", name)
}

// JVP is the derivative of Output along a direction.
func (m *Model) JVP(d Direction) *Product {
	if v, err := m.Tangent(d); err == nil {
		return &Product{Values: v}
	}
	at := m.mover(d)
	defer at(0)
	v, e := richardson(len(m.Output), m.reach(d), func(dst []float64, h float64) {
		at(h)
		m.Forward()
		copy(dst, m.Output)
	})
	return &Product{v, m.Run.WithoutTangent(), e}
}

// HVP returns the Hessian–vector product of a loss of the output along a
// direction: the derivative of the whole gradient, parameter after parameter in
// the order of Model.Params, thermo.heat left out. It is exact, forward over
// reverse, where every node type has the kernels for it; otherwise a Richardson
// difference of exact gradients, which names the nodes that have not. Where the
// loss is not [Curved], its own curvature is a difference, and Error says so.
func HVP(g *graph.Graph, l Loss, params map[string][]float64, o Options) (*Product, error) {
	m, err := NewModel(g, o)
	if err != nil {
		return nil, err
	}
	d, err := m.Direction(params, nil)
	if err != nil {
		return nil, err
	}
	return m.HVP(l, d), nil
}

// HVP is the derivative of the gradient of a loss along a direction.
func (m *Model) HVP(l Loss, d Direction) *Product {
	names := m.Run.WithoutSecond()
	if len(names) == 0 && !m.HasHeatLoss() {
		return m.secondOrder(l, d)
	}
	n := 0
	for _, p := range m.Params {
		if p.Spec != nil {
			n += len(p.Values)
		}
	}
	at := m.mover(d)
	defer at(0)
	v, e := richardson(n, m.reach(d), func(dst []float64, h float64) {
		at(h)
		m.ValueGradient(l)
		for _, p := range m.Params {
			if p.Spec != nil {
				dst = dst[copy(dst, p.Grad):]
			}
		}
	})
	return &Product{Values: v, Approximate: names, Error: e}
}

// Jacobian returns the derivative of the output by each element of a few
// parameters ("node.param"), a column for each: output samples long.
func Jacobian(g *graph.Graph, params []string, o Options) (columns [][]float64, err error) {
	m, err := NewModel(g, o)
	if err != nil {
		return nil, err
	}
	for _, name := range params {
		p, err := m.named(name)
		if err != nil {
			return nil, err
		}
		for i := range p.Values {
			v := make([]float64, len(p.Values))
			v[i] = 1
			columns = append(columns, m.JVP(Direction{Params: map[*Param][]float64{p: v}}).Values)
		}
	}
	return columns, nil
}

// mover returns a function that moves the model to the present point plus h
// times a direction.
func (m *Model) mover(d Direction) func(h float64) {
	start := map[*Param][]float64{}
	for p := range d.Params {
		start[p] = append([]float64(nil), p.Values...)
	}
	input := m.Run.Input
	return func(h float64) {
		for p, from := range start {
			v := append([]float64(nil), from...)
			for i := range v {
				v[i] += h * d.Params[p][i]
			}
			_ = m.Set(p, v) // the parameter's own length
		}
		if d.Input == nil {
			return
		}
		if h == 0 {
			m.Run.Input = input
			return
		}
		moved := clone(input)
		for c := range moved {
			for n := range moved[c] {
				if c < len(d.Input) && n < len(d.Input[c]) {
					moved[c][n] += h * d.Input[c][n]
				}
			}
		}
		m.Run.Input = moved
	}
}

// reach is the step along a direction at which no parameter moves by more than
// a hundredth of its natural unit or leaves its range.
func (m *Model) reach(d Direction) float64 {
	h := math.Inf(1)
	for p, v := range d.Params {
		if p.Spec == nil {
			continue
		}
		for i, x := range v {
			if x == 0 {
				continue
			}
			limit := 0.01 * scaleOf(p, p.Values[i])
			if lo, hi := p.Values[i]-p.Spec.Min, p.Spec.Max-p.Values[i]; p.Spec.Max > p.Spec.Min && lo > 0 && hi > 0 {
				limit = min(limit, lo/2.01, hi/2.01)
			}
			h = min(h, limit/math.Abs(x))
		}
	}
	if math.IsInf(h, 1) {
		h = 0.01
	}
	return h
}

// richardson differentiates a vector function at 0 by central differences at
// halved steps, extrapolated; it returns the best estimate and its relative
// error, taken from the last two.
func richardson(n int, h float64, f func(dst []float64, h float64)) (best []float64, relative float64) {
	const rows = 6
	plus, minus := make([]float64, n), make([]float64, n)
	var previous [][]float64
	gap := math.Inf(1)
	for k := range rows {
		f(plus, h)
		f(minus, -h)
		row := [][]float64{make([]float64, n)}
		for i := range plus {
			row[0][i] = (plus[i] - minus[i]) / (2 * h)
		}
		factor := 1.0
		for j := 1; j <= k; j++ {
			factor *= 4
			next := make([]float64, n)
			for i := range next {
				next[i] = row[j-1][i] + (row[j-1][i]-previous[j-1][i])/(factor-1)
			}
			row = append(row, next)
			if g := math.Max(distance(next, row[j-1]), distance(next, previous[j-1])); g < gap {
				gap, best = g, next
			}
		}
		previous = row
		h /= 2
	}
	if best == nil { // nothing converged: a bound lies in between, or there is no derivative
		return make([]float64, n), math.Inf(1)
	}
	return best, gap / math.Max(norm(best), 1e-300)
}

func distance(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return math.Sqrt(sum)
}

package adjoint

import (
	"fmt"

	"ampfit/arena"
	"ampfit/graph"
	"ampfit/tape"
)

// Direction is a change of parameters and input, along which a tangent runs.
type Direction struct {
	Params map[*Param][]float64 // like Param.Values
	Input  [][]float64          // like the dry input; nil for none
}

// begin starts a run along a direction.
func (m *Model) begin(d Direction) {
	params := map[*graph.Param][]float64{}
	for p, v := range d.Params {
		if p.Spec != nil { // heat does not reach the output
			params[p.Spec] = v
		}
	}
	m.rendered = false // the tape is not what Rewind expects
	m.Run.Along(params, d.Input)
}

// Tangent runs forward with tangents and returns the derivative of Output
// along d, batches × channels × frames. It is exact where every node type has
// a tangent kernel; otherwise the error names the nodes that have none.
func (m *Model) Tangent(d Direction) ([]float64, error) {
	if names := m.Run.WithoutTangent(); len(names) > 0 {
		return nil, fmt.Errorf("adjoint: no tangent kernel for %v", names)
	}
	m.begin(d)
	s := m.alongSystem()
	for k := range len(m.bounds) - 1 {
		s.Advance(k)
	}
	return s.out, nil
}

// alongSystem drives a model's run with tangents by the actions of a tape.
type alongSystem struct {
	system
	out  []float64   // derivative of Output
	rows [][]float64 // the same by channel
}

func (m *Model) alongSystem() *alongSystem {
	out := make([]float64, len(m.Output))
	return &alongSystem{system{m}, out, split(out, m.Plan.Frames)}
}

func (s *alongSystem) Advance(k int) {
	s.Run.AdvanceAlong(s.frames(k))
	s.Run.CopyOut(s.Model.rows, s.skip)
	s.Run.CopyOutAlong(s.rows, s.skip)
}

func (s *alongSystem) Save(p *arena.Snapshot) { s.Run.SaveAlong(p) }

func (s *alongSystem) Load(p *arena.Snapshot) { s.Run.LoadAlong(p) }

func (s *alongSystem) Reverse(int) { s.Run.BackAlong() }

// Curved is a loss that knows how its gradient changes. Curvature writes into
// dst the derivative of the gradient at x along v.
type Curved interface {
	Curvature(dst, x, v []float64)
}

// secondOrder returns the derivative of the gradient along d by kernels: the run
// with its tangents is kept as the tape says, and the adjoint walks back over it
// twice at once.
func (m *Model) secondOrder(l Loss, d Direction) *Product {
	m.begin(d)
	s, t := m.alongSystem(), tape.New(m.schedule)
	t.Forward(s)
	p := &Product{}
	n := m.Plan.Output.Channels * m.Plan.Frames
	derivative := make([]float64, len(m.Output))
	for b := range m.Plan.Batches {
		at, end := b*n, (b+1)*n
		l.Evaluate(m.seedBuf[at:end], m.Output[at:end])
		p.Error = max(p.Error, curvature(l, derivative[at:end], m.Output[at:end], s.out[at:end]))
	}
	m.Run.BeginBackAlong(m.seed, split(derivative, m.Plan.Frames), m.skip)
	t.Back(s)
	for _, q := range m.Params {
		if q.Spec != nil {
			v := make([]float64, len(q.Values))
			m.Run.AddSecond(v, q.Spec)
			p.Values = append(p.Values, v...)
		}
	}
	return p
}

// curvature is the derivative of a loss's gradient at x along v, and its
// relative error: by the loss itself, or a difference of its gradients.
func curvature(l Loss, dst, x, v []float64) (relative float64) {
	if c, ok := l.(Curved); ok {
		c.Curvature(dst, x, v)
		return 0
	}
	size := norm(v)
	if size == 0 {
		clear(dst)
		return 0
	}
	moved := make([]float64, len(x))
	best, relative := richardson(len(x), 0.01*max(norm(x), 1e-12)/size, func(g []float64, h float64) {
		for i, a := range x {
			moved[i] = a + h*v[i]
		}
		l.Evaluate(g, moved)
	})
	copy(dst, best)
	return relative
}

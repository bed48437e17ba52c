package search

import (
	"math"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/optim/loss"
	"ampfit/optim/method"
)

// GraphObjective is the loss of a graph's output as a function of its learned
// parameters, in unbounded coordinates.
type GraphObjective struct {
	Model     *adjoint.Model
	Loss      loss.Loss
	Variables []Variable

	target   []float64 // channels × frames, for Guide
	dry      [][]float64
	spectral bool // spectra are fitted where the waveform is lost
	channels int
	threads  int
	shared   *GraphObjective // whose calls are counted, of a guide
	ties     []tie
	slopes   []float64   // ∂v/∂u of the last point
	columns  [][]float64 // of the Jacobian at base
	base     []float64
	output   []float64   // at base
	g0, g1   []float64   // gradients by the output
	heat     []float64   // of the nodes of the graph, at heatAt
	heatAt   []float64   // where it was measured last; empty before
	Calls    int         // evaluations so far
	tick     func()      // called after each, when not nil
	ended    func() bool // whether the time is over, when not nil
	coarser  func(ratio int) (*GraphObjective, error)
}

// tie is a parameter that follows a learned or held one.
type tie struct {
	param, to     *adjoint.Param
	scale, offset float64
}

func newGraphObjective(m *adjoint.Model, l loss.Loss, vars []Variable) *GraphObjective {
	o := &GraphObjective{Model: m, Loss: l, Variables: vars, slopes: make([]float64, len(vars))}
	for _, p := range m.Params {
		if p.Spec == nil || p.Spec.Setting == nil || p.Spec.Setting.Tie == nil {
			continue
		}
		t := p.Spec.Setting.Tie
		o.ties = append(o.ties, tie{p, m.Param(t.Node, t.Param), t.Scale, t.Offset})
	}
	return o
}

// Dim returns the number of learned numbers.
func (o *GraphObjective) Dim() int { return len(o.Variables) }

// Guide is the same with the multi-resolution spectral loss, where the loss at
// hand compares waveforms; nil elsewhere, and for signals too short for it.
func (o *GraphObjective) Guide() method.Objective {
	if o.target == nil || !loss.Quadratic(o.Loss) {
		return nil
	}
	l, err := loss.Parse("mrstft", o.target, o.channels, o.Model.Plan.Rate)
	if err != nil {
		return nil
	}
	loss.SetThreads(l, o.threads)
	g := *o
	g.Loss, g.shared = l, o
	return &g
}

// Start returns the point of the file's values.
func (o *GraphObjective) Start() []float64 {
	x := make([]float64, len(o.Variables))
	for i := range x {
		x[i] = o.Variables[i].Unbounded(o.Variables[i].Start)
	}
	return x
}

// Set moves the model to a point.
func (o *GraphObjective) Set(x []float64) {
	var p *adjoint.Param
	flush := func() {
		if p != nil {
			_ = o.Model.Set(p, p.Values) // its own values always fit
		}
	}
	for i := range o.Variables {
		v := &o.Variables[i]
		if p != v.Param {
			flush()
			p = v.Param
		}
		p.Values[v.Element], o.slopes[i] = v.Value(x[i])
	}
	flush()
	for _, t := range o.ties {
		for i := range t.param.Values {
			t.param.Values[i] = clampTo(t.scale*t.to.Values[i]+t.offset, t.param.Spec)
		}
		_ = o.Model.Set(t.param, t.param.Values)
	}
}

func clampTo(v float64, q *graph.Param) float64 {
	if q.Scale == abi.Periodic {
		return v
	}
	return math.Min(math.Max(v, q.Min), q.Max)
}

func (o *GraphObjective) count(n int) {
	o.Calls += n
	if o.shared != nil {
		o.shared.count(n)
		return
	}
	if o.tick != nil {
		o.tick()
	}
}

// Evaluate renders, and walks back when a gradient is wanted.
func (o *GraphObjective) Evaluate(grad, x []float64) float64 {
	o.count(1)
	o.Set(x)
	var f float64
	o.Model.Run.IntegrateHeat(grad != nil || o.Model.HasHeatLoss())
	if grad == nil {
		f = o.Model.Value(o.Loss)
	} else {
		f = o.Model.ValueGradient(o.Loss)
		o.pull(grad)
	}
	if grad != nil || o.Model.HasHeatLoss() {
		o.keepHeat(x)
	}
	for i := range o.Variables {
		v := &o.Variables[i]
		if v.prior == nil {
			continue
		}
		z := (v.Param.Values[v.Element] - v.prior.mean) / v.prior.std
		f += z * z / 2
		if grad != nil {
			grad[i] += z / v.prior.std * o.slopes[i]
		}
	}
	if math.IsNaN(f) {
		return math.Inf(1)
	}
	return f
}

// keepHeat remembers the heat of a run at x that integrated it.
func (o *GraphObjective) keepHeat(x []float64) {
	o.heat, o.heatAt = o.heat[:0], append(o.heatAt[:0], x...)
	for _, n := range o.Model.Plan.Graph.Nodes {
		o.heat = append(o.heat, sum(o.Model.Heat[n.Name]))
	}
}

// pull gathers the gradient by the variables from that by the parameters.
func (o *GraphObjective) pull(grad []float64) {
	for _, t := range o.ties {
		for i, g := range t.param.Grad {
			q := t.param.Spec
			if v := t.scale*t.to.Values[i] + t.offset; q.Scale == abi.Periodic || v >= q.Min && v <= q.Max {
				t.to.Grad[i] += t.scale * g
			}
		}
	}
	for i := range o.Variables {
		v := &o.Variables[i]
		grad[i] = v.Param.Grad[v.Element] * o.slopes[i]
		if math.IsNaN(grad[i]) || math.IsInf(grad[i], 0) {
			grad[i] = 0
		}
	}
}

// Curvature is JᵀMJ with the Jacobian J of the output and the Hessian M of a
// quadratic loss: M v = ∇L(y+v) − ∇L(y). The columns of J come from central
// differences of renderings; only the speed of convergence depends on them, as
// the gradient itself is exact.
func (o *GraphObjective) Curvature(h, x []float64) {
	n := len(x)
	size := len(o.Model.Output)
	if o.columns == nil {
		for range n {
			o.columns = append(o.columns, make([]float64, size))
		}
		o.g0, o.g1 = make([]float64, size), make([]float64, size)
	}
	moved := append([]float64(nil), x...)
	for i := range n {
		if o.ended != nil && o.ended() {
			return // the descent looks at its context next
		}
		v := &o.Variables[i]
		value, slope := v.Value(x[i])
		step := 1e-6 * math.Min(v.natural(value)/math.Max(math.Abs(slope), 1e-9), 10)
		moved[i] = x[i] + step
		o.Set(moved)
		o.Model.Forward()
		copy(o.columns[i], o.Model.Output)
		moved[i] = x[i] - step
		o.Set(moved)
		o.Model.Forward()
		for k, y := range o.Model.Output {
			o.columns[i][k] = (o.columns[i][k] - y) / (2 * step)
		}
		moved[i] = x[i]
		o.count(2)
	}
	o.Set(x)
	o.Model.Forward()
	o.count(1)
	o.Loss.Evaluate(o.g0, o.Model.Output)
	o.base = append(o.base[:0], x...)
	o.output = append(o.output[:0], o.Model.Output...)
	shifted := make([]float64, size)
	for j := range n {
		for k, v := range o.Model.Output {
			shifted[k] = v + o.columns[j][k]
		}
		o.Loss.Evaluate(o.g1, shifted)
		for k := range o.g1 {
			o.g1[k] -= o.g0[k]
		}
		for i := 0; i <= j; i++ {
			h[i*n+j] = method.Dot(o.columns[i], o.g1)
			h[j*n+i] = h[i*n+j]
		}
	}
	for i := range o.Variables {
		if p := o.Variables[i].prior; p != nil {
			s := o.slopes[i] / p.std
			h[i*n+i] += s * s
		}
	}
}

// Acceleration is JᵀM y″ with y″ the second derivative of the output along the
// step, from one rendering a tenth of the way.
func (o *GraphObjective) Acceleration(dst, delta []float64) {
	const h = 0.1
	x := append([]float64(nil), o.base...)
	for i := range x {
		x[i] += h * delta[i]
	}
	o.Set(x)
	o.Model.Forward()
	o.count(1)
	y := o.Model.Output
	for n, v := range y {
		linear := 0.0
		for i, column := range o.columns {
			linear += delta[i] * column[n]
		}
		o.g1[n] = o.output[n] + 2/h*((v-o.output[n])/h-linear)
	}
	grad := make([]float64, len(y))
	o.Loss.Evaluate(grad, o.g1)
	for n := range grad {
		grad[n] -= o.g0[n]
	}
	for i, column := range o.columns {
		dst[i] = method.Dot(column, grad)
	}
}

// Units is how far the unbounded coordinates go for a change that matters: a
// pitch by the width of a spectral line, other frequencies, times and levels by
// their own size, phases by a tenth of a turn.
func (o *GraphObjective) Units(dst, x []float64) {
	for i := range dst {
		v := &o.Variables[i]
		value, slope := v.Value(x[i])
		change := v.natural(value)
		if isPitch(v) {
			change = math.Min(value/4, o.Model.Plan.Rate/1024)
		}
		dst[i] = math.Min(change/math.Max(math.Abs(slope), 1e-9), 10)
	}
}

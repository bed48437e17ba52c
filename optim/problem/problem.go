// Package problem is what a search solves: the loss of a graph's output as a
// function of its learned parameters, in unbounded coordinates, and the problems
// that stand beside it: with another loss, at a lower rate, with some variables
// left out.
package problem

import (
	"fmt"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/optim/loss"
)

// Spectra is the loss of a graph without a dry signal. What lies 80 dB below the
// loudest is of the recording, dither or a converter's noise, more often than of
// the sound; it fills most bins, and would count like the rest.
const Spectra = "mrstft(512/1024/2048, hop=n/4, floor=0.0001)"

// Options says what to solve.
type Options struct {
	Run           adjoint.Options // how the graph is rendered: dry signal, rate, block, tape
	Target        [][]float64     // a slice per channel
	Loss          string          // a specification; "" is the graph's, or the one that goes with a dry signal or without
	Learn, Freeze []string        // node.param; Learn replaces what the file marks
	Skip          int             // frames at the beginning that the loss leaves out
	HeatWeight    float64         // of the heat of all nodes, added to the loss
}

// Problem is the loss of a graph's output as a function of its learned
// parameters, in unbounded coordinates.
type Problem struct {
	Model     *adjoint.Model
	Loss      loss.Loss
	Variables []Variable
	Target    []float64 // channels × frames
	Channels  int
	Dry       [][]float64
	Ratio     int // how many times lower its rate is than that of the problem it was made from by AtRate; else 0
	*Meter

	graph   *graph.Graph
	options Options
	losses  map[string]*Problem // the same with other losses; nil: too short for it
	rates   map[int]*Problem    // the same at lower rates
	ties    []tie
	slopes  []float64   // ∂v/∂u of the last point
	columns [][]float64 // of the Jacobian at base
	base    []float64
	output  []float64 // at base
	g0, g1  []float64 // gradients by the output
}

// Meter counts the evaluations of a problem and of those derived from it.
type Meter struct {
	Calls   int         // so far, towards the budget
	LowRate int         // so far, at lower rates
	Tick    func()      // called after each, when not nil
	Ended   func() bool // whether the time is over, when not nil; set by Until

	above  *Meter    // of the problem whose lower rate it is
	heat   []float64 // of the nodes of the graph, at heatAt
	heatAt []float64 // where it was measured last; empty before
}

func (m *Meter) count(n int) {
	m.Calls += n
	for m.above != nil {
		m = m.above
		m.LowRate += n
	}
	if m.Tick != nil {
		m.Tick()
	}
}

// tie is a parameter that follows a learned or held one.
type tie struct {
	param, to     *adjoint.Param
	scale, offset float64
}

// New binds a graph to a target and picks what is learned.
func New(g *graph.Graph, o Options) (*Problem, error) {
	if len(o.Target) == 0 || len(o.Target[0]) == 0 {
		return nil, fmt.Errorf("optim: the target has no frames")
	}
	run := o.Run
	run.Frames, run.Heat, run.SkipInputGrad = len(o.Target[0]), true, true
	if o.HeatWeight != 0 {
		run.HeatWeights = map[string]float64{}
		for _, n := range g.Nodes {
			run.HeatWeights[n.Name] = o.HeatWeight
		}
	}
	m, err := adjoint.NewModel(g, run)
	if err != nil {
		return nil, err
	}
	if got, want := m.Plan.Output.Channels, len(o.Target); got != want {
		plural := "s"
		if got == 1 {
			plural = ""
		}
		return nil, fmt.Errorf("the output of the graph (%s) has %d channel%s and the target has %d; bring them together with a MixNode or PanNode in the graph, or convert the target",
			m.Plan.Output.Unit.Node.Name, got, plural, want)
	}
	p := &Problem{
		Model: m, Target: slices.Concat(o.Target...), Channels: len(o.Target), Dry: run.Input, Meter: &Meter{},
		graph: g, options: o, losses: map[string]*Problem{}, rates: map[int]*Problem{},
	}
	if p.Loss, err = p.bind(o.spec(g)); err != nil {
		return nil, err
	}
	if p.Variables, err = learned(g, m, o); err != nil {
		return nil, err
	}
	p.slopes = make([]float64, len(p.Variables))
	for _, q := range m.Params {
		if q.Spec != nil && q.Spec.Setting != nil && q.Spec.Setting.Tie != nil {
			t := q.Spec.Setting.Tie
			p.ties = append(p.ties, tie{q, m.Param(t.Node, t.Param), t.Scale, t.Offset})
		}
	}
	return p, nil
}

// spec is the loss that was asked for, or the one that goes without saying.
func (o *Options) spec(g *graph.Graph) string {
	switch {
	case o.Loss != "":
		return o.Loss
	case g.Loss != "":
		return g.Loss
	case len(o.Run.Input) > 0:
		return "esr"
	}
	return Spectra
}

func (o *Problem) bind(spec string) (loss.Loss, error) {
	l, err := loss.ParseAfter(o.options.Skip, spec, o.Target, o.Channels, o.Model.Plan.Rate)
	if err == nil {
		loss.SetThreads(l, o.options.Run.Threads)
	}
	return l, err
}

// LossName names the heat beside the loss.
func (o *Problem) LossName() string {
	switch w := o.options.HeatWeight; {
	case w > 0:
		return fmt.Sprintf("%s + %v*heat", o.Loss.Name(), w)
	case w < 0:
		return fmt.Sprintf("%s - %v*heat", o.Loss.Name(), -w)
	}
	return o.Loss.Name()
}

// AnyLoss reports whether nobody asked for the loss at hand, so that another may
// take its place.
func (o *Problem) AnyLoss() bool {
	return o.options.Loss == "" && o.graph.Loss == "" && o.options.HeatWeight == 0
}

// With is the same problem with another loss.
func (o *Problem) With(l loss.Loss) *Problem {
	p := *o
	p.Loss, p.columns, p.base, p.output = l, nil, nil, nil
	p.slopes, p.losses, p.rates = make([]float64, len(p.Variables)), map[string]*Problem{}, map[int]*Problem{}
	return &p
}

// Under is the same problem with the loss of a specification, bound once; nil
// where the target is too short for it.
func (o *Problem) Under(spec string) *Problem {
	p, known := o.losses[spec]
	if !known {
		if l, err := o.bind(spec); err == nil {
			p = o.With(l)
		}
		o.losses[spec] = p
	}
	return p
}

// Without is the problem of the other variables, the ones left out staying as
// they are in the model, and where those stand in a point of o.
func (o *Problem) Without(out []bool) (*Problem, []int) {
	part := o.With(o.Loss)
	part.Variables = nil
	var at []int
	for i := range o.Variables {
		if !out[i] {
			part.Variables, at = append(part.Variables, o.Variables[i]), append(at, i)
		}
	}
	return part, at
}

// Quadratic reports whether the loss compares waveforms.
func (o *Problem) Quadratic() bool { return loss.Quadratic(o.Loss) }

// LeastSquares reports whether Gauss-Newton steps apply and their matrices fit.
func (o *Problem) LeastSquares() bool {
	return o.Quadratic() && !o.Model.HasHeatLoss() && len(o.Variables) <= 64 && len(o.Variables)*len(o.Model.Output) < 64<<20
}

// Skip is how many frames at the beginning the loss leaves out.
func (o *Problem) Skip() int { return o.options.Skip }

// Frames is the length of the target.
func (o *Problem) Frames() int { return len(o.Target) / o.Channels }

// Seconds is the length of the target.
func (o *Problem) Seconds() float64 { return float64(o.Frames()) / o.Model.Plan.Rate }

// Dim returns the number of learned numbers.
func (o *Problem) Dim() int { return len(o.Variables) }

// Start returns the point of the file's values.
func (o *Problem) Start() []float64 {
	x := make([]float64, len(o.Variables))
	for i := range x {
		x[i] = o.Variables[i].Unbounded(o.Variables[i].Start)
	}
	return x
}

// Values are those of the variables at a point.
func (o *Problem) Values(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i], _ = o.Variables[i].Value(x[i])
	}
	return out
}

// Index returns the learned number that a scalar parameter is, or the first of a
// vector; -1 for none.
func (o *Problem) Index(p *adjoint.Param) int {
	return slices.IndexFunc(o.Variables, func(v Variable) bool { return v.Param == p })
}

// Put moves a point to a value of a parameter, where that is learned.
func (o *Problem) Put(x []float64, p *adjoint.Param, value float64) {
	if i := o.Index(p); i >= 0 {
		x[i] = o.Variables[i].Inside(value)
	}
}

// Param returns the first parameter of a role that a unit has, nil for none.
func (o *Problem) Param(u *graph.Unit, r abi.Role) *adjoint.Param {
	for _, p := range u.Params {
		if p.Role == r {
			return o.Model.Param(u.Name, p.Name)
		}
	}
	return nil
}

// OnBound reports whether a learned number has run into a bound that it did not
// start at.
func (o *Problem) OnBound(x []float64) bool {
	for i := range o.Variables {
		v := &o.Variables[i]
		if value, _ := v.Value(x[i]); !v.Moved && v.AtBound(value) {
			return true
		}
	}
	return false
}

// Hold sets a parameter of the model that need not be learned, until the next Set
// where it is.
func (o *Problem) Hold(p *adjoint.Param, values ...float64) {
	copy(p.Values, values)
	_ = o.Model.Set(p, p.Values) // the shape is its own
}

// Forward returns the output at what the model was set to, valid until the next
// evaluation.
func (o *Problem) Forward() []float64 {
	o.Model.Forward()
	o.count(1)
	return o.Model.Output
}

// Set moves the model to a point.
func (o *Problem) Set(x []float64) {
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

// Until has every run end as soon as ended says so: an evaluation is then +Inf, with
// a gradient of zeros. Nil lets them all come to their end.
func (o *Problem) Until(ended func() bool) { o.Ended, o.Model.Run.Ended = ended, ended }

// Over reports whether the time is over.
func (o *Problem) Over() bool { return o.Ended != nil && o.Ended() }

// Evaluate renders, and walks back when a gradient is wanted.
func (o *Problem) Evaluate(grad, x []float64) float64 {
	return o.evaluate(grad, x, grad != nil || o.Model.HasHeatLoss())
}

// Measure is Evaluate that always integrates the heat.
func (o *Problem) Measure(grad, x []float64) float64 { return o.evaluate(grad, x, true) }

func (o *Problem) evaluate(grad, x []float64, heat bool) float64 {
	o.count(1)
	o.Set(x)
	var f float64
	o.Model.Run.IntegrateHeat(heat)
	if grad == nil {
		f = o.Model.Value(o.Loss)
	} else {
		f = o.Model.ValueGradient(o.Loss)
		o.pull(grad)
	}
	if o.Model.Run.Cut() {
		clear(grad)
		return math.Inf(1)
	}
	if heat {
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
func (o *Problem) keepHeat(x []float64) {
	o.heat, o.heatAt = o.heat[:0], append(o.heatAt[:0], x...)
	for _, n := range o.Model.Plan.Graph.Nodes {
		o.heat = append(o.heat, o.NodeHeat(n.Name))
	}
}

// NodeHeat is that of a node in the last run that integrated it, in joules.
func (o *Problem) NodeHeat(node string) float64 {
	total := 0.0
	for _, v := range o.Model.Heat[node] {
		total += v
	}
	return total
}

// Heat is that of the nodes at a point, where it is known from the last
// evaluation or may be rendered for; nil otherwise.
func (o *Problem) Heat(x []float64, render bool) []float64 {
	if !slices.Equal(x, o.heatAt) {
		if !render {
			return nil
		}
		o.Set(x)
		o.Model.Run.IntegrateHeat(true)
		o.Model.Forward()
		o.Model.Run.IntegrateHeat(false)
		if o.Model.Run.Cut() {
			return nil
		}
		o.keepHeat(x)
	}
	return slices.Clone(o.heat)
}

// pull gathers the gradient by the variables from that by the parameters.
func (o *Problem) pull(grad []float64) {
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

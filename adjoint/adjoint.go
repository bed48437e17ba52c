// Package adjoint runs graphs backward: it returns the exact gradient of a
// loss of the output with respect to every parameter, every graph input and
// every initial state.
//
// The forward run keeps a tape; the backward run walks components and blocks
// in reverse over dual rows, which hold the gradient of the loss by each frame:
//
//	forward    x[n] = y[n−R]         ──►   kernels in order
//	backward   ȳ[m] += x̄[m+R]        ◄──   adjoint kernels in reverse
//
// [Gradient] is the whole way in one call. A [Model] keeps the memory between
// calls, for optimisers; a [Stream] runs call by call, for hosts. [VJP], [JVP],
// [HVP] and [Jacobian] are products with first and second derivatives. [Check]
// compares gradients with differences.
package adjoint

import (
	"fmt"
	"math"
	"sort"

	"ampfit/arena"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

// Loss is a differentiable function of an output. Evaluate returns its value
// for x, channels × frames with the frames of a channel contiguous, and when
// grad is not nil fills it with the gradient by x.
type Loss interface {
	Evaluate(grad, x []float64) float64
}

// LossFunc makes a Loss of a function.
type LossFunc func(grad, x []float64) float64

// Evaluate calls f.
func (f LossFunc) Evaluate(grad, x []float64) float64 { return f(grad, x) }

// Options says on what a graph runs, and how.
type Options struct {
	Input   [][]float64 // dry signal, a slice per channel
	Rate    float64     // Hz; needed when the graph has none
	Frames  int         // length of the run; 0 means the input's
	Batches int         // 0 means 1
	// SkipInputGrad leaves the gradient by the input out, which is as long as
	// the input.
	SkipInputGrad bool
	// HeatWeights, by node, times joules is added to the loss; it implies Heat.
	HeatWeights map[string]float64
	run.Options
}

// plan plans a graph for the options.
func (o *Options) plan(g *graph.Graph) (*graph.Plan, error) {
	if o.Frames == 0 && len(o.Input) > 0 {
		o.Frames = len(o.Input[0])
	}
	if o.Frames <= 0 {
		return nil, fmt.Errorf("adjoint: the run has no frames; give Options.Frames or an input")
	}
	return graph.NewPlan(g, graph.Options{Rate: o.Rate, Frames: o.Frames, Batches: o.Batches, Channels: len(o.Input), Settings: o.Settings})
}

// PlanTape returns how a model of the plan would keep its tape.
func PlanTape(p *graph.Plan, o Options) (tape.Plan, error) {
	t, _, err := planTape(p, o)
	return t, err
}

func planTape(p *graph.Plan, o Options) (tape.Plan, *tape.Schedule, error) {
	total := p.Frames
	if !o.KeepLatency {
		total += p.Latency
	}
	return tape.Choose(total, run.Costs(p), o.Limits)
}

// Model is a graph ready to be evaluated and differentiated again and again.
// It owns its memory; one goroutine uses it at a time.
type Model struct {
	Plan   *graph.Plan
	Run    *run.Run
	Params []*Param
	// Output of the last evaluation, batch by batch: channels × frames.
	Output []float64
	// InputGrad is the gradient by the dry input after Backward, like Input.
	InputGrad [][]float64
	// Unsupported names the nodes that pass zeros on, being without adjoint.
	Unsupported []string
	// Heat in joules of each node after an evaluation, by batch.
	Heat map[string][]float64
	// Tape says how the tape is kept.
	Tape tape.Plan

	options  Options
	schedule *tape.Schedule
	tape     *tape.Tape
	bounds   []int64     // segment starts and the end
	skip     int64       // frames of the run before those of Output
	rendered bool        // rows and tape are of the present parameters
	rows     [][]float64 // Output by channel
	seedBuf  []float64   // gradient by Output
	seed     [][]float64 // the same by channel
}

// NewModel plans a graph and reserves its memory.
func NewModel(g *graph.Graph, o Options) (*Model, error) {
	p, err := o.plan(g)
	if err != nil {
		return nil, err
	}
	m := &Model{Plan: p, options: o, Heat: map[string][]float64{}}
	if m.Tape, m.schedule, err = planTape(p, o); err != nil {
		return nil, err
	}
	m.tape = tape.New(m.schedule)
	how := o.Options
	how.Segment, how.Heat = m.Tape.Segment, o.Heat || o.HeatWeights != nil
	m.Run = run.NewTaped(p, how)
	m.Run.Input = o.Input
	m.Run.WeighHeat(o.HeatWeights)
	if !o.KeepLatency {
		m.skip = int64(p.Latency)
	}
	total := int64(o.Frames) + m.skip
	for at := int64(0); at < total; at = m.Run.SegmentEnd(at, total) {
		m.bounds = append(m.bounds, at)
	}
	m.bounds = append(m.bounds, total)
	m.Output = make([]float64, p.Batches*p.Output.Channels*o.Frames)
	m.rows = split(m.Output, o.Frames)
	m.seedBuf = make([]float64, len(m.Output))
	m.seed = split(m.seedBuf, o.Frames)
	if !o.SkipInputGrad {
		for _, row := range o.Input {
			m.InputGrad = append(m.InputGrad, make([]float64, len(row)))
		}
	}
	m.params()
	return m, nil
}

// split cuts a buffer into rows of n.
func split(buf []float64, n int) [][]float64 {
	rows := make([][]float64, len(buf)/n)
	for i := range rows {
		rows[i] = buf[i*n : (i+1)*n : (i+1)*n]
	}
	return rows
}

// Forward renders the whole run into Output, keeping a tape. Where Run.Ended ended
// it (Run.Cut), Output means nothing.
func (m *Model) Forward() {
	m.Run.Reset()
	m.tape.Forward(system{m})
	m.Run.HeatTo(m.Heat)
	m.rendered = !m.Run.Cut()
}

// ForwardBackward renders, calls seed with the output to get the gradient of
// the loss by it (both batches × channels × frames; seed fills grad), and walks
// back. The gradients are in Params and InputGrad afterwards; they mean nothing where
// the run was cut (Run.Ended).
func (m *Model) ForwardBackward(seed func(grad, output []float64)) {
	m.Forward()
	if m.Run.Cut() {
		return
	}
	seed(m.seedBuf, m.Output)
	m.back()
	if known := len(m.Unsupported); m.refused() > known { // on the way: once more, with zeros all along
		m.unsupported()
		if m.Forward(); !m.Run.Cut() {
			m.back()
		}
	}
}

// refused counts the nodes without adjoint, as far as is known.
func (m *Model) refused() (n int) {
	for _, u := range m.Plan.Units {
		if u.Filter == nil && cuts(u) {
			n++
		}
	}
	return n
}

// back walks back from the gradient of the output.
func (m *Model) back() {
	for _, in := range m.InputGrad {
		clear(in)
	}
	m.Run.BeginBack(m.Plan.Output, m.seed, m.skip)
	m.tape.Back(system{m})
	if m.rendered = !m.Run.Cut(); m.rendered {
		m.collect()
	}
}

// system drives a model's run by the actions of a tape.
type system struct{ *Model }

func (s system) frames(k int) int { return int(s.bounds[k+1] - s.bounds[k]) }

func (s system) Advance(k int) {
	s.Run.Advance(s.frames(k))
	s.Run.CopyOut(s.rows, s.skip)
}

func (s system) Save(p *arena.Snapshot) { s.Run.Save(p) }

func (s system) Load(p *arena.Snapshot) { s.Run.Load(p) }

func (s system) Reverse(int) {
	s.Run.Back()
	s.Run.AddInputGrad(s.InputGrad)
}

// Value is the sum of the loss over the batches and of the weighted heat; +Inf of
// a run that was cut (Run.Ended).
func (m *Model) Value(l Loss) float64 {
	m.Forward()
	if m.Run.Cut() {
		return math.Inf(1)
	}
	v := 0.0
	for _, batch := range split(m.Output, m.Plan.Output.Channels*m.Plan.Frames) {
		v += l.Evaluate(nil, batch)
	}
	return v + m.heatLoss()
}

// ValueGradient is Value with the gradients.
func (m *Model) ValueGradient(l Loss) float64 {
	v := 0.0
	n := m.Plan.Output.Channels * m.Plan.Frames
	m.ForwardBackward(func(grad, output []float64) {
		for b := range m.Plan.Batches {
			v += l.Evaluate(grad[b*n:(b+1)*n], output[b*n:(b+1)*n])
		}
	})
	if m.Run.Cut() {
		return math.Inf(1)
	}
	return v + m.heatLoss()
}

// HasHeatLoss reports whether the loss contains heat.
func (m *Model) HasHeatLoss() bool { return len(m.options.HeatWeights) > 0 }

func (m *Model) heatLoss() float64 {
	v := 0.0
	for _, u := range m.Plan.Units {
		if w := m.options.HeatWeights[u.Name]; w != 0 && u.Filter == nil {
			for _, h := range m.Heat[u.Name] {
				v += w * h
			}
		}
	}
	return v
}

// Rewind goes back (or on) to an absolute frame of the run that was evaluated
// last, from 0 to its end: every state, history and heat of the graph is then
// exactly what it was before that frame. [Model.Continue] renders on from there
// with the same bits. It starts from what the tape still holds: the rows at
// hand, or the latest snapshot at or before the frame.
//
// Frames count from the start of the run: with Options.KeepLatency unset the
// first of Output is frame Plan.Latency.
func (m *Model) Rewind(frame int64) error {
	last := m.bounds[len(m.bounds)-1]
	if frame < 0 || frame > last {
		return fmt.Errorf("adjoint: frame %d is outside of the run, which has frames 0 to %d", frame, last)
	}
	if m.rendered && frame >= m.Run.Start() && frame <= m.Run.End() {
		return m.Run.Return(frame)
	}
	if !m.rendered {
		m.tape.Forget()
	}
	m.tape.Rewind(system{m}, sort.Search(len(m.bounds)-2, func(i int) bool { return m.bounds[i+1] > frame }))
	m.rendered = true
	if n := frame - m.Run.End(); n > 0 {
		m.Run.Advance(int(n))
	}
	return nil
}

// Continue renders the next frames and returns the output, a slice for each
// batch and channel. Past the end of the dry input it hears silence.
func (m *Model) Continue(frames int) [][]float64 {
	out := make([][]float64, len(m.rows))
	for i := range out {
		out[i] = make([]float64, 0, frames)
	}
	for frames > 0 {
		n := int(m.Run.SegmentEnd(m.Run.End(), m.Run.End()+int64(frames)) - m.Run.End())
		m.Run.Advance(n)
		for i, row := range m.Run.Output(m.Plan.Output) {
			out[i] = append(out[i], row...)
		}
		frames -= n
	}
	return out
}

// Result is the gradient of a loss at one point.
type Result struct {
	Value       float64
	Output      [][]float64 // batches × channels rows
	Params      []*Param
	Input       [][]float64          // gradient by the dry input
	State       map[string][]float64 // by the initial state of each node
	Heat        map[string][]float64 // joules, by batch
	Unsupported []string             // nodes without adjoint: zeros behind them
}

// Param returns the gradient of one parameter, nil when there is none.
func (r *Result) Param(node, name string) []float64 {
	for _, p := range r.Params {
		if p.Node == node && p.Name == name {
			return p.Grad
		}
	}
	return nil
}

// Gradient returns the value of a loss and its gradient by every parameter, by
// the input and by the initial states, at the parameters of the graph.
func Gradient(g *graph.Graph, l Loss, o Options) (*Result, error) {
	m, err := NewModel(g, o)
	if err != nil {
		return nil, err
	}
	r := &Result{Value: m.ValueGradient(l)}
	m.fill(r)
	return r, nil
}

// fill hands the model's results to a Result, which then owns them.
func (m *Model) fill(r *Result) {
	r.State = map[string][]float64{}
	r.Output, r.Params, r.Input, r.Heat, r.Unsupported = m.rows, m.Params, m.InputGrad, m.Heat, m.Unsupported
	for _, u := range m.Plan.Units {
		if s := m.StateGrad(u.Name); s != nil {
			r.State[u.Name] = s
		}
	}
}

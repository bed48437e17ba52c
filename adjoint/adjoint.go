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
// calls, for optimisers. [Check] compares gradients with differences.
package adjoint

import (
	"fmt"

	"ampfit/abi"
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

// Options says on what a graph runs.
type Options struct {
	Input   [][]float64 // dry signal, a slice per channel
	Rate    float64     // Hz; needed when the graph has none
	Frames  int         // length of the run; 0 means the input's
	Batches int         // 0 means 1
	Block   int         // frames per kernel call; 0 means the default
	// SkipInputGrad leaves the gradient by the input out, which is as long as
	// the input.
	SkipInputGrad bool
	// KeepLatency leaves the graph's own latency in the output. Without it
	// the output is aligned: the first Plan.Latency frames are cut off.
	KeepLatency bool
	// Heat integrates the heat of every node; HeatWeights (by node, times
	// joules) adds it to the loss and implies it.
	Heat        bool
	HeatWeights map[string]float64
	// TapeMemory is the budget of the tape in bytes; 0 is DefaultTapeMemory.
	TapeMemory int64
	// TapeMode, Segment and Slots override what the budget would choose: full,
	// segments or binomial; frames held at once; snapshots of binomial.
	TapeMode string
	Segment  int
	Slots    int
	// Schedule and Threads change how long a run takes, never its bits.
	Schedule run.Schedule
	Threads  int // 0 means 1
	// LowLatency takes the shorter oversampling filters.
	LowLatency bool
	Profile    bool // measure the time of every node: Run.Profile
	CheckReads bool // panic at a read before its frame is visible; for tests
	// Audio reads files that nodes name.
	Audio func(path string) (*abi.Audio, error)
}

// Param is a parameter of a model with its gradient.
type Param struct {
	Node, Name string
	Spec       *graph.Param // nil for thermo.heat
	Values     []float64    // Len, or batches × Len
	Grad       []float64    // the same
	// Blocked names the node without an adjoint that stands in every way to
	// the output; "" when there is a way.
	Blocked string
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
	Tape TapePlan

	options  Options
	schedule *tape.Schedule
	bounds   []int64 // segment starts and the end
	slots    [][]float64
	held     tape.Held                    // what the slots hold
	rendered bool                         // rows and slots are of the present parameters
	rows     [][]float64                  // Output by channel
	seedBuf  []float64                    // gradient by Output
	seed     [][]float64                  // the same by channel
	seedWith func(grad, output []float64) // of the evaluation at hand; nil: forward only
	channels int
	index    map[string]*run.Exec
	skip     int64
	walker   *walker
	tangent  []float64 // memory of Tangent, with the layout of the primal arena
}

// NewModel plans a graph and reserves its memory.
func NewModel(g *graph.Graph, o Options) (*Model, error) {
	if o.Frames == 0 && len(o.Input) > 0 {
		o.Frames = len(o.Input[0])
	}
	if o.Frames <= 0 {
		return nil, fmt.Errorf("adjoint: the run has no frames; give Options.Frames or an input")
	}
	p, err := graph.NewPlan(g, graph.Options{
		Rate: o.Rate, Frames: o.Frames, Batches: o.Batches, Block: o.Block, Channels: len(o.Input), Audio: o.Audio, LowLatency: o.LowLatency,
	})
	if err != nil {
		return nil, err
	}
	m := &Model{Plan: p, options: o, channels: p.Output.Channels}
	if m.Tape, m.schedule, err = planTape(p, o); err != nil {
		return nil, err
	}
	m.Run = run.New(p, run.Options{Segment: m.Tape.Segment, Tape: true, Heat: o.Heat || o.HeatWeights != nil, Schedule: o.Schedule, Threads: o.Threads, Profile: o.Profile, CheckReads: o.CheckReads})
	m.Run.Input = o.Input
	if !o.KeepLatency {
		m.skip = int64(p.Latency)
	}
	total := int64(o.Frames) + m.skip
	for at := int64(0); at < total; at = m.Run.SegmentEnd(at, total) {
		m.bounds = append(m.bounds, at)
	}
	m.bounds = append(m.bounds, total)
	for range m.schedule.Slots {
		m.slots = append(m.slots, make([]float64, m.Run.SnapshotLen()))
	}
	m.Output = make([]float64, p.Batches*m.channels*o.Frames)
	m.rows = split(m.Output, o.Frames)
	m.seedBuf = make([]float64, len(m.Output))
	m.seed = split(m.seedBuf, o.Frames)
	for _, row := range o.Input {
		if o.SkipInputGrad {
			break
		}
		m.InputGrad = append(m.InputGrad, make([]float64, len(row)))
	}
	m.Heat = map[string][]float64{}
	m.walker = newWalker(m.Run, o.HeatWeights)
	m.walker.seeds = []seed{{p.Output, m.seed, m.skip}}
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

// params lists the parameters in file order, each node's thermo.heat last.
func (m *Model) params() {
	m.index = map[string]*run.Exec{}
	blocked := m.blocked()
	for _, x := range m.Run.Execs {
		u := x.Unit
		if u.Filter != nil {
			continue
		}
		m.index[u.Name] = x
		if u.NoAdjoint {
			m.Unsupported = append(m.Unsupported, u.Name)
		}
		for _, q := range u.Params {
			m.Params = append(m.Params, &Param{
				Node: u.Name, Name: q.Name, Spec: q, Values: append([]float64(nil), q.Value...),
				Grad: make([]float64, len(q.Value)), Blocked: blocked[u],
			})
		}
		heat := &Param{Node: u.Name, Name: graph.HeatParam, Values: []float64{0}, Grad: []float64{0}}
		if s := u.Node.Setting(graph.HeatParam); s != nil && len(s.Value) > 0 {
			heat.Values = append([]float64(nil), s.Value...)
			heat.Grad = make([]float64, len(s.Value))
		}
		m.Params = append(m.Params, heat)
	}
}

// blocked finds for every unit whether its gradient reaches the output at all,
// and names a node without adjoint in the way when it does not.
func (m *Model) blocked() map[*graph.Unit]string {
	reaches := map[*graph.Unit]bool{}
	var visit func(u *graph.Unit)
	visit = func(u *graph.Unit) {
		if reaches[u] || u.NoAdjoint {
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
	visit(m.Plan.Output.Unit)
	out := map[*graph.Unit]string{}
	for _, u := range m.Plan.Units {
		if reaches[u] {
			continue
		}
		out[u] = obstacle(u, map[*graph.Unit]bool{})
	}
	return out
}

// obstacle names the first node without adjoint on the way from u.
func obstacle(u *graph.Unit, seen map[*graph.Unit]bool) string {
	if u.NoAdjoint {
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

// Set changes the values of a parameter for the next evaluation.
func (m *Model) Set(p *Param, values []float64) error {
	if err := m.Run.SetParam(p.Node, p.Name, values); err != nil {
		return err
	}
	m.rendered = false
	if len(values) != len(p.Values) {
		p.Values, p.Grad = make([]float64, len(values)), make([]float64, len(values))
	}
	copy(p.Values, values)
	return nil
}

// Forward renders the whole run into Output, keeping a tape.
func (m *Model) Forward() { m.evaluate(nil) }

// ForwardBackward renders, calls seed with the output to get the gradient of
// the loss by it (both batches × channels × frames; seed fills grad), and walks
// back. The gradients are in Params and InputGrad afterwards.
func (m *Model) ForwardBackward(seed func(grad, output []float64)) { m.evaluate(seed) }

// errNoWayBack ends a schedule after the forward run.
var errNoWayBack = fmt.Errorf("adjoint: forward only")

func (m *Model) evaluate(seedWith func(grad, output []float64)) {
	m.seedWith = seedWith
	m.held.Forget()
	m.rendered = true
	m.Run.Reset()
	if err := m.schedule.Run(m.system()); err != nil && seedWith != nil {
		panic(err) // the model's own actions cannot fail
	}
	if seedWith != nil {
		m.collect()
	}
}

// Value is the sum of the loss over the batches and of the weighted heat.
func (m *Model) Value(l Loss) float64 {
	m.Forward()
	v := 0.0
	for _, batch := range split(m.Output, m.channels*m.options.Frames) {
		v += l.Evaluate(nil, batch)
	}
	return v + m.heatLoss()
}

// ValueGradient is Value with the gradients.
func (m *Model) ValueGradient(l Loss) float64 {
	v := 0.0
	n := m.channels * m.options.Frames
	m.ForwardBackward(func(grad, output []float64) {
		for b := range m.Plan.Batches {
			v += l.Evaluate(grad[b*n:(b+1)*n], output[b*n:(b+1)*n])
		}
	})
	return v + m.heatLoss()
}

// HasHeatLoss reports whether the loss contains heat.
func (m *Model) HasHeatLoss() bool { return len(m.options.HeatWeights) > 0 }

func (m *Model) heatLoss() float64 {
	v := 0.0
	for _, x := range m.Run.Execs {
		if w := m.options.HeatWeights[x.Unit.Name]; w != 0 && x.Unit.Filter == nil {
			for _, h := range m.Heat[x.Unit.Name] {
				v += w * h
			}
		}
	}
	return v
}

// collect sums the gradients of the lanes into those of the parameters.
func (m *Model) collect() {
	dual := m.Run.Mem.Dual
	for _, p := range m.Params {
		clear(p.Grad)
		if p.Spec == nil {
			w := m.options.HeatWeights[p.Node]
			for b := range m.Plan.Batches {
				p.Grad[min(b, len(p.Grad)-1)] += w
			}
			continue
		}
		m.sumLanes(p.Grad, p, dual)
	}
}

// sumLanes adds what a memory of the dual layout holds for each lane of a
// parameter.
func (m *Model) sumLanes(dst []float64, p *Param, dual []float64) {
	x, k, n := m.index[p.Node], p.Spec.Index, p.Spec.Len
	perBatch := x.Unit.Lanes / m.Plan.Batches
	for lane := range x.Unit.Lanes {
		at := 0
		if len(dst) > n {
			at = lane / perBatch * n
		}
		for i := range n {
			dst[at+i] += dual[x.Param[k]+lane*n+i]
		}
	}
}

// StateGrad returns the gradient by the initial states of a node, lanes ×
// states, after a backward run; nil when the node has none.
func (m *Model) StateGrad(node string) []float64 {
	x := m.index[node]
	if x == nil || x.StateLen == 0 {
		return nil
	}
	return append([]float64(nil), m.Run.Mem.Dual[x.State:x.State+x.StateLen]...)
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
	for node := range m.index {
		if s := m.StateGrad(node); s != nil {
			r.State[node] = s
		}
	}
}

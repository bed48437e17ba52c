package method

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/optimize"
)

func init() {
	Register(Entry{Name: "lbfgs", Doc: "L-BFGS: curvature from past gradients; fast on smooth losses.", Run: gonum(func() optimize.Method { return &optimize.LBFGS{} })})
	Register(Entry{Name: "bfgs", Doc: "BFGS: a full curvature estimate, for up to some hundred parameters.", Run: gonum(func() optimize.Method { return &optimize.BFGS{} })})
	Register(Entry{Name: "cg", Doc: "Nonlinear conjugate gradients.", Run: gonum(func() optimize.Method { return &optimize.CG{} })})
	Register(Entry{Name: "neldermead", Doc: "Nelder-Mead simplex: uses no gradient; for few parameters and rough losses.", Run: gonum(func() optimize.Method { return &optimize.NelderMead{} })})
}

// gonum adapts a method of gonum/optimize: values and gradients come from one
// evaluation, the best point is kept, and a panic of the objective comes back
// on the caller's goroutine.
func gonum(make func() optimize.Method) Method {
	return func(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
		steps := s.Steps
		if steps == 0 {
			steps = 300
		}
		m := &memo{o: o, low: NewBest()}
		watch := &watcher{ctx: ctx, report: s.Report}
		problem := optimize.Problem{Func: m.value, Grad: m.gradient}
		_, err := optimize.Minimize(problem, slices.Clone(x), &optimize.Settings{
			MajorIterations: steps,
			FuncEvaluations: 50 * steps, // a line search on a cliff never ends
			Converger:       &optimize.FunctionConverge{Absolute: 0, Relative: 1e-9, Iterations: 20},
			Recorder:        watch,
		}, make())
		if m.panicked != nil {
			panic(m.panicked)
		}
		if m.low.X != nil && m.low.F <= m.first {
			copy(x, m.low.X)
		}
		if watch.err != nil {
			return m.low.F, watch.err
		}
		_ = err // a line search that cannot go on is the end of the descent, not a failure
		return m.low.F, nil
	}
}

// memo evaluates value and gradient together and remembers the last point.
type memo struct {
	o        Objective
	x, g     []float64
	f, first float64
	hasGrad  bool
	started  bool
	low      *Best
	panicked any
}

func (m *memo) at(x []float64, grad bool) {
	if m.panicked != nil {
		return
	}
	if m.x != nil && slices.Equal(m.x, x) && (m.hasGrad || !grad) {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			m.panicked = fmt.Sprint(r)
			m.f = math.NaN()
		}
	}()
	if m.g == nil {
		m.g = make([]float64, len(x))
	}
	m.x = append(m.x[:0], x...)
	// Line searches want both at nearly every point: one pass gives both.
	m.f, m.hasGrad = m.o.Evaluate(m.g, x), true
	if math.IsNaN(m.f) {
		m.f = math.Inf(1) // no comparison with NaN holds, and line searches wait for one
	}
	if !m.started {
		m.first, m.started = m.f, true
	}
	m.low.See(x, m.f)
}

func (m *memo) value(x []float64) float64 {
	m.at(x, false)
	return m.f
}

func (m *memo) gradient(grad, x []float64) {
	m.at(x, true)
	copy(grad, m.g)
}

// watcher reports each accepted step and ends the run when asked to.
type watcher struct {
	ctx    context.Context
	report func(Point) error
	step   int
	err    error
}

func (w *watcher) Init() error { return nil }

func (w *watcher) Record(l *optimize.Location, op optimize.Operation, _ *optimize.Stats) error {
	if w.err = w.ctx.Err(); w.err != nil {
		return w.err
	}
	if op != optimize.MajorIteration || w.report == nil { // the first one is the start
		return nil
	}
	p := Point{Step: w.step, Value: l.F, X: slices.Clone(l.X), GradNorm: math.NaN()}
	if l.Gradient != nil {
		p.GradNorm = Norm(l.Gradient)
	}
	w.step++
	w.err = w.report(p)
	return w.err
}

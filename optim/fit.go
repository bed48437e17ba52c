// Package optim learns the parameters of a graph: [Fit] ties a problem to a graph,
// a target and a loss, and searches it.
//
//	graph, target ──► problem ──► search, a table of stages ──► fitted values
//	                  value,      proposals, methods            with error bars
//	                  gradient
//
// What is said here of a fit is done below: problem (variables and loss of a
// graph), method (optimisers), analysis (what recordings say), search (stages),
// loss.
package optim

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim/method"
	"ampfit/optim/problem"
	"ampfit/optim/search"
)

// FitOptions says what to learn and how.
type FitOptions struct {
	Target [][]float64 // a slice per channel
	Input  [][]float64 // dry signal; nil for a graph without InputNode
	Rate   float64     // of the target, Hz

	Loss      string // a loss spec; "" is the graph's, or esr with an input and, without, mrstft that hears 80 dB
	Optimizer string // "" is auto
	Steps     int
	LR        float64
	Seed      uint64
	Learn     []string // node.param; replaces what the file marks
	Freeze    []string
	// Restarts is how many seeded random starts are tried beside the graph's own
	// values; the best is kept, and Starts of the result lists all.
	Restarts int
	// Resume goes on from where an earlier fit ended; nil begins at the graph's values.
	Resume *Resumed
	// Align shifts the dry signal by the whole frames that the target lags the
	// output at the start. It needs an input.
	Align bool
	// Skip leaves so many frames at the beginning out of the loss, and of what is said of
	// the result. The graph still runs over them.
	Skip int
	// HeatWeight adds the heat of all nodes, in joules, times this to the loss.
	HeatWeight float64

	run.Options // how the graph runs; Heat is set
	Progress    func(Progress)
	// Ready is called once with what is known before the first step: notes,
	// learned parameters that no gradient reaches. An error ends the fit.
	Ready func(*FitResult) error

	aligned *Alignment // of a fit that was aligned before
}

// Progress is what a fit reports after each step, and now and then between.
type Progress struct {
	Step       int
	Loss, Best float64
	Seconds    float64
	Fraction   float64 // of the work, estimated; 1 at the end
	Searching  bool    // between steps: looking for better starts
	Stage      string  // of the search that is running; "" for other optimisers
}

// Methods lists the optimisers by name with a sentence each.
func Methods() [][2]string {
	var out [][2]string
	for _, m := range method.All() {
		out = append(out, [2]string{m.Name, m.Doc})
	}
	return out
}

// Fit learns the parameters of a graph so that its output matches the target.
// When the context ends, the best so far is returned with Interrupted set (or
// TimedOut, for a deadline), at once: what would still take time, such as error
// bars, is left out with a note.
func Fit(ctx context.Context, g *graph.Graph, o FitOptions) (*FitResult, error) {
	began := time.Now()
	f, err := newFit(g, o)
	if err == nil && o.Align {
		if o, err = f.align(); err == nil {
			f, err = newFit(g, o)
		}
	}
	if err != nil {
		return nil, err
	}
	r := f.result
	f.began = began
	if r.Align = o.aligned; r.Align != nil {
		r.Notes = append(r.Notes, r.Align.String())
	}
	if o.Resume != nil {
		if err := f.resume(); err != nil {
			return nil, err
		}
	}
	m, err := method.Lookup(r.Optimizer)
	if err != nil {
		return nil, err
	}
	if m.Curved && !f.problem.Quadratic() {
		return nil, fmt.Errorf("the optimizer %s needs a quadratic loss (esr, mse and their sums), not %s; use lbfgs or adam", m.Name, r.LossName)
	}
	if o.Ready != nil {
		if err := o.Ready(r); err != nil {
			return nil, err
		}
	}
	x := f.problem.Start()
	if r.Initial = f.problem.Evaluate(nil, x); math.IsInf(r.Initial, 1) {
		if node := f.problem.Model.Run.Broken(); node != "" {
			return nil, fmt.Errorf("the loss %s is not a number at the start: %s; turn down gains or feedback there", r.LossName, node)
		}
		return nil, fmt.Errorf("the loss %s is not a number at the start; check the target and the parameters", r.LossName)
	}
	r.Start = f.output()
	low := r.Initial
	if o.Resume != nil {
		low = f.resumeAt(x)
		if err := f.another(low); err != nil {
			return nil, err
		}
	}
	f.watch(ctx)
	x, note, err := f.search(ctx, m, x, low)
	f.problem.Tick = nil
	if err == nil {
		err = ctx.Err() // a method may have seen nothing of it but evaluations that were cut
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.TimedOut = true
	case errors.Is(err, context.Canceled):
		r.Interrupted = true
	case err != nil:
		return nil, err
	}
	f.finish(ctx, x)
	if note != "" {
		r.Notes = append(r.Notes, note)
	}
	r.Seconds = f.seconds()
	return r, nil
}

// Plan says of each stage of the optimiser auto, in order, whether it would have
// anything to do in such a fit, and why. Nothing is evaluated.
func Plan(g *graph.Graph, o FitOptions) ([]FitStage, error) {
	f, err := newFit(g, o)
	if err != nil {
		return nil, err
	}
	return search.Plan(f.problem, f.free()), nil
}

// search descends from x, whose loss is low, and returns the best point. Where
// the stages lead from a waveform that is lost to its spectra, it descends on
// those from the start, and keeps to them, with a note, where they come out
// better.
func (f *fit) search(ctx context.Context, m method.Entry, x []float64, low float64) ([]float64, string, error) {
	s := search.New(f.problem, f.free())
	s.Tell = func(stage string) { f.stage = stage }
	run := func(ctx context.Context, x []float64, value float64, set method.Settings) (float64, error) {
		if m.Name == "auto" {
			return s.Run(ctx, x, value, set)
		}
		return m.Run(ctx, f.problem, x, set)
	}
	value, err := f.descend(ctx, run, x, low)
	if m.Name != "auto" {
		return x, "", err
	}
	defer func() { f.result.Stages = s.Records }()
	if err != nil {
		return x, "", err
	}
	again, err := s.Finally(ctx, x, value)
	if err != nil || !again {
		return x, "", err
	}
	waveform, r := *f, *f.result
	f.problem = s.Problem
	f.result.LossName, f.result.History, f.result.Starts, f.result.Steps, f.offset = f.problem.LossName(), nil, nil, 0, 0
	f.result.Notes = slices.Clone(r.Notes[:f.notes])
	p := f.problem.Start()
	if f.result.Initial = f.problem.Evaluate(nil, p); !math.IsInf(f.result.Initial, 1) {
		if low, err := f.descend(ctx, run, p, f.result.Initial); s.Better(low) {
			return p, fmt.Sprintf("esr, the default with a dry signal, stayed at %.3g: this graph cannot follow the target's waveform, so its spectra were fitted (mrstft); --loss esr keeps to the waveform", value), err
		} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			*f, *f.result = waveform, r
			return x, "", err
		}
	}
	*f, *f.result = waveform, r
	return x, "", nil
}

// free reports whether spectra may be fitted where the waveform is lost: nobody
// asked for a loss, nor for an optimiser that knows no other.
func (f *fit) free() bool {
	return f.problem.AnyLoss() && len(f.options.Input) > 0 && f.result.Optimizer == "auto"
}

// watch has evaluations tell of the search, and of the end of the context.
func (f *fit) watch(ctx context.Context) {
	last := time.Now()
	f.problem.Tick = func() {
		if time.Since(last) > 200*time.Millisecond {
			last = time.Now()
			f.tell(f.result.Steps, f.best, true)
		}
	}
	f.problem.Until(func() bool { return ctx.Err() != nil })
}

// took is a step of a descent.
func (f *fit) took(p method.Point) error {
	if f.problem.Over() {
		return nil // the method looks at its context; its value may be that of a run that was cut
	}
	f.best, f.low = math.Min(f.best, p.Value), math.Min(f.low, p.Value)
	f.steps = p.Step
	p.Step += f.offset
	f.record(p, f.best, f.seconds())
	f.tell(p.Step, p.Value, false)
	return nil
}

func (f *fit) tell(step int, value float64, searching bool) {
	if f.options.Progress != nil {
		f.options.Progress(Progress{Step: step, Loss: value, Best: f.best, Seconds: f.seconds(), Fraction: f.fraction(step), Searching: searching, Stage: f.stage})
	}
}

func (f *fit) seconds() float64 { return f.before + time.Since(f.began).Seconds() }

// fraction estimates how much of the work is done.
func (f *fit) fraction(step int) float64 {
	part, total := 0.0, float64(f.options.Steps)
	switch {
	case f.result.Optimizer == "auto":
		part = search.Done(f.problem, f.result.Initial, f.low)
	case total == 0 && f.result.Optimizer == "adam":
		part = float64(step) / 1000
	case total == 0:
		part = float64(step) / 100
	default:
		part = float64(step) / total
	}
	return math.Min(0.99, (float64(f.start)+math.Min(part, 1))/float64(f.options.Restarts+1))
}

type fit struct {
	stage   string // of the search that is running
	graph   *graph.Graph
	options FitOptions
	problem *problem.Problem
	result  *FitResult
	idle    []bool  // variables without any effect
	notes   int     // of the result, before the search
	steps   int     // of the descent at hand
	offset  int     // of its steps among those of the fit
	start   int     // which of the restarts it is
	low     float64 // of the descent at hand
	best    float64 // of the fit
	began   time.Time
	before  float64 // seconds that an earlier fit took
}

func newFit(g *graph.Graph, o FitOptions) (*fit, error) {
	p, err := problem.New(g, problem.Options{
		Run:    adjoint.Options{Input: o.Input, Rate: o.Rate, Options: o.Options},
		Target: o.Target, Loss: o.Loss, Learn: o.Learn, Freeze: o.Freeze, Skip: o.Skip, HeatWeight: o.HeatWeight,
	})
	if err != nil {
		return nil, err
	}
	f := &fit{graph: g, options: o, problem: p}
	f.result = &FitResult{
		Input: o.Input, Target: o.Target, Plan: p.Model.Plan, Tape: p.Model.Tape, LossName: p.LossName(),
		Optimizer: cmp.Or(o.Optimizer, "auto"), Seed: o.Seed, Unsupported: p.Model.Unsupported,
	}
	for _, n := range g.Nodes {
		f.result.HeatNodes = append(f.result.HeatNodes, n.Name)
	}
	f.noteStart()
	return f, nil
}

// noteStart says what the user should know before the first step.
func (f *fit) noteStart() {
	r := f.result
	r.Notes = append(r.Notes, f.graph.Notes...)
	marked := len(f.options.Learn) > 0
	cut := map[string]bool{}
	for _, v := range f.problem.Variables {
		r.Variables = append(r.Variables, v.Name())
		marked = marked || problem.Marked(v.Param)
		if v.Param.Blocked != "" {
			name := v.Param.Node + "." + v.Param.Name
			if !cut[name] {
				cut[name] = true
				r.Cut = append(r.Cut, fmt.Sprintf("%s (behind %s, which has no adjoint)", name, v.Param.Blocked))
			}
		}
		if v.Moved {
			r.Notes = append(r.Notes, fmt.Sprintf("%s started on a bound or beyond it, and was moved inside, to %.6g", v.Name(), v.Start))
		}
	}
	if !marked {
		note := "no parameter is marked \"learn\": true, so every differentiable parameter is learned"
		if held := f.heldByType(); len(held) > 0 {
			note += ", but not " + list(held) + ", which few sounds need: --learn or \"learn\": true has them learned"
		}
		r.Notes = append(r.Notes, note)
	}
	if peak := f.peak(); peak > 0 && peak < faint {
		r.Notes = append(r.Notes, fmt.Sprintf("the target's peak is %.2g of full scale: losses follow that, ranges of levels and amplitudes do not; give those that are learned a \"max\" near it, or scale the recordings", peak))
	}
	if len(f.options.Input) > 0 && !slices.ContainsFunc(f.options.Input, audible) {
		r.Notes = append(r.Notes, "the dry signal is silent over the length of the target: nothing can be learned of what it passes through; check -i")
	}
	for _, name := range r.Unsupported {
		hint := ""
		if n := f.problem.Model.Plan.Graph.Node(name); n != nil && n.FirstOnly {
			hint = "; set \"supports_v2\": true if its library has one"
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s has no adjoint: gradients behind it are zero%s", name, hint))
	}
	for _, c := range r.Cut {
		r.Notes = append(r.Notes, "no gradient reaches "+c)
	}
}

// faint is the peak below which a target is hardly a sound at full scale, but one in
// another unit.
const faint = 1e-5

// peak is the target's.
func (f *fit) peak() float64 {
	peak := 0.0
	for _, v := range f.problem.Target {
		peak = math.Max(peak, math.Abs(v))
	}
	return peak
}

// audible reports whether a row is not all zero.
func audible(row []float64) bool {
	return slices.ContainsFunc(row, func(v float64) bool { return v != 0 })
}

func (f *fit) output() [][]float64 {
	rows := make([][]float64, f.problem.Model.Plan.Output.Channels)
	n := f.problem.Model.Plan.Frames
	for i := range rows {
		rows[i] = slices.Clone(f.problem.Model.Output[i*n : (i+1)*n])
	}
	return rows
}

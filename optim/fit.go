package optim

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/suggest"
	"ampfit/optim/loss"
)

// defaultSpectra is the loss of a graph without a dry signal. What lies 80 dB
// below the loudest is of the recording, dither or a converter's noise, more
// often than of the sound; it fills most bins, and would count like the rest.
const defaultSpectra = "mrstft(512/1024/2048, hop=n/4, floor=0.0001)"

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
	// HeatWeight adds the heat of all nodes, in joules, times this to the loss.
	HeatWeight float64

	run.Options // Heat is set
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
}

// Fit learns the parameters of a graph so that its output matches the target.
// When the context ends, the best so far is returned with Interrupted set (or
// TimedOut, for a deadline).
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
	if r.Align = o.aligned; r.Align != nil {
		r.Notes = append(r.Notes, r.Align.String())
	}
	x := f.objective.Start()
	if o.Resume != nil {
		if err := f.resume(); err != nil {
			return nil, err
		}
	}
	m, err := lookup(r.Optimizer)
	if err != nil {
		return nil, err
	}
	if m.curved && !loss.Quadratic(f.objective.Loss) {
		return nil, fmt.Errorf("the optimizer %s needs a quadratic loss (esr, mse and their sums), not %s; use lbfgs or adam", m.name, r.LossName)
	}
	if o.Ready != nil {
		if err := o.Ready(r); err != nil {
			return nil, err
		}
	}
	r.Initial = f.objective.Evaluate(nil, x)
	if math.IsInf(r.Initial, 1) {
		if node := f.model.Run.Broken(); node != "" {
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
	f.low = low
	seconds := func() float64 { return f.before + time.Since(began).Seconds() }
	tell := func(step int, value float64, searching bool) {
		if o.Progress != nil {
			o.Progress(Progress{
				Step: step, Loss: value, Best: low, Seconds: seconds(),
				Fraction: f.fraction(step, m.name), Searching: searching,
			})
		}
	}
	last := time.Now()
	f.objective.tick = func() {
		if time.Since(last) > 200*time.Millisecond {
			last = time.Now()
			tell(r.Steps, low, true)
		}
	}
	f.objective.ended = func() bool { return ctx.Err() != nil }
	err = f.descend(ctx, m, x, Settings{
		Steps: o.Steps, LR: o.LR, Seed: o.Seed,
		Report: func(p Point) error {
			low = math.Min(low, p.Value)
			f.steps, f.low = p.Step, math.Min(f.low, p.Value)
			p.Step += f.offset
			f.record(p, low, seconds())
			tell(p.Step, p.Value, false)
			return nil
		},
	})
	f.objective.ended = nil // error bars come after the end
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		r.TimedOut = true
	case errors.Is(err, context.Canceled):
		r.Interrupted = true
	case err != nil:
		return nil, err
	}
	if err == nil {
		if s, ok := f.spectra(ctx, g, o, x); ok {
			s.Seconds = seconds()
			return s, nil
		}
	}
	f.finish(x)
	r.Seconds = seconds()
	return r, nil
}

// fraction estimates how much of the work is done. A search ends when its budget
// is used up, or when the loss is as low as it asks for: whichever is nearer,
// the latter counted in powers of ten.
func (f *fit) fraction(step int, method string) float64 {
	part, total := 0.0, float64(f.options.Steps)
	switch {
	case method == "auto":
		done := spectralDone
		if f.objective.leastSquares() {
			done = waveformDone
		}
		part = float64(f.objective.Calls) / float64(f.objective.Budget())
		if first := f.result.Initial; f.low < first && done < first {
			part = math.Max(part, math.Log(first/math.Max(f.low, done))/math.Log(first/done))
		}
	case total == 0 && method == "adam":
		part = float64(step) / 1000
	case total == 0:
		part = float64(step) / 100
	default:
		part = float64(step) / total
	}
	return math.Min(0.99, (float64(f.start)+math.Min(part, 1))/float64(f.options.Restarts+1))
}

type fit struct {
	graph     *graph.Graph
	options   FitOptions
	model     *adjoint.Model
	objective *GraphObjective
	result    *FitResult
	steps     int     // of the descent at hand
	offset    int     // of its steps among those of the fit
	start     int     // which of the restarts it is
	low       float64 // of the descent at hand
	before    float64 // seconds that an earlier fit took
}

func newFit(g *graph.Graph, o FitOptions) (*fit, error) {
	if len(o.Target) == 0 || len(o.Target[0]) == 0 {
		return nil, fmt.Errorf("optim: the target has no frames")
	}
	f := &fit{graph: g, options: o}
	frames := len(o.Target[0])
	var weights map[string]float64
	if o.HeatWeight != 0 {
		weights = map[string]float64{}
		for _, n := range g.Nodes {
			weights[n.Name] = o.HeatWeight
		}
	}
	how := o.Options
	how.Heat = true
	m, err := adjoint.NewModel(g, adjoint.Options{Input: o.Input, Rate: o.Rate, Frames: frames, SkipInputGrad: true, HeatWeights: weights, Options: how})
	if err != nil {
		return nil, err
	}
	f.model = m
	if got, want := m.Plan.Output.Channels, len(o.Target); got != want {
		plural := "s"
		if got == 1 {
			plural = ""
		}
		return nil, fmt.Errorf("the output of the graph (%s) has %d channel%s and the target has %d; bring them together with a MixNode or PanNode in the graph, or convert the target",
			m.Plan.Output.Unit.Node.Name, got, plural, want)
	}
	spec := orElse(o.Loss, g.Loss)
	if spec == "" {
		spec = defaultSpectra
		if len(o.Input) > 0 {
			spec = "esr"
		}
	}
	l, err := loss.Parse(spec, slices.Concat(o.Target...), len(o.Target), o.Rate)
	if err != nil {
		return nil, err
	}
	vars, err := f.variables()
	if err != nil {
		return nil, err
	}
	loss.SetThreads(l, o.Threads)
	f.objective = newGraphObjective(m, l, vars)
	f.objective.target, f.objective.channels, f.objective.threads = slices.Concat(o.Target...), len(o.Target), o.Threads
	f.objective.dry, f.objective.coarser = o.Input, f.coarser
	f.objective.spectral = o.Loss == "" && g.Loss == "" && len(o.Input) > 0 && orElse(o.Optimizer, "auto") == "auto" && o.HeatWeight == 0
	f.result = &FitResult{
		Input: o.Input, Target: o.Target,
		Plan: m.Plan, Tape: m.Tape, LossName: lossName(l, o.HeatWeight), Optimizer: orElse(o.Optimizer, "auto"), Seed: o.Seed, Unsupported: m.Unsupported,
	}
	for _, n := range g.Nodes {
		f.result.HeatNodes = append(f.result.HeatNodes, n.Name)
	}
	f.notes(vars)
	return f, nil
}

// lossName names the heat beside the loss.
func lossName(l loss.Loss, heat float64) string {
	switch {
	case heat > 0:
		return fmt.Sprintf("%s + %v*heat", l.Name(), heat)
	case heat < 0:
		return fmt.Sprintf("%s - %v*heat", l.Name(), -heat)
	}
	return l.Name()
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// variables picks what is learned: the flags, else what the file marks, else
// everything differentiable but heat.
func (f *fit) variables() ([]Variable, error) {
	var names []string
	marked := false
	for _, p := range f.model.Params {
		names = append(names, p.Node+"."+p.Name)
		marked = marked || learnMark(p)
	}
	for _, list := range [][]string{f.options.Learn, f.options.Freeze} {
		for _, name := range list {
			if !slices.Contains(names, name) {
				return nil, unknownParam(f.graph, name, names)
			}
		}
	}
	var vars []Variable
	for _, p := range f.model.Params {
		name := p.Node + "." + p.Name
		learn := p.Spec != nil && !p.Spec.NoGradient
		switch {
		case len(f.options.Learn) > 0:
			asked := slices.Contains(f.options.Learn, name)
			if asked && !learn {
				return nil, fmt.Errorf("%s cannot be learned: it has no gradient", name)
			}
			learn = asked
		case marked:
			learn = learn && learnMark(p)
		case learn && p.Spec.Setting != nil && p.Spec.Setting.Held:
			learn = false
		}
		if !learn || slices.Contains(f.options.Freeze, name) || p.Spec.Setting != nil && p.Spec.Setting.Tie != nil {
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
		return nil, fmt.Errorf("%s: there is nothing to learn: no parameter is left after \"learn\": false, --learn and --freeze, or the nodes have none", orElse(f.graph.Path, "graph"))
	}
	return vars, nil
}

func learnMark(p *adjoint.Param) bool {
	return p.Spec != nil && p.Spec.Setting != nil && p.Spec.Setting.Learn
}

func unknownParam(g *graph.Graph, name string, names []string) error {
	if near := suggest.Nearest(name, names); near != "" {
		return fmt.Errorf("%s: there is no parameter %q; did you mean %q?", orElse(g.Path, "graph"), name, near)
	}
	return fmt.Errorf("%s: there is no parameter %q; parameters are named node.param, for example %s", orElse(g.Path, "graph"), name, names[0])
}

// notes says what the user should know before the first step.
func (f *fit) notes(vars []Variable) {
	r := f.result
	marked := len(f.options.Learn) > 0
	cut := map[string]bool{}
	for _, v := range vars {
		r.Variables = append(r.Variables, v.Name())
		marked = marked || learnMark(v.Param)
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
		r.Notes = append(r.Notes, "no parameter is marked \"learn\": true, so every differentiable parameter is learned")
	}
	if len(f.options.Input) > 0 && !slices.ContainsFunc(f.options.Input, sounds) {
		r.Notes = append(r.Notes, "the dry signal is silent over the length of the target: nothing can be learned of what it passes through; check -i")
	}
	for _, name := range r.Unsupported {
		hint := ""
		if n := f.model.Plan.Graph.Node(name); n != nil && n.FirstOnly {
			hint = "; set \"supports_v2\": true if its library has one"
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s has no adjoint: gradients behind it are zero%s", name, hint))
	}
	for _, c := range r.Cut {
		r.Notes = append(r.Notes, "no gradient reaches "+c)
	}
}

// sounds reports whether a row is not all zero.
func sounds(row []float64) bool {
	return slices.ContainsFunc(row, func(v float64) bool { return v != 0 })
}

func (f *fit) output() [][]float64 {
	rows := make([][]float64, f.model.Plan.Output.Channels)
	n := f.model.Plan.Frames
	for i := range rows {
		rows[i] = slices.Clone(f.model.Output[i*n : (i+1)*n])
	}
	return rows
}

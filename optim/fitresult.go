package optim

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim/method"
	"ampfit/optim/search"
	"ampfit/tape"
)

// Step is one line of the history of a fit.
type Step struct {
	Step     int
	Loss     float64
	Best     float64
	GradNorm float64
	Seconds  float64
	Heat     []float64 // of FitResult.HeatNodes, joules
	Values   []float64 // of FitResult.Variables
}

// FitStage says of a stage of the search whether it ran and why, what it cost and
// what it gained.
type FitStage = search.Record

// FitParam is a parameter of the result.
type FitParam struct {
	Node, Name, Unit string
	Initial, Value   []float64
	StdErr           []float64 // NaN while unknown
	Min, Max         float64
	Learned          bool
	Notes            []string // "at its bound", "not identified"
	Path             *graph.Param
}

// FitResult is the outcome of a fit.
type FitResult struct {
	Plan           *graph.Plan
	Tape           tape.Plan
	Profile        string            // table of times, when asked for
	Nodes          []run.NodeMetrics // of the last evaluation; times only when a profile was asked for
	LossName       string
	Optimizer      string
	Initial, Final float64
	Params         []FitParam
	Variables      []string // names of the learned numbers
	History        []Step
	HeatNodes      []string
	Heat           map[string]float64 // joules at the fitted values
	Output         [][]float64        // a row per channel
	Start          [][]float64        // output at the start
	Input, Target  [][]float64        // as compared: those of the options, shifted by Align
	Align          *Alignment         // nil without Align
	Starts         []FitStart         // of a fit with restarts
	Stages         []FitStage         // of the optimiser auto
	Verdict        *Verdict
	Unsupported    []string
	Cut            []string // learned parameters without gradient, with the reason
	Notes          []string
	Clamped        int64
	Interrupted    bool
	TimedOut       bool
	Seconds        float64
	Steps          int
	Seed           uint64
}

// Values returns the fitted values of the learned parameters and of those tied
// to them, by node and parameter.
func (r *FitResult) Values() map[string]map[string][]float64 {
	out := map[string]map[string][]float64{}
	for _, p := range r.Params {
		tied := p.Path.Setting != nil && p.Path.Setting.Tie != nil
		if !p.Learned && !tied {
			continue
		}
		if out[p.Node] == nil {
			out[p.Node] = map[string][]float64{}
		}
		out[p.Node][p.Name] = p.Value
	}
	return out
}

func (f *fit) record(p method.Point, low, seconds float64) {
	s := Step{Step: p.Step, Loss: p.Value, Best: low, GradNorm: p.GradNorm, Seconds: seconds, Values: f.problem.Values(p.X)}
	// Evaluations without a gradient measure no heat, nor do those at a lower rate:
	// then it is rendered for now and then, and else not known, which is not 0.
	n := len(f.result.History)
	if s.Heat = f.problem.Heat(p.X, n < heatSteps || n%heatSteps == 0); s.Heat == nil {
		s.Heat = slices.Repeat([]float64{math.NaN()}, len(f.result.HeatNodes))
	}
	f.result.History = append(f.result.History, s)
	f.result.Steps = p.Step
}

// heatSteps is how often heat is measured where no evaluation has done it; the
// first steps always are.
const heatSteps = 10

// profileEntries is how many points a report draws of heat and adjoint energy.
const profileEntries = 60

// finish renders the best point and fills in the result.
func (f *fit) finish(ctx context.Context, x []float64) {
	r, m := f.result, f.problem.Model
	f.idle = f.leaveIdle(x)
	stdErr, loose, late := f.errorBars(ctx, x)
	if !f.options.Profile {
		m.Run.ProfileEvery(max(float64(m.Plan.Frames)/m.Plan.Rate/profileEntries, 1e-3))
	}
	if r.Final = f.problem.Measure(make([]float64, len(x)), x); m.Run.Cut() { // one rendering is due, a way back is not
		f.problem.Until(nil)
		r.Final = f.problem.Measure(nil, x)
	}
	f.problem.Until(nil)
	r.Nodes = m.Run.Metrics()
	r.Output = f.output()
	r.Clamped = m.Run.Clamped()
	if !f.options.Profile {
		for i := range r.Nodes { // of one evaluation: no measurement
			r.Nodes[i].Forward, r.Nodes[i].Backward = 0, 0
		}
	} else {
		r.Profile = m.Run.Profile()
	}
	r.Heat = map[string]float64{}
	for _, n := range r.HeatNodes {
		r.Heat[n] = f.problem.NodeHeat(n)
	}
	if len(r.History) == 0 || r.History[len(r.History)-1].Loss != r.Final {
		f.record(method.Point{Step: r.Steps + 1, Value: r.Final, GradNorm: math.NaN(), X: x}, r.Final, math.NaN())
		if n := len(r.History); n > 1 {
			r.History[n-1].Seconds = r.History[n-2].Seconds
		} else {
			r.History[0].Seconds = 0
		}
	}
	if names := f.named(func(i int) bool { return f.idle[i] }); len(names) > 0 {
		r.Notes = append(r.Notes, list(names)+" had no effect on this sound, at the start nor at the end, and stayed as they were; hold them with \"learn\": false")
	}
	apart := f.disagree(stdErr)
	f.withhold(ctx, stdErr, late)
	f.fillParams(stdErr, loose, apart)
	r.Unsupported = m.Unsupported // some turn out on the way
	r.Notes = append(r.Notes, m.Run.Unconverged()...)
	if late := f.lateness(); late != "" {
		r.Notes = append(r.Notes, late)
	}
	r.Verdict = f.judge(ctx)
	if r.Clamped > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("modulation left the range of a parameter at %d frames and was clamped there", r.Clamped))
	}
	for _, p := range r.Params {
		for _, n := range p.Notes {
			if strings.HasPrefix(n, "not identified") {
				r.Notes = append(r.Notes, fmt.Sprintf("%s.%s is %s", p.Node, p.Name, n))
			}
		}
	}
}

// withhold takes error bars back, with a note, that are late or would mislead.
func (f *fit) withhold(ctx context.Context, stdErr []float64, late bool) {
	why := ""
	if !late {
		why = f.unwhite(ctx, slices.Concat(f.result.Output...))
		late = ctx.Err() != nil && slices.ContainsFunc(stdErr, func(s float64) bool { return !math.IsNaN(s) }) // nobody knows whether they mislead
	}
	if late {
		why = "no error bars: the time was over, or would have been before they were computed; --resume without an end to the time gives them"
	}
	if why == "" {
		return
	}
	f.result.Notes = append(f.result.Notes, why)
	for i := range stdErr {
		stdErr[i] = math.NaN()
	}
}

// fillParams lists the parameters with their error bars, and what is to be said of
// each.
func (f *fit) fillParams(stdErr []float64, loose []bool, apart map[int]bool) {
	r, m := f.result, f.problem.Model
	for _, p := range m.Params {
		if p.Spec == nil {
			continue
		}
		row := FitParam{
			Node: p.Node, Name: p.Name, Unit: p.Spec.Unit, Initial: slices.Clone(p.Spec.Value), Value: slices.Clone(p.Values),
			Min: p.Spec.Min, Max: p.Spec.Max, Path: p.Spec,
		}
		for range p.Values {
			row.StdErr = append(row.StdErr, math.NaN())
		}
		for i := range f.problem.Variables {
			v := &f.problem.Variables[i]
			if v.Param != p {
				continue
			}
			row.Learned, row.Min, row.Max = true, v.Lo, v.Hi
			bound := v.AtBound(p.Values[v.Element])
			if bound {
				row.note(atBound)
			}
			switch {
			case f.idle[i]:
				row.note("no effect on this sound, left at its value")
			case bound:
			case loose[i]:
				row.note(openHere)
			case apart[i]:
				row.note(openElsewhere)
			default:
				row.StdErr[v.Element] = stdErr[i]
			}
			if p.Blocked != "" {
				row.note("no gradient behind " + p.Blocked)
			}
			if v.Scale == abi.Periodic { // one turn is the same phase
				row.Value[v.Element] -= math.Floor(row.Value[v.Element])
			}
		}
		r.Params = append(r.Params, row)
	}
}

// Undetermined reports whether the recording leaves the value open.
func (p *FitParam) Undetermined() bool {
	return slices.ContainsFunc(p.Notes, func(n string) bool { return n == openHere || n == openElsewhere })
}

// Notes on values that a recording does not determine.
const (
	openHere      = "not identified by this recording"
	openElsewhere = "other starts end as low at another value"
)

func (p *FitParam) note(s string) {
	if !slices.Contains(p.Notes, s) {
		p.Notes = append(p.Notes, s)
	}
}

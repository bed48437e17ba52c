package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
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

func (f *fit) record(p Point, low, seconds float64) {
	s := Step{Step: p.Step, Loss: p.Value, Best: low, GradNorm: p.GradNorm, Seconds: seconds}
	s.Heat = f.heat(p.X)
	s.Values = f.values(p.X)
	f.result.History = append(f.result.History, s)
	f.result.Steps = p.Step
}

// heatSteps is how often heat is measured where no evaluation has done it; the
// first steps always are.
const heatSteps = 10

// heat is that of the nodes at a step. Evaluations without a gradient measure none,
// nor do those of a coarser model: then it is rendered for now and then, and else
// not known, which is not 0.
func (f *fit) heat(x []float64) []float64 {
	o := f.objective
	if !slices.Equal(x, o.heatAt) {
		if n := len(f.result.History); n >= heatSteps && n%heatSteps != 0 {
			return slices.Repeat([]float64{math.NaN()}, len(f.result.HeatNodes))
		}
		o.Set(x)
		o.Model.Run.IntegrateHeat(true)
		o.Model.Forward()
		o.Model.Run.IntegrateHeat(false)
		o.keepHeat(x)
	}
	return slices.Clone(o.heat)
}

func sum(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s
}

// profileEntries is how many points a report draws of heat and adjoint energy.
const profileEntries = 60

// finish renders the best point and fills in the result.
func (f *fit) finish(x []float64) {
	r := f.result
	stdErr, loose := f.errorBars(x)
	if !f.options.Profile {
		f.model.Run.ProfileEvery(max(float64(f.model.Plan.Frames)/f.model.Plan.Rate/profileEntries, 1e-3))
	}
	r.Final = f.objective.Evaluate(make([]float64, len(x)), x) // with heat
	r.Nodes = f.model.Run.Metrics()
	r.Output = f.output()
	r.Clamped = f.model.Run.Clamped()
	if !f.options.Profile {
		for i := range r.Nodes { // of one evaluation: no measurement
			r.Nodes[i].Forward, r.Nodes[i].Backward = 0, 0
		}
	} else {
		r.Profile = f.model.Run.Profile()
	}
	r.Heat = map[string]float64{}
	for _, n := range r.HeatNodes {
		r.Heat[n] = sum(f.model.Heat[n])
	}
	if len(r.History) == 0 || r.History[len(r.History)-1].Loss != r.Final {
		f.record(Point{Step: r.Steps + 1, Value: r.Final, GradNorm: math.NaN(), X: x}, r.Final, math.NaN())
		if n := len(r.History); n > 1 {
			r.History[n-1].Seconds = r.History[n-2].Seconds
		} else {
			r.History[0].Seconds = 0
		}
	}
	for _, p := range f.model.Params {
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
		for i := range f.objective.Variables {
			v := &f.objective.Variables[i]
			if v.Param != p {
				continue
			}
			row.Learned, row.Min, row.Max = true, v.Lo, v.Hi
			bound := v.AtBound(p.Values[v.Element])
			if bound {
				row.note("at its bound")
			}
			if loose[i] {
				row.note("not identified by this recording")
			} else if !bound {
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
	r.Unsupported = f.model.Unsupported // some turn out on the way
	r.Notes = append(r.Notes, f.model.Run.Unconverged()...)
	if late := f.lateness(); late != "" {
		r.Notes = append(r.Notes, late)
	}
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

func (p *FitParam) note(s string) {
	if !slices.Contains(p.Notes, s) {
		p.Notes = append(p.Notes, s)
	}
}

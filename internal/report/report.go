// Package report writes down what a fit did: one HTML page that needs nothing
// else, the two figures beside it, and the history as a table.
//
//	page, err := os.Create("report.html")
//	…
//	err = report.HTML(page, &report.Fit{Target: target, Output: output, …})
//
// The page holds players for target, fit and residual, figures, and the tables
// of parameters and metrics. It loads nothing from elsewhere, so it opens from a
// disk without a network, can be mailed, and reads the same in ten years. Every
// name in it is the user's, and is escaped.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
	"time"

	"ampfit/internal/plot"
	"ampfit/internal/text"
)

// Fit is all that a report tells. What is left zero is left out.
type Fit struct {
	TargetName string // files as the user named them
	InputName  string
	GraphName  string
	LossName   string
	Optimizer  string
	Seed       uint64
	Seconds    float64 // time that the fit took
	Stopped    string  // why it ended, such as "converged"

	Rate       float64
	Input      [][]float64 // channel rows; nil without a dry signal
	Target     [][]float64
	Output     [][]float64 // of the fitted graph
	Steps      []Step
	HeatNodes  []string // what Step.Heat holds, in order
	ValueNames []string // what Step.Values holds, in order
	Params     []Param
	Metrics    []Metric
	Notes      []string // sentences: warnings, nodes without an adjoint, …
	Nodes      []Node
	Stages     []Stage // of the search, in order
}

// Step is one step of the history.
type Step struct {
	Step     int
	Loss     float64
	Best     float64 // the lowest loss so far
	GradNorm float64
	Seconds  float64 // since the start
	Heat     []float64
	Values   []float64
}

// Param is a parameter. Its values are one number, or several where the
// parameter is a vector or differs between batches.
type Param struct {
	Node, Name, Unit string
	Initial, Value   []float64
	StdErr           []float64 // NaN or nil: unknown; +Inf: the data do not tell
	Min, Max         float64   // equal, or NaN: no range
	Learned          bool
	Note             string
}

// Node is what the last evaluation measured at a node.
type Node struct {
	Name, Type        string
	Delay             string        // frames, and what they are made of
	Forward, Backward time.Duration // 0: not measured
	Heat              float64       // joules; NaN: none of its own
	Every             float64       // seconds between the entries of the following
	HeatAt            []float64     // joules so far
	AdjointEnergy     []float64     // per second, of the gradient by its outputs
}

// Stage is a stage of the search: what it cost and gained, or why it did not run.
type Stage struct {
	Name, Why     string
	Ran           bool
	Loss          string // that it minimised
	Evaluations   int
	Before, After float64 // the lowest loss
}

// Metric is a figure of merit before and after. NaN is unknown.
type Metric struct {
	Name         string
	Start, Final float64
}

// setting is a line of the settings section.
type setting struct{ Name, Value string }

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Parse(pageText))

// view is what the template sees.
type view struct {
	*Fit
	Title     string
	Result    string
	Players   []player
	PlayNote  string
	Figures   []figure
	Learned   []row
	Held      []row
	MetricRow []metricRow
	NodeRow   []nodeRow
	StageRow  []stageRow
	Timed     bool
	Lines     []setting
}

type figure struct {
	ID, Name, Caption string
	SVG               template.HTML
}

// HTML writes the page.
func HTML(w io.Writer, f *Fit) error {
	v := view{Fit: f, Title: title(f), Result: result(f)}
	var err error
	if v.Players, v.PlayNote, err = players(f); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if v.Figures, err = figures(f); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	for i := range f.Params {
		if r := paramRow(&f.Params[i]); f.Params[i].Learned {
			v.Learned = append(v.Learned, r)
		} else {
			v.Held = append(v.Held, r)
		}
	}
	for _, m := range f.Metrics {
		v.MetricRow = append(v.MetricRow, newMetricRow(m))
	}
	v.NodeRow, v.Timed = nodeRows(f.Nodes)
	for _, s := range f.Stages {
		v.StageRow = append(v.StageRow, newStageRow(s))
	}
	v.Lines = settings(f)
	return page.Execute(w, v)
}

// LossPNG writes loss.png.
func LossPNG(w io.Writer, f *Fit) error { return plot.Loss(w, plot.PNG, lossFigure(f)) }

// HeatPNG writes heat.png.
func HeatPNG(w io.Writer, f *Fit) error { return plot.Heat(w, plot.PNG, heatFigure(f)) }

func lossFigure(f *Fit) plot.LossFigure {
	g := plot.LossFigure{Loss: f.LossName}
	for _, s := range f.Steps {
		g.Steps = append(g.Steps, s.Step)
		g.Values = append(g.Values, s.Loss)
	}
	return g
}

func heatFigure(f *Fit) plot.HeatFigure {
	g := plot.HeatFigure{Nodes: f.HeatNodes}
	for _, s := range f.Steps {
		g.Steps = append(g.Steps, s.Step)
		g.Heat = append(g.Heat, s.Heat)
	}
	return g
}

func figures(f *Fit) ([]figure, error) {
	var all []figure
	var b bytes.Buffer
	add := func(id, name, caption string, err error) error {
		all = append(all, figure{id, name, caption, template.HTML(b.String())}) // plot escapes the names in it
		b.Reset()
		return err
	}
	if len(f.Target) > 0 || len(f.Output) > 0 {
		err := plot.Spectrogram(&b, plot.Inline, plot.SpectrogramFigure{Rate: f.Rate, Target: f.Target, Fit: f.Output})
		if err := add("spectrogram", "Spectrogram", "Blue in the difference: the fit is quieter than the target there; orange: louder.", err); err != nil {
			return nil, err
		}
		err = plot.Waveform(&b, plot.Inline, plot.WaveformFigure{Rate: f.Rate, Target: f.Target, Fit: f.Output})
		if err := add("waveform", "Waveform", "", err); err != nil {
			return nil, err
		}
	}
	err := plot.Loss(&b, plot.Inline, lossFigure(f))
	if err := add("loss", "Loss", "", err); err != nil {
		return nil, err
	}
	if len(f.HeatNodes) > 0 {
		err := plot.Heat(&b, plot.Inline, heatFigure(f))
		if err := add("heat", "Heat", "Energy that each node exchanges with the signal or dissipates.", err); err != nil {
			return nil, err
		}
	}
	for _, over := range overTime(f) {
		err := plot.Heat(&b, plot.Inline, over.HeatFigure)
		if err := add(over.id, over.Over.Title, over.caption, err); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func title(f *Fit) string {
	switch {
	case f.GraphName != "" && f.TargetName != "":
		return f.GraphName + " fitted to " + f.TargetName
	case f.TargetName != "":
		return "Fit to " + f.TargetName
	}
	return "Fit"
}

// result says in one line what came out.
func result(f *Fit) string {
	name := f.LossName
	if name == "" {
		name = "loss"
	}
	start, best := math.NaN(), math.NaN()
	for _, s := range f.Steps {
		if !finite(s.Loss) {
			continue
		}
		if !finite(start) {
			start, best = s.Loss, s.Loss
		}
		best = min(best, s.Loss)
	}
	var s string
	switch {
	case len(f.Steps) == 0:
		s = "No steps were made"
	case !finite(start):
		s = fmt.Sprintf("No step gave a finite %s", name)
	case best < start:
		s = fmt.Sprintf("%s fell from %s to %s", name, number(start), number(best))
		if best > 0 && start/best >= 1.1 && finite(start/best) {
			s += fmt.Sprintf(", %s times less", plot.Number(start/best, 2))
		}
	default:
		s = fmt.Sprintf("%s did not fall; it is %s", name, number(start))
	}
	if n := len(f.Steps); n > 0 {
		s += ", in " + text.Count(f.Steps[n-1].Step, "step")
	}
	if f.Seconds > 0 {
		s += " and " + duration(f.Seconds)
	}
	if f.Optimizer != "" {
		s += " of " + f.Optimizer
	}
	if f.Stopped != "" {
		s += "; " + f.Stopped
	}
	return s + "."
}

func settings(f *Fit) []setting {
	var all []setting
	add := func(name, value string) {
		if value != "" {
			all = append(all, setting{name, value})
		}
	}
	add("target", f.TargetName)
	add("dry signal", f.InputName)
	add("graph", f.GraphName)
	if f.Rate > 0 {
		add("sample rate", number(f.Rate)+" Hz")
	}
	if n := plot.Frames(f.Target); n > 0 {
		length := fmt.Sprintf("%s, %s", text.Count(n, "frame"), text.Count(len(f.Target), "channel"))
		if f.Rate > 0 {
			length = duration(float64(n)/f.Rate) + " (" + length + ")"
		}
		add("length", length)
	}
	add("loss", f.LossName)
	add("optimizer", f.Optimizer)
	add("seed", fmt.Sprint(f.Seed))
	if n := len(f.Steps); n > 0 { // the first is the start, step 0
		add("steps", fmt.Sprint(f.Steps[n-1].Step))
	}
	if f.Seconds > 0 {
		add("time", duration(f.Seconds))
	}
	return all
}

// number writes a value with five digits, enough to type it in again by ear.
func number(v float64) string { return strings.ReplaceAll(plot.Number(v, 5), "-", "−") }

func duration(seconds float64) string {
	switch {
	case seconds < 1:
		return plot.Number(1e3*seconds, 3) + " ms"
	case seconds < 120:
		return plot.Number(seconds, 3) + " s"
	}
	m := int(math.Round(seconds / 60))
	if m < 120 {
		return fmt.Sprintf("%d min %d s", int(seconds)/60, int(seconds)%60)
	}
	return fmt.Sprintf("%d h %d min", m/60, m%60)
}

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

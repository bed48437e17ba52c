package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"ampfit/graph"
	"ampfit/internal/atomicfile"
	"ampfit/internal/report"
	"ampfit/internal/text"
	"ampfit/internal/wav"
	"ampfit/optim"
	"ampfit/optim/loss"
)

// fitWriter writes the results of a fit.
type fitWriter struct {
	*fitCommand
	dir         string
	graph       *graph.Graph
	result      *optim.FitResult
	targetPath  string
	rate        int
	metrics     []report.Metric
	summaryText []byte
	stopped     string // why the fit ended, when it is neither of the usual reasons
}

// lateMetrics is the number of samples beyond which the end of a fit whose time is over
// has a few metrics only: all take half a second for 30 s at 48 kHz.
const lateMetrics = 1 << 19

// write fills the directory; each file appears whole or not at all.
func (w *fitWriter) write() error {
	r := w.result
	channels, rate := len(r.Output), float64(w.rate)
	skip := int(math.Round(w.fitCommand.skip.Seconds() * rate))
	target := later(r.Target, skip)
	var only []string
	if (r.Interrupted || r.TimedOut) && len(target) > lateMetrics {
		only = []string{"esr", "mse", "si_sdr_db"}
	}
	start := loss.Metrics(later(r.Start, skip), target, channels, rate, only...)
	for i, m := range loss.Metrics(later(r.Output, skip), target, channels, rate, only...) {
		w.metrics = append(w.metrics, report.Metric{Name: m.Name, Start: start[i].Value, Final: m.Value})
	}
	var err error
	if w.summaryText, err = w.summary(); err != nil {
		return err
	}
	page := w.report()
	type file struct {
		name  string
		write func(io.Writer) error
	}
	files := []file{
		{"graph.json", func(o io.Writer) error { _, err := o.Write(w.graph.WithValues(r.Values(), w.dir)); return err }},
		{"summary.json", func(o io.Writer) error { _, err := o.Write(w.summaryText); return err }},
		{"history.csv", func(o io.Writer) error { return report.HistoryCSV(o, page) }},
		{"loss.png", func(o io.Writer) error { return report.LossPNG(o, page) }},
		{"heat.png", func(o io.Writer) error { return report.HeatPNG(o, page) }},
		{"report.html", func(o io.Writer) error { return report.HTML(o, page) }},
	}
	if err := os.MkdirAll(w.dir, 0o777); err != nil {
		return fmt.Errorf("%s: the directory for the results cannot be made (%v)", w.dir, reason(err))
	}
	if w.stopped != "" && !allNumbers(r.Output) { // the library fails at the best point, too
		files = files[:1]
	} else if _, err := wav.Write(filepath.Join(w.dir, "fit.wav"), w.rate, r.Output, wav.Float32); err != nil {
		return err
	}
	for _, file := range files {
		if err := atomicfile.Write(filepath.Join(w.dir, file.name), file.write); err != nil {
			return err
		}
	}
	return nil
}

// later are rows without their first frames, one after the other.
func later(rows [][]float64, skip int) (x []float64) {
	for _, row := range rows {
		x = append(x, row[skip:]...)
	}
	return x
}

// allNumbers tells whether all frames are numbers.
func allNumbers(rows [][]float64) bool {
	for _, row := range rows {
		for _, v := range row {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

func (w *fitWriter) report() *report.Fit {
	r := w.result
	page := &report.Fit{
		TargetName: w.targetPath, InputName: w.fitCommand.input, GraphName: w.graph.Path, LossName: r.LossName, Optimizer: r.Optimizer,
		Seed: r.Seed, Seconds: r.Seconds, Rate: float64(w.rate), Input: r.Input, Target: r.Target, Output: r.Output,
		HeatNodes: r.HeatNodes, ValueNames: r.Variables, Metrics: w.metrics, Notes: w.notes(), Stopped: "converged",
	}
	switch {
	case w.stopped != "":
		page.Stopped = w.stopped
	case r.Interrupted:
		page.Stopped = "interrupted"
	case r.TimedOut:
		page.Stopped = "the time limit was reached"
	}
	for _, s := range r.History {
		page.Steps = append(page.Steps, report.Step(s))
	}
	for _, n := range r.Nodes {
		page.Nodes = append(page.Nodes, report.Node(n))
	}
	for _, s := range r.Stages {
		page.Stages = append(page.Stages, report.Stage{Name: s.Name, Why: s.Why, Ran: s.Ran, Loss: s.Loss, Evaluations: s.Evaluations, Before: s.Before, After: s.After})
	}
	for _, p := range r.Params {
		page.Params = append(page.Params, report.Param{
			Node: p.Node, Name: p.Name, Unit: p.Unit, Initial: p.Initial, Value: p.Value, StdErr: p.StdErr,
			Min: p.Min, Max: p.Max, Learned: p.Learned, Note: strings.Join(p.Notes, "; "),
		})
	}
	return page
}

// The rows of summary.json.
type (
	paramRow struct {
		Node    string `json:"node"`
		Param   string `json:"param"`
		Initial any    `json:"initial"`
		Value   any    `json:"value"`
		StdErr  any    `json:"std_err"`
		Unit    string `json:"unit"`
		Learned bool   `json:"learned"`
	}
	lossValues struct {
		Name    string `json:"name"`
		Initial any    `json:"initial"`
		Final   any    `json:"final"`
	}
	startRow struct {
		Values  map[string]any `json:"values"`
		Initial any            `json:"initial"`
		Final   any            `json:"final"`
		Steps   int            `json:"steps"`
		Kept    bool           `json:"kept"`
	}
	stageRow struct {
		Name        string `json:"name"`
		Ran         bool   `json:"ran"`
		Why         string `json:"why"`
		Loss        string `json:"loss"`
		Evaluations int    `json:"evaluations"`
		Before      any    `json:"before"`
		After       any    `json:"after"`
	}
	alignRow struct {
		Lag         float64 `json:"lag_frames"`
		Shift       int     `json:"shift_frames"`
		Correlation float64 `json:"correlation"`
	}
	verdictRow struct {
		Grade   string `json:"grade"`
		Text    string `json:"text"`
		Reason  string `json:"reason,omitempty"`
		Next    string `json:"next,omitempty"`
		Measure string `json:"measure"`
		Fit     any    `json:"fit"`
		Silence any    `json:"silence"`
		Gain    any    `json:"best_gain"`
		Filter  any    `json:"best_filter"`
	}
)

// summary is summary.json: NaN becomes null.
func (w *fitWriter) summary() ([]byte, error) {
	r := w.result
	v := r.Verdict
	s := struct {
		Verdict     verdictRow         `json:"verdict"`
		Notes       []string           `json:"notes"`
		Loss        lossValues         `json:"loss"`
		Metrics     map[string]any     `json:"metrics"`
		Params      []paramRow         `json:"params"`
		Heat        map[string]float64 `json:"heat"`
		Steps       int                `json:"steps"`
		Seconds     float64            `json:"seconds"`
		Seed        uint64             `json:"seed"`
		Unsupported []string           `json:"unsupported"`
		Starts      []startRow         `json:"starts,omitempty"`
		Align       *alignRow          `json:"align,omitempty"`
		Stages      []stageRow         `json:"stages,omitempty"`
	}{
		Verdict: verdictRow{v.Grade, v.Text, v.Reason, v.Next, v.Measure, finite(v.Fit), finite(v.Silence), finite(v.Gain), finite(v.Filter)},
		Notes:   append([]string{}, r.Notes...),
		Loss:    lossValues{r.LossName, finite(r.Initial), finite(r.Final)},
		Metrics: map[string]any{}, Heat: r.Heat, Steps: r.Steps, Seconds: r.Seconds, Seed: r.Seed,
		Unsupported: append([]string{}, r.Unsupported...),
	}
	for _, m := range w.metrics {
		if slices.Contains([]string{"esr", "mrstft", "mse", "si_sdr_db"}, m.Name) {
			s.Metrics[m.Name] = finite(m.Final)
		}
	}
	for _, p := range r.Params {
		s.Params = append(s.Params, paramRow{p.Node, p.Name, values(p.Initial), values(p.Value), values(p.StdErr), p.Unit, p.Learned})
	}
	for _, x := range r.Starts {
		named := map[string]any{}
		for i, name := range r.Variables {
			named[name] = finite(x.Values[i])
		}
		s.Starts = append(s.Starts, startRow{named, finite(x.Initial), finite(x.Final), x.Steps, x.Kept})
	}
	for _, x := range r.Stages {
		s.Stages = append(s.Stages, stageRow{x.Name, x.Ran, x.Why, x.Loss, x.Evaluations, finite(x.Before), finite(x.After)})
	}
	if a := r.Align; a != nil {
		s.Align = &alignRow{a.Lag, a.Frames, a.Correlation}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	return append(text, '\n'), err
}

func finite(x float64) any {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return x
}

// values is a number, or an array for a vector.
func values(x []float64) any {
	if len(x) == 1 {
		return finite(x[0])
	}
	out := make([]any, len(x))
	for i, v := range x {
		out[i] = finite(v)
	}
	return out
}

// print is the table of learned parameters.
func (w *fitWriter) print(o io.Writer) error {
	r := w.result
	var b strings.Builder
	rows := [][]string{{"parameter", "start", "fitted", "± error", "unit", ""}}
	for _, p := range r.Params {
		if !p.Learned {
			continue
		}
		notes := strings.Join(p.Notes, "; ")
		if n := len(p.Value); n > longVector {
			rows = append(rows, []string{fmt.Sprintf("%s.%s[0…%d]", p.Node, p.Name, n-1), ends(p.Initial), ends(p.Value), "", p.Unit,
				strings.TrimSuffix(fmt.Sprintf("%d values, mean %s; %s", n, number(mean(p.Value)), notes), "; ")})
			continue
		}
		for i := range p.Value {
			name := p.Node + "." + p.Name
			if len(p.Value) > 1 {
				name = fmt.Sprintf("%s[%d]", name, i)
			}
			rows = append(rows, []string{name, number(p.Initial[min(i, len(p.Initial)-1)]), valueWithin(p.Value[i], p.StdErr[i]), errorBar(p.StdErr[i], p.Undetermined()), p.Unit, notes})
		}
	}
	text.Columns(&b, rows, 1, 2, 3)
	limit := ""
	if r.TimedOut {
		limit = ", ended by --time-limit"
	}
	fmt.Fprintf(&b, "\n%s  %s → %s in %s, %.1f s%s\n", r.LossName, number(r.Initial), number(r.Final), text.Count(r.Steps, "step"), r.Seconds, limit)
	for _, m := range w.metrics {
		if !math.IsNaN(m.Final) && m.Name != r.LossName && slices.Contains([]string{"esr", "mrstft", "si_sdr_db"}, m.Name) {
			fmt.Fprintf(&b, "%s  %s → %s\n", m.Name, number(m.Start), number(m.Final))
		}
	}
	for _, line := range w.starts() {
		fmt.Fprintln(&b, line)
	}
	for _, line := range verdictLines(r.Verdict) {
		fmt.Fprintln(&b, line)
	}
	fmt.Fprintf(&b, "written to %s: graph.json, fit.wav, report.html, summary.json, history.csv, loss.png, heat.png\n", w.dir)
	_, err := io.WriteString(o, b.String())
	return err
}

// starts says what each start of a fit with restarts came to.
func (w *fitWriter) starts() []string {
	var lines []string
	for k, s := range w.result.Starts {
		what, kept := "random", ""
		if k == 0 {
			what = "the graph's"
		}
		if s.Kept {
			kept = ", kept"
		}
		lines = append(lines, fmt.Sprintf("start %d (%s)  %s → %s in %s%s", k+1, what, number(s.Initial), number(s.Final), text.Count(s.Steps, "step"), kept))
	}
	return lines
}

// notes are those of the result, with the verdict in front and the starts behind.
func (w *fitWriter) notes() []string {
	return slices.Concat(verdictLines(w.result.Verdict), w.result.Notes, w.starts())
}

// verdictLines are the verdict on a fit, and for a poor one the likely reason and
// what to try.
func verdictLines(v *optim.Verdict) []string {
	lines := []string{v.Text}
	if v.Reason != "" {
		lines = append(lines, "likely: "+v.Reason)
	}
	if v.Next != "" {
		lines = append(lines, "try: "+v.Next)
	}
	return lines
}

// longVector is from how many values on a vector has one row only.
const longVector = 8

// ends are the first and last of many values.
func ends(x []float64) string {
	if len(x) == 1 {
		return number(x[0])
	}
	return number(x[0]) + " … " + number(x[len(x)-1])
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// valueWithin prints a value to the second digit of its error, but no more than ten
// digits; without an error, five.
func valueWithin(x, err float64) string {
	if a := math.Abs(x); !(err > 0) || math.IsInf(err, 0) || a >= 1e6 || a < 1e-4 {
		return number(x)
	}
	most := 9 - int(math.Floor(math.Log10(math.Abs(x))))
	return strconv.FormatFloat(x, 'f', max(min(1-int(math.Floor(math.Log10(err))), most), 0), 64)
}

// errorBar prints an error with two digits, which is more than it is known to; ? where
// the recording does not determine the value.
func errorBar(x float64, undetermined bool) string {
	switch {
	case math.IsNaN(x) && undetermined:
		return "?"
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 0):
		return "∞"
	case x >= 100:
		return number(x)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/atomicfile"
	"ampfit/internal/report"
	"ampfit/internal/wav"
	"ampfit/optim"
	"ampfit/optim/loss"

	"github.com/spf13/pflag"
)

type fitCommand struct {
	runFlags
	out        string
	loss       string
	optimizer  string
	steps      int
	lr         float64
	seed       uint64
	learn      []string
	freeze     []string
	heatWeight float64
	restarts   int
	resume     bool
	align      bool
	timeLimit  time.Duration
	tapeMemory string
	tapeBytes  int64
	strict     bool
	json       bool
	quiet      bool

	stdout, stderr io.Writer
	set            *pflag.FlagSet // which flags were given
}

func (f *fitCommand) flags(fs *pflag.FlagSet) {
	f.set = fs
	f.runFlags.add(fs)
	fs.StringVarP(&f.out, "out", "o", "", "directory for the results (default TARGET.fit/ beside the target)")
	fs.StringVar(&f.loss, "loss", "", "what to minimise, such as esr, mrstft or \"mrstft + 0.1*esr\" (default: the graph's, else esr with -i, or mrstft where the waveform stays lost; mrstft(512/1024/2048, hop=n/4, floor=0.0001) without -i)")
	fs.StringVar(&f.optimizer, "optimizer", "auto", "how to minimise: "+optimizers())
	fs.IntVar(&f.steps, "steps", 0, "most steps of a descent (default: the optimizer's)")
	fs.Float64Var(&f.lr, "lr", 0, "learning rate of adam (default 0.02)")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of the search; the same seed repeats a fit bit by bit")
	fs.IntVar(&f.restarts, "restarts", 0, "so many random starts beside the graph's values, each fitted; the best is kept")
	fs.BoolVar(&f.resume, "resume", false, "go on from the result in the directory of -o: its values, its history")
	fs.BoolVar(&f.align, "align", false, "shift the dry signal by the whole frames that the target is late")
	fs.StringSliceVar(&f.learn, "learn", nil, "learn exactly these: node.param,…")
	fs.StringSliceVar(&f.freeze, "freeze", nil, "do not learn these: node.param,…")
	fs.Float64Var(&f.heatWeight, "heat-weight", 0, "add the heat of all nodes in joules, times this, to the loss")
	fs.StringVar(&f.tapeMemory, "tape-memory", "1GiB", "memory for the tape of a gradient, such as 512MiB; less means rendering parts again")
	fs.DurationVar(&f.timeLimit, "time-limit", 0, "stop after this time, such as 30s or 5m, and keep the best")
	fs.BoolVar(&f.strict, "strict", false, "fail when a learned parameter lies behind a node without an adjoint")
	fs.BoolVar(&f.json, "json", false, "print the summary as JSON")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress")
	fs.SortFlags = false
}

func optimizers() string {
	var names []string
	for _, m := range optim.Methods() {
		names = append(names, m[0])
	}
	return strings.Join(names, ", ")
}

func (f *fitCommand) run(ctx context.Context, targetPath, graphPath string) error {
	if err := f.check(); err != nil {
		return err
	}
	var g *graph.Graph
	var target, in *wav.Audio
	err := reading(ctx, func() (err error) {
		var graphErr, targetErr error
		g, graphErr = graph.Load(graphPath)
		target, targetErr = readWav(targetPath, f.stderr)
		in, err = f.read(g, f.stderr)
		return errors.Join(targetErr, err, graphErr)
	})
	if err != nil {
		return err
	}
	rate := float64(target.Rate)
	if g.Rate != 0 && g.Rate != rate {
		return fmt.Errorf("%s: %d Hz, but %s runs at %g Hz; set \"sample_rate\": %d there or convert the recording", targetPath, target.Rate, graphPath, g.Rate, target.Rate)
	}
	frames := target.Frames()
	if f.align {
		frames = 0 // what is shifted is cut later
	}
	input, err := f.dry(in, g, rate, frames, targetPath, f.stderr)
	if err != nil {
		return err
	}
	dir := f.out
	if dir == "" {
		dir = strings.TrimSuffix(targetPath, filepath.Ext(targetPath)) + ".fit"
	}
	if err := errors.Join(writable(dir), f.spare(dir, targetPath)); err != nil {
		return err
	}
	if f.timeLimit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeLimit)
		defer cancel()
	}
	spec, resumed := f.loss, (*optim.Resumed)(nil)
	if f.resume {
		if resumed, spec, err = f.earlier(dir, g, target); err != nil {
			return err
		}
	}
	bar := newProgress(f.stderr, f.quiet)
	ctx, fault := untilFault(ctx)
	r, err := optim.Fit(ctx, g, optim.FitOptions{
		Target: target.Rows(), Input: input, Rate: rate, Loss: spec, Restarts: f.restarts, Resume: resumed, Align: f.align, Optimizer: f.optimizer, Steps: f.steps, LR: f.lr, Seed: f.seed,
		Learn: f.learn, Freeze: f.freeze, HeatWeight: f.heatWeight, Block: f.block, KeepLatency: f.keepLatency, Schedule: f.schedule, LowLatency: f.lowLatency, Threads: f.threads, Profile: f.profile, TapeMemory: f.tapeBytes,
		Audio: adjoint.ReadAudio, Progress: bar.tell,
		Ready: func(r *optim.FitResult) error {
			bar.line(r.Tape.String())
			for _, n := range r.Notes {
				bar.line("note: " + n)
			}
			if f.strict && len(r.Cut) > 0 {
				return failed(fmt.Errorf("--strict: no gradient reaches %s", strings.Join(r.Cut, ", ")))
			}
			return nil
		},
	})
	bar.done()
	broken := fault()
	if broken != nil && r == nil {
		return failed(broken)
	}
	if err != nil {
		return err
	}
	if f.profile {
		fmt.Fprint(f.stderr, r.Profile)
	}
	w := &fitWriter{fitCommand: f, dir: dir, graph: g, result: r, targetPath: targetPath, rate: target.Rate}
	if broken != nil {
		w.stopped = "ended by a node library: " + broken.Error()
	}
	if err := w.write(); err != nil {
		return failed(err)
	}
	if broken != nil {
		return failed(fmt.Errorf("%w; the best so far is in %s", broken, dir))
	}
	if f.json {
		_, err = f.stdout.Write(w.summaryText)
	} else {
		err = w.print(f.stdout)
	}
	if err != nil {
		return failed(err)
	}
	if r.Interrupted {
		return &exit{exitInterrupted, fmt.Errorf("interrupted; the best so far is in %s", dir)}
	}
	return nil
}

const maxRestarts = 10000

func (f *fitCommand) check() error {
	if err := f.empty(); err != nil {
		return err
	}
	switch {
	case f.steps < 0:
		return fmt.Errorf("--steps %d: the least is 1", f.steps)
	case f.restarts < 0 || f.restarts > maxRestarts:
		return fmt.Errorf("--restarts %d: allowed are 0 to %d", f.restarts, maxRestarts)
	case f.align && f.input == "":
		return errors.New("--align: there is no dry signal to align the target with; give one with -i, or leave --align out")
	case f.lr < 0 || math.IsNaN(f.lr) || math.IsInf(f.lr, 0):
		return fmt.Errorf("--lr %g: a learning rate is a number above 0", f.lr)
	case f.timeLimit < 0:
		return fmt.Errorf("--time-limit %s: a time above 0 is needed", f.timeLimit)
	case math.IsNaN(f.heatWeight) || math.IsInf(f.heatWeight, 0):
		return fmt.Errorf("--heat-weight %g: a finite number is needed", f.heatWeight)
	case !slices.ContainsFunc(optim.Methods(), func(m [2]string) bool { return m[0] == f.optimizer }):
		return fmt.Errorf("--optimizer %q: there are %s", f.optimizer, optimizers())
	}
	var err error
	if f.tapeBytes, err = parseBytes(f.tapeMemory); err != nil {
		return fmt.Errorf("--tape-memory %s: %w", f.tapeMemory, err)
	}
	return f.runFlags.check()
}

// empty refuses flags that were given and say nothing: leaving them out means
// their default, giving them as empty or zero hardly does.
func (f *fitCommand) empty() error {
	given := func(name string) bool { return f.set != nil && f.set.Changed(name) }
	none := func(names []string) bool {
		return !slices.ContainsFunc(names, func(s string) bool { return strings.TrimSpace(s) != "" })
	}
	switch {
	case given("steps") && f.steps == 0:
		return errors.New("--steps 0: the least is 1; leave it out for the optimizer's own")
	case given("lr") && f.lr == 0:
		return errors.New("--lr 0: a learning rate is a number above 0; leave it out for the default")
	case given("time-limit") && f.timeLimit == 0:
		return errors.New("--time-limit 0s: a time above 0 is needed; leave it out for no limit")
	case given("learn") && none(f.learn):
		return errors.New("--learn \"\": it names no parameter; write node.param,… or leave it out for what the graph marks")
	case given("freeze") && none(f.freeze):
		return errors.New("--freeze \"\": it names no parameter; write node.param,… or leave it out")
	case given("loss") && strings.TrimSpace(f.loss) == "":
		return errors.New("--loss \"\": it names no loss; leave it out for the graph's, else the default")
	case f.out == "-":
		return errors.New("-o -: a fit writes several files into a directory, not to stdout; name one, or leave it out for TARGET.fit/")
	case given("out") && f.out == "":
		return errors.New("-o \"\": it names no directory; leave it out for TARGET.fit/")
	}
	return nil
}

// parseBytes reads "512MiB", "2GB" or a number of bytes.
func parseBytes(s string) (int64, error) {
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		head, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(head), 64)
		if err == nil && n > 0 && n*u.size < 1<<60 {
			return int64(n * u.size), nil
		}
	}
	return 0, errors.New("a size above 0 is needed, such as 512MiB or 2GB")
}

// writable tries, before time is spent on a fit, whether the results can be
// written. The directory itself is made only when there are some: so its parent
// is tried while it does not exist.
func writable(dir string) error {
	at := dir
	for {
		info, err := os.Stat(at)
		if err == nil && !info.IsDir() {
			return fmt.Errorf("%s: the directory for the results cannot be made (%s is a file); name another with -o", dir, at)
		}
		if err == nil {
			break
		}
		parent := filepath.Dir(at)
		if parent == at {
			return fmt.Errorf("%s: the directory for the results cannot be made (%v); name another with -o", dir, reason(err))
		}
		at = parent
	}
	t, err := os.CreateTemp(at, ".ampfit-*")
	if err != nil {
		return fmt.Errorf("%s: nothing can be written there (%v); name another directory with -o", dir, reason(err))
	}
	t.Close()
	return os.Remove(t.Name())
}

// spare refuses to overwrite the recordings that the fit is made of.
func (f *fitCommand) spare(dir, targetPath string) error {
	out, err := os.Stat(filepath.Join(dir, "fit.wav"))
	if err != nil {
		return nil
	}
	for _, path := range []string{targetPath, f.input} {
		if info, err := os.Stat(path); err == nil && os.SameFile(info, out) {
			return fmt.Errorf("%s: the result would be written over this recording; name another directory with -o", path)
		}
	}
	return nil
}

// reason is the cause of a file error without its path.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

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

// write fills the directory; each file appears whole or not at all.
func (w *fitWriter) write() error {
	r := w.result
	channels, rate := len(r.Output), float64(w.rate)
	target := slices.Concat(r.Target...)
	start := loss.Metrics(slices.Concat(r.Start...), target, channels, rate)
	for i, m := range loss.Metrics(slices.Concat(r.Output...), target, channels, rate) {
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
	if w.stopped != "" && !sounds(r.Output) { // the library fails at the best point, too
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

// sounds tells whether all frames are numbers.
func sounds(rows [][]float64) bool {
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
		HeatNodes: r.HeatNodes, ValueNames: r.Variables, Metrics: w.metrics, Notes: r.Notes, Stopped: "converged",
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
	for _, p := range r.Params {
		page.Params = append(page.Params, report.Param{
			Node: p.Node, Name: p.Name, Unit: p.Unit, Initial: p.Initial, Value: p.Value, StdErr: p.StdErr,
			Min: p.Min, Max: p.Max, Learned: p.Learned, Note: strings.Join(p.Notes, "; "),
		})
	}
	return page
}

// summary is summary.json: NaN becomes null.
func (w *fitWriter) summary() ([]byte, error) {
	r := w.result
	type param struct {
		Node    string `json:"node"`
		Param   string `json:"param"`
		Initial any    `json:"initial"`
		Value   any    `json:"value"`
		StdErr  any    `json:"std_err"`
		Unit    string `json:"unit"`
		Learned bool   `json:"learned"`
	}
	type lossValues struct {
		Name    string `json:"name"`
		Initial any    `json:"initial"`
		Final   any    `json:"final"`
	}
	type start struct {
		Values  map[string]any `json:"values"`
		Initial any            `json:"initial"`
		Final   any            `json:"final"`
		Steps   int            `json:"steps"`
		Kept    bool           `json:"kept"`
	}
	type alignment struct {
		Lag         float64 `json:"lag_frames"`
		Shift       int     `json:"shift_frames"`
		Correlation float64 `json:"correlation"`
	}
	s := struct {
		Loss        lossValues         `json:"loss"`
		Metrics     map[string]any     `json:"metrics"`
		Params      []param            `json:"params"`
		Heat        map[string]float64 `json:"heat"`
		Steps       int                `json:"steps"`
		Seconds     float64            `json:"seconds"`
		Seed        uint64             `json:"seed"`
		Unsupported []string           `json:"unsupported"`
		Starts      []start            `json:"starts,omitempty"`
		Align       *alignment         `json:"align,omitempty"`
	}{
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
		s.Params = append(s.Params, param{p.Node, p.Name, values(p.Initial), values(p.Value), values(p.StdErr), p.Unit, p.Learned})
	}
	for _, x := range r.Starts {
		named := map[string]any{}
		for i, name := range r.Variables {
			named[name] = finite(x.Values[i])
		}
		s.Starts = append(s.Starts, start{named, finite(x.Initial), finite(x.Final), x.Steps, x.Kept})
	}
	if a := r.Align; a != nil {
		s.Align = &alignment{a.Lag, a.Frames, a.Correlation}
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
		for i := range p.Value {
			name := p.Node + "." + p.Name
			if len(p.Value) > 1 {
				name = fmt.Sprintf("%s[%d]", name, i)
			}
			rows = append(rows, []string{name, number(p.Initial[min(i, len(p.Initial)-1)]), number(p.Value[i]), errorBar(p.StdErr[i]), p.Unit, strings.Join(p.Notes, "; ")})
		}
	}
	table(&b, rows)
	limit := ""
	if r.TimedOut {
		limit = ", ended by --time-limit"
	}
	fmt.Fprintf(&b, "\n%s  %s → %s in %s, %.1f s%s\n", r.LossName, number(r.Initial), number(r.Final), count(r.Steps, "step"), r.Seconds, limit)
	for _, m := range w.metrics {
		if m.Name != r.LossName && slices.Contains([]string{"esr", "mrstft", "si_sdr_db"}, m.Name) {
			fmt.Fprintf(&b, "%s  %s → %s\n", m.Name, number(m.Start), number(m.Final))
		}
	}
	for k, s := range r.Starts {
		what, kept := "random", ""
		if k == 0 {
			what = "the graph's"
		}
		if s.Kept {
			kept = ", kept"
		}
		fmt.Fprintf(&b, "start %d (%s)  %s → %s in %s%s\n", k+1, what, number(s.Initial), number(s.Final), count(s.Steps, "step"), kept)
	}
	fmt.Fprintf(&b, "written to %s: graph.json, fit.wav, report.html, summary.json, history.csv, loss.png, heat.png\n", w.dir)
	_, err := io.WriteString(o, b.String())
	return err
}

// errorBar prints an error with two digits, which is more than it is known to.
func errorBar(x float64) string {
	switch {
	case math.IsNaN(x):
		return "–"
	case math.IsInf(x, 0):
		return "∞"
	case x >= 100:
		return number(x)
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

// table prints columns, numbers flush right.
func table(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i >= 1 && i <= 3 {
				line.WriteString(pad + cell + "  ")
			} else {
				line.WriteString(cell + pad + "  ")
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

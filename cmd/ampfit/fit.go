package main

import (
	"context"
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

	"ampfit/abi/cnode"
	"ampfit/graph"
	"ampfit/internal/wav"
	"ampfit/optim"

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
	skip       time.Duration
	timeLimit  time.Duration
	tapeMemory string
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
	fs.BoolVar(&f.align, "align", false, "shift the dry signal by the whole frames that the target is late or early")
	fs.DurationVar(&f.skip, "skip", 0, "leave so much of the beginning out of the loss, such as 100ms, where a state before the recording is heard")
	fs.StringSliceVar(&f.learn, "learn", nil, "learn exactly these: node.param,…")
	fs.StringSliceVar(&f.freeze, "freeze", nil, "do not learn these: node.param,…")
	fs.Float64Var(&f.heatWeight, "heat-weight", 0, "add the heat of all nodes in joules, times this, to the loss")
	fs.StringVar(&f.tapeMemory, "tape-memory", "1GiB", "memory for the tape of a gradient, such as 512MiB; less means rendering parts again")
	fs.DurationVar(&f.timeLimit, "time-limit", 0, "stop after this time, such as 30s or 5m, and keep the best")
	fs.BoolVar(&f.strict, "strict", false, "fail when a learned parameter lies behind a node without an adjoint")
	fs.BoolVar(&f.json, "json", false, "print the summary as JSON")
	fs.BoolVar(&f.quiet, "quiet", false, "no progress and no notes")
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
		var targetErr error
		target, targetErr = readWav(targetPath, f.stderr)
		g, in, err = f.load(graphPath, f.stderr)
		return errors.Join(targetErr, err)
	})
	if err != nil {
		return err
	}
	rate := float64(target.Rate)
	if g.Rate != 0 && g.Rate != rate {
		return fmt.Errorf("%s: %d Hz, but %s runs at %g Hz; set \"sample_rate\": %d there or convert the recording", targetPath, target.Rate, graphPath, g.Rate, target.Rate)
	}
	frames := target.Frames()
	if f.skip.Seconds()*rate >= float64(frames) {
		return fmt.Errorf("--skip %s: %s has only %.3g s; leave out less", f.skip, targetPath, float64(frames)/rate)
	}
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
	o := f.options(bar)
	o.Target, o.Input, o.Rate, o.Loss, o.Resume = target.Rows(), input, rate, spec, resumed
	o.Skip = int(math.Round(f.skip.Seconds() * rate))
	r, err := optim.Fit(ctx, g, o)
	bar.done()
	if r != nil {
		bar.notes(r.Notes)
	}
	broken := fault()
	if broken != nil && r == nil {
		return failed(broken)
	}
	if err != nil {
		return err
	}
	return f.finish(&fitWriter{fitCommand: f, dir: dir, graph: g, result: r, targetPath: targetPath, rate: target.Rate}, broken)
}

// options are what the flags say of a fit.
func (f *fitCommand) options(bar *progress) optim.FitOptions {
	return optim.FitOptions{
		Restarts: f.restarts, Align: f.align, Optimizer: f.optimizer, Steps: f.steps, LR: f.lr, Seed: f.seed,
		Learn: f.learn, Freeze: f.freeze, HeatWeight: f.heatWeight,
		Options: f.Options, Progress: bar.tell,
		Ready: func(r *optim.FitResult) error {
			bar.line(r.Tape.String())
			bar.notes(r.Notes)
			if f.strict && len(r.Cut) > 0 {
				return failed(fmt.Errorf("--strict: no gradient reaches %s", strings.Join(r.Cut, ", ")))
			}
			return nil
		},
	}
}

// finish writes the result of a fit and prints what came of it. What a node
// library broke ends in an error, behind the best so far.
func (f *fitCommand) finish(w *fitWriter, broken *cnode.Fault) error {
	if f.Profile {
		fmt.Fprint(f.stderr, w.result.Profile)
	}
	if broken != nil {
		w.stopped = "ended by a node library: " + broken.Error()
	}
	if err := w.write(); err != nil {
		return failed(err)
	}
	if broken != nil {
		return failed(fmt.Errorf("%w; the best so far is in %s", broken, w.dir))
	}
	var err error
	if f.json {
		_, err = f.stdout.Write(w.summaryText)
	} else {
		err = w.print(f.stdout)
	}
	if err != nil {
		return failed(err)
	}
	if w.result.Interrupted {
		return &exit{exitInterrupted, fmt.Errorf("interrupted; the best so far is in %s", w.dir)}
	}
	if w.result.Verdict.Failed() && f.steps == 0 { // who counts steps looks at each
		return failed(fmt.Errorf("the fit is no better than silence or a gain; what it came to is in %s", w.dir))
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
	case f.skip < 0:
		return fmt.Errorf("--skip %s: a time above 0 is needed", f.skip)
	case f.timeLimit < 0:
		return fmt.Errorf("--time-limit %s: a time above 0 is needed", f.timeLimit)
	case math.IsNaN(f.heatWeight) || math.IsInf(f.heatWeight, 0):
		return fmt.Errorf("--heat-weight %g: a finite number is needed", f.heatWeight)
	case !slices.ContainsFunc(optim.Methods(), func(m [2]string) bool { return m[0] == f.optimizer }):
		return fmt.Errorf("--optimizer %q: there are %s", f.optimizer, optimizers())
	}
	var err error
	if f.TapeMemory, err = parseBytes(f.tapeMemory); err != nil {
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

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strconv"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/text"
	"ampfit/internal/wav"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// runFlags are those of every command that runs a graph.
type runFlags struct {
	run.Options
	input             string
	schedule, filters string
	isolateFlags
}

func (f *runFlags) add(fs *pflag.FlagSet) {
	fs.StringVarP(&f.input, "input", "i", "", "dry signal for the InputNode (WAV)")
	fs.IntVar(&f.Block, "block", graph.DefaultBlock, "frames rendered at a time; sounds do not depend on it, gradients but for rounding")
	fs.BoolVar(&f.KeepLatency, "keep-latency", false, "leave the graph's own latency in its output")
	fs.StringVar(&f.schedule, "schedule", "auto", "order of rendering: auto, kpn or ipls; results do not depend on it")
	fs.IntVar(&f.Threads, "threads", runtime.NumCPU(), "workers; results do not depend on their number")
	fs.StringVar(&f.filters, "oversampling", "standard", "filters around oversampled nodes: standard or low_latency")
	fs.BoolVar(&f.Profile, "profile", false, "print a table of time, delay and heat of every node")
	f.isolateFlags.add(fs)
}

func (f *runFlags) check() (err error) {
	f.Audio = adjoint.ReadAudio
	if f.Schedule, err = run.ParseSchedule(f.schedule); err != nil {
		return fmt.Errorf("--schedule %w", err)
	}
	switch f.filters {
	case "standard":
	case "low_latency":
		f.LowLatency = true
	default:
		return fmt.Errorf("--oversampling %q: allowed are standard and low_latency", f.filters)
	}
	if f.Threads < 1 || f.Threads > 256 {
		return fmt.Errorf("--threads %d: allowed are 1 to 256", f.Threads)
	}
	if f.Block < 1 || f.Block > graph.Grid {
		return fmt.Errorf("--block %d: allowed are 1 to %d frames", f.Block, graph.Grid)
	}
	return f.isolateFlags.check()
}

// remarks prints what was understood of a graph in another way than it is written.
func remarks(g *graph.Graph, warn io.Writer) {
	for _, n := range g.Notes {
		fmt.Fprintln(warn, "ampfit: note: "+n)
	}
}

// load reads a graph and the dry signal for it; the faults of both come at once.
func (f *runFlags) load(path string, warn io.Writer) (*graph.Graph, *wav.Audio, error) {
	g, graphErr := graph.Load(path)
	in, err := f.read(g, warn)
	return g, in, errors.Join(err, graphErr)
}

// read reads the dry signal, nil without -i. It refuses one that is missing
// though the graph asks for it, or that nothing plays. The graph is nil when
// it could not be loaded.
func (f *runFlags) read(g *graph.Graph, warn io.Writer) (*wav.Audio, error) {
	if g != nil {
		switch inputs := g.Inputs(); {
		case f.input == "" && len(inputs) > 0:
			return nil, fmt.Errorf("%s: the node %q plays the dry signal; give one with -i DRY.wav", g.Path, inputs[0].Name)
		case f.input != "" && len(inputs) == 0:
			return nil, fmt.Errorf("-i %s: %s has no InputNode that would play it; add one, or leave -i out", f.input, g.Path)
		}
	}
	if f.input == "" {
		return nil, nil
	}
	return readWav(f.input, warn)
}

// dry fits the dry signal to a rate, which it must have, and to a length: zeros
// behind a short one, a cut (and a warning) for a long one.
func (f *runFlags) dry(in *wav.Audio, g *graph.Graph, rate float64, frames int, against string, warn io.Writer) ([][]float64, error) {
	if in == nil {
		return nil, nil
	}
	if rate != 0 && float64(in.Rate) != rate {
		return nil, fmt.Errorf("%s: %d Hz, but %s runs at %g Hz; convert it, for example with sox %s -r %g out.wav", f.input, in.Rate, against, rate, f.input, rate)
	}
	rows := in.Rows()
	for _, n := range g.Inputs() {
		if c := n.Config.Int("channels"); c > 0 && c != len(rows) && len(rows) != 1 {
			return nil, fmt.Errorf("%s: %s, but the node %q of %s takes %d; convert it, or change the node's config", f.input, text.Count(len(rows), "channel"), n.Name, g.Path, c)
		}
	}
	if frames > 0 && in.Frames() > frames {
		fmt.Fprintf(warn, "ampfit: warning: %s is %s longer than the run and was cut\n", f.input, text.Count(in.Frames()-frames, "frame"))
	}
	for i := range rows {
		if frames > 0 {
			fitted := make([]float64, frames)
			copy(fitted, rows[i])
			rows[i] = fitted
		}
	}
	return rows, nil
}

// outFile refuses names after -o that are none: an empty one, and the dash that
// stands for stdout elsewhere. Results are whole files, and stdout is for the rest.
func outFile(c *cobra.Command, out, example string) error {
	switch {
	case out == "-":
		return fmt.Errorf("-o -: results are not written to stdout; name a file, such as %s", example)
	case out == "" && c.Flags().Changed("out"):
		return fmt.Errorf("-o \"\": it names no file; give one, such as %s, or leave -o out", example)
	}
	return nil
}

// readWav reads a file and passes its warnings on.
func readWav(path string, warn io.Writer) (*wav.Audio, error) {
	a, err := wav.Read(path)
	switch {
	case path == "":
		return nil, errors.New("\"\": the name of a file is empty; name a WAV file")
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file; check the path", path)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("%s: may not be read; check its permissions", path)
	case err != nil:
		return nil, err
	}
	for _, w := range a.Warnings {
		fmt.Fprintf(warn, "ampfit: warning: %s\n", w) // it names the file
	}
	return a, nil
}

// number prints a value with five significant digits, never in a form that
// needs decoding.
func number(x float64) string {
	switch a := math.Abs(x); {
	case math.IsNaN(x):
		return "–"
	case x == 0:
		return "0"
	case a >= 1e6 || a < 1e-4:
		return fmt.Sprintf("%.4e", x)
	case a >= 1e4:
		return fmt.Sprintf("%.0f", x)
	}
	rounded, _ := strconv.ParseFloat(fmt.Sprintf("%.4e", x), 64) // its own print parses
	digits := 4 - int(math.Floor(math.Log10(math.Abs(rounded))))
	return fmt.Sprintf("%.*f", max(digits, 0), x)
}

// keep refuses an output that would take the place of an input.
func keep(out string, inputs ...string) error {
	to, err := os.Stat(out)
	if err != nil {
		return nil // nothing is there
	}
	for _, in := range inputs {
		if in == "" {
			continue
		}
		if from, err := os.Stat(in); err == nil && os.SameFile(from, to) {
			return fmt.Errorf("%s: the result would be written over this input; name another file with -o", out)
		}
	}
	return nil
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"text/tabwriter"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/atomicfile"
	"ampfit/internal/draw"
	"ampfit/optim"

	"github.com/spf13/cobra"
)

func newGraph(stdout, stderr io.Writer) *cobra.Command {
	var f runFlags
	var out string
	var channels, search bool
	c := &cobra.Command{
		Use:   "graph GRAPH.json [-o graph.svg]",
		Short: "Show how a graph runs: latencies, stages, cohorts, tape",
		Long: `graph prints the plan of a graph: every node with stage and delay, every edge
with its read offset and what that is made of, the cohorts that one kernel call
runs side by side, and how the tape of a gradient over 10 s would be kept. With
-o it draws the plan as SVG, with --profile it renders one second (of -i, or of
silence) and prints the time, delay and heat of every node. With --plan it prints
in their place the stages of the search that a fit of the graph would make: which
have anything to do, and why.`,
		Args: oneGraph,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := errors.Join(outFile(c, out, "graph.svg"), keep(out, args[0], f.input)); err != nil {
				return err
			}
			return interruptible(c.Context(), func() error {
				if search {
					return describeSearch(args[0], &f, stdout, stderr)
				}
				return describe(args[0], out, channels, &f, stdout, stderr)
			})
		},
	}
	f.add(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "", "also draw the plan into this SVG file")
	c.Flags().BoolVar(&channels, "channels", false, "print every channel with its cursors after one second")
	c.Flags().BoolVar(&search, "plan", false, "print the stages of the search for a fit, and why each runs or not")
	c.MarkFlagsMutuallyExclusive("plan", "out")
	c.MarkFlagsMutuallyExclusive("plan", "channels")
	return c
}

// describeSeconds is the length of the gradient whose tape is described.
const describeSeconds = 10

func describe(path, out string, channels bool, f *runFlags, stdout, stderr io.Writer) error {
	g, input, err := loadWithInput(path, f, stderr)
	if err != nil {
		return err
	}
	rate := rateOf(g)
	o := adjoint.Options{Rate: rate, Frames: int(describeSeconds * rate), Options: f.Options}
	plan, err := graph.NewPlan(g, graph.Options{Rate: rate, Frames: o.Frames, Channels: len(input), Settings: f.Settings})
	if err != nil {
		return err
	}
	how := f.Options
	how.CheckReads, how.Heat, how.Segment = channels, f.Profile, graph.Grid
	run := run.New(plan, how)
	run.Input = input
	fmt.Fprint(stdout, run.Describe())
	tape, err := adjoint.PlanTape(plan, o)
	if err != nil {
		return failed(err)
	}
	fmt.Fprintf(stdout, "\na gradient over %d s: %s\n", describeSeconds, tape)
	if channels || f.Profile {
		for run.End() < int64(rate) {
			run.Advance(graph.Grid)
		}
	}
	if channels {
		fmt.Fprint(stdout, "\n"+run.Channels())
	}
	if f.Profile {
		fmt.Fprintf(stdout, "\nthe first second:\n%s", run.Profile())
	}
	if out != "" {
		if err := atomicfile.Write(out, func(w io.Writer) error { return draw.SVG(w, run) }); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "\ndrawn into %s\n", out)
	}
	return nil
}

// loadWithInput reads a graph, and the dry signal where there is one.
func loadWithInput(path string, f *runFlags, stderr io.Writer) (*graph.Graph, [][]float64, error) {
	g, err := graph.Load(path)
	if err != nil {
		return nil, nil, err
	}
	remarks(g, stderr)
	if f.input == "" {
		return g, nil, nil
	}
	in, err := f.read(g, stderr)
	if err != nil {
		return nil, nil, err
	}
	input, err := f.dry(in, g, g.Rate, 0, path, stderr)
	return g, input, err
}

// rateOf is the rate at which a graph is described.
func rateOf(g *graph.Graph) float64 { return cmp.Or(g.Rate, 48000) }

// planSeconds is the length of the noise that stands for the recordings of a fit
// whose search is described.
const planSeconds = 2

// describeSearch prints the stages of the search for a graph. Noise stands for the
// recording, and for the dry signal of a graph that takes one in.
func describeSearch(path string, f *runFlags, stdout, stderr io.Writer) error {
	g, input, err := loadWithInput(path, f, stderr)
	if err != nil {
		return err
	}
	rate := rateOf(g)
	plan, err := graph.NewPlan(g, graph.Options{Rate: rate, Channels: len(input), Settings: f.Settings})
	if err != nil {
		return err
	}
	noise := func(channels int) [][]float64 {
		rng, rows := rand.New(rand.NewPCG(1, 1)), make([][]float64, channels)
		for i := range rows {
			rows[i] = make([]float64, int(planSeconds*rate))
			for n := range rows[i] {
				rows[i][n] = 0.1 * rng.NormFloat64()
			}
		}
		return rows
	}
	if slices.ContainsFunc(plan.Units, func(u *graph.Unit) bool { return u.Type.External }) {
		input = noise(max(len(input), 1))
	}
	stages, err := optim.Plan(g, optim.FitOptions{Target: noise(plan.Output.Channels), Input: input, Rate: rate, Options: f.Options})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	for i, s := range stages {
		if i == 0 {
			fmt.Fprintf(w, "the search of auto for %s\n", s.Loss)
		} else if s.Loss != stages[i-1].Loss {
			fmt.Fprintf(w, "\nand in its place, where the waveform is lost, for %s\n", s.Loss)
		}
		runs := "–"
		if s.Ran {
			runs = "runs"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", s.Name, runs, s.Why)
	}
	return w.Flush()
}

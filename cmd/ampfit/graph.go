package main

import (
	"errors"
	"fmt"
	"io"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/atomicfile"
	"ampfit/internal/draw"

	"github.com/spf13/cobra"
)

func newGraph(stdout, stderr io.Writer) *cobra.Command {
	var f runFlags
	var out string
	var channels bool
	c := &cobra.Command{
		Use:   "graph GRAPH.json [-o graph.svg]",
		Short: "Show how a graph runs: latencies, stages, cohorts, tape",
		Long: `graph prints the plan of a graph: every node with stage and delay, every edge
with its read offset and what that is made of, the cohorts that one kernel call
runs side by side, and how the tape of a gradient over 10 s would be kept. With
-o it draws the plan as SVG, with --profile it renders one second (of -i, or of
silence) and prints the time, delay and heat of every node.`,
		Args: oneGraph,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := errors.Join(outFile(c, out, "graph.svg"), keep(out, args[0], f.input)); err != nil {
				return err
			}
			return interruptible(c.Context(), func() error { return describe(args[0], out, channels, &f, stdout, stderr) })
		},
	}
	f.add(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "", "also draw the plan into this SVG file")
	c.Flags().BoolVar(&channels, "channels", false, "print every channel with its cursors after one second")
	return c
}

// describeSeconds is the length of the gradient whose tape is described.
const describeSeconds = 10

func describe(path, out string, channels bool, f *runFlags, stdout, stderr io.Writer) error {
	g, err := graph.Load(path)
	if err != nil {
		return err
	}
	rate := g.Rate
	if rate == 0 {
		rate = 48000
	}
	var input [][]float64
	if f.input != "" {
		in, err := f.read(g, stderr)
		if err != nil {
			return err
		}
		if input, err = f.dry(in, g, g.Rate, 0, path, stderr); err != nil {
			return err
		}
	}
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

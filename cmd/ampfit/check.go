package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/internal/wav"

	"github.com/spf13/cobra"
)

func newCheck(stdout, stderr io.Writer) *cobra.Command {
	var f runFlags
	var seed uint64
	c := &cobra.Command{
		Use:   "check GRAPH.json [-i DRY.wav]",
		Short: "Check the gradient of a graph against differences",
		Long: `check differentiates a random projection of the first quarter second of the
output and compares the adjoint with difference quotients (a row for every
parameter), with Taylor remainders and with the dot-product test. Without -i an
InputNode gets seeded noise. At a kink it says which slope the adjoint takes, and
compares beside it. Exit code 1 when a gradient is wrong.`,
		Args: oneGraph,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			return check(c.Context(), args[0], &f, seed, stdout, stderr)
		},
	}
	f.add(c.Flags())
	c.Flags().Uint64Var(&seed, "seed", 0, "seed of projection and directions")
	return c
}

func check(ctx context.Context, path string, f *runFlags, seed uint64, stdout, stderr io.Writer) error {
	var g *graph.Graph
	var in *wav.Audio
	err := interruptible(ctx, func() (err error) {
		var graphErr error
		g, graphErr = graph.Load(path)
		if f.input != "" { // else noise
			in, err = f.read(g, stderr)
		}
		return errors.Join(graphErr, err)
	})
	if err != nil {
		return err
	}
	remarks(g, stderr)
	o := adjoint.CheckOptions{Seed: seed}
	o.Options.Options = f.Options
	if in != nil {
		o.Rate = float64(in.Rate)
		if o.Input, err = f.dry(in, g, g.Rate, 0, path, io.Discard); err != nil {
			return err
		}
		if o.Input = sounding(o.Input, int(adjoint.CheckSeconds*o.Rate)); o.Input == nil {
			return fmt.Errorf("-i %s: it is silent, so no gradient can be compared with a difference; leave -i out to check with noise", f.input)
		}
		o.Frames = len(o.Input[0])
	}
	var r *adjoint.CheckReport
	err = interruptible(ctx, func() (err error) {
		r, err = adjoint.CheckGraph(g, o)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprint(stdout, r)
	fmt.Fprint(stderr, r.Profile)
	if !r.OK {
		return failed(fmt.Errorf("%s: the gradient is wrong where the table says so", path))
	}
	fmt.Fprintln(stdout, "the gradient is right")
	return nil
}

// sounding is the first frames of rows from where one of them sounds; nil for
// silence.
func sounding(rows [][]float64, frames int) [][]float64 {
	first := len(rows[0])
	for _, row := range rows {
		if n := slices.IndexFunc(row, func(v float64) bool { return v != 0 }); n >= 0 {
			first = min(first, n)
		}
	}
	if first == len(rows[0]) {
		return nil
	}
	var out [][]float64
	for _, row := range rows {
		out = append(out, row[first:min(first+frames, len(row))])
	}
	return out
}

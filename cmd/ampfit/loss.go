package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"ampfit/internal/text"
	"ampfit/internal/wav"
	"ampfit/optim/loss"

	"github.com/spf13/cobra"
)

func newLoss(stdout io.Writer) *cobra.Command {
	var asJSON bool
	var specs []string
	c := &cobra.Command{
		Use:   "loss A.wav B.wav",
		Short: "Every loss and metric between two files",
		Long:  "loss prints how far A, the prediction, is from B, the target. Both need the same\nrate and channels; the longer one is cut.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return fmt.Errorf("two files are needed, %d were given: ampfit loss A.wav B.wav (A is the prediction, B the target)", len(args))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			return interruptible(c.Context(), func() error { return compare(args[0], args[1], specs, asJSON, stdout, c.ErrOrStderr()) })
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().StringArrayVar(&specs, "loss", nil, "also print this loss, such as \"mrstft(512/1024/2048, hop=n/4)\"; may be repeated")
	return c
}

func compare(a, b string, specs []string, asJSON bool, stdout, stderr io.Writer) error {
	x, errA := readWav(a, stderr)
	y, errB := readWav(b, stderr)
	if err := errors.Join(errA, errB); err != nil {
		return err
	}
	switch {
	case x.Rate != y.Rate:
		return fmt.Errorf("%s has %d Hz and %s %d Hz; convert one of them, for example with sox", a, x.Rate, b, y.Rate)
	case x.Channels != y.Channels:
		return fmt.Errorf("%s has %s and %s %d; convert one of them, for example with sox", a, text.Count(x.Channels, "channel"), b, y.Channels)
	}
	n := min(x.Frames(), y.Frames())
	if x.Frames() != y.Frames() {
		fmt.Fprintf(stderr, "ampfit: warning: %s has %s and %s %d; the first %d are compared\n", a, text.Count(x.Frames(), "frame"), b, y.Frames(), n)
	}
	px, py := cut(x, n), cut(y, n)
	metrics := loss.Metrics(px, py, x.Channels, float64(x.Rate))
	for _, spec := range specs {
		l, err := loss.Parse(spec, py, x.Channels, float64(x.Rate))
		if err != nil {
			return err
		}
		metrics = append(metrics, loss.Metric{Name: l.Name(), Value: l.Evaluate(nil, px)})
	}
	if asJSON {
		out := map[string]any{}
		for _, m := range metrics {
			out[m.Name] = finite(m.Value)
		}
		text, err := json.MarshalIndent(out, "", "  ")
		if err != nil {
			return failed(err)
		}
		_, err = fmt.Fprintf(stdout, "%s\n", text)
		return err
	}
	for _, m := range metrics {
		if m.Reason != "" {
			fmt.Fprintf(stdout, "%-12s –  (%s)\n", m.Name, m.Reason)
			continue
		}
		fmt.Fprintf(stdout, "%-12s %.10g\n", m.Name, m.Value)
	}
	return nil
}

// cut returns the first n frames, channel after channel.
func cut(a *wav.Audio, n int) []float64 {
	var rows [][]float64
	for _, r := range a.Rows() {
		rows = append(rows, r[:n])
	}
	return slices.Concat(rows...)
}

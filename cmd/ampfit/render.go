package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/text"
	"ampfit/internal/wav"

	"github.com/spf13/cobra"
)

func newRender(stdout, stderr io.Writer) *cobra.Command {
	var f runFlags
	var out, bits string
	var duration time.Duration
	var hz int
	c := &cobra.Command{
		Use:   "render GRAPH.json [-i DRY.wav] [-o OUT.wav] [--duration 5s]",
		Short: "Run a graph and write what it plays",
		Long: `render runs a graph and writes its output as WAV. The run is as long as the
input, or --duration; an input shorter than that is followed by silence.`,
		Args: oneGraph,
		RunE: func(c *cobra.Command, args []string) error {
			format, err := wav.ParseFormat(bits)
			if err != nil {
				return fmt.Errorf("--bits %q: allowed are 16, 24, 32f and 64f", bits)
			}
			if err := f.check(); err != nil {
				return err
			}
			if err := errors.Join(outFile(c, out, "out.wav"), keep(out, args[0], f.input)); err != nil {
				return err
			}
			if duration < 0 {
				return fmt.Errorf("--duration %s: a time above 0 is needed", duration)
			}
			if c.Flags().Changed("rate") && (hz < 1 || hz > mostRate) {
				return fmt.Errorf("--rate %d: allowed are 1 to %d Hz", hz, mostRate)
			}
			return render(c.Context(), args[0], out, duration, hz, format, &f, stdout, stderr)
		},
	}
	f.add(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "out.wav", "file to write")
	c.Flags().DurationVar(&duration, "duration", 0, "length of the run (default: the input's, or 5s without one)")
	c.Flags().IntVar(&hz, "rate", 0, "sample rate in Hz of a graph that names none and hears nothing (default 48000)")
	c.Flags().StringVar(&bits, "bits", "32f", "sample format: 16, 24, 32f or 64f")
	return c
}

func oneGraph(c *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one graph file is needed, %d were given; see %s --help", len(args), c.CommandPath())
	}
	return nil
}

// mostRate is the highest that --rate takes, more than any recording has.
const mostRate = 10_000_000

// rateFor is the rate of a run: the graph's, else that of the dry signal, else the one
// that was asked for. That one must not differ from the others.
func rateFor(g *graph.Graph, in *wav.Audio, hz int, path, input string) (float64, error) {
	rate := g.Rate
	switch {
	case hz != 0 && rate != 0 && rate != float64(hz):
		return 0, fmt.Errorf("--rate %d: %s runs at %g Hz; leave --rate out, or change \"sample_rate\" there", hz, path, rate)
	case hz != 0 && in != nil && in.Rate != hz:
		return 0, fmt.Errorf("--rate %d: %s has %d Hz; leave --rate out, or convert the recording", hz, input, in.Rate)
	case rate == 0 && in != nil:
		rate = float64(in.Rate)
	case rate == 0:
		rate = float64(cmp.Or(hz, 48000))
	case rate != math.Trunc(rate):
		return 0, fmt.Errorf("%s: a WAV file needs a whole sample rate, not %g Hz", path, rate)
	}
	return rate, nil
}

// Bounds of what is rendered and written at a time.
const (
	renderSegment = 1 << 16 // frames
	renderMemory  = 1 << 30 // bytes, that graphs of thousands of nodes would exceed
)

// segment is how many frames are rendered at a time.
func segment(p *graph.Plan, frames int) int {
	n := min(renderSegment, frames+p.Latency)
	for n > 2*p.Block && run.Costs(p).Cost(n).Run > renderMemory {
		n /= 2
	}
	return n
}

func render(ctx context.Context, path, out string, duration time.Duration, hz int, format wav.Format, f *runFlags, stdout, stderr io.Writer) error {
	var g *graph.Graph
	var in *wav.Audio
	err := interruptible(ctx, func() (err error) {
		g, in, err = f.load(path, stderr)
		return err
	})
	if err != nil {
		return err
	}
	remarks(g, stderr)
	rate, err := rateFor(g, in, hz, path, f.input)
	if err != nil {
		return err
	}
	frames := int(math.Round(duration.Seconds() * rate))
	if duration > 0 && frames == 0 {
		return fmt.Errorf("--duration %s: that is less than a frame", duration)
	}
	if err := room(out, int64(frames)*int64(format.Bytes())); err != nil { // before any memory is taken for it
		return err
	}
	cut := frames
	if in != nil && in.Frames() < frames {
		cut = 0 // the run goes on in silence by itself
	}
	input, err := f.dry(in, g, rate, cut, path, stderr)
	if err != nil {
		return err
	}
	switch {
	case frames == 0 && input != nil:
		frames = len(input[0])
	case frames == 0:
		frames = int(5 * rate)
	}
	plan, err := graph.NewPlan(g, graph.Options{Rate: rate, Frames: frames, Channels: len(input), Settings: f.Settings})
	if err != nil {
		return err
	}
	if err := room(out, int64(frames)*int64(plan.Output.Channels)*int64(format.Bytes())); err != nil {
		return err
	}
	how := f.Options
	how.Heat, how.Segment = f.Profile, segment(plan, frames)
	run := run.New(plan, how)
	run.Input = input
	level, err := record(ctx, run, out, int(rate), format, f.KeepLatency, stderr)
	if err != nil {
		return err
	}
	if f.Profile {
		fmt.Fprint(stderr, run.Profile())
	}
	for _, node := range run.Unconverged() {
		fmt.Fprintf(stderr, "ampfit: warning: %s\n", node)
	}
	_, err = fmt.Fprintf(stdout, "%s: %s, %s, %g Hz, %s\n", out, text.Count(frames, "frame"), text.Count(plan.Output.Channels, "channel"), rate, level)
	return err
}

// record renders into a file and says how loud it is.
func record(ctx context.Context, run *run.Run, out string, rate int, format wav.Format, keepLatency bool, stderr io.Writer) (level string, err error) {
	w, err := wav.Create(out, rate, run.Plan.Output.Channels, format)
	if err != nil {
		return "", err
	}
	peak, err := stream(ctx, run, w, keepLatency)
	if err != nil {
		w.Abort()
		if ctx.Err() != nil {
			return "", errInterrupted
		}
		return "", failed(err)
	}
	if err := w.Close(); err != nil {
		return "", failed(err)
	}
	if n := w.Clipped(); n > 0 {
		keeps := "32f"
		if format == wav.Float32 {
			keeps = "64f"
		}
		fmt.Fprintf(stderr, "ampfit: warning: %s beyond full scale clipped; use --bits %s to keep what is beyond\n", text.Count(int(n), "sample"), keeps)
	}
	if peak == 0 {
		return "silent", nil
	}
	return fmt.Sprintf("peak %.1f dB", 20*math.Log10(peak)), nil
}

// stream renders segment by segment into the writer and returns the peak.
func stream(ctx context.Context, run *run.Run, w *wav.Writer, keepLatency bool) (peak float64, err error) {
	err = run.Stream(keepLatency, func(rows [][]float64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, row := range rows {
			for _, v := range row {
				peak = math.Max(peak, math.Abs(v))
			}
		}
		err := w.WriteRows(rows)
		if node := run.Broken(); err != nil && node != "" {
			return fmt.Errorf("%w: %s; turn down gains or feedback there", err, node)
		}
		return err
	})
	return peak, err
}

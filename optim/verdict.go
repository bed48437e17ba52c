package optim

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ampfit/optim/analysis"
	"ampfit/optim/loss"
)

// Verdict says how good a fit is, in words and against what needs no fit.
type Verdict struct {
	Grade  string // excellent, good, poor or failed
	Text   string // one line: grade, and against what
	Reason string // the likely one, where the fit is not good; may be empty
	Next   string // what to try then; may be empty

	Measure string // of the following: esr, or the loss
	Fit     float64
	Silence float64 // of silence
	Gain    float64 // of the output at the start with the best gain, which may be negative
	Filter  float64 // of the best filter of the dry signal; NaN where there is none, or the fit is good
}

// Failed reports whether the fit is no better than silence or a gain.
func (v *Verdict) Failed() bool { return v.Grade == "failed" }

// Grades: an error of 40 dB below a sound is hard to hear beside it, one of 20 dB
// is heard as a change of colour. Spectra differ by the mean of a ratio and a
// logarithm: 0.1 is less than 1 dB, 0.5 is what another take of the same player
// leaves.
const (
	excellentWave, goodWave       = 1e-4, 1e-2
	excellentSpectra, goodSpectra = 0.1, 0.5
	noBetter                      = 0.98 // of silence or of the best gain
	mostlyKnown                   = 0.25 // of the target: above, too much is left to say what it is
)

// judge compares the fitted output with what needs no fit. The reader of a fit that
// was ended asks the same question, so it takes a moment more.
func (f *fit) judge(ctx context.Context) *Verdict {
	if ctx.Err() != nil {
		more, cancel := context.WithTimeout(context.WithoutCancel(ctx), moment)
		defer cancel()
		ctx = more
	}
	waveform := f.problem.Quadratic() || loss.Decibels(f.problem.Loss)
	v := &Verdict{Measure: "esr", Filter: math.NaN()}
	excellent, good := excellentWave, goodWave
	measure := f.esr
	if !waveform {
		v.Measure, measure = f.problem.LossName(), func(y []float64) float64 { return f.problem.Loss.Evaluate(nil, y) }
		excellent, good = excellentSpectra, goodSpectra
	}
	output, start := slices.Concat(f.result.Output...), slices.Concat(f.result.Start...)
	v.Fit, v.Silence = measure(output), measure(make([]float64, len(output)))
	v.Gain = measure(scaledTo(start, f.problem.Target))
	switch {
	case v.Fit <= excellent:
		v.Grade = "excellent"
	case v.Fit <= good:
		v.Grade = "good"
	case waveform && v.Fit <= mostlyKnown && f.unrelated(ctx, output):
		v.Grade, v.Reason = "good", "what is left has nothing of the dry signal: noise, hum or another source"
	case !(v.Fit < noBetter*min(v.Silence, v.Gain)):
		v.Grade = "failed"
	default:
		v.Grade = "poor"
	}
	if v.Grade == "poor" || v.Grade == "failed" {
		if waveform && len(f.options.Input) > 0 && ctx.Err() == nil {
			v.Filter = f.filterLeaves(ctx)
		}
		f.explain(ctx, v)
	}
	v.Text = fmt.Sprintf("%s fit: %s %.3g, where silence has %.3g and the start with its best gain %.3g", v.Grade, v.Measure, v.Fit, v.Silence, v.Gain)
	if !math.IsNaN(v.Filter) {
		most := ""
		if ctx.Err() != nil { // the filter was not yet the best
			most = "at most "
		}
		v.Text += fmt.Sprintf(", the best filter of %d taps %s%.3g", filterTaps, most, v.Filter)
	}
	return v
}

// esr is the error of y of the target's energy.
func (f *fit) esr(y []float64) float64 {
	var rest, all float64
	for n, t := range f.problem.Target {
		if n%f.problem.Frames() < f.problem.Skip() {
			continue
		}
		rest += (y[n] - t) * (y[n] - t)
		all += t * t
	}
	return rest / all
}

// scaledTo is y with the gain that brings it closest to a target.
func scaledTo(y, target []float64) []float64 {
	var yt, yy float64
	for n, v := range y {
		yt += v * target[n]
		yy += v * v
	}
	out := make([]float64, len(y))
	for n, v := range y {
		out[n] = v * yt / math.Max(yy, 1e-300)
	}
	return out
}

// unrelated reports whether what an output leaves of the target has nothing of the
// dry signal.
func (f *fit) unrelated(ctx context.Context, output []float64) bool {
	frames, skip := f.problem.Frames(), f.problem.Skip()
	if len(f.options.Input) == 0 || frames-skip < unrelatedFrames {
		return false
	}
	for c := range f.problem.Channels {
		left, dry := make([]float64, frames), make([]float64, frames)
		for n := skip; n < frames; n++ {
			left[n] = f.problem.Target[c*frames+n] - output[c*frames+n]
		}
		copy(dry, f.options.Input[min(c, len(f.options.Input)-1)])
		if !analysis.Unrelated(ctx, left, dry) {
			return false
		}
	}
	return true
}

// moment is what nobody minds waiting for once a fit was ended.
const moment = 250 * time.Millisecond

// unrelatedFrames is the least length from which that can be told.
const unrelatedFrames = 4096

// The filter that a fit is compared with: taps, and seconds of the sound.
const (
	filterTaps    = 512
	filterSeconds = 10
)

// filterLeaves is the error that the best filter of the dry signal leaves of the
// first seconds of the target; a bound of it where ctx ends on the way.
func (f *fit) filterLeaves(ctx context.Context) float64 {
	p := f.problem
	frames := min(p.Frames(), int(filterSeconds*p.Model.Plan.Rate))
	var dry, target []float64
	for c := range p.Channels {
		row := make([]float64, frames)
		copy(row, f.options.Input[min(c, len(f.options.Input)-1)])
		dry, target = append(dry, row...), append(target, p.Target[c*p.Frames():][:frames]...)
	}
	taps := make([]float64, min(filterTaps, frames))
	return analysis.NewFIR(dry, p.Channels, len(taps)).Best(ctx, taps, target)
}

// explain names the likely reason of a poor fit and what to try.
func (f *fit) explain(ctx context.Context, v *Verdict) {
	r := f.result
	if len(f.options.Input) > 0 {
		if frames, correlation := f.lagOf(f.options.Input); math.Abs(correlation) >= lateAlike {
			switch {
			case correlation < 0:
				v.Reason, v.Next = "the target is inverted against the dry signal", "--align turns the dry signal over, or let a gain in the graph be negative"
				return
			case math.Abs(frames) >= alignPhase && r.Align == nil:
				v.Reason = fmt.Sprintf("the target lies %.1f frames beside the dry signal", frames)
				v.Next = "--align shifts the dry signal, or put a DelayNode into the graph"
				return
			}
		}
	}
	var bounds []string
	for _, p := range r.Params {
		if slices.Contains(p.Notes, atBound) {
			bounds = append(bounds, p.Node+"."+p.Name)
		}
	}
	switch {
	case v.Grade == "failed" && f.unrelated(ctx, make([]float64, len(f.problem.Target))):
		v.Reason, v.Next = "the target has nothing of the dry signal", "the recording that goes with it (-i)"
	case v.Filter < v.Fit/2:
		v.Reason, v.Next = "a plain filter comes closer, so this is a local minimum or a graph that cannot make it", "other starts (--restarts 8), or a filter in the graph"
	case len(bounds) > 0:
		v.Reason = strings.Join(bounds[:min(len(bounds), 3)], ", ") + " ran into a bound"
		v.Next = `give them a wider "min" and "max", or another graph`
	default:
		v.Reason, v.Next = "a local minimum, or a graph that cannot make this sound", "other starts (--restarts 8), a longer recording, or another graph"
	}
}

// atBound is the note on a parameter that ran into the end of its range.
const atBound = "at its bound"

// lagOf is by how many frames the target is later than a signal, and their
// correlation there.
func (f *fit) lagOf(x [][]float64) (frames, correlation float64) {
	o := f.options
	n := min(len(o.Target[0]), int(lateSeconds*o.Rate))
	cut := func(rows [][]float64) (out [][]float64) {
		for _, row := range rows {
			out = append(out, row[:min(n, len(row))])
		}
		return out
	}
	return analysis.Lag(cut(x), cut(o.Target), min(int(alignSeconds*o.Rate), n/2))
}

// whiteness is how far the spectrum of a residual may lie from flat: the largest
// distance of its cumulated periodogram from a straight line, of the whole, beside
// what chance makes of white noise once in a thousand.
//
// Source: M. S. Bartlett, An Introduction to Stochastic Processes, 1955 (the
// cumulative periodogram).
const whiteness = 0.05

// roundingLeft is the error that rounding leaves of the arithmetic, which has no
// reason to be white.
const roundingLeft = 1e-10

// unwhite says why no error bars are given, "" where they may be: they are those of
// white noise, so what is left of the target has to be that.
func (f *fit) unwhite(ctx context.Context, output []float64) string {
	if !f.problem.Quadratic() || ctx.Err() != nil {
		return ""
	}
	left := make([]float64, len(output))
	for n := range left {
		left[n] = f.problem.Target[n] - output[n]
	}
	e, frames := f.esr(output), f.problem.Frames()
	switch {
	case e < roundingLeft:
	case len(f.options.Input) > 0 && frames-f.problem.Skip() >= unrelatedFrames && !f.unrelated(ctx, output):
		return fmt.Sprintf("no error bars: what is left of the target (esr %.2g) still follows the dry signal, so they would be those of another question; a graph that explains it has them", e)
	case analysis.FromWhite(left[f.problem.Skip():frames]) > math.Max(whiteness, 1.95/math.Sqrt(float64(frames-f.problem.Skip())/2)):
		return fmt.Sprintf("no error bars: what is left of the target (esr %.2g) is not white noise, so they would be those of another question; a graph that explains it has them", e)
	}
	return ""
}

// disagree names the learned values for which a start that ended as low as the kept
// one found something else.
func (f *fit) disagree(std []float64) map[int]bool {
	out := map[int]bool{}
	starts := f.result.Starts
	kept := slices.IndexFunc(starts, func(s FitStart) bool { return s.Kept })
	if kept < 0 {
		return out
	}
	for _, s := range starts {
		if s.Final > starts[kept].Final*1.05+roundingLeft {
			continue
		}
		for i := range s.Found {
			v := &f.problem.Variables[i]
			apart := math.Abs(s.Found[i] - starts[kept].Found[i])
			if apart > 10*cmp.Or(std[i], 1e-3*v.Natural(starts[kept].Found[i])) {
				out[i] = true
			}
		}
	}
	return out
}

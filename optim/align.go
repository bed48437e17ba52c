package optim

import (
	"fmt"
	"math"
	"slices"

	"ampfit/optim/analysis"
)

// Alignment is how the target lies against the output of the graph at its start.
type Alignment struct {
	Lag         float64 // frames by which the target is late, with a fraction
	Frames      int     // whole frames that the dry signal was shifted by
	Correlation float64 // of the two at that lag, from -1 to 1
	Turned      bool    // the target is inverted, so the dry signal was turned over
	Rate        float64 // Hz
	Cut         int     // frames at the end of the target that no dry signal is left for
}

// Bounds of an alignment.
const (
	alignSeconds = 1.0 // largest lag
	alignLeast   = 0.1 // least correlation of a lag that is believed
	alignPhase   = 8   // frames within which a filter's phase may pass for a lag
)

// String is the note on it.
func (a *Alignment) String() string {
	late := fmt.Sprintf("%.2f frames (%.3g ms) behind", a.Lag, 1000*a.Lag/a.Rate)
	if a.Lag < 0 {
		late = fmt.Sprintf("%.2f frames (%.3g ms) ahead of", -a.Lag, -1000*a.Lag/a.Rate)
	}
	text := fmt.Sprintf("the target is %s the output of the graph at its start (correlation %.2f): ", late, a.Correlation)
	switch {
	case math.Abs(a.Correlation) < alignLeast:
		return fmt.Sprintf("target and output of the graph are too different to be aligned (largest correlation %.2g): nothing was shifted", a.Correlation)
	case a.Frames == 0 && a.Turned:
		return text + "less than a frame, so nothing was shifted, but it is inverted, so the dry signal was turned over"
	case a.Frames == 0:
		return text + "less than a frame, so nothing was shifted"
	}
	if a.Turned {
		text += "it is inverted, so the dry signal was turned over; "
	}
	text += fmt.Sprintf("the dry signal was shifted by %d frames, which leaves %.2f", a.Frames, a.Lag-float64(a.Frames))
	if math.Abs(a.Lag) < alignPhase {
		text += "; so little may as well be the phase of a filter that the fit finds by itself: compare with a fit without --align"
	}
	if a.Frames > 0 {
		text += fmt.Sprintf("; the first %d frames of the target have none", a.Frames)
	}
	if a.Cut > 0 {
		text += fmt.Sprintf("; the last %d frames of the target have no dry signal and were left out", a.Cut)
	}
	return text
}

// align finds the lag of the target behind the output at the start, or behind
// the dry signal where that is silent, and returns the options with the dry signal
// shifted so that whole frames of it are gone.
func (f *fit) align() (FitOptions, error) {
	o := f.options
	if len(o.Input) == 0 {
		return o, fmt.Errorf("--align: there is no dry signal to align the target with; give one with -i, or leave --align out")
	}
	f.problem.Evaluate(nil, f.problem.Start())
	from := f.output()
	if !slices.ContainsFunc(from, audible) {
		from = o.Input
	}
	most := min(int(alignSeconds*o.Rate), len(o.Target[0])/2)
	a := &Alignment{Rate: o.Rate}
	a.Lag, a.Correlation = analysis.Lag(from, o.Target, most)
	if math.Abs(a.Correlation) >= alignLeast {
		a.Frames, a.Turned = int(math.Round(a.Lag)), a.Correlation < 0
	}
	frames := len(o.Target[0])
	input := make([][]float64, len(o.Input))
	for i, row := range o.Input {
		if a.Frames >= 0 {
			input[i] = append(make([]float64, a.Frames), row...)
		} else {
			input[i] = row[min(-a.Frames, len(row)):]
		}
	}
	if short := frames - len(input[0]); a.Frames < 0 && short > 0 && len(o.Input[0]) >= frames {
		a.Cut = short
		o.Target = slices.Clone(o.Target)
		for c, row := range o.Target {
			o.Target[c] = row[:frames-short]
		}
		frames -= short
	}
	for i, row := range input {
		input[i] = append(make([]float64, 0, frames), row[:min(frames, len(row))]...)
		input[i] = append(input[i], make([]float64, frames-len(input[i]))...)
		if a.Turned {
			for n, v := range input[i] {
				input[i][n] = -v
			}
		}
	}
	o.Input, o.Align, o.aligned = input, false, a
	return o, nil
}

// Limits of what is said of a target that was not aligned.
const (
	lateError   = 1e-2 // of the fitted output: below, nothing is late
	lateAlike   = 0.5  // least correlation
	lateSeconds = 20.0 // of the sound that is looked at
)

// lateness is a note where the fitted output is like the target but inverted, or not
// at the same time, which no filter mends.
func (f *fit) lateness() string {
	o := f.options
	if len(o.Input) == 0 || o.Align || o.aligned != nil {
		return ""
	}
	frames := min(len(o.Target[0]), int(lateSeconds*o.Rate))
	var x, y [][]float64
	var rest, all float64
	for c, row := range o.Target {
		x, y = append(x, f.result.Output[c][:frames]), append(y, row[:frames])
		for n, v := range y[c] {
			rest += (x[c][n] - v) * (x[c][n] - v)
			all += v * v
		}
	}
	if !(rest > lateError*all) {
		return ""
	}
	l, correlation := analysis.Lag(x, y, min(int(alignSeconds*o.Rate), frames/2))
	if dry, alike := f.lagOf(o.Input); correlation < 0 && alike <= -lateAlike { // a fit of an inverted target bends the phase
		l, correlation = dry, alike
	}
	if math.Abs(correlation) < lateAlike || math.Abs(l) < alignPhase && correlation > 0 {
		return ""
	}
	if math.Abs(l) < alignPhase {
		return fmt.Sprintf("the target seems to be inverted against the dry signal (correlation %.2f): --align turns it over; a gain that may be negative does, too", correlation)
	}
	text := fmt.Sprintf("the target seems to be %.1f frames behind the fitted output (correlation %.2f): --align shifts the dry signal", l, correlation)
	if l < 0 {
		text = fmt.Sprintf("the target seems to be %.1f frames ahead of the fitted output (correlation %.2f): --align shifts the dry signal", -l, correlation)
	}
	if correlation < 0 {
		text += " and turns it over, as the target is inverted; a gain that may be negative does, too"
	}
	return text
}

package search

import (
	"fmt"
	"math"
	"slices"

	"ampfit/internal/fft"
	"ampfit/optim/method"
)

// Alignment is how the target lies against the output of the graph at its start.
type Alignment struct {
	Lag         float64 // frames by which the target is late, with a fraction
	Frames      int     // whole frames that the dry signal was shifted by
	Correlation float64 // of the two at that lag, at most 1
	Rate        float64 // Hz
	Cut         int     // frames at the end of the target that no dry signal is left for
}

// Bounds of an alignment.
const (
	alignSeconds = 1.0 // largest lag
	alignLeast   = 0.1 // least correlation of a lag that is believed
	alignFloor   = 0.1 // of the loudest bin: how far below it spectra are evened out
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
	case a.Frames == 0:
		return text + "less than a frame, so nothing was shifted"
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
	f.objective.Evaluate(nil, f.objective.Start())
	from := f.output()
	if !slices.ContainsFunc(from, sounds) {
		from = o.Input
	}
	most := min(int(alignSeconds*o.Rate), len(o.Target[0])/2)
	a := &Alignment{Rate: o.Rate}
	a.Lag, a.Correlation = lag(from, o.Target, most)
	if math.Abs(a.Correlation) >= alignLeast {
		a.Frames = int(math.Round(a.Lag))
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

// lateness is a note where the fitted output is like the target but not at the
// same time, which no filter mends.
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
	l, correlation := lag(x, y, min(int(alignSeconds*o.Rate), frames/2))
	if math.Abs(correlation) < lateAlike || math.Abs(l) < alignPhase {
		return ""
	}
	where := "behind"
	if l < 0 {
		where, l = "ahead of", -l
	}
	return fmt.Sprintf("the target seems to be %.1f frames %s the fitted output (correlation %.2f): --align shifts the dry signal", l, where, math.Abs(correlation))
}

// lag returns by how many frames y is later than x, at most so many, and their
// correlation there. It is where the filter that makes y of x has its largest value: the
// plain correlation is that of the loudest partials, and follows the phase of whatever
// lies between x and y. Channels count together; where one has fewer, its last stands
// for the others. The fraction is that of the parabola through the largest value and
// its neighbours.
//
// Source: C. H. Knapp, G. C. Carter, The Generalized Correlation Method for
// Estimation of Time Delay, IEEE Trans. ASSP 24(4), 1976 (the Roth processor).
func lag(x, y [][]float64, most int) (frames, correlation float64) {
	size := 16
	for size < len(y[0])+most+1 {
		size *= 2
	}
	plan := fft.NewPlan(size)
	re, im := make([]float64, plan.Bins()), make([]float64, plan.Bins())
	work := plan.Scratch()
	spectrum := func(row []float64) (re, im []float64, energy float64) {
		padded := make([]float64, size)
		copy(padded, row[:min(len(row), len(y[0]))])
		re, im = make([]float64, plan.Bins()), make([]float64, plan.Bins())
		plan.Forward(re, im, padded, work)
		return re, im, method.Dot(padded, padded)
	}
	ex, ey, power := 0.0, 0.0, make([]float64, plan.Bins())
	for c := range max(len(x), len(y)) {
		xr, xi, e := spectrum(x[min(c, len(x)-1)])
		yr, yi, g := spectrum(y[min(c, len(y)-1)])
		ex, ey = ex+e, ey+g
		for k := range power {
			power[k] += xr[k]*xr[k] + xi[k]*xi[k]
		}
		for k := range re { // conj(X) Y is the spectrum of Σ x[n] y[n+l]
			re[k] += xr[k]*yr[k] + xi[k]*yi[k]
			im[k] += xr[k]*yi[k] - xi[k]*yr[k]
		}
	}
	if ex == 0 || ey == 0 {
		return 0, 0
	}
	plain, r := make([]float64, size), make([]float64, size)
	plan.Inverse(plain, re, im, work)
	floor := alignFloor * slices.Max(power)
	for k, p := range power {
		re[k], im[k] = re[k]/(p+floor), im[k]/(p+floor)
	}
	plan.Inverse(r, re, im, work)
	at := func(l int) float64 { return r[(l+size)%size] }
	best := 0
	for l := -most; l <= most; l++ {
		if math.Abs(at(l)) > math.Abs(at(best)) {
			best = l
		}
	}
	sign := math.Copysign(1, at(best))
	before, here, after := sign*at(best-1), sign*at(best), sign*at(best+1)
	frames = float64(best)
	if bend := before - 2*here + after; bend < 0 {
		frames += min(max((before-after)/(2*bend), -0.5), 0.5)
	}
	return frames, plain[(best+size)%size] / math.Sqrt(ex*ey)
}

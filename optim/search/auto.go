package search

import (
	"context"
	"math"
	"slices"
	"strings"

	"ampfit/optim/loss"
	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// The stages of the optimiser "auto", in the order in which they run. A stage
// without rounds (proposes) hands its points to the next one that has some.

// waveform is for the losses that compare waveforms. Those of frequencies, rates
// and delays have many minima.
var waveform = []*Stage{
	solvedTaps,    // taps, by least squares
	firstDescent,  // from the start, a few steps where stages below do better
	tailDescent,   // a reverberator's waveform, as long as it can be followed
	unrelatedRest, // ends the search
	asleep,        // along parameters without slope
	movedDelays,   // delays, and what moves delays and corners
	fullDescent,   // the whole way from there
	unrelatedRest, // ends the search
	ends,          // values exactly on the bounds that they began at or ran into
	rates,         // rate and phase of low-frequency oscillators
	guided,        // by the spectra of the sound
	valleys,       // proposes: the lowest along each parameter
	randomPoints,  // proposes
	guidedPoints,  // proposes: random points, led by the spectra
	bestValleys,   // descends from them, round after round
	overToSpectra, // where the waveform is lost: the other table, from the start
}

// effectSpectra are for spectra of what an effect makes of a dry signal.
var effectSpectra = []*Stage{
	knownTaps,    // proposes: taps by least squares
	knownRoom,    // proposes: what the target says of a reverberation
	plainDescent, // from the lowest of these
}

// spectra are for all spectra, after that: from coarse to fine.
var spectra = []*Stage{
	knownTaps,      // proposes
	partials,       // proposes: banks of partials, levels and decays of the target
	pitches,        // proposes: oscillators at the pitch or at the partials
	modulators,     // proposes: two oscillators of which one modulates the other
	vibrato,        // proposes: the movement of the pitch
	coarseDescent,  // from the best of these, on short and few windows
	valleys,        // proposes: the lowest along each parameter
	randomPoints,   // proposes
	sharedPartials, // proposes: pitches that have partials in common
	coarseBest,     // descends from them, twice where that gains
	fineDescent,    // on the loss itself
	lowestDescent,  // from the lowest point on the way
	stretches,      // the waveform, in growing stretches
	lastDescent,    // on the loss itself again, where those gained
}

// tableFor is the table for the loss of a problem. Of a sound too short for the
// coarse windows, spectra are searched like waveforms.
func tableFor(s *State) []*Stage {
	switch {
	case s.Problem.Quadratic():
		return waveform
	case s.Sieve == s.Problem:
		return slices.Concat(effectSpectra, waveform)
	}
	return slices.Concat(effectSpectra, spectra)
}

func init() {
	method.Register(method.Entry{
		Name: "auto", Doc: "A search for good starts (partials and pitch of the target, delays and what moves them, each parameter by itself, random points) and a descent from the best: Levenberg-Marquardt for esr and mse, Adam and then L-BFGS for spectra.",
		Run: func(ctx context.Context, o method.Objective, x []float64, set method.Settings) (float64, error) {
			return New(o.(*problem.Problem), false).Run(ctx, x, o.Evaluate(nil, x), set)
		},
	})
}

// Plan says of each stage of the search for a problem, in order, whether it has
// anything to do and why; free is as for New.
func Plan(p *problem.Problem, free bool) []Record {
	s := New(p, free)
	var out []Record
	for {
		st := s.newState(s.Problem.Start(), math.Inf(1), method.Settings{})
		for _, stage := range tableFor(st) {
			ok, why := stage.asks(st)
			if stage.Needed != nil && ok && !stage.Last {
				_, not := stage.Needed(st)
				why = strings.TrimPrefix(why+", unless "+not, "always, ")
			}
			out = append(out, Record{Name: stage.Name, Doc: stage.Doc, Ran: ok, Why: why, Loss: s.Problem.LossName()})
		}
		other := s.Problem.Under(problem.Spectra)
		if !s.free || other == nil {
			return out
		}
		s.Problem, s.free = other, false
	}
}

// Losses at which a search has nothing left to find: the error of a waveform
// with 24 bits, and what the quantisation of a recording leaves of a spectral
// loss.
const (
	waveformDone = 1e-10
	spectralDone = 5e-4
)

// doneAt is the loss below which a search for a problem ends.
func doneAt(p *problem.Problem) float64 {
	switch {
	case p.LeastSquares():
		return waveformDone
	case loss.Decibels(p.Loss):
		return math.Inf(-1)
	}
	return spectralDone
}

// Done estimates how much of a search is done: of its budget, or of the way to
// the loss at which it ends, counted in powers of ten; whichever is more.
func Done(p *problem.Problem, first, low float64) float64 {
	part := float64(p.Calls) / float64(Budget(p))
	done := waveformDone
	if !p.LeastSquares() {
		done = spectralDone
	}
	if low < first && done < first {
		part = math.Max(part, math.Log(first/math.Max(low, done))/math.Log(first/done))
	}
	return part
}

// localMethod picks the fastest descent that applies.
func localMethod(p *problem.Problem) method.Method {
	if p.LeastSquares() {
		return method.Levenberg
	}
	return lbfgs
}

func lbfgs(ctx context.Context, o method.Objective, x []float64, s method.Settings) (float64, error) {
	m, _ := method.Lookup("lbfgs")
	return m.Run(ctx, o, x, s)
}

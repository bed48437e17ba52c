package search

import (
	"context"
	"fmt"

	"ampfit/optim/problem"
)

// An error of the waveform beyond which the default loss of an effect is that
// of spectra: a reverberation, a tape, anything whose phase the graph cannot
// follow, is matched by ear only. The spectra must gain what spectraGain says,
// or the waveform stays.
//
// A reverberator is fitted by its spectra as soon as the waveform leaves more
// than tailLost: the dry part of the sound keeps that error low, and the least
// error of a tail that cannot be followed is silence in its place.
const (
	waveformLost = 0.5
	spectraGain  = 0.9
)

var overToSpectra = &Stage{
	Name: "spectra in place of the waveform",
	Doc:  "Fits spectra from the start where the waveform is lost, and keeps to them where they come out a tenth better.",
	Last: true,
	Applies: func(s *State) (bool, string) {
		switch {
		case !s.search.free:
			return false, "the loss was asked for"
		case s.Problem.Under(problem.Spectra) == nil:
			return false, "the sound is too short for spectra"
		}
		return true, fmt.Sprintf("where the error stays above %g, of a reverberator above %g", waveformLost, tailLost)
	},
	Needed: func(s *State) (bool, string) {
		return s.F >= waveformLost || s.F > tailLost && reverberates(s.Problem), "the waveform is followed"
	},
	Run: func(_ context.Context, s *State) error {
		s.Problem.Evaluate(nil, s.X)
		p := s.Problem.Under(problem.Spectra)
		s.search.before, s.search.free = p.Loss.Evaluate(nil, s.Problem.Model.Output), false
		s.search.Problem = p
		return nil
	},
}

// Better reports whether the spectra, fitted in place of the waveform, came out
// better by it.
func (s *Search) Better(f float64) bool { return f <= spectraGain*s.before }

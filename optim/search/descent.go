package search

import (
	"cmp"
	"context"
	"math"
	"slices"

	"ampfit/optim/analysis"
	"ampfit/optim/method"
)

const (
	beforeDelays = 15 // steps of the first descent where delays are looked for after it
	beforeTail   = 5  // steps of a descent on a reverberator's waveform
	tailLost     = 1e-4
	judgeable    = 0.25 // of the target left: more is too much to call unrelated
)

var firstDescent = &Stage{
	Name: "first descent",
	Doc:  "Descends from the start, some steps only where delays or a reverberation come after it.",
	Run: func(ctx context.Context, s *State) error {
		x := slices.Clone(s.X)
		f, err := s.Local(ctx, s.Problem, x, method.Settings{Steps: firstSteps(s), Report: s.report})
		s.adopt(s.Problem, Start{X: x, F: f})
		s.full = firstSteps(s) == s.Settings.Steps
		return err
	},
}

// firstSteps is how many steps the first descent takes; 0 is all the way.
func firstSteps(s *State) int {
	all := s.Settings.Steps
	switch {
	case losesTail(s):
		return min(beforeTail, cmp.Or(all, beforeTail))
	case s.Problem.LeastSquares() && len(movements(s.Problem)) > 0 && (all == 0 || all > beforeDelays):
		return beforeDelays
	}
	return all
}

// losesTail reports whether the graph is a reverberator's whose spectra are
// fitted when the waveform is lost.
func losesTail(s *State) bool { return s.search.free && reverberates(s.Problem) }

var tailDescent = &Stage{
	Name: "reverberator's descent",
	Doc:  "Goes on with the waveform of a reverberator as long as each few steps halve its error, and leaves it to its spectra where that ends.",
	Applies: func(s *State) (bool, string) {
		switch {
		case !reverberates(s.Problem):
			return false, "no reverberator is learned"
		case !s.search.free:
			return false, "the loss was asked for"
		}
		return true, "a reverberator is learned"
	},
	Run: func(ctx context.Context, s *State) error {
		for before := math.Inf(1); s.F > tailLost && s.F < before/2; {
			before = s.F
			if err := s.further(ctx, nil, method.Settings{Steps: firstSteps(s)}); err != nil {
				return err
			}
		}
		if s.F > tailLost {
			s.End("the waveform of the tail is lost")
		}
		return nil
	},
}

var fullDescent = &Stage{
	Name: "descent",
	Doc:  "Descends all the way from the best so far.",
	Applies: func(s *State) (bool, string) {
		if firstSteps(s) == s.Settings.Steps {
			return false, "the first descent went all the way"
		}
		return true, "the first descent took some steps only"
	},
	Run: func(ctx context.Context, s *State) error {
		s.full = true
		return s.further(ctx, nil, method.Settings{})
	},
}

var unrelatedRest = &Stage{
	Name:    "unrelated rest",
	Doc:     "Ends the search where what a full descent leaves has nothing to do with the dry signal: no setting of any effect explains it.",
	Applies: canBeUnrelated,
	Needed: func(s *State) (bool, string) {
		return s.F <= judgeable && s.full, "too much is left to judge, or a full descent comes later"
	},
	Run: endIfUnrelated,
}

func canBeUnrelated(s *State) (bool, string) {
	switch {
	case len(s.Problem.Dry) == 0:
		return false, "there is no dry signal"
	case !s.Problem.LeastSquares():
		return false, "no least squares of few parameters"
	}
	return true, "there is a dry signal"
}

func endIfUnrelated(ctx context.Context, s *State) error {
	p, frames := s.Problem, s.Problem.Frames()
	p.Evaluate(nil, s.X)
	for c := range p.Channels {
		left := slices.Clone(p.Target[c*frames : (c+1)*frames])
		for n, v := range p.Model.Output[c*frames : (c+1)*frames] {
			left[n] -= v
		}
		dry := make([]float64, frames)
		copy(dry, p.Dry[min(c, len(p.Dry)-1)])
		clear(left[:p.Skip()])
		if !analysis.Unrelated(ctx, left, dry) {
			return nil
		}
	}
	s.End("what is left has nothing to do with the dry signal")
	return nil
}

package search

import (
	"context"
	"math"
	"slices"

	"ampfit/optim/method"
)

// Limits of the plain descent, in steps.
const (
	plainCoarse = 80
	plainFine   = 100
	plainRounds = 3
	// clearlyBetter is the part of the first spectral loss of an effect at which
	// its start was good enough for a plain descent.
	clearlyBetter = 1.0 / 3
)

// plainDescent is all that a reverberator gets: its gradients are the dearest
// there are, and its loss has no valleys apart from those of decays and levels,
// which are known.
var plainDescent = &Stage{
	Name: "plain descent",
	Doc:  "Descends from the decay that the target shows of a reverberator, from known taps, else from the start: by Adam on coarse windows and on the loss itself, by L-BFGS at the end.",
	Applies: func(s *State) (bool, string) {
		if len(s.Problem.Dry) == 0 {
			return false, "there is no dry signal"
		}
		return true, "the graph is an effect"
	},
	Run: func(ctx context.Context, s *State) error {
		pool := s.Pool
		s.Pool = nil
		for _, t := range pool {
			s.adopt(s.Problem, Start{X: t.X, F: s.Problem.Evaluate(nil, t.X)})
		}
		if s.F <= s.Done {
			return s.reportHere()
		}
		if s.Sieve != s.Problem {
			x := slices.Clone(s.X)
			_, err := s.descend(ctx, s.Sieve, method.InUnits(method.Adam), x, method.Settings{Steps: plainCoarse, LR: coarseRate}, false)
			s.adopt(s.Problem, Start{X: x, F: s.Problem.Evaluate(nil, x)})
			if err != nil {
				return err
			}
		}
		err := s.alternate(ctx, plainFine, plainRounds, 2*fineGain, math.Inf(-1))
		switch {
		case reverberates(s.Problem):
			s.End("a reverberator needs no search")
		case s.F < clearlyBetter*s.First:
			s.End("the plain descent came to a third of the loss")
		}
		return err
	},
}

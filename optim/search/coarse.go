package search

import (
	"context"
	"math"
	"slices"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// A loss of spectra has ridges everywhere, so a line search stops early on it,
// and has as many minima as there are partials. The descent on it goes from
// coarse to fine:
//
//	coarse   Adam on short and few windows that hear only what is loud
//	fine     Adam, then L-BFGS, on the loss itself, as long as it gains
const (
	coarseRate = 0.05
	farBehind  = 2.0 // times the best coarse loss: not descended from
	fineSteps  = 250
	fineRate   = 0.03
	fineGain   = 5e-3 // of a round that goes on
)

// coarseLoss hears 60 dB, through windows that overlap by half.
const coarseLoss = "mrstft(2048/512/128, hop=n/2, floor=0.001)"

// coarseProblem has a loss that is smoother and cheaper than that of spectra; nil
// for other losses, and where the target is too short.
func (s *State) coarseProblem() *problem.Problem {
	if s.Problem.Quadratic() {
		return nil
	}
	return s.Problem.Under(coarseLoss)
}

// coarseRounds are descents on the coarse loss from so many, of so many steps.
func (s *State) coarseRounds(plan [3][2]int) []Round {
	var out []Round
	for _, r := range plan {
		out = append(out, Round{Keep: r[0], Steps: r[1], Behind: farBehind, LR: coarseRate, Method: method.InUnits(method.Adam), On: s.Sieve})
	}
	return out
}

var coarseDescent = &Stage{
	Name: "coarse descent",
	Doc:  "Descends some way on few and short windows from the start and from what the target suggests, and further from the best.",
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		s.Coarse = s.Sieve.Evaluate(nil, s.X)
		starts := append([]Start{{X: s.X, F: s.Coarse}}, s.Pool...)
		for i := range starts[1:] {
			starts[i+1].F = s.Sieve.Evaluate(nil, starts[i+1].X)
		}
		if len(s.Pool) > 0 {
			s.own = slices.Clone(s.Pool[0].X)
		}
		return slices.CompactFunc(lowest(starts, 0), func(a, b Start) bool { return a.F == b.F }), nil
	},
	OnSieve: true,
	Rounds:  func(s *State) []Round { return s.coarseRounds([3][2]int{{16, 12}, {4, 40}, {2, 160}}) },
}

var fineDescent = &Stage{
	Name: "fine descent",
	Doc:  "Descends on the loss itself by Adam and from there by L-BFGS, again as long as that gains.",
	Run:  refine,
}

var lowestDescent = &Stage{
	Name:   "descent from the lowest point",
	Doc:    "Descends once more, from the lowest point on the way, where what was lower on the coarse loss led elsewhere.",
	Needed: func(s *State) (bool, string) { return s.Low.F < s.F, "the best descent began at the lowest point" },
	Run: func(ctx context.Context, s *State) error {
		s.X, s.F = slices.Clone(s.Low.X), s.Low.F
		return refine(ctx, s)
	},
}

var lastDescent = &Stage{
	Name:   "last descent",
	Doc:    "Descends on the loss itself again, in step with the target.",
	Needed: func(s *State) (bool, string) { return s.inStep, "the waveform was not matched better" },
	Run:    refine,
}

func refine(ctx context.Context, s *State) error {
	return s.alternate(ctx, fineSteps, math.MaxInt, fineGain, s.Done)
}

// alternate descends by Adam and from there by L-BFGS with half the steps, so many
// times as long as each gains a part, down to a value.
func (s *State) alternate(ctx context.Context, steps, times int, gain, done float64) error {
	for round := 0; round < times; round++ {
		before := s.F
		err := s.further(ctx, method.InUnits(method.Adam), method.Settings{Steps: steps, LR: fineRate / float64(1+round)})
		if err != nil || s.F <= done {
			return err
		}
		err = s.further(ctx, method.InUnits(lbfgs), method.Settings{Steps: steps / 2})
		if err != nil || s.F <= done || s.F > before-gain*math.Abs(before) || times == math.MaxInt && s.Spent() {
			return err
		}
	}
	return nil
}

package search

import (
	"context"
	"slices"

	"ampfit/abi"
	"ampfit/optim/analysis"
	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// The output of a graph is linear in the taps of a filter whose surroundings are
// linear, so the best taps are known without a search. With y₀ the output without
// taps, u what an impulse as taps adds to it, and t the target, they minimise
//
//	‖u * h − (t − y₀)‖²

const (
	tapsRounds = 6    // of taps and the rest in turn
	tapsSteps  = 12   // of a descent with the rest
	tapsGain   = 1e-2 // of a round that is worth another
)

var solvedTaps = &Stage{
	Name: "solved taps",
	Doc:  "Solves for the taps of filters by least squares, and descends with the other parameters, in turn.",
	Applies: func(s *State) (bool, string) {
		if !s.Problem.Quadratic() {
			return false, "the loss compares no waveforms"
		}
		return some(len(filters(s.Problem)), "vector of taps")
	},
	Run: tapsInTurn,
}

var knownTaps = &Stage{
	Name: "known taps",
	Doc:  "Proposes the taps that match the waveform by least squares.",
	Applies: func(s *State) (bool, string) {
		if len(s.Problem.Dry) == 0 {
			return false, "there is no dry signal"
		}
		return some(len(filters(s.Problem)), "vector of taps")
	},
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		x := s.X
		for _, first := range filters(s.Problem) {
			x = solveTaps(ctx, s.Problem, x, first)
		}
		return []Start{{X: x}}, nil
	},
}

// filters returns the first variables of the vectors that are wholly learned
// taps.
func filters(p *problem.Problem) []int {
	var out []int
	for i := range p.Variables {
		v := &p.Variables[i]
		n := len(v.Param.Values)
		if v.Element == 0 && v.Param.Spec.Role == abi.Taps && !v.HasPrior() && n > 1 && i+n <= len(p.Variables) && p.Variables[i+n-1].Param == v.Param {
			out = append(out, i)
		}
	}
	return out
}

// solveTaps returns x with the best taps of the filter whose variables begin at
// first; they are the best only where the graph is linear in them.
func solveTaps(ctx context.Context, p *problem.Problem, x []float64, first int) []float64 {
	q := p.Variables[first].Param
	taps := make([]float64, len(q.Values))
	p.Set(x)
	p.Hold(q, taps...)
	rest := slices.Clone(p.Forward())
	taps[0] = 1
	p.Hold(q, taps...)
	u := slices.Clone(p.Forward())
	for n := range u {
		u[n] -= rest[n]
		rest[n] = p.Target[n] - rest[n]
	}
	analysis.NewFIR(u, p.Channels, len(taps)).Solve(ctx, taps, rest)
	out := slices.Clone(x)
	for k, h := range taps {
		out[first+k] = p.Variables[first+k].Unbounded(h)
	}
	return out
}

func tapsInTurn(ctx context.Context, s *State) error {
	p := s.Problem
	if err := s.reportHere(); err != nil {
		return err
	}
	isTap := make([]bool, len(s.X))
	for _, first := range filters(p) {
		for k := range p.Variables[first].Param.Values {
			isTap[first+k] = true
		}
	}
	others, at := p.Without(isTap)
	for range tapsRounds {
		before := s.F
		for _, first := range filters(p) {
			x := solveTaps(ctx, p, s.X, first)
			if f := p.Evaluate(nil, x); f < s.F {
				s.adopt(p, Start{X: x, F: f})
				if err := s.reportHere(); err != nil {
					return err
				}
			}
		}
		if err := ctx.Err(); err != nil || s.F <= s.Done {
			return err
		}
		if len(at) == 0 {
			s.End("there is nothing to learn but taps")
			return nil
		}
		p.Set(s.X)
		part := make([]float64, len(at))
		for k, i := range at {
			part[k] = s.X[i]
		}
		f, err := localMethod(others)(ctx, others, part, method.Settings{Steps: tapsSteps})
		x := slices.Clone(s.X)
		for k, i := range at {
			x[i] = part[k]
		}
		s.adopt(p, Start{X: x, F: f})
		if err != nil || f > before*(1-tapsGain) {
			return err
		}
	}
	return nil
}

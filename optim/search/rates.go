package search

import (
	"context"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/optim/problem"
)

const (
	ratesTried = 96
	ratesKeep  = 8  // descended from
	ratesSteps = 12 // of each
)

// rates looks for rate and phase together: a waveform tells a rate only from
// within a part of a turn over the whole run, and at the wrong phase not at all.
// Rates stand a quarter of a turn over the run apart, phases a quarter of a turn.
// Each of the best is descended from, as the depth that belongs to it is not known
// before.
var rates = &Stage{
	Name: "rates",
	Doc:  "Tries rates and phases of low-frequency oscillators together, and descends from the best.",
	Applies: func(s *State) (bool, string) {
		return some(len(rateVariables(s.Problem)), "rate")
	},
	Turns: func(s *State) int { return len(rateVariables(s.Problem)) },
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p := s.Problem
		i := rateVariables(p)[s.Turn]
		var starts []Start
		for _, base := range variants(p, s.Begin, i) {
			at := slices.Clone(base)
			for _, rate := range ratesToTry(p, &p.Variables[i]) {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				at[i] = p.Variables[i].Unbounded(rate)
				starts = append(starts, Start{X: slices.Clone(at), F: p.Evaluate(nil, at)})
			}
		}
		return starts, nil
	},
	Rounds: func(*State) []Round {
		return []Round{{Keep: ratesKeep, Steps: ratesSteps, Adopt: true}, {Keep: 2}}
	},
}

// rateVariables are the learned frequencies of what moves something else.
func rateVariables(p *problem.Problem) []int {
	var out []int
	for i := range p.Variables {
		if v := &p.Variables[i]; isRate(v) && v.Scale == abi.Log {
			out = append(out, i)
		}
	}
	return out
}

func isRate(v *problem.Variable) bool {
	return v.Param.Spec.Role == abi.Rate && v.Param.Spec.Unit == "Hz"
}

// ratesToTry lie evenly from half a turn over the run to 12 Hz, within the range.
func ratesToTry(o *problem.Problem, v *problem.Variable) []float64 {
	seconds := o.Seconds()
	low, high := math.Max(v.Lo*1.01, 0.25/seconds), math.Min(v.Hi*0.99, 12)
	n := int(math.Min(math.Max((high-low)*4*seconds, 2), ratesTried))
	var out []float64
	for k := range n {
		t := float64(k) / float64(n-1)
		rate := low + (high-low)*t
		if n == ratesTried { // too long for all: closer where they are slow
			rate = low * math.Pow(high/low, t)
		}
		out = append(out, rate)
	}
	return out
}

package search

import (
	"context"
	"math"
	"slices"
)

// simple are ratios of pitches that share partials.
var simple = []float64{1.0 / 3, 1.0 / 2, 2.0 / 3, 3.0 / 4, 4.0 / 3, 3.0 / 2, 2, 3}

var sharedPartials = &Stage{
	Name:    "shared partials",
	Doc:     "Proposes other pitches that have partials in common with a learned one: an octave or a fifth away, or as far as another oscillator's pitch, which may modulate it.",
	Applies: func(s *State) (bool, string) { return some(len(tones(s.Problem)), "pitch") },
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		found, err := withSharedPartials(ctx, s)
		return lowest(found, 6), err
	},
}

func withSharedPartials(ctx context.Context, s *State) ([]Start, error) {
	p := s.Problem
	var out []Start
	for _, i := range tones(p) {
		v := &p.Variables[i]
		for _, value := range otherPitches(s, i) {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if value <= v.Lo || value >= v.Hi {
				continue
			}
			// what fits the wrong pitch best may not suit the right one
			for _, from := range [][]float64{s.X, s.own} {
				if from == nil {
					continue
				}
				if s.Spent() { // of many oscillators each may modulate each
					return out, nil
				}
				x := slices.Clone(from)
				for _, j := range tones(p) {
					x[j] = s.X[j]
				}
				x[i] = v.Unbounded(value)
				out = append(out, Start{X: x, F: s.Sieve.Evaluate(nil, x)})
			}
		}
	}
	return out, nil
}

// otherPitches are what the pitch of a variable may be instead.
func otherPitches(s *State, i int) []float64 {
	now, _ := s.Problem.Variables[i].Value(s.X[i])
	var out []float64
	for _, r := range simple {
		out = append(out, r*now)
	}
	for _, j := range tones(s.Problem) {
		if other, _ := s.Problem.Variables[j].Value(s.X[j]); j != i {
			out = append(out, now+other, math.Abs(now-other), now+2*other, math.Abs(now-2*other))
		}
	}
	return out
}

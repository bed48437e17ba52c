package search

import (
	"context"
	"math"

	"ampfit/optim/problem"
)

// Limits of the search along single parameters and at random points.
const (
	mostRounds = 6
	mostIdle   = 2    // rounds without a better point before it ends
	little     = 1e-3 // of a waveform, from which one round without a gain has to do
	nearlyDone = 3e-5 // from which that round is a short one
	shortScan  = 24   // values along a coordinate, of a short round
	longVector = 64   // elements, beyond which none is scanned
	randomKeep = 7
)

var valleys = &Stage{
	Name: "along each parameter",
	Doc:  "Proposes the lowest valleys along each parameter, through the best point and at first through the start.",
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p, x := s.Problem, s.X
		spacing := make([]float64, len(x)) // at which the loss can have another minimum; 0 where that is unknown
		if p.LeastSquares() {
			h := make([]float64, len(x)*len(x))
			p.Curvature(h, x)
			for i := range spacing {
				if d := h[i*len(x)+i]; d > 0 {
					spacing[i] = math.Sqrt(1 / d)
				}
			}
		}
		centres, most, keep := [][]float64{x}, 0, 9
		switch {
		case s.short():
			most, keep = shortScan, 8
		case s.Round == 0:
			centres = append(centres, s.Begin)
		}
		var out []Start
		for _, centre := range centres {
			for i := range x {
				if s.Spent() {
					break
				}
				if len(p.Variables[i].Param.Values) > longVector {
					continue
				}
				found, err := valleysThrough(ctx, p, variants(p, centre, i), i, spacing[i], most)
				if err != nil {
					return nil, err
				}
				out = append(out, found...)
			}
		}
		return lowest(out, keep), nil
	},
}

// valleysThrough are the three lowest valleys along a coordinate, through any of
// some points.
func valleysThrough(ctx context.Context, p *problem.Problem, bases [][]float64, i int, spacing float64, most int) ([]Start, error) {
	var found []Start
	for _, base := range bases {
		more, err := valleysAlong(ctx, p, base, i, spacing, most)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return lowest(found, 3), nil
}

var randomPoints = &Stage{
	Name:   "random points",
	Doc:    "Proposes the best of random points in reach of the start and of the best point, and some from anywhere.",
	Needed: guided.Needed,
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		found, err := s.randomStarts(ctx, Budget(s.Problem)/mostRounds/2, [][]float64{s.Begin, s.X})
		return lowest(found, randomKeep), err
	},
}

// randomStarts draws so many points around centres in turn, every fourth from
// anywhere.
func (s *State) randomStarts(ctx context.Context, n int, centres [][]float64) ([]Start, error) {
	var out []Start
	for k := range n {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x := Sample(s.Sieve, s.random, centres[k%len(centres)], k%4 == 3)
		out = append(out, Start{X: x, F: s.Sieve.Evaluate(nil, x)})
	}
	return out, nil
}

var bestValleys = &Stage{
	Name: "best valleys",
	Doc:  "Descends a few steps from the points proposed, further from the best, and again from others as long as that gains.",
	Rounds: func(s *State) []Round {
		second := 6
		if s.short() {
			second = 3
		}
		// A few steps tell which valleys are deep; more are for the best of them.
		return []Round{{Steps: 3}, {Keep: second, Steps: 8}, {Keep: 2, Above: 10}}
	},
	Repeat: func(s *State) Repeat {
		idle := mostIdle
		if s.Problem.LeastSquares() && s.F < little {
			idle = 1
		}
		return Repeat{Most: mostRounds, Gain: 1e-3, Idle: idle}
	},
}

// short reports whether so little is left that a search is not worth much: a
// part of what the graph cannot do more often than of another valley. A valley
// that runs into a bound is another one: a shelf of the least q, an octave off,
// leaves a ten-thousandth of the sound.
func (s *State) short() bool {
	return s.Problem.LeastSquares() && s.F < nearlyDone && !s.Problem.OnBound(s.X)
}

// Limits of the same on the coarse loss of spectra.
const (
	coarseValues = 48
	coarseAbove  = 0.02 // below, nothing is left to be found
	coarseTimes  = 2
	coarseGain   = 0.03 // of a round that is worth another
)

var coarseValleys = &Stage{
	Name: "along each parameter",
	Doc:  "Proposes the lowest valleys along each scalar parameter.",
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p := s.Problem
		var out []Start
		for _, i := range scalars(p) {
			if s.Spent() {
				break
			}
			bases := [][]float64{s.X}
			if isRate(&p.Variables[i]) { // the rate of a wave tells nothing at the wrong phase
				bases = variants(p, s.X, i)
			}
			found, err := valleysThrough(ctx, s.Sieve, bases, i, 0, coarseValues)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
		return lowest(out, 10), nil
	},
}

var coarseRandom = &Stage{
	Name: "random points",
	Doc:  "Proposes the best of random points in reach of the best one, and some from anywhere.",
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		found, err := s.randomStarts(ctx, min(Budget(s.Problem)/16, 8*len(scalars(s.Problem))), [][]float64{s.X})
		return lowest(found, 6), err
	},
}

var coarseBest = &Stage{
	Name:    "best valleys",
	Doc:     "Descends on the coarse loss from the points proposed, further from the best, and once more from others where that gains.",
	Needed:  func(s *State) (bool, string) { return s.Coarse > coarseAbove, "the coarse loss has nothing left" },
	OnSieve: true,
	Rounds:  func(s *State) []Round { return s.coarseRounds([3][2]int{{8, 15}, {3, 40}, {1, 80}}) },
	Repeat:  func(*State) Repeat { return Repeat{Most: coarseTimes, Gain: coarseGain, Idle: 1} },
}

// scalars are the coordinates that stand alone, not one of many of a vector.
func scalars(p *problem.Problem) []int {
	var out []int
	for i := range p.Variables {
		if len(p.Variables[i].Param.Values) <= 4 {
			out = append(out, i)
		}
	}
	return out
}

// tones are the learned pitches that stand alone.
func tones(p *problem.Problem) []int {
	var out []int
	for i := range p.Variables {
		if v := &p.Variables[i]; v.IsPitch() && len(v.Param.Values) == 1 {
			out = append(out, i)
		}
	}
	return out
}

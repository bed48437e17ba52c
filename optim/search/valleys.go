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
)

var valleys = &Stage{
	Name: "along each parameter",
	Doc:  "Proposes the lowest valleys along each parameter, through the best point and at first through the start.",
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p, centres, most, keep, longest := s.Sieve, [][]float64{s.X}, 0, 9, longVector
		switch {
		case p != s.Problem:
			most, keep, longest = coarseScan, 10, coarseVector
		case s.short():
			most, keep = shortScan, 8
		case s.Round == 0:
			centres = append(centres, s.Begin)
		}
		spacing := s.spacing()
		var out []Start
		for _, centre := range centres {
			for i := range s.X {
				v := &p.Variables[i]
				if s.Spent() {
					break
				}
				if len(v.Param.Values) > longest {
					continue
				}
				bases := variants(p, centre, i)
				if p != s.Problem && !isRate(v) { // the rate of a wave tells nothing at the wrong phase
					bases = bases[:1]
				}
				var found []Start
				for _, base := range bases {
					more, err := valleysAlong(ctx, p, base, i, spacing[i], most)
					if err != nil {
						return nil, err
					}
					found = append(found, more...)
				}
				out = append(out, lowest(found, 3)...)
			}
		}
		return lowest(out, keep), nil
	},
}

// spacing is the distance along each coordinate at which the loss can have another
// minimum, 0 where that is unknown.
func (s *State) spacing() []float64 {
	n := len(s.X)
	out := make([]float64, n)
	if s.Problem.LeastSquares() {
		h := make([]float64, n*n)
		s.Problem.Curvature(h, s.X)
		for i := range out {
			if d := h[i*n+i]; d > 0 {
				out[i] = math.Sqrt(1 / d)
			}
		}
	}
	return out
}

var randomPoints = &Stage{
	Name:   "random points",
	Doc:    "Proposes the best of random points in reach of the best one and of the start, and some from anywhere.",
	Needed: guided.Needed,
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p, n, centres, keep := s.Sieve, Budget(s.Problem)/mostRounds/2, [][]float64{s.Begin, s.X}, 7
		if p != s.Problem {
			scalars := 0
			for i := range p.Variables {
				if len(p.Variables[i].Param.Values) <= coarseVector {
					scalars++
				}
			}
			n, centres, keep = min(Budget(p)/16, 8*scalars), centres[1:], 6
		}
		var out []Start
		for k := range n {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			x := Sample(p, s.random, centres[k%len(centres)], k%4 == 3)
			out = append(out, Start{X: x, F: p.Evaluate(nil, x)})
		}
		return lowest(out, keep), nil
	},
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
	coarseScan   = 48   // values along a coordinate
	coarseVector = 4    // elements, beyond which none is scanned
	coarseAbove  = 0.02 // below, nothing is left to be found
	coarseTimes  = 2
	coarseGain   = 0.03 // of a round that is worth another
)

var coarseBest = &Stage{
	Name:    "best valleys",
	Doc:     "Descends on the coarse loss from the points proposed, further from the best, and once more from others where that gains.",
	Needed:  func(s *State) (bool, string) { return s.Coarse > coarseAbove, "the coarse loss has nothing left" },
	OnSieve: true,
	Rounds:  func(s *State) []Round { return s.coarseRounds([3][2]int{{8, 15}, {3, 40}, {1, 80}}) },
	Repeat:  func(*State) Repeat { return Repeat{Most: coarseTimes, Gain: coarseGain, Idle: 1} },
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

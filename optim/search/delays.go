package search

import (
	"context"
	"math"
	"slices"

	"ampfit/optim/problem"
)

// Limits of the search for delays and moving corners.
const (
	delayRate  = 5000  // Hz, least rate at which delays are looked for
	cornerRate = 20000 // corners
	wideSpan   = 120   // values, above which a moving delay is first looked for at rest
	delayKeep  = 10    // waves descended from
	rateSteps  = 12    // of a descent at a rate
	// clearlyWorse is the ratio of errors at which a point is given up.
	clearlyWorse = 5
)

// movedDelays descends from the best waves at a low rate first, and then at higher
// ones with fewer of them.
var movedDelays = &Stage{
	Name: "delays and moving corners",
	Doc:  "Looks for delays, and for what moves delays and corners, on surfaces of the node at rest, and descends from the best at rising rates.",
	Applies: func(s *State) (bool, string) {
		if ok, why := leastSquares(s); !ok {
			return false, why
		}
		return some(len(movements(s.Problem)), "delay or moving corner")
	},
	Turns: func(s *State) int { return len(movements(s.Problem)) },
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		all := movements(s.Problem)
		m := all[s.Turn]
		for ratio := lowRatio(s.Problem, m); ratio >= 1; ratio /= 2 {
			if _, err := s.Problem.AtRate(ratio); err != nil {
				return nil, nil // too short for this
			}
		}
		base := s.Begin
		if s.Turn > 0 {
			base = s.X
		}
		low, _ := s.Problem.AtRate(lowRatio(s.Problem, m))
		there := movements(low)
		k := slices.IndexFunc(there, func(n *movement) bool { return n.centre.Node == m.centre.Node && n.centre.Name == m.centre.Name })
		if k < 0 {
			return nil, nil
		}
		return waveStarts(ctx, low, there[k], s.Problem.Carry(low, base))
	},
	Rounds: func(s *State) []Round {
		var out []Round
		keep, behind := delayKeep, 0.0
		for ratio := lowRatio(s.Problem, movements(s.Problem)[s.Turn]); ratio >= 1; ratio /= 2 {
			on, _ := s.Problem.AtRate(ratio)
			out = append(out, Round{Keep: keep, Behind: behind, Steps: rateSteps, On: on})
			keep, behind = max(keep/2, 2), clearlyWorse
		}
		return append(out, Round{Keep: 2, Behind: clearlyWorse})
	},
}

// lowRatio is how many times lower the first rate is.
func lowRatio(p *problem.Problem, m *movement) int {
	ratio, least := 1, float64(delayRate)
	if m.octaves {
		least = cornerRate
	}
	for p.Model.Plan.Rate/float64(2*ratio) >= least {
		ratio *= 2
	}
	return ratio
}

// waveStarts are points with the best tracks, at the feedbacks that fit best.
func waveStarts(ctx context.Context, o *problem.Problem, m *movement, x []float64) ([]Start, error) {
	first, step, n := m.span(o)
	if n < 2 {
		return nil, nil
	}
	feedbacks := choices(o, m.feedback, 0, 0.5, -0.5)
	if m.depth != nil && !m.octaves && float64(n) > 4*wideSpan {
		first, n = narrowed(o, x, m, first, step, n)
	}
	searched := feedbacks
	if !m.octaves { // the first echo shows by itself
		searched = feedbacks[:1]
	}
	var found []track
	for _, fb := range searched {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found = append(found, newSurface(o, x, m, fb, first, step, n).tracks()...)
	}
	var starts []Start
	for _, t := range found {
		low := Start{F: math.Inf(1)}
		for _, fb := range feedbacks {
			p := t.point(o, x)
			if !m.octaves && m.feedback != nil {
				o.Put(p, m.feedback, fb)
			}
			if f := o.Evaluate(nil, p); f < low.F {
				low = Start{X: p, F: f}
			}
		}
		if low.X != nil {
			starts = append(starts, low)
		}
	}
	return starts, ctx.Err()
}

// narrowed is the grid of a delay that may lie anywhere, around where windows see
// it most.
func narrowed(o *problem.Problem, x []float64, m *movement, first, step float64, n int) (float64, int) {
	s := newSurface(o, x, m, 0, first, step, n)
	seen := make([]float64, n+1)
	for k := range n {
		sum := 0.0
		for w := range s.windows {
			at := w*n + k
			sum += math.Max(0, float64(s.et[at]-0.5*s.ex[at])-0.25*float64(s.ee[at]))
		}
		seen[k+1] = seen[k] + sum
	}
	width, best, middle := wideSpan/2, 0.0, 0
	for k := 0; k+width <= n; k++ {
		if e := seen[k+width] - seen[k]; e > best {
			best, middle = e, k+width/2
		}
	}
	lo := max(0, middle-wideSpan)
	hi := min(n, middle+wideSpan)
	return first + float64(lo)*step, hi - lo
}

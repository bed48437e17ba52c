package search

import (
	"ampfit/optim/method"
	"cmp"
	"context"
	"math"
	"slices"
)

// Limits of the search for delays and moving corners.
const (
	delayRate  = 5000  // Hz, least rate at which delays are looked for
	cornerRate = 20000 // corners
	wideSpan   = 120   // values, above which a moving delay is first looked for at rest
	heatFirst  = 10    // tracks descended from
	levelSteps = 12    // of a descent at a rate
	firstLook  = 15    // steps of the descent before this search
	roomLook   = 5     // steps of a descent on a reverberator's waveform
	// clearlyWorse is the ratio of errors at which a point is given up.
	clearlyWorse = 5
)

// moving looks for delays, and for what moves delays and the corners of phasers:
// surfaces of the node at rest show the best tracks, from which it descends, at
// a low rate first and then at higher ones with fewer of them.
func (a *searcher) moving(ctx context.Context, x []float64, f float64) (float64, error) {
	o, ok := a.o.(*GraphObjective)
	if !ok || o.coarser == nil || !o.leastSquares() {
		return f, nil
	}
	found := o.movers()
	base := a.start
	for _, m := range found {
		ratio, least := 1, float64(delayRate)
		if m.octaves {
			least = cornerRate
		}
		for o.Model.Plan.Rate/float64(2*ratio) >= least {
			ratio *= 2
		}
		f2, err := a.settle(ctx, m, ratio, base, x, f)
		if err != nil || f2 <= a.done {
			return f2, err
		}
		if f = f2; len(found) > 1 {
			base = x
		}
	}
	return f, nil
}

// settle finds one mover, and moves x when that is better.
func (a *searcher) settle(ctx context.Context, m *mover, ratio int, base, x []float64, f float64) (float64, error) {
	o := a.o.(*GraphObjective)
	low, err := o.coarser(ratio)
	if err != nil {
		return f, nil // too short for this
	}
	at := low.movers()
	k := slices.IndexFunc(at, func(n *mover) bool { return n.centre.Node == m.centre.Node && n.centre.Name == m.centre.Name })
	if k < 0 {
		return f, nil
	}
	tries, err := low.candidates(ctx, at[k], o.carry(low, base))
	if err != nil {
		return f, err
	}
	for keep, level := heatFirst, low; ; {
		final := ratio == 1
		tries = lowest(tries, keep)
		for i := range tries {
			if tries[i].f, err = a.local(ctx, level, tries[i].x, method.Settings{Steps: levelSteps}); err != nil {
				return f, err
			}
			if final && tries[i].f <= a.done {
				tries = tries[i : i+1]
				break
			}
		}
		best := lowest(tries, 1)
		if len(best) == 0 {
			return f, nil
		}
		clear := best[0].f * clearlyWorse
		tries = slices.DeleteFunc(tries, func(t try) bool { return t.f > clear })
		if keep = max(keep/2, 2); final {
			for i := range tries {
				tries[i].x = level.carry(o, tries[i].x)
				tries[i].f = o.Evaluate(nil, tries[i].x)
			}
			break
		}
		ratio /= 2
		next, err := o.coarser(ratio)
		if err != nil {
			return f, nil
		}
		for i := range tries {
			tries[i].x = level.carry(next, tries[i].x)
			tries[i].f = next.Evaluate(nil, tries[i].x)
		}
		level = next
	}
	return a.finish(ctx, x, f, lowest(tries, 2))
}

// candidates are points with the best tracks, at the feedbacks that fit best.
func (o *GraphObjective) candidates(ctx context.Context, m *mover, x []float64) ([]try, error) {
	first, step, n := m.span(o)
	if n < 2 {
		return nil, nil
	}
	feedbacks := o.choices(m.feedback, 0, 0.5, -0.5)
	if m.depth != nil && !m.octaves && float64(n) > 4*wideSpan {
		first, n = o.near(x, m, first, step, n)
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
		found = append(found, o.freeze(x, m, fb, first, step, n).tracks()...)
	}
	var tries []try
	for _, t := range found {
		low := try{nil, math.Inf(1)}
		for _, fb := range feedbacks {
			p := t.point(o, x)
			if !m.octaves && m.feedback != nil {
				o.put(p, m.feedback, fb)
			}
			if f := o.Evaluate(nil, p); f < low.f {
				low = try{p, f}
			}
		}
		if low.x != nil {
			tries = append(tries, low)
		}
	}
	return tries, ctx.Err()
}

// near narrows the grid of a delay that may lie anywhere to where windows see
// it most.
func (o *GraphObjective) near(x []float64, m *mover, first, step float64, n int) (float64, int) {
	s := o.freeze(x, m, 0, first, step, n)
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

// look is how many steps the first descent takes: few where the search for
// delays comes after it.
func (a *searcher) look() int {
	o, ok := a.o.(*GraphObjective)
	if a.reverberates() {
		return min(roomLook, cmp.Or(a.settings.Steps, roomLook))
	}
	if ok && o.coarser != nil && o.leastSquares() && len(o.movers()) > 0 && (a.settings.Steps == 0 || a.settings.Steps > firstLook) {
		return firstLook
	}
	return a.settings.Steps
}

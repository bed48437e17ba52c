package search

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

func (r *Round) on(s *State) *problem.Problem {
	if r.On == nil {
		return s.Problem
	}
	return r.On
}

// thin descends from fewer starts in each round, and adopts what comes out lower.
func (s *State) thin(ctx context.Context, starts []Start, rounds []Round) error {
	for k := range rounds {
		r := &rounds[k]
		on := r.on(s)
		adopt := r.Adopt || k == len(rounds)-1
		starts = behind(starts, r.Behind)
		if k > 0 && on != rounds[k-1].on(s) {
			s.carry(starts, rounds[k-1].on(s), on)
		}
		if starts = lowest(starts, r.Keep); len(starts) == 0 {
			return nil
		}
		for i := range starts {
			t := &starts[i]
			if r.Above > 0 && t.F > r.Above*s.F {
				break
			}
			t.X = slices.Clone(t.X)
			var err error
			t.F, err = s.descend(ctx, on, r.Method, t.X, method.Settings{Steps: r.Steps, LR: r.LR}, adopt && on == s.Problem)
			if err != nil {
				if on == s.Problem || on == s.Sieve {
					s.adopt(on, *t)
				}
				return err
			}
			if adopt && on == s.Problem {
				if s.adopt(on, *t); s.F <= s.Done {
					return nil
				}
			} else if on == s.Problem && (t.F <= s.Done || s.Spent()) || on.Ratio == 1 && t.F <= s.Done {
				break // what is done is sorted to the front
			}
		}
		if adopt && on != s.Problem {
			if err := s.adopt(on, lowest(starts, 1)[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// carry takes starts to the coordinates of another problem, and evaluates them
// there where they will be compared.
func (s *State) carry(starts []Start, from, to *problem.Problem) {
	for i := range starts {
		if from.Meter != to.Meter { // at another rate
			starts[i].X = from.Carry(to, starts[i].X)
		}
		if len(starts) > 1 {
			starts[i].F = to.Evaluate(nil, starts[i].X)
		}
	}
}

// descend runs a method from x. Steps that are lower than what is known are
// reported where that is asked for.
func (s *State) descend(ctx context.Context, on *problem.Problem, m method.Method, x []float64, set method.Settings, report bool) (float64, error) {
	if m == nil {
		m = s.Local
	}
	if most := s.Settings.Steps; most > 0 && (set.Steps == 0 || set.Steps > most) {
		set.Steps = most
	}
	if known := s.F; report {
		set.Report = func(p method.Point) error {
			if p.Value >= known {
				return nil
			}
			return s.report(p)
		}
	}
	return m(ctx, on, x, set)
}

// further descends from the point at hand, and adopts what is lower.
func (s *State) further(ctx context.Context, m method.Method, set method.Settings) error {
	x := slices.Clone(s.X)
	f, err := s.descend(ctx, s.Problem, m, x, set, true)
	s.adopt(s.Problem, Start{X: x, F: f})
	return err
}

// adopt moves to a point that is lower, by the problem or by the sieve. What the
// sieve finds is reported here, as no descent has done it.
func (s *State) adopt(on *problem.Problem, t Start) error {
	if on == s.Problem {
		if t.F < s.F {
			s.move(t)
		}
		return nil
	}
	if t.F >= s.Coarse {
		return nil
	}
	s.Coarse = t.F
	s.move(Start{X: t.X, F: s.Problem.Evaluate(nil, t.X)})
	return s.reportHere()
}

func (s *State) move(t Start) {
	s.X, s.F = t.X, t.F
	s.Low.See(t.X, t.F)
}

func (s *State) report(p method.Point) error {
	p.Step = s.step
	s.step++
	if s.Settings.Report == nil {
		return nil
	}
	return s.Settings.Report(p)
}

func (s *State) reportHere() error {
	return s.report(method.Point{Value: s.F, GradNorm: math.NaN(), X: s.X})
}

// lowest sorts starts and leaves so many; 0 leaves all.
func lowest(t []Start, n int) []Start {
	sort.SliceStable(t, func(i, j int) bool { return t[i].F < t[j].F })
	if n == 0 {
		return t
	}
	return t[:min(n, len(t))]
}

// behind leaves out the starts that are so many times the lowest.
func behind(t []Start, times float64) []Start {
	if times == 0 || len(t) == 0 {
		return t
	}
	best := slices.MinFunc(t, func(a, b Start) int { return cmp.Compare(a.F, b.F) }).F
	return slices.DeleteFunc(t, func(s Start) bool { return s.F > times*best })
}

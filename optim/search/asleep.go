package search

import (
	"context"
	"math"
	"slices"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

const (
	asleepValues = 48
	asleepKeep   = 3
	noSlope      = 1e-9 // part of the loss that a full step changes at most
)

// asleep finds the ceiling of a limiter above all peaks, the threshold of a gate
// below all of the sound. Where a level is learned, a valley is that of the error
// at the best level, as a limiter that begins to work is first of all too quiet.
var asleep = &Stage{
	Name:    "parameters without slope",
	Doc:     "Looks along the parameters that do nothing where the descent ended, and descends from the valleys there.",
	Applies: leastSquares,
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		p, n := s.Problem, len(s.X)
		h, limits := make([]float64, n*n), make([]float64, n)
		p.Curvature(h, s.X)
		p.StepLimits(limits, s.X)
		var starts []Start
		for i := range s.X {
			if s.Spent() {
				break
			}
			if h[i*n+i]*limits[i]*limits[i] > noSlope*s.F {
				continue
			}
			found, err := valleysAtLevel(ctx, p, s.X, i)
			if err != nil {
				return nil, err
			}
			starts = append(starts, found...)
		}
		return starts, nil
	},
	Rounds: func(*State) []Round { return []Round{{Keep: asleepKeep}} },
}

func leastSquares(s *State) (bool, string) {
	if !s.Problem.LeastSquares() {
		return false, "no least squares of few parameters"
	}
	return true, "least squares of " + count(len(s.Problem.Variables), "parameter")
}

// valleysAtLevel are the valleys along a coordinate that explain more of the
// target, at the best level where one is learned, than x does.
func valleysAtLevel(ctx context.Context, p *problem.Problem, x []float64, i int) ([]Start, error) {
	level := levelVariable(p)
	missed := func(x []float64) float64 {
		f := p.Evaluate(nil, x)
		if y := p.Model.Output; level >= 0 {
			if e := method.Dot(y, y); e > 0 {
				c := method.Dot(y, p.Target)
				return 1 - c*c/(e*method.Dot(p.Target, p.Target))
			}
		}
		return f
	}
	here := missed(x)
	found, err := valleysOf(ctx, missed, x, i, scan(p, x, i, 0), asleepValues)
	found = slices.DeleteFunc(found, func(t Start) bool { return t.F >= here*(1-1e-6) || math.IsNaN(t.F) })
	for k := range found {
		matchLevel(p, found[k].X)
	}
	return found, err
}

package search

import (
	"context"
	"slices"
)

// endSteps is how many steps show whether a value belongs on its bound.
const endSteps = 15

// ends puts values on their bounds. A descent starts a little inside, as on a bound
// nothing leads away from it, and so only comes near one that is right: an attack of
// 0 that began as 1 ms stays at some hundredths.
var ends = &Stage{
	Name: "values on their bounds",
	Doc:  "Puts the values that began at a bound or ran into one exactly there, all and one by one, and descends with the others.",
	Applies: func(s *State) (bool, string) {
		switch {
		case !s.Problem.LeastSquares():
			return false, "no least squares of few parameters"
		case len(s.Problem.Variables) < 2:
			return false, "no other value would follow"
		}
		return true, "least squares"
	},
	Needed: func(s *State) (bool, string) {
		return len(s.atEnds()) > 0, "no value began at a bound or ran into one"
	},
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		which := s.atEnds()
		sets := [][]int{which}
		for _, i := range which {
			if len(which) > 1 && len(which) <= mostEnds {
				sets = append(sets, []int{i})
			}
		}
		values := s.Problem.Values(s.X)
		var starts []Start
		for _, set := range sets {
			x := slices.Clone(s.X)
			for _, i := range set {
				v := &s.Problem.Variables[i]
				end, _ := v.End(values[i])
				x[i] = v.Unbounded(end)
			}
			starts = append(starts, Start{X: x, F: s.Problem.Evaluate(nil, x)})
		}
		return starts, ctx.Err()
	},
	Rounds: func(*State) []Round { return []Round{{Keep: 2, Steps: endSteps}, {Keep: 1}} },
}

// mostEnds is for how many values each is tried by itself.
const mostEnds = 4

// atEnds are the variables that began at an end of their range or ran into one.
func (s *State) atEnds() (which []int) {
	values := s.Problem.Values(s.X)
	for i := range s.Problem.Variables {
		if _, ok := s.Problem.Variables[i].End(values[i]); ok {
			which = append(which, i)
		}
	}
	return which
}

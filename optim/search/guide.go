package search

import (
	"context"
	"slices"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

const (
	guideSteps = 200
	guideRate  = 0.03
)

// guided crosses the hills that surround an equaliser whose waveform is octaves
// off: the error of its spectra leads home.
var guided = &Stage{
	Name: "by the spectra",
	Doc:  "Descends on the spectra of the sound, from the start and from the best, and from where that leads on the waveform.",
	Applies: func(s *State) (bool, string) {
		if guide(s.Problem) == nil {
			return false, "the spectra are the loss, or the sound is too short for them"
		}
		return true, "the loss compares waveforms"
	},
	Needed: func(s *State) (bool, string) { return !s.short(), "too little is left to be another valley" },
	Turns:  func(*State) int { return 2 },
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		if s.Turn == 0 {
			return []Start{{X: s.Begin}}, nil
		}
		return []Start{{X: s.X}}, nil
	},
	Rounds: func(s *State) []Round {
		// Adam crosses the small ridges that stop a line search.
		return []Round{{On: guide(s.Problem), Method: method.Patient(method.Adam, 40, 1e-3), Steps: guideSteps, LR: guideRate}, {}}
	},
}

var guidedPoints = &Stage{
	Name:    "random points by the spectra",
	Doc:     "Leads the best random points some way on the spectra of the sound.",
	Applies: guided.Applies,
	Needed:  guided.Needed,
	Propose: func(ctx context.Context, s *State) ([]Start, error) {
		adam := method.Patient(method.Adam, 20, 1e-3)
		var out []Start
		random := slices.DeleteFunc(slices.Clone(s.Pool), func(t Start) bool { return t.by != randomPoints })
		for _, t := range lowest(random, 3) {
			x := slices.Clone(t.X)
			if _, err := adam(ctx, guide(s.Problem), x, method.Settings{Steps: guideSteps / 2, LR: 2 * guideRate}); err != nil {
				return out, err
			}
			out = append(out, Start{X: x, F: s.Problem.Evaluate(nil, x)})
		}
		return out, nil
	},
}

// guide is the same problem with the multi-resolution spectral loss, whose minima
// lie near those of waveforms and are found from further away; nil where the loss
// compares no waveforms, and for signals too short for it.
func guide(p *problem.Problem) *problem.Problem {
	if !p.Quadratic() {
		return nil
	}
	return p.Under("mrstft")
}

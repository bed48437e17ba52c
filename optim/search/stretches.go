package search

import (
	"context"
	"slices"

	"ampfit/optim/loss"
	"ampfit/optim/method"
)

// Limits of the fit of waveforms by growing stretches.
const (
	stretchSize  = 24  // learned numbers
	stretchSteps = 12  // of each
	stretchOff   = 0.3 // error of a stretch that is not worth a longer one
	stretchFirst = 64  // the first stretch is so many times shorter than all
)

// stretches fits the waveform where its spectra are matched already. Oscillators
// whose pitch is off by a fraction of a hertz run out of step after a second,
// which no spectrum shows and no descent on the whole waveform mends: so it
// begins with a short stretch, and doubles it as long as the error stays small.
var stretches = &Stage{
	Name: "growing stretches",
	Doc:  "Matches the waveform from a short beginning on, and more of it as long as the error stays small.",
	Applies: func(s *State) (bool, string) {
		switch {
		case len(s.Problem.Variables) > stretchSize:
			return false, "more than 24 numbers are learned"
		case s.Problem.Model.HasHeatLoss():
			return false, "heat is part of the loss"
		}
		return true, count(len(s.Problem.Variables), "number") + " learned"
	},
	Run: func(ctx context.Context, s *State) error {
		p, x, frames := s.Problem, slices.Clone(s.X), s.Problem.Frames()
		for n := max(frames/stretchFirst, 256); ; n *= 2 {
			n = min(n, frames)
			l, err := loss.NewHead(p.Target, p.Channels, n)
			if err != nil {
				if n == frames {
					return nil
				}
				continue // it begins with silence
			}
			f, err := method.Levenberg(ctx, p.With(l), x, method.Settings{Steps: stretchSteps})
			if err != nil {
				return err
			}
			if f > stretchOff {
				return nil
			}
			if n == frames {
				break
			}
		}
		f := p.Evaluate(nil, x)
		if s.inStep = f < s.F; !s.inStep {
			return nil
		}
		s.adopt(p, Start{X: x, F: f})
		return s.reportHere()
	},
}

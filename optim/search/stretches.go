package search

import (
	"context"
	"math"
	"slices"

	"ampfit/optim/loss"
	"ampfit/optim/method"
)

// Limits of the fit of waveforms by growing stretches.
const (
	phaseSize  = 24  // learned numbers
	phaseSteps = 12  // of a stretch
	phaseOff   = 0.3 // error of a stretch that is not worth a longer one
	phaseFirst = 64  // the first stretch is so many times shorter than all
)

// inPhase fits the waveform where its spectra are matched already. Oscillators
// whose pitch is off by a fraction of a hertz run out of step after a second,
// which no spectrum shows and no descent on the whole waveform mends: so it
// begins with a short stretch, and doubles it as long as the error stays small.
func (s *spectralSearch) inPhase(ctx context.Context) error {
	o, ok := s.main.(*GraphObjective)
	if !ok || len(s.x) > phaseSize || o.Model.HasHeatLoss() {
		return nil
	}
	g := *o
	g.shared, g.columns = o, nil
	p, frames := slices.Clone(s.x), len(o.target)/o.channels
	for n := max(frames/phaseFirst, 256); ; n *= 2 {
		n = min(n, frames)
		l, err := loss.NewHead(o.target, o.channels, n)
		if err != nil {
			if n == frames {
				return nil
			}
			continue // it begins with silence
		}
		g.Loss = l
		f, err := method.Levenberg(ctx, &g, p, method.Settings{Steps: phaseSteps})
		if err != nil {
			return err
		}
		if f > phaseOff {
			return nil
		}
		if n == frames {
			break
		}
	}
	if f := o.Evaluate(nil, p); f < s.f {
		s.x, s.f = p, f
		s.low.See(p, f)
		return s.report(method.Point{Value: f, GradNorm: math.NaN(), X: p})
	}
	return nil
}

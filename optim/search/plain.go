package search

import (
	"ampfit/optim/method"
	"context"
	"math"
	"slices"
)

// Limits of the plain descent on spectra, in steps.
const (
	roomCoarse = 80
	roomFine   = 100
	roomRounds = 3
)

// room fits the spectra of an effect by a plain descent: from the decay that the
// target shows of a reverberator, from the taps that are known of a filter, else
// from the file's values, Adam on coarse windows and then on the loss itself,
// L-BFGS at the end. A reverberator needs no search, as its gradients are the
// dearest there are, and its loss has no valleys apart from those of decays and
// levels, which are known; for others one follows where this gained little.
func (a *searcher) room(ctx context.Context, o *GraphObjective, x []float64) (float64, error) {
	f := o.Evaluate(nil, x)
	if err := a.report(method.Point{Value: f, GradNorm: math.NaN(), X: x}); err != nil {
		return f, err
	}
	for _, p := range append(o.filtered(ctx, x), o.rooms(x)...) {
		if fp := o.Evaluate(nil, p); fp < f {
			copy(x, p)
			f = fp
		}
	}
	if f <= a.done {
		return f, a.report(method.Point{Value: f, GradNorm: math.NaN(), X: x})
	}
	lbfgs, _ := method.Lookup("lbfgs")
	stage := func(on method.Objective, m method.Method, steps int, rate float64) error {
		if a.settings.Steps > 0 {
			steps = min(steps, a.settings.Steps)
		}
		report := method.Settings{Steps: steps, LR: rate}
		if on == method.Objective(o) {
			report.Report = a.below(f)
		}
		p := slices.Clone(x)
		_, err := method.InUnits(m)(ctx, on, p, report)
		if fp := o.Evaluate(nil, p); fp < f {
			copy(x, p)
			f = fp
		}
		return err
	}
	if coarse := o.Coarse(); coarse != nil {
		if err := stage(coarse, method.Adam, roomCoarse, coarseRate); err != nil {
			return f, err
		}
	}
	for round := range roomRounds {
		before := f
		if err := stage(o, method.Adam, roomFine, fineRate/float64(1+round)); err != nil {
			return f, err
		}
		if err := stage(o, lbfgs.Run, roomFine/2, 0); err != nil {
			return f, err
		}
		if f > before*(1-2*spectralGain) {
			break
		}
	}
	return f, nil
}

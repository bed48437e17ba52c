package search

import (
	"context"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/optim/method"
)

// Limits of a sweep.
const (
	sweepRates = 96 // tried
	sweepKeep  = 8  // descended from
	sweepSteps = 12 // of each
)

// sweep looks for the rate and phase of low-frequency oscillators together: a
// waveform tells a rate only from within a part of a turn over the whole run,
// and at the wrong phase not at all. Rates stand a quarter of a turn over the
// run apart, phases a quarter of a turn. Each of the best is descended from, as
// the depth that belongs to it is not known before.
func (a *searcher) sweep(ctx context.Context, x []float64, f float64) (float64, error) {
	o, ok := a.o.(*GraphObjective)
	if !ok {
		return f, nil
	}
	for i := range o.Variables {
		v := &o.Variables[i]
		if v.Scale != abi.Log || v.Param.Spec.Unit != "Hz" || v.Param.Name != "rate_hz" {
			continue
		}
		var tries []try
		for _, base := range o.Variants(a.start, i) {
			at := slices.Clone(base)
			for _, rate := range o.rates(v) {
				if err := ctx.Err(); err != nil {
					return f, err
				}
				at[i] = v.Unbounded(rate)
				tries = append(tries, try{slices.Clone(at), o.Evaluate(nil, at)})
			}
		}
		for _, heat := range []struct{ keep, steps int }{{sweepKeep, sweepSteps}, {2, a.settings.Steps}} {
			tries = lowest(tries, heat.keep)
			for k := range tries {
				t := &tries[k]
				var err error
				t.f, err = a.local(ctx, o, t.x, method.Settings{Steps: heat.steps, Report: a.below(f)})
				if t.f < f {
					copy(x, t.x)
					f = t.f
				}
				if err != nil || f <= a.done {
					return f, err
				}
			}
		}
	}
	return f, nil
}

// rates lie evenly from half a turn over the run to 12 Hz, within the range.
func (o *GraphObjective) rates(v *Variable) []float64 {
	seconds := float64(len(o.target)/o.channels) / o.Model.Plan.Rate
	low, high := math.Max(v.Lo*1.01, 0.25/seconds), math.Min(v.Hi*0.99, 12)
	n := int(math.Min(math.Max((high-low)*4*seconds, 2), sweepRates))
	var out []float64
	for k := range n {
		t := float64(k) / float64(n-1)
		rate := low + (high-low)*t
		if n == sweepRates { // too long for all: closer where they are slow
			rate = low * math.Pow(high/low, t)
		}
		out = append(out, rate)
	}
	return out
}

package search

import (
	"ampfit/optim/method"
	"context"
	"math"
	"slices"
)

// Limits of the look along what is asleep.
const (
	wakeValues = 48
	wakeKeep   = 3
	asleep     = 1e-9 // part of the loss that a full step changes at most
)

// wake looks along the coordinates that do nothing at x, and descends from the
// valleys there: the ceiling of a limiter above all peaks, the threshold of a
// gate below all of the sound, whatever no slope can move. Where a level is
// learned, a valley is that of the error at the best level, as a limiter that
// begins to work is first of all too quiet.
func (a *searcher) wake(ctx context.Context, x []float64, f float64) (float64, error) {
	o, ok := a.o.(*GraphObjective)
	if !ok || !o.leastSquares() {
		return f, nil
	}
	n := len(x)
	h, limits := make([]float64, n*n), make([]float64, n)
	o.Curvature(h, x)
	o.StepLimits(limits, x)
	var tries []try
	for i := range x {
		if a.spent() {
			break
		}
		if h[i*n+i]*limits[i]*limits[i] > asleep*f {
			continue
		}
		found, err := o.valleysAtLevel(ctx, x, i)
		if err != nil {
			return f, err
		}
		tries = append(tries, found...)
	}
	return a.finish(ctx, x, f, lowest(tries, wakeKeep))
}

// valleysAtLevel are the valleys along a coordinate that explain more of the
// target, at the best level where one is learned, than x does.
func (o *GraphObjective) valleysAtLevel(ctx context.Context, x []float64, i int) ([]try, error) {
	level, _ := o.levelVariable()
	missed := func(p []float64) float64 {
		f := o.Evaluate(nil, p)
		if y := o.Model.Output; level >= 0 {
			if e := method.Dot(y, y); e > 0 {
				c := method.Dot(y, o.target)
				return 1 - c*c/(e*method.Dot(o.target, o.target))
			}
		}
		return f
	}
	here := missed(x)
	values := o.Scan(x, i, 0)
	slices.Sort(values)
	values = thin(values, wakeValues)
	losses := make([]float64, len(values))
	p := slices.Clone(x)
	for k, v := range values {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p[i] = v
		losses[k] = missed(p)
	}
	var out []try
	for k, f := range losses {
		last, next := math.Inf(1), math.Inf(1)
		if k > 0 {
			last = losses[k-1]
		}
		if k < len(losses)-1 {
			next = losses[k+1]
		}
		if f < here*(1-1e-6) && f < last && f <= next {
			p := slices.Clone(x)
			p[i] = values[k]
			o.level(p)
			out = append(out, try{p, f})
		}
	}
	return out, nil
}

package search

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"ampfit/abi"
	"ampfit/optim/problem"
)

// valleysAlong returns the local minima of a problem among the values of one
// coordinate, of which it tries no more than most (0: all).
func valleysAlong(ctx context.Context, o *problem.Problem, x []float64, i int, spacing float64, most int) ([]Start, error) {
	return valleysOf(ctx, func(x []float64) float64 { return o.Evaluate(nil, x) }, x, i, scan(o, x, i, spacing), most)
}

// valleysOf returns the local minima of a function among values of one coordinate.
func valleysOf(ctx context.Context, f func([]float64) float64, x []float64, i int, values []float64, most int) ([]Start, error) {
	slices.Sort(values)
	values = thinned(values, most)
	losses := make([]float64, len(values))
	at := slices.Clone(x)
	for k, v := range values {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		at[i] = v
		losses[k] = f(at)
	}
	var out []Start
	for k := range values {
		if (k == 0 || losses[k] < losses[k-1]) && (k == len(values)-1 || losses[k] <= losses[k+1]) {
			p := slices.Clone(x)
			p[i] = values[k]
			out = append(out, Start{X: p, F: losses[k]})
		}
	}
	return out, nil
}

// thinned leaves so many of sorted values, evenly; 0 leaves all.
func thinned(values []float64, most int) []float64 {
	if most == 0 || len(values) <= most {
		return values
	}
	out := make([]float64, most)
	for k := range out {
		out[k] = values[k*len(values)/most]
	}
	return out
}

// scan tries logarithmic values over their range and closer around the point,
// linear ones over their range and in ever finer steps around it, phases all
// around; and where the loss is finer than that, as many values at its spacing
// as are affordable.
func scan(o *problem.Problem, x []float64, i int, spacing float64) []float64 {
	v := &o.Variables[i]
	now, _ := v.Value(x[i])
	var out []float64
	add := func(value float64) {
		if v.Scale == abi.Periodic || value > v.Lo && value < v.Hi {
			out = append(out, v.Unbounded(value))
		}
	}
	switch v.Scale {
	case abi.Periodic:
		for k := 1; k < 16; k++ {
			add(now + float64(k)/16)
		}
		return out
	case abi.Log:
		for k := -36; k <= 36; k++ {
			add(now * math.Exp2(float64(k)/12))
		}
		if octaves := math.Log2(v.Hi / v.Lo); octaves < 40 {
			for k, n := 1.0, math.Max(4*octaves, 64); k < n; k++ {
				add(v.Lo * math.Exp2(octaves*k/n))
			}
		}
	default:
		span := v.Hi - v.Lo
		if math.IsInf(span, 0) {
			span = 20 * math.Max(1, math.Abs(now))
		}
		for k := 1; k < 40; k++ {
			add(v.Lo + span*float64(k)/40)
		}
		for d := span / 64; d > 1e-7*span; d /= 1.6 {
			add(now - d)
			add(now + d)
		}
		add(-now) // polarity
	}
	// A fine grid around the point, as far as about a third of its value.
	const fine = 200
	reach := math.Abs(uStep(o, i, x[i], 1.0/3))
	if spacing > 0 && spacing < reach/8 {
		step := math.Max(spacing, reach/fine)
		for k := 1.0; k*step <= reach; k++ {
			out = append(out, x[i]-k*step, x[i]+k*step)
		}
	}
	return out
}

// uStep is the unbounded step that changes a value by a fraction of itself.
func uStep(o *problem.Problem, i int, u, fraction float64) float64 {
	value, slope := o.Variables[i].Value(u)
	if slope == 0 {
		return 0
	}
	return fraction * value / slope
}

// variants turns the learned phase of the same node by quarter turns.
func variants(o *problem.Problem, x []float64, i int) [][]float64 {
	out := [][]float64{x}
	if o.Variables[i].Scale != abi.Log {
		return out
	}
	for j := range o.Variables {
		if o.Variables[j].Scale == abi.Periodic && o.Variables[j].Param.Node == o.Variables[i].Param.Node {
			for k := 1; k < 4; k++ {
				p := append([]float64(nil), x...)
				p[j] += float64(k) / 4
				out = append(out, p)
			}
			break
		}
	}
	return out
}

// Sample draws each coordinate near the point: within two and a half octaves,
// a quarter of a linear range, any phase; half of the coordinates stay closer.
// Wide samples draw logarithmic coordinates from their whole range.
func Sample(o *problem.Problem, rng *rand.Rand, x []float64, wide bool) []float64 {
	p := make([]float64, len(x))
	for i := range p {
		v := &o.Variables[i]
		now, _ := v.Value(x[i])
		r := 2*rng.Float64() - 1
		close := rng.IntN(2) == 0
		if close {
			r *= 0.2
		}
		switch v.Scale {
		case abi.Periodic:
			p[i] = now + r/2
			continue
		case abi.Log:
			if octaves := math.Log2(v.Hi / v.Lo); wide && !close && octaves < 40 {
				now = v.Lo * math.Exp2(octaves*(r+1)/2)
			} else {
				now *= math.Exp2(2.5 * r)
			}
		default:
			span := v.Hi - v.Lo
			if math.IsInf(span, 0) {
				span = 4 * math.Max(1, math.Abs(now))
			}
			now += 0.25 * span * r
		}
		p[i] = v.Unbounded(now)
	}
	return p
}

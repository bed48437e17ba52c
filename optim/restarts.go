package optim

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"ampfit/optim/method"
	"ampfit/optim/search"
)

// FitStart is one descent of a fit with restarts.
type FitStart struct {
	Values, Found  []float64 // of FitResult.Variables, at its beginning and end
	Initial, Final float64   // loss
	Steps          int
	Kept           bool // the result is this one's
}

// descent minimises the problem at hand from x, whose value is given.
type descent func(ctx context.Context, x []float64, value float64, s method.Settings) (float64, error)

// descend minimises from x, and from as many seeded random points as asked for,
// and leaves the best point in x. The k-th point depends on the seed and on k
// only, so that more restarts repeat the fewer ones first. Each descent has a
// budget of its own; steps are counted through. An error of the context ends it
// with the best so far.
func (f *fit) descend(ctx context.Context, run descent, x []float64, value float64) (float64, error) {
	s := method.Settings{Steps: f.options.Steps, LR: f.options.LR, Seed: f.options.Seed, Report: f.took}
	f.low, f.best, f.notes = value, value, len(f.result.Notes)
	if f.options.Restarts == 0 {
		return run(ctx, x, value, s)
	}
	r, file, low, kept, offset := f.result, slices.Clone(x), math.Inf(1), 0, f.offset
	defer func() {
		if kept < len(r.Starts) {
			r.Starts[kept].Kept = true
		}
	}()
	for k := 0; k <= f.options.Restarts; k++ {
		p := slices.Clone(file)
		if k > 0 {
			p = search.Sample(f.problem, rand.New(rand.NewPCG(s.Seed, 0x726573746172+uint64(k))), file, true)
		}
		f.start, f.low, f.problem.Calls, f.steps = k, math.Inf(1), 0, 0
		if f.offset = offset; k > 0 {
			f.offset = r.Steps + 1
		}
		start := FitStart{Initial: f.problem.Evaluate(nil, p), Values: f.problem.Values(p)}
		if math.IsInf(start.Initial, 0) { // a random point may be where no number comes out
			start.Final = start.Initial
			r.Starts = append(r.Starts, start)
			continue
		}
		value, err := run(ctx, p, start.Initial, s)
		start.Final, start.Steps, start.Found = value, f.steps, f.problem.Values(p)
		r.Starts = append(r.Starts, start)
		if value < low {
			low, kept = value, k
			copy(x, p)
		}
		if err != nil {
			return low, err
		}
	}
	return low, nil
}

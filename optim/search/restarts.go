package search

import (
	"ampfit/optim/method"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// FitStart is one descent of a fit with restarts.
type FitStart struct {
	Values         []float64 // of FitResult.Variables
	Initial, Final float64   // loss
	Steps          int
	Kept           bool // the result is this one's
}

// descend minimises from x, and from as many seeded random points as asked for,
// and leaves the best point in x. The k-th point depends on the seed and on k
// only, so that more restarts repeat the fewer ones first. Each descent has a
// budget of its own; steps are counted through. An error of the context ends it
// with the best so far.
func (f *fit) descend(ctx context.Context, m method.Entry, x []float64, s method.Settings) error {
	if f.options.Restarts == 0 {
		_, err := m.Run(ctx, f.objective, x, s)
		return err
	}
	r, file, low, kept, offset := f.result, slices.Clone(x), math.Inf(1), 0, f.offset
	for k := 0; k <= f.options.Restarts; k++ {
		p := slices.Clone(file)
		if k > 0 {
			p = f.objective.Sample(rand.New(rand.NewPCG(s.Seed, 0x726573746172+uint64(k))), file, true)
		}
		f.start, f.low, f.objective.Calls, f.steps = k, math.Inf(1), 0, 0
		if f.offset = offset; k > 0 {
			f.offset = r.Steps + 1
		}
		start := FitStart{Initial: f.objective.Evaluate(nil, p), Values: f.values(p)}
		if math.IsInf(start.Initial, 0) { // a random point may be where no number comes out
			start.Final = start.Initial
			r.Starts = append(r.Starts, start)
			continue
		}
		value, err := m.Run(ctx, f.objective, p, s)
		start.Final, start.Steps = value, f.steps
		r.Starts = append(r.Starts, start)
		if value < low {
			low, kept = value, k
			copy(x, p)
		}
		if err != nil {
			f.tellStarts(kept)
			return err
		}
	}
	f.tellStarts(kept)
	return nil
}

// tellStarts says what each start came to.
func (f *fit) tellStarts(kept int) {
	r := f.result
	if kept < len(r.Starts) {
		r.Starts[kept].Kept = true
	}
	for k, s := range r.Starts {
		what, mark := "random", ""
		if k == 0 {
			what = "the graph's values"
		}
		if s.Kept {
			mark = "; kept"
		}
		r.Notes = append(r.Notes, fmt.Sprintf("start %d of %d (%s): %s %.6g → %.6g in %d steps%s", k+1, f.options.Restarts+1, what, r.LossName, s.Initial, s.Final, s.Steps, mark))
	}
}

// values are those of the variables at a point.
func (f *fit) values(x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		out[i], _ = f.objective.Variables[i].Value(x[i])
	}
	return out
}

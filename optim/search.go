package optim

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"ampfit/abi"
	"ampfit/optim/loss"
)

func init() {
	register(method{name: "auto", doc: "A descent from the start, then a search over each parameter and random points until nothing better is found; Levenberg-Marquardt where the loss allows, else L-BFGS.", run: auto})
}

// Searchable is an objective that knows where its coordinates are worth trying.
type Searchable interface {
	Objective
	// Scan returns values to try for coordinate i, around x.
	Scan(x []float64, i int) []float64
	// Sample returns a random point in reach of x.
	Sample(rng *rand.Rand, x []float64) []float64
	// Budget is how many values a search may spend.
	Budget() int
}

// done is a relative error at which a search has nothing left to find: that of
// a 24-bit recording.
const done = 1e-10

// auto descends from the start. Losses of frequencies, rates and delays have
// many minima, so it then looks along every coordinate and at random points,
// descends a few steps from the best of them, and goes on from what is lower.
// It ends when a round finds nothing better.
func auto(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
	local := localMethod(o)
	step := 0
	report := func(p Point) error {
		p.Step = step
		step++
		if s.Report == nil {
			return nil
		}
		return s.Report(p)
	}
	f, err := local(ctx, o, x, Settings{Steps: s.Steps, Report: report})
	search, ok := o.(Searchable)
	if err != nil || !ok || f <= done || len(x) == 0 {
		return f, err
	}
	rng := rand.New(rand.NewPCG(s.Seed, 0x736561726368))
	for round := 0; round < maxRounds; round++ {
		tries, err := scout(ctx, search, x, f, rng, search.Budget()/maxRounds)
		if err != nil {
			return f, err
		}
		better := false
		// A few steps from each candidate tell which valley is deep.
		for i := range tries {
			tries[i].f, err = local(ctx, o, tries[i].x, Settings{Steps: 8})
			if err != nil {
				if tries[i].f < f {
					copy(x, tries[i].x)
					f = tries[i].f
				}
				return f, err
			}
		}
		sort.SliceStable(tries, func(i, j int) bool { return tries[i].f < tries[j].f })
		for _, t := range tries[:min(2, len(tries))] {
			if t.f > 4*f {
				break
			}
			ft, err := local(ctx, o, t.x, Settings{Steps: s.Steps})
			if ft < f*(1-1e-3) {
				copy(x, t.x)
				f, better = ft, true
				if err == nil {
					err = report(Point{Value: f, GradNorm: math.NaN(), X: x})
				}
			}
			if err != nil {
				return f, err
			}
		}
		if !better || f <= done {
			break
		}
	}
	return f, nil
}

const maxRounds = 4

// localMethod picks the fastest descent that applies.
func localMethod(o Objective) Method {
	if g, ok := o.(*GraphObjective); ok && loss.Quadratic(g.Loss) && !g.Model.HasHeatLoss() &&
		len(g.Variables) <= 64 && len(g.Variables)*len(g.Model.Output) < 64<<20 {
		return levenberg
	}
	m, _ := lookup("lbfgs")
	return m.run
}

type try struct {
	x []float64
	f float64
}

// scout returns promising starts: the lowest valleys along each coordinate, and
// the best random points.
func scout(ctx context.Context, o Searchable, x []float64, f float64, rng *rand.Rand, budget int) ([]try, error) {
	var valleys, random []try
	at := append([]float64(nil), x...)
	for i := range x {
		values := o.Scan(x, i)
		sort.Float64s(values)
		losses := make([]float64, len(values))
		for k, v := range values {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			at[i] = v
			losses[k] = o.Evaluate(nil, at)
			budget--
		}
		for k := range values {
			if (k == 0 || losses[k] < losses[k-1]) && (k == len(values)-1 || losses[k] <= losses[k+1]) {
				p := append([]float64(nil), x...)
				p[i] = values[k]
				valleys = append(valleys, try{p, losses[k]})
			}
		}
		at[i] = x[i]
	}
	for ; budget > 0; budget-- {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := o.Sample(rng, x)
		random = append(random, try{p, o.Evaluate(nil, p)})
	}
	lowest := func(t []try, n int) []try {
		sort.SliceStable(t, func(i, j int) bool { return t[i].f < t[j].f })
		return t[:min(n, len(t))]
	}
	return append(lowest(valleys, 8), lowest(random, 6)...), nil
}

// Scan tries logarithmic values over three octaves to either side, linear ones
// over their range and in ever finer steps around the point, phases all around.
func (o *GraphObjective) Scan(x []float64, i int) []float64 {
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
	case abi.Log:
		for k := -72; k <= 72; k++ {
			add(now * math.Exp2(float64(k)/24))
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
	return out
}

// Sample draws each coordinate near the point: within two and a half octaves,
// a quarter of a linear range, any phase; half of the coordinates stay closer.
func (o *GraphObjective) Sample(rng *rand.Rand, x []float64) []float64 {
	p := make([]float64, len(x))
	for i := range p {
		v := &o.Variables[i]
		now, _ := v.Value(x[i])
		r := 2*rng.Float64() - 1
		if rng.IntN(2) == 0 {
			r *= 0.2
		}
		switch v.Scale {
		case abi.Periodic:
			now += r / 2
		case abi.Log:
			now *= math.Exp2(2.5 * r)
		default:
			span := v.Hi - v.Lo
			if math.IsInf(span, 0) {
				span = 4 * math.Max(1, math.Abs(now))
			}
			now += 0.25 * span * r
		}
		if v.Scale != abi.Periodic {
			now = math.Min(math.Max(now, v.Lo), v.Hi)
		}
		p[i] = v.Unbounded(now)
	}
	return p
}

// Budget bounds a search to some seconds: fewer values for longer runs.
func (o *GraphObjective) Budget() int {
	work := float64(len(o.Model.Output)) * float64(len(o.Model.Plan.Units))
	return int(math.Min(math.Max(2e9/work, 200), 4000))
}

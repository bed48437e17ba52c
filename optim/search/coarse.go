package search

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"ampfit/optim/loss"
	"ampfit/optim/method"
)

// A loss of spectra has ridges everywhere, so a line search stops early on it,
// and has as many minima as there are partials. The descent on it goes from
// coarse to fine:
//
//	starts   the file's values, and what the target itself suggests
//	coarse   Adam on short and few windows that hear only what is loud
//	search   valleys along single coordinates and random points, coarse too
//	fine     Adam, then L-BFGS, on the loss itself, as long as it gains
//
// Each step keeps what is better than before.
type spectralSearch struct {
	*searcher
	main, coarse method.Objective
	x            []float64
	f            float64      // of main at x
	c            float64      // of coarse at x
	low          *method.Best // of main; a coarse gain can cost there
	fresh        []float64    // the first start that the target suggests
}

// Limits of the spectral search, in steps of Adam.
const (
	firstSteps   = 40
	coarseSteps  = 160
	scanValues   = 48
	lookRounds   = 2
	lookAbove    = 0.02 // coarse; below, nothing is left to be found
	lookGain     = 0.03 // of a round that is worth another
	fineSteps    = 250
	fineRate     = 0.03
	coarseRate   = 0.05
	spectralGain = 5e-3 // of a round that goes on
	farBehind    = 2.0  // times the best coarse loss: not descended from
)

// coarseLoss hears 60 dB, through windows that overlap by half.
const coarseLoss = "mrstft(2048/512/128, hop=n/2, floor=0.001)"

// Coarse is the objective with a loss that is smoother and cheaper than that of
// spectra; nil where the target is too short.
func (o *GraphObjective) Coarse() method.Objective {
	if o.target == nil {
		return nil
	}
	l, err := loss.Parse(coarseLoss, o.target, o.channels, o.Model.Plan.Rate)
	if err != nil {
		return nil
	}
	loss.SetThreads(l, o.threads)
	g := *o
	g.Loss, g.shared = l, o
	return &g
}

// descend is the whole way. It returns the value at x, the best point.
func (s *spectralSearch) descend(ctx context.Context) error {
	s.f = s.main.Evaluate(nil, s.x)
	s.low.See(s.x, s.f)
	if err := s.report(method.Point{Value: s.f, GradNorm: math.NaN(), X: s.x}); err != nil {
		return err
	}
	if err := s.begin(ctx); err != nil {
		return err
	}
	for round := 0; round < lookRounds && s.c > lookAbove && !s.spent(); round++ {
		before := s.c
		if err := s.look(ctx); err != nil {
			return err
		}
		if s.c > before*(1-lookGain) {
			break
		}
	}
	if err := s.refine(ctx); err != nil || s.f <= s.done {
		return err
	}
	if s.low.F < s.f {
		s.x, s.f = slices.Clone(s.low.X), s.low.F
		if err := s.refine(ctx); err != nil || s.f <= s.done {
			return err
		}
	}
	before := s.f
	if err := s.inPhase(ctx); err != nil || s.f <= s.done || s.f == before {
		return err
	}
	return s.refine(ctx)
}

// most is a number of steps, or what the user allows.
func (s *spectralSearch) most(steps int) int {
	if s.settings.Steps > 0 {
		return min(steps, s.settings.Steps)
	}
	return steps
}

// begin descends from each start some way, and from the best further.
func (s *spectralSearch) begin(ctx context.Context) error {
	s.c = s.coarse.Evaluate(nil, s.x)
	tries := []try{{s.x, s.c}}
	if o, ok := s.main.(Suggestive); ok {
		for k, p := range o.Starts(ctx, s.x) {
			if k == 0 {
				s.fresh = slices.Clone(p)
			}
			tries = append(tries, try{p, s.coarse.Evaluate(nil, p)})
		}
	}
	tries = distinct(lowest(tries, len(tries)))
	for _, heat := range []struct{ keep, steps int }{{16, 12}, {4, firstSteps}, {2, coarseSteps}} {
		tries = near(lowest(tries, heat.keep))
		for i := range tries {
			t := &tries[i]
			t.x = slices.Clone(t.x)
			var err error
			if t.f, err = method.InUnits(method.Adam)(ctx, s.coarse, t.x, method.Settings{Steps: s.most(heat.steps), LR: coarseRate}); err != nil {
				return s.adopt(*t, err)
			}
		}
	}
	return s.adopt(lowest(tries, 1)[0], nil)
}

// near leaves out what is far behind the best of sorted tries.
func near(t []try) []try {
	for len(t) > 1 && t[len(t)-1].f > farBehind*t[0].f {
		t = t[:len(t)-1]
	}
	return t
}

// distinct leaves out what is equal to the one before.
func distinct(t []try) []try {
	return slices.CompactFunc(t, func(a, b try) bool { return a.f == b.f })
}

// adopt moves to a point if it is coarsely better, and passes an error on.
func (s *spectralSearch) adopt(t try, err error) error {
	if t.f >= s.c {
		return err
	}
	s.x, s.c = t.x, t.f
	s.f = s.main.Evaluate(nil, s.x)
	s.low.See(s.x, s.f)
	if e := s.report(method.Point{Value: s.f, GradNorm: math.NaN(), X: s.x}); err == nil {
		err = e
	}
	return err
}

// look tries the valleys along single coordinates and random points.
func (s *spectralSearch) look(ctx context.Context) error {
	o, ok := s.coarse.(Searchable)
	if !ok {
		return nil
	}
	tries, err := s.valleys(ctx, o)
	if err != nil {
		return err
	}
	for _, heat := range []struct{ keep, steps int }{{8, 15}, {3, firstSteps}, {1, 2 * firstSteps}} {
		tries = near(lowest(tries, heat.keep))
		for i := range tries {
			t := &tries[i]
			if t.f, err = method.InUnits(method.Adam)(ctx, s.coarse, t.x, method.Settings{Steps: s.most(heat.steps), LR: coarseRate}); err != nil {
				return s.adopt(*t, err)
			}
		}
	}
	if len(tries) == 0 {
		return nil
	}
	return s.adopt(tries[0], nil)
}

// valleys returns the lowest points along the scalar coordinates, and the best
// of some random ones.
func (s *spectralSearch) valleys(ctx context.Context, o Searchable) ([]try, error) {
	var out []try
	scalars := s.scalars()
	for _, i := range scalars {
		if s.spent() {
			break
		}
		bases := [][]float64{s.x}
		if s.isRate(i) { // the rate of a wave tells nothing at the wrong phase
			bases = o.Variants(s.x, i)
		}
		var found []try
		for _, base := range bases {
			more, err := valleysAlong(ctx, o, base, i, 0, scanValues)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
		}
		out = append(out, lowest(found, 3)...)
	}
	random := []try(nil)
	for k := range min(o.Budget()/16, 8*len(scalars)) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := o.Sample(s.rng, s.x, k%4 == 3)
		random = append(random, try{p, o.Evaluate(nil, p)})
	}
	hops, err := s.hops(ctx)
	return slices.Concat(lowest(out, 10), lowest(random, 6), lowest(hops, 6)), err
}

// isRate reports whether a coordinate is the rate of a low-frequency oscillator.
func (s *spectralSearch) isRate(i int) bool {
	g, ok := s.main.(*GraphObjective)
	return ok && g.Variables[i].Param.Name == "rate_hz"
}

// scalars are the coordinates that stand alone, not one of many of a vector.
func (s *spectralSearch) scalars() []int {
	var out []int
	g, ok := s.main.(*GraphObjective)
	for i := range s.x {
		if !ok || len(g.Variables[i].Param.Values) <= 4 {
			out = append(out, i)
		}
	}
	return out
}

// refine descends on the loss itself, by Adam and from there by L-BFGS, again
// as long as that gains.
func (s *spectralSearch) refine(ctx context.Context) error {
	lbfgs, _ := method.Lookup("lbfgs")
	for round := 0; ; round++ {
		before := s.f
		for _, m := range []struct {
			run   method.Method
			steps int
		}{{method.InUnits(method.Adam), fineSteps}, {method.InUnits(lbfgs.Run), fineSteps / 2}} {
			p := slices.Clone(s.x)
			f, err := m.run(ctx, s.main, p, method.Settings{Steps: s.most(m.steps), LR: fineRate / float64(1+round), Report: s.below(s.f)})
			if f < s.f {
				s.x, s.f = p, f
				s.low.See(p, f)
			}
			if err != nil || s.f <= s.done {
				return err
			}
		}
		if s.f > before-spectralGain*math.Abs(before) || s.spent() {
			return nil
		}
	}
}

func newSpectralSearch(a *searcher, o method.Objective, coarse method.Objective, x []float64) *spectralSearch {
	a.rng = rand.New(rand.NewPCG(a.settings.Seed, 0x737065637472))
	return &spectralSearch{searcher: a, main: o, coarse: coarse, x: slices.Clone(x), low: method.NewBest()}
}

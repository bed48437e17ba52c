package search

import (
	"context"
	"math"
	"math/rand/v2"
	"sort"

	"ampfit/optim/loss"
	"ampfit/optim/method"
)

func init() {
	method.Register(method.Entry{Name: "auto", Doc: "A search for good starts (partials and pitch of the target, delays and what moves them, each parameter by itself, random points) and a descent from the best: Levenberg-Marquardt for esr and mse, Adam and then L-BFGS for spectra.", Run: auto})
}

// Searchable is an objective that knows where its coordinates are worth trying.
type Searchable interface {
	method.Objective
	// Scan returns values to try for coordinate i around x. Spacing is the
	// distance at which the loss can have another minimum, 0 when unknown.
	Scan(x []float64, i int, spacing float64) []float64
	// Variants returns points that differ from x in what hides a minimum along
	// coordinate i, such as the phase of the oscillator whose rate it is.
	Variants(x []float64, i int) [][]float64
	// Sample returns a random point in reach of x, or anywhere when wide.
	Sample(rng *rand.Rand, x []float64, wide bool) []float64
	// Budget is how many values a search may spend.
	Budget() int
}

// Losses at which a search has nothing left to find: the error of a waveform
// with 24 bits, and what the quantisation of a recording leaves of a spectral
// loss.
const (
	waveformDone = 1e-10
	spectralDone = 5e-4
)

// Limits of a search.
const (
	maxRounds  = 6
	guideSteps = 200
	maxIdle    = 2 // rounds without a better point before it ends
	// clearlyBetter is the part of the first spectral loss of an effect at which
	// its start was good enough for a plain descent.
	clearlyBetter = 1.0 / 3
	little        = 1e-3 // of a waveform, from which one round without a gain has to do
	nearlyDone    = 3e-5 // from which that round is a short one
	briefly       = 24   // values along a coordinate, of a short round
	longVector    = 64   // elements, beyond which none is scanned
)

// auto descends from the start: on a loss of spectra as spectralSearch does, with
// a dry signal after the plain descent of room, on the others as follows. Losses
// of frequencies, rates and delays have many minima, so it then looks along every coordinate and at random points,
// descends a few steps from the best of them, and goes on from what is lower.
// It ends when rounds find nothing better.
func auto(ctx context.Context, o method.Objective, x []float64, s method.Settings) (float64, error) {
	a := &searcher{o: o, local: localMethod(o), settings: s, start: append([]float64(nil), x...), done: waveformDone}
	if g, ok := o.(*GraphObjective); ok && !g.leastSquares() {
		a.done = spectralDone
		if loss.Decibels(g.Loss) {
			a.done = math.Inf(-1)
		}
	}
	if g, ok := o.(*GraphObjective); ok && !g.quadratic() && len(x) > 0 && len(g.dry) > 0 {
		first := g.Evaluate(nil, x)
		f, err := a.room(ctx, g, x)
		if err != nil || f <= a.done || f < clearlyBetter*first || g.reverberates() {
			return f, err
		}
	}
	if g, ok := o.(*GraphObjective); ok && !g.quadratic() {
		if coarse := g.Coarse(); coarse != nil && len(x) > 0 {
			d := newSpectralSearch(a, o, coarse, x)
			err := d.descend(ctx)
			copy(x, d.low.X)
			return d.low.F, err
		}
	}
	if f, all, err := a.taps(ctx, x); err != nil || all || f <= a.done {
		return f, err
	}
	look := a.look()
	f, err := a.local(ctx, o, x, method.Settings{Steps: look, Report: a.report})
	search, ok := o.(Searchable)
	if err != nil || !ok || f <= a.done || len(x) == 0 {
		return f, err
	}
	if a.reverberates() {
		for before := math.Inf(1); f > tailLost && f < before/2; {
			before = f
			if f, err = a.local(ctx, o, x, method.Settings{Steps: look, Report: a.below(f)}); err != nil {
				return f, err
			}
		}
		if f > tailLost {
			return f, nil // its spectra are fitted
		}
	}
	if look == s.Steps && a.explained(x, f) {
		return f, nil
	}
	if f, err = a.wake(ctx, x, f); err != nil || f <= a.done {
		return f, err
	}
	if f, err = a.moving(ctx, x, f); err != nil || f <= a.done {
		return f, err
	}
	if look != s.Steps {
		if f, err = a.local(ctx, o, x, method.Settings{Steps: s.Steps, Report: a.below(f)}); err != nil || f <= a.done {
			return f, err
		}
	}
	if a.explained(x, f) {
		return f, nil
	}
	if f, err = a.sweep(ctx, x, f); err != nil || f <= a.done {
		return f, err
	}
	idleRounds := maxIdle
	if o, ok := a.o.(*GraphObjective); ok && o.leastSquares() && f < little {
		idleRounds = 1
	}
	if !a.short(x, f) {
		if f, err = a.follow(ctx, x, f); err != nil || f <= a.done {
			return f, err
		}
	}
	a.rng = rand.New(rand.NewPCG(s.Seed, 0x736561726368))
	for round, idle := 0, 0; round < maxRounds && idle < idleRounds && f > a.done && !a.spent(); round++ {
		before := f
		if f, err = a.round(ctx, search, x, f, round == 0); err != nil {
			return f, err
		}
		idle++
		if f < before*(1-1e-3) {
			idle = 0
		}
	}
	return f, nil
}

// reverberates reports whether the graph is a reverberator's whose spectra are
// fitted when the waveform is lost.
func (a *searcher) reverberates() bool {
	o, ok := a.o.(*GraphObjective)
	return ok && o.spectral && o.reverberates()
}

// explained reports whether what is left at x is not of the dry sound, so that
// there is nothing to look for.
func (a *searcher) explained(x []float64, f float64) bool {
	o, ok := a.o.(*GraphObjective)
	if !ok || !o.leastSquares() {
		return false
	}
	o.Evaluate(nil, x)
	return o.foreign(f)
}

type searcher struct {
	o        method.Objective
	local    method.Method
	settings method.Settings
	start    []float64
	rng      *rand.Rand
	step     int
	done     float64
}

// spent reports whether the search has used up its evaluations.
func (a *searcher) spent() bool {
	g, ok := a.o.(*GraphObjective)
	return ok && g.Calls > 4*g.Budget()
}

// short reports whether so little is left that a search is not worth much: a
// part of what the graph cannot do more often than of another valley. A valley
// that runs into a bound is another one: a shelf of the least q, an octave off,
// leaves a ten-thousandth of the sound.
func (a *searcher) short(x []float64, f float64) bool {
	o, ok := a.o.(*GraphObjective)
	return ok && o.leastSquares() && f < nearlyDone && !o.onBound(x)
}

// onBound reports whether a learned number has run into a bound that it did not
// start at.
func (o *GraphObjective) onBound(x []float64) bool {
	for i := range o.Variables {
		v := &o.Variables[i]
		if value, _ := v.Value(x[i]); !v.Moved && v.AtBound(value) {
			return true
		}
	}
	return false
}

// Guided is an objective with a smoother relative: one whose minima lie near
// its own and are found from further away.
type Guided interface {
	method.Objective
	// Guide returns it, nil when there is none.
	Guide() method.Objective
}

// follow descends on the guide from the start and from x, and from where that
// leads on the objective itself. The waveform error of an equaliser that is
// octaves off has hills all around; that of its spectra leads home.
func (a *searcher) follow(ctx context.Context, x []float64, f float64) (float64, error) {
	g, ok := a.o.(Guided)
	if !ok {
		return f, nil
	}
	guide := g.Guide()
	if guide == nil {
		return f, nil
	}
	for _, from := range [][]float64{a.start, x} {
		p := append([]float64(nil), from...)
		// Adam crosses the small ridges that stop a line search.
		if _, err := method.Patient(method.Adam, 40, 1e-3)(ctx, guide, p, method.Settings{Steps: guideSteps, LR: 0.03}); err != nil {
			return f, err
		}
		fp, err := a.local(ctx, a.o, p, method.Settings{Steps: a.settings.Steps, Report: a.below(f)})
		if fp < f {
			copy(x, p)
			f = fp
		}
		if err != nil || f <= a.done {
			return f, err
		}
	}
	return f, nil
}

func (a *searcher) report(p method.Point) error {
	p.Step = a.step
	a.step++
	if a.settings.Report == nil {
		return nil
	}
	return a.settings.Report(p)
}

// below reports the steps of a descent that are lower than what was known.
func (a *searcher) below(f float64) func(method.Point) error {
	return func(p method.Point) error {
		if p.Value >= f {
			return nil
		}
		return a.report(p)
	}
}

// round looks for something better than x, and moves x there.
func (a *searcher) round(ctx context.Context, o Searchable, x []float64, f float64, first bool) (float64, error) {
	tries, err := a.scout(ctx, o, x, f, first)
	if err != nil {
		return f, err
	}
	// A few steps tell which valleys are deep; more are for the best of them.
	heats := []struct{ keep, steps int }{{len(tries), 3}, {6, 8}}
	if a.short(x, f) {
		heats[1].keep = 3
	}
	for _, heat := range heats {
		tries = lowest(tries, heat.keep)
		for i := range tries {
			t := &tries[i]
			if t.f, err = a.local(ctx, o, t.x, method.Settings{Steps: heat.steps}); err != nil {
				if t.f < f {
					copy(x, t.x)
					f = t.f
				}
				return f, err
			}
			if t.f <= a.done || a.spent() {
				break
			}
		}
	}
	tries = lowest(tries, 2)
	for _, t := range tries {
		if t.f > 10*f {
			break
		}
		ft, err := a.local(ctx, o, t.x, method.Settings{Steps: a.settings.Steps, Report: a.below(f)})
		if ft < f*(1-1e-6) {
			copy(x, t.x)
			f = ft
		}
		if err != nil || f <= a.done {
			return f, err
		}
	}
	return f, nil
}

// localMethod picks the fastest descent that applies.
func localMethod(o method.Objective) method.Method {
	if g, ok := o.(*GraphObjective); ok && g.leastSquares() {
		return method.Levenberg
	}
	m, _ := method.Lookup("lbfgs")
	return m.Run
}

// quadratic reports whether the loss compares waveforms.
func (o *GraphObjective) quadratic() bool { return loss.Quadratic(o.Loss) }

// leastSquares reports whether Gauss-Newton steps apply and their matrices fit.
func (o *GraphObjective) leastSquares() bool {
	return loss.Quadratic(o.Loss) && !o.Model.HasHeatLoss() && len(o.Variables) <= 64 && len(o.Variables)*len(o.Model.Output) < 64<<20
}

type try struct {
	x []float64
	f float64
}

func lowest(t []try, n int) []try {
	sort.SliceStable(t, func(i, j int) bool { return t[i].f < t[j].f })
	return t[:min(n, len(t))]
}

// finish descends all the way from a few points, and moves x to what is lower.
func (a *searcher) finish(ctx context.Context, x []float64, f float64, tries []try) (float64, error) {
	for _, t := range tries {
		ft, err := a.local(ctx, a.o, t.x, method.Settings{Steps: a.settings.Steps, Report: a.below(f)})
		if ft < f {
			copy(x, t.x)
			f = ft
		}
		if err != nil || f <= a.done {
			return f, err
		}
	}
	return f, nil
}

// scout returns promising points: the lowest valleys along each coordinate,
// through the best point and in the first round through the start, and the best
// of random points.
func (a *searcher) scout(ctx context.Context, o Searchable, x []float64, f float64, first bool) ([]try, error) {
	spacing := make([]float64, len(x))
	if c, ok := o.(method.Curved); ok && a.local != nil && curvedNow(o) {
		h := make([]float64, len(x)*len(x))
		c.Curvature(h, x)
		for i := range spacing {
			if d := h[i*len(x)+i]; d > 0 {
				spacing[i] = math.Sqrt(1 / d)
			}
		}
	}
	centres, most := [][]float64{x}, 0
	switch {
	case a.short(x, f):
		most = briefly
	case first:
		centres = append(centres, a.start)
	}
	var valleys []try
	for _, centre := range centres {
		for i := range x {
			if a.spent() {
				break
			}
			if g, ok := o.(*GraphObjective); ok && len(g.Variables[i].Param.Values) > longVector {
				continue
			}
			var found []try
			for _, base := range o.Variants(centre, i) {
				more, err := valleysAlong(ctx, o, base, i, spacing[i], most)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			valleys = append(valleys, lowest(found, 3)...)
		}
	}
	if most > 0 {
		return lowest(valleys, 8), nil
	}
	var random []try
	for k := range o.Budget() / maxRounds / 2 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		centre := x
		if k%2 == 0 {
			centre = a.start
		}
		p := o.Sample(a.rng, centre, k%4 == 3)
		random = append(random, try{p, o.Evaluate(nil, p)})
	}
	guided, err := a.guided(ctx, lowest(append([]try(nil), random...), 3))
	return append(append(lowest(valleys, 9), lowest(random, 7)...), guided...), err
}

// guided descends some way on the guide from a few points.
func (a *searcher) guided(ctx context.Context, from []try) ([]try, error) {
	g, ok := a.o.(Guided)
	if !ok {
		return nil, nil
	}
	guide := g.Guide()
	if guide == nil {
		return nil, nil
	}
	var out []try
	for _, t := range from {
		p := append([]float64(nil), t.x...)
		if _, err := method.Patient(method.Adam, 20, 1e-3)(ctx, guide, p, method.Settings{Steps: guideSteps / 2, LR: 0.06}); err != nil {
			return out, err
		}
		out = append(out, try{p, a.o.Evaluate(nil, p)})
	}
	return out, nil
}

// curvedNow reports whether an objective's curvature applies to its loss.
func curvedNow(o method.Objective) bool {
	g, ok := o.(*GraphObjective)
	return !ok || g.leastSquares()
}

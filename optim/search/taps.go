package search

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"ampfit/internal/fft"
	"ampfit/optim/method"
)

// The output of a graph is linear in the taps of a filter whose surroundings are
// linear, so the best taps are known without a search. With y₀ the output without
// taps, u what an impulse as taps adds to it, and t the target, they minimise
//
//	‖u * h − (t − y₀)‖²
//
// by conjugate gradients on the normal equations (CGLS) whose products are FFT
// convolutions, preconditioned by the inverse of the power spectrum of u: that
// of a matrix in which every lag is a turn of a circle.
//
// Sources: M. R. Hestenes, E. Stiefel, Methods of Conjugate Gradients for
// Solving Linear Systems, J. Res. NBS 49, 1952; T. F. Chan, An Optimal Circulant
// Preconditioner for Toeplitz Systems, SIAM J. Sci. Stat. Comput. 9(4), 1988.

// Limits of the solution for taps.
const (
	tapsIterations = 300
	tapsPrecision  = 1e-11 // of the gradient, of its first size
	tapsRidge      = 1e-2  // of the mean power of u, below which a circle is no guide to a line
	tapsRounds     = 6     // of taps and the rest in turn
)

// filters returns the first variables of the vectors that are wholly learned
// taps.
func (o *GraphObjective) filters() []int {
	var out []int
	for i := 0; i < len(o.Variables); i++ {
		v := &o.Variables[i]
		if v.Element != 0 || v.prior != nil || (v.Param.Name != "taps" && v.Param.Name != "ir") {
			continue
		}
		n := len(v.Param.Values)
		if n > 1 && i+n <= len(o.Variables) && o.Variables[i+n-1].Param == v.Param {
			out = append(out, i)
		}
	}
	return out
}

// solveTaps returns x with the best taps of the filter whose variables begin at
// first; they are the best only where the graph is linear in them.
func (o *GraphObjective) solveTaps(ctx context.Context, x []float64, first int) []float64 {
	p := o.Variables[first].Param
	taps := make([]float64, len(p.Values))
	with := func(level float64) []float64 {
		o.Set(x)
		clear(p.Values)
		p.Values[0] = level
		_ = o.Model.Set(p, p.Values)
		o.Model.Forward()
		o.count(1)
		return slices.Clone(o.Model.Output)
	}
	rest, u := with(0), with(1)
	for n := range u {
		u[n] -= rest[n]
		rest[n] = o.target[n] - rest[n]
	}
	s := newTapSystem(u, o.channels, len(taps))
	s.solve(ctx, taps, rest)
	out := slices.Clone(x)
	for k, h := range taps {
		v := &o.Variables[first+k]
		out[first+k] = v.Unbounded(math.Min(math.Max(h, v.Lo), v.Hi))
	}
	return out
}

// tapSystem is the convolution of channels with taps.
type tapSystem struct {
	channels, frames, taps int
	plan                   *fft.Plan
	re, im                 [][]float64 // spectra of u
	weight                 []float64   // of the preconditioner
	pad, work, fr, fi      []float64
}

func newTapSystem(u []float64, channels, taps int) *tapSystem {
	frames := len(u) / channels
	taps = min(taps, frames)
	n := 1 << bits.Len(uint(frames+taps-1))
	s := &tapSystem{channels: channels, frames: frames, taps: taps, plan: fft.NewPlan(n), pad: make([]float64, n)}
	bins := s.plan.Bins()
	s.work, s.fr, s.fi, s.weight = s.plan.Scratch(), make([]float64, bins), make([]float64, bins), make([]float64, bins)
	mean := 0.0
	for c := range channels {
		s.spectrum(u[c*frames : (c+1)*frames])
		s.re, s.im = append(s.re, slices.Clone(s.fr)), append(s.im, slices.Clone(s.fi))
		for k := range s.weight {
			s.weight[k] += s.fr[k]*s.fr[k] + s.fi[k]*s.fi[k]
			mean += (s.fr[k]*s.fr[k] + s.fi[k]*s.fi[k]) / float64(bins)
		}
	}
	for k := range s.weight {
		s.weight[k] = 1 / math.Max(s.weight[k]+tapsRidge*mean, 1e-300)
	}
	return s
}

func (s *tapSystem) spectrum(x []float64) {
	clear(s.pad[copy(s.pad, x):])
	s.plan.Forward(s.fr, s.fi, s.pad, s.work)
}

// apply writes u * h to y.
func (s *tapSystem) apply(y, h []float64) {
	s.spectrum(h[:s.taps])
	hr, hi := slices.Clone(s.fr), slices.Clone(s.fi)
	for c := range s.channels {
		for k := range hr {
			s.fr[k], s.fi[k] = s.re[c][k]*hr[k]-s.im[c][k]*hi[k], s.re[c][k]*hi[k]+s.im[c][k]*hr[k]
		}
		s.plan.Inverse(s.pad, s.fr, s.fi, s.work)
		copy(y[c*s.frames:(c+1)*s.frames], s.pad)
	}
}

// correlate writes the transpose's product with y to g.
func (s *tapSystem) correlate(g, y []float64) {
	clear(g)
	for c := range s.channels {
		s.spectrum(y[c*s.frames : (c+1)*s.frames])
		for k := range s.fr {
			a, b := s.fr[k], s.fi[k]
			s.fr[k], s.fi[k] = a*s.re[c][k]+b*s.im[c][k], b*s.re[c][k]-a*s.im[c][k]
		}
		s.plan.Inverse(s.pad, s.fr, s.fi, s.work)
		for i := range s.taps {
			g[i] += s.pad[i]
		}
	}
}

// precondition writes the circulant's inverse of g to z.
func (s *tapSystem) precondition(z, g []float64) {
	s.spectrum(g[:s.taps])
	for k, w := range s.weight {
		s.fr[k] *= w
		s.fi[k] *= w
	}
	s.plan.Inverse(s.pad, s.fr, s.fi, s.work)
	clear(z)
	copy(z[:s.taps], s.pad)
}

// solve writes the taps that bring u closest to y.
func (s *tapSystem) solve(ctx context.Context, h, y []float64) {
	n := len(h)
	r, q := slices.Clone(y), make([]float64, len(y))
	g, z := make([]float64, n), make([]float64, n)
	clear(h)
	s.correlate(g, r)
	s.precondition(z, g)
	d := slices.Clone(z)
	rho := method.Dot(g, z)
	for first, k := rho, 0; k < tapsIterations && rho > tapsPrecision*tapsPrecision*first && ctx.Err() == nil; k++ {
		s.apply(q, d)
		e := method.Dot(q, q)
		if !(e > 0) {
			return
		}
		a := rho / e
		for i, v := range d {
			h[i] += a * v
		}
		for i, v := range q {
			r[i] -= a * v
		}
		s.correlate(g, r)
		s.precondition(z, g)
		next := method.Dot(g, z)
		for i, v := range z {
			d[i] = v + next/rho*d[i]
		}
		rho = next
	}
}

// taps solves for the taps of filters and descends with the other parameters, in
// turn, as long as that gains. It reports whether there is nothing else to learn;
// without filters it does nothing, and its value is infinite.
func (a *searcher) taps(ctx context.Context, x []float64) (f float64, all bool, err error) {
	o, ok := a.o.(*GraphObjective)
	if !ok || !o.quadratic() || o.target == nil {
		return math.Inf(1), false, nil
	}
	filters := o.filters()
	if len(filters) == 0 {
		return math.Inf(1), false, nil
	}
	f = o.Evaluate(nil, x)
	if err := a.report(method.Point{Value: f, GradNorm: math.NaN(), X: x}); err != nil {
		return f, false, err
	}
	isTap := make([]bool, len(x))
	for _, first := range filters {
		for k := range o.Variables[first].Param.Values {
			isTap[first+k] = true
		}
	}
	others, at := o.without(isTap)
	for range tapsRounds {
		before := f
		for _, first := range filters {
			p := o.solveTaps(ctx, x, first)
			if fp := o.Evaluate(nil, p); fp < f {
				copy(x, p)
				f = fp
				if err := a.report(method.Point{Value: f, GradNorm: math.NaN(), X: x}); err != nil {
					return f, false, err
				}
			}
		}
		if err := ctx.Err(); err != nil || len(at) == 0 || f <= a.done {
			return f, len(at) == 0, err
		}
		o.Set(x)
		p := make([]float64, len(at))
		for k, i := range at {
			p[k] = x[i]
		}
		fp, err := localMethod(others)(ctx, others, p, method.Settings{Steps: levelSteps})
		if fp < f {
			f = fp
			for k, i := range at {
				x[i] = p[k]
			}
		}
		if err != nil || f > before*(1-1e-2) {
			return f, false, err
		}
	}
	return f, false, nil
}

// without is the objective of the other variables, the ones left out staying as
// they are in the model, and where those stand in a point of o.
func (o *GraphObjective) without(out []bool) (*GraphObjective, []int) {
	var vars []Variable
	var at []int
	for i := range o.Variables {
		if !out[i] {
			vars, at = append(vars, o.Variables[i]), append(at, i)
		}
	}
	part := newGraphObjective(o.Model, o.Loss, vars)
	part.target, part.channels, part.threads, part.shared = o.target, o.channels, o.threads, o
	return part, at
}

// filtered is x with the taps of its filters solved for, where there are some.
func (o *GraphObjective) filtered(ctx context.Context, x []float64) [][]float64 {
	if len(o.dry) == 0 {
		return nil
	}
	filters := o.filters()
	if len(filters) == 0 {
		return nil
	}
	p := x
	for _, first := range filters {
		p = o.solveTaps(ctx, p, first)
	}
	return [][]float64{p}
}

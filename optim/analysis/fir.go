package analysis

import (
	"context"
	"math"
	"slices"
)

// Limits of the solution for taps.
const (
	firIterations = 300
	firPrecision  = 1e-11 // of the gradient, of its first size
	firRidge      = 1e-2  // of the mean power of u, below which a circle is no guide to a line
)

// FIR is the convolution of channels with taps, and the taps that bring it closest
// to a target y:
//
//	‖u * h − y‖² → min
//
// by conjugate gradients on the normal equations (CGLS) whose products are FFT
// convolutions, preconditioned by the inverse of the power spectrum of u: that
// of a matrix in which every lag is a turn of a circle.
//
// Sources: M. R. Hestenes, E. Stiefel, Methods of Conjugate Gradients for
// Solving Linear Systems, J. Res. NBS 49, 1952; T. F. Chan, An Optimal Circulant
// Preconditioner for Toeplitz Systems, SIAM J. Sci. Stat. Comput. 9(4), 1988.
type FIR struct {
	*transform
	channels, frames, taps int
	u                      []spectrum
	weight                 []float64 // of the preconditioner
	f, h, product          spectrum  // scratch
}

// NewFIR binds the channels u, one after the other, to a number of taps.
func NewFIR(u []float64, channels, taps int) *FIR {
	frames := len(u) / channels
	taps = min(taps, frames)
	t := newTransform(lengthFor(frames + taps))
	s := &FIR{transform: t, channels: channels, frames: frames, taps: taps, weight: make([]float64, t.plan.Bins()), f: t.empty(), h: t.empty(), product: t.empty()}
	for c := range channels {
		x := t.empty()
		t.forward(x, u[c*frames:(c+1)*frames])
		x.addPower(s.weight)
		s.u = append(s.u, x)
	}
	ridge := firRidge * mean(s.weight)
	for k := range s.weight {
		s.weight[k] = 1 / math.Max(s.weight[k]+ridge, 1e-300)
	}
	return s
}

// apply writes u * h to y.
func (s *FIR) apply(y, h []float64) {
	s.forward(s.h, h[:s.taps])
	for c, u := range s.u {
		for k := range u.re {
			s.f.re[k], s.f.im[k] = u.re[k]*s.h.re[k]-u.im[k]*s.h.im[k], u.re[k]*s.h.im[k]+u.im[k]*s.h.re[k]
		}
		copy(y[c*s.frames:(c+1)*s.frames], s.back(s.f))
	}
}

// correlate writes the transpose's product with y to g.
func (s *FIR) correlate(g, y []float64) {
	clear(g)
	for c, u := range s.u {
		s.forward(s.f, y[c*s.frames:(c+1)*s.frames])
		clear(s.product.re)
		clear(s.product.im)
		s.product.addCross(u, s.f)
		for i, v := range s.back(s.product)[:s.taps] {
			g[i] += v
		}
	}
}

// precondition writes the circulant's inverse of g to z.
func (s *FIR) precondition(z, g []float64) {
	s.forward(s.f, g[:s.taps])
	for k, w := range s.weight {
		s.f.re[k] *= w
		s.f.im[k] *= w
	}
	clear(z)
	copy(z[:s.taps], s.back(s.f))
}

// Solve writes the taps that bring u closest to y.
func (s *FIR) Solve(ctx context.Context, h, y []float64) {
	n := len(h)
	r, q := slices.Clone(y), make([]float64, len(y))
	g, z := make([]float64, n), make([]float64, n)
	clear(h)
	s.correlate(g, r)
	s.precondition(z, g)
	d := slices.Clone(z)
	rho := dot(g, z)
	for first, k := rho, 0; k < firIterations && rho > firPrecision*firPrecision*first && ctx.Err() == nil; k++ {
		s.apply(q, d)
		e := dot(q, q)
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
		next := dot(g, z)
		for i, v := range z {
			d[i] = v + next/rho*d[i]
		}
		rho = next
	}
}

// Best solves for the taps h and returns the part of y's energy that they leave.
func (s *FIR) Best(ctx context.Context, h, y []float64) float64 {
	s.Solve(ctx, h, y)
	out, left := make([]float64, len(y)), 0.0
	s.apply(out, h)
	for n, v := range y {
		left += (v - out[n]) * (v - out[n])
	}
	return left / dot(y, y)
}

// Package fft computes the discrete Fourier transform of real signals, and
// the adjoints that a gradient through it needs.
//
// A Plan is made once for a length and then used by any number of goroutines;
// each brings its own scratch:
//
//	plan := fft.NewPlan(1024)
//	re, im := make([]float64, plan.Bins()), make([]float64, plan.Bins())
//	plan.Forward(re, im, x, plan.Scratch())
//
// A spectrum is the half with non-negative frequencies in two planes, real and
// imaginary parts apart, Bins() = ⌊N/2⌋+1 values each. The four transforms are
//
//	Forward         X[k] = Σ x[n] exp(-2πi kn/N)
//	Inverse         x[n] = 1/N Σ X[k] exp(+2πi kn/N), over all N bins, X[N-k] = conj X[k]
//	ForwardAdjoint  transpose of Forward: gradient of a spectrum to gradient of its signal
//	InverseAdjoint  transpose of Inverse: gradient of a signal to gradient of its spectrum
//
// where an adjoint takes re and im of a bin as two independent real numbers.
// Inverse undoes Forward. A power of two from 16 up is transformed here; other
// lengths are left to gonum, some ten times slower.
package fft

import (
	"fmt"
	"math/bits"
)

// Plan holds what the transforms of one length share. It does not change after
// NewPlan, so goroutines may share it.
type Plan struct {
	n     int
	pow2  *stockham
	other *fallback // when pow2 is nil
}

// NewPlan returns a plan for real signals of n frames. It panics if n < 1.
func NewPlan(n int) *Plan {
	if n < 1 {
		panic(fmt.Sprintf("fft: a transform of %d frames; the least is 1", n))
	}
	if n >= 16 && bits.OnesCount(uint(n)) == 1 {
		return &Plan{n: n, pow2: newStockham(n)}
	}
	return &Plan{n: n, other: newFallback(n)}
}

// Len returns the number of frames N.
func (p *Plan) Len() int { return p.n }

// Bins returns the number of bins of a spectrum, ⌊N/2⌋+1.
func (p *Plan) Bins() int { return p.n/2 + 1 }

// WorkLen returns the number of floats of scratch that a transform needs.
func (p *Plan) WorkLen() int { return 2 * p.n }

// Scratch returns new scratch, for one transform at a time.
func (p *Plan) Scratch() []float64 { return make([]float64, p.WorkLen()) }

// Forward writes the spectrum of x to re and im. The four slices must not
// overlap; x is left as it is. It panics if a length does not fit the plan.
func (p *Plan) Forward(re, im, x, work []float64) {
	p.analyse(re, im, x, work, 1, 1)
}

// Inverse writes the signal with the spectrum re, im to x, divided by N, so
// that it undoes Forward. The imaginary parts of the first bin and, for even
// N, of the last are taken as 0. The spectrum is left as it is. It panics if a
// length does not fit the plan.
func (p *Plan) Inverse(x, re, im, work []float64) {
	scale := 1 / float64(p.n)
	p.synthesise(x, re, im, work, scale, scale)
}

// ForwardAdjoint writes to dx the gradient of the signal, given the gradient
// dre, dim of its spectrum:
//
//	dx[n] = Σ dre[k] cos(2πkn/N) - dim[k] sin(2πkn/N)   over the Bins() bins
//
// That is N times Inverse with the inner bins halved, for Inverse counts each
// of them twice.
func (p *Plan) ForwardAdjoint(dx, dre, dim, work []float64) {
	p.synthesise(dx, dre, dim, work, 0.5, 1)
}

// InverseAdjoint writes to dre, dim the gradient of the spectrum, given the
// gradient dx of its signal. That is Forward over N with the inner bins
// doubled.
func (p *Plan) InverseAdjoint(dre, dim, dx, work []float64) {
	scale := 1 / float64(p.n)
	p.analyse(dre, dim, dx, work, 2*scale, scale)
}

// analyse is the forward transform with the inner bins times inner, and those
// that have no mirror image (0 and, for even N, N/2) times edge.
func (p *Plan) analyse(re, im, x, work []float64, inner, edge float64) {
	p.check(re, im, x, work)
	if p.pow2 != nil {
		p.pow2.analyse(re, im, x, work, inner, edge)
	} else {
		p.other.analyse(re, im, x, inner, edge)
	}
}

// synthesise is the inverse transform without 1/N of the spectrum with its
// inner bins times inner, and those that have no mirror image times edge.
func (p *Plan) synthesise(x, re, im, work []float64, inner, edge float64) {
	p.check(re, im, x, work)
	if p.pow2 != nil {
		p.pow2.synthesise(x, re, im, work, inner, edge)
	} else {
		p.other.synthesise(x, re, im, inner, edge)
	}
}

func (p *Plan) check(re, im, x, work []float64) {
	if len(x) != p.n || len(re) != p.Bins() || len(im) != p.Bins() || len(work) < p.WorkLen() {
		panic(fmt.Sprintf("fft: a plan for %d frames needs %d frames, %d bins and %d floats of scratch; got %d, %d and %d, %d",
			p.n, p.n, p.Bins(), p.WorkLen(), len(x), len(re), len(im), len(work)))
	}
}

package kernel

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/fft"
	"ampfit/internal/vec"
)

// This file is convolution with a response h. The first 64 taps are summed as they
// stand. Those beyond lie in levels, each twice as
// long as all before: level P holds the taps P … 2P-1. What it adds to frames
// mP … mP+P-1 needs no input later than frame mP-1, so it is computed at frame
// mP, by one transform of the 2P frames before:
//
//	taps     [ direct 64 | P=64 | P=128 |    P=256     | …
//	frames   … [ x: mP-2P … mP-1 ] mP … mP+P-1
//	               └─ FFT · H ─────► └ tail ┘
//
// m counts from the start of the run, so neither blocks nor restarts move the
// partitions, and the output has no delay. A frame's part waits in an internal
// row P frames back, at n-P; the place of frame n itself is still empty then.
//
// The adjoint is correlation: with ḡ the gradient of a level's P frames,
// X̄ = conj(H) FFT(0, ḡ) and H̄ = conj(X) FFT(0, ḡ), the first P frames of it.
// The duals of the rows of tails and of the input collect what reaches back.

// ConvolutionHead is how many taps are summed as they stand.
const ConvolutionHead = 64

// Convolution is the layout of a response.
type Convolution struct {
	Taps   int // of the response
	levels []convolutionLevel
	Most   int // the longest P, 0 without levels
	free   int // where Prepare's working memory starts in Coefs
}

// convolutionLevel is the taps p … 2p-1.
type convolutionLevel struct {
	p, taps int // taps of the response in it
	plan    *fft.Plan
	coefs   int // where its spectrum starts
}

// NewConvolution lays out a convolution with so many taps: its internal rows, the
// first of the input and then a tail of each level, its coefficients and its scratch
// memory.
func NewConvolution(s *abi.Setup, taps int) *Convolution {
	c := &Convolution{Taps: taps}
	history := min(taps, ConvolutionHead) - 1
	s.Internal = []int{0}
	for p := ConvolutionHead; p < taps; p *= 2 {
		l := convolutionLevel{p, min(p, taps-p), fft.NewPlan(2 * p), s.Coefs}
		c.levels = append(c.levels, l)
		c.Most = p
		s.Coefs += 2 * (p + 1)
		s.Internal = append(s.Internal, p)
		history = 2 * p
	}
	s.Internal[0] = history
	if c.Most > 0 {
		s.Scratch = 2*c.Most + 4*(c.Most+1) + 4*c.Most
		c.free = s.Coefs // Prepare has no scratch
		s.Coefs += 6 * c.Most
	}
	return c
}

// Prepare writes the spectra of the response h.
func (c *Convolution) Prepare(coefs, h []float64) {
	for i := range c.levels {
		l := &c.levels[i]
		x, free := coefs[c.free:][:2*l.p], coefs[c.free+2*c.Most:]
		clear(x)
		copy(x, h[l.p:l.p+l.taps])
		l.plan.Forward(coefs[l.coefs:][:l.p+1], coefs[l.coefs+l.p+1:][:l.p+1], x, free)
	}
}

// Forward writes h * x to y, x the input of the lane.
func (c *Convolution) Forward(b *abi.Block, lane int, y, h []float64) {
	x, row := b.In(0, lane), b.Internal(0, lane)
	now := len(row) - len(x)
	copy(row[now:], x)
	convolutionDirect(y, row, h[:min(len(h), ConvolutionHead)])
	for i := range c.levels {
		l := &c.levels[i]
		tail := b.Internal(1+i, lane) // frame n of the block is tail[p+n]
		clear(tail[l.p:])
		for n := 0; n < len(x); {
			count, boundary := Until(b.Frame(lane), n, len(x), l.p)
			if boundary {
				l.compute(tail[n:n+l.p], row[now+n-2*l.p:now+n], b.Coefs(lane)[l.coefs:], b.Scratch(lane))
			}
			vec.Add(y[n:], tail[n:n+count])
			n += count
		}
	}
}

// Backward adds to the gradients of the input and of the taps, dh; g is that of h * x.
// Where there is spread, dh has room for a level or the head, and spread takes what
// the taps from one on have received.
func (c *Convolution) Backward(b, d *abi.Block, lane int, g, h, dh, scratch []float64, spread func(dh []float64, from int)) {
	row, drow, dx := b.Internal(0, lane), d.Internal(0, lane), d.In(0, lane)
	frames := len(g)
	now := len(row) - frames
	taps := func(from, count int) []float64 {
		if spread == nil {
			return dh[from : from+count]
		}
		clear(dh[:count])
		return dh[:count]
	}
	for i := range c.levels {
		l := &c.levels[i]
		dtail := d.Internal(1+i, lane)
		vec.Add(dtail, g)
		// Frames whose part is computed in this block, the last ones first.
		last := lastMultiple(b.Frame(lane), frames, l.p)
		if last < 0 {
			continue
		}
		dh := taps(l.p, l.taps)
		for n := last; n >= 0; n -= l.p {
			l.correlate(drow[now+n-2*l.p:now+n], dh, dtail[n:n+l.p], row[now+n-2*l.p:now+n], b.Coefs(lane)[l.coefs:], scratch)
		}
		if spread != nil {
			spread(dh, l.p)
		}
	}
	head := h[:min(len(h), ConvolutionHead)]
	dh = taps(0, len(head))
	convolutionDirectBack(drow[now-len(head)+1:], dh, g, row[now-len(head)+1:], head)
	if spread != nil {
		spread(dh, 0)
	}
	vec.Add(dx, drow[now:])
}

// work is the scratch memory of a level: a window, two spectra, free memory.
func (l *convolutionLevel) work(scratch []float64) (x, re, im, gr, gi, free []float64) {
	n, bins := 2*l.p, l.p+1
	x, scratch = scratch[:n], scratch[n:]
	re, im, gr, gi, free = scratch[:bins], scratch[bins:2*bins], scratch[2*bins:3*bins], scratch[3*bins:4*bins], scratch[4*bins:4*bins+2*n]
	return
}

// lastMultiple returns the last of the frames of a block that is an absolute
// multiple of p, or a number below 0.
func lastMultiple(frame int64, frames, p int) int {
	first := (p - int(frame%int64(p))) % p
	if first >= frames {
		return -1
	}
	return first + (frames-1-first)/p*p
}

// Until returns the number of frames from n of the block to the next multiple
// of p, at most those left, and whether n is such a multiple.
func Until(frame int64, n, frames, p int) (count int, boundary bool) {
	at := int((frame + int64(n)) % int64(p))
	return min(p-at, frames-n), at == 0
}

// compute writes what a level adds to the p frames after the 2p frames of x.
func (l *convolutionLevel) compute(tail, x, coefs, scratch []float64) {
	y, re, im, _, _, free := l.work(scratch)
	hr, hi := coefs[:l.p+1], coefs[l.p+1:][:l.p+1]
	l.plan.Forward(re, im, x, free)
	for k, r := range re {
		i := im[k]
		re[k], im[k] = r*hr[k]-i*hi[k], r*hi[k]+i*hr[k]
	}
	l.plan.Inverse(y, re, im, free)
	copy(tail, y[l.p:])
}

// convolutionDirect writes Σ h[k] x[n-k], four frames side by side, each summed
// in the same order as alone. The row has the history in front.
func convolutionDirect(y, row, h []float64) {
	now := len(row) - len(y)
	n := rowsConvolveFast(y, row, h)
	for ; n+4 <= len(y); n += 4 {
		var s0, s1, s2, s3 float64
		past := row[now+n-len(h)+1:][:len(h)+3]
		// past[len(h)-1-k] is x[n-k]
		for k := range h {
			v, w := h[k], past[len(h)-1-k:]
			w = w[:4]
			s0 = math.FMA(v, w[0], s0)
			s1 = math.FMA(v, w[1], s1)
			s2 = math.FMA(v, w[2], s2)
			s3 = math.FMA(v, w[3], s3)
		}
		y[n], y[n+1], y[n+2], y[n+3] = s0, s1, s2, s3
	}
	for ; n < len(y); n++ {
		s := 0.0
		past := row[now+n-len(h)+1:][:len(h)]
		for k := range h {
			s = math.FMA(h[k], past[len(h)-1-k], s)
		}
		y[n] = s
	}
}

// correlate is the adjoint of compute.
func (l *convolutionLevel) correlate(dx, dh, dtail, x, coefs, scratch []float64) {
	w, xr, xi, gr, gi, free := l.work(scratch)
	hr, hi := coefs[:l.p+1], coefs[l.p+1:][:l.p+1]
	clear(w[:l.p])
	copy(w[l.p:], dtail)
	l.plan.Forward(gr, gi, w, free)
	l.plan.Forward(xr, xi, x, free)
	for k, r := range xr { // conj(X) G, then conj(H) G
		i := xi[k]
		p, q := gr[k], gi[k]
		xr[k], xi[k] = r*p+i*q, r*q-i*p
		gr[k], gi[k] = hr[k]*p+hi[k]*q, hr[k]*q-hi[k]*p
	}
	l.plan.Inverse(w, xr, xi, free)
	vec.Add(dh, w[:len(dh)])
	l.plan.Inverse(w, gr, gi, free)
	vec.Add(dx, w[:len(dx)])
}

// convolutionDirectBack is the adjoint of convolutionDirect. The rows start
// len(h)-1 frames before the first of g.
func convolutionDirectBack(drow, dh, g, row, h []float64) {
	last := len(h) - 1
	for k, v := range h {
		sum0, sum1 := 0.0, 0.0
		z, x := drow[last-k:][:len(g)], row[last-k:][:len(g)]
		n := 0
		for ; n+1 < len(g); n += 2 {
			p, q := g[n], g[n+1]
			z[n] = math.FMA(v, p, z[n])
			z[n+1] = math.FMA(v, q, z[n+1])
			sum0 = math.FMA(p, x[n], sum0)
			sum1 = math.FMA(q, x[n+1], sum1)
		}
		if n < len(g) {
			z[n] = math.FMA(v, g[n], z[n])
			sum0 = math.FMA(g[n], x[n], sum0)
		}
		dh[k] += sum0 + sum1
	}
}

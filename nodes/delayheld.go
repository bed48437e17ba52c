package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

// plain reports whether a lane is the common case: a held time of two frames or more,
// linear, not damped, and a history that holds what its tap reads.
func (law delayLaw) plain(time abi.Values, together bool, t *kernel.Tap, history int) bool {
	return !time.Varies() && together && law.interp == kernel.Linear && !law.damped && history-t.K >= 1
}

// delayRun is delayFrames for such a lane, with the same arithmetic.
func delayRun(b *abi.Block, lane, k int, w0, w1 float64) {
	x, y, v := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
	feedback, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	h := len(v) - len(x)
	now := v[h:][:len(x)]
	past := v[h-k-1:]
	y = y[:len(x)]
	rest := 1 - mix
	for n, x := range x {
		d := math.FMA(w1, past[n], w0*past[n+1])
		now[n] = math.FMA(feedback, d, x)
		y[n] = math.FMA(mix, d, rest*x)
	}
}

// delayRunBack is the adjoint of delayRun.
func delayRunBack(b, d *abi.Block, lane, k int, w0, w1 float64) {
	x, v := b.In(0, lane), b.Internal(0, lane)
	dx, dy, dv := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane)
	feedback, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	h := len(v) - len(x)
	past, dpast, dnow := v[h-k-1:], dv[h-k-1:], dv[h:][:len(x)]
	dx, dy = dx[:len(x)], dy[:len(x)]
	rest := 1 - mix
	dtime, dfeedback, dmix := 0.0, 0.0, 0.0
	for n := len(x) - 1; n >= 0; n-- {
		p0, p1 := past[n+1], past[n]
		tap := math.FMA(w1, p1, w0*p0)
		lambda := dnow[n]
		dx[n] += math.FMA(rest, dy[n], lambda)
		dmix = math.FMA(tap-x[n], dy[n], dmix)
		dfeedback = math.FMA(tap, lambda, dfeedback)
		g := math.FMA(mix, dy[n], feedback*lambda)
		dpast[n+1] = math.FMA(w0, g, dpast[n+1])
		dpast[n] = math.FMA(w1, g, dpast[n])
		dtime = math.FMA(p1-p0, g, dtime)
	}
	d.Param(0, lane).Add(0, b.Rate/1000*dtime)
	d.Param(1, lane).Add(0, dfeedback)
	d.Param(2, lane).Add(0, dmix)
}

// vectorTime is the held time, in frames, from which the delay line runs piece
// by piece on whole vectors. A piece is no longer than the nearest frame that
// the tap reads: so it reads nothing that it writes itself.
const vectorTime = 24

// pieces reports whether a lane takes the vectors: a held time that long, and a
// history that holds all that its tap reads.
func (law delayLaw) pieces(time abi.Values, perMs float64, t *kernel.Tap, history int) bool {
	return !time.Varies() && law.interp != kernel.Thiran && time.At(0)*perMs >= vectorTime && history >= t.K+t.Taps-1
}

// delayPieces is delayFrames for a lane of pieces.
func delayPieces(b *abi.Block, lane int, law delayLaw, t *kernel.Tap) {
	x, y, v, state := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane), b.State(lane)
	feedback, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	a, _ := law.damping(b, lane)
	taps, past := t.OldestFirst(&t.W)
	e, l, last := b.FrameScratch(lane), b.FrameScratch(lane), state[0]
	if law.damped {
		l = b.Record(0, lane)
	}
	for at, h := 0, len(v)-len(x); at < len(x); {
		n := min(t.K, len(x)-at)
		i := h + at
		e, l, x, y, now := e[:n], l[at:], x[at:at+n], y[at:at+n], v[i:i+n]
		clear(e)
		vec.FIR(e, v[i-past:i-past+n+t.Taps-1], taps[:t.Taps])
		for m := range y {
			y[m] = math.FMA(mix, e[m], (1-mix)*x[m])
		}
		if law.damped {
			for m, now := range e {
				last = math.FMA(1-a, last, float64(a*now))
				l[m] = last
			}
		} else {
			l = e
		}
		l = l[:n]
		for m := range now {
			now[m] = math.FMA(feedback, l[m], x[m])
		}
		at += n
	}
	if law.damped {
		state[0] = last
	}
}

// delayPiecesBack is its adjoint. With g[n] = mix ȳ[n] + ē[n], what a whole piece
// hands to the line is Σ_j w_j g shifted by k+j, and T̄ is Σ_j w_j' ⟨g, v shifted⟩.
func delayPiecesBack(b, d *abi.Block, lane int, law delayLaw, t *kernel.Tap) {
	x, v := b.In(0, lane), b.Internal(0, lane)
	dx, dy, dv := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane)
	feedback, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	a, slope := law.damping(b, lane)
	taps, past := t.OldestFirst(&t.W)
	frames, h := len(x), len(v)-len(x)
	scratch := b.FrameScratch(lane)
	e, g := scratch[:frames], scratch[frames:2*frames]
	clear(e)
	vec.FIR(e, v[h-past:h-past+frames+t.Taps-1], taps[:t.Taps])
	l, carry, da, dfeedback := e, 0.0, 0.0, 0.0
	if law.damped {
		l, carry = b.Record(0, lane), d.State(lane)[0]
	}
	var dtime [4]float64
	for end := frames; end > 0; {
		from := max(end-t.K, 0)
		n := end - from
		lambda, g, l := dv[h+from:h+end], g[from:end], l[from:end]
		dfeedback += vec.Dot(lambda, l)
		if law.damped {
			for m := n - 1; m >= 0; m-- {
				dl := math.FMA(feedback, lambda[m], carry)
				carry = (1 - a) * dl
				g[m] = dl
			}
			prev := b.Before(lane)[0]
			if from > 0 {
				prev = b.Record(0, lane)[from-1]
			}
			da += vec.Dot(g, e[from:end]) - vec.Dot(g[1:], l) - g[0]*prev
			for m, dl := range g {
				g[m] = math.FMA(a, dl, mix*dy[from+m])
			}
		} else {
			for m, v := range lambda {
				g[m] = math.FMA(feedback, v, mix*dy[from+m])
			}
		}
		for j := range t.Taps {
			lo := h + from - t.K - j
			dtime[j] += vec.AddScaledDot(dv[lo:lo+n], t.W[j], g, v[lo:lo+n])
		}
		end = from
	}
	vec.Add(dx, dv[h:])
	fromX := vec.AddScaledDot(dx, 1-mix, dy, x)
	dt := 0.0
	for j, sum := range dtime {
		dt += t.DW[j] * sum
	}
	d.Param(0, lane).Add(0, b.Rate/1000*dt)
	d.Param(1, lane).Add(0, dfeedback)
	d.Param(2, lane).Add(0, vec.Dot(dy, e)-fromX)
	if law.damped {
		d.Param(3, lane).Add(0, slope*da)
		d.State(lane)[0] = carry
	}
}

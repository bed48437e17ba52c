package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// delayFrames is the delay line frame by frame, for any interpolation and time.
func delayFrames(b *abi.Block, lane int) {
	law, perMs := b.Data.(delayLaw), b.Rate/1000
	x, y, v, state := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane), b.State(lane)
	time, feedback, mix := b.Param(0, lane), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	a, _ := law.damping(b, lane)
	h := len(v) - len(x)
	var end, loop kernel.Tap
	together := law.place(&end, &loop, time.At(0), perMs)
	last, lastEnd, lastLoop := state[0], state[1], state[2]
	var ringing [2][]float64
	if law.interp == kernel.Thiran {
		ringing[0], ringing[1] = b.Record(0, lane), b.Record(1, lane)
	}
	for n := range x {
		if time.Varies() {
			together = law.place(&end, &loop, time.At(n), perMs)
		}
		i := h + n
		var d, e float64
		if law.interp == kernel.Thiran {
			e = math.FMA(loop.W[0], at(v, i-loop.K)-lastLoop, at(v, i-loop.K-1))
			lastLoop = e
			ringing[0][n] = e
		} else {
			e = loop.Read(v, i, &loop.W)
		}
		if law.damped {
			last += a * (e - last)
		} else {
			last = e
		}
		v[i] = math.FMA(feedback, last, x[n])
		switch {
		case law.interp == kernel.Thiran:
			d = math.FMA(end.W[0], at(v, i-end.K)-lastEnd, at(v, i-end.K-1))
			lastEnd = d
			ringing[1][n] = d
		case together:
			d = e
		default:
			d = end.Read(v, i, &end.W)
		}
		y[n] = math.FMA(mix, d, (1-mix)*x[n])
	}
	if law.damped {
		state[0] = last
	}
	if law.interp == kernel.Thiran {
		state[1], state[2] = lastEnd, lastLoop
	}
}

// delayTaps returns e, d and l of the block: the all-pass taps of the record, the
// others computed again into the frame scratch.
func delayTaps(b *abi.Block, lane int, law delayLaw) (e, d, l []float64) {
	frames := b.Frames
	fs, v, before := b.FrameScratch(lane), b.Internal(0, lane), b.Before(lane)
	e, d, l = fs[:frames], fs[frames:2*frames], fs[2*frames:3*frames]
	time, perMs, h := b.Param(0, lane), b.Rate/1000, len(v)-frames
	a, _ := law.damping(b, lane)
	var end, loop kernel.Tap
	together := law.place(&end, &loop, time.At(0), perMs)
	last := before[0]
	if law.interp == kernel.Thiran {
		e, d = b.Record(0, lane), b.Record(1, lane)
	}
	for n := range l {
		if law.interp != kernel.Thiran {
			if time.Varies() {
				together = law.place(&end, &loop, time.At(n), perMs)
			}
			e[n] = loop.Read(v, h+n, &loop.W)
			d[n] = e[n]
			if !together {
				d[n] = end.Read(v, h+n, &end.W)
			}
		}
		if law.damped {
			last += a * (e[n] - last)
		} else {
			last = e[n]
		}
		l[n] = last
	}
	return e, d, l
}

// delayFramesBack is the adjoint of delayFrames.
func delayFramesBack(b, d *abi.Block, lane int) {
	law, perMs := b.Data.(delayLaw), b.Rate/1000
	x, v, before := b.In(0, lane), b.Internal(0, lane), b.Before(lane)
	dx, dy, dv, dstate := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane), d.State(lane)
	time, feedback, mix := b.Param(0, lane), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	dtime, dfeedback, dmix, da := d.Param(0, lane), 0.0, 0.0, 0.0
	a, slope := law.damping(b, lane)
	h := len(v) - len(x)
	var end, loop kernel.Tap
	together := law.place(&end, &loop, time.At(0), perMs)
	e, out, l := delayTaps(b, lane, law)
	carry, carryEnd, carryLoop := dstate[0], dstate[1], dstate[2]
	if !law.damped {
		carry = 0
	}
	for n := len(x) - 1; n >= 0; n-- {
		if time.Varies() {
			together = law.place(&end, &loop, time.At(n), perMs)
		}
		i := h + n
		prev, prevEnd, prevLoop := before[0], before[1], before[2]
		if n > 0 {
			prev, prevEnd, prevLoop = l[n-1], out[n-1], e[n-1]
		}
		g := mix * dy[n]
		dt := 0.0
		switch {
		case law.interp == kernel.Thiran:
			g += carryEnd
			dt = thiranBack(&end, v, dv, i, g, prevEnd)
			carryEnd = -end.W[0] * g
			g = 0
		case !together:
			end.Add(dv, i, g)
			dt = g * end.Read(v, i, &end.DW)
			g = 0
		}
		lambda := dv[i]
		dx[n] += (1-mix)*dy[n] + lambda
		dmix += (out[n] - x[n]) * dy[n]
		dfeedback += l[n] * lambda
		dl := feedback*lambda + carry
		if law.damped {
			da += (e[n] - prev) * dl
			carry = (1 - a) * dl
			dl *= a
		}
		g += dl
		moves := 1.0 // below one frame the loop does not see the time
		if time.At(n)*perMs < 1 {
			moves = 0
		}
		if law.interp == kernel.Thiran {
			g += carryLoop
			dt += moves * thiranBack(&loop, v, dv, i, g, prevLoop)
			carryLoop = -loop.W[0] * g
		} else {
			loop.Add(dv, i, g)
			dt += moves * g * loop.Read(v, i, &loop.DW)
		}
		dtime.Add(n, perMs*dt)
	}
	d.Param(1, lane).Add(0, dfeedback)
	d.Param(2, lane).Add(0, dmix)
	if law.damped {
		d.Param(3, lane).Add(0, slope*da)
		dstate[0] = carry
	}
	if law.interp == kernel.Thiran {
		dstate[1], dstate[2] = carryEnd, carryLoop
	}
}

// thiranBack spreads the gradient g of an all-pass tap's value and returns that
// of its time.
func thiranBack(t *kernel.Tap, v, dv []float64, i int, g, prev float64) float64 {
	if i >= t.K {
		dv[i-t.K] += t.W[0] * g
	}
	if i > t.K {
		dv[i-t.K-1] += g
	}
	return g * t.DW[0] * (at(v, i-t.K) - prev)
}

// at returns a frame of the row, zero before it.
func at(v []float64, i int) float64 {
	if i < 0 {
		return 0
	}
	return v[i]
}

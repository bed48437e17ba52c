package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// moving reports whether a lane is the common case of a modulated time: linear
// interpolation without damping, and a history that holds the longest time.
func (law delayLaw) moving(b *abi.Block, lane int, history int) bool {
	time := b.Param(0, lane)
	return time.Varies() && law.interp == kernel.Linear && !law.damped && history >= law.longest+2
}

// delayMoving is delayFrames for such a lane.
func delayMoving(b *abi.Block, lane int) {
	x, y, v := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
	ms, feedback, mix := b.Param(0, lane), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	perMs, h, rest := b.Rate/1000, len(v)-len(x), 1-mix
	y = y[:len(x)]
	now := v[h:][:len(x)]
	for n, x := range x {
		time := ms.At(n) * perMs
		loop := 1.0
		if time > 1 { // false for NaN, which a modulator may bring
			loop = time
		}
		k := int(loop)
		f := loop - float64(k)
		past := v[h+n-k-1:][:2]
		e := math.FMA(f, past[0], (1-f)*past[1])
		now[n] = math.FMA(feedback, e, x)
		d := e
		if time < 1 {
			d = math.FMA(time, v[h+n-1], (1-time)*now[n])
		}
		y[n] = math.FMA(mix, d, rest*x)
	}
}

// delayMovingBack is its adjoint.
func delayMovingBack(b, d *abi.Block, lane int) {
	x, v := b.In(0, lane), b.Internal(0, lane)
	dx, dy, dv := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane)
	ms, feedback, mix := b.Param(0, lane), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	perMs, h, rest := b.Rate/1000, len(v)-len(x), 1-mix
	dms, dfeedback, dmix := d.Param(0, lane), 0.0, 0.0
	dx, dy = dx[:len(x)], dy[:len(x)]
	for n := len(x) - 1; n >= 0; n-- {
		time := ms.At(n) * perMs
		loop := 1.0
		if time > 1 { // false for NaN, which a modulator may bring
			loop = time
		}
		k := int(loop)
		f := loop - float64(k)
		past, dpast := v[h+n-k-1:][:2], dv[h+n-k-1:][:2]
		e := math.FMA(f, past[0], (1-f)*past[1])
		g, dt, out := mix*dy[n], 0.0, e
		if time < 1 { // the loop does not see the time
			before, now := v[h+n-1], v[h+n]
			out = math.FMA(time, before, (1-time)*now)
			dv[h+n] = math.FMA(1-time, g, dv[h+n])
			dv[h+n-1] = math.FMA(time, g, dv[h+n-1])
			dt, g = g*(before-now), 0
		}
		lambda := dv[h+n]
		dx[n] += math.FMA(rest, dy[n], lambda)
		dmix = math.FMA(out-x[n], dy[n], dmix)
		dfeedback = math.FMA(e, lambda, dfeedback)
		g = math.FMA(feedback, lambda, g)
		dpast[0] = math.FMA(f, g, dpast[0])
		dpast[1] = math.FMA(1-f, g, dpast[1])
		if time >= 1 {
			dt = g * (past[0] - past[1])
		}
		dms.Add(n, perMs*dt)
	}
	d.Param(1, lane).Add(0, dfeedback)
	d.Param(2, lane).Add(0, dmix)
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file takes the feed-forward case of dynamics.go with the peak or the rms
// detector row by row: envelopes, logarithms, curve and exponentials each have a
// loop of their own, of which only the envelopes wait for themselves.

// decibelRow writes the level in dB of an envelope, of a square where power.
func decibelRow(dst, e []float64, power bool) {
	if power {
		kernel.LogRow(dst, e, levelFloor*levelFloor, perNeper/2)
	} else {
		kernel.LogRow(dst, e, levelFloor, perNeper)
	}
}

// levelRow writes the level in dB that the curve acts on; free is a row.
func levelRow(dst, free, e, q []float64, mix float64) {
	switch mix {
	case 0:
		decibelRow(dst, e, false)
	case 1:
		decibelRow(dst, q, true)
	default:
		decibelRow(dst, e, false)
		decibelRow(free, q, true)
		for n := range dst {
			dst[n] = levelMix(mix, dst[n], free[n])
		}
	}
}

// kneeTable is threshold, half the knee, the knee, its inverse, and the slope.
func (c *curveAt) kneeTable() [5]float64 {
	return [5]float64{c.threshold, c.knee / 2, c.knee, 1 / c.knee, 1/c.ratio - 1}
}

// gainRow replaces levels by gains in dB.
func (c *curveAt) gainRow(row []float64) {
	if c.kind == compressCurve && c.knee > 0 {
		table := c.kneeTable()
		kernel.KneeGains(row, &table)
		return
	}
	for n, level := range row {
		row[n] = c.at(level)
	}
}

// dynamicsForwardRows is dynamicsForward up to the gain as a factor.
func (l *dynamicsLaw) forwardRows(b *abi.Block, lane int, curve *curveAt, mix, attack, release float64) {
	frames, fs := b.Frames, b.FrameScratch(lane)
	level, free := fs[:frames], fs[frames:2*frames]
	re, rq, rg := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	kernel.Loudest(level, b, l.key(), lane)
	kernel.FollowRows(re, rq, level, attack, release, b.State(lane))
	levelRow(rg, free, re, rq, mix)
	if threshold := b.Param(atThreshold, lane); !b.Held() {
		for n, level := range rg {
			curve.threshold = threshold.At(n)
			rg[n] = curve.at(level)
		}
	} else {
		curve.gainRow(rg)
	}
	for n, g := range rg {
		rg[n] = decibels * g
	}
	kernel.ExpRow(rg, rg)
}

// backRow leads the gradients g of gains in dB to the curve, and replaces them by
// those of the levels.
func (c *curveAt) backRow(g, level []float64) {
	if c.kind == compressCurve && c.knee > 0 {
		table := c.kneeTable()
		byGain, byKnee, byLevel := kernel.KneeGainsBack(g, level, &table)
		c.dRatio -= byGain / (c.ratio * c.ratio)
		c.dKnee += table[4] / 2 * byKnee
		c.dThreshold -= byLevel
		return
	}
	for n, level := range level {
		g[n] = c.back(level, g[n])
	}
}

// followBack runs the gradient of an envelope back in time. On entry dst is what
// each frame gives to it, on return what its level gets.
func followBack(dst, e, level []float64, before, attack, release float64, square bool, dstate *float64, dattack, drelease *float64) {
	attackBits, releaseBits := math.Float64bits(attack), math.Float64bits(release)
	carry, all, attacks := *dstate, 0.0, 0.0
	for n := len(dst) - 1; n >= 0; n-- {
		last, d := before, level[n]
		if n > 0 {
			last = e[n-1]
		}
		if square {
			d *= d
		}
		bits, mask := releaseBits, uint64(0)
		if d > last {
			bits, mask = attackBits, ^uint64(0)
		}
		a := math.Float64frombits(bits)
		g := dst[n] + carry
		s := (last - d) * g
		all += s
		attacks += math.Float64frombits(math.Float64bits(s) & mask)
		carry = a * g
		dst[n] = g - carry
	}
	*dstate = carry
	*dattack += attacks
	*drelease += all - attacks
}

// spreadRow leads the gradients of the level, or of its square, to the channel
// and the sign that made it.
func (l *dynamicsLaw) spreadRow(b, d *abi.Block, lane int, dlevel []float64, square bool) {
	key := l.key()
	signed := func(v, x float64) float64 {
		switch {
		case square:
			return v * 2 * x
		case x == 0:
			return 0
		} // the sign, without a branch that nobody can foresee
		return math.Float64frombits(math.Float64bits(v) ^ math.Float64bits(x)&(1<<63))
	}
	if b.InChannels(key) == 1 {
		x, dx := b.InCh(key, 0, lane)[:len(dlevel)], d.InCh(key, 0, lane)[:len(dlevel)]
		for n, v := range dlevel {
			dx[n] += signed(v, x[n])
		}
		return
	}
	for n, v := range dlevel {
		c, x := kernel.LoudestAt(b, key, lane, n)
		d.InCh(key, c, lane)[n] += signed(v, x)
	}
}

// backwardRows is the part of dynamicsBackward from the gradient of the gain
// factor on, in the second row of the frame scratch.
func (l *dynamicsLaw) backwardRows(b, d *abi.Block, lane int, curve *curveAt, mix, attack, release float64) (dattack, drelease, dmakeup, dmix float64) {
	frames, fs := b.Frames, b.FrameScratch(lane)
	level, g, peak, power, at := fs[:frames], fs[frames:2*frames], fs[2*frames:3*frames], fs[3*frames:4*frames], fs[4*frames:5*frames]
	re, rq, rg := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	mixed := l.detector == peakDetector && l.curve == compressCurve
	kernel.Loudest(level, b, l.key(), lane)
	for n := range g {
		g[n] *= rg[n]
		dmakeup += g[n]
		g[n] *= decibels
	}
	if mixed || mix != 1 {
		decibelRow(peak, re, false)
	}
	if mixed || mix == 1 {
		decibelRow(power, rq, true)
	}
	switch mix {
	case 0:
		at = peak
	case 1:
		at = power
	default:
		for n := range at {
			at[n] = levelMix(mix, peak[n], power[n])
		}
	}
	if b.Held() {
		curve.backRow(g, at)
	} else {
		threshold, dthreshold := b.Param(atThreshold, lane), d.Param(atThreshold, lane)
		for n := range g {
			curve.threshold, curve.dThreshold = threshold.At(n), 0
			g[n] = curve.back(at[n], g[n])
			dthreshold.Add(n, curve.dThreshold)
		}
	}
	if mixed {
		for n, g := range g {
			dmix += g * (power[n] - peak[n])
		}
	}
	// Level in dB to envelopes, and back through them.
	e0, q0 := l.begun(b, lane, b.Before(lane))
	dstate := d.State(lane)
	if mix != 1 || dstate[0] != 0 {
		for n, e := range re {
			v := (1 - mix) * perNeper * g[n] / e
			if e <= levelFloor {
				v = 0
			}
			peak[n] = v
		}
		followBack(peak, re, level, e0, attack, release, false, &dstate[0], &dattack, &drelease)
		l.spreadRow(b, d, lane, peak, false)
	}
	if mix != 0 || dstate[1] != 0 {
		for n, q := range rq {
			v := mix * perNeper / 2 * g[n] / q
			if q <= levelFloor*levelFloor {
				v = 0
			}
			power[n] = v
		}
		followBack(power, rq, level, q0, attack, release, true, &dstate[1], &dattack, &drelease)
		l.spreadRow(b, d, lane, power, true)
	}
	return dattack, drelease, dmakeup, dmix
}

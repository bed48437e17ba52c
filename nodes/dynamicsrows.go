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

func (p *dynamicsLane) forwardRows(b *abi.Block) {
	free, rg := b.FrameScratch(p.lane)[b.Frames:2*b.Frames], p.gain
	kernel.Loudest(p.level, b, p.key(), p.lane)
	kernel.FollowRows(p.e, p.q, p.level, p.attack, p.release, b.State(p.lane))
	levelRow(rg, free, p.e, p.q, p.mix)
	if threshold := b.Param(atThreshold, p.lane); !b.Held() {
		for n, level := range rg {
			p.curve.threshold = threshold.At(n)
			rg[n] = p.curve.at(level)
		}
	} else {
		p.curve.gainRow(rg)
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

// envelopeBackRow runs the gradient of an envelope back in time. On entry dst is what
// each frame gives to it, on return what its level gets.
func (p *dynamicsLane) envelopeBackRow(dst, e []float64, before float64, square bool, dstate *float64) {
	attackBits, releaseBits, level := math.Float64bits(p.attack), math.Float64bits(p.release), p.level
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
	p.dattack += attacks
	p.drelease += all - attacks
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

// backwardRows begins with the gradient g of the gain as a factor, and overwrites it.
func (p *dynamicsLane) backwardRows(b, d *abi.Block, g []float64) {
	frames, fs := b.Frames, b.FrameScratch(p.lane)
	peak, power, at := fs[2*frames:3*frames], fs[3*frames:4*frames], fs[4*frames:5*frames]
	mixed, mix, dmakeup, dmix, re, rq := p.mixed(), p.mix, 0.0, 0.0, p.e, p.q
	kernel.Loudest(p.level, b, p.key(), p.lane)
	for n, gain := range p.gain {
		g[n] *= gain
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
		p.curve.backRow(g, at)
	} else {
		threshold, dthreshold := b.Param(atThreshold, p.lane), d.Param(atThreshold, p.lane)
		for n := range g {
			p.curve.threshold, p.curve.dThreshold = threshold.At(n), 0
			g[n] = p.curve.back(at[n], g[n])
			dthreshold.Add(n, p.curve.dThreshold)
		}
	}
	if mixed {
		for n, g := range g {
			dmix += g * (power[n] - peak[n])
		}
	}
	// Level in dB to envelopes, and back through them.
	e0, q0 := p.begun(b, p.lane, b.Before(p.lane))
	dstate := d.State(p.lane)
	if mix != 1 || dstate[0] != 0 {
		for n, e := range re {
			v := (1 - mix) * perNeper * g[n] / e
			if e <= levelFloor {
				v = 0
			}
			peak[n] = v
		}
		p.envelopeBackRow(peak, re, e0, false, &dstate[0])
		p.spreadRow(b, d, p.lane, peak, false)
	}
	if mix != 0 || dstate[1] != 0 {
		for n, q := range rq {
			v := mix * perNeper / 2 * g[n] / q
			if q <= levelFloor*levelFloor {
				v = 0
			}
			power[n] = v
		}
		p.envelopeBackRow(power, rq, q0, true, &dstate[1])
		p.spreadRow(b, d, p.lane, power, true)
	}
	p.dmakeup, p.dmix = dmakeup, dmix
}

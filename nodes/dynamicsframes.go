package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the detectors of dynamics.go that go frame by frame: the log detector,
// and the peak or rms detector of a feedback topology, whose key is the output of the
// frame before. A threshold that moves gives its gradient in each frame.

const (
	levelFloor = 1e-10          // -200 dB: below, the level stays and has no slope
	perNeper   = 20 / math.Ln10 // dB of a factor e
)

func peakDB(e float64) float64 { return perNeper * math.Log(max(e, levelFloor)) }
func rmsDB(q float64) float64  { return perNeper / 2 * math.Log(max(q, levelFloor*levelFloor)) }

// levelOf is the level that the curve acts on.
func levelOf(mix, e, q float64) float64 {
	switch mix {
	case 0:
		return peakDB(e)
	case 1:
		return rmsDB(q)
	}
	return (1-mix)*peakDB(e) + mix*rmsDB(q)
}

// levelMix is the level of both detectors' levels.
func levelMix(mix, peak, rms float64) float64 {
	switch mix {
	case 0:
		return peak
	case 1:
		return rms
	}
	return (1-mix)*peak + mix*rms
}

// fed returns the level of the output of frame n.
func (p *dynamicsLane) fed(b *abi.Block, n int) float64 {
	_, x := kernel.LoudestAt(b, 0, p.lane, n)
	return math.Abs(x * p.gain[n])
}

// fedBack adds to the gradient of the input what frame n is as a key, and returns that
// of the gain.
func (p *dynamicsLane) fedBack(b, d *abi.Block, n int, dfed float64) float64 {
	c, x := kernel.LoudestAt(b, 0, p.lane, n)
	dfed *= kernel.Sign(x)
	d.InCh(0, c, p.lane)[n] += dfed * p.gain[n]
	return dfed * x
}

func (p *dynamicsLane) forwardLog(b *abi.Block) {
	state, threshold, moves := b.State(p.lane), b.Param(atThreshold, p.lane), !b.Held()
	if !p.feedback {
		kernel.Loudest(p.level, b, p.key(), p.lane)
	}
	smooth, d := state[2], state[3]
	for n := range p.level {
		if moves {
			p.curve.threshold = threshold.At(n)
		}
		if !p.feedback {
			d = p.level[n]
		}
		to := p.curve.at(peakDB(d))
		a := p.release
		if (to > smooth) == p.opens {
			a = p.attack
		}
		smooth = to + a*(smooth-to)
		p.e[n], p.q[n] = smooth, 0
		p.gain[n] = math.Exp(decibels * smooth)
		if p.feedback {
			d = p.fed(b, n)
		}
	}
	state[2] = smooth
	if p.feedback {
		state[3] = d
	}
}

func (p *dynamicsLane) backwardLog(b, d *abi.Block, dgain []float64) {
	before, dstate, threshold, dthreshold, moves := b.Before(p.lane), d.State(p.lane), b.Param(atThreshold, p.lane), d.Param(atThreshold, p.lane), !b.Held()
	if !p.feedback {
		kernel.Loudest(p.level, b, p.key(), p.lane)
	}
	dsmooth, dfed := dstate[2], dstate[3]
	for n := len(dgain) - 1; n >= 0; n-- {
		if moves {
			p.curve.threshold, p.curve.dThreshold = threshold.At(n), 0
		}
		p.dmakeup += dgain[n] * p.gain[n] // gain/makeup times makeup
		g := dgain[n]
		if p.feedback {
			g += p.fedBack(b, d, n, dfed)
		}
		dsmooth += g * (decibels * p.gain[n])
		smooth, level := before[2], before[3] // of the frame before
		if n > 0 {
			smooth = p.e[n-1]
		}
		if !p.feedback {
			level = p.level[n]
		} else if n > 0 {
			level = p.fed(b, n-1)
		}
		db := peakDB(level)
		to := p.curve.at(db)
		a, sum := p.release, &p.drelease
		if (to > smooth) == p.opens {
			a, sum = p.attack, &p.dattack
		}
		*sum += (smooth - to) * dsmooth
		dlevel := 0.0
		if back := p.curve.back(db, (1-a)*dsmooth); level > levelFloor {
			dlevel = back * perNeper / level
		}
		dsmooth *= a
		if p.feedback {
			dfed = dlevel
		} else {
			c, x := kernel.LoudestAt(b, p.key(), p.lane, n)
			d.InCh(p.key(), c, p.lane)[n] += kernel.Sign(x) * dlevel
		}
		if moves {
			dthreshold.Add(n, p.curve.dThreshold)
		}
	}
	dstate[2], dstate[3] = dsmooth, dfed
}

func (p *dynamicsLane) forwardFed(b *abi.Block) {
	state, threshold, moves := b.State(p.lane), b.Param(atThreshold, p.lane), !b.Held()
	e, q, d := state[0], state[1], state[3]
	for n := range p.gain {
		if moves {
			p.curve.threshold = threshold.At(n)
		}
		e = kernel.Follow(e, d, p.attack, p.release)
		q = kernel.Follow(q, d*d, p.attack, p.release)
		p.e[n], p.q[n] = e, q
		p.gain[n] = math.Exp(decibels * p.curve.at(levelOf(p.mix, e, q)))
		d = p.fed(b, n)
	}
	state[0], state[1], state[3] = e, q, d
}

func (p *dynamicsLane) backwardFed(b, d *abi.Block, dgain []float64) {
	before, dstate, threshold, dthreshold, moves := b.Before(p.lane), d.State(p.lane), b.Param(atThreshold, p.lane), d.Param(atThreshold, p.lane), !b.Held()
	first, firstSquare := p.begun(b, p.lane, before) // the envelopes before this block
	de, dq, dfed := dstate[0], dstate[1], dstate[3]
	for n := len(dgain) - 1; n >= 0; n-- {
		if moves {
			p.curve.threshold, p.curve.dThreshold = threshold.At(n), 0
		}
		p.dmakeup += dgain[n] * p.gain[n] // gain/makeup times makeup
		g := (dgain[n] + p.fedBack(b, d, n, dfed)) * (decibels * p.gain[n])
		e, q, level := first, firstSquare, before[3] // of the frame before
		if n > 0 {
			e, q, level = p.e[n-1], p.q[n-1], p.fed(b, n-1)
		}
		p.levelBack(n, g, &de, &dq)
		dfed = 0
		p.envelopeBack(e, level, 1, &de, &dfed)
		p.envelopeBack(q, level*level, 2*level, &dq, &dfed)
		if moves {
			dthreshold.Add(n, p.curve.dThreshold)
		}
	}
	dstate[0], dstate[1], dstate[3] = de, dq, dfed
}

// levelBack leads the gradient g of the gain in dB of frame n through the curve to
// both envelopes.
func (p *dynamicsLane) levelBack(n int, g float64, de, dq *float64) {
	e, q := p.e[n], p.q[n]
	switch {
	case p.mixed():
		peak, rms := peakDB(e), rmsDB(q)
		back := p.curve.back(levelMix(p.mix, peak, rms), g)
		p.dmix += back * (rms - peak)
		if e > levelFloor {
			*de += (1 - p.mix) * back * perNeper / e
		}
		if q > levelFloor*levelFloor {
			*dq += p.mix * back * perNeper / 2 / q
		}
	case p.mix == 1:
		if back := p.curve.back(rmsDB(q), g); q > levelFloor*levelFloor {
			*dq += back * perNeper / 2 / q
		}
	default:
		if back := p.curve.back(peakDB(e), g); e > levelFloor {
			*de += back * perNeper / e
		}
	}
}

// envelopeBack leads the gradient of an envelope, which followed u from last on, to u
// and to last, and adds that of the level; slope is that of u by the level.
func (p *dynamicsLane) envelopeBack(last, u, slope float64, de, dlevel *float64) {
	a, sum := p.release, &p.drelease
	if u > last {
		a, sum = p.attack, &p.dattack
	}
	*sum += (last - u) * *de
	*dlevel += slope * (1 - a) * *de
	*de *= a
}

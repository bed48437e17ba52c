package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the kernel of compressor, expander, gate and compander. With D
// the level of the loudest channel of the key (the input, the sidechain, or the
// output of the frame before), a frame is
//
//	e[n] = D + a (e[n-1] - D),     a of the attack where D > e[n-1], else of the release
//	q[n] = D² + a' (q[n-1] - D²),  likewise
//	L    = (1-mix) 20 log10 e + mix 10 log10 q     peak and rms
//	g    = curve(L)                                a gain in dB
//	y[n] = x[n] 10^((g + makeup)/20)
//
// and with the log detector L = 20 log10 D and the gain is smoothed in its place,
//
//	g[n] = G + a (g[n-1] - G),  G = curve(L)
//
// The adjoint walks this back: with ē the sum of what the frame gives and of
// a ē of the frame after,
//
//	D̄ += (1-a) ē,   ā += (e[n-1] - D) ē
//
// and D̄ goes to the channel and sign that made D.

// The parameters that all of them have stand at the same place.
const (
	atThreshold = iota // or in_db
	atRatio            // or range_db, out_db
	atAttack
	atRelease
	atKnee
	atMakeup
	atExtra // detector_mix or range_db
)

const (
	levelFloor = 1e-10          // -200 dB: below, the level stays and has no slope
	perNeper   = 20 / math.Ln10 // dB of a factor e
)

type detector int

const (
	peakDetector detector = iota
	rmsDetector
	logDetector
)

// dynamicsLaw is the configuration.
type dynamicsLaw struct {
	curve               curveKind
	detector            detector
	feedback, sidechain bool
	opens               bool // the attack raises the gain: expander and gate
	points              int
	start               float64 // envelope before frame 0
}

type curveKind int

const (
	compressCurve curveKind = iota
	expandCurve
	gateCurve
	compandCurve
)

func (l *dynamicsLaw) key() int {
	if l.sidechain {
		return 1
	}
	return 0
}

// hinge is max(d, 0) with a quadratic corner over ±w/2, its slope by d and by w.
// Without a corner the slope at 0 is 1.
func hinge(d, w float64) (h, slope, byWidth float64) {
	switch {
	case d >= w/2:
		return d, 1, 0
	case d <= -w/2:
		return 0, 0, 0
	}
	p := d/w + 0.5
	return p * p * w / 2, p, p * (1 - p) / 2
}

// curveAt is a curve with its values, and the sums of their gradients.
type curveAt struct {
	kind                             curveKind
	threshold, ratio, span, knee     float64
	points                           []float64 // of a compander: positions, then turns of the slope
	first                            float64   // its gain below all points
	dThreshold, dRatio, dSpan, dKnee float64
	dFirst                           float64
	dPoints                          []float64
}

// at returns the gain in dB for a level in dB.
func (c *curveAt) at(level float64) float64 {
	switch c.kind {
	case compressCurve:
		h, _, _ := hinge(level-c.threshold, c.knee)
		return (1/c.ratio - 1) * h
	case expandCurve:
		h, _, _ := hinge(c.threshold-level, c.knee)
		return max((1-c.ratio)*h, -c.span)
	case gateCurve:
		p := min(max((c.threshold-level)/c.knee+0.5, 0), 1)
		return -c.span * p * p * (3 - 2*p)
	}
	g, k := c.first, len(c.points)/2
	for i, turn := range c.points[k:] {
		h, _, _ := hinge(level-c.points[i], c.knee)
		g += turn * h
	}
	return g
}

// back adds the gradients of the values for a gradient g of the gain, and
// returns that of the level.
func (c *curveAt) back(level, g float64) float64 {
	switch c.kind {
	case compressCurve:
		h, slope, byKnee := hinge(level-c.threshold, c.knee)
		s := 1/c.ratio - 1
		c.dRatio -= g * h / (c.ratio * c.ratio)
		c.dKnee += g * s * byKnee
		c.dThreshold -= g * s * slope
		return g * s * slope
	case expandCurve:
		h, slope, byKnee := hinge(c.threshold-level, c.knee)
		s := 1 - c.ratio
		if s*h < -c.span {
			c.dSpan -= g
			return 0
		}
		c.dRatio -= g * h
		c.dKnee += g * s * byKnee
		c.dThreshold += g * s * slope
		return -g * s * slope
	case gateCurve:
		d := c.threshold - level
		p := d/c.knee + 0.5
		if p <= 0 {
			return 0
		}
		if p >= 1 {
			c.dSpan -= g
			return 0
		}
		c.dSpan -= g * p * p * (3 - 2*p)
		dp := -g * c.span * 6 * p * (1 - p)
		c.dThreshold += dp / c.knee
		c.dKnee -= dp * d / (c.knee * c.knee)
		return -dp / c.knee
	}
	c.dFirst += g
	k, by := len(c.points)/2, 0.0
	for i, turn := range c.points[k:] {
		h, slope, byKnee := hinge(level-c.points[i], c.knee)
		c.dPoints[k+i] += g * h
		c.dPoints[i] -= g * turn * slope
		c.dKnee += g * turn * byKnee
		by += turn * slope
	}
	return g * by
}

// newCurve returns the curve of the first frame.
func (l *dynamicsLaw) newCurve(b *abi.Block, lane int) curveAt {
	c := curveAt{kind: l.curve, knee: b.Param(atKnee, lane).At(0)}
	switch l.curve {
	case compressCurve:
		c.threshold, c.ratio = b.Param(atThreshold, lane).At(0), b.Param(atRatio, lane).At(0)
	case expandCurve:
		c.threshold, c.ratio, c.span = b.Param(atThreshold, lane).At(0), b.Param(atRatio, lane).At(0), b.Param(atExtra, lane).At(0)
	case gateCurve:
		c.threshold, c.span = b.Param(atThreshold, lane).At(0), b.Param(atRatio, lane).At(0)
	case compandCurve:
		coefs := b.Coefs(lane)
		c.points, c.first = coefs[:2*l.points], coefs[2*l.points]
	}
	return c
}

func peakDB(e float64) float64 { return perNeper * math.Log(max(e, levelFloor)) }
func rmsDB(q float64) float64  { return perNeper / 2 * math.Log(max(q, levelFloor*levelFloor)) }

// mixOf returns how much of the level is that of the rms detector.
func (l *dynamicsLaw) mixOf(b *abi.Block, lane int) float64 {
	switch {
	case l.detector == rmsDetector:
		return 1
	case l.detector == peakDetector && l.curve == compressCurve:
		return b.Param(atExtra, lane).At(0)
	}
	return 0
}

// dynamicsForward keeps e, q, the smoothed gain in dB, and for a feedback
// topology the level of the last output. It records e (or the gain), q, and the
// gain as a factor.
func dynamicsForward(b *abi.Block) {
	l := b.Data.(*dynamicsLaw)
	for lane := range b.Lanes {
		state, level := b.State(lane), b.FrameScratch(lane)[:b.Frames]
		re, rq, rg := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
		attack, _ := kernel.Ballistic(b.Param(atAttack, lane).At(0), b.Rate)
		release, _ := kernel.Ballistic(b.Param(atRelease, lane).At(0), b.Rate)
		makeup := math.Exp(decibels * b.Param(atMakeup, lane).At(0))
		curve, mix := l.newCurve(b, lane), l.mixOf(b, lane)
		moves := !b.Held()
		state[0], state[1] = l.begun(b, lane, state)
		if l.inRows() {
			l.forwardRows(b, lane, &curve, mix, attack, release)
			applyGain(b, lane, rg, makeup)
			continue
		}
		if !l.feedback {
			kernel.Loudest(level, b, l.key(), lane)
		}
		e, q, smooth, fed := state[0], state[1], state[2], state[3]
		for n := range level {
			if moves {
				curve.threshold = b.Param(atThreshold, lane).At(n)
			}
			d := fed
			if !l.feedback {
				d = level[n]
			}
			if l.detector == logDetector {
				to := curve.at(peakDB(d))
				a := release
				if (to > smooth) == l.opens {
					a = attack
				}
				smooth = to + a*(smooth-to)
				re[n], rq[n] = smooth, 0
				rg[n] = math.Exp(decibels * smooth)
			} else {
				e = kernel.Follow(e, d, attack, release)
				q = kernel.Follow(q, d*d, attack, release)
				re[n], rq[n] = e, q
				at := 0.0
				switch mix {
				case 0:
					at = peakDB(e)
				case 1:
					at = rmsDB(q)
				default:
					at = (1-mix)*peakDB(e) + mix*rmsDB(q)
				}
				rg[n] = math.Exp(decibels * curve.at(at))
			}
			if l.feedback {
				_, x := kernel.LoudestAt(b, 0, lane, n)
				fed = math.Abs(x * rg[n])
			}
		}
		state[0], state[1], state[2], state[3] = e, q, smooth, fed
		applyGain(b, lane, rg, makeup)
	}
}

// begun returns the envelopes before a block from their states: before frame 0
// they stand at start.
func (l *dynamicsLaw) begun(b *abi.Block, lane int, state []float64) (e, q float64) {
	if b.Frame(lane) == 0 {
		return state[0] + l.start, state[1] + l.start*l.start
	}
	return state[0], state[1]
}

// inRows reports whether dynamicsrows.go takes this configuration.
func (l *dynamicsLaw) inRows() bool { return !l.feedback && l.detector != logDetector }

func applyGain(b *abi.Block, lane int, gain []float64, makeup float64) {
	for c := range b.OutChannels(0) {
		y := b.OutCh(0, c, lane)
		for n, x := range b.InCh(0, c, lane) {
			y[n] = x * (gain[n] * makeup)
		}
	}
}

func dynamicsBackward(b, d *abi.Block) {
	l := b.Data.(*dynamicsLaw)
	for lane := range b.Lanes {
		frames := b.Frames
		before, dstate := b.Before(lane), d.State(lane)
		level, dgain := b.FrameScratch(lane)[:frames], b.FrameScratch(lane)[frames:2*frames]
		re, rq, rg := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
		attack, attackSlope := kernel.Ballistic(b.Param(atAttack, lane).At(0), b.Rate)
		release, releaseSlope := kernel.Ballistic(b.Param(atRelease, lane).At(0), b.Rate)
		makeup := math.Exp(decibels * b.Param(atMakeup, lane).At(0))
		curve, mix := l.newCurve(b, lane), l.mixOf(b, lane)
		if l.curve == compandCurve {
			curve.dPoints = b.Scratch(lane)[:2*l.points]
			clear(curve.dPoints)
		}
		mixed := l.detector == peakDetector && l.curve == compressCurve
		moves := !b.Held()
		clear(dgain)
		for c := range b.OutChannels(0) {
			dx, dy := d.InCh(0, c, lane), d.OutCh(0, c, lane)
			for n, x := range b.InCh(0, c, lane) {
				dx[n] += dy[n] * (rg[n] * makeup)
				dgain[n] += dy[n] * x * makeup
			}
		}
		var dattack, drelease, dmakeup, dmix float64
		inRows := l.inRows()
		if inRows {
			dattack, drelease, dmakeup, dmix = l.backwardRows(b, d, lane, &curve, mix, attack, release)
		} else if !l.feedback {
			kernel.Loudest(level, b, l.key(), lane)
		}
		var first [2]float64 // the envelopes before this block
		first[0], first[1] = l.begun(b, lane, before)
		de, dq, dsmooth, dfed := dstate[0], dstate[1], dstate[2], dstate[3]
		for n := frames - 1; n >= 0 && !inRows; n-- {
			if moves {
				curve.threshold = b.Param(atThreshold, lane).At(n)
				curve.dThreshold = 0
			}
			dmakeup += dgain[n] * rg[n] // rg/makeup times makeup
			g := dgain[n]
			if l.feedback {
				c, x := kernel.LoudestAt(b, 0, lane, n)
				dfed *= kernel.Sign(x)
				g += dfed * x
				d.InCh(0, c, lane)[n] += dfed * rg[n]
			}
			g *= decibels * rg[n]
			e, q := first[0], first[1] // of the frame before
			if l.detector == logDetector {
				e = before[2]
			}
			if n > 0 {
				e, q = re[n-1], rq[n-1]
			}
			at := 0.0
			switch {
			case !l.feedback:
				at = level[n]
			case n == 0:
				at = before[3]
			default:
				_, x := kernel.LoudestAt(b, 0, lane, n-1)
				at = math.Abs(x * rg[n-1])
			}
			dlevel := 0.0
			if l.detector == logDetector {
				dsmooth += g
				db := peakDB(at)
				to := curve.at(db)
				a, sum := release, &drelease
				if (to > e) == l.opens {
					a, sum = attack, &dattack
				}
				*sum += (e - to) * dsmooth
				if back := curve.back(db, (1-a)*dsmooth); at > levelFloor {
					dlevel = back * perNeper / at
				}
				dsmooth *= a
			} else {
				switch {
				case mixed:
					p, r := peakDB(re[n]), rmsDB(rq[n])
					back := curve.back(levelMix(mix, p, r), g)
					dmix += back * (r - p)
					if re[n] > levelFloor {
						de += (1 - mix) * back * perNeper / re[n]
					}
					if rq[n] > levelFloor*levelFloor {
						dq += mix * back * perNeper / 2 / rq[n]
					}
				case mix == 1:
					if back := curve.back(rmsDB(rq[n]), g); rq[n] > levelFloor*levelFloor {
						dq += back * perNeper / 2 / rq[n]
					}
				default:
					if back := curve.back(peakDB(re[n]), g); re[n] > levelFloor {
						de += back * perNeper / re[n]
					}
				}
				a, sum := release, &drelease
				if at > e {
					a, sum = attack, &dattack
				}
				*sum += (e - at) * de
				dlevel += (1 - a) * de
				de *= a
				a, sum = release, &drelease
				if at*at > q {
					a, sum = attack, &dattack
				}
				*sum += (q - at*at) * dq
				dlevel += 2 * at * (1 - a) * dq
				dq *= a
			}
			if l.feedback {
				dfed = dlevel
			} else {
				c, x := kernel.LoudestAt(b, l.key(), lane, n)
				d.InCh(l.key(), c, lane)[n] += kernel.Sign(x) * dlevel
			}
			if moves {
				d.Param(atThreshold, lane).Add(n, curve.dThreshold)
			}
		}
		dstate[0], dstate[1], dstate[2], dstate[3] = de, dq, dsmooth, dfed // what a detector leaves alone passes through
		d.Param(atAttack, lane).Add(0, attackSlope*dattack)
		d.Param(atRelease, lane).Add(0, releaseSlope*drelease)
		d.Param(atKnee, lane).Add(0, curve.dKnee)
		d.Param(atMakeup, lane).Add(0, decibels*dmakeup)
		if mixed {
			d.Param(atExtra, lane).Add(0, dmix)
		}
		if l.curve == compandCurve {
			companderBack(b, d, lane, &curve)
			continue
		}
		if !moves {
			d.Param(atThreshold, lane).Add(0, curve.dThreshold)
		}
		switch l.curve {
		case compressCurve:
			d.Param(atRatio, lane).Add(0, curve.dRatio)
		case expandCurve:
			d.Param(atRatio, lane).Add(0, curve.dRatio)
			d.Param(atExtra, lane).Add(0, curve.dSpan)
		case gateCurve:
			d.Param(atRatio, lane).Add(0, curve.dSpan)
		}
	}
}

// levelMix is the level that dynamicsForward uses.
func levelMix(mix, peak, rms float64) float64 {
	switch mix {
	case 0:
		return peak
	case 1:
		return rms
	}
	return (1-mix)*peak + mix*rms
}

// companderNear is the least distance of two points in dB.
const companderNear = 0.01

// companderPrepare sorts the points and writes their positions, the turns of
// the slope there, the gain below all of them, and the order.
func companderPrepare(b *abi.Block) {
	k := b.Data.(*dynamicsLaw).points
	for lane := range b.Lanes {
		in, out, c := b.Vector(atThreshold, lane), b.Vector(atRatio, lane), b.Coefs(lane)
		order := c[2*k+1:]
		for i := range k { // insertion sort, stable
			j := i
			for ; j > 0 && in[int(order[j-1])] > in[i]; j-- {
				order[j] = order[j-1]
			}
			order[j] = float64(i)
		}
		slope := 1.0
		for i := range k {
			at := int(order[i])
			c[i] = in[at]
			next := 1.0
			if i < k-1 {
				to := int(order[i+1])
				next = (out[to] - out[at]) / max(in[to]-in[at], companderNear)
			}
			c[k+i] = next - slope
			slope = next
		}
		c[2*k] = out[int(order[0])] - c[0]
	}
}

// companderBack leads the gradients of the sorted points to the parameters.
func companderBack(b, d *abi.Block, lane int, curve *curveAt) {
	k := len(curve.points) / 2
	in, out, order := b.Vector(atThreshold, lane), b.Vector(atRatio, lane), b.Coefs(lane)[2*k+1:]
	din, dout := d.Vector(atThreshold, lane), d.Vector(atRatio, lane)
	for i := range k {
		at := int(order[i])
		din[at] += curve.dPoints[i]
		if i == k-1 {
			break
		}
		to := int(order[i+1])
		width := max(in[to]-in[at], companderNear)
		g := (curve.dPoints[k+i] - curve.dPoints[k+i+1]) / width
		dout[to] += g
		dout[at] -= g
		if in[to]-in[at] >= companderNear {
			slope := (out[to] - out[at]) / width
			din[to] -= g * slope
			din[at] += g * slope
		}
	}
	din[int(order[0])] -= curve.dFirst
	dout[int(order[0])] += curve.dFirst
}

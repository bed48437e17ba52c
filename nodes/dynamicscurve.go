package nodes

import (
	"ampfit/abi"
)

// This file is the curves of compressor, expander, gate and compander: a gain over a
// level, both in dB.

type curveKind int

const (
	compressCurve curveKind = iota
	expandCurve
	gateCurve
	compandCurve
)

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

// spread leads the gradients of the values to the parameters.
func (c *curveAt) spread(b, d *abi.Block, lane int) {
	d.Param(atKnee, lane).Add(0, c.dKnee)
	if c.kind == compandCurve {
		companderBack(b, d, lane, c)
		return
	}
	if b.Held() {
		d.Param(atThreshold, lane).Add(0, c.dThreshold)
	}
	switch c.kind {
	case compressCurve:
		d.Param(atRatio, lane).Add(0, c.dRatio)
	case expandCurve:
		d.Param(atRatio, lane).Add(0, c.dRatio)
		d.Param(atExtra, lane).Add(0, c.dSpan)
	case gateCurve:
		d.Param(atRatio, lane).Add(0, c.dSpan)
	}
}

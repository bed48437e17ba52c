package kernel

import "math"

// This file designs second-order filters whose gain follows the analog one up to
// half the rate, which the bilinear transform pulls to 0 or 1. The power of a
// digital filter is a quadratic polynomial in x = sin²(w/2):
//
//	|B(w)|² = s0² + c1 x + (s1² - s0² - c1) x²,   s0 = B(0), s1 = B(π)
//
// The poles are those of the analog filter, e^{s/rate}; s0, s1 and c1 are chosen
// so that the gain is the analog one at 0, at half the rate, and at a frequency
// between, as far as a type has so many coefficients. B then follows, of minimum
// phase, by its values m of the first difference:
//
//	B = s0 + m u + b2 u²,  u = 1 - 1/z,   m = √(s0 (s0+s1)/2 + c1/4) - s0,   b2 = (s1 - s0 - 2m)/4
//
// which, unlike sums of coefficients, keeps its digits at low frequencies.

// power is a filter, numerator or denominator, by these three.
type power struct{ s0, s1, c1 dual3 }

// through sets c1 so that the power at x is n.
func (p *power) through(x, n dual3) {
	s0, x2 := p.s0.square(), x.square()
	p.c1 = n.sub(s0).sub(p.s1.square().sub(s0).mul(x2)).div(x.sub(x2))
}

// damp keeps the roots of the filter off the unit circle, where no filter fits: to
// at most twice the quality q.
func (p *power) damp(q dual3) {
	whole := p.s0.mul(p.s0.add(p.s1)).times(0.5)
	least := whole.div(q.square()).times(1. / 8)
	if whole.v+p.c1.v/4 < least.v {
		p.c1 = least.sub(whole).times(4)
	}
}

// at returns the power at x.
func (p *power) at(x dual3) dual3 {
	s0 := p.s0.square()
	return s0.add(p.c1.mul(x)).add(p.s1.square().sub(s0).sub(p.c1).mul(x.square()))
}

// coefficients returns those of 1, 1/z and 1/z².
func (p *power) coefficients() [3]dual3 {
	m := p.s0.mul(p.s0.add(p.s1)).times(0.5).add(p.c1.times(0.25)).sqrt().sub(p.s0)
	b2 := p.s1.sub(p.s0).sub(m.times(2)).times(0.25)
	return [3]dual3{p.s0.add(m).add(b2), m.add(b2.times(2)).times(-1), b2}
}

// matchedPoles returns the denominator of s² + s/Q + 1 at the frequency w, with a
// first coefficient of 1.
func matchedPoles(w, q dual3) power {
	half := constant3(0.5).div(q)
	decay := half.mul(w)
	rho := decay.times(-1).exp()
	a2 := rho.square()
	var s0 dual3 // 1 + a1 + a2
	if half.v <= 2 {
		// (1-ρ)² + 2ρ (1 - cos √u)
		u := constant3(1).sub(half.square()).mul(w.square())
		s0 = decay.times(-1).expm1().square().add(rho.mul(versine(u)).times(2))
	} else { // two real poles
		root := half.square().plus(-1).sqrt()
		fast, slow := half.add(root), constant3(1).div(half.add(root))
		s0 = fast.mul(w).times(-1).expm1().mul(slow.mul(w).times(-1).expm1())
	}
	m := decay.times(-2).expm1().times(-1).sub(s0) // 1 - a2 - s0
	return power{s0: s0, s1: a2.plus(1).times(2).sub(s0), c1: m.square().add(s0.mul(m)).sub(s0.mul(a2).times(2)).times(4)}
}

// versine returns 1 - cos √u, which is smooth also for u < 0.
func versine(u dual3) dual3 {
	switch {
	case math.Abs(u.v) < 1e-4:
		return u.chain(u.v/2-u.v*u.v/24, 0.5-u.v/12+u.v*u.v/240)
	case u.v > 0:
		r := math.Sqrt(u.v)
		s := math.Sin(r / 2)
		return u.chain(2*s*s, math.Sin(r)/(2*r))
	}
	r := math.Sqrt(-u.v)
	s := math.Sinh(r / 2)
	return u.chain(-2*s*s, math.Sinh(r)/(2*r))
}

// MatchedDesign is CookbookDesign for gains matched up to half the rate.
func MatchedDesign(kind Filter, c []float64, freq, q, gain, rate float64, slopes bool) {
	w := parameter(freq, 0).times(2 * math.Pi / rate)
	b, a := matchedFilter(kind, w, parameter(q, 1), parameter(gain, 2))
	for i, v := range [5]dual3{b[0].div(a[0]), b[1].div(a[0]), b[2].div(a[0]), a[1].div(a[0]), a[2].div(a[0])} {
		c[i] = v.v
		if slopes {
			c[5+i], c[10+i], c[15+i] = v.d[0], v.d[1], v.d[2]
		}
	}
}

func matchedFilter(kind Filter, w, q, gain dual3) (b, a [3]dual3) {
	x := w.times(0.5).sin().square()
	// Gains of s² + s/Q + 1 at half the rate, r = π/w above its frequency.
	r := constant3(math.Pi).div(w)
	end := func(q dual3) dual3 { // |1 - r² + i r/Q|
		return constant3(1).sub(r.square()).square().add(r.div(q).square()).sqrt()
	}
	poles := matchedPoles(w, q)
	switch kind {
	case Lowpass:
		first, last := poles.s0, poles.s1.div(end(q))
		b = [3]dual3{first.add(last).times(0.5), first.sub(last).times(0.5), {}}
	case Highpass:
		b0 := poles.s1.mul(r.square()).div(end(q)).times(0.25)
		b = [3]dual3{b0, b0.times(-2), b0}
	case Bandpass: // its first zero at 0, with the analog slope there
		first, last := poles.s0.div(w.mul(q)), poles.s1.mul(r.div(q)).div(end(q))
		b1 := last.times(-0.5)
		b0 := first.sub(b1).times(0.5)
		b = [3]dual3{b0, b1, b0.add(b1).times(-1)}
	case Notch: // zeros in place; poles for the gain at both ends, and the slope at the notch
		b1 := x.times(4).plus(-2) // -2 cos w
		b = [3]dual3{constant3(1), b1, constant3(1)}
		p := power{s0: x.times(4), s1: constant3(4).sub(x.times(4))}
		p.s1 = p.s1.mul(end(q)).div(r.square().plus(-1))
		p.through(x, w.sin().mul(w).div(q).square())
		return b, p.coefficients()
	case Allpass:
		a = poles.coefficients()
		return [3]dual3{a[2], a[1], a[0]}, a
	case Peaking: // gain and slope at the centre
		amp := gain.times(Decibels / 2).exp()
		poles = matchedPoles(w, amp.mul(q))
		power2 := amp.square().square()
		n, slope := poles.at(x).mul(power2), poles.c1.add(poles.s1.square().sub(poles.s0.square()).sub(poles.c1).mul(x).times(2)).mul(power2)
		s0 := poles.s0.square()
		c2 := slope.mul(x).sub(n.sub(s0)).div(x.square())
		c1 := slope.sub(c2.mul(x).times(2))
		zeros := power{s0: poles.s0, s1: s0.add(c1).add(c2).sqrt(), c1: c1}
		b = zeros.coefficients()
	case LowShelf: // G times the high shelf of 1/G
		b, a = matchedShelf(w, q, gain.times(-1))
		level := gain.times(Decibels).exp()
		for i := range b {
			b[i] = b[i].mul(level)
		}
		return b, a
	case HighShelf:
		return matchedShelf(w, q, gain)
	}
	return b, poles.coefficients()
}

// matchedShelf designs a high shelf that cuts, with the poles below the zeros; one
// that boosts is its inverse. The frequency between is that of the zeros, led
// below half the rate.
func matchedShelf(w, q, gain dual3) (b, a [3]dual3) {
	boosts := gain.v > 0
	if boosts {
		gain = gain.times(-1)
	}
	amp := gain.times(Decibels / 2).exp() // A ≤ 1
	root := amp.sqrt()
	poles := matchedPoles(w.mul(root), q)
	at := w.div(root)
	t := at.times(1 / (0.8 * math.Pi)).square().square().plus(1).sqrt().sqrt()
	at = at.div(t)
	// |H|² = A² |A s² + s √A/Q + 1|²/|s² + s √A/Q + A|², s = i f/w
	law := func(f dual3) dual3 {
		s2, cross := f.div(w).square(), f.div(w).mul(root).div(q).square()
		return amp.square().mul(constant3(1).sub(amp.mul(s2)).square().add(cross)).div(amp.sub(s2).square().add(cross))
	}
	x := at.times(0.5).sin().square()
	zeros := power{s0: poles.s0, s1: poles.s1.mul(law(constant3(math.Pi)).sqrt())}
	zeros.through(x, poles.at(x).mul(law(at)))
	zeros.damp(q)
	if boosts {
		return poles.coefficients(), zeros.coefficients()
	}
	return zeros.coefficients(), poles.coefficients()
}

package nodes

import "math"

// The formulas of the filters of second order, for second derivatives.

// section runs one frame of a filter whose state begins at s.
func (f *formula) section(c [5]num, x num, s int) num {
	x1, x2, y1, y2 := f.state(s), f.state(s+1), f.state(s+2), f.state(s+3)
	y := f.sum(f.mul(c[0], x), f.mul(c[1], x1), f.mul(c[2], x2))
	y = f.sub(y, f.add(f.mul(c[3], y1), f.mul(c[4], y2)))
	for i, v := range [4]num{x, x1, y, y1} {
		f.setState(s+i, v)
	}
	return y
}

// cookbook returns b0, b1, b2, a1, a2 of the Audio EQ Cookbook.
func (f *formula) cookbook(kind rbjKind, freq, q, gain num) [5]num {
	half := f.scale(math.Pi/f.b.Rate, freq)
	sin, cos := f.sin(half), f.cos(half)
	versine := f.scale(2, f.mul(sin, sin)) // 1 - cos w
	c, alpha := f.shift(1, f.scale(-1, versine)), f.div(f.mul(sin, cos), q)
	one := f.number(1)
	var p [6]num // b0, b1, b2, a0, a1, a2
	p[3], p[4], p[5] = f.add(one, alpha), f.scale(-2, c), f.sub(one, alpha)
	switch kind {
	case lowpass:
		p[0], p[1], p[2] = f.scale(0.5, versine), versine, f.scale(0.5, versine)
	case highpass:
		s := f.shift(1, c)
		p[0], p[1], p[2] = f.scale(0.5, s), f.scale(-1, s), f.scale(0.5, s)
	case bandpass:
		p[0], p[1], p[2] = alpha, f.number(0), f.scale(-1, alpha)
	case notch:
		p[0], p[1], p[2] = one, p[4], one
	case allpass:
		p[0], p[1], p[2] = p[5], p[4], p[3]
	case peaking:
		a := f.exp(f.scale(decibels/2, gain))
		up, down := f.mul(alpha, a), f.div(alpha, a)
		p[0], p[1], p[2] = f.add(one, up), p[4], f.sub(one, up)
		p[3], p[5] = f.add(one, down), f.sub(one, down)
	case lowShelf, highShelf:
		a := f.exp(f.scale(decibels/2, gain))
		mirror := 1.0
		if kind == highShelf {
			mirror, c = -1, f.scale(-1, c)
		}
		s := f.scale(2, f.mul(f.sqrt(a), alpha))
		plus, minus := f.shift(1, a), f.shift(-1, a)
		low, high := f.sub(plus, f.mul(minus, c)), f.add(plus, f.mul(minus, c))
		p[0], p[2] = f.mul(a, f.add(low, s)), f.mul(a, f.sub(low, s))
		p[1] = f.scale(2*mirror, f.mul(a, f.sub(minus, f.mul(plus, c))))
		p[3], p[5] = f.add(high, s), f.sub(high, s)
		p[4] = f.scale(-2*mirror, f.add(minus, f.mul(plus, c)))
	}
	scale := f.inv(p[3])
	return [5]num{f.mul(p[0], scale), f.mul(p[1], scale), f.mul(p[2], scale), f.mul(p[4], scale), f.mul(p[5], scale)}
}

// cookbookFormula is the formula of a filter of the cookbook with so many
// parameters.
func cookbookFormula(kind rbjKind, params int) func(f *formula) {
	return func(f *formula) {
		freq, q, gain := f.param(0), f.param(1), func(int) num { return 0 }
		if params > 2 {
			gain = f.param(2)
		}
		var c [5]num
		for n := range f.frames() {
			if n == 0 || !f.b.Held() {
				c = f.cookbook(kind, freq(n), q(n), gain(n))
			}
			f.y(0, n, f.section(c, f.x(0, n), 0))
		}
	}
}

func equaliserFormula(f *formula) {
	kinds := f.b.Data.(equaliser)
	freqs, qs, gains := f.vector(0), f.vector(1), f.vector(2)
	var c [][5]num
	for k, kind := range kinds {
		c = append(c, f.cookbook(kind, freqs[k], qs[k], gains[k]))
	}
	for n := range f.frames() {
		x := f.x(0, n)
		for k := range kinds {
			x = f.section(c[k], x, biquadState*k)
		}
		f.y(0, n, x)
	}
}

func crossoverFormula(f *formula) {
	freq, q := f.param(0)(0), f.number(math.Sqrt2/2)
	c := [2][5]num{f.cookbook(lowpass, freq, q, 0), f.cookbook(highpass, freq, q, 0)}
	for n := range f.frames() {
		x := f.x(0, n)
		for port := range 2 {
			s := 2 * biquadState * port
			f.y(port, n, f.section(c[port], f.section(c[port], x, s), s+biquadState))
		}
	}
}

func rawBiquadFormula(f *formula) {
	var c [5]num
	for p := range c {
		c[p] = f.param(p)(0)
	}
	if border := (1 - margin) * (1 + f.v[c[4]]); math.Abs(f.v[c[3]]) > border {
		c[3] = f.scale(math.Copysign(1-margin, f.v[c[3]]), f.shift(1, c[4]))
	}
	for n := range f.frames() {
		f.y(0, n, f.section(c, f.x(0, n), 0))
	}
}

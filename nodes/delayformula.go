package nodes

// The formulas of the delay lines, for second derivatives.

// tap reads internal row i around frame n at a time in frames: whole frames and
// a fraction as tap.set has them.
func (f *formula) tap(interp interpolation, row int, time num, first, n, history int) num {
	var t tap
	t.set(interp, f.v[time], first)
	u, at := f.shift(-float64(t.k), time), history+n-t.k
	if interp == linear {
		a, b := f.row(row, at), f.row(row, at-1)
		return f.mixed(u, a, b)
	}
	p, q, r := f.shift(-1, u), f.shift(-2, u), f.shift(-3, u)
	return f.sum(
		f.mul(f.scale(-1./6, f.mul(p, f.mul(q, r))), f.row(row, at)),
		f.mul(f.scale(1./2, f.mul(u, f.mul(q, r))), f.row(row, at-1)),
		f.mul(f.scale(-1./2, f.mul(u, f.mul(p, r))), f.row(row, at-2)),
		f.mul(f.scale(1./6, f.mul(u, f.mul(p, q))), f.row(row, at-3)))
}

// ring is the all-pass tap, whose last value is a state.
func (f *formula) ring(time num, first, n, history, state int) num {
	var t tap
	t.set(thiran, f.v[time], first)
	u, at := f.shift(-float64(t.k), time), history+n-t.k
	eta := f.div(f.shift(1, f.scale(-1, u)), f.shift(1, u))
	y := f.add(f.mul(eta, f.sub(f.row(0, at), f.state(state))), f.row(0, at-1))
	f.setState(state, y)
	return y
}

// least is a time that stays at a bound, where it has no slope.
func (f *formula) least(time num, bound float64) num {
	if f.v[time] < bound {
		return f.number(bound)
	}
	return time
}

func delayFormula(f *formula) {
	law, ms, feedback, mix := f.b.Data.(delayLaw), f.param(0), f.param(1)(0), f.param(2)(0)
	h := len(f.b.Internal(0, f.lane)) - f.frames()
	var a num
	if law.damped {
		a = f.poleCoef(f.param(3)(0))
	}
	for n := range f.frames() {
		x, time := f.x(0, n), f.scale(f.b.Rate/1000, ms(n))
		var e, d num
		if loop := f.least(time, 1); law.interp == thiran {
			e = f.ring(loop, 1, n, h, 2)
		} else {
			e = f.tap(law.interp, 0, loop, 1, n, h)
		}
		l := e
		if law.damped {
			l = f.mixed(a, f.state(0), e)
			f.setState(0, l)
		}
		f.setRow(0, f.add(x, f.mul(feedback, l)))
		if law.interp == thiran {
			d = f.ring(time, 0, n, h, 1)
		} else {
			d = f.tap(law.interp, 0, time, 0, n, h)
		}
		f.y(0, n, f.mixed(mix, x, d))
	}
}

func chorusFormula(f *formula) {
	law, rate, phase := f.b.Data.(chorusLaw), f.param(0), f.param(5)(0)
	depth, delay, feedback, mix := f.param(1)(0), f.param(2)(0), f.param(3)(0), f.param(4)(0)
	h := len(f.b.Internal(0, f.lane)) - f.frames()
	for n := range f.frames() {
		x, w := f.x(0, n), f.wave(law.wave, f.add(f.state(0), phase))
		time := f.least(f.scale(f.b.Rate/1000, f.add(delay, f.mul(depth, w))), law.least)
		e := f.tap(law.interp, 0, time, 1, n, h)
		f.setRow(0, f.add(x, f.mul(feedback, e)))
		f.y(0, n, f.mixed(mix, x, e))
		f.setState(0, f.add(f.state(0), f.scale(1/f.b.Rate, rate(n))))
	}
}

func combFormula(f *formula) {
	law, ms, gain := f.b.Data.(combLaw), f.param(0), f.param(1)
	h := len(f.b.Internal(0, f.lane)) - f.frames()
	for n := range f.frames() {
		x, g, time := f.x(0, n), gain(n), f.least(f.scale(f.b.Rate/1000, ms(n)), law.least)
		past := f.tap(law.interp, 0, time, 1, n, h)
		var y num
		if law.allpass {
			f.setRow(1, x)
			y = f.add(f.mul(g, f.sub(past, x)), f.tap(law.interp, 1, time, 1, n, h))
		} else {
			y = f.add(f.mul(g, past), x)
		}
		f.setRow(0, y)
		f.y(0, n, y)
	}
}

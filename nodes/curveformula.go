package nodes

import "math"

// The formulas of curves through points, envelopes and pitches, for second
// derivatives.

// power is u^c for u in (0, 1), with the slope by u that adsr takes: that of a u
// of at least adsrLeast.
func (f *formula) power(u, c num) num {
	x, log := f.v[u], math.Log(f.v[u])
	v := math.Exp(f.v[c] * log)
	tu, tc := f.tan[u], f.tan[c]
	least := max(x, adsrLeast)
	if f.v[c] == 1 { // a line, as in the kernel
		least = x
	}
	byU, byC := f.v[c]*v/least, v*log
	s := step{a: u, b: c, pa: byU, pb: byC}
	s.ta = v / least * (1 + f.v[c]*log) * tc
	if least == x {
		s.ta += f.v[c] * (f.v[c] - 1) * v / (x * x) * tu
	} else {
		s.ta += f.v[c] * f.v[c] * v / (x * least) * tu
	}
	s.tb = v/x*(1+f.v[c]*log)*tu + v*log*log*tc
	return f.push(v, byU*tu+byC*tc, s)
}

func adsrFormula(f *formula) {
	attack, decay := f.scale(1e-3, f.param(0)(0)), f.scale(1e-3, f.param(1)(0))
	sustain, release, curve := f.param(2)(0), f.scale(1e-3, f.param(3)(0)), f.param(4)(0)
	e := newADSR(f.b, f.lane)
	ramp := func(t, length num, falls bool) num { // (clip(t/length) or 1 - that)^curve
		u := f.div(t, length)
		switch {
		case f.v[u] <= 0:
			u = f.number(0)
		case f.v[u] >= 1:
			u = f.number(1)
		}
		if falls {
			u = f.shift(1, f.scale(-1, u))
		}
		if f.v[u] <= 0 || f.v[u] >= 1 {
			return u
		}
		return f.power(u, curve)
	}
	y := make([]num, f.frames())
	for i := range y {
		y[i] = f.number(0)
	}
	for _, note := range f.b.Data.([][2]float64) {
		first, last := e.frames(f.b, f.lane, note)
		for n := first; n < last; n++ {
			t := float64(f.b.Frame(f.lane)+int64(n)) / f.b.Rate
			on := f.number(t - note[0])
			level := f.add(sustain, f.mul(f.shift(1, f.scale(-1, sustain)), ramp(f.sub(on, attack), decay, true)))
			sound := f.mul(f.mul(ramp(on, attack, false), level), ramp(f.number(t-note[1]), release, true))
			y[n] = f.add(y[n], sound)
		}
	}
	for n, v := range y {
		f.y(0, n, v)
	}
}

// harmonic is harmonicMean: 2ab/(a+b), or 0 where the signs differ.
func (f *formula) harmonic(a, b num) num {
	v, byA, byB := harmonicMean(f.v[a], f.v[b])
	if v == 0 {
		return f.number(0)
	}
	x, y, sum := f.v[a], f.v[b], f.v[a]+f.v[b]
	cube := 4 / (sum * sum * sum)
	bend := x*f.tan[b] - y*f.tan[a] // the mean is homogeneous, so it bends across only
	return f.push(v, byA*f.tan[a]+byB*f.tan[b], step{a: a, b: b, pa: byA, pb: byB, ta: cube * y * bend, tb: -cube * x * bend})
}

func waveshaperFormula(f *formula) {
	s, p := f.b.Data.(shape), f.vector(0)
	last := len(p) - 1
	m := make([]num, len(p))
	m[0], m[last] = f.sub(p[1], p[0]), f.sub(p[last], p[last-1])
	for i := 1; i < last; i++ {
		m[i] = f.harmonic(f.sub(p[i], p[i-1]), f.sub(p[i+1], p[i]))
	}
	for n := range f.frames() {
		u := f.scale(s.perX, f.shift(s.width, f.x(0, n)))
		switch at := (f.b.In(0, f.lane)[n] + s.width) * s.perX; {
		case at < 0:
			f.y(0, n, f.add(p[0], f.mul(u, m[0])))
			continue
		case at >= float64(last):
			f.y(0, n, f.add(p[last], f.mul(f.shift(-float64(last), u), m[last])))
			continue
		}
		i, _, _ := s.place(f.b.In(0, f.lane)[n], len(p))
		t := f.shift(-float64(i), u)
		r := f.shift(1, f.scale(-1, t))
		rr, tt := f.mul(r, r), f.mul(t, t)
		f.y(0, n, f.sum(
			f.mul(f.mul(f.shift(1, f.scale(2, t)), rr), p[i]), f.mul(f.mul(t, rr), m[i]),
			f.mul(f.mul(f.shift(3, f.scale(-2, t)), tt), p[i+1]), f.scale(-1, f.mul(f.mul(r, tt), m[i+1]))))
	}
}

func wavetableFormula(f *formula) {
	frequency, amplitude, table := f.param(0), f.param(1), f.vector(2)
	values := f.b.Vector(2, f.lane)
	for n := range f.frames() {
		before, hz := f.state(0), frequency(n)
		phase := f.push(advance(f.v[before], f.v[hz]/f.b.Rate), f.tan[before]+f.tan[hz]/f.b.Rate, step{a: before, b: hz, pa: 1, pb: 1 / f.b.Rate})
		f.setState(0, phase)
		i, next, between := tableAt(values, f.v[phase])
		u := f.of(phase, between, float64(len(table)), 0)
		f.y(0, n, f.mul(amplitude(n), f.mixed(u, table[i], table[next])))
	}
}

func pitchFormula(f *formula) {
	law := f.b.Data.(*pitchLaw)
	input, root, span := f.param(0), f.param(1), f.param(2)
	for n := range f.frames() {
		u := f.mul(input(n), span(n))
		value, slope := law.cents(f.v[u])
		cents := f.of(u, value, slope, 0)
		octaves := f.add(f.scale(1./12, f.shift(-69, root(n))), f.scale(1./1200, cents))
		pitch := f.scale(440, f.exp(f.scale(math.Ln2, octaves)))
		if n > 0 || f.b.Frame(f.lane) > 0 {
			last := f.state(0)
			pitch = f.add(last, f.scale(law.slew, f.sub(pitch, last)))
		}
		f.setState(0, pitch)
		f.y(0, n, pitch)
	}
}

// noiseFormula is that of white noise, which a level scales, or of a filter that
// the noise runs through, whose states a gradient reaches.
func noiseFormula(f *formula) {
	law := f.b.Data.(noiseLaw)
	if !law.pink {
		levelFormula(f)
		return
	}
	x := make([]float64, f.frames())
	gaussian(x, law.seed, f.b.Channel(f.lane), f.b.Frame(f.lane))
	gain := f.scale(pinkGain, f.factor(f.param(0)(0)))
	for n, x := range x {
		v := f.shift(pinkB[0]*x, f.state(0))
		f.setState(0, f.add(f.shift(pinkB[1]*x, f.scale(-pinkA[1], v)), f.state(1)))
		f.setState(1, f.add(f.shift(pinkB[2]*x, f.scale(-pinkA[2], v)), f.state(2)))
		f.setState(2, f.shift(pinkB[3]*x, f.scale(-pinkA[3], v)))
		f.y(0, n, f.mul(gain, v))
	}
}

package nodes

import "math"

// rbjKind is a filter of the cookbook.
type rbjKind int

const (
	lowpass rbjKind = iota
	highpass
	bandpass
	notch
	allpass
	peaking
	lowShelf
	highShelf
)

// rbjDesign writes the cookbook's b0, b1, b2, a1, a2 for a0 = 1 into c[0:5],
// and their slopes by freq, q and gain (dB) into c[5:20].
func rbjDesign(kind rbjKind, c []float64, freq, q, gain, rate float64, slopes bool) {
	half := sinQuarter(freq / (2 * rate)) // sin w/2; 1 - cos w = 2 sin² w/2 does not cancel
	versine := 2 * half * half
	sin, cos := 2*half*math.Sqrt(1-half*half), 1-versine
	k := cookbook{cos: cos, versine: versine, alpha: sin / (2 * q), amp: 1}
	if kind >= peaking {
		k.amp = math.Exp(decibels / 2 * gain)
	}
	k.fill(kind)
	scale := 1 / k.p[3]
	order := [5]int{0, 1, 2, 4, 5} // b0, b1, b2, a1, a2 within p
	for i, j := range order {
		c[i] = k.p[j] * scale
	}
	if !slopes {
		return
	}
	byFreq, byQ, byGain := c[5:10], c[10:15], c[15:20]
	dw := 2 * math.Pi / rate
	dcos, dalpha := -sin*dw, cos*dw/(2*q)
	a0Freq := k.byCos[3]*dcos + k.byAlpha[3]*dalpha
	a0Q := -k.byAlpha[3] * k.alpha / q
	a0Gain := k.byAmp[3] * k.amp * decibels / 2
	for i, j := range order {
		byFreq[i] = (k.byCos[j]*dcos + k.byAlpha[j]*dalpha - c[i]*a0Freq) * scale
		byQ[i] = (-k.byAlpha[j]*k.alpha/q - c[i]*a0Q) * scale
		byGain[i] = (k.byAmp[j]*k.amp*decibels/2 - c[i]*a0Gain) * scale
	}
}

// cookbook holds the polynomials of a filter before a0 is divided out, and
// their slopes by the three intermediate variables of the cookbook.
type cookbook struct {
	cos     float64 // cos w
	versine float64 // 1 - cos w, without the cancellation
	alpha   float64 // sin w / 2Q
	amp     float64 // A = 10^(dB/40)

	p                     [6]float64 // b0, b1, b2, a0, a1, a2
	byCos, byAlpha, byAmp [6]float64
}

func (k *cookbook) fill(kind rbjKind) {
	c, v, alpha, a := k.cos, k.versine, k.alpha, k.amp
	k.p = [6]float64{0, 0, 0, 1 + alpha, -2 * c, 1 - alpha}
	k.byCos = [6]float64{0, 0, 0, 0, -2, 0}
	k.byAlpha = [6]float64{0, 0, 0, 1, 0, -1}
	b, byCos, byAlpha := k.p[:3], k.byCos[:3], k.byAlpha[:3]
	switch kind {
	case lowpass:
		b[0], b[1], b[2] = v/2, v, v/2
		byCos[0], byCos[1], byCos[2] = -0.5, -1, -0.5
	case highpass:
		b[0], b[1], b[2] = (1+c)/2, -(1 + c), (1+c)/2
		byCos[0], byCos[1], byCos[2] = 0.5, -1, 0.5
	case bandpass:
		b[0], b[2] = alpha, -alpha
		byAlpha[0], byAlpha[2] = 1, -1
	case notch:
		b[0], b[1], b[2] = 1, -2*c, 1
		byCos[1] = -2
	case allpass:
		b[0], b[1], b[2] = 1-alpha, -2*c, 1+alpha
		byCos[1] = -2
		byAlpha[0], byAlpha[2] = -1, 1
	case peaking:
		k.p = [6]float64{1 + alpha*a, -2 * c, 1 - alpha*a, 1 + alpha/a, -2 * c, 1 - alpha/a}
		k.byCos = [6]float64{0, -2, 0, 0, -2, 0}
		k.byAlpha = [6]float64{a, 0, -a, 1 / a, 0, -1 / a}
		k.byAmp = [6]float64{alpha, 0, -alpha, -alpha / (a * a), 0, alpha / (a * a)}
	case lowShelf, highShelf:
		k.shelf(kind)
	}
}

// shelf writes the low shelf; the high shelf is its mirror image, cos w → -cos w
// with the signs of b1 and a1 turned.
func (k *cookbook) shelf(kind rbjKind) {
	a, c := k.amp, k.cos
	if kind == highShelf {
		c = -c
	}
	root := math.Sqrt(a)
	s := 2 * root * k.alpha
	sByAmp := k.alpha / root
	k.p = [6]float64{
		a * (a + 1 - (a-1)*c + s),
		2 * a * (a - 1 - (a+1)*c),
		a * (a + 1 - (a-1)*c - s),
		a + 1 + (a-1)*c + s,
		-2 * (a - 1 + (a+1)*c),
		a + 1 + (a-1)*c - s,
	}
	k.byCos = [6]float64{-a * (a - 1), -2 * a * (a + 1), -a * (a - 1), a - 1, -2 * (a + 1), a - 1}
	k.byAlpha = [6]float64{2 * a * root, 0, -2 * a * root, 2 * root, 0, -2 * root}
	k.byAmp = [6]float64{
		2*a + 1 - (2*a-1)*c + s + a*sByAmp,
		2 * (2*a - 1 - (2*a+1)*c),
		2*a + 1 - (2*a-1)*c - s - a*sByAmp,
		1 + c + sByAmp,
		-2 * (1 + c),
		1 + c - sByAmp,
	}
	if kind == highShelf {
		for _, v := range []*[6]float64{&k.p, &k.byCos, &k.byAlpha, &k.byAmp} {
			v[1], v[4] = -v[1], -v[4]
		}
		for i := range k.byCos {
			k.byCos[i] = -k.byCos[i]
		}
	}
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

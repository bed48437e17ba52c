package kernel

import "math"

// Filter is a filter of the cookbook.
type Filter int

const (
	Lowpass   Filter = iota // 12 dB per octave
	Highpass                // 12 dB per octave
	Bandpass                // its peak is 1
	Notch                   // 0 at its frequency
	Allpass                 // turns the phase only
	Peaking                 // gain around a frequency
	LowShelf                // gain below it
	HighShelf               // gain above it
)

// CookbookDesign writes the cookbook's b0, b1, b2, a1, a2 for a0 = 1 into c[0:5],
// and their slopes by freq, q and gain (dB) into c[5:20].
func CookbookDesign(kind Filter, c []float64, freq, q, gain, rate float64, slopes bool) {
	half := sinQuarter(freq / (2 * rate)) // sin w/2; 1 - cos w = 2 sin² w/2 does not cancel
	versine := 2 * half * half
	sin, cos := 2*half*math.Sqrt(1-half*half), 1-versine
	k := cookbook{cos: cos, versine: versine, alpha: sin / (2 * q), amp: 1}
	if kind >= Peaking {
		k.amp = math.Exp(Decibels / 2 * gain)
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
	a0Gain := k.byAmp[3] * k.amp * Decibels / 2
	for i, j := range order {
		byFreq[i] = (k.byCos[j]*dcos + k.byAlpha[j]*dalpha - c[i]*a0Freq) * scale
		byQ[i] = (-k.byAlpha[j]*k.alpha/q - c[i]*a0Q) * scale
		byGain[i] = (k.byAmp[j]*k.amp*Decibels/2 - c[i]*a0Gain) * scale
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

func (k *cookbook) fill(kind Filter) {
	c, v, alpha, a := k.cos, k.versine, k.alpha, k.amp
	k.p = [6]float64{0, 0, 0, 1 + alpha, -2 * c, 1 - alpha}
	k.byCos = [6]float64{0, 0, 0, 0, -2, 0}
	k.byAlpha = [6]float64{0, 0, 0, 1, 0, -1}
	b, byCos, byAlpha := k.p[:3], k.byCos[:3], k.byAlpha[:3]
	switch kind {
	case Lowpass:
		b[0], b[1], b[2] = v/2, v, v/2
		byCos[0], byCos[1], byCos[2] = -0.5, -1, -0.5
	case Highpass:
		b[0], b[1], b[2] = (1+c)/2, -(1 + c), (1+c)/2
		byCos[0], byCos[1], byCos[2] = 0.5, -1, 0.5
	case Bandpass:
		b[0], b[2] = alpha, -alpha
		byAlpha[0], byAlpha[2] = 1, -1
	case Notch:
		b[0], b[1], b[2] = 1, -2*c, 1
		byCos[1] = -2
	case Allpass:
		b[0], b[1], b[2] = 1-alpha, -2*c, 1+alpha
		byCos[1] = -2
		byAlpha[0], byAlpha[2] = -1, 1
	case Peaking:
		k.p = [6]float64{1 + alpha*a, -2 * c, 1 - alpha*a, 1 + alpha/a, -2 * c, 1 - alpha/a}
		k.byCos = [6]float64{0, -2, 0, 0, -2, 0}
		k.byAlpha = [6]float64{a, 0, -a, 1 / a, 0, -1 / a}
		k.byAmp = [6]float64{alpha, 0, -alpha, -alpha / (a * a), 0, alpha / (a * a)}
	case LowShelf, HighShelf:
		k.shelf(kind)
	}
}

// shelf writes the low shelf; the high shelf is its mirror image, cos w → -cos w
// with the signs of b1 and a1 turned.
func (k *cookbook) shelf(kind Filter) {
	a, c := k.amp, k.cos
	if kind == HighShelf {
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
	if kind == HighShelf {
		for _, v := range []*[6]float64{&k.p, &k.byCos, &k.byAlpha, &k.byAmp} {
			v[1], v[4] = -v[1], -v[4]
		}
		for i := range k.byCos {
			k.byCos[i] = -k.byCos[i]
		}
	}
}

// Cookbook returns b0, b1, b2, a1, a2 of the Audio EQ Cookbook.
func (f *Formula) Cookbook(kind Filter, freq, q, gain Number) [5]Number {
	half := f.Scale(math.Pi/f.Block.Rate, freq)
	sin, cos := f.Sin(half), f.Cos(half)
	versine := f.Scale(2, f.Mul(sin, sin)) // 1 - cos w
	c, alpha := f.Shift(1, f.Scale(-1, versine)), f.Div(f.Mul(sin, cos), q)
	one := f.Const(1)
	var p [6]Number // b0, b1, b2, a0, a1, a2
	p[3], p[4], p[5] = f.Add(one, alpha), f.Scale(-2, c), f.Sub(one, alpha)
	switch kind {
	case Lowpass:
		p[0], p[1], p[2] = f.Scale(0.5, versine), versine, f.Scale(0.5, versine)
	case Highpass:
		s := f.Shift(1, c)
		p[0], p[1], p[2] = f.Scale(0.5, s), f.Scale(-1, s), f.Scale(0.5, s)
	case Bandpass:
		p[0], p[1], p[2] = alpha, f.Const(0), f.Scale(-1, alpha)
	case Notch:
		p[0], p[1], p[2] = one, p[4], one
	case Allpass:
		p[0], p[1], p[2] = p[5], p[4], p[3]
	case Peaking:
		a := f.Exp(f.Scale(Decibels/2, gain))
		up, down := f.Mul(alpha, a), f.Div(alpha, a)
		p[0], p[1], p[2] = f.Add(one, up), p[4], f.Sub(one, up)
		p[3], p[5] = f.Add(one, down), f.Sub(one, down)
	case LowShelf, HighShelf:
		a := f.Exp(f.Scale(Decibels/2, gain))
		mirror := 1.0
		if kind == HighShelf {
			mirror, c = -1, f.Scale(-1, c)
		}
		s := f.Scale(2, f.Mul(f.Sqrt(a), alpha))
		plus, minus := f.Shift(1, a), f.Shift(-1, a)
		low, high := f.Sub(plus, f.Mul(minus, c)), f.Add(plus, f.Mul(minus, c))
		p[0], p[2] = f.Mul(a, f.Add(low, s)), f.Mul(a, f.Sub(low, s))
		p[1] = f.Scale(2*mirror, f.Mul(a, f.Sub(minus, f.Mul(plus, c))))
		p[3], p[5] = f.Add(high, s), f.Sub(high, s)
		p[4] = f.Scale(-2*mirror, f.Add(minus, f.Mul(plus, c)))
	}
	scale := f.Inv(p[3])
	return [5]Number{f.Mul(p[0], scale), f.Mul(p[1], scale), f.Mul(p[2], scale), f.Mul(p[4], scale), f.Mul(p[5], scale)}
}

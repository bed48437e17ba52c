package nodes

import "math"

// sinTurn returns sin(2πp) within 2e-16, for any p that is not large. It is a
// few times faster than math.Sin, as a phase in cycles is reduced exactly: to
// r in [-1/4, 1/4], where the Taylor series of degree 21 is off by 1.3e-18.
// Every step is rounded in one way, so bits do not depend on where it is
// compiled into.
func sinTurn(p float64) float64 {
	r := p - math.Floor(p+0.5) // in [-1/2, 1/2]
	if r > 0.25 {
		r = 0.5 - r
	} else if r < -0.25 {
		r = -0.5 - r
	}
	t := 2 * math.Pi * r
	z := t * t
	s := math.FMA(z, 1./51090942171709440000, -1./121645100408832000) // 1/21!, -1/19!
	s = math.FMA(z, s, 1./355687428096000)
	s = math.FMA(z, s, -1./1307674368000)
	s = math.FMA(z, s, 1./6227020800)
	s = math.FMA(z, s, -1./39916800)
	s = math.FMA(z, s, 1./362880)
	s = math.FMA(z, s, -1./5040)
	s = math.FMA(z, s, 1./120)
	s = math.FMA(z, s, -1./6)
	return math.FMA(float64(t*z), s, t)
}

// cosTurn returns cos(2πp).
func cosTurn(p float64) float64 { return sinTurn(p + 0.25) }

// wave is the shape of a low-frequency oscillator over one cycle, within ±1.
type wave int

const (
	sineWave wave = iota
	squareWave
	sawWave
	triangleWave
)

var waves = map[string]wave{"sine": sineWave, "square": squareWave, "saw": sawWave, "triangle": triangleWave}

// at returns the value at phase p in [0, 1) and its slope per cycle. At the
// jumps of square and saw the slope is that of the piece after it; the jump
// itself has none, so gradients do not see it.
func (w wave) at(p float64) (value, slope float64) {
	switch w {
	case squareWave:
		if p < 0.5 {
			return 1, 0
		}
		return -1, 0
	case sawWave:
		return 2*p - 1, 2
	case triangleWave:
		if p < 0.5 {
			return 1 - 4*p, -4
		}
		return 4*p - 3, 4
	}
	return sinTurn(p), 2 * math.Pi * cosTurn(p)
}

// frac returns x modulo 1, in [0, 1).
func frac(x float64) float64 {
	x -= math.Floor(x)
	if x >= 1 { // x was a rounding error below a whole number
		return 0
	}
	return x
}

package nodes

import (
	"math"

	"ampfit/abi"
)

// sinTurn returns sin(2πp) within 1e-15, for any p that is not large. A phase in
// cycles is folded exactly, and without a branch, into a quarter turn.
func sinTurn(p float64) float64 {
	r := p - ((p + roundAway) - roundAway) // in [-1/2, 1/2]
	a := 0.25 - math.Abs(math.Abs(r)-0.25) // in [0, 1/4]
	return math.Copysign(sinQuarter(a), r)
}

// roundAway is 1.5·2^52: adding it leaves no room for a fraction.
const roundAway = 0x1.8p52

// sinQuarter returns sin(2πa) for |a| ≤ 1/4: a times a polynomial of degree 8 in
// a², which interpolates sin(2πa)/a at its Chebyshev nodes; 3e-19 off, before
// rounding. Estrin's order keeps the chain of dependent steps short.
func sinQuarter(a float64) float64 {
	z := a * a
	z2 := z * z
	z4 := z2 * z2
	low := (6.283185307179586 - 41.341702240399755*z) + (81.60524927607362-76.70585975282492*z)*z2
	high := (42.058693925428685 - 15.0946416761179*z) + (3.8199280942271643-0.7177337921413454*z)*z2
	return a * (low + (high+0.10089695501646812*z4)*z4)
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

// value returns the value at phase p in [0, 1).
func (w wave) value(p float64) float64 {
	if w == sineWave {
		return sinTurn(p)
	}
	v, _ := w.at(p)
	return v
}

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

// smoothWave is what a type with the key "wave" says of its movement: nil for
// the shapes that jump.
func smoothWave(c abi.Config) func(phase float64) float64 {
	switch waves[c.Text("wave")] {
	case sineWave:
		return func(p float64) float64 { return math.Sin(2 * math.Pi * p) }
	case triangleWave:
		return func(p float64) float64 { return 2*math.Abs(2*(p-math.Floor(p))-1) - 1 }
	}
	return nil
}

// advance moves a phase in [0, 1) on by a step in [0, 1].
func advance(p, step float64) float64 {
	p += step
	if p >= 1 {
		p -= 1
	}
	return p
}

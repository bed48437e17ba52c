package kernel

import (
	"math"

	"ampfit/abi"
)

// SinTurn returns sin(2πp) within 1e-15, for any p that is not large. A phase in
// cycles is folded exactly, and without a branch, into a quarter turn.
func SinTurn(p float64) float64 {
	r := p - ((p + RoundAway) - RoundAway) // in [-1/2, 1/2]
	a := 0.25 - math.Abs(math.Abs(r)-0.25) // in [0, 1/4]
	return math.Copysign(sinQuarter(a), r)
}

// RoundAway is 1.5·2^52: adding it leaves no room for a fraction.
const RoundAway = 0x1.8p52

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

// CosTurn returns cos(2πp).
func CosTurn(p float64) float64 { return SinTurn(p + 0.25) }

// Wave is the shape of a low-frequency oscillator over one cycle, within ±1.
type Wave int

const (
	SineWave     Wave = iota // sin 2πp
	SquareWave               // 1, from p = 1/2 on -1
	SawWave                  // 2p - 1
	TriangleWave             // from 1 down to -1 and up again
)

// Waves are the waves by the names that they have in files.
var Waves = map[string]Wave{"sine": SineWave, "square": SquareWave, "saw": SawWave, "triangle": TriangleWave}

// Value returns the value at phase p in [0, 1).
func (w Wave) Value(p float64) float64 {
	if w == SineWave {
		return SinTurn(p)
	}
	v, _ := w.At(p)
	return v
}

// At returns the value at phase p in [0, 1) and its slope per cycle. At the
// jumps of square and saw the slope is that of the piece after it; the jump
// itself has none, so gradients do not see it.
func (w Wave) At(p float64) (value, slope float64) {
	switch w {
	case SquareWave:
		if p < 0.5 {
			return 1, 0
		}
		return -1, 0
	case SawWave:
		return 2*p - 1, 2
	case TriangleWave:
		if p < 0.5 {
			return 1 - 4*p, -4
		}
		return 4*p - 3, 4
	}
	return SinTurn(p), 2 * math.Pi * CosTurn(p)
}

// Frac returns x modulo 1, in [0, 1).
func Frac(x float64) float64 {
	x -= math.Floor(x)
	if x >= 1 { // x was a rounding error below a whole number
		return 0
	}
	return x
}

// SmoothWave is what a type with the key "wave" says of its movement: nil for
// the shapes that jump.
func SmoothWave(c abi.Config) func(phase float64) float64 { return abi.Waves[c.Text("wave")] }

// Advance moves a phase in [0, 1) on by a step in [0, 1].
func Advance(p, step float64) float64 {
	p += step
	if p >= 1 {
		p -= 1
	}
	return p
}

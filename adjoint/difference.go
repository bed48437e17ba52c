package adjoint

import "math"

// quotient is a difference quotient, and how far its neighbours lie off.
type quotient struct{ value, gap float64 }

// differentiate returns the derivative at 0 of a function whose rounding error is
// noise, by quotients of fourth order: central for side 0, from 0 on for 1 and
// back for -1. Steps shrink from h, and the quotient is taken that agrees best
// with the one before it. Kinks next to 0 spoil large steps; the smallest step is
// less than 1e-9 h, so that it lies before the first kink where there are many, as of
// the frames of a moving delay.
func differentiate(f func(float64) float64, side int, h, noise float64) quotient {
	best, previous, f0 := quotient{gap: math.Inf(1)}, math.NaN(), 0.0
	if side != 0 {
		f0 = f(0)
	}
	for range 16 {
		if noise/h >= best.gap {
			break // rounding leaves no better one
		}
		d := 0.0
		if side == 0 {
			d = (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h)
		} else {
			s := float64(side) * h
			d = (-25*f0 + 48*f(s) - 36*f(2*s) + 16*f(3*s) - 3*f(4*s)) / (12 * s)
		}
		// Among rounding errors two neighbours may agree by chance.
		if gap := math.Abs(d-previous) + noise/h; gap < best.gap {
			best = quotient{d, gap}
		}
		previous = d
		h /= 4
	}
	return best
}

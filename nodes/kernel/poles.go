package kernel

import "math"

// OnePoleCoef returns a = 1 - exp(-2π cutoff/rate), cutoff in Hz, and its slope
// ∂a/∂cutoff.
func OnePoleCoef(cutoff, rate float64) (a, slope float64) {
	w := 2 * math.Pi / rate
	return -math.Expm1(-w * cutoff), w * math.Exp(-w*cutoff)
}

// PoleCoef is the a of OnePoleCoef.
func (f *Formula) PoleCoef(cutoff Number) Number {
	return f.Shift(1, f.Scale(-1, f.Exp(f.Scale(-2*math.Pi/f.Block.Rate, cutoff))))
}

// SlewCoef returns a = 1 - exp(-1000/(rate ms)) of a time constant in ms, and its
// slope; at 0 ms they are 1 and 0.
func SlewCoef(ms, rate float64) (a, slope float64) {
	if ms == 0 {
		return 1, 0
	}
	k := 1000 / (rate * ms)
	return -math.Expm1(-k), -math.Exp(-k) * k / ms
}

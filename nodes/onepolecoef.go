package nodes

import "math"

// onePoleCoef returns the coefficient a and its slope ∂a/∂cutoff.
func onePoleCoef(cutoff, rate float64) (a, slope float64) {
	w := 2 * math.Pi / rate
	return -math.Expm1(-w * cutoff), w * math.Exp(-w*cutoff)
}

// poleCoef is 1 - exp(-2π cutoff/rate).
func (f *formula) poleCoef(cutoff num) num {
	return f.shift(1, f.scale(-1, f.exp(f.scale(-2*math.Pi/f.b.Rate, cutoff))))
}

// slewCoef returns a and its slope by slew_ms, which is 0 at 0.
func slewCoef(ms, rate float64) (a, slope float64) {
	if ms == 0 {
		return 1, 0
	}
	k := 1000 / (rate * ms)
	return -math.Expm1(-k), -math.Exp(-k) * k / ms
}

package analysis

import "math"

// FromWhite is how far a signal lies from white noise: the largest distance of its
// cumulated periodogram, of the whole, from a straight line. It is 0 for a flat
// spectrum, below 1.95/√(frames/2) for white noise but once in a thousand, and 1 at
// most; 0 for silence, and for less than three frames, which have no shape.
//
// Source: M. S. Bartlett, An Introduction to Stochastic Processes, 1955.
func FromWhite(x []float64) float64 {
	if len(x) < 3 {
		return 0
	}
	t := newTransform(lengthFor(len(x)))
	s := t.empty()
	t.forward(s, x)
	power := make([]float64, len(s.re))
	s.addPower(power)
	power = power[1 : len(power)-1] // the ends are one number each, not two
	all := mean(power) * float64(len(power))
	if all == 0 {
		return 0
	}
	sum, most := 0.0, 0.0
	for k, p := range power {
		sum += p
		most = math.Max(most, math.Abs(sum/all-float64(k+1)/float64(len(power))))
	}
	return most
}

package analysis

import (
	"math"
	"slices"
)

// lagFloor is how far below the loudest bin spectra are evened out.
const lagFloor = 0.1

// Lag returns by how many frames y is later than x, at most so many, and their
// correlation there. It is where the filter that makes y of x has its largest value: the
// plain correlation is that of the loudest partials, and follows the phase of whatever
// lies between x and y. Channels count together; where one has fewer, its last stands
// for the others. The fraction is that of the parabola through the largest value and
// its neighbours.
//
// Source: C. H. Knapp, G. C. Carter, The Generalized Correlation Method for
// Estimation of Time Delay, IEEE Trans. ASSP 24(4), 1976 (the Roth processor).
func Lag(x, y [][]float64, most int) (frames, correlation float64) {
	size := max(16, lengthFor(len(y[0])+most+1))
	within := make([][]float64, len(x))
	for i, row := range x {
		within[i] = row[:min(len(row), len(y[0]))]
	}
	d := newDivision(size, within, y)
	ex, ey := 0.0, 0.0
	for c := range max(len(x), len(y)) {
		a, b := within[min(c, len(x)-1)], y[min(c, len(y)-1)]
		ex, ey = ex+dot(a, a), ey+dot(b, b)
	}
	if ex == 0 || ey == 0 {
		return 0, 0
	}
	plain := slices.Clone(d.back(d.cross))
	h, _ := d.quotient(lagFloor * slices.Max(d.power))
	r := d.back(h)
	at := func(l int) float64 { return r[(l+size)%size] }
	best := 0
	for l := -most; l <= most; l++ {
		if math.Abs(at(l)) > math.Abs(at(best)) {
			best = l
		}
	}
	sign := math.Copysign(1, at(best))
	frames = float64(best) + vertex(sign*at(best-1), sign*at(best), sign*at(best+1))
	return frames, plain[(best+size)%size] / math.Sqrt(ex*ey)
}

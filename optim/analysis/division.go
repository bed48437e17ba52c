package analysis

import (
	"math/bits"

	"ampfit/internal/fft"
)

// spectrum is that of a real row padded with zeros.
type spectrum struct{ re, im []float64 }

// transform takes rows to spectra of one length and back.
type transform struct {
	plan      *fft.Plan
	pad, work []float64
}

func newTransform(n int) *transform {
	plan := fft.NewPlan(n)
	return &transform{plan, make([]float64, n), plan.Scratch()}
}

// lengthFor is the power of two above a number of frames.
func lengthFor(frames int) int { return 1 << bits.Len(uint(frames-1)) }

func (t *transform) empty() spectrum {
	return spectrum{make([]float64, t.plan.Bins()), make([]float64, t.plan.Bins())}
}

// forward writes the spectrum of a row.
func (t *transform) forward(dst spectrum, x []float64) {
	clear(t.pad[copy(t.pad, x):])
	t.plan.Forward(dst.re, dst.im, t.pad, t.work)
}

// back returns the row of a spectrum, valid until the next transform.
func (t *transform) back(s spectrum) []float64 {
	t.plan.Inverse(t.pad, s.re, s.im, t.work)
	return t.pad
}

// addCross adds conj(X) Y, the spectrum of Σ x[n] y[n+l] by the lag l.
func (s spectrum) addCross(x, y spectrum) {
	for k := range s.re {
		s.re[k] += y.re[k]*x.re[k] + y.im[k]*x.im[k]
		s.im[k] += y.im[k]*x.re[k] - y.re[k]*x.im[k]
	}
}

// addPower adds |X|² to p.
func (s spectrum) addPower(p []float64) {
	for k := range p {
		p[k] += s.re[k]*s.re[k] + s.im[k]*s.im[k]
	}
}

// division asks for the filter that makes the rows y of the rows x, by
//
//	H = Σ conj(X) Y / (Σ |X|² + floor)
//
// over the channels. The floor keeps out what x has nothing of.
type division struct {
	*transform
	cross spectrum
	power []float64 // Σ |X|²
}

// newDivision transforms rows padded to n frames; where one side has fewer
// channels, its last stands for the others.
func newDivision(n int, x, y [][]float64) *division {
	t := newTransform(n)
	d := &division{t, t.empty(), make([]float64, t.plan.Bins())}
	a, b := t.empty(), t.empty()
	for c := range max(len(x), len(y)) {
		t.forward(a, x[min(c, len(x)-1)])
		t.forward(b, y[min(c, len(y)-1)])
		a.addPower(d.power)
		d.cross.addCross(a, b)
	}
	return d
}

// quotient returns H, and what the division makes of an impulse in its place.
func (d *division) quotient(floor float64) (h spectrum, impulse []float64) {
	h, impulse = d.empty(), make([]float64, len(d.power))
	for k, e := range d.power {
		w := 1 / (e + floor)
		h.re[k], h.im[k], impulse[k] = w*d.cross.re[k], w*d.cross.im[k], w*e
	}
	return h, impulse
}

func mean(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v / float64(len(x))
	}
	return sum
}

// dot adds up in order.
func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// Package resample designs the linear-phase low-pass filters that raise and
// lower the sample rate around oversampled nodes.
package resample

import "math"

// Quality is a trade of delay against flatness.
type Quality int

const (
	// Standard passes up to 0.45 of the lower rate within 0.01 dB and stops
	// what would fold below it by at least 100 dB.
	Standard Quality = iota
	// LowLatency has a third of the delay: flat to 0.3 of the lower rate,
	// folding is 80 dB down there.
	LowLatency
)

// Delay returns the group delay of one filter in frames of the lower rate.
func (q Quality) Delay() int {
	if q == LowLatency {
		return 12
	}
	return 32
}

// Design returns the taps of a low-pass filter at ratio times the lower rate,
// 2·Delay·ratio+1 of them, symmetric, with unit gain at 0 Hz. The cutoff lies
// just below half the lower rate, where the least delay meets the mask; the
// window is Kaiser's.
//
// Source: J. F. Kaiser, Nonrecursive Digital Filter Design Using the I0-sinh
// Window Function, ISCAS 1974.
func Design(ratio int, q Quality) []float64 {
	beta, cutoff := 10.0, 0.4975
	if q == LowLatency {
		beta, cutoff = 8, 0.5
	}
	half := q.Delay() * ratio
	taps := make([]float64, 2*half+1)
	sum := 0.0
	for i := range taps {
		t := float64(i - half)
		x := t / float64(half+1)
		taps[i] = sinc(2*cutoff*t/float64(ratio)) * Bessel(beta*math.Sqrt(1-x*x))
		sum += taps[i]
	}
	for i := range taps {
		taps[i] /= sum
	}
	return taps
}

func sinc(x float64) float64 {
	if x == 0 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}

// Bessel is the modified Bessel function of order 0, by its power series.
func Bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-17*sum; k++ {
		term *= (x / (2 * k)) * (x / (2 * k))
		sum += term
	}
	return sum
}

package search

import (
	"math"
	"math/bits"
	"slices"

	"ampfit/internal/fft"
	"ampfit/optim/method"
)

// Limits at which what is left of the target is called foreign.
const (
	foreignAbove  = 0.25 // of the target left: too much to judge
	foreignPart   = 0.03 // of what is left that anything of the dry sound explains
	foreignPeak   = 7    // deviations of a cross-correlation, whose highest by chance is near 5
	foreignFrames = 4096 // least
	foreignLags   = 4096 // of the cross-correlation, among which a peak stands out
)

// foreign reports whether what a fit leaves of the target, from the output last
// rendered, has nothing to do with the dry sound, so that no setting of any
// effect could explain it: hiss, a hum, the rounding of the recording. It does
// when none of these finds more than a small part:
//
//	coherence             of short spectra with the dry sound, its square and its cube
//	levels                of short spectra, bin by bin, which follow those of the dry
//	                      sound if it is moved or modulated
//	cross-correlation     over the whole length, whitened: an echo however late
//
// The coherence of K windows of independent sounds is 1/K by chance.
//
// Sources: G. C. Carter, C. H. Knapp, A. H. Nuttall, Estimation of the
// Magnitude-Squared Coherence Function Via Overlapped Fast Fourier Transform
// Processing, IEEE Trans. AU-21(4), 1973; C. H. Knapp, G. C. Carter, The
// Generalized Correlation Method for Estimation of Time Delay, IEEE Trans.
// ASSP-24(4), 1976 (the whitening).
func (o *GraphObjective) foreign(f float64) bool {
	if len(o.dry) == 0 || f > foreignAbove || o.Model.HasHeatLoss() {
		return false
	}
	frames := len(o.target) / o.channels
	if frames < foreignFrames {
		return false
	}
	for c := range o.channels {
		left := slices.Clone(o.target[c*frames : (c+1)*frames])
		for n, v := range o.Model.Output[c*frames : (c+1)*frames] {
			left[n] -= v
		}
		dry := make([]float64, frames)
		copy(dry, o.dry[min(c, len(o.dry)-1)])
		if !unrelated(left, dry) {
			return false
		}
	}
	return true
}

func unrelated(left, dry []float64) bool {
	if correlated(left, dry) {
		return false
	}
	for _, size := range []int{256, 2048, 16384} {
		if size > len(left)/8 {
			break
		}
		r, x := newSpectrogram(left, 1, size, size/2), newSpectrogram(dry, 1, size, size/2)
		if follows(r, x) > foreignPart {
			return false
		}
		power := slices.Clone(dry)
		for k := 1; ; k++ { // one at a time: each takes three numbers a frame
			if coherence(r, x)-1/float64(r.windows) > foreignPart {
				return false
			}
			if k == 3 {
				break
			}
			for n, v := range dry {
				power[n] *= v
			}
			x = newSpectrogram(power, 1, size, size/2)
		}
	}
	return true
}

// coherence is the part of the energy of r that filters of the windows of x
// explain.
func coherence(r, x *spectrogram) float64 {
	explained, all := 0.0, 0.0
	for k := range r.bins {
		var re, im, xx float64
		for w := range r.windows {
			at := w*r.bins + k
			re += r.re[at]*x.re[at] + r.im[at]*x.im[at]
			im += r.im[at]*x.re[at] - r.re[at]*x.im[at]
			xx += x.energy[at]
			all += r.energy[at]
		}
		if xx > 0 {
			explained += (re*re + im*im) / xx
		}
	}
	if all == 0 {
		return 0
	}
	return explained / all
}

// follows is the correlation of the levels of r and x, in dB around the mean of
// each bin; bins weigh as the energy of r in them.
func follows(r, x *spectrogram) float64 {
	level := func(s *spectrogram, at int) float64 { return math.Log(s.energy[at] + 1e-30) }
	sum, all := 0.0, 0.0
	for k := range r.bins {
		var mr, mx, energy, rr, xx, rx float64
		for w := range r.windows {
			at := w*r.bins + k
			mr += level(r, at) / float64(r.windows)
			mx += level(x, at) / float64(r.windows)
			energy += r.energy[at]
		}
		for w := range r.windows {
			at := w*r.bins + k
			a, b := level(r, at)-mr, level(x, at)-mx
			rr, xx, rx = rr+a*a, xx+b*b, rx+a*b
		}
		all += energy
		if rr > 0 && xx > 0 {
			sum += energy * rx / math.Sqrt(rr*xx)
		}
	}
	if all == 0 {
		return 0
	}
	return sum / all
}

// correlated reports whether the whitened cross-correlation has a peak.
func correlated(r, x []float64) bool {
	n := 1 << bits.Len(uint(2*len(r)-1))
	plan := fft.NewPlan(n)
	work, pad := plan.Scratch(), make([]float64, n)
	spectrum := func(x []float64) (re, im []float64) {
		re, im = make([]float64, plan.Bins()), make([]float64, plan.Bins())
		clear(pad[copy(pad, x):])
		plan.Forward(re, im, pad, work)
		return re, im
	}
	ar, ai := spectrum(r)
	br, bi := spectrum(x)
	for k := range ar {
		re, im := ar[k]*br[k]+ai[k]*bi[k], ai[k]*br[k]-ar[k]*bi[k]
		if m := math.Hypot(re, im); m > 0 {
			ar[k], ai[k] = re/m, im/m
		}
	}
	plan.Inverse(pad, ar, ai, work)
	// Against the deviation around it: not all lags overlap alike.
	for at := 0; at+foreignLags <= n; at += foreignLags {
		part := pad[at : at+foreignLags]
		limit := foreignPeak * math.Sqrt(method.Dot(part, part)/foreignLags)
		for _, v := range part {
			if math.Abs(v) > limit {
				return true
			}
		}
	}
	return false
}

package analysis

import (
	"context"
	"math"
	"slices"
)

// Limits at which what is left of a target is called unrelated.
const (
	restPart   = 0.03 // of what is left that anything of the dry sound explains
	restPeak   = 7    // deviations of a cross-correlation, whose highest by chance is near 5
	restFrames = 4096 // least
	restLags   = 4096 // of the cross-correlation, among which a peak stands out
)

// Unrelated reports whether what a fit leaves of a target has nothing to do with
// the dry sound, so that no setting of any effect could explain it: hiss, a hum,
// the rounding of the recording. It does when none of these finds more than a
// small part:
//
//	coherence             of short spectra with the dry sound, its square and its cube
//	levels                of short spectra, bin by bin, which follow those of the dry
//	                      sound if it is moved or modulated
//	cross-correlation     over the whole length, whitened: an echo however late
//
// The coherence of K windows of independent sounds is 1/K by chance. Of less than
// 4096 frames nothing can be said, nor when the context ends on the way.
//
// Sources: G. C. Carter, C. H. Knapp, A. H. Nuttall, Estimation of the
// Magnitude-Squared Coherence Function Via Overlapped Fast Fourier Transform
// Processing, IEEE Trans. AU-21(4), 1973; C. H. Knapp, G. C. Carter, The
// Generalized Correlation Method for Estimation of Time Delay, IEEE Trans.
// ASSP-24(4), 1976 (the whitening).
func Unrelated(ctx context.Context, left, dry []float64) bool {
	if len(left) < restFrames || ctx.Err() != nil || correlated(left, dry) {
		return false
	}
	for _, size := range []int{256, 2048, 16384} {
		if size > len(left)/8 {
			break
		}
		if ctx.Err() != nil {
			return false
		}
		r, x := newSpectrogram(left, 1, size, size/2), newSpectrogram(dry, 1, size, size/2)
		if follows(r, x) > restPart {
			return false
		}
		power := slices.Clone(dry)
		for k := 1; ; k++ { // one at a time: each takes three numbers a frame
			if coherence(r, x)-1/float64(r.windows) > restPart {
				return false
			}
			if k == 3 {
				break
			}
			if ctx.Err() != nil {
				return false
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
	d := newDivision(lengthFor(2*len(r)), [][]float64{x}, [][]float64{r})
	for k, re := range d.cross.re {
		if m := math.Hypot(re, d.cross.im[k]); m > 0 {
			d.cross.re[k], d.cross.im[k] = re/m, d.cross.im[k]/m
		}
	}
	lags := d.back(d.cross)
	// Against the deviation around it: not all lags overlap alike.
	for at := 0; at+restLags <= len(lags); at += restLags {
		part := lags[at : at+restLags]
		limit := restPeak * math.Sqrt(dot(part, part)/restLags)
		for _, v := range part {
			if math.Abs(v) > limit {
				return true
			}
		}
	}
	return false
}

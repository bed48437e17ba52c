package loss

import (
	"fmt"
	"math"
	"slices"
)

func init() {
	register(kind{name: "snr", doc: "Signal-to-noise ratio in dB, negated; means removed.", build: waveform(NewSNR), metric: "snr_db", sign: -1})
	register(kind{name: "si_sdr", doc: "Scale-invariant signal-to-distortion ratio in dB, negated; means removed.", build: waveform(NewSISDR), metric: "si_sdr_db", sign: -1})
	register(kind{name: "sd_sdr", doc: "Scale-dependent signal-to-distortion ratio in dB, negated; means removed.", build: waveform(NewSDSDR), metric: "sd_sdr_db", sign: -1})
}

// NewSNR returns the negated signal-to-noise ratio in dB
//
//	-10 log10( Σ y² / (Σ (x-y)² + ε) + ε ),   ε = 1e-8
//
// averaged over channels, with the mean of x and y removed in each. It fails
// if the target is empty, not finite, or nothing but its mean, as no x could
// then change the value.
//
// Source, as for NewSISDR and NewSDSDR: C. Steinmetz, J. Reiss, auraloss,
// DMRN+15, 2020; J. Le Roux et al., SDR – half-baked or well done?, ICASSP 2019.
func NewSNR(target []float64, opts ...Options) (Loss, error) { return newRatio("snr", target, opts) }

// NewSISDR returns the negated scale-invariant signal-to-distortion ratio in
// dB, where the target is scaled to fit x:
//
//	α = Σ xy / (Σ y² + ε)
//	-10 log10( Σ (αy)² / (Σ (x-αy)² + ε) + ε ),   ε = 1e-8
//
// averaged over channels, with the mean of x and y removed in each. It fails
// as NewSNR does.
func NewSISDR(target []float64, opts ...Options) (Loss, error) {
	return newRatio("si_sdr", target, opts)
}

// NewSDSDR returns the negated scale-dependent signal-to-distortion ratio in
// dB: that of NewSISDR, with the error x-y in place of x-αy. It fails as
// NewSNR does.
func NewSDSDR(target []float64, opts ...Options) (Loss, error) {
	return newRatio("sd_sdr", target, opts)
}

// ratio is the three of them, 10 log10(T/(D+ε) + ε) negated; ε of the denominator is
// 1e-8, or that of the target's energy where this is below 1.
type ratio struct {
	signal           // target with its means removed
	energy []float64 // Σ y² of each channel
	tiny   float64   // ε of the denominators
}

func newRatio(name string, target []float64, opts []Options) (Loss, error) {
	s, _, err := bindWaveform(name, target, opts, false)
	if err != nil {
		return nil, err
	}
	l, silent := &ratio{signal: s, tiny: epsilon}, true
	for c := range s.channels {
		y := s.channel(s.target, c)
		before := sumSquares(y)
		offset := mean(y)
		for n := range y {
			y[n] -= offset
		}
		energy := sumSquares(y)
		if energy <= 1e-24*before { // what rounding leaves of a constant
			clear(y)
			energy = 0
		}
		silent = silent && energy == 0
		l.energy = append(l.energy, energy)
	}
	l.tiny *= math.Min(1, slices.Max(l.energy))
	if silent {
		return nil, fmt.Errorf("loss: %s: the target is silent once its mean is removed; choose a part that sounds", name)
	}
	return l, nil
}

// exact makes that ε so small that the ratio is that of the signals up to 200 dB.
func (l *ratio) exact() {
	l.tiny = 1e-20 * slices.Max(l.energy)
}

func (l *ratio) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum := 0.0
	for c := range l.channels {
		x, y, dx := l.channel(x, c), l.channel(l.target, c), l.channel(grad, c)
		offset := mean(x)
		s := l.energy[c]
		alpha, slope := 1.0, 0.0 // α and T = α²s as a function of ⟨x,y⟩: its slope
		if l.name != "snr" {
			xy := 0.0
			for n, v := range y {
				xy += (x[n] - offset) * v
			}
			alpha = xy / (s + l.tiny)
			slope = 2 * alpha * s / (s + l.tiny)
		}
		scale := 1.0 // of y in the error
		if l.name == "si_sdr" {
			scale = alpha
		}
		d := 0.0 // Σ e², e = x - scale·y
		for n, v := range y {
			e := x[n] - offset - scale*v
			d += e * e
		}
		t := alpha * alpha * s
		v := t/(d+l.tiny) + epsilon
		sum -= 10 * math.Log10(v)
		if dx == nil {
			continue
		}
		// value -10 log10 v: its slopes by T and D; e and y have no mean, so
		// the gradient by x less its mean is that by x
		k := -10 / math.Ln10 / v / float64(l.channels)
		dt, dd := k/(d+l.tiny), -k*t/((d+l.tiny)*(d+l.tiny))
		alongY := dt * slope
		if l.name == "si_sdr" {
			// e moves against y as α grows, and Σ ey = Σ xy - α Σ y² = αε
			alongY -= dd * 2 * alpha * l.tiny / (s + l.tiny)
		}
		for n, v := range y {
			dx[n] = dd*2*(x[n]-offset-scale*v) + alongY*v
		}
	}
	return sum / float64(l.channels)
}

// Decibels reports whether a loss, or a term of a sum, is a ratio in dB: then it
// may lie below 0, and no value of it is as good as none.
func Decibels(l Loss) bool {
	switch l := l.(type) {
	case *ratio:
		return true
	case *later:
		return Decibels(l.inner)
	case *sum:
		for _, t := range l.terms {
			if Decibels(t.Loss) {
				return true
			}
		}
	}
	return false
}

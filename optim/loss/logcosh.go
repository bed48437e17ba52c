package loss

import "math"

func init() {
	register(kind{name: "logcosh", doc: "Mean of ln cosh of the error: square where it is small, absolute where it is large.", build: waveform(NewLogCosh), metric: "logcosh", sign: 1})
}

// NewLogCosh returns
//
//	1/N Σ ln(cosh(x-y) + ε),   ε = 1e-8
//
// over the frames of all channels. Its least value is ε, not 0. It fails if
// the target is empty or not finite.
//
// Source: C. Steinmetz, J. Reiss, auraloss, DMRN+15, 2020 (LogCoshLoss, a = 1).
func NewLogCosh(target []float64, opts ...Options) (Loss, error) {
	s, _, err := bindWaveform("logcosh", target, opts, false)
	if err != nil {
		return nil, err
	}
	return &logCosh{s}, nil
}

type logCosh struct{ signal }

// With t = exp|e| - 1, which is exact for small e, one exponential serves both:
//
//	cosh e - 1 = t²/(2(1+t)),   sinh|e| = t(2+t)/(2(1+t))
//
// From |e| = 20 on, exp(-2|e|) is below the last bit of 1.
func (l *logCosh) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum, scale := 0.0, 1/float64(len(x))
	for n, y := range l.target {
		e := x[n] - y
		size := math.Abs(e)
		slope := scale
		if size >= 20 {
			sum += size - math.Ln2
		} else {
			t := math.Expm1(size)
			over := 1 / (2 * (1 + t))
			above := t*t*over + epsilon // cosh e + ε - 1
			sum += math.Log1p(above)
			slope = scale * t * (2 + t) * over / (1 + above)
		}
		if grad != nil {
			grad[n] = math.Copysign(slope, e)
		}
	}
	return sum * scale
}

package loss

import "math"

func init() {
	register(kind{
		name: "logcosh", doc: "Mean of ln cosh of the error: square where it is small, absolute where it is large.",
		build:  func(c *call) (Loss, error) { return NewLogCosh(c.target, Options{Channels: c.channels}) },
		metric: "logcosh", sign: 1,
	})
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

func (l *logCosh) Name() string { return "logcosh" }

// With u = exp(-2|e|), which cannot overflow, cosh e = exp|e| (1+u)/2, so
//
//	ln(cosh e + ε) = |e| + ln((1+u)/2 + ε exp(-|e|))
//	slope          = sign(e) (1-u)/2 / ((1+u)/2 + ε exp(-|e|))
//
// and for small e, where |e| and the logarithm cancel, cosh e = 1 + 2 sinh²(e/2).
func (l *logCosh) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum, scale := 0.0, 1/float64(len(x))
	for n, y := range l.target {
		e := x[n] - y
		size := math.Abs(e)
		root := math.Exp(-size)
		denominator := (1+root*root)/2 + epsilon*root
		if size < 1 {
			half := math.Sinh(e / 2)
			sum += math.Log1p(2*half*half + epsilon)
		} else {
			sum += size + math.Log(denominator)
		}
		if grad != nil {
			grad[n] = scale * math.Copysign(-math.Expm1(-2*size)/2, e) / denominator
		}
	}
	return sum * scale
}

package loss

import "math"

func init() {
	register(kind{name: "l1", doc: "Mean absolute error of the waveform.", args: []string{"pre"}, build: waveform(NewL1), metric: "l1", sign: 1})
}

// NewL1 returns the mean absolute error
//
//	1/N Σ |x-y|
//
// over the frames of all channels, after pre-emphasis if there is one. It
// fails if the target is empty or not finite.
func NewL1(target []float64, opts ...Options) (Loss, error) {
	s, pre, err := bindWaveform("l1", target, opts, true)
	if err != nil {
		return nil, err
	}
	return &absolute{signal: s, pre: pre}, nil
}

type absolute struct {
	signal
	pre float64
}

func (l *absolute) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum, scale := 0.0, 1/float64(len(x))
	for c := range l.channels {
		x, y, dx := l.channel(x, c), l.channel(l.target, c), l.channel(grad, c)
		last := 0.0
		for n, v := range y {
			e := x[n] - v
			f := e - float64(l.pre*last)
			last = e
			sum += math.Abs(f)
			if dx != nil {
				d := math.Copysign(scale, f)
				if !(math.Abs(f) > 0) {
					d = f // slope 0 at 0, so that a frame that fits stays; NaN of NaN
				}
				dx[n] = d
			}
		}
		if dx != nil && l.pre != 0 {
			emphasiseAdjoint(dx, l.pre)
		}
	}
	return sum * scale
}

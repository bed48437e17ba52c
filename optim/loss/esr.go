package loss

import "fmt"

func init() {
	register(kind{name: "esr", doc: "Error-to-signal ratio: energy of the error over energy of the target.", args: []string{"pre"}, build: waveform(NewESR), metric: "esr", sign: 1})
}

// NewESR returns the error-to-signal ratio
//
//	Σ (x-y)² / Σ y²
//
// over all channels, of the waveforms after pre-emphasis if there is one. 0 is
// equality, 1 is what silence scores. There is no ε: it fails if the target is
// silent, empty or not finite.
//
// Source: A. Wright, E.-P. Damskägg, V. Välimäki, Real-time black-box modelling
// with recurrent neural networks, DAFx 2019 (with an ε, and pre-emphasis).
func NewESR(target []float64, opts ...Options) (Loss, error) {
	s, pre, err := bindWaveform("esr", target, opts, true)
	if err != nil {
		return nil, err
	}
	energy := 0.0
	filtered := make([]float64, s.frames)
	for c := range s.channels {
		emphasise(filtered, s.channel(s.target, c), pre)
		energy += sumSquares(filtered)
	}
	if energy == 0 {
		return nil, fmt.Errorf("loss: esr: the target is silent; choose a part that sounds, or a loss that does not divide by its energy, such as mse or mrstft")
	}
	return &squares{signal: s, pre: pre, over: energy}, nil
}

// squares is Σ e² / over of the error e after pre-emphasis.
type squares struct {
	signal
	pre, over float64
}

func (l *squares) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum, scale := 0.0, 2/l.over
	for c := range l.channels {
		x, y, dx := l.channel(x, c), l.channel(l.target, c), l.channel(grad, c)
		if l.pre == 0 {
			sum += squaredError(dx, x, y, scale)
			continue
		}
		last := 0.0
		for n, v := range y {
			e := x[n] - v
			f := e - float64(l.pre*last)
			last = e
			sum += f * f
			if dx != nil {
				dx[n] = scale * f
			}
		}
		if dx != nil {
			emphasiseAdjoint(dx, l.pre)
		}
	}
	return sum / l.over
}

// squaredError returns Σ e², e = x-y, and writes scale·e to dx unless it is
// nil. Four sums in turn, for one alone waits for itself.
func squaredError(dx, x, y []float64, scale float64) float64 {
	if dx == nil {
		var s0, s1, s2, s3 float64
		for ; len(y) >= 4 && len(x) >= 4; x, y = x[4:], y[4:] {
			e0, e1, e2, e3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
			s0, s1, s2, s3 = s0+e0*e0, s1+e1*e1, s2+e2*e2, s3+e3*e3
		}
		for n, v := range y {
			e := x[n] - v
			s0 += e * e
		}
		return s0 + s1 + s2 + s3
	}
	var s0, s1, s2, s3 float64
	for ; len(y) >= 4 && len(x) >= 4 && len(dx) >= 4; x, y, dx = x[4:], y[4:], dx[4:] {
		e0, e1, e2, e3 := x[0]-y[0], x[1]-y[1], x[2]-y[2], x[3]-y[3]
		s0, s1, s2, s3 = s0+e0*e0, s1+e1*e1, s2+e2*e2, s3+e3*e3
		dx[0], dx[1], dx[2], dx[3] = scale*e0, scale*e1, scale*e2, scale*e3
	}
	for n, v := range y {
		e := x[n] - v
		s0 += e * e
		dx[n] = scale * e
	}
	return s0 + s1 + s2 + s3
}

// Curvature writes the derivative of the gradient along v: a square has the same
// everywhere.
func (l *squares) Curvature(dst, _, v []float64) {
	scale := 2 / l.over
	for c := range l.channels {
		from, to := l.channel(v, c), l.channel(dst, c)
		emphasise(to, from, l.pre)
		for n := range to {
			to[n] *= scale
		}
		if l.pre != 0 {
			emphasiseAdjoint(to, l.pre)
		}
	}
}

package loss

import "fmt"

func init() {
	register(kind{
		name: "esr", doc: "Error-to-signal ratio: energy of the error over energy of the target.",
		args: []argument{{"pre", "pre=0"}},
		build: func(c *call) (Loss, error) {
			return NewESR(c.target, Options{Channels: c.channels, PreEmphasis: c.number("pre", 0)})
		},
		metric: "esr", sign: 1,
	})
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
	error     []float64 // of one channel, where a gradient is not asked for
}

func (l *squares) Name() string {
	if l.pre != 0 {
		return fmt.Sprintf("%s(pre=%s)", l.name, number(l.pre))
	}
	return l.name
}

func (l *squares) Evaluate(grad, x []float64) float64 {
	l.check(grad, x)
	sum := 0.0
	for c := range l.channels {
		x, y, e := l.channel(x, c), l.channel(l.target, c), l.channel(grad, c)
		if e == nil {
			if l.error == nil {
				l.error = make([]float64, l.frames)
			}
			e = l.error
		}
		for n, v := range y {
			e[n] = x[n] - v
		}
		if l.pre != 0 {
			emphasise(e, e, l.pre)
		}
		sum += sumSquares(e)
	}
	scale := 2 / l.over
	for c := range l.channels {
		dx := l.channel(grad, c)
		for n := range dx {
			dx[n] *= scale
		}
		if l.pre != 0 && dx != nil {
			emphasiseAdjoint(dx, l.pre)
		}
	}
	return sum / l.over
}

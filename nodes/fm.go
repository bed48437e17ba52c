package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(fmOperator) }

// fmOperator advances, then reads:
//
//	φ[n] = frac(φ[n-1] + f[n]/rate)
//	θ[n] = φ[n] + phase + x[n] + feedback y[n-1],   y[n] = A[n] sin 2πθ[n]
//
// Back in time, with μ the gradient of y and λ that of φ, both handed over by
// the block after:
//
//	μ[n]  = ȳ[n] + feedback θ̄[n+1],   θ̄[n] = 2π A[n] cos(2πθ[n]) μ[n]
//	λ[n]  = θ̄[n] + λ[n+1],   f̄[n] = λ[n]/rate
//	Ā[n]  = sin(2πθ[n]) μ[n],   x̄[n] += θ̄[n],   f̄eedback += y[n-1] θ̄[n]
//
// A loop gain 2π A cos(2πθ) feedback beyond ±1 makes the oscillator chaotic and
// its gradient double with every few frames, until it says nothing and then
// overflows. There the adjoint takes ±1 for it, so it is a surrogate.
var fmOperator = abi.NodeType{
	Name: "FMOperatorNode", Family: sources,
	Doc: "Sine operator for phase modulation, with feedback.",
	Detail: "φ[n] = frac(φ[n−1] + frequency[n]/rate), y[n] = amplitude[n] sin 2π(φ[n] + phase + in[n] + feedback y[n−1]). The input is a phase in cycles: another operator's amplitude is its index over 2π. " +
		"With feedback, where the loop gain 2π amplitude cos(…) feedback is beyond ±1, the gradient takes ±1 for it: the exact one would grow without bound. Up to feedback·amplitude = 1/2π it is exact.",
	Source: "J. Chowning, The Synthesis of Complex Audio Spectra by Means of Frequency Modulation, JAES 21(7), 1973.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "frequency", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Frequency."},
		{Name: "amplitude", Role: abi.Level, Default: 0.5, Min: 0, Max: 10, Mod: true, Doc: "Peak value."},
		{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase before the first frame."},
		{Name: "feedback", Role: abi.Feedback, Unit: "cycles", Default: 0, Min: 0, Max: 1, Doc: "Phase modulation by its own last value; absent: none."},
	},
	Configure: func(s *abi.Setup) error {
		law := fmLaw{s.Given("feedback")}
		s.Surrogate, s.NoSecond = law.feedback, law.feedback
		if !law.feedback {
			s.Drop("feedback")
		}
		s.Data = law
		return nil
	},
	State:  2, // φ[n-1], y[n-1]
	Record: 1, // θ
	Forward: lanes(func(b *abi.Block, lane int) {
		x, y, theta, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.State(lane)
		frequency, amplitude, phase, feedback := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0), fmFeedback(b, lane)
		p, last := state[0], state[1]
		y, theta = y[:len(x)], theta[:len(x)]
		for n, x := range x {
			p = kernel.Advance(p, frequency.At(n)/b.Rate)
			t := p + phase + x + feedback*last
			last = amplitude.At(n) * kernel.SinTurn(t)
			theta[n], y[n] = t, last
		}
		state[0], state[1] = p, last
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		y, dx, dy, theta, dstate := b.Out(0, lane), d.In(0, lane), d.Out(0, lane), b.Record(0, lane), d.State(lane)
		amplitude, feedback := b.Param(1, lane), fmFeedback(b, lane)
		dfrequency, damplitude := d.Param(0, lane), d.Param(1, lane)
		lambda, carry, dphase, dfeedback, scale := dstate[0], dstate[1], 0.0, 0.0, 1/b.Rate
		for n := len(dy) - 1; n >= 0; n-- {
			last := b.Before(lane)[1]
			if n > 0 {
				last = y[n-1]
			}
			mu := dy[n] + carry
			slope := 2 * math.Pi * amplitude.At(n) * kernel.CosTurn(theta[n])
			g := slope * mu
			damplitude.Add(n, kernel.SinTurn(theta[n])*mu)
			carry = min(max(feedback*slope, -1), 1) * mu
			dfeedback += last * g
			dx[n] += g
			dphase += g
			lambda += g
			dfrequency.Add(n, scale*lambda)
		}
		d.Param(2, lane).Add(0, dphase)
		if b.Data.(fmLaw).feedback {
			d.Param(3, lane).Add(0, dfeedback)
		}
		dstate[0], dstate[1] = lambda, carry
	}),
	Second: kernel.Second(fmFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		y, tx, ty, theta, tstate := b.Out(0, lane), t.In(0, lane), t.Out(0, lane), b.Record(0, lane), t.State(lane)
		amplitude, feedback, tfeedback := b.Param(1, lane), fmFeedback(b, lane), 0.0
		if b.Data.(fmLaw).feedback {
			tfeedback = t.Param(3, lane).At(0)
		}
		tp, tlast, last := tstate[0], tstate[1], b.Before(lane)[1]
		for n := range ty {
			tp += t.Param(0, lane).At(n) / b.Rate
			slope := 2 * math.Pi * amplitude.At(n) * kernel.CosTurn(theta[n])
			tt := tp + t.Param(2, lane).At(0) + tx[n] + tfeedback*last
			tlast = t.Param(1, lane).At(n)*kernel.SinTurn(theta[n]) + slope*tt + min(max(feedback*slope, -1), 1)*tlast
			ty[n], last = tlast, y[n]
		}
		tstate[0], tstate[1] = tp, tlast
	}),
}

type fmLaw struct{ feedback bool }

func fmFeedback(b *abi.Block, lane int) float64 {
	if b.Data.(fmLaw).feedback {
		return b.Param(3, lane).At(0)
	}
	return 0
}

// fmFormula is that of an operator without feedback.
func fmFormula(f *kernel.Formula) {
	frequency, amplitude, phase := f.Param(0), f.Param(1), f.Param(2)(0)
	for n := range f.Frames() {
		f.SetState(0, f.Add(f.State(0), f.Scale(1/f.Block.Rate, frequency(n))))
		y := f.Mul(amplitude(n), f.SinTurn(f.Sum(f.State(0), phase, f.In(0, n))))
		f.SetState(1, y)
		f.Out(0, n, y)
	}
}

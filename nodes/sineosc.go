package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(sineOscillator) }

// sineOscillator advances, then reads:
//
//	φ[n] = frac(φ[n-1] + f[n]/rate),   y[n] = A[n] sin(2π(φ[n] + phase))
//
// The adjoint recomputes the phases and sums back in time; the block after
// hands over λ, the gradient of the state:
//
//	φ̄[n]    = 2π A[n] cos(2π(φ[n] + phase)) ȳ[n]
//	λ[n]    = φ̄[n] + λ[n+1]
//	f̄[n]    = λ[n]/rate
//	Ā[n]    = sin(2π(φ[n] + phase)) ȳ[n]
//	p̄hase  += Σ φ̄[n]
var sineOscillator = abi.NodeType{
	Name: "SineOscillatorNode", Family: sources,
	Doc: "Sine oscillator.",
	Detail: "φ[n] = frac(φ[n−1] + frequency[n]/rate), y[n] = amplitude[n] sin(2π(φ[n] + phase)), φ before the run 0. " +
		"The gradient of the frequency is exact, but a waveform loss has a minimum for almost every cycle of the run: start near, or use a spectral loss.",
	Outputs:  out,
	Advances: true,
	Params: []abi.Param{
		{Name: "frequency", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Frequency."},
		{Name: "amplitude", Role: abi.Level, Default: 0.5, Min: 0, Max: 10, Mod: true, Doc: "Peak value."},
		{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase before the first frame."},
	},
	Config:         []abi.Key{channelsKey},
	Configure:      setChannels,
	State:          1, // φ[n-1]
	FrameScratch:   1, // φ
	Forward:        lanes(sineForward),
	Backward:       lanePairs(sineBackward),
	Tangent:        lanePairs(sineTangent),
	Second:         kernel.Second(sineFormula),
	CohortForward:  sineForwardFour,
	CohortBackward: lanePairs(sineBackward),
}

func sineForward(b *abi.Block, lane int) {
	y, state := b.Out(0, lane), b.State(lane)
	frequency, amplitude, phase := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
	p := state[0]
	for n := range y {
		p = kernel.Advance(p, frequency.At(n)/b.Rate)
		y[n] = amplitude.At(n) * kernel.SinTurn(p+phase)
	}
	state[0] = p
}

// sineForwardFour takes four lanes at a time: a sine is one long chain of
// dependent steps, and four of them overlap.
func sineForwardFour(b *abi.Block) {
	lane := 0
	if b.Held() {
		for ; lane+4 <= b.Lanes; lane += 4 {
			n := b.Frames
			y0, y1, y2, y3 := b.Out(0, lane)[:n], b.Out(0, lane+1)[:n], b.Out(0, lane+2)[:n], b.Out(0, lane+3)[:n]
			s0, s1, s2, s3 := b.State(lane), b.State(lane+1), b.State(lane+2), b.State(lane+3)
			step0, step1 := b.Param(0, lane).At(0)/b.Rate, b.Param(0, lane+1).At(0)/b.Rate
			step2, step3 := b.Param(0, lane+2).At(0)/b.Rate, b.Param(0, lane+3).At(0)/b.Rate
			a0, a1, a2, a3 := b.Param(1, lane).At(0), b.Param(1, lane+1).At(0), b.Param(1, lane+2).At(0), b.Param(1, lane+3).At(0)
			q0, q1, q2, q3 := b.Param(2, lane).At(0), b.Param(2, lane+1).At(0), b.Param(2, lane+2).At(0), b.Param(2, lane+3).At(0)
			p0, p1, p2, p3 := s0[0], s1[0], s2[0], s3[0]
			for n := range y0 {
				p0, p1, p2, p3 = kernel.Advance(p0, step0), kernel.Advance(p1, step1), kernel.Advance(p2, step2), kernel.Advance(p3, step3)
				y0[n] = a0 * kernel.SinTurn(p0+q0)
				y1[n] = a1 * kernel.SinTurn(p1+q1)
				y2[n] = a2 * kernel.SinTurn(p2+q2)
				y3[n] = a3 * kernel.SinTurn(p3+q3)
			}
			s0[0], s1[0], s2[0], s3[0] = p0, p1, p2, p3
		}
	}
	for ; lane < b.Lanes; lane++ {
		sineForward(b, lane)
	}
}

func sineBackward(b, d *abi.Block, lane int) {
	dy, dstate, p := d.Out(0, lane), d.State(lane), b.FrameScratch(lane)
	frequency, amplitude, phase := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
	dfrequency, damplitude, dphase := d.Param(0, lane), d.Param(1, lane), d.Param(2, lane)
	last := b.Before(lane)[0]
	for n := range dy {
		last = kernel.Advance(last, frequency.At(n)/b.Rate)
		p[n] = last
	}
	lambda := dstate[0]
	sumPhase, scale := 0.0, 1/b.Rate
	for n := len(dy) - 1; n >= 0; n-- {
		slope := 2 * math.Pi * amplitude.At(n) * kernel.CosTurn(p[n]+phase) * dy[n]
		lambda += slope
		sumPhase += slope
		dfrequency.Add(n, scale*lambda)
		damplitude.Add(n, kernel.SinTurn(p[n]+phase)*dy[n])
	}
	dphase.Add(0, sumPhase)
	dstate[0] = lambda
}

func sineTangent(b, t *abi.Block, lane int) {
	ty, tstate := t.Out(0, lane), t.State(lane)
	frequency, amplitude, phase := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
	tfrequency, tamplitude, tphase := t.Param(0, lane), t.Param(1, lane), t.Param(2, lane).At(0)
	p, tp := b.Before(lane)[0], tstate[0]
	for n := range ty {
		p = kernel.Advance(p, frequency.At(n)/b.Rate)
		tp += tfrequency.At(n) / b.Rate
		ty[n] = tamplitude.At(n)*kernel.SinTurn(p+phase) + 2*math.Pi*amplitude.At(n)*kernel.CosTurn(p+phase)*(tp+tphase)
	}
	tstate[0] = tp
}

func sineFormula(f *kernel.Formula) {
	frequency, amplitude, phase := f.Param(0), f.Param(1), f.Param(2)(0)
	for n := range f.Frames() {
		f.SetState(0, f.Add(f.State(0), f.Scale(1/f.Block.Rate, frequency(n))))
		f.Out(0, n, f.Mul(amplitude(n), f.SinTurn(f.Add(f.State(0), phase))))
	}
}

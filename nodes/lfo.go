package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(lfo) }

// lfo reads its wave, then advances, and smooths:
//
//	v[n] = depth[n] w(frac(φ[n] + phase)),   φ[n+1] = frac(φ[n] + f[n]/rate)
//	y[n] = (1-a) y[n-1] + a v[n],            a = 1 - exp(-1000/(rate slew_ms))
//
// The adjoint runs back in time; the block after hands over λ, the gradient of
// φ, and (1-a) μ, that of y:
//
//	μ[n]      = ȳ[n] + (1-a) μ[n+1]
//	ā        += (v[n] - y[n-1]) μ[n]
//	d̄epth[n]  = a w[n] μ[n]
//	f̄[n]      = λ[n+1]/rate
//	φ̄[n]      = a depth[n] w'[n] μ[n]
//	λ[n]      = φ̄[n] + λ[n+1],   p̄hase += Σ φ̄[n]
//
// With use_input the first channel of the input stands in the place of w.
var lfo = abi.NodeType{
	Name: "LFONode", Family: sources,
	Doc: "Low-frequency oscillator for modulation.",
	Detail: "y = depth w(φ), smoothed over slew_ms; φ starts at phase, is read and then advanced by rate_hz/rate. sine: sin 2πφ; square: +1 for φ < 1/2, else −1; " +
		"saw: 2φ − 1; triangle: 2|2φ − 1| − 1, which starts at its top. No shape is band-limited. The jumps of square and saw have no slope, so gradients do not see them. " +
		"use_input puts the first channel of the input in the place of the wave. compat amp reproduces two defects of the AMP runtime, and has no adjoint: " +
		"one phase runs on through the batches of a call, and the input is normalised to its largest value in each block.",
	Source: "The AMP runtime's LFONode.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "depth", Role: abi.Depth, Default: 0.5, Min: 0, Max: 1000, Mod: true, Doc: "Peak value."},
		{Name: "slew_ms", Role: abi.Slew, Unit: "ms", Default: 0, Min: 0, Max: 10000, Doc: "Time constant of the smoothing; 0 is none."},
		{Name: "rate_hz", Role: abi.Rate, Unit: "Hz", Default: 1, Min: 0.001, Max: 200, Scale: abi.Log, Mod: true, Doc: "Frequency."},
		{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase of the first frame."},
	},
	Config: []abi.Key{
		{Name: "wave", Kind: abi.String, Default: "sine", Enum: []string{"sine", "square", "saw", "triangle"}, Doc: "Shape."},
		{Name: "use_input", Kind: abi.Bool, Default: false, Doc: "Scale and smooth the input instead of a wave."},
		{Name: "compat", Kind: abi.String, Enum: []string{"amp"}, Doc: "Reproduce the recorded defects of the AMP runtime."},
	},
	Wave: kernel.SmoothWave,
	Configure: func(s *abi.Setup) error {
		law := lfoLaw{wave: kernel.Waves[s.Config.Text("wave")], input: s.Config.Bool("use_input"), amp: s.Config.Text("compat") == "amp"}
		s.OutChannels = []int{1}
		s.NoBackward = law.amp
		if law.amp {
			rate := s.Param("rate_hz")
			rate.Max = max(rate.Max, s.Rate/2) // AMP has no upper limit
		}
		if law.input {
			s.Coupled = true
			dropIdle(s, "rate_hz", "phase")
		} else {
			s.Inputs = nil
		}
		s.Data = law
		return nil
	},
	State:    2, // φ, y[n-1]
	Record:   1, // φ
	Forward:  lanes(lfoForward),
	Backward: lanePairs(lfoBackward),
	Tangent:  lanePairs(lfoTangent),
	Second:   kernel.Second(lfoFormula),
}

// lfoLaw is the configuration; depth and slew_ms come before the parameters
// that an input makes superfluous.
type lfoLaw struct {
	wave       kernel.Wave
	input, amp bool
}

func lfoForward(b *abi.Block, lane int) {
	law := b.Data.(lfoLaw)
	y, state := b.Out(0, lane), b.State(lane)
	depth := b.Param(0, lane)
	a, _ := kernel.SlewCoef(b.Param(1, lane).At(0), b.Rate)
	last := state[1]
	if law.input {
		x, scale := b.In(0, lane), 1.0
		if law.amp {
			scale = 1 / ampBlockPeak(b, lane)
		}
		for n := range y {
			last = (1-a)*last + a*depth.At(n)*x[n]*scale
			y[n] = last
		}
		state[1] = last
		return
	}
	rate, phase := b.Param(2, lane), b.Param(3, lane).At(0)
	if law.amp && b.Batch(lane) > 0 && lane > 0 { // the phase of the batch before runs on
		state[0] = b.State(lane - 1)[0]
	}
	p, read := state[0], b.Record(0, lane)[:len(y)]
	for n := range y {
		read[n] = p
		last = (1-a)*last + a*(depth.At(n)*law.wave.Value(kernel.Frac(p+phase)))
		y[n] = last
		p = kernel.Advance(p, rate.At(n)/b.Rate)
	}
	state[0], state[1] = p, last
	if law.amp {
		b.State(lane - b.Batch(lane))[0] = p
	}
}

// ampBlockPeak is AMP's normalisation: the largest value of all channels in
// this block, 1 for silence.
func ampBlockPeak(b *abi.Block, lane int) float64 {
	peak := 0.0
	for c := range b.InChannels(0) {
		for _, x := range b.InCh(0, c, lane) {
			peak = max(peak, math.Abs(x))
		}
	}
	if peak < 1e-12 {
		return 1
	}
	return peak
}

func lfoBackward(b, d *abi.Block, lane int) {
	law := b.Data.(lfoLaw)
	y, dy, dstate := b.Out(0, lane), d.Out(0, lane), d.State(lane)
	depth, ddepth := b.Param(0, lane), d.Param(0, lane)
	a, slope := kernel.SlewCoef(b.Param(1, lane).At(0), b.Rate)
	lambda, carry := dstate[0], dstate[1]
	var drate abi.Values
	var x, dx, p []float64
	phase, dphase, da := 0.0, 0.0, 0.0
	if law.input {
		x, dx = b.In(0, lane), d.In(0, lane)
	} else {
		drate, phase = d.Param(2, lane), b.Param(3, lane).At(0)
		p = b.Record(0, lane)
	}
	perFrame, before := 1/b.Rate, b.Before(lane)[1]
	for n := len(y) - 1; n >= 0; n-- {
		prev := before
		if n > 0 {
			prev = y[n-1]
		}
		mu := dy[n] + carry
		carry = (1 - a) * mu
		w, wslope := 0.0, 0.0
		if law.input {
			w = x[n]
			dx[n] += a * depth.At(n) * mu
		} else {
			w, wslope = law.wave.At(kernel.Frac(p[n] + phase))
			drate.Add(n, lambda*perFrame)
			dp := a * depth.At(n) * wslope * mu
			lambda += dp
			dphase += dp
		}
		da += (depth.At(n)*w - prev) * mu
		ddepth.Add(n, a*w*mu)
	}
	d.Param(1, lane).Add(0, slope*da)
	if !law.input {
		d.Param(3, lane).Add(0, dphase)
	}
	dstate[0], dstate[1] = lambda, carry
}

func lfoTangent(b, t *abi.Block, lane int) {
	law := b.Data.(lfoLaw)
	y, ty, tstate := b.Out(0, lane), t.Out(0, lane), t.State(lane)
	depth, tdepth := b.Param(0, lane), t.Param(0, lane)
	a, slope := kernel.SlewCoef(b.Param(1, lane).At(0), b.Rate)
	ta := slope * t.Param(1, lane).At(0)
	p, tp, prev, tlast := b.Before(lane)[0], tstate[0], b.Before(lane)[1], tstate[1]
	for n := range y {
		w, tw := 0.0, 0.0
		if law.input {
			w, tw = b.In(0, lane)[n], t.In(0, lane)[n]
		} else {
			wslope := 0.0
			w, wslope = law.wave.At(kernel.Frac(p + b.Param(3, lane).At(0)))
			tw = wslope * (tp + t.Param(3, lane).At(0))
			p = kernel.Advance(p, b.Param(2, lane).At(n)/b.Rate)
			tp += t.Param(2, lane).At(n) / b.Rate
		}
		tlast += ta*(depth.At(n)*w-prev) + a*(tdepth.At(n)*w+depth.At(n)*tw-tlast)
		ty[n], prev = tlast, y[n]
	}
	tstate[0], tstate[1] = tp, tlast
}

func lfoFormula(f *kernel.Formula) {
	law, depth, slew := f.Block.Data.(lfoLaw), f.Param(0), f.Param(1)(0)
	a := f.Const(1)
	if ms := f.Value(slew); ms != 0 {
		a = f.Shift(1, f.Scale(-1, f.Exp(f.Scale(-1000/f.Block.Rate, f.Inv(slew)))))
	}
	for n := range f.Frames() {
		var w kernel.Number
		if law.input {
			w = f.In(0, n)
		} else {
			w = f.Wave(law.wave, f.Add(f.State(0), f.Param(3)(0)))
			f.SetState(0, f.Add(f.State(0), f.Scale(1/f.Block.Rate, f.Param(2)(n))))
		}
		y := f.Mix(a, f.State(1), f.Mul(depth(n), w))
		f.SetState(1, y)
		f.Out(0, n, y)
	}
}

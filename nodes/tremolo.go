package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(tremolo) }

// tremolo reads its wave, then advances:
//
//	w[n] = w(frac(φ[n] + phase)),   φ[n+1] = frac(φ[n] + f[n]/rate)
//	y[n] = x[n] (1 - depth[n] (1 - w[n])/2)
//
// The adjoint recomputes the phases and sums back in time; the block after
// hands over λ, the gradient of the state:
//
//	f̄[n]      = λ[n+1]/rate
//	φ̄[n]      = x[n] depth[n]/2 w'[n] ȳ[n]
//	λ[n]      = φ̄[n] + λ[n+1]
//	d̄epth[n]  = -x[n] (1 - w[n])/2 ȳ[n]
//	p̄hase    += Σ φ̄[n]
var tremolo = abi.NodeType{
	Name: "TremoloNode", Family: timeBased,
	Doc: "Tremolo: a low-frequency wave on the volume.",
	Detail: "y[n] = x[n] (1 − depth (1 − w(φ))/2) with w within ±1, φ read and then advanced by rate_hz/rate. " +
		"Waves as of LFONode: the triangle starts at its top, the square with its high half. The jump of the square has no slope, so it teaches nothing about rate and phase.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "rate_hz", Role: abi.Rate, Unit: "Hz", Default: 5, Min: 0.01, Max: 200, Scale: abi.Log, Mod: true, Doc: "Frequency of the wave."},
		{Name: "depth", Role: abi.Depth, Default: 0.5, Min: 0, Max: 1, Mod: true, Doc: "1 reaches down to silence."},
		{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase of the first frame."},
	},
	Config: []abi.Key{{
		Name: "wave", Kind: abi.String, Default: "sine", Enum: []string{"sine", "triangle", "square"}, Doc: "Shape of the wave.",
	}},
	Wave: kernel.SmoothWave,
	Configure: func(s *abi.Setup) error {
		s.Data = kernel.Waves[s.Config.Text("wave")]
		return nil
	},
	State:  1, // φ
	Record: 1, // φ
	Forward: lanes(func(b *abi.Block, lane int) {
		w := b.Data.(kernel.Wave)
		x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
		rate, depth, phase := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
		p, read := state[0], b.Record(0, lane)[:len(x)]
		for n := range x {
			read[n] = p
			y[n] = x[n] * (1 - depth.At(n)*(1-w.Value(kernel.Frac(p+phase)))/2)
			p = kernel.Advance(p, rate.At(n)/b.Rate)
		}
		state[0] = p
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		w := b.Data.(kernel.Wave)
		x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
		depth, phase := b.Param(1, lane), b.Param(2, lane).At(0)
		drate, ddepth, dphase := d.Param(0, lane), d.Param(1, lane), 0.0
		p := b.Record(0, lane)
		lambda, perFrame := d.State(lane)[0], 1/b.Rate
		for n := len(x) - 1; n >= 0; n-- {
			v, slope := w.At(kernel.Frac(p[n] + phase))
			drate.Add(n, lambda*perFrame)
			g, half := x[n]*dy[n]/2, depth.At(n)/2
			dp := g * depth.At(n) * slope
			lambda += dp
			dphase += dp
			dx[n] += (1 - half*(1-v)) * dy[n]
			ddepth.Add(n, (v-1)*g)
		}
		d.Param(2, lane).Add(0, dphase)
		d.State(lane)[0] = lambda
	}),
	Second: kernel.Second(tremoloFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		w := b.Data.(kernel.Wave)
		x, tx, ty := b.In(0, lane), t.In(0, lane), t.Out(0, lane)
		rate, depth, phase := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
		trate, tdepth, tphase := t.Param(0, lane), t.Param(1, lane), t.Param(2, lane).At(0)
		p, tp := b.Before(lane)[0], t.State(lane)[0]
		for n := range x {
			v, slope := w.At(kernel.Frac(p + phase))
			ty[n] = tx[n]*(1-depth.At(n)*(1-v)/2) + x[n]*(depth.At(n)/2*slope*(tp+tphase)-tdepth.At(n)*(1-v)/2)
			p = kernel.Advance(p, rate.At(n)/b.Rate)
			tp += trate.At(n) / b.Rate
		}
		t.State(lane)[0] = tp
	}),
}

func tremoloFormula(f *kernel.Formula) {
	w, rate, depth, phase := f.Block.Data.(kernel.Wave), f.Param(0), f.Param(1), f.Param(2)(0)
	for n := range f.Frames() {
		v := f.Wave(w, f.Add(f.State(0), phase))
		down := f.Scale(-0.5, f.Mul(depth(n), f.Shift(1, f.Scale(-1, v))))
		f.Out(0, n, f.Mul(f.In(0, n), f.Shift(1, down)))
		f.SetState(0, f.Add(f.State(0), f.Scale(1/f.Block.Rate, rate(n))))
	}
}

package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(resampler) }

// resampler takes differences. Its adjoint is
//
//	x̄[n] += ȳ[n] - ȳ[n+1]
//
// where the block after hands over -ȳ of its first frame as the gradient of the
// state; initial_value is part of the value before frame 0.
var resampler = abi.NodeType{
	Name: "ResamplerNode", Aliases: []string{"resampler"}, Family: controlled,
	Doc: "First difference; the name is that of the AMP runtime.",
	Detail: "y[n] = x[n] − x[n−1], x before the run initial_value. It does not change the rate: that is RateConvertNode. " +
		"The sample_rate keys say by what rule AMP reports a rate of calls; they do not reach the sound.",
	Source: "The AMP runtime's ResamplerNode.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "initial_value", Role: abi.Other, Default: 0, Min: -1e6, Max: 1e6, Held: true, Doc: "Input before the first frame."},
	},
	Config: []abi.Key{
		{Name: "sample_rate_free", Kind: abi.Bool, Default: true, Doc: "AMP's report only: no effect."},
		{Name: "sample_rate_hz", Kind: abi.Number, Default: 0.0, Doc: "AMP's report only: no effect."},
		{Name: "sample_rate_ema_alpha", Kind: abi.Number, Default: 0.0, Doc: "AMP's report only: no effect."},
		{Name: "sample_rate_window", Kind: abi.Int, Default: 0.0, Doc: "AMP's report only: no effect."},
	},
	State:   1, // x[n-1], without initial_value
	Forward: lanes(resamplerRun),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dx, dy, dstate := d.In(0, lane), d.Out(0, lane), d.State(lane)
		last := len(dy) - 1
		for n := range last {
			dx[n] += dy[n] - dy[n+1]
		}
		dx[last] += dy[last] + dstate[0]
		dstate[0] = -dy[0]
		if b.Frame(lane) == 0 {
			d.Param(0, lane).Add(0, -dy[0])
		}
	}),
	Second:  kernel.Second(resamplerFormula),
	Tangent: lanePairs(func(_, t *abi.Block, lane int) { resamplerRun(t, lane) }),
}

// resamplerRun is linear: the tangent is the same.
func resamplerRun(b *abi.Block, lane int) {
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	last := state[0]
	if b.Frame(lane) == 0 {
		last += b.Param(0, lane).At(0)
	}
	for n, x := range x {
		y[n] = x - last
		last = x
	}
	state[0] = last
}

func resamplerFormula(f *kernel.Formula) {
	if f.Block.Frame(f.Lane) == 0 {
		f.SetState(0, f.Add(f.State(0), f.Param(0)(0)))
	}
	for n := range f.Frames() {
		x := f.In(0, n)
		f.Out(0, n, f.Sub(x, f.State(0)))
		f.SetState(0, x)
	}
}

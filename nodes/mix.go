package nodes

import (
	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(mix) }

// mix sums channels. Its adjoint is
//
//	x̄_c[n] += g_c Σ_o ȳ_o[n]
//	ḡ_c    += Σ_n x_c[n] Σ_o ȳ_o[n]
var mix = abi.NodeType{
	Name: "MixNode", Family: mixing,
	Doc:    "Weighted sum of all input channels, the same on each output channel.",
	Detail: "y[n] = Σ_c gains_c x_c[n]; nothing is normalised.",
	Inputs: in, Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "gains", Role: abi.Weights, Default: 1, Min: -100, Max: 100, Vector: true, Doc: "One factor per input channel."},
	},
	Config: []abi.Key{channelsKey},
	Configure: func(s *abi.Setup) error {
		s.Param("gains").Len = s.Channels[0]
		return setChannels(s)
	},
	FrameScratch: 1, // Σ_o ȳ_o[n]
	Forward: lanes(func(b *abi.Block, lane int) {
		y, gains := b.Out(0, lane), b.Vector(0, lane)
		clear(y)
		for c, g := range gains {
			for n, x := range b.InCh(0, c, lane) {
				y[n] += g * x
			}
		}
		for o := 1; o < b.OutChannels(0); o++ {
			copy(b.OutCh(0, o, lane), y)
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dy, gains, dgains := b.FrameScratch(lane), b.Vector(0, lane), d.Vector(0, lane)
		copy(dy, d.Out(0, lane))
		for o := 1; o < b.OutChannels(0); o++ {
			vec.Add(dy, d.OutCh(0, o, lane))
		}
		for c, g := range gains {
			dgains[c] += vec.AddScaledDot(d.InCh(0, c, lane), g, dy, b.InCh(0, c, lane))
		}
	}),
	Second: kernel.Second(mixFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		ty, gains, tgains := t.Out(0, lane), b.Vector(0, lane), t.Vector(0, lane)
		clear(ty)
		for c, g := range gains {
			tx := t.InCh(0, c, lane)
			for n, x := range b.InCh(0, c, lane) {
				ty[n] += g*tx[n] + tgains[c]*x
			}
		}
		for o := 1; o < b.OutChannels(0); o++ {
			copy(t.OutCh(0, o, lane), ty)
		}
	}),
}

func mixFormula(f *kernel.Formula) {
	gains := f.Vector(0)
	for n := range f.Frames() {
		sum := f.Const(0)
		for c, g := range gains {
			sum = f.Add(sum, f.Mul(g, f.InCh(0, c, n)))
		}
		for o := range f.Block.OutChannels(0) {
			f.OutCh(0, o, n, sum)
		}
	}
}

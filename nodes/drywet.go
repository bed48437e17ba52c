package nodes

import (
	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(dryWet) }

// dryWet crosses over from one input to the other. Its adjoint is
//
//	d̄ry[n] += (1-m[n]) ȳ[n]
//	w̄et[n] += m[n] ȳ[n]
//	m̄[n]    = (wet[n] - dry[n]) ȳ[n]
var dryWet = abi.NodeType{
	Name: "DryWetNode", Family: mixing,
	Doc:    "Linear crossfade from dry to wet.",
	Detail: "y[n] = (1 − mix[n]) dry[n] + mix[n] wet[n]",
	Inputs: []string{"dry", "wet"}, Outputs: out,
	Params: []abi.Param{
		{Name: "mix", Role: abi.Mix, Default: 0.5, Min: 0, Max: 1, Mod: true, Doc: "0 is dry, 1 is wet."},
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		dry, wet, y, mix := b.In(0, lane), b.In(1, lane), b.Out(0, lane), b.Param(0, lane)
		for n := range y {
			m := mix.At(n)
			y[n] = (1-m)*dry[n] + m*wet[n]
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dry, wet, mix := b.In(0, lane), b.In(1, lane), b.Param(0, lane)
		ddry, dwet, dy, dmix := d.In(0, lane), d.In(1, lane), d.Out(0, lane), d.Param(0, lane)
		if !mix.Varies() {
			m := mix.At(0)
			fromDry := vec.AddScaledDot(ddry, 1-m, dy, dry)
			dmix.Add(0, vec.AddScaledDot(dwet, m, dy, wet)-fromDry)
			return
		}
		for n := range dy {
			m := mix.At(n)
			ddry[n] += (1 - m) * dy[n]
			dwet[n] += m * dy[n]
			dmix.Add(n, (wet[n]-dry[n])*dy[n])
		}
	}),
	Second: kernel.Second(dryWetFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		dry, wet, mix := b.In(0, lane), b.In(1, lane), b.Param(0, lane)
		tdry, twet, ty, tmix := t.In(0, lane), t.In(1, lane), t.Out(0, lane), t.Param(0, lane)
		for n := range ty {
			m := mix.At(n)
			ty[n] = (1-m)*tdry[n] + m*twet[n] + tmix.At(n)*(wet[n]-dry[n])
		}
	}),
}

func dryWetFormula(f *kernel.Formula) {
	mix := f.Param(0)
	for n := range f.Frames() {
		f.Out(0, n, f.Mix(mix(n), f.In(0, n), f.In(1, n)))
	}
}

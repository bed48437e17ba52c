package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(constant) }

// constant holds one value; its adjoint is a sum, v̄ = Σ ȳ[n].
var constant = abi.NodeType{
	Name: "ConstantNode", Family: sources,
	Doc:     "The same value in every frame.",
	Detail:  "y[n] = value",
	Outputs: out,
	Params: []abi.Param{
		{Name: "value", Role: abi.Level, Default: 0, Min: -1e6, Max: 1e6, Doc: "The value of every frame and channel."},
	},
	Config:    []abi.Key{channelsKey},
	Configure: setChannels,
	Forward:   lanes(constantRun),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		sum := 0.0
		for _, dy := range d.Out(0, lane) {
			sum += dy
		}
		d.Param(0, lane).Add(0, sum)
	}),
	Second:  kernel.Second(constantFormula),
	Tangent: lanePairs(func(_, t *abi.Block, lane int) { constantRun(t, lane) }),
}

// constantRun is linear: the tangent is the same.
func constantRun(b *abi.Block, lane int) {
	y, value := b.Out(0, lane), b.Param(0, lane).At(0)
	for n := range y {
		y[n] = value
	}
}

func constantFormula(f *kernel.Formula) {
	value := f.Param(0)(0)
	for n := range f.Frames() {
		f.Out(0, n, value)
	}
}

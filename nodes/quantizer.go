package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
)

func init() { abi.Register(quantizer) }

// quantizer rounds to a grid. Its derivative is zero almost everywhere, which
// would cut off all that lies before it, so it has no adjoint; straight-through
// lets gradients pass as if it were a wire, x̄[n] += ȳ[n].
var quantizer = abi.NodeType{
	Name: "QuantizerNode", Family: controlled,
	Doc: "Rounds to the steps of a number of bits, without dither.",
	Detail: "y = round(2^(bits−1) x)/2^(bits−1), halves away from zero, no clipping; bits may be fractional. " +
		"No adjoint, unless straight_through passes the gradient of the output on to the input; bits is never learned.",
	Source: "Y. Bengio, N. Léonard, A. Courville, Estimating or Propagating Gradients Through Stochastic Neurons, 2013 (straight-through).",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "bits", Role: abi.Switch, Default: 16, Min: 1, Max: 24, NoGradient: true, Doc: "Bits of a sample within ±1, with its sign."},
	},
	Config: []abi.Key{{
		Name: "straight_through", Kind: abi.Bool, Default: false, Doc: "Pass gradients as if nothing were rounded.",
	}},
	Configure: func(s *abi.Setup) error {
		s.Surrogate = s.Config.Bool("straight_through")
		s.NoBackward = !s.Surrogate
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		x, y := b.In(0, lane), b.Out(0, lane)
		steps := math.Exp2(b.Param(0, lane).At(0) - 1)
		for n := range x {
			y[n] = math.Round(x[n]*steps) / steps
		}
	}),
	Backward: lanePairs(quantizerBackward),
	Second:   abi.LinearSecond(lanePairs(quantizerBackward)),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		copy(t.Out(0, lane), t.In(0, lane))
	}),
}

func quantizerBackward(b, d *abi.Block, lane int) {
	vec.Add(d.In(0, lane), d.Out(0, lane))
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(rectifier) }

// rectifier crosses over from x to r(x) = |x|, or √(x² + c²) - c with a corner
// c. The adjoint is
//
//	x̄[n] += (1 - mix + mix r'(x)) ȳ[n],   m̄ix += (r(x) - x) ȳ[n]
var rectifier = abi.NodeType{
	Name: "RectifierNode", Family: nonlinear,
	Doc: "Full-wave rectifier.",
	Detail: "y = (1 − mix) x + mix r(x), r(x) = |x|; with corner c > 0 it is √(x² + c²) − c, which is smooth. At mix 0.5 the sharp one is a half-wave rectifier. " +
		"At x = 0 the slope of |x| is taken as 0, that of the smooth one.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{{Name: "mix", Role: abi.Mix, Default: 1, Min: 0, Max: 1, Doc: "0 is the input, 1 the rectified input."}},
	Config: []abi.Key{{Name: "corner", Kind: abi.Number, Default: 0.0, Min: 0, Max: 10, Doc: "Width of a smooth corner at 0; 0 is sharp."}},
	Configure: func(s *abi.Setup) error {
		s.Data = s.Config.Number("corner")
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		c := b.Data.(float64)
		x, y, mix := b.In(0, lane), b.Out(0, lane), b.Param(0, lane).At(0)
		for n, x := range x {
			r, _ := rectified(x, c)
			y[n] = (1-mix)*x + mix*r
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		c := b.Data.(float64)
		x, dx, dy, mix := b.In(0, lane), d.In(0, lane), d.Out(0, lane), b.Param(0, lane).At(0)
		dmix := 0.0
		for n, x := range x {
			r, slope := rectified(x, c)
			dx[n] += (1 - mix + mix*slope) * dy[n]
			dmix += (r - x) * dy[n]
		}
		d.Param(0, lane).Add(0, dmix)
	}),
	Second: kernel.Second(rectifierFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		c := b.Data.(float64)
		x, tx, ty, mix, tmix := b.In(0, lane), t.In(0, lane), t.Out(0, lane), b.Param(0, lane).At(0), t.Param(0, lane).At(0)
		for n, x := range x {
			r, slope := rectified(x, c)
			ty[n] = (1-mix+mix*slope)*tx[n] + tmix*(r-x)
		}
	}),
}

// rectified returns r(x) and its slope.
func rectified(x, c float64) (r, slope float64) {
	if c > 0 {
		root := math.Sqrt(x*x + c*c)
		return x * x / (root + c), x / root // √(x²+c²) - c without cancellation
	}
	if x == 0 {
		return 0, 0
	}
	return math.Abs(x), math.Copysign(1, x)
}

func rectifierFormula(f *kernel.Formula) {
	c, mix := f.Block.Data.(float64), f.Param(0)(0)
	for n := range f.Frames() {
		x := f.In(0, n)
		r, slope := rectified(f.Value(x), c)
		bend := 0.0
		if c > 0 {
			bend = c * c / math.Pow(f.Value(x)*f.Value(x)+c*c, 1.5)
		}
		f.Out(0, n, f.Mix(mix, x, f.Apply(x, r, slope, bend)))
	}
}

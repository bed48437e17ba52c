package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(rawBiquad) }

// margin keeps a projected real pole this far, relatively, inside the circle.
const margin = 1e-9

// rawBiquad runs the kernel of biquad.go with coefficients of the file's own.
// The filter is stable where |a2| < 1 and |a1| < 1 + a2, a triangle. The range
// of a2 keeps the first, and a1 is projected onto the second:
//
//	a1' = clamp(a1, ±(1 - margin)(1 + a2))
//
// so every value in range is stable, and every stable filter is itself. The
// rows of the slopes are those of the identity, but for a projected a1, where
// ∂a1'/∂a1 = 0 and ∂a1'/∂a2 = ±(1 - margin).
var rawBiquad = abi.NodeType{
	Name: "BiquadNode", Family: filters,
	Doc: "Biquad filter by its coefficients.",
	Detail: "y[n] = b0 x[n] + b1 x[n−1] + b2 x[n−2] − a1 y[n−1] − a2 y[n−2]. Every value in range is stable: a2 stays inside ±1 by its range, and an a1 outside the triangle of stability is projected onto it, " +
		"a1' = clamp(a1, ±(1 − 1e-9)(1 + a2)); inside the triangle the coefficients are used as they are. Outside it a1 itself has no slope, and a2 moves the border; on the border the slope is that of the inside.",
	Source: "J. O. Smith, Introduction to Digital Filters, \"Stability revisited\" (the triangle).",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "b0", Role: abi.Coefficient, Default: 1, Min: -1000, Max: 1000, Doc: "Coefficient of x[n]."},
		{Name: "b1", Role: abi.Coefficient, Default: 0, Min: -1000, Max: 1000, Doc: "Coefficient of x[n−1]."},
		{Name: "b2", Role: abi.Coefficient, Default: 0, Min: -1000, Max: 1000, Doc: "Coefficient of x[n−2]."},
		{Name: "a1", Role: abi.Coefficient, Default: 0, Min: -2, Max: 2, Doc: "Coefficient of −y[n−1], projected onto the stable ones."},
		{Name: "a2", Role: abi.Coefficient, Default: 0, Min: -0.9999999, Max: 0.9999999, Doc: "Coefficient of −y[n−2]: the square of the radius of a complex pole pair."},
	},
	State: kernel.BiquadState, Coefs: 30, FrameScratch: 1,
	Prepare: lanes(func(b *abi.Block, lane int) {
		c := b.Coefs(lane)
		clear(c)
		for p := range 5 {
			c[p] = b.Param(p, lane).At(0)
			c[5+6*p] = 1 // row p of five slopes, its own coefficient
		}
		if border := (1 - margin) * (1 + c[4]); math.Abs(c[3]) > border {
			sign := math.Copysign(1, c[3])
			c[3] = sign * border
			c[5+5*3+3] = 0
			c[5+5*4+3] = sign * (1 - margin)
		}
	}),
	Forward:  lanes(kernel.BiquadForward),
	Backward: lanePairs(kernel.BiquadBackward),
	Second:   kernel.Second(rawBiquadFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		x, y, tx, ty := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane)
		before, tstate, c := b.Before(lane), t.State(lane), b.Coefs(lane)
		var s [5]float64
		for i := range s {
			for p := range 5 {
				s[i] += c[5+5*p+i] * t.Param(p, lane).At(0)
			}
		}
		kernel.BiquadPush(x, y, tx, ty, c, s[:], before, tstate)
	}),
	Kernel:         "biquad",
	CohortForward:  kernel.BiquadForwardCohort,
	CohortBackward: kernel.BiquadBackwardCohort,
}

func rawBiquadFormula(f *kernel.Formula) {
	var c [5]kernel.Number
	for p := range c {
		c[p] = f.Param(p)(0)
	}
	if border := (1 - margin) * (1 + f.Value(c[4])); math.Abs(f.Value(c[3])) > border {
		c[3] = f.Scale(math.Copysign(1-margin, f.Value(c[3])), f.Shift(1, c[4]))
	}
	for n := range f.Frames() {
		f.Out(0, n, f.Section(c, f.In(0, n), 0))
	}
}

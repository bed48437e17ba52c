package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(dcBlock) }

// dcBlock is a zero at DC and a pole beside it. The adjoint runs back in time;
// the block after hands over the gradients of both states:
//
//	λ[n]   = ȳ[n] + r λ[n+1]
//	x̄[n]  += λ[n] - λ[n+1]
//	r̄     += y[n-1] λ[n]
var dcBlock = abi.NodeType{
	Name: "DCBlockNode", Family: filters,
	Doc:    "Removes the mean: a zero at 0 Hz with a pole beside it.",
	Detail: "y[n] = x[n] − x[n−1] + r y[n−1]. The corner lies near (1−r) rate/2π, 38 Hz at r = 0.995 and 48 kHz; the gain at rate/2 is 2/(1+r).",
	Source: "J. O. Smith, Introduction to Digital Filters, \"DC Blocker\".",
	Inputs: in, Outputs: out,
	Params: []abi.Param{{Name: "r", Role: abi.Coefficient, Default: 0.995, Min: 0.9, Max: 0.99999, Doc: "Radius of the pole; nearer to 1 is a lower corner."}},
	State:  2, // x[n-1], y[n-1]
	Forward: lanes(func(b *abi.Block, lane int) {
		x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
		r := b.Param(0, lane).At(0)
		x1, y1 := state[0], state[1]
		for n := range x {
			y1 = x[n] - x1 + r*y1
			y[n], x1 = y1, x[n]
		}
		state[0], state[1] = x1, y1
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		y, dx, dy := b.Out(0, lane), d.In(0, lane), d.Out(0, lane)
		dstate := d.State(lane)
		r, dr := b.Param(0, lane).At(0), 0.0
		cx, cy := dstate[0], dstate[1] // of x[n] and y[n], from the frames after
		for n := len(y) - 1; n >= 0; n-- {
			prev := b.Before(lane)[1]
			if n > 0 {
				prev = y[n-1]
			}
			lambda := dy[n] + cy
			dx[n] += lambda + cx
			dr += prev * lambda
			cx, cy = -lambda, r*lambda
		}
		d.Param(0, lane).Add(0, dr)
		dstate[0], dstate[1] = cx, cy
	}),
	Second: kernel.Second(dcBlockFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		y, tx, ty, tstate := b.Out(0, lane), t.In(0, lane), t.Out(0, lane), t.State(lane)
		r, tr := b.Param(0, lane).At(0), t.Param(0, lane).At(0)
		prev, tx1, ty1 := b.Before(lane)[1], tstate[0], tstate[1]
		for n := range y {
			ty1 = tx[n] - tx1 + r*ty1 + tr*prev
			ty[n], tx1, prev = ty1, tx[n], y[n]
		}
		tstate[0], tstate[1] = tx1, ty1
	}),
}

func dcBlockFormula(f *kernel.Formula) {
	r := f.Param(0)(0)
	for n := range f.Frames() {
		x := f.In(0, n)
		y := f.Add(f.Sub(x, f.State(0)), f.Mul(r, f.State(1)))
		f.SetState(0, x)
		f.SetState(1, y)
		f.Out(0, n, y)
	}
}

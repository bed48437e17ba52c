package run

import "ampfit/abi"

// kernel calls the kernels of a unit's type, its fast ones where it has them; the
// lanes of a cohort share a call. Along a direction each unit is called by itself.
type kernel struct {
	x        *exec
	render   func(b *abi.Block)
	walkBack func(b, d *abi.Block)
}

func newKernel(x *exec) *kernel {
	k := &kernel{x, x.kind.Forward, x.kind.Backward}
	if x.kind.CohortForward != nil {
		k.render = x.kind.CohortForward
	}
	if x.kind.CohortBackward != nil {
		k.walkBack = x.kind.CohortBackward
	}
	return k
}

// forward renders so many graph frames of lanes that show them.
func (k *kernel) forward(lanes []abi.Lane, frames int) {
	b := k.x.values.block
	b.Bind(lanes, frames*k.x.Mult)
	k.render(b)
}

// back walks so many graph frames back, of lanes of values and of gradients.
func (k *kernel) back(lanes, grads []abi.Lane, frames int) {
	b, d := k.x.values.block, k.x.grads.block
	b.Bind(lanes, frames*k.x.Mult)
	d.Bind(grads, frames*k.x.Mult)
	k.walkBack(b, d)
}

func (k *kernel) forwardAlong(sp *Span) {
	k.x.kind.Tangent(k.x.bind(sp, primal), k.x.bind(sp, tangent))
}

func (k *kernel) backAlong(sp *Span) {
	k.x.kind.Second(k.x.bind(sp, primal), k.x.bind(sp, tangent), k.x.bind(sp, dual), k.x.bind(sp, twin))
}

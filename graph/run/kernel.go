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

// lanes are those of a region that a call of the spans takes.
func (k *kernel) lanes(f *face, spans []Span, region int) []abi.Lane {
	if len(spans) == 1 {
		return f.lanes
	}
	return k.x.cohort.lanes[region][k.x.first:spans[len(spans)-1].exec.last()]
}

func (k *kernel) forward(spans []Span) {
	f := k.x.values
	f.block.Bind(k.lanes(f, spans, primal), spans[0].Frames*k.x.Mult)
	k.render(f.block)
}

func (k *kernel) back(spans []Span) {
	f, g, frames := k.x.values, k.x.grads, spans[0].Frames*k.x.Mult
	f.block.Bind(k.lanes(f, spans, primal), frames)
	g.block.Bind(k.lanes(g, spans, dual), frames)
	k.walkBack(f.block, g.block)
}

func (k *kernel) forwardAlong(sp *Span) {
	k.x.kind.Tangent(k.x.bind(sp, primal), k.x.bind(sp, tangent))
}

func (k *kernel) backAlong(sp *Span) {
	k.x.kind.Second(k.x.bind(sp, primal), k.x.bind(sp, tangent), k.x.bind(sp, dual), k.x.bind(sp, twin))
}

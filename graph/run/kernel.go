package run

// kernel calls the kernels of a unit's type; the lanes of a cohort share a call.
// Along a direction each unit is called by itself.
type kernel struct{}

func (kernel) forward(spans []Span) {
	x, end := spans[0].exec, spans[len(spans)-1].exec.last()
	b := x.faces[primal].block
	b.Bind(x.cohort.lanes[primal][x.first:end], spans[0].Frames*x.Mult)
	if x.kind.CohortForward != nil {
		x.kind.CohortForward(b)
	} else {
		x.kind.Forward(b)
	}
}

func (kernel) back(spans []Span) {
	x, end := spans[0].exec, spans[len(spans)-1].exec.last()
	b, d := x.faces[primal].block, x.faces[dual].block
	frames := spans[0].Frames * x.Mult
	b.Bind(x.cohort.lanes[primal][x.first:end], frames)
	d.Bind(x.cohort.lanes[dual][x.first:end], frames)
	if x.kind.CohortBackward != nil {
		x.kind.CohortBackward(b, d)
	} else {
		x.kind.Backward(b, d)
	}
}

func (kernel) forwardAlong(sp *Span) {
	x := sp.exec
	x.kind.Tangent(x.bind(sp, primal), x.bind(sp, tangent))
}

func (kernel) backAlong(sp *Span) {
	x := sp.exec
	x.kind.Second(x.bind(sp, primal), x.bind(sp, tangent), x.bind(sp, dual), x.bind(sp, twin))
}

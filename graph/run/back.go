package run

import "ampfit/graph"

// BeginBack begins a way back at the end of the segment at hand: gradients are
// zero, but for those of the loss by the rows of output ports from an absolute
// frame on, and those by heat.
func (r *Run) BeginBack(port *graph.OutPort, gradient [][]float64, at int64) {
	r.memory[dual].BeginBack(int(r.end - r.start))
	r.seedHeat(r.memory[dual])
	r.walked = false
	r.dropSeeds()
	r.AddSeed(port, gradient, at)
}

// AddSeed puts one more output port into the loss of the walk at hand.
func (r *Run) AddSeed(port *graph.OutPort, gradient [][]float64, at int64) {
	if port != nil {
		r.seeds = append(r.seeds, seed{port, gradient, at})
		r.execs[port.Unit.Index].seeded = true
	}
}

func (r *Run) dropSeeds() {
	for i := range r.seeds {
		r.execs[r.seeds[i].port.Unit.Index].seeded = false
	}
	r.seeds = r.seeds[:0]
}

// Back walks the segment at hand, which the rows hold, from its end to its start.
// The segments of a walk come one before the other; the first is that at which
// BeginBack was called.
func (r *Run) Back() {
	if r.walked {
		r.memory[dual].ShiftBack(int(r.end - r.start))
	}
	r.visit(r.start, r.end, backward)
	r.walked = true
}

// GoOnBack goes on with a walk in the segment at hand, which ends where the last one
// began, with another loss: the gradients of parameters are those of this segment
// only, that of the state goes on.
func (r *Run) GoOnBack() {
	clear(r.memory[dual].Head())
	r.dropSeeds()
}

// AddGrad adds the gradient by a parameter, lane after lane, to dst: Len values, or
// as many for each batch.
func (r *Run) AddGrad(dst []float64, q *graph.Param) { r.addLanes(dst, q, dual) }

// addLanes adds what a region holds for each lane of a parameter.
func (r *Run) addLanes(dst []float64, q *graph.Param, region int) {
	x, n := r.execs[q.Of.Index], q.Len
	for lane := range x.Lanes {
		at := 0
		if len(dst) > n {
			at = lane / x.perBatch() * n
		}
		for i, g := range r.memory[region].Cells(x.params[q.Index].Part(lane, n)) {
			dst[at+i] += g
		}
	}
}

// StateGrad returns the gradient by the states of a unit before the segment that
// was walked last, lanes × states; nil when it has none.
func (r *Run) StateGrad(u *graph.Unit) []float64 {
	return append([]float64(nil), r.memory[dual].Cells(r.execs[u.Index].states)...)
}

// OutputGrad returns the gradient by the rows of an output port, batch by batch,
// over so many graph frames of the segment that was walked last; the rows are valid
// until the next one.
func (r *Run) OutputGrad(out *graph.OutPort, frames int) [][]float64 {
	var rows [][]float64
	for _, row := range r.execs[out.Unit.Index].out[out.Index] {
		rows = append(rows, r.memory[dual].Frames(row, 0, frames))
	}
	return rows
}

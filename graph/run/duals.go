package run

// The duals of a segment are walked from its end to its start, and adjoint
// kernels add into them. A row is set to zero a block at a time, just before the
// first reader of these frames comes by, while the cache is warm:
//
//	│ history │ to be cleared │ open: zero, or gradients │
//	                          ▲ open frame − history

// ClearDuals begins a walk from the end of the segment at hand: gradients of
// parameters, states and heat are zero, and no reader has been there yet.
func (r *Run) ClearDuals() {
	clear(r.Mem.Dual[:r.stateHi])
	n := int(r.end - r.start)
	r.eachDual(func(row *Row) {
		end := row.Dual + n*row.Mult
		clear(r.Mem.Dual[end-row.Hist : end])
	})
	r.open = n
}

// ShiftDuals goes on to the segment before, which has frames graph frames: what
// the readers of the present one left in front of the rows belongs to its end.
func (r *Run) ShiftDuals(frames int) {
	r.eachDual(func(row *Row) {
		n := frames * row.Mult
		region := r.Mem.Dual[row.Dual-row.Hist : row.Dual+r.Segment*row.Mult]
		copy(region[n:n+row.Hist], region[:row.Hist])
	})
	r.open = frames
}

// OpenDuals makes the duals ready for readers of the frames from a frame of the
// segment on.
func (r *Run) OpenDuals(frame int) {
	if frame >= r.open {
		return
	}
	r.eachDual(func(row *Row) {
		at := row.Dual - row.Hist
		clear(r.Mem.Dual[at+frame*row.Mult : at+r.open*row.Mult])
	})
	r.open = frame
}

func (r *Run) eachDual(do func(row *Row)) {
	for i := range r.allRows {
		do(&r.allRows[i])
	}
	for i := range r.linkRows {
		do(&r.linkRows[i])
	}
}

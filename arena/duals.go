package arena

// The gradients of a segment are walked from its end to its start, and adjoint
// kernels add into them. A row is set to zero a block at a time, just before the
// first reader of these frames comes by, while the cache is warm:
//
//	│ history │ to be cleared │ open: zero, or gradients │
//	                          ▲ open frame − history

// BeginBack begins a walk from the end of a segment of so many graph frames:
// gradients of parameters and states are zero, and no reader has been there yet.
func (m *Region) BeginBack(frames int) {
	clear(m.data[:m.layout.states])
	m.each(func(r *Row) {
		end := r.dual + frames*r.mult
		clear(m.data[end-r.past : end])
	})
	m.open = frames
}

// ShiftBack goes on to the segment before, which has so many graph frames: what
// the readers of the present one left in front of the rows belongs to its end.
func (m *Region) ShiftBack(frames int) {
	m.each(func(r *Row) {
		region := m.data[r.dual-r.past : r.dual+m.layout.segment*r.mult]
		copy(region[frames*r.mult:], region[:r.past])
	})
	m.open = frames
}

// OpenBack makes the gradients ready for readers of the frames from a frame of
// the segment on.
func (m *Region) OpenBack(frame int) {
	if frame >= m.open {
		return
	}
	m.each(func(r *Row) {
		at := r.dual - r.past
		clear(m.data[at+frame*r.mult : at+m.open*r.mult])
	})
	m.open = frame
}

// each calls do with every row of gradients.
func (m *Region) each(do func(r *Row)) {
	for i := range m.layout.rows {
		do(&m.layout.rows[i])
	}
	for i := range m.layout.mirrors {
		do(&m.layout.mirrors[i])
	}
}

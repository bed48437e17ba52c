package run

// SnapshotLen is the length of a snapshot.
func (r *Run) SnapshotLen() int {
	n := r.stateHi - r.stateLo
	for i := range r.allRows {
		n += r.allRows[i].Hist
	}
	return n
}

// Snapshot copies what the frames from End on depend on: the states, and the
// frames before End that readers still see.
func (r *Run) Snapshot(dst []float64) {
	r.SnapshotOf(r.Mem.Primal, dst)
}

// Restore goes back to a snapshot taken at the absolute frame at; Advance
// continues there with the same bits.
func (r *Run) Restore(src []float64, at int64) {
	r.RestoreTo(r.Mem.Primal, src)
	r.start, r.end = at, at
	if r.cursors != nil {
		r.cursors.stand(at)
	}
}

// NextBlock returns the first frame after the block that holds frame.
func (r *Run) NextBlock(frame int64) int64 { return r.nextBlock(frame) }

// PrevBlock returns the first frame of the block that ends at frame.
func (r *Run) PrevBlock(frame int64) int64 { return r.prevBlock(frame) }

package run

import "fmt"

// Rewind goes back to an absolute frame of the segment that the rows hold, from
// Start to End: states, heat and histories are then what they were before that
// frame was rendered, and Advance renders on from there with the same bits. It
// renders at most one block again. The run needs a tape.
func (r *Run) Rewind(frame int64) error {
	if !r.tape {
		return fmt.Errorf("graph: a run without a tape cannot be rewound; set Options.Tape")
	}
	if frame < r.start || frame > r.end {
		return fmt.Errorf("graph: frame %d is not in the segment at hand, which has frames %d to %d", frame, r.start, r.end)
	}
	if frame == r.end {
		return nil
	}
	at, block := r.start, 0
	for next := r.nextBlock(at); next <= frame; next = r.nextBlock(at) {
		at = next
		block++
	}
	mem := r.Mem.Primal
	for _, x := range r.Execs {
		copy(mem[x.State:x.State+x.StateLen], mem[x.Before+block*x.StateLen:])
		copy(mem[x.Heat:x.Heat+x.Unit.Lanes], mem[x.HeatBefore+block*x.Unit.Lanes:])
	}
	r.end = at
	if r.cursors != nil {
		r.cursors.stand(at)
	}
	if frame > at {
		r.Advance(int(frame - at))
	}
	return nil
}

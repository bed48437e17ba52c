package run

import (
	"fmt"

	"ampfit/arena"
	"ampfit/graph"
)

// What the way back needs of a segment beside its rows: the states before each
// block, and in loops before each call. Where these are many, only those before
// the blocks are kept, and a block of the loop is played again for the rest.

// keep flushes the states of a unit where it is due, and keeps a copy for the way
// back.
func (r *Run) keep(x *exec, sp *Span) {
	m := r.memory[primal]
	if sp.At%graph.Grid == 0 {
		flush(m.Cells(x.states))
	}
	if r.taped {
		m.Copy(x.stateCells(x.before, sp.Block), x.states)
		m.Copy(x.heatBefore.Part(sp.Block, x.Lanes), x.heat)
	}
}

// flush sets states below 1e-150 to zero, so that a decaying recursion never
// reaches denormal numbers, which cost a hundred times more.
func flush(states []float64) {
	for i, v := range states {
		if v < 1e-150 && v > -1e-150 {
			states[i] = 0
		}
	}
}

// keepsCalls reports whether the states before every call of a loop are kept on
// the tape, so that it need not be played again: where they take no more room
// than four rows for each unit.
func (r *Run) keepsCalls(c *graph.Component) bool {
	states := 0
	for _, u := range c.Units {
		states += u.Lanes * u.Setup.State
	}
	return states*c.Calls(r.Plan.Block) <= 4*r.Plan.Block*len(c.Units)
}

// firstCall is where the states before the calls of a block of a loop are kept:
// the number of its first call.
func (r *Run) firstCall(c *graph.Component, block int) int {
	if r.keepsCalls(c) {
		return block * c.Calls(r.Plan.Block)
	}
	return 0
}

// replay plays a block of a loop again for the states before every call, with
// tangents where a direction is followed.
func (r *Run) replay(c *graph.Component, sp *Span, along bool) {
	for _, x := range r.parts[c.Index] {
		r.memory[primal].Copy(x.states, x.stateCells(x.before, sp.Block))
		if along {
			r.memory[tangent].Copy(x.states, x.stateCells(x.before, sp.Block))
		}
	}
	r.eachCall(c, sp, func(x *exec, call *Span) {
		clamped := x.clamped
		if along {
			x.callAlong(call)
		} else {
			r.memory[primal].Copy(x.stood, x.states)
			x.call(call, false)
		}
		x.clamped = clamped
	})
}

// eachCall calls do for the units of a loop, call by call over a block.
func (r *Run) eachCall(c *graph.Component, sp *Span, do func(x *exec, call *Span)) {
	n := r.firstCall(c, sp.Block)
	for done := 0; done < sp.Frames; done += c.Block {
		for _, x := range r.parts[c.Index] {
			do(x, x.callOf(sp, done, min(c.Block, sp.Frames-done), n))
		}
		n++
	}
}

// callOf is the n-th call of a unit: so many frames of a block, of which some are
// done.
func (x *exec) callOf(sp *Span, done, frames, n int) *Span {
	call := &x.one[0]
	call.S, call.Frames, call.At, call.Block = sp.S+done, frames, sp.At+int64(done), sp.Block
	x.stood = x.stateCells(x.callBefore, n)
	return call
}

// Save appends what the frames from End on depend on to a snapshot.
func (r *Run) Save(s *arena.Snapshot) {
	s.At = r.end
	r.memory[primal].Save(s, int(r.end-r.start))
}

// Load goes back to a snapshot, nil being the first frame; Advance continues
// there with the same bits.
func (r *Run) Load(s *arena.Snapshot) {
	if s == nil {
		r.Reset()
		return
	}
	r.memory[primal].Load(s, 0)
	r.stand(s.At)
}

// Return goes back to an absolute frame of the segment that the rows hold, from
// Start to End: states, heat and histories are then what they were before that
// frame was rendered, and Advance renders on from there with the same bits. It
// renders at most one block again. The run needs a tape.
func (r *Run) Return(frame int64) error {
	if !r.taped {
		return fmt.Errorf("run: a run without a tape cannot go back; make it with NewTaped")
	}
	if frame < r.start || frame > r.end {
		return fmt.Errorf("run: frame %d is not in the segment at hand, which has frames %d to %d", frame, r.start, r.end)
	}
	if frame == r.end {
		return nil
	}
	at, block := r.start, 0
	for next := r.nextBlock(at); next <= frame; next = r.nextBlock(at) {
		at = next
		block++
	}
	m := r.memory[primal]
	for _, x := range r.execs {
		m.Copy(x.states, x.stateCells(x.before, block))
		m.Copy(x.heat, x.heatBefore.Part(block, x.Lanes))
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

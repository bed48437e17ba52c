package run

import "time"

// A unit has operators: what the runtime does around its kernel. Each stands in a
// file of its own in all its directions: forward; back, where it adds to the
// gradients of what it read; along a direction forward with tangents, and back with
// the derivatives of the gradients. Here is their order:
//
//	gather ──► modulate ──► kernel, or feed ──► heat ──► spread

// operate gives a unit its operators.
func (x *exec) operate() {
	x.one[0].exec = x
	x.gather, x.modulate = newGather(x), newModulate(x)
	if x.Type.External {
		x.feed = &feed{x}
	} else {
		x.kernel = newKernel(x)
	}
	if x.Filter == nil && !x.Setup.OwnHeat {
		x.heating = &heat{x: x}
	}
	if x.run.taped {
		x.spread = newSpread(x)
	}
}

// forward renders a job, keeping the states before each block.
func (r *Run) forward(j *Job) {
	if r.options.Profile {
		defer r.clock(j, time.Now(), false)
	}
	if j.Loop != nil {
		r.forwardLoop(j)
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		r.keep(sp.exec, sp)
		sp.exec.enter(sp)
	}
	for rest := j.Spans; len(rest) > 0; {
		n, x := Together(rest), rest[0].exec
		if x.feed != nil {
			x.feed.forward(&rest[0])
		} else {
			x.kernel.forward(x.cohort.together(rest[:n], primal), rest[0].Frames)
		}
		rest = rest[n:]
	}
	for i := range j.Spans {
		j.Spans[i].exec.leave(&j.Spans[i], r.options.Heat)
	}
}

func (r *Run) forwardLoop(j *Job) {
	c, sp := j.Loop, &j.Spans[0]
	for _, x := range r.parts[c.Index] {
		r.keep(x, sp)
	}
	kept := r.taped && r.keepsCalls(c)
	n := r.firstCall(c, sp.Block)
	for done := 0; done < sp.Frames; done += c.Block {
		for _, x := range r.parts[c.Index] {
			call := x.callOf(sp, done, min(c.Block, sp.Frames-done), n)
			if kept && x.states.Len() > 0 {
				r.memory[primal].Copy(x.stood, x.states)
			}
			x.call(call, r.options.Heat)
		}
		n++
	}
}

// call renders one call of a unit.
func (x *exec) call(sp *Span, heat bool) {
	x.enter(sp)
	if x.feed != nil {
		x.feed.forward(sp)
	} else {
		x.kernel.forward(x.values.lanes, sp.Frames)
	}
	x.leave(sp, heat)
}

// enter fills what the kernel reads.
func (x *exec) enter(sp *Span) {
	if x.run.cursors != nil {
		x.run.reads(x.Unit, sp.At, sp.Frames)
	}
	if x.gather != nil {
		x.gather.forward(sp)
	}
	if x.modulate != nil {
		x.modulate.forward(sp)
	}
	x.show(sp)
}

// show points the lanes of values at a call.
func (x *exec) show(sp *Span) {
	x.values.open(sp.S, sp.Frames)
	x.values.at(sp.At * int64(x.Mult))
}

// leave takes what the kernel wrote.
func (x *exec) leave(sp *Span, heat bool) {
	if x.run.cursors != nil {
		x.run.cursors.wrote(x.Unit, sp.At+int64(sp.Frames))
	}
	if heat && x.heating != nil {
		x.heating.forward(sp)
	}
}

// back walks a job back.
func (r *Run) back(j *Job) {
	if r.options.Profile {
		defer r.clockBack(j, time.Now())
	}
	if j.Loop != nil {
		r.backLoop(j)
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		x := sp.exec
		x.stood = x.stateCells(x.before, sp.Block)
		x.comeBack(sp)
	}
	for rest := j.Spans; len(rest) > 0; {
		n, x := Together(rest), rest[0].exec
		if x.kernel != nil && !x.NoAdjoint {
			x.kernel.back(x.cohort.together(rest[:n], primal), x.cohort.together(rest[:n], dual), rest[0].Frames)
		}
		rest = rest[n:]
	}
	for i := range j.Spans {
		if x := j.Spans[i].exec; !x.cut() {
			x.handOn(&j.Spans[i])
		}
	}
}

func (r *Run) backLoop(j *Job) {
	c, sp := j.Loop, &j.Spans[0]
	if !r.keepsCalls(c) {
		r.replay(c, sp, false)
	}
	units, calls := r.parts[c.Index], c.Calls(sp.Frames)
	n := r.firstCall(c, sp.Block)
	for k := calls - 1; k >= 0; k-- {
		done := k * c.Block
		for i := len(units) - 1; i >= 0; i-- {
			x := units[i]
			call := x.callOf(sp, done, min(c.Block, sp.Frames-done), n+k)
			x.comeBack(call)
			if !x.cut() {
				if x.kernel != nil {
					x.kernel.back(x.values.lanes, x.grads.lanes, call.Frames)
				}
				x.handOn(call)
			}
		}
	}
}

// cut reports whether gradients end at the unit. The dry input has none to pass on.
func (x *exec) cut() bool { return x.NoAdjoint && !x.Type.External }

// comeBack completes the gradients of a unit's outputs and shows its kernel the
// call. Without an adjoint nothing goes on.
func (x *exec) comeBack(sp *Span) {
	x.spread.back(sp)
	if x.cut() {
		clear(x.run.memory[dual].Cells(x.states))
		return
	}
	if x.heated {
		x.heating.back(sp)
	}
	x.show(sp)
	x.values.standBefore(x.stood)
	x.grads.open(sp.S, sp.Frames)
}

// handOn gives modulators and the links of gathered ports what the kernel found.
func (x *exec) handOn(sp *Span) {
	if x.modulate != nil {
		x.modulate.back(sp)
	}
	if x.gather != nil {
		x.gather.back(sp)
	}
}

package run

import "time"

// operator is something that the runtime does beside the kernel of a unit, over
// the frames of a call, in all its directions. The way back adds to the gradients
// of what the operator read; along a direction, tangents go forward, and the way
// back also carries the derivatives of the gradients.
type operator interface {
	forward(sp *Span)
	back(sp *Span)
	forwardAlong(sp *Span)
	backAlong(sp *Span)
}

// core is what makes a unit's outputs: its kernel, or the dry input. A call takes
// spans of one cohort that stand together.
type core interface {
	forward(spans []Span)
	back(spans []Span)
	forwardAlong(sp *Span)
	backAlong(sp *Span)
}

// operate gives a unit its operators.
func (x *exec) operate() {
	if g := newGather(x); g != nil {
		x.feeders = append(x.feeders, g)
	}
	if m := newModulate(x); m != nil {
		x.feeders = append(x.feeders, m)
	}
	x.core = kernel{}
	if x.Type.External {
		x.core = feed{x.run}
	}
	if !x.Type.OwnHeat && x.Filter == nil {
		x.followers = append(x.followers, &heat{x: x})
	}
	if x.run.taped {
		x.followers = append(x.followers, newSpread(x))
	}
}

// The passes over a job. What is a step of one unit stands in the methods of exec;
// here is their order.

// forward renders a job, keeping the states before each block.
func (r *Run) forward(j *Job) {
	if r.profile {
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
		n := Together(rest)
		rest[0].exec.core.forward(rest[:n])
		rest = rest[n:]
	}
	for i := range j.Spans {
		j.Spans[i].exec.leave(&j.Spans[i], r.heat)
	}
}

func (r *Run) forwardLoop(j *Job) {
	c, sp := j.Loop, &j.Spans[0]
	for _, u := range c.Units {
		r.keep(r.execs[u.Index], sp)
	}
	kept := r.taped && r.keepsCalls(c)
	r.eachCall(c, sp, func(x *exec, call *Span) {
		if kept {
			r.memory[primal].Copy(call.before, x.states)
		}
		x.call(call, r.heat)
	})
}

// call renders one call of a unit.
func (x *exec) call(sp *Span, heat bool) {
	x.enter(sp)
	x.core.forward(x.one[:])
	x.leave(sp, heat)
}

// enter fills what the kernel reads.
func (x *exec) enter(sp *Span) {
	if x.run.cursors != nil {
		x.run.reads(x.Unit, sp.At, sp.Frames)
	}
	for _, o := range x.feeders {
		o.forward(sp)
	}
	x.faces[primal].open(sp.S, sp.Frames)
	x.stamp(sp)
}

// stamp tells the lanes which frame they are at.
func (x *exec) stamp(sp *Span) {
	frame := sp.At * int64(x.Mult)
	lanes := x.faces[primal].lanes
	for i := range lanes {
		lanes[i].Frame = frame
	}
}

// leave takes what the kernel wrote.
func (x *exec) leave(sp *Span, heat bool) {
	if x.run.cursors != nil {
		x.run.cursors.wrote(x.Unit, sp.At+int64(sp.Frames))
	}
	if !heat {
		return
	}
	for _, o := range x.followers {
		o.forward(sp)
	}
}

// back walks a job back.
func (r *Run) back(j *Job) {
	if r.profile {
		defer r.clockBack(j, time.Now())
	}
	if j.Loop != nil {
		r.backLoop(j)
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		sp.before = sp.exec.stateCells(sp.exec.before, sp.Block)
		sp.exec.comeBack(sp)
	}
	for rest := j.Spans; len(rest) > 0; {
		n := Together(rest)
		if x := rest[0].exec; !x.cut() {
			x.core.back(rest[:n])
		}
		rest = rest[n:]
	}
	for i := range j.Spans {
		j.Spans[i].exec.handOn(&j.Spans[i])
	}
}

func (r *Run) backLoop(j *Job) {
	c, sp := j.Loop, &j.Spans[0]
	if !r.keepsCalls(c) {
		r.replay(c, sp, false)
	}
	r.eachCallBack(c, sp, func(x *exec, call *Span) {
		x.comeBack(call)
		if !x.cut() {
			x.core.back(x.one[:])
		}
		x.handOn(call)
	})
}

// cut reports whether gradients end at the unit. The dry input has none to pass on.
func (x *exec) cut() bool { return x.NoAdjoint && !x.Type.External }

// comeBack completes the gradients of a unit's outputs and shows its kernel the
// call. Without an adjoint nothing goes on.
func (x *exec) comeBack(sp *Span) {
	if x.cut() {
		x.followers[len(x.followers)-1].back(sp) // the outputs' gradients are complete all the same
		clear(x.run.memory[dual].Cells(x.states))
		return
	}
	for i := len(x.followers) - 1; i >= 0; i-- {
		x.followers[i].back(sp)
	}
	x.faces[primal].open(sp.S, sp.Frames)
	x.faces[primal].standBefore(sp.before)
	x.faces[dual].open(sp.S, sp.Frames)
	x.stamp(sp)
}

// handOn gives modulators and the links of gathered ports what the kernel found.
func (x *exec) handOn(sp *Span) {
	if x.cut() {
		return
	}
	for i := len(x.feeders) - 1; i >= 0; i-- {
		x.feeders[i].back(sp)
	}
}

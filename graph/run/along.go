package run

import (
	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
)

// along is a direction in parameters and input that tangents follow, forward; and
// on the way back the derivative of the gradients, which is the second derivative
// along it:
//
//	forward    y, ẏ              ──►   kernels and their tangents
//	backward   ȳ, (ȳ)'           ◄──   adjoints and their derivatives
type along struct {
	input [][]float64 // like Input
	seed  seed        // derivative of the loss's gradient by the output
}

// Along begins a run along a direction from the first frame: values for
// parameters, as [Run.Set] takes them, and for the input.
func (r *Run) Along(params map[*graph.Param][]float64, input [][]float64) {
	if r.memory[tangent] == nil {
		r.reserve(tangent, false)
	}
	r.along = &along{input: input}
	m := r.memory[tangent]
	m.Clear()
	for q, v := range params {
		r.fill(m, q, v)
	}
	r.Reset()
}

// reserve makes a region and shows it to all kernels.
func (r *Run) reserve(region int, duals bool) {
	r.memory[region] = &arena.Region{}
	r.memory[region].Lay(r.layout, duals)
	for _, x := range r.execs {
		x.wire(region, x.cohort.lanesOf(x, region))
	}
}

// AdvanceAlong is Advance with tangents.
func (r *Run) AdvanceAlong(frames int) {
	r.Prepare()
	for _, region := range []int{primal, tangent} {
		r.memory[region].Shift(int(r.end - r.start))
	}
	r.start = r.end
	r.end = r.start + int64(frames)
	r.visit(r.start, r.end, onwardAlong)
}

// CopyOutAlong is CopyOut for the derivative of the output.
func (r *Run) CopyOutAlong(out [][]float64, skip int64) { r.copyOut(out, skip, tangent) }

// SaveAlong is Save with tangents, LoadAlong its counterpart.
func (r *Run) SaveAlong(s *arena.Snapshot) {
	r.Save(s)
	r.memory[tangent].Save(s, int(r.end-r.start))
}

// LoadAlong goes back to a snapshot of SaveAlong.
func (r *Run) LoadAlong(s *arena.Snapshot) {
	r.Load(s)
	r.memory[tangent].Load(s, 1)
}

// BeginBackAlong begins the way back of a run along a direction: with the gradient
// of the loss by the output from an absolute frame on, and its derivative.
func (r *Run) BeginBackAlong(gradient, derivative [][]float64, at int64) {
	if r.memory[twin] == nil {
		r.reserve(twin, true)
	}
	r.BeginBack(r.Plan.Output, gradient, at)
	r.memory[twin].BeginBack(int(r.end - r.start))
	r.along.seed = seed{r.Plan.Output, derivative, at}
}

// BackAlong is Back with the derivatives of the gradients.
func (r *Run) BackAlong() {
	if r.walked {
		r.memory[dual].ShiftBack(int(r.end - r.start))
		r.memory[twin].ShiftBack(int(r.end - r.start))
	}
	r.visit(r.start, r.end, backwardAlong)
	r.walked = true
}

// AddSecond adds the derivative of the gradient by a parameter to dst: Len values,
// or as many for each batch.
func (r *Run) AddSecond(dst []float64, q *graph.Param) { r.addLanes(dst, q, twin) }

// WithoutTangent names the units whose types have no tangent kernel.
func (r *Run) WithoutTangent() []string {
	return r.names(func(x *exec) bool { return x.kind.Tangent == nil && !x.Type.External })
}

// WithoutSecond names the units that stand in the way of forward over reverse:
// those without a tangent, or without the derivative of their adjoint.
func (r *Run) WithoutSecond() []string {
	return r.names(func(x *exec) bool {
		if x.NoAdjoint {
			return x.kind.Tangent == nil
		}
		return !x.Type.External && (x.kind.Tangent == nil || x.kind.Second == nil || x.Setup.NoSecond)
	})
}

func (r *Run) names(of func(x *exec) bool) []string {
	var names []string
	for _, x := range r.execs {
		if of(x) {
			names = append(names, x.Name)
		}
	}
	return names
}

// bind shows a unit's kernels one region at the frames of a call, and returns the
// block.
func (x *exec) bind(sp *Span, region int) *abi.Block {
	f := x.faces[region]
	f.open(sp.S, sp.Frames)
	f.at(sp.At * int64(x.Mult))
	if region == primal || region == tangent {
		f.standBefore(x.stood)
	}
	f.block.Bind(f.lanes, sp.Frames*x.Mult)
	return f.block
}

// forwardAlong renders a job with tangents. The states before it, and in loops
// before each call, go where the tape keeps them, and those of the tangents to the
// same place in theirs.
func (r *Run) forwardAlong(j *Job) {
	if j.Loop == nil {
		for i := range j.Spans {
			x := j.Spans[i].exec
			r.keepAlong(x, &j.Spans[i])
			x.one[0] = j.Spans[i]
			x.stood = x.stateCells(x.before, x.one[0].Block)
			x.callAlong(&x.one[0])
		}
		return
	}
	for _, x := range r.parts[j.Loop.Index] {
		r.keepAlong(x, &j.Spans[0])
	}
	r.eachCall(j.Loop, &j.Spans[0], func(x *exec, call *Span) { x.callAlong(call) })
}

// keepAlong is keep for a unit and its tangents.
func (r *Run) keepAlong(x *exec, sp *Span) {
	r.keep(x, sp)
	r.memory[tangent].Copy(x.stateCells(x.before, sp.Block), x.states)
}

// callAlong renders one call of a unit with its tangents, keeping the states
// before it.
func (x *exec) callAlong(sp *Span) {
	for _, region := range []int{primal, tangent} {
		x.run.memory[region].Copy(x.stood, x.states)
	}
	x.call(sp, false)
	if x.gather != nil {
		x.gather.forwardAlong(sp)
	}
	if x.modulate != nil {
		x.modulate.forwardAlong(sp)
	}
	if x.feed != nil {
		x.feed.forwardAlong(sp)
	} else {
		x.kernel.forwardAlong(sp)
	}
}

// backAlong walks a job back, twice at once.
func (r *Run) backAlong(j *Job) {
	if j.Loop == nil {
		for i := range j.Spans {
			x := j.Spans[i].exec
			x.one[0] = j.Spans[i]
			x.stood = x.stateCells(x.before, x.one[0].Block)
			x.callBackAlong(&x.one[0])
		}
		return
	}
	if !r.keepsCalls(j.Loop) {
		r.replay(j.Loop, &j.Spans[0], true)
	}
	c, sp := j.Loop, &j.Spans[0]
	units := r.parts[c.Index]
	for k := c.Calls(sp.Frames) - 1; k >= 0; k-- {
		done := k * c.Block
		for i := len(units) - 1; i >= 0; i-- {
			units[i].callBackAlong(units[i].callOf(sp, done, min(c.Block, sp.Frames-done), r.firstCall(c, sp.Block)+k))
		}
	}
}

// callBackAlong walks one call of a unit back, twice at once.
func (x *exec) callBackAlong(sp *Span) {
	x.spread.backAlong(sp)
	if x.cut() {
		for _, region := range []int{dual, twin} {
			clear(x.run.memory[region].Cells(x.states))
		}
		return
	}
	x.show(sp)
	if x.kernel != nil {
		x.kernel.backAlong(sp)
	}
	if x.modulate != nil {
		x.modulate.backAlong(sp)
	}
	if x.gather != nil {
		x.gather.backAlong(sp)
	}
}

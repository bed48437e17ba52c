package run

import (
	"math"
	"time"

	"ampfit/abi"
	"ampfit/graph"
)

func (r *Run) renderStep(jobs []Job) { r.Each(jobs, r.render) }

// renderJob renders one job, keeping the states before each block.
func (r *Run) renderJob(j *Job) {
	if r.profile {
		defer r.clock(j, time.Now(), false)
	}
	if j.Loop != nil {
		r.renderLoop(j)
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		r.keepStates(sp.Exec, sp.At, sp.Index)
		r.ready(sp.Exec, sp.S, sp.Frames, sp.At)
	}
	for rest := j.Spans; len(rest) > 0; {
		n := Together(rest)
		x := rest[0].Exec
		if x.Unit.Type.External {
			r.play(x, rest[0].At)
		} else {
			b := x.Block
			b.Bind(j.Cohort.lanes[x.first:rest[n-1].Exec.last()], rest[0].Frames*x.Unit.Mult)
			x.forward(b)
		}
		rest = rest[n:]
	}
	if r.cursors != nil {
		for i := range j.Spans {
			sp := &j.Spans[i]
			r.cursors.wrote(sp.Exec.Unit, sp.At+int64(sp.Frames))
		}
	}
	if r.heat {
		for i := range j.Spans {
			sp := &j.Spans[i]
			r.integrateHeat(sp.Exec, sp.S, sp.Frames)
		}
	}
}

// each calls do with every unit of a job and what it renders.
func (j *Job) each(r *Run, do func(x *Exec, sp Span)) {
	if j.Loop == nil {
		for _, sp := range j.Spans {
			do(sp.Exec, sp)
		}
		return
	}
	for _, u := range j.Loop.Units {
		do(r.Execs[u.Index], j.Spans[0])
	}
}

// last is the end of the unit's lanes in its cohort.
func (x *Exec) last() int { return x.first + x.Unit.Lanes }

// Together returns how many of the spans one kernel call can take: neighbours
// in the cohort with as many frames as the first.
func Together(spans []Span) int {
	n := 1
	for n < len(spans) && spans[n].Frames == spans[0].Frames && spans[n].Exec.first == spans[n-1].Exec.last() {
		n++
	}
	return n
}

// BindTogether points the blocks of the first span's unit at the lanes of all
// spans, which Together found, and returns them.
func BindTogether(spans []Span) (block, dual *abi.Block) {
	x, end := spans[0].Exec, spans[len(spans)-1].Exec.last()
	frames := spans[0].Frames * x.Unit.Mult
	x.Block.Bind(x.Cohort.lanes[x.first:end], frames)
	x.Dual.Bind(x.Cohort.duals[x.first:end], frames)
	return x.Block, x.Dual
}

func (r *Run) renderLoop(j *Job) {
	sp := j.Spans[0]
	for _, u := range j.Loop.Units {
		r.keepStates(r.Execs[u.Index], sp.At, sp.Index)
	}
	keep := r.tape && r.keepsCalls(j.Loop)
	call := sp.Index * j.Loop.Calls(r.Plan.Block)
	for done := 0; done < sp.Frames; done += j.Loop.Block {
		n := min(j.Loop.Block, sp.Frames-done)
		for _, u := range j.Loop.Units {
			x := r.Execs[u.Index]
			if keep && x.StateLen > 0 {
				copy(r.Mem.Primal[x.SubCalls+call*x.StateLen:], r.Mem.Primal[x.State:x.State+x.StateLen])
			}
			r.Call(x, sp.S+done, n, sp.At+int64(done), r.heat)
		}
		call++
	}
}

// keepStates flushes the states of a unit where it is due, and keeps a copy
// for the way back.
func (r *Run) keepStates(x *Exec, at int64, index int) {
	states := r.Mem.Primal[x.State : x.State+x.StateLen]
	if at%graph.Grid == 0 {
		flush(states)
	}
	if r.tape {
		copy(r.Mem.Primal[x.Before+index*x.StateLen:], states)
		copy(r.Mem.Primal[x.HeatBefore+index*x.Unit.Lanes:], r.Mem.Primal[x.Heat:x.Heat+x.Unit.Lanes])
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

// Call renders frames [s, s+frames) of the segment by one unit; at is the
// absolute number of the first.
func (r *Run) Call(x *Exec, s, frames int, at int64, heat bool) {
	r.ready(x, s, frames, at)
	x.Block.Bind(x.lanes, frames*x.Unit.Mult)
	if x.Unit.Type.External {
		r.play(x, at)
	} else {
		x.forward(x.Block)
	}
	if r.cursors != nil {
		r.cursors.wrote(x.Unit, at+int64(frames))
	}
	if heat {
		r.integrateHeat(x, s, frames)
	}
}

// ready fills what a unit's kernel reads: gathered inputs, modulated
// parameters, slices.
func (r *Run) ready(x *Exec, s, frames int, at int64) {
	u := x.Unit
	if r.cursors != nil {
		r.reads(u, at, frames)
	}
	r.GatherInputs(r.Mem.Primal, x, s, frames)
	for k, q := range u.Params {
		if x.Mod[k] != nil {
			r.modulate(x, k, q, s, frames, at)
		}
	}
	x.bindLanes(r.Mem.Primal, s, frames, at)
}

// play copies the dry signal into the rows of an external unit.
func (r *Run) play(x *Exec, at int64) {
	for lane := range x.lanes {
		for c, y := range x.lanes[lane].Out {
			if r.Feed != nil {
				r.Feed(x.Unit, x.lanes[lane].Batch, x.lanes[lane].Channel+c, at, y)
				continue
			}
			n := 0
			if len(r.Input) > 0 {
				in := r.Input[min(x.lanes[lane].Channel+c, len(r.Input)-1)]
				if at < int64(len(in)) {
					n = copy(y, in[at:])
				}
			}
			clear(y[n:])
		}
	}
}

// Lane returns the batch and channel of a lane of the unit.
func (r *Run) laneOf(u *graph.Unit, lane int) (batch, channel int) {
	per := u.Lanes / r.Plan.Batches
	return lane / per, lane % per
}

// modulate computes the effective values of a parameter.
func (r *Run) modulate(x *Exec, k int, q *graph.Param, s, frames int, at int64) {
	m, u := r.Mem.Primal, x.Unit
	for lane := range u.Lanes {
		batch, channel := r.laneOf(u, lane)
		row := x.Mod[k][lane]
		p := m[row.Base+s*row.Mult : row.Base+(s+frames)*row.Mult]
		base := m[x.Param[k]+lane]
		for n := range p {
			p[n] = base
		}
		for _, l := range q.Mods {
			mod := r.Source(m, l, batch, l.Pick(channel), s, frames)
			hidden := l.Hidden(at, frames, u.Mult)
			switch l.Mode {
			case graph.Multiply:
				for n := hidden; n < len(p); n++ {
					p[n] *= l.Scale * mod[n]
				}
			case graph.Replace:
				copy(p[hidden:], mod[hidden:])
			default:
				for n := hidden; n < len(p); n++ {
					p[n] += float64(l.Scale * mod[n])
				}
			}
		}
		if q.Scale == abi.Periodic {
			continue
		}
		for n, v := range p {
			if v < q.Min || v > q.Max || v != v {
				p[n] = math.Min(math.Max(v, q.Min), q.Max)
				x.clamped++
			}
		}
	}
}

package run

import (
	"math"
	"sort"

	"ampfit/graph"
)

// Span is the part of a unit's work in one job, or one call of it in a loop:
// Frames frames from frame S of the segment on, which is the absolute frame At, in
// the Block-th block of the segment.
type Span struct {
	S      int
	Frames int
	At     int64
	Block  int

	exec *exec
}

// Job is work that depends on no other job of its step: one block of a feedback
// loop, or blocks of units of one cohort.
type Job struct {
	Loop   *graph.Component // nil for a cohort
	Cohort *Cohort
	Spans  []Span
}

// Together returns how many of the spans one kernel call can take: neighbours
// in the cohort with as many frames as the first.
func Together(spans []Span) int {
	n := 1
	for n < len(spans) && spans[n].Frames == spans[0].Frames && spans[n].exec.first == spans[n-1].exec.last() {
		n++
	}
	return n
}

// last is the end of the unit's lanes in its cohort.
func (x *exec) last() int { return x.first + x.Lanes }

// each calls do with every unit of a job and what it renders.
func (j *Job) each(r *Run, do func(x *exec, sp *Span)) {
	if j.Loop == nil {
		for i := range j.Spans {
			do(j.Spans[i].exec, &j.Spans[i])
		}
		return
	}
	for _, x := range r.parts[j.Loop.Index] {
		do(x, &j.Spans[0])
	}
}

// The passes over a segment. Those with tangents go along a direction.
const (
	onward = iota
	backward
	onwardAlong
	backwardAlong
)

// visit makes a pass over the segment [start, end): the blocks of all units,
// from the first to the last or in reverse.
func (r *Run) visit(start, end int64, pass int) {
	if r.over() {
		return
	}
	if r.options.Threads > 1 {
		r.pool.start(r.options.Threads)
		defer r.pool.finish()
	}
	do := r.passes[pass]
	back := pass == backward || pass == backwardAlong
	r.Visit(start, end, back, func(jobs []Job) {
		if r.over() {
			return
		}
		if back {
			r.openBack(jobs, pass)
		}
		r.share(jobs, do)
	})
}

// openBack makes the gradients ready for the frames of jobs.
func (r *Run) openBack(jobs []Job, pass int) {
	low := math.MaxInt
	for i := range jobs {
		for k := range jobs[i].Spans {
			low = min(low, jobs[i].Spans[k].S)
		}
	}
	r.memory[dual].OpenBack(low)
	if pass == backwardAlong {
		r.memory[twin].OpenBack(low)
	}
}

// stepper makes the steps of a segment without allocating.
type stepper struct {
	jobs    []Job
	spans   []Span
	cohorts []*Cohort
	count   int // steps so far
}

// Visit calls do with the jobs of one step after the other: those that render
// the segment [start, end), or in reverse, those that walk it back.
func (r *Run) Visit(start, end int64, reverse bool, do func(jobs []Job)) {
	blocks := 0
	for at := start; at < end; at = r.nextBlock(at) {
		blocks++
	}
	stages := len(r.stages)
	n := blocks * stages
	if r.schedule == IPLS {
		n = blocks + stages - 1
	}
	for i := range n {
		k := i
		if reverse {
			k = n - 1 - i
		}
		st := &r.stepper
		st.jobs, st.spans = st.jobs[:0], st.spans[:0]
		if r.schedule == IPLS {
			r.step(st, start, end, max(k-blocks+1, 0), min(k, stages-1), func(stage int) int { return k - stage })
		} else {
			r.step(st, start, end, k%stages, k%stages, func(int) int { return k / stages })
		}
		do(st.jobs)
	}
}

// step collects the jobs of the stages from lo to hi, each of which has a block to
// do. It looks at nothing else: a graph has as many stages as it is deep.
func (r *Run) step(st *stepper, start, end int64, lo, hi int, block func(stage int) int) {
	st.count++
	st.cohorts = st.cohorts[:0]
	for _, s := range r.stages[lo : hi+1] {
		for _, c := range s.cohorts {
			if c.step != st.count {
				c.step = st.count
				st.cohorts = append(st.cohorts, c)
			}
		}
	}
	for _, c := range st.cohorts {
		begin, lanes := len(st.spans), 0
		from := sort.Search(len(c.execs), func(i int) bool { return c.execs[i].Component.Stage >= lo })
		for _, x := range c.execs[from:] {
			if x.Component.Stage > hi {
				break
			}
			if n := len(st.spans); n > begin && (r.schedule == KPN || r.options.Threads > 1 && lanes >= laneChunk) {
				st.jobs = append(st.jobs, Job{Cohort: c, Spans: st.spans[begin:n:n]})
				begin, lanes = n, 0
			}
			st.spans = append(st.spans, r.span(x, start, end, block(x.Component.Stage)))
			lanes += x.Lanes
		}
		if n := len(st.spans); n > begin {
			st.jobs = append(st.jobs, Job{Cohort: c, Spans: st.spans[begin:n:n]})
		}
	}
	for _, s := range r.stages[lo : hi+1] {
		for _, c := range s.loops {
			n := len(st.spans)
			st.spans = append(st.spans, r.span(nil, start, end, block(c.Stage)))
			st.jobs = append(st.jobs, Job{Loop: c, Spans: st.spans[n : n+1 : n+1]})
		}
	}
}

// laneChunk is how many lanes of a cohort go to one worker.
const laneChunk = 8

// span is the b-th block of a segment, as work of a unit.
func (r *Run) span(x *exec, start, end int64, b int) Span {
	at := start
	if b > 0 { // the later ones begin at boundaries; count from the grid cell of start
		perGrid := (graph.Grid + int64(r.Plan.Block) - 1) / int64(r.Plan.Block)
		n := start%graph.Grid/int64(r.Plan.Block) + int64(b)
		at = start/graph.Grid*graph.Grid + n/perGrid*graph.Grid + n%perGrid*int64(r.Plan.Block)
	}
	return Span{S: int(at - start), Frames: int(min(r.nextBlock(at), end) - at), At: at, Block: b, exec: x}
}

// blockOf returns the number of the block that holds an absolute frame. Blocks
// start afresh at multiples of graph.Grid.
func (r *Run) blockOf(frame int) int {
	perGrid := (graph.Grid + r.Plan.Block - 1) / r.Plan.Block
	return frame/graph.Grid*perGrid + frame%graph.Grid/r.Plan.Block
}

// nextBlock returns the first frame after the block that holds frame.
func (r *Run) nextBlock(frame int64) int64 {
	b := int64(r.Plan.Block)
	inGrid := frame % graph.Grid
	return frame - inGrid + min(graph.Grid, (inGrid/b+1)*b)
}

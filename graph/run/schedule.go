package run

import (
	"fmt"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"ampfit/abi"
	"ampfit/graph"
)

// Schedule says in which order components render their blocks. All schedules
// give the same bits.
type Schedule int

const (
	// AutoSchedule takes IPLS where it brings lanes of one type together.
	AutoSchedule Schedule = iota
	// KPN renders, for each block, the components in topological order.
	KPN
	// IPLS, the iterative partial-latency schedule, lets the component of
	// stage s render block k−s in iteration k. All components of an iteration
	// are then independent, and those of one type run side by side.
	//
	//	iteration   0    1    2    3    4
	//	stage 0     b0   b1   b2   b3
	//	stage 1          b0   b1   b2   b3
	//	stage 2               b0   b1   b2 …
	IPLS
)

// String returns the spelling of the command line.
func (s Schedule) String() string { return [...]string{"auto", "kpn", "ipls"}[s] }

// ParseSchedule reads the spelling of the command line.
func ParseSchedule(s string) (Schedule, error) {
	for _, k := range []Schedule{AutoSchedule, KPN, IPLS} {
		if k.String() == s {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%q is no schedule; allowed are auto, kpn and ipls", s)
}

// Cohort is a set of units that one kernel call can run side by side: equal
// type, configuration, rate and shape. Units of a feedback loop are cohorts of
// their own.
type Cohort struct {
	Execs []*Exec // by stage
	Block *abi.Block
	Dual  *abi.Block

	lanes, duals []abi.Lane
	step         int // the last that it took part in
}

// Names lists the units of the cohort.
func (c *Cohort) Names() []string {
	var names []string
	for _, x := range c.Execs {
		names = append(names, x.Unit.Name)
	}
	return names
}

// Lanes returns the number of lanes of all units.
func (c *Cohort) Lanes() int { return len(c.lanes) }

// key tells which units may share a call.
func key(u *graph.Unit) string {
	if u.Component.Loop || u.Type.External {
		return fmt.Sprint("unit ", u.Index)
	}
	mods := ""
	for _, q := range u.Params {
		mods += fmt.Sprint(q.Name, len(q.Mods) > 0, q.Len, ",")
	}
	in, out := u.PortRows()
	config := fmt.Sprint(u.Node.Config) // maps print sorted by key
	if u.Filter != nil {
		config = fmt.Sprint(u.Filter.Ratio, u.Filter.Extra)
	} else if u.UsesFile() {
		config = fmt.Sprint("node ", u.Index)
	}
	shape := fmt.Sprint(u.Rate, u.Mult, u.NoAdjoint, in, out, u.Setup.State, u.Setup.Internal, u.Setup.Record)
	if u.Type.Kernel != "" && u.Held() {
		return fmt.Sprint("kernel ", u.Type.Kernel, "|", shape)
	}
	return fmt.Sprint(u.Type.Name, "|", config, "|", shape, mods, u.Node.Library, u.Asked)
}

// cohorts groups the units of a plan, in order of their first unit.
func (r *Run) cohorts() {
	byKey := map[string]*Cohort{}
	for _, comp := range r.Plan.Components {
		for _, u := range comp.Units {
			k := key(u)
			if byKey[k] == nil {
				byKey[k] = &Cohort{}
				r.Cohorts = append(r.Cohorts, byKey[k])
			}
			byKey[k].Execs = append(byKey[k].Execs, r.Execs[u.Index])
		}
	}
	for _, c := range r.Cohorts {
		sort.SliceStable(c.Execs, func(i, j int) bool { return c.Execs[i].Unit.Component.Stage < c.Execs[j].Unit.Component.Stage })
		n := 0
		for _, x := range c.Execs {
			x.Cohort, x.first = c, n
			n += x.Unit.Lanes
		}
		c.lanes = make([]abi.Lane, n)
		if r.tape {
			c.duals = make([]abi.Lane, n)
		}
	}
	r.stages = nil
	for _, c := range r.Plan.Components {
		for len(r.stages) <= c.Stage {
			r.stages = append(r.stages, stage{})
		}
		if c.Loop {
			r.stages[c.Stage].loops = append(r.stages[c.Stage].loops, c)
		}
	}
	for _, c := range r.Cohorts {
		for i, x := range c.Execs {
			s := x.Unit.Component.Stage
			if !x.Unit.Component.Loop && (i == 0 || c.Execs[i-1].Unit.Component.Stage != s) {
				r.stages[s].cohorts = append(r.stages[s].cohorts, c)
			}
		}
	}
}

// stage is what has a block to do when a stage has one.
type stage struct {
	cohorts []*Cohort
	loops   []*graph.Component
}

// Span is the part of a unit's work in one job: frames [S, S+Frames) of the
// segment, beginning at the absolute frame At, the Index-th block of it.
type Span struct {
	Exec   *Exec
	S      int
	Frames int
	At     int64
	Index  int
}

// Job is work that depends on no other job of its step: one block of a feedback
// loop, or blocks of units of one cohort.
type Job struct {
	Loop   *graph.Component // nil for a cohort
	Cohort *Cohort
	Spans  []Span
}

// stepper makes the steps of a segment without allocating.
type stepper struct {
	jobs    []Job
	spans   []Span
	cohorts []*Cohort
	count   int // steps so far
}

// Steps calls do with the jobs of one step after the other: those that render
// the segment [start, end), or in reverse, those that walk it back.
func (r *Run) Steps(start, end int64, reverse bool, do func(jobs []Job)) {
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
		from := sort.Search(len(c.Execs), func(i int) bool { return c.Execs[i].Unit.Component.Stage >= lo })
		for _, x := range c.Execs[from:] {
			if x.Unit.Component.Stage > hi {
				break
			}
			b := block(x.Unit.Component.Stage)
			if n := len(st.spans); n > begin && (r.schedule == KPN || r.threads > 1 && lanes >= laneChunk) {
				st.jobs = append(st.jobs, Job{Cohort: c, Spans: st.spans[begin:n:n]})
				begin, lanes = n, 0
			}
			at, frames := r.blockSpan(start, end, b)
			st.spans = append(st.spans, Span{x, int(at - start), frames, at, b})
			lanes += x.Unit.Lanes
		}
		if n := len(st.spans); n > begin {
			st.jobs = append(st.jobs, Job{Cohort: c, Spans: st.spans[begin:n:n]})
		}
	}
	for _, s := range r.stages[lo : hi+1] {
		for _, c := range s.loops {
			at, frames := r.blockSpan(start, end, block(c.Stage))
			n := len(st.spans)
			st.spans = append(st.spans, Span{nil, int(at - start), frames, at, block(c.Stage)})
			st.jobs = append(st.jobs, Job{Loop: c, Spans: st.spans[n : n+1 : n+1]})
		}
	}
}

// laneChunk is how many lanes of a cohort go to one worker.
const laneChunk = 8

// blockSpan returns the frames of the b-th block from start on.
func (r *Run) blockSpan(start, end int64, b int) (at int64, frames int) {
	if b == 0 {
		return start, int(min(r.nextBlock(start), end) - start)
	}
	perGrid := (graph.Grid + int64(r.Plan.Block) - 1) / int64(r.Plan.Block)
	// The later ones begin at boundaries; count from the grid cell of start.
	inGrid := start % graph.Grid / int64(r.Plan.Block)
	n := inGrid + int64(b)
	at = start/graph.Grid*graph.Grid + n/perGrid*graph.Grid + n%perGrid*int64(r.Plan.Block)
	return at, int(min(r.nextBlock(at), end) - at)
}

// Each runs do for every job, on the workers of the run when there are several.
func (r *Run) Each(jobs []Job, do func(job *Job)) {
	if r.threads <= 1 || len(jobs) == 1 {
		for i := range jobs {
			do(&jobs[i])
		}
		return
	}
	r.pool.run(jobs, do)
}

// pool runs the jobs of a step on several goroutines. The caller works along;
// the others live for one segment, and all of them take part in every step.
type pool struct {
	workers int
	next    atomic.Int64
	arrived atomic.Int64 // helpers that are through with the step
	step    atomic.Int64 // incremented when jobs are ready
	stop    atomic.Bool
	jobs    []Job
	do      func(*Job)
	done    sync.WaitGroup
}

// start launches the helpers; they spin briefly between steps, so that a step
// of some microseconds does not pay for waking a thread.
func (p *pool) start(workers int) {
	p.workers = workers
	p.stop.Store(false)
	p.done.Add(workers - 1)
	seen := p.step.Load()
	for range workers - 1 {
		go func() {
			defer p.done.Done()
			seen := seen
			for {
				for spin := 0; p.step.Load() == seen; spin++ {
					if p.stop.Load() {
						return
					}
					pause(spin)
				}
				seen++
				p.work()
				p.arrived.Add(1)
			}
		}()
	}
}

// pause waits a moment, the longer the more often it was called: on busy cores
// the one that is waited for needs the time.
func pause(spin int) {
	switch {
	case spin < 100:
	case spin < 1000:
		runtime.Gosched()
	default:
		time.Sleep(20 * time.Microsecond)
	}
}

func (p *pool) finish() {
	p.stop.Store(true)
	p.done.Wait()
}

func (p *pool) run(jobs []Job, do func(*Job)) {
	p.jobs, p.do = jobs, do
	p.next.Store(0)
	p.arrived.Store(0)
	p.step.Add(1)
	p.work()
	for spin := 0; p.arrived.Load() < int64(p.workers-1); spin++ {
		pause(spin)
	}
}

func (p *pool) work() {
	for {
		i := p.next.Add(1) - 1
		if i >= int64(len(p.jobs)) {
			return
		}
		p.do(&p.jobs[i])
	}
}

// choose fixes the schedule of a run. Side by side, lanes of one type hide the
// latency of each other's recursions, so IPLS pays where a type with a cohort
// kernel stands in series; with several workers it is what gives them work.
func (r *Run) choose(s Schedule) {
	r.schedule = s
	if s != AutoSchedule {
		return
	}
	r.schedule = KPN
	if r.Plan.Graph.IPLS != nil || r.threads > 1 && len(r.Plan.Components) > 1 {
		r.schedule = IPLS
	}
	for _, c := range r.Cohorts {
		if len(c.Execs) > 1 && c.Execs[0].Unit.Type.CohortForward != nil {
			r.schedule = IPLS
		}
	}
}

// Schedule returns the schedule that the run chose.
func (r *Run) Schedule() Schedule { return r.schedule }

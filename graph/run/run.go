// Package run binds a plan to memory and runs it, forward and back.
//
//	graph.Plan ──New──► Run ──Advance──► rows ──Output
//	                     ▲                │
//	                     └────── Back ◄───┘ gradients
//
// What a unit does in a call is a row of operators, each in a file of its own with
// its forward run, its adjoint, its tangent and the derivative of its adjoint:
//
//	gather ──► modulate ──► kernel, or feed ──► heat ──► spread
//
// Units of one type and configuration form cohorts, whose lanes one kernel call
// runs side by side. [Run.Visit] goes over the blocks of a segment, in either
// direction, by one of two schedules, on one or several workers; the bits do not
// depend on which.
package run

import (
	"fmt"
	"slices"

	"ampfit/arena"
	"ampfit/graph"
	"ampfit/tape"
)

// Options says how a graph runs: all that changes how long it takes and what is
// measured on the way. It is embedded by the options of what runs graphs. The zero
// value works.
type Options struct {
	graph.Settings
	tape.Limits
	// Schedule and Threads change how long a run takes, never its bits.
	Schedule Schedule
	Threads  int // 0 means 1
	// KeepLatency leaves the graph's own latency in the output. Without it the
	// output is aligned: the first Plan.Latency frames are cut off.
	KeepLatency bool
	Heat        bool // integrate the heat of every node
	// Profile measures the time of every node, and keeps heat and adjoint
	// energy by the second.
	Profile bool
	// CheckReads keeps a write cursor for every channel and a read cursor for
	// every reader, and panics when a kernel would read a frame before it is
	// written or after it is gone. Tests set it.
	CheckReads bool
}

// Run renders a plan. It owns all memory of the rendering, so a run of the same
// plan can be repeated without allocating. One goroutine uses a Run at a time.
type Run struct {
	Plan    *graph.Plan
	Segment int // graph frames that the rows hold
	Cohorts []*Cohort

	// Input is the dry signal, one slice per channel; frames past their end
	// are zero.
	Input [][]float64
	// Feed, when not nil, takes the place of Input: it fills the frames of an
	// external unit from the absolute frame at on.
	Feed func(u *graph.Unit, batch, channel int, at int64, dst []float64)
	// Ended, when not nil, is asked before every step of blocks: once it says so,
	// the rest of the run is left out, forward and back, and Cut reports that.
	Ended func() bool

	options  Options
	layout   *arena.Layout
	memory   [regions]*arena.Region
	execs    []*exec         // by Unit.Index
	parts    [][]*exec       // by Component.Index
	mirrors  [][]arena.Row   // by Link.Index; nil without a tape
	taped    bool            // has gradients
	every    float64         // seconds between the entries of a profile
	prepared bool            // coefficients are of the present parameters
	cursors  *cursors        // nil unless reads are checked
	seeds    []seed          // of the walk at hand
	walked   bool            // a segment of it was walked
	cut      bool            // Ended ended the run at hand
	along    *along          // direction of the tangents at hand
	passes   [4]func(j *Job) // by pass

	start, end int64 // absolute frames of the current segment

	stages   []stage
	schedule Schedule
	pool     pool
	stepper  stepper
}

// New reserves the memory of a run without a way back, and sets the parameters to
// the plan's. Options.Segment is how many frames rows hold; 0 is the whole run.
func New(p *graph.Plan, o Options) *Run { return newRun(p, o, false, nil) }

// NewTaped is New with gradients and what they need.
func NewTaped(p *graph.Plan, o Options) *Run { return newRun(p, o, true, nil) }

// newRun makes a run; it may take over the memory of one that is no longer used.
func newRun(p *graph.Plan, o Options, taped bool, of *Run) *Run {
	r := &Run{Plan: p, options: o, Segment: o.Segment, taped: taped, every: 1}
	r.options.Threads = max(o.Threads, 1)
	r.passes = [4]func(*Job){r.forward, r.back, r.forwardAlong, r.backAlong}
	if r.Segment <= 0 {
		r.Segment = p.Frames + p.Latency
	}
	r.Segment = max(r.Segment, p.Block)
	r.layOut()
	r.cohorts()
	r.choose(o.Schedule)
	if o.CheckReads {
		r.cursors = newCursors(p)
	}
	r.memory[primal], r.memory[dual] = &arena.Region{}, &arena.Region{}
	if of != nil {
		r.memory[primal], r.memory[dual] = of.memory[primal], of.memory[dual]
	}
	r.memory[primal].Lay(r.layout, false)
	if taped {
		r.memory[dual].Lay(r.layout, true)
	}
	for _, x := range r.execs {
		x.wire(primal, x.cohort.lanesOf(x, primal))
		if taped {
			x.wire(dual, x.cohort.lanesOf(x, dual))
		}
		x.operate()
		if s := x.Node.Setting(graph.HeatParam); s != nil {
			x.heatStart = append(x.heatStart, s.Value...)
		}
		for _, q := range x.Params {
			r.fill(r.memory[primal], q, q.Value)
		}
	}
	r.Reset()
	return r
}

// Longer returns a run of the same plan for segments of so many frames, at the
// same point with the same parameters; r must not be used any more, as its memory
// changes hands. Gradients are lost.
func (r *Run) Longer(frames int) *Run {
	var s arena.Snapshot
	r.Save(&s)
	head := slices.Clone(r.Head())
	o := r.options
	o.Segment = frames
	n := newRun(r.Plan, o, r.taped, r)
	copy(n.Head(), head)
	n.Load(&s)
	return n
}

// Bytes returns the memory that the run holds.
func (r *Run) Bytes() int { return 8 * (r.memory[primal].Len() + r.memory[dual].Len()) }

// Cost returns what a run with a tape takes whose segments have so many frames.
func (c costs) Cost(segment int) tape.Cost {
	r := &Run{Plan: c.plan, Segment: max(segment, c.plan.Block), taped: true}
	r.layOut()
	return tape.Cost{
		Run: 8 * int64(r.layout.Values()+r.layout.Duals()), Snapshot: 8 * int64(r.layout.SnapshotLen()), History: r.layout.LongestPast(),
	}
}

// Count returns how many segments of at most so many frames a run of total frames
// has; they end at block boundaries.
func (c costs) Count(segment, total int) int {
	r := &Run{Plan: c.plan, Segment: max(segment, c.plan.Block)}
	n := 0
	for at := int64(0); at < int64(total); at = r.SegmentEnd(at, int64(total)) {
		n++
	}
	return n
}

// Least is the distance of frames that every block partition has in common.
func (c costs) Least() int { return graph.Grid }

// fill writes the values of a parameter into every lane of its unit.
func (r *Run) fill(m *arena.Region, q *graph.Param, v []float64) {
	x := r.execs[q.Of.Index]
	for lane := range x.Lanes {
		at := 0
		if len(v) > q.Len {
			at = lane / x.perBatch() * q.Len
		}
		copy(m.Cells(x.params[q.Index].Part(lane, q.Len)), v[at:at+q.Len])
	}
}

// Set sets a parameter for the next run: its Len values, or batches times as
// many. The values must lie in its range.
func (r *Run) Set(q *graph.Param, v []float64) error {
	if len(v) != q.Len && len(v) != q.Len*r.Plan.Batches {
		return fmt.Errorf("run: %s.%s takes %d values, not %d", q.Of.Name, q.Name, q.Len, len(v))
	}
	r.fill(r.memory[primal], q, v)
	r.prepared = false
	return nil
}

// SetParam is Set for the parameter of that name, thermo.heat among them.
func (r *Run) SetParam(node, param string, v []float64) error {
	if u := r.Plan.Unit(node); u != nil && param == graph.HeatParam {
		return r.SetHeatStart(u, v)
	}
	q := r.Plan.Param(node, param)
	if q == nil {
		return fmt.Errorf("run: there is no parameter %s.%s", node, param)
	}
	return r.Set(q, v)
}

// SetHeatStart sets the joules that a unit has at the first frame: one value, or
// one for each batch.
func (r *Run) SetHeatStart(u *graph.Unit, v []float64) error {
	if len(v) != 1 && len(v) != r.Plan.Batches {
		return fmt.Errorf("run: %s.%s takes 1 value or %d, not %d", u.Name, graph.HeatParam, r.Plan.Batches, len(v))
	}
	x := r.execs[u.Index]
	x.heatStart = append(x.heatStart[:0], v...)
	return nil
}

// Reset goes back to the first frame: states and histories zero, heat at its
// start value.
func (r *Run) Reset() {
	r.cut = false
	r.memory[primal].Restart()
	for _, x := range r.execs {
		clear(x.residuals)
		if n := len(x.heatStart); n > 0 && x.Filter == nil {
			heat := r.memory[primal].Cells(x.heat)
			for b := range r.Plan.Batches {
				heat[b*x.perBatch()] = x.heatStart[min(b, n-1)]
			}
		}
	}
	r.stand(0)
	for _, x := range r.execs {
		x.clamped = 0
		x.heatAt = x.heatAt[:0]
		clear(x.adjointEnergy)
	}
}

// Cut reports whether the run since Reset was left before its end because Ended
// said so: neither its rows nor its gradients mean anything then.
func (r *Run) Cut() bool { return r.cut }

// over asks Ended.
func (r *Run) over() bool {
	if !r.cut && r.Ended != nil {
		r.cut = r.Ended()
	}
	return r.cut
}

// stand notes that the run goes on at a frame.
func (r *Run) stand(at int64) {
	r.start, r.end = at, at
	if r.cursors != nil {
		r.cursors.stand(at)
	}
}

// Prepare brings the coefficients of held parameters up to date.
func (r *Run) Prepare() {
	if r.prepared {
		return
	}
	for _, x := range r.execs {
		f := x.faces[primal]
		if x.kind.Prepare != nil && f.block.Held() {
			f.block.Bind(f.lanes, 0)
			x.kind.Prepare(f.block)
		}
	}
	r.prepared = true
}

// Head returns the values of parameters and of what follows from them.
func (r *Run) Head() []float64 { return r.memory[primal].Head() }

// States returns the states that a unit is in, lanes × states; what is written
// there counts from End on.
func (r *Run) States(u *graph.Unit) []float64 {
	return r.memory[primal].Cells(r.execs[u.Index].states)
}

// Start and End return the absolute frames of the current segment.
func (r *Run) Start() int64 { return r.start }

// End returns the frame at which the next segment begins.
func (r *Run) End() int64 { return r.end }

// SegmentEnd returns where a segment that starts at frame ends: the last block
// boundary that the rows reach, or the end of the run.
func (r *Run) SegmentEnd(start, total int64) int64 {
	end := start + int64(r.Segment)
	if end >= total {
		return total
	}
	inGrid := end % graph.Grid
	return end - inGrid + inGrid/int64(r.Plan.Block)*int64(r.Plan.Block)
}

// Advance renders the next segment: frames graph frames, at most Segment.
// Every segment but the last of a run is whole blocks.
func (r *Run) Advance(frames int) {
	r.Prepare()
	r.memory[primal].Shift(int(r.end - r.start))
	r.start = r.end
	r.end = r.start + int64(frames)
	r.visit(r.start, r.end, onward)
}

// Output returns the rows of an output port, batch by batch, over the segment
// that was rendered last; they are valid until the next one.
func (r *Run) Output(out *graph.OutPort) [][]float64 {
	return r.outputFrom(nil, out, r.start)
}

// outputFrom appends the rows of an output port from an absolute frame of the
// segment on.
func (r *Run) outputFrom(rows [][]float64, out *graph.OutPort, from int64) [][]float64 {
	for _, row := range r.execs[out.Unit.Index].out[out.Index] {
		rows = append(rows, r.memory[primal].Frames(row, int(from-r.start), int(r.end-from)))
	}
	return rows
}

// CopyOut copies the output frames of the current segment to their place in
// rows that begin at the absolute frame skip.
func (r *Run) CopyOut(out [][]float64, skip int64) { r.copyOut(out, skip, primal) }

func (r *Run) copyOut(out [][]float64, skip int64, region int) {
	from := max(r.start, skip)
	if from >= r.end {
		return
	}
	port := r.Plan.Output
	for i, row := range r.execs[port.Unit.Index].out[port.Index] {
		copy(out[i][from-skip:], r.memory[region].Frames(row, int(from-r.start), int(r.end-from)))
	}
}

// Render runs the plan from its first frame to the end and returns the output,
// one slice for each batch and channel. The plan's own latency is cut off
// unless keepLatency is set; then the output is late by Plan.Latency frames.
func (r *Run) Render(keepLatency bool) [][]float64 {
	out := make([][]float64, r.Plan.Batches*r.Plan.Output.Channels)
	for i := range out {
		out[i] = make([]float64, r.Plan.Frames)
	}
	r.RenderTo(out, keepLatency)
	return out
}

// RenderTo is Render into rows of Plan.Frames frames that the caller owns.
func (r *Run) RenderTo(out [][]float64, keepLatency bool) {
	r.segments(keepLatency, func(skip int64) error {
		r.CopyOut(out, skip)
		return nil
	})
}

// Stream is Render for runs of any length: it calls sink with one segment of
// output after the other, a slice for each batch and channel, valid during the
// call. An error of sink ends it, and comes back.
func (r *Run) Stream(keepLatency bool, sink func(rows [][]float64) error) error {
	var rows [][]float64
	return r.segments(keepLatency, func(skip int64) error {
		from := max(r.start, skip)
		if from >= r.end {
			return nil
		}
		rows = r.outputFrom(rows[:0], r.Plan.Output, from)
		return sink(rows)
	})
}

// segments renders the plan and calls do after each segment, with the frames that are
// cut off in front.
func (r *Run) segments(keepLatency bool, do func(skip int64) error) error {
	skip := int64(r.Plan.Latency)
	if keepLatency {
		skip = 0
	}
	r.Reset()
	for total := int64(r.Plan.Frames) + skip; r.end < total; {
		r.Advance(int(r.SegmentEnd(r.end, total) - r.end))
		if err := do(skip); err != nil {
			return err
		}
	}
	return nil
}

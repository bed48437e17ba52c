package run

import (
	"fmt"

	"ampfit/arena"
	"ampfit/graph"
)

// Run renders a plan. It owns all memory of the rendering, so a run of the same
// plan can be repeated without allocating. One goroutine uses a Run at a time.
type Run struct {
	Plan    *graph.Plan
	Execs   []*Exec // by Unit.Index
	Mem     arena.Pair
	Segment int // graph frames that the rows hold

	// Input is the dry signal, one slice per channel; frames past their end
	// are zero.
	Input [][]float64
	// Feed, when not nil, takes the place of Input: it fills the frames of an
	// external unit from the absolute frame at on.
	Feed func(u *graph.Unit, batch, channel int, at int64, dst []float64)

	start, end       int64 // absolute frames of the current segment
	stateLo, stateHi int
	primal, dual     int
	allRows          []Row
	linkRows         []Row
	linkDual         [][]Row // by Link.index
	open             int     // frame of the segment down to which duals are open
	tape             bool
	heat             bool
	profile          bool
	every            float64 // seconds between the entries of a profile
	prepared         bool
	cursors          *cursors // nil unless reads are checked

	Cohorts  []*Cohort
	stages   []stage
	schedule Schedule
	threads  int
	pool     pool
	stepper  stepper
	render   func(*Job)
}

// RunOptions says what a run is for.
type Options struct {
	Segment int  // frames that rows hold; 0 means the whole plan
	Tape    bool // reserve dual memory, to walk backward
	Heat    bool // integrate the heat of every node
	// Schedule and Threads change how long a run takes, never its bits.
	Schedule Schedule
	Threads  int // 0 means 1
	// CheckReads keeps a write cursor for every channel and a read cursor for
	// every reader, and panics when a kernel would read a frame before it is
	// written or after it is gone. Tests set it.
	CheckReads bool
	// Memory is that of a run that is no longer used; it is taken over, and
	// grows by doubling when it does not suffice.
	Memory arena.Pair
	// Profile measures the time of every node, and keeps heat and adjoint
	// energy by the second.
	Profile bool
}

// Size is what a run takes, in bytes.
type Size struct {
	Run      int64 // both arenas
	Snapshot int64
	History  int // the longest of a row, in graph frames
}

// Measure returns the memory of a run with a tape and segments of so many
// frames, without reserving it.
func Measure(p *graph.Plan, segment int) Size {
	r := &Run{Plan: p, Segment: max(segment, p.Block), tape: true}
	r.layout()
	size := Size{Run: 8 * int64(r.primal+r.dual), Snapshot: 8 * int64(r.SnapshotLen())}
	for _, row := range r.allRows {
		size.History = max(size.History, row.Hist/row.Mult)
	}
	return size
}

// SegmentCount returns how many segments of at most so many frames a run of
// total frames has; they end at block boundaries.
func SegmentCount(p *graph.Plan, segment, total int) int {
	r := &Run{Plan: p, Segment: max(segment, p.Block)}
	n := 0
	for at := int64(0); at < int64(total); at = r.SegmentEnd(at, int64(total)) {
		n++
	}
	return n
}

// NewRun reserves the memory of a run and sets the parameters to the plan's.
func New(p *graph.Plan, o Options) *Run {
	r := &Run{Plan: p, Segment: o.Segment, tape: o.Tape, heat: o.Heat, threads: max(o.Threads, 1), profile: o.Profile, every: 1}
	r.render = r.renderJob
	if r.Segment <= 0 {
		r.Segment = p.Frames + p.Latency
	}
	r.Segment = max(r.Segment, p.Block)
	r.layout()
	r.cohorts()
	r.choose(o.Schedule)
	if o.CheckReads {
		r.cursors = newCursors(p)
	}
	r.Mem = o.Memory
	clear(r.Mem.Primal)
	r.Mem.Reserve(r.primal, r.dual)
	for _, x := range r.Execs {
		r.wire(x)
		x.pull = r.inputRoutes(x)
		if s := x.Unit.Node.Setting(graph.HeatParam); s != nil {
			x.heatStart = append(x.heatStart, s.Value...)
		}
		for k, q := range x.Unit.Params {
			r.store(x, k, q.Value)
		}
	}
	r.Reset()
	return r
}

// Bytes returns the memory that the run holds.
func (r *Run) Bytes() int { return 8 * (len(r.Mem.Primal) + len(r.Mem.Dual)) }

// store writes the values of parameter k into every lane of a unit.
func (r *Run) store(x *Exec, k int, v []float64) {
	q := x.Unit.Params[k]
	perBatch := x.Unit.Lanes / r.Plan.Batches
	for lane := range x.Unit.Lanes {
		at := 0
		if len(v) > q.Len {
			at = lane / perBatch * q.Len
		}
		copy(r.Mem.Primal[x.Param[k]+lane*q.Len:], v[at:at+q.Len])
	}
	r.prepared = false
}

// SetParam sets a parameter for the next run: its Len values, or batches times
// as many. The values must lie in its range.
func (r *Run) SetParam(node, param string, v []float64) error {
	for _, x := range r.Execs {
		if x.Unit.Name != node {
			continue
		}
		if param == graph.HeatParam && (len(v) == 1 || len(v) == r.Plan.Batches) {
			x.heatStart = append(x.heatStart[:0], v...)
			return nil
		}
		for k, q := range x.Unit.Params {
			if q.Name != param {
				continue
			}
			if len(v) != q.Len && len(v) != q.Len*r.Plan.Batches {
				return fmt.Errorf("graph: %s.%s takes %d values, not %d", node, param, q.Len, len(v))
			}
			r.store(x, k, v)
			return nil
		}
	}
	return fmt.Errorf("graph: there is no parameter %s.%s", node, param)
}

// Reset goes back to the first frame: states and histories zero, heat at its
// start value.
func (r *Run) Reset() {
	clear(r.Mem.Primal[r.stateLo:r.stateHi])
	for _, row := range r.allRows {
		clear(r.Mem.Primal[row.Base-row.Hist : row.Base])
	}
	for _, x := range r.Execs {
		clear(x.residuals)
		if n := len(x.heatStart); n > 0 && x.Unit.Filter == nil {
			perBatch := x.Unit.Lanes / r.Plan.Batches
			for b := range r.Plan.Batches {
				r.Mem.Primal[x.Heat+b*perBatch] = x.heatStart[min(b, n-1)]
			}
		}
	}
	r.start, r.end = 0, 0
	if r.cursors != nil {
		r.cursors.stand(0)
	}
	for _, x := range r.Execs {
		x.clamped = 0
		x.HeatAt = x.HeatAt[:0]
		clear(x.AdjointEnergy)
	}
}

// prepare computes the coefficients of held parameters.
func (r *Run) prepare() {
	if r.prepared {
		return
	}
	for _, x := range r.Execs {
		if x.Unit.Type.Prepare != nil && x.Block.Held() {
			x.Block.Bind(x.lanes, 0)
			x.Unit.Type.Prepare(x.Block)
		}
	}
	r.prepared = true
}

// blockOf returns the number of the block that holds an absolute frame, and
// blockSpan its frames. Blocks start afresh at multiples of Grid.
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

// prevBlock returns the first frame of the block that ends at frame.
func (r *Run) prevBlock(frame int64) int64 {
	b := int64(r.Plan.Block)
	inGrid := (frame - 1) % graph.Grid
	return frame - 1 - inGrid + inGrid/b*b
}

// Clamped counts the frames at which a modulated parameter left its range.
func (r *Run) Clamped() int64 {
	n := int64(0)
	for _, x := range r.Execs {
		n += x.clamped
	}
	return n
}

// ForgetClamps takes back the counts of a replay.
func (x *Exec) ForgetClamps(since int64) { x.clamped = since }

// Clamps returns the count of a unit.
func (x *Exec) Clamps() int64 { return x.clamped }

// Start and End return the absolute frames of the current segment.
func (r *Run) Start() int64 { return r.start }

// End returns the frame at which the next segment begins.
func (r *Run) End() int64 { return r.end }

// Advance renders the next segment: frames graph frames, at most Segment.
// Every segment but the last of a run is whole blocks.
func (r *Run) Advance(frames int) {
	r.BeginSegment(nil)
	stop := r.start + int64(frames)
	r.Work(func() {
		r.Steps(r.start, stop, false, r.renderStep)
	})
	r.end = stop
}

// Work calls do with the workers of the run at hand.
func (r *Run) Work(do func()) {
	if r.threads > 1 {
		r.pool.start(r.threads)
		defer r.pool.finish()
	}
	do()
}

// BeginSegment makes the rows ready for the frames from End on. It is part of
// Advance, for those who render block by block themselves; a tangent memory
// is shifted along.
func (r *Run) BeginSegment(tangent []float64) {
	r.prepare()
	r.shift(r.Mem.Primal)
	if tangent != nil {
		r.shift(tangent)
	}
	r.start = r.end
}

// EndSegment notes that the current segment was rendered up to frame.
func (r *Run) EndSegment(frame int64) { r.end = frame }

// BeginBlock is called before a block is rendered unit by unit.
func (r *Run) BeginBlock(at int64) {
	if at%graph.Grid == 0 {
		for _, x := range r.Execs {
			flush(r.Mem.Primal[x.State : x.State+x.StateLen])
		}
	}
}

// shift moves the last frames of the segment in front of the rows.
func (r *Run) shift(m []float64) {
	n := int(r.end - r.start)
	if n == 0 {
		return
	}
	for i := range r.allRows {
		row := &r.allRows[i]
		if row.Hist > 0 {
			from := row.Base - row.Hist + n*row.Mult
			copy(m[row.Base-row.Hist:row.Base], m[from:from+row.Hist])
		}
	}
}

// GatherInputs fills the rows of gathered ports from their links, in memory
// of the primal layout: values, or tangents.
func (r *Run) GatherInputs(m []float64, x *Exec, s, frames int) { Move(m, x.pull, s, frames) }

// Source returns the producer's frames that a link shows at [s, s+frames), in
// memory of the primal layout.
func (r *Run) Source(m []float64, l *graph.Link, batch, channel, s, frames int) []float64 {
	row := r.Execs[l.From.Unit.Index].Out[l.From.Index][batch*l.From.Channels+channel]
	lo := row.Base + (s-l.Back)*row.Mult
	return m[lo : lo+frames*row.Mult]
}

// HeatTo is Heat into a map that is used again: it allocates when it is empty.
func (r *Run) HeatTo(heat map[string][]float64) {
	for _, x := range r.Execs {
		if x.Unit.Filter != nil {
			continue
		}
		if heat[x.Unit.Name] == nil {
			heat[x.Unit.Name] = make([]float64, r.Plan.Batches)
		}
		r.unitHeat(heat[x.Unit.Name], x)
	}
}

func (r *Run) unitHeat(sum []float64, x *Exec) {
	perBatch := x.Unit.Lanes / r.Plan.Batches
	clear(sum)
	for lane := range x.Unit.Lanes {
		sum[lane/perBatch] += r.Mem.Primal[x.Heat+lane]
	}
}

// OutputRows returns the rows of the graph's output.
func (r *Run) OutputRows() []Row {
	out := r.Plan.Output
	return r.Execs[out.Unit.Index].Out[out.Index]
}

// Render runs the plan from its first frame to the end and returns the output,
// one slice for each batch and channel. The plan's own latency is cut off
// unless keepLatency is set; then the output is late by Plan.Latency frames.
func (r *Run) Render(keepLatency bool) [][]float64 {
	rows := r.OutputRows()
	out := make([][]float64, len(rows))
	for i := range out {
		out[i] = make([]float64, r.Plan.Frames)
	}
	r.RenderTo(out, keepLatency)
	return out
}

// RenderTo is Render into rows of Plan.Frames frames that the caller owns.
func (r *Run) RenderTo(out [][]float64, keepLatency bool) {
	skip := r.Plan.Latency
	if keepLatency {
		skip = 0
	}
	r.Reset()
	total := int64(r.Plan.Frames + skip)
	for r.end < total {
		r.Advance(int(r.SegmentEnd(r.end, total) - r.end))
		r.CopyOut(out, int64(skip))
	}
}

// Stream is Render for runs of any length: it calls sink with one segment of
// output after the other, a slice for each batch and channel, valid during the
// call.
func (r *Run) Stream(keepLatency bool, sink func(rows [][]float64) error) error {
	skip := int64(r.Plan.Latency)
	if keepLatency {
		skip = 0
	}
	r.Reset()
	total := int64(r.Plan.Frames) + skip
	out := r.OutputRows()
	rows := make([][]float64, len(out))
	for r.end < total {
		r.Advance(int(r.SegmentEnd(r.end, total) - r.end))
		from := max(r.start, skip)
		if from >= r.end {
			continue
		}
		for i, row := range out {
			rows[i] = r.Mem.Primal[row.Base+int(from-r.start) : row.Base+int(r.end-r.start)]
		}
		if err := sink(rows); err != nil {
			return err
		}
	}
	return nil
}

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

// CopyOut copies the output frames of the current segment to their place in
// rows that begin at the absolute frame skip.
func (r *Run) CopyOut(out [][]float64, skip int64) {
	for i, row := range r.OutputRows() {
		from := max(r.start, skip)
		if from < r.end {
			lo := row.Base + int(from-r.start)
			copy(out[i][from-skip:], r.Mem.Primal[lo:row.Base+int(r.end-r.start)])
		}
	}
}

// Head returns the part of the primal arena that holds parameters and their
// coefficients, and the same part of the dual.
func (r *Run) Head() (primal, dual []float64) {
	primal = r.Mem.Primal[:r.stateLo]
	if r.tape {
		dual = r.Mem.Dual[:r.stateLo]
	}
	return primal, dual
}

// Prepare brings the coefficients of held parameters up to date.
func (r *Run) Prepare() { r.prepare() }

package run

import (
	"math"
	"time"

	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
)

// exec is a unit with its memory: what one call of its kernel needs.
type exec struct {
	*graph.Unit
	run  *Run
	kind *abi.NodeType // whose kernels run: the unit's type, or a resampling filter's
	data any           // of the kernels

	out      [][]arena.Row // of each port: batch × channels + channel
	in       [][]arena.Row // of gathered ports; nil for the others
	mod      [][]arena.Row // effective values of each modulated parameter, by lane; nil when held
	internal []arena.Row   // lane × internal rows
	record   []arena.Row   // lane × record rows

	params                []arena.Cells // Len values for each lane
	states, heat          arena.Cells   // of all lanes
	coefs, scratch        arena.Cells
	frameScratch, silence arena.Cells
	before, heatBefore    arena.Cells // states and heat before each block of a segment
	callBefore            arena.Cells // states before each call within the blocks of a loop
	stood                 arena.Cells // states before the call at hand, of these

	faces  [regions]*face
	values *face // that of the primal region
	grads  *face // that of the dual region
	cohort *Cohort
	first  int // of its lanes in the cohort

	// The operators, in the order of a forward run; nil where there is nothing to do.
	gather   *gather
	modulate *modulate
	feed     *feed   // of an external unit
	kernel   *kernel // of the others
	heating  *heat
	spread   *spread
	one      [1]Span // of a call by itself

	heatStart []float64 // one value, or one per batch
	heated    bool      // the loss contains its heat, by the runtime's rule
	seeded    bool      // the loss looks at its outputs
	weight    float64   // of its heat in the loss
	clamped   int64     // frames clamped by modulation
	residuals []float64 // worst of each lane, of types that report one

	// Metrics of a profiled run.
	forwardTime, backwardTime time.Duration // spent in kernels and what feeds them
	heatAt                    []float64     // joules at the end of each interval
	adjointEnergy             []float64     // of the gradient by the outputs, per second
}

// perBatch is how many lanes a batch has.
func (x *exec) perBatch() int { return x.Lanes / x.run.Plan.Batches }

// stateCells are the states of all lanes before the i-th of something.
func (x *exec) stateCells(copies arena.Cells, i int) arena.Cells {
	return copies.Part(i, x.states.Len())
}

// layOut reserves all memory of a run.
func (r *Run) layOut() {
	p, l := r.Plan, arena.NewLayout(r.Segment)
	r.layout, r.execs = l, make([]*exec, len(p.Units))
	for i, u := range p.Units {
		x := &exec{Unit: u, run: r, kind: u.Type, data: u.Setup.Data}
		for _, q := range u.Params {
			x.params = append(x.params, l.Take(q.Len*u.Lanes))
		}
		coefs := u.Type.Coefs
		if u.Setup.Coefs > 0 {
			coefs = u.Setup.Coefs
		}
		x.coefs = l.Take(coefs * u.Lanes)
		if u.Type.Residual != "" {
			x.residuals = make([]float64, u.Lanes)
		}
		r.execs[i] = x
	}
	l.EndHead()
	for _, x := range r.execs {
		x.states = l.Take(x.Lanes * x.Setup.State)
		x.heat = l.Take(x.Lanes)
	}
	l.EndStates()
	for _, x := range r.execs {
		x.layRows(l)
	}
	for _, x := range r.execs {
		scratch := x.Setup.Scratch
		if x.Filter != nil {
			x.kind, x.data, scratch = filterKernels(x.Filter)
		}
		x.scratch = l.Take(scratch * x.Lanes)
		x.silence = x.laySilence(l)
		x.frameScratch = l.Take(x.Setup.FrameScratch * x.Mult * p.Block * x.Lanes)
		if r.taped {
			x.layCopies(l)
		}
	}
	l.EndValues()
	if r.taped {
		r.layMirrors()
	}
}

// layCopies reserves the states before blocks and calls, for the way back.
func (x *exec) layCopies(l *arena.Layout) {
	r := x.run
	blocks := r.blockOf(r.Segment-1) + 3 // a segment may begin and end within blocks
	x.before = l.Take(x.states.Len() * blocks)
	x.heatBefore = l.Take(x.Lanes * blocks)
	if c := x.Component; c.Loop {
		calls := c.Calls(r.Plan.Block)
		if r.keepsCalls(c) {
			calls *= blocks
		}
		x.callBefore = l.Take(x.states.Len() * calls)
	}
}

// laySilence reserves what the unconnected ports of a unit read: zeros, of one
// block and its past.
func (x *exec) laySilence(l *arena.Layout) arena.Cells {
	past, mult := -1, 1
	for _, in := range x.In {
		if len(in.Links) == 0 {
			past, mult = max(past, in.Past()), max(mult, in.Mult)
		}
	}
	if past < 0 {
		return arena.Cells{}
	}
	return l.Take(past + x.run.Plan.Block*mult)
}

// layRows reserves the rows of a unit.
func (x *exec) layRows(l *arena.Layout) {
	batches := x.run.Plan.Batches
	rows := func(n, past, mult int) []arena.Row {
		list := make([]arena.Row, n)
		for i := range list {
			list[i] = l.Row(past, mult)
		}
		return list
	}
	for _, out := range x.Out {
		past := 0
		for _, link := range out.Readers {
			need := link.Back * out.Mult
			if link.In != nil && !link.In.Gathered() {
				need += link.In.Past()
			}
			past = max(past, need)
		}
		x.out = append(x.out, rows(batches*out.Channels, past, out.Mult))
	}
	for _, in := range x.In {
		var list []arena.Row
		if in.Gathered() {
			list = rows(batches*in.Channels, in.Past(), in.Mult)
		}
		x.in = append(x.in, list)
	}
	for _, q := range x.Params {
		var list []arena.Row
		if len(q.Mods) > 0 {
			list = rows(x.Lanes, 0, x.Mult)
		}
		x.mod = append(x.mod, list)
	}
	for range x.Lanes {
		for _, past := range x.Setup.Internal {
			x.internal = append(x.internal, l.Row(past, x.Mult))
		}
		for range x.Setup.Record {
			x.record = append(x.record, l.Strip(x.Mult))
		}
	}
}

// layMirrors gives a link gradients of its own where its producer has other
// readers; otherwise it adds into the producer's, and the loss after it.
func (r *Run) layMirrors() {
	r.mirrors = make([][]arena.Row, len(r.Plan.Links))
	for _, x := range r.execs {
		for i, out := range x.Out {
			for _, link := range out.Readers {
				rows := append([]arena.Row(nil), x.out[i]...)
				if len(out.Readers) > 1 {
					for j := range rows {
						rows[j] = r.layout.Mirror(rows[j])
					}
				}
				r.mirrors[link.Index] = rows
			}
		}
	}
}

// linkRows are the rows that a link reads, one for each (batch, channel) of its
// producer; its reader adds gradients there.
func (r *Run) linkRows(l *graph.Link) []arena.Row {
	if r.mirrors != nil {
		return r.mirrors[l.Index]
	}
	return r.execs[l.From.Unit.Index].out[l.From.Index]
}

// row returns the row that channel c of an input port reads, and how many graph
// frames late; false for an unconnected port.
func (x *exec) row(i, batch, c int) (row arena.Row, back int, ok bool) {
	port := x.In[i]
	if x.in[i] != nil {
		return x.in[i][batch*port.Channels+c], 0, true
	}
	if len(port.Links) == 0 {
		return row, 0, false
	}
	link, from := port.Source(c)
	return x.run.linkRows(link)[batch*link.From.Channels+from], link.Back, true
}

// costs tells what runs of a plan take, without reserving it.
type costs struct{ plan *graph.Plan }

// Costs returns what a tape of the plan costs, for tape.Choose.
func Costs(p *graph.Plan) costs { return costs{p} }

// Bytes returns what a run takes whose segments have so many frames, with
// gradients or without. What is clearly more than the limit is not laid out, but
// estimated.
func (c costs) Bytes(segment int, taped bool, limit int64) int64 {
	lanes := 0.0
	for _, u := range c.plan.Units {
		lanes += float64(u.Lanes)
		for _, out := range u.Out {
			lanes += float64(c.plan.Batches) * float64(out.Channels)
		}
	}
	if least := lanes * (laneBytes + 8*float64(segment)); least > float64(limit) {
		return int64(min(least, math.MaxInt64/2))
	}
	r := &Run{Plan: c.plan, Segment: max(segment, c.plan.Block), taped: taped}
	r.layOut()
	n := int64(laneBytes*lanes) + 8*int64(r.layout.Values())
	if taped {
		n += 8 * int64(r.layout.Duals())
	}
	return n
}

const laneBytes = 256 // that a run keeps of a lane, whatever its kernel

package run

import (
	"time"

	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
)

// Row is where the frames of one (batch, channel) of one port lie: history in
// front, then the frames of the current segment.
type Row struct {
	Base int // offset of the segment's first frame in the primal arena
	Dual int // the same in the dual arena
	Hist int // frames in front of it
	Mult int // row frames per graph frame
}

// Exec is a unit with its memory: what one kernel call needs.
type Exec struct {
	Unit  *graph.Unit
	Type  *abi.NodeType // whose kernels run: the unit's, or a resampling filter's
	Block *abi.Block    // bound by Bind
	Dual  *abi.Block    // bound by BindDual

	Out      [][]Row // port, batch × channels + channel
	In       [][]Row // of gathered ports; nil for the others
	Mod      [][]Row // effective values of modulated parameters, by parameter and lane; nil when held
	Internal []Row   // lane × internal rows
	Record   []Row   // lane × record rows

	State      int   // offset of the states, Lanes × StateLen
	StateLen   int   // float64 of all lanes
	Heat       int   // offset of the heat cells, one per lane
	Before     int   // offset of the states before each block of a segment
	HeatBefore int   // offset of the heat cells before each block of a segment
	SubCalls   int   // offset of the states before each call within a block of a loop
	Param      []int // offset of each parameter, Len values for each lane

	Tangent *abi.Block // bound by BindTangent, once WireTangents was called
	Twin    *abi.Block // bound by BindTwin, once WireTwin was called

	Cohort *Cohort
	first  int // of its lanes in the cohort

	// Metrics of a profiled run.
	Forward, Backward time.Duration // spent in kernels and what feeds them
	HeatAt            []float64     // joules at the end of each interval: a second, unless Measure says so
	residuals         []float64     // worst of each lane, of types that report one
	AdjointEnergy     []float64     // of the gradient by the outputs, per second

	data                                     any         // of the kernels
	heatStart                                []float64   // one value, or one per batch
	clamped                                  int64       // frames clamped by modulation
	heatIn, heatOut, heatDualIn, heatDualOut [][]float64 // scratch of heatRows

	pull                 []Route // into gathered ports
	lanes, duals         []abi.Lane
	tangents             []abi.Lane
	tangentSlots         []slot
	tangentMods          []modSlot
	twins                []abi.Lane
	twinSlots            []slot
	twinMods             []modSlot
	slots, dualSlots     []slot
	mods, dualMods       []modSlot
	forward              func(b *abi.Block)
	coefs, scratch       int
	coefLen, scratchLen  int
	frameScratch         int
	silence              int // row of the unconnected input ports
	frameScratchPerFrame int
}

// slot is a slice to point at the frames of a call.
type slot struct {
	dst  *[]float64
	base int // offset at segment frame 0
	step int // row frames per graph frame; 0 for rows that do not move
	mult int // length per graph frame
	past int // frames in front
}

// modSlot is a parameter to point at its effective values.
type modSlot struct {
	dst  *abi.Values
	base int
	mult int
}

func bind(memory []float64, slots []slot, s, frames int) {
	for i := range slots {
		e := &slots[i]
		lo := e.base + s*e.step - e.past
		hi := lo + frames*e.mult + e.past
		*e.dst = memory[lo:hi:hi]
	}
}

func bindMods(memory []float64, mods []modSlot, s, frames int) {
	for i := range mods {
		m := &mods[i]
		lo := m.base + s*m.mult
		*m.dst = abi.FrameValues(memory[lo : lo+frames*m.mult])
	}
}

// bindLanes points the primal lanes at the frames [s, s+frames) of the segment,
// which begin at the absolute graph frame at.
func (x *Exec) bindLanes(memory []float64, s, frames int, at int64) {
	bind(memory, x.slots, s, frames)
	bindMods(memory, x.mods, s, frames)
	frame := at * int64(x.Unit.Mult)
	for i := range x.lanes {
		x.lanes[i].Frame = frame
	}
}

// bindDualLanes points the dual lanes at the same frames in the dual arena.
func (x *Exec) bindDualLanes(memory []float64, s, frames int) {
	bind(memory, x.dualSlots, s, frames)
	bindMods(memory, x.dualMods, s, frames)
}

// BindBack points both blocks at the frames [s, s+frames) of the segment, which
// begin at the absolute graph frame at, and Before of every lane at a saved copy
// of the states.
func (x *Exec) BindBack(primal, dual []float64, s, frames int, at int64, before int) {
	x.bindLanes(primal, s, frames, at)
	x.bindDualLanes(dual, s, frames)
	n := x.Unit.Setup.State
	for i := range x.lanes {
		x.lanes[i].Before = primal[before : before+n]
		before += n
	}
	x.Block.Bind(x.lanes, frames*x.Unit.Mult)
	x.Dual.Bind(x.duals, frames*x.Unit.Mult)
}

// BindBefore points Before of every lane at a saved copy of the states.
func (x *Exec) BindBefore(memory []float64, offset int) {
	n := x.Unit.Setup.State
	for i := range x.lanes {
		x.lanes[i].Before = memory[offset+i*n : offset+(i+1)*n]
	}
}

// layout reserves all memory of a run with segments of so many graph frames.
func (r *Run) layout() {
	p, l := r.Plan, &arena.Layout{}
	r.Execs = make([]*Exec, len(p.Units))
	for i, u := range p.Units {
		x := &Exec{Unit: u, Type: u.Type, data: u.Setup.Data, StateLen: u.Lanes * u.Setup.State}
		for _, q := range u.Params {
			x.Param = append(x.Param, l.Take(q.Len*u.Lanes))
		}
		x.coefLen, x.scratchLen = u.Type.Coefs, u.Setup.Scratch
		if u.Filter != nil {
			t, d := filterOf(u.Filter)
			x.Type, x.data, x.scratchLen = t, d, d.scratch()
		}
		if u.Setup.Coefs > 0 {
			x.coefLen = u.Setup.Coefs
		}
		x.coefs = l.Take(x.coefLen * u.Lanes)
		if u.Type.Residual != "" {
			x.residuals = make([]float64, u.Lanes)
		}
		r.Execs[i] = x
	}
	r.stateLo = l.Size()
	for _, x := range r.Execs {
		x.State = l.Take(x.StateLen)
		x.Heat = l.Take(x.Unit.Lanes)
	}
	r.stateHi = l.Size()
	for _, x := range r.Execs {
		r.rows(x, l)
	}
	for _, x := range r.Execs {
		u := x.Unit
		x.scratch = l.Take(x.scratchLen * u.Lanes)
		x.silence = r.silentRow(u, l)
		x.frameScratchPerFrame = u.Setup.FrameScratch * u.Mult
		x.frameScratch = l.Take(x.frameScratchPerFrame * p.Block * u.Lanes)
		if !r.tape {
			continue
		}
		blocks := r.blockOf(r.Segment-1) + 3 // a segment may begin and end within blocks
		x.Before = l.Take(x.StateLen * blocks)
		x.HeatBefore = l.Take(u.Lanes * blocks)
		if u.Component.Loop {
			calls := u.Component.Calls(p.Block)
			if r.keepsCalls(u.Component) {
				calls *= blocks
			}
			x.SubCalls = l.Take(x.StateLen * calls)
		}
	}
	r.primal = l.Size()
	if r.tape {
		r.linkDuals(l)
	}
	r.dual = l.Size()
	if !r.tape {
		r.dual = 0
	}
}

// KeepsCalls is keepsCalls for the package that walks backward, with the number
// of calls in a whole block.
func (r *Run) KeepsCalls(c *graph.Component) (perBlock int, ok bool) {
	return c.Calls(r.Plan.Block), r.keepsCalls(c)
}

// silentRow reserves what the unconnected ports of a unit read: zeros, of one
// block and its past.
func (r *Run) silentRow(u *graph.Unit, l *arena.Layout) int {
	past, mult := -1, 1
	for _, in := range u.In {
		if len(in.Links) == 0 {
			past, mult = max(past, in.Past()), max(mult, in.Mult)
		}
	}
	if past < 0 {
		return 0
	}
	return l.Take(past+r.Plan.Block*mult) + past
}

// rows reserves the rows of a unit.
func (r *Run) rows(x *Exec, l *arena.Layout) {
	p, u := r.Plan, x.Unit
	take := func(hist, mult int) Row {
		row := Row{Hist: hist, Mult: mult}
		row.Base = l.Take(hist+r.Segment*mult) + hist
		row.Dual = row.Base
		r.allRows = append(r.allRows, row)
		return row
	}
	for _, out := range u.Out {
		hist := u.Setup.OutHistory
		for _, link := range out.Readers {
			need := link.Back * out.Mult
			if link.In != nil && !link.In.Gathered() {
				need += link.In.Past()
			}
			hist = max(hist, need)
		}
		rows := make([]Row, p.Batches*out.Channels)
		for i := range rows {
			rows[i] = take(hist, out.Mult)
		}
		x.Out = append(x.Out, rows)
	}
	for _, in := range u.In {
		var rows []Row
		if in.Gathered() {
			in.Hear()
			rows = make([]Row, p.Batches*in.Channels)
			for i := range rows {
				rows[i] = take(in.Past(), in.Mult)
			}
		}
		x.In = append(x.In, rows)
	}
	for _, q := range u.Params {
		var rows []Row
		if len(q.Mods) > 0 {
			rows = make([]Row, u.Lanes)
			for i := range rows {
				rows[i] = take(0, u.Mult)
			}
		}
		x.Mod = append(x.Mod, rows)
	}
	for range u.Lanes {
		for _, hist := range u.Setup.Internal {
			x.Internal = append(x.Internal, take(hist, u.Mult))
		}
		for range u.Setup.Record {
			x.Record = append(x.Record, Row{Base: l.Take(r.Segment * u.Mult), Mult: u.Mult}) // no history, no dual
		}
	}
}

// LinkDual returns the rows into which a reader of the link adds its
// gradient, one for each (batch, channel) of the producer.
func (r *Run) LinkDual(l *graph.Link) []Row { return r.linkDual[l.Index] }

// wire builds the lanes and slots of a unit, after memory is reserved.
func (r *Run) wire(x *Exec) {
	u, mem := x.Unit, r.Mem
	inCh, outCh := u.PortRows()
	held := u.Held()
	x.Block = abi.NewBlock(u.Rate, x.data, inCh, outCh, held)
	c := x.Cohort
	c.Block = x.Block
	x.lanes = c.lanes[x.first : x.first+u.Lanes : x.first+u.Lanes]
	x.slots, x.mods, x.dualSlots, x.dualMods = nil, nil, nil, nil
	w := wiring{r: r, x: x, lanes: x.lanes, slots: &x.slots, mods: &x.mods, memory: mem.Primal}
	w.all(inCh, outCh)
	if r.tape {
		x.Dual = abi.NewBlock(u.Rate, x.data, inCh, outCh, held)
		c.Dual = x.Dual
		x.duals = c.duals[x.first : x.first+u.Lanes : x.first+u.Lanes]
		w = wiring{r: r, x: x, lanes: x.duals, slots: &x.dualSlots, mods: &x.dualMods, memory: mem.Dual, dual: true}
		w.all(inCh, outCh)
	}
	x.forward = x.Type.Forward
	if x.Type.CohortForward != nil {
		x.forward = x.Type.CohortForward
	}
}

// wiring fills the lanes of one block, primal or dual.
type wiring struct {
	r      *Run
	x      *Exec
	lanes  []abi.Lane
	slots  *[]slot
	mods   *[]modSlot
	memory []float64
	dual   bool
}

func (w *wiring) all(inCh, outCh []int) {
	x, u := w.x, w.x.Unit
	s := u.Setup
	channels := u.Lanes / w.r.Plan.Batches
	for i := range w.lanes {
		lane := &w.lanes[i]
		lane.Batch, lane.Channel = i/channels, i%channels
		if u.Setup.Coupled {
			lane.Batch, lane.Channel = i, 0
		}
		lane.State = span(w.memory, x.State+i*s.State, s.State)
		lane.Heat = span(w.memory, x.Heat+i, 1)
		if x.residuals != nil && !w.dual {
			lane.Residual = x.residuals[i : i+1]
		}
		lane.Coefs = span(w.memory, x.coefs+i*x.coefLen, x.coefLen)
		lane.Scratch = span(w.memory, x.scratch+i*x.scratchLen, x.scratchLen)
		lane.Params = make([]abi.Values, len(u.Params))
		for k, q := range u.Params {
			if x.Mod[k] != nil {
				*w.mods = append(*w.mods, modSlot{&lane.Params[k], w.at(x.Mod[k][i]), u.Mult})
			} else {
				lane.Params[k] = abi.HeldValues(span(w.memory, x.Param[k]+i*q.Len, q.Len))
			}
		}
		lane.In, lane.InPast = w.inputs(lane, inCh)
		lane.Out, lane.OutPast = w.outputs(lane, outCh)
		lane.Internal = make([][]float64, len(s.Internal))
		for k, hist := range s.Internal {
			row := x.Internal[i*len(s.Internal)+k]
			*w.slots = append(*w.slots, slot{&lane.Internal[k], w.at(row), u.Mult, u.Mult, hist})
		}
		lane.Record = make([][]float64, s.Record)
		for k := range lane.Record {
			if w.dual {
				break // records have none
			}
			row := x.Record[i*s.Record+k]
			*w.slots = append(*w.slots, slot{&lane.Record[k], row.Base, u.Mult, u.Mult, 0})
		}
		if x.frameScratchPerFrame > 0 {
			base := x.frameScratch + i*x.frameScratchPerFrame*w.r.Plan.Block
			*w.slots = append(*w.slots, slot{&lane.FrameScratch, base, 0, x.frameScratchPerFrame, 0})
		}
	}
}

func (w *wiring) at(row Row) int {
	if w.dual {
		return row.Dual
	}
	return row.Base
}

func span(memory []float64, at, n int) []float64 { return memory[at : at+n : at+n] }

// inputs wires the input rows of a lane.
func (w *wiring) inputs(lane *abi.Lane, inCh []int) (in, past [][]float64) {
	x, u := w.x, w.x.Unit
	rows := 0
	for _, n := range inCh {
		rows += n
	}
	in = make([][]float64, rows)
	if u.Setup.InHistory > 0 {
		past = make([][]float64, rows)
	}
	k := 0
	for i, port := range u.In {
		for c := range inCh[i] {
			ch := lane.Channel + c
			e := slot{mult: port.Mult, step: port.Mult}
			switch {
			case x.In[i] != nil:
				e.base = w.at(x.In[i][lane.Batch*port.Channels+ch])
			case len(port.Links) == 0:
				// Silence that nothing writes; its dual is never read.
				e.base, e.step = x.silence, 0
			default:
				link, from := port.Source(ch)
				src := w.r.Execs[link.From.Unit.Index].Out[link.From.Index]
				if w.dual {
					src = w.r.linkDual[link.Index]
				}
				e.base = w.at(src[lane.Batch*link.From.Channels+from]) - link.Back*port.Mult
			}
			if past != nil {
				h := e
				h.dst, h.past = &past[k], u.Setup.InHistory
				*w.slots = append(*w.slots, h)
			}
			e.dst = &in[k]
			*w.slots = append(*w.slots, e)
			k++
		}
	}
	return in, past
}

func (w *wiring) outputs(lane *abi.Lane, outCh []int) (out, past [][]float64) {
	x, u := w.x, w.x.Unit
	rows := 0
	for _, n := range outCh {
		rows += n
	}
	out = make([][]float64, rows)
	if u.Setup.OutHistory > 0 {
		past = make([][]float64, rows)
	}
	k := 0
	for i, port := range u.Out {
		for c := range outCh[i] {
			e := slot{base: w.at(x.Out[i][lane.Batch*port.Channels+lane.Channel+c]), mult: port.Mult, step: port.Mult}
			if past != nil {
				h := e
				h.dst, h.past = &past[k], u.Setup.OutHistory
				*w.slots = append(*w.slots, h)
			}
			e.dst = &out[k]
			*w.slots = append(*w.slots, e)
			k++
		}
	}
	return out, past
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

// linkDuals gives a link a dual row of its own where its producer has other
// readers; otherwise it adds into the producer's, and the loss after it.
func (r *Run) linkDuals(l *arena.Layout) {
	r.linkDual = make([][]Row, len(r.Plan.Links))
	for _, x := range r.Execs {
		for i, out := range x.Unit.Out {
			sole := len(out.Readers) == 1
			for _, link := range out.Readers {
				rows := append([]Row(nil), x.Out[i]...)
				if !sole {
					for j := range rows {
						rows[j].Dual = l.Take(rows[j].Hist+r.Segment*rows[j].Mult) + rows[j].Hist
						r.linkRows = append(r.linkRows, rows[j])
					}
				}
				r.linkDual[link.Index] = rows
			}
		}
	}
}

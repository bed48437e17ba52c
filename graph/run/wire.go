package run

import (
	"ampfit/abi"
	"ampfit/arena"
)

// The regions of a run. Tangent and twin, the derivative of the gradient, are
// reserved when a direction is first asked for.
const (
	primal = iota
	dual
	tangent
	twin
	regions
)

// face is a unit as its kernels see it in one region: a block over lanes, whose
// rows are opened at the frames of each call.
type face struct {
	region *arena.Region
	block  *abi.Block
	lanes  []abi.Lane
	states int // of a lane
	rows   []arena.Pointer
	mods   []modPointer
}

// modPointer is a parameter that shows its effective values.
type modPointer struct {
	to *abi.Values
	arena.Window
}

// open points the face at the frames of a call.
func (f *face) open(s, frames int) {
	f.region.Bind(f.rows, s, frames)
	for i := range f.mods {
		m := &f.mods[i]
		*m.to = abi.FrameValues(f.region.Open(&m.Window, s, frames))
	}
}

// at tells every lane the absolute frame that a call begins at.
func (f *face) at(frame int64) {
	for i := range f.lanes {
		f.lanes[i].Frame = frame
	}
}

// standBefore points Before of every lane at a copy of the states.
func (f *face) standBefore(states arena.Cells) {
	for i := range f.lanes {
		f.lanes[i].Before = f.region.Cells(states.Part(i, f.states))
	}
}

// wire makes the face of a unit in a region over the given lanes.
func (x *exec) wire(region int, lanes []abi.Lane) {
	in, out := x.PortRows()
	m := x.run.memory[region]
	f := &face{region: m, lanes: lanes, states: x.Setup.State, block: abi.NewBlock(x.Rate, x.data, in, out, x.Held())}
	channels := x.perBatch()
	for i := range lanes {
		lane := &lanes[i]
		lane.Batch, lane.Channel = i/channels, i%channels
		if x.Setup.Coupled {
			lane.Batch, lane.Channel = i, 0
		}
		if x.residuals != nil && region == primal {
			lane.Residual = x.residuals[i : i+1]
		}
		x.wireCells(f, lane, i)
		x.wireInputs(f, lane, in)
		x.wireOutputs(f, lane, out)
		x.wireOwn(f, lane, i, region == primal || region == tangent)
	}
	x.faces[region] = f
	x.values, x.grads = x.faces[primal], x.faces[dual]
}

// wireCells gives the i-th lane what does not move with time, and its parameters.
func (x *exec) wireCells(f *face, lane *abi.Lane, i int) {
	m, n := f.region, x.Lanes
	lane.State = m.Cells(x.states.Part(i, x.Setup.State))
	lane.Heat = m.Cells(x.heat.Part(i, 1))
	lane.Coefs = m.Cells(x.coefs.Part(i, x.coefs.Len()/n))
	lane.Scratch = m.Cells(x.scratch.Part(i, x.scratch.Len()/n))
	lane.Params = make([]abi.Values, len(x.Params))
	for k, q := range x.Params {
		if x.mod[k] != nil {
			f.mods = append(f.mods, modPointer{&lane.Params[k], m.Window(x.mod[k][i], 0, 0)})
		} else {
			lane.Params[k] = abi.HeldValues(m.Cells(x.params[k].Part(i, q.Len)))
		}
	}
}

// wireInputs gives a lane the rows of its input ports, so many of each.
func (x *exec) wireInputs(f *face, lane *abi.Lane, rows []int) {
	n := 0
	for _, k := range rows {
		n += k
	}
	lane.In = make([][]float64, n)
	if x.Setup.InHistory > 0 {
		lane.InPast = make([][]float64, n)
	}
	k := 0
	for i, port := range x.In {
		for c := range rows[i] {
			window := func(past int) arena.Window {
				row, back, ok := x.row(i, lane.Batch, lane.Channel+c)
				if !ok { // silence that nothing writes; its gradient is never read
					return arena.Pane(x.silence, port.Mult, past)
				}
				return f.region.Window(row, back, past)
			}
			f.show(lane.In, lane.InPast, k, window, x.Setup.InHistory)
			k++
		}
	}
}

// wireOutputs gives a lane the rows of its output ports, so many of each.
func (x *exec) wireOutputs(f *face, lane *abi.Lane, rows []int) {
	n := 0
	for _, k := range rows {
		n += k
	}
	lane.Out = make([][]float64, n)
	k := 0
	for i, port := range x.Out {
		for c := range rows[i] {
			row := x.out[i][lane.Batch*port.Channels+lane.Channel+c]
			f.rows = append(f.rows, arena.Pointer{To: &lane.Out[k], Window: f.region.Window(row, 0, 0)})
			k++
		}
	}
}

// show points the k-th of now at a window, and that of past, if there are, at the
// same with its history.
func (f *face) show(now, past [][]float64, k int, window func(past int) arena.Window, history int) {
	if past != nil {
		f.rows = append(f.rows, arena.Pointer{To: &past[k], Window: window(history)})
	}
	f.rows = append(f.rows, arena.Pointer{To: &now[k], Window: window(0)})
}

// wireOwn gives the i-th lane its internal rows, records and scratch by the frame.
// Records have no gradients.
func (x *exec) wireOwn(f *face, lane *abi.Lane, i int, records bool) {
	s, r := x.Setup, x.run
	lane.Internal = make([][]float64, len(s.Internal))
	for k, past := range s.Internal {
		row := x.internal[i*len(s.Internal)+k]
		f.rows = append(f.rows, arena.Pointer{To: &lane.Internal[k], Window: f.region.Window(row, 0, past)})
	}
	lane.Record = make([][]float64, s.Record)
	for k := range lane.Record {
		if records {
			f.rows = append(f.rows, arena.Pointer{To: &lane.Record[k], Window: f.region.Window(x.record[i*s.Record+k], 0, 0)})
		}
	}
	if per := s.FrameScratch * x.Mult; per > 0 {
		f.rows = append(f.rows, arena.Pointer{To: &lane.FrameScratch, Window: arena.Pane(x.frameScratch.Part(i, per*r.Plan.Block), per, 0)})
	}
}

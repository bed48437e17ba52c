package run

import "ampfit/abi"

// WireTangents makes the tangent blocks of all units over a memory with the
// layout and size of the primal arena, and returns it.
func (r *Run) WireTangents() []float64 {
	memory := make([]float64, r.primal)
	for _, x := range r.Execs {
		x.Tangent, x.tangents, x.tangentSlots, x.tangentMods = r.also(x, memory, false)
	}
	return memory
}

// WireTwin makes a second dual block for every unit, over a memory with the
// layout and size of the dual arena, and returns it: for the derivative of the
// gradients along a direction.
func (r *Run) WireTwin() []float64 {
	memory := make([]float64, r.dual)
	for _, x := range r.Execs {
		x.Twin, x.twins, x.twinSlots, x.twinMods = r.also(x, memory, true)
	}
	return memory
}

func (r *Run) also(x *Exec, memory []float64, dual bool) (b *abi.Block, lanes []abi.Lane, slots []slot, mods []modSlot) {
	u := x.Unit
	in, out := u.PortRows()
	lanes = make([]abi.Lane, u.Lanes)
	w := wiring{r: r, x: x, lanes: lanes, slots: &slots, mods: &mods, memory: memory, dual: dual}
	w.all(in, out)
	return abi.NewBlock(u.Rate, x.data, in, out, u.Held()), lanes, slots, mods
}

// BindTangent points the tangent block at the frames [s, s+frames) of its memory,
// and Before of every lane at a copy of the states there.
func (x *Exec) BindTangent(memory []float64, s, frames, before int) {
	bind(memory, x.tangentSlots, s, frames)
	bindMods(memory, x.tangentMods, s, frames)
	n := x.Unit.Setup.State
	for i := range x.tangents {
		x.tangents[i].Before = memory[before+i*n : before+(i+1)*n]
	}
	x.Tangent.Bind(x.tangents, frames*x.Unit.Mult)
}

// BindTwin points the second dual block at the frames [s, s+frames) of its memory.
func (x *Exec) BindTwin(memory []float64, s, frames int) {
	bind(memory, x.twinSlots, s, frames)
	bindMods(memory, x.twinMods, s, frames)
	x.Twin.Bind(x.twins, frames*x.Unit.Mult)
}

// SnapshotOf is Snapshot of a memory of the primal layout.
func (r *Run) SnapshotOf(m, dst []float64) {
	k := copy(dst, m[r.stateLo:r.stateHi])
	n := int(r.end - r.start)
	for i := range r.allRows {
		row := &r.allRows[i]
		from := row.Base - row.Hist + n*row.Mult
		k += copy(dst[k:], m[from:from+row.Hist])
	}
}

// RestoreTo puts a snapshot back into a memory of the primal layout.
func (r *Run) RestoreTo(m, src []float64) {
	k := copy(m[r.stateLo:r.stateHi], src)
	for i := range r.allRows {
		row := &r.allRows[i]
		k += copy(m[row.Base-row.Hist:row.Base], src[k:k+row.Hist])
	}
}

// ShiftTwin is ShiftDuals for a memory of the dual layout; what is not moved
// becomes zero.
func (r *Run) ShiftTwin(m []float64, frames int) {
	r.eachDual(func(row *Row) {
		n := frames * row.Mult
		region := m[row.Dual-row.Hist : row.Dual+r.Segment*row.Mult]
		copy(region[n:n+row.Hist], region[:row.Hist])
		clear(region[:n])
		clear(region[n+row.Hist:])
	})
}

// BlocksBetween returns how many blocks a segment has.
func (r *Run) BlocksBetween(start, end int64) int {
	n := 0
	for at := start; at < end; at = r.nextBlock(at) {
		n++
	}
	return n
}

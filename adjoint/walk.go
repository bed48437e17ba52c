package adjoint

import (
	"math"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/tape"
)

// system drives a model by the actions of a tape schedule.
type system struct{ *Model }

func (m *Model) system() tape.System { return system{m} }

func (s system) Advance(k int) error {
	s.Run.Advance(int(s.bounds[k+1] - s.bounds[k]))
	s.Run.CopyOut(s.rows, s.skip)
	return nil
}

func (s system) Record(k int) error { return s.Advance(k) }

func (s system) Turn() error {
	s.Model.Heat = s.Run.Heat()
	if err := s.turn(); err != nil {
		return err
	}
	s.Run.ClearDuals()
	for _, in := range s.InputGrad {
		clear(in)
	}
	for _, x := range s.Run.Execs {
		if w := s.options.HeatWeights[x.Unit.Name]; w != 0 && !x.Unit.Filter {
			for lane := range x.Unit.Lanes {
				s.Run.Mem.Dual[x.Heat+lane] = w
			}
		}
	}
	return nil
}

func (s system) Save(_, slot int) error {
	s.Run.Snapshot(s.slots[slot])
	return nil
}

func (s system) Load(k, slot int) error {
	s.Run.Restore(s.slots[slot], s.bounds[k])
	return nil
}

// Reverse walks the recorded segment: blocks from the last to the first,
// components in reverse order.
func (s system) Reverse(k int) error {
	r := s.Run
	if k < len(s.bounds)-2 {
		r.ShiftDuals(int(s.bounds[k+1] - s.bounds[k]))
	}
	start, end := s.bounds[k], s.bounds[k+1]
	index := 0
	for at := start; r.NextBlock(at) < end; at = r.NextBlock(at) {
		index++
	}
	for end > start {
		at := r.PrevBlock(end)
		for c := len(s.Plan.Components) - 1; c >= 0; c-- {
			s.component(s.Plan.Components[c], at, int(end-at), index)
		}
		end = at
		index--
	}
	return nil
}

// component walks one block of a component.
func (s system) component(c *graph.Component, at int64, frames, index int) {
	r := s.Run
	seg := int(at - s.bounds[s.segmentOf(at)])
	if !c.Loop {
		x := r.Execs[c.Units[0].Index]
		s.unit(x, seg, frames, at, x.Before+index*x.StateLen)
		return
	}
	// Inside a loop only the states before the whole block are kept: play it
	// again, keeping those before every call.
	mem := r.Mem.Primal
	for _, u := range c.Units {
		x := r.Execs[u.Index]
		copy(mem[x.State:x.State+x.StateLen], mem[x.Before+index*x.StateLen:])
	}
	clamped := r.Clamped
	calls := 0
	for done := 0; done < frames; done += c.Block {
		for _, u := range c.Units {
			x := r.Execs[u.Index]
			copy(mem[x.SubCalls+calls*x.StateLen:], mem[x.State:x.State+x.StateLen])
			r.Call(x, seg+done, min(c.Block, frames-done), at+int64(done), false)
		}
		calls++
	}
	r.Clamped = clamped
	for calls--; calls >= 0; calls-- {
		done := calls * c.Block
		for i := len(c.Units) - 1; i >= 0; i-- {
			x := r.Execs[c.Units[i].Index]
			s.unit(x, seg+done, min(c.Block, frames-done), at+int64(done), x.SubCalls+calls*x.StateLen)
		}
	}
}

// segmentOf returns the segment that holds an absolute frame.
func (m *Model) segmentOf(at int64) int {
	k := 0
	for k+2 < len(m.bounds) && m.bounds[k+1] <= at {
		k++
	}
	return k
}

// unit walks one call of a unit: gather the gradient of its outputs, then the
// adjoint kernel, then hand on what it found for modulators and summed inputs.
func (s system) unit(x *graph.Exec, seg, frames int, at int64, before int) {
	r, u := s.Run, x.Unit
	for i, out := range u.Out {
		s.gather(x, i, out, seg, frames, at)
	}
	if u.Type.External {
		s.input(x, seg, frames, at)
		return
	}
	heat := s.heatWeight(x)
	if u.NoAdjoint {
		clear(r.Mem.Dual[x.State : x.State+x.StateLen])
		return
	}
	x.Bind(r.Mem.Primal, seg, frames, at)
	x.BindDual(r.Mem.Dual, seg, frames)
	x.BindBefore(r.Mem.Primal, before)
	if heat {
		s.heat(x, seg, frames)
	}
	if u.Type.CohortBackward != nil {
		u.Type.CohortBackward(x.Block, x.Dual)
	} else {
		u.Type.Backward(x.Block, x.Dual)
	}
	for k, q := range u.Params {
		if x.Mod[k] != nil {
			s.modulation(x, k, q, seg, frames, at)
		}
	}
	for i, in := range u.In {
		if x.In[i] != nil {
			s.scatter(x, i, in, seg, frames)
		}
	}
}

// gather completes ȳ of an output: the readers that keep rows of their own, in
// file order, and the loss.
func (s system) gather(x *graph.Exec, i int, out *graph.OutPort, seg, frames int, at int64) {
	dual := s.Run.Mem.Dual
	for j, row := range x.Out[i] {
		dy := dual[row.Dual+seg*row.Mult : row.Dual+(seg+frames)*row.Mult]
		for _, l := range out.Readers {
			if !s.Run.OwnDual(l) {
				continue
			}
			from := s.Run.LinkDual(l)[j]
			for n, v := range dual[from.Dual+seg*from.Mult : from.Dual+(seg+frames)*from.Mult] {
				dy[n] += v
			}
		}
		if out != s.Plan.Output {
			continue
		}
		seed := s.seed[j]
		for n := range dy {
			if t := at + int64(n) - s.skip; t >= 0 && t < int64(len(seed)) {
				dy[n] += seed[t]
			}
		}
	}
}

// input copies the gradient by the dry signal out.
func (s system) input(x *graph.Exec, seg, frames int, at int64) {
	per := len(x.Out[0]) / s.Plan.Batches
	for j, row := range x.Out[0] {
		if len(s.InputGrad) == 0 {
			return
		}
		dst := s.InputGrad[min(j%per, len(s.InputGrad)-1)]
		for n, v := range s.Run.Mem.Dual[row.Dual+seg : row.Dual+seg+frames] {
			if t := at + int64(n); t < int64(len(dst)) {
				dst[t] += v
			}
		}
	}
}

// heatWeight reports whether the loss contains the heat of this unit by the
// runtime's own rule.
func (s system) heatWeight(x *graph.Exec) bool {
	return s.options.HeatWeights[x.Unit.Name] != 0 && !x.Unit.Type.OwnHeat && !x.Unit.Filter
}

// heat adds the gradient of | ‖x‖² − ‖y‖² | dt to inputs and outputs; at 0 the
// slope is 0.
func (s system) heat(x *graph.Exec, seg, frames int) {
	r, u := s.Run, x.Unit
	perBatch := u.Lanes / s.Plan.Batches
	for b := range s.Plan.Batches {
		in, out := r.HeatRows(x, b, seg, frames, false)
		din, dout := r.HeatRows(x, b, seg, frames, true)
		w := 2 * r.Mem.Dual[x.Heat+b*perBatch] / u.Rate
		for n := range frames * u.Mult {
			e := 0.0
			for _, row := range in {
				e += float64(row[n] * row[n])
			}
			for _, row := range out {
				e -= float64(row[n] * row[n])
			}
			if e == 0 {
				continue
			}
			g := math.Copysign(w, e)
			for i, row := range in {
				din[i][n] += g * row[n]
			}
			for i, row := range out {
				dout[i][n] -= g * row[n]
			}
		}
	}
}

// modulation walks the steps of graph.Run.modulate back, each with the value
// before it.
func (s system) modulation(x *graph.Exec, k int, q *graph.Param, seg, frames int, at int64) {
	r, u := s.Run, x.Unit
	mem, dual := r.Mem.Primal, r.Mem.Dual
	perBatch := u.Lanes / s.Plan.Batches
	for lane := range u.Lanes {
		batch, channel := lane/perBatch, lane%perBatch
		row := x.Mod[k][lane]
		dp := dual[row.Dual+seg*row.Mult : row.Dual+(seg+frames)*row.Mult]
		base := mem[x.Param[k]+lane]
		mods := s.mods[:0]
		for _, l := range q.Mods {
			j := batch*l.From.Channels + l.Pick(channel)
			from := r.LinkDual(l)[j]
			lo := (seg - l.R) * from.Mult
			mods = append(mods, modulator{
				value: mem[from.Base+lo : from.Base+lo+len(dp)], dual: dual[from.Dual+lo : from.Dual+lo+len(dp)],
				hidden: l.Hidden(at, frames, u.Mult), scale: l.Scale, multiply: l.Mode == graph.Multiply,
			})
		}
		s.Model.mods = mods
		sum := 0.0
		for n := len(dp) - 1; n >= 0; n-- {
			sum += through(mods, n, base, dp[n], q)
		}
		dual[x.Param[k]+lane] += sum
	}
}

// modulator is one modulation link over the frames of a call.
type modulator struct {
	value, dual []float64
	hidden      int
	scale       float64
	multiply    bool
	before      float64 // the parameter before this step, at the frame at hand
}

// through carries the gradient g of the effective value at frame n back through
// clamp and modulators, and returns the gradient of the base value. Outside the
// range the slope is 0, on the bound 1.
func through(mods []modulator, n int, base, g float64, q *graph.Param) float64 {
	p := base
	for i := range mods {
		m := &mods[i]
		m.before = p
		switch {
		case n < m.hidden:
		case m.multiply:
			p *= m.scale * m.value[n]
		default:
			p += float64(m.scale * m.value[n])
		}
	}
	if q.Scale != abi.Periodic && (p < q.Min || p > q.Max) {
		return 0
	}
	for i := len(mods) - 1; i >= 0; i-- {
		m := &mods[i]
		switch {
		case n < m.hidden:
		case m.multiply:
			m.dual[n] += g * m.scale * m.before
			g *= m.scale * m.value[n]
		default:
			m.dual[n] += g * m.scale
		}
	}
	return g
}

// scatter hands the gradient of a gathered port to the links that filled it.
func (s system) scatter(x *graph.Exec, port int, in *graph.InPort, seg, frames int) {
	dual := s.Run.Mem.Dual
	for b := range s.Plan.Batches {
		for c := range in.Channels {
			row := x.In[port][b*in.Channels+c]
			dx := dual[row.Dual+seg*row.Mult : row.Dual+(seg+frames)*row.Mult]
			for _, l := range in.Heard(c) {
				from := s.Run.LinkDual(l.Link)[b*l.Link.From.Channels+l.Channel]
				lo := from.Dual + (seg-l.Link.R)*from.Mult
				for n, v := range dx {
					dual[lo+n] += v
				}
			}
		}
	}
}

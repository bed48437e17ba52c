package adjoint

import (
	"math"
	"time"

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

// Reverse walks the recorded segment: the steps of its rendering from the last
// to the first.
func (s system) Reverse(k int) error {
	r := s.Run
	start, end := s.bounds[k], s.bounds[k+1]
	if k < len(s.bounds)-2 {
		r.ShiftDuals(int(end - start))
	}
	r.Work(func() {
		r.Steps(start, end, true, s.walkStep)
	})
	for _, x := range r.Execs {
		if x.Unit.Type.External {
			s.input(x, start, end)
		}
	}
	return nil
}

func (m *Model) reverseStep(jobs []graph.Job) { m.Run.Each(jobs, m.walkJob) }

// reverse walks one job.
func (m *Model) reverse(j *graph.Job) {
	s := system{m}
	if m.Run.Profiled() {
		defer m.Run.Clock(j, time.Now())
	}
	if j.Loop != nil {
		s.loop(j.Loop, j.Spans[0])
		return
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		s.gatherAll(sp.Exec, sp.S, sp.Frames, sp.At)
		s.bind(sp.Exec, sp.S, sp.Frames, sp.At, sp.Exec.Before+sp.Index*sp.Exec.StateLen)
	}
	for rest := j.Spans; len(rest) > 0; {
		n := graph.Together(rest)
		if u := rest[0].Exec.Unit; !u.Type.External && !u.NoAdjoint {
			b, d := graph.BindTogether(rest[:n])
			kernel(u, b, d)
		}
		rest = rest[n:]
	}
	for i := range j.Spans {
		sp := &j.Spans[i]
		s.handOn(sp.Exec, sp.S, sp.Frames, sp.At)
	}
}

// kernel calls the adjoint kernel of a unit.
func kernel(u *graph.Unit, b, d *abi.Block) {
	if u.Type.CohortBackward != nil {
		u.Type.CohortBackward(b, d)
	} else {
		u.Type.Backward(b, d)
	}
}

// loop walks one block of a feedback component. Only the states before the
// whole block are kept: it is played again, keeping those before every call.
func (s system) loop(c *graph.Component, sp graph.Span) {
	r := s.Run
	mem := r.Mem.Primal
	for _, u := range c.Units {
		x := r.Execs[u.Index]
		copy(mem[x.State:x.State+x.StateLen], mem[x.Before+sp.Index*x.StateLen:])
	}
	calls := 0
	for done := 0; done < sp.Frames; done += c.Block {
		for _, u := range c.Units {
			x := r.Execs[u.Index]
			copy(mem[x.SubCalls+calls*x.StateLen:], mem[x.State:x.State+x.StateLen])
			clamps := x.Clamps()
			r.Call(x, sp.S+done, min(c.Block, sp.Frames-done), sp.At+int64(done), false)
			x.ForgetClamps(clamps)
		}
		calls++
	}
	for calls--; calls >= 0; calls-- {
		done := calls * c.Block
		n := min(c.Block, sp.Frames-done)
		for i := len(c.Units) - 1; i >= 0; i-- {
			x := r.Execs[c.Units[i].Index]
			s.gatherAll(x, sp.S+done, n, sp.At+int64(done))
			s.bind(x, sp.S+done, n, sp.At+int64(done), x.SubCalls+calls*x.StateLen)
			if u := x.Unit; !u.Type.External && !u.NoAdjoint {
				kernel(u, x.Block, x.Dual)
			}
			s.handOn(x, sp.S+done, n, sp.At+int64(done))
		}
	}
}

// gatherAll completes the gradients of a unit's outputs.
func (s system) gatherAll(x *graph.Exec, seg, frames int, at int64) {
	for i, out := range x.Unit.Out {
		s.gather(x, i, out, seg, frames, at)
	}
}

// bind points the blocks of a unit at a call, and adds what the loss wants of
// the unit's heat.
func (s system) bind(x *graph.Exec, seg, frames int, at int64, before int) {
	r, u := s.Run, x.Unit
	if u.Type.External {
		return
	}
	if u.NoAdjoint {
		clear(r.Mem.Dual[x.State : x.State+x.StateLen])
		return
	}
	x.Bind(r.Mem.Primal, seg, frames, at)
	x.BindDual(r.Mem.Dual, seg, frames)
	x.BindBefore(r.Mem.Primal, before)
	if s.heatWeight(x) {
		s.heat(x, seg, frames)
	}
}

// handOn gives modulators and the links of gathered ports what the kernel
// found.
func (s system) handOn(x *graph.Exec, seg, frames int, at int64) {
	u := x.Unit
	if u.Type.External || u.NoAdjoint {
		return
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
		// Frame n of the block is frame at+n−skip of the seed.
		seed := s.seed[j]
		first := max(s.skip-at, 0)
		if from := at + first - s.skip; from < int64(len(seed)) && first < int64(len(dy)) {
			part := dy[first:]
			seed = seed[from:min(from+int64(len(part)), int64(len(seed)))]
			for n, v := range seed {
				part[n] += v
			}
		}
	}
}

// input copies the gradient by the dry signal out, at the end of a segment and
// unit by unit, so that sums have one order.
func (s system) input(x *graph.Exec, start, end int64) {
	if len(s.InputGrad) == 0 {
		return
	}
	per := len(x.Out[0]) / s.Plan.Batches
	for j, row := range x.Out[0] {
		dst := s.InputGrad[min(j%per, len(s.InputGrad)-1)]
		for n, v := range s.Run.Mem.Dual[row.Dual : row.Dual+int(end-start)] {
			if t := start + int64(n); t < int64(len(dst)) {
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
		mods := s.mods[u.Index][:0]
		for _, l := range q.Mods {
			j := batch*l.From.Channels + l.Pick(channel)
			from := r.LinkDual(l)[j]
			lo := (seg - l.R) * from.Mult
			mods = append(mods, modulator{
				value: mem[from.Base+lo : from.Base+lo+len(dp)], dual: dual[from.Dual+lo : from.Dual+lo+len(dp)],
				hidden: l.Hidden(at, frames, u.Mult), scale: l.Scale, multiply: l.Mode == graph.Multiply,
			})
		}
		s.mods[u.Index] = mods
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

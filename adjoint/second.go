package adjoint

import (
	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

// Curved is a loss that knows how its gradient changes. Curvature writes into
// dst the derivative of the gradient at x along v.
type Curved interface {
	Curvature(dst, x, v []float64)
}

// secondless names the units that stand in the way of forward over reverse:
// those without a tangent, or without the derivative of their adjoint.
func (m *Model) secondless() []string {
	var names []string
	for _, x := range m.Run.Execs {
		u, t := x.Unit, x.Type
		if !t.External && !u.NoAdjoint && (t.Tangent == nil || t.Second == nil || u.Setup.NoSecond) || u.NoAdjoint && t.Tangent == nil {
			names = append(names, u.Name)
		}
	}
	return names
}

// second runs forward over reverse: the run with its tangents is kept segment by
// segment as the tape says, and the adjoint walks back over it twice at once,
// for the gradient and for its derivative along the direction.
//
//	forward    y, ẏ              ──►   kernels and their tangents
//	backward   ȳ, (ȳ)'           ◄──   adjoints and their derivatives
type second struct {
	tangentRun
	loss  Loss
	walk  *walker
	dual  []float64   // gradients: the dual arena of the run
	twin  []float64   // their derivatives, with the same layout
	seeds [][]float64 // derivative of the gradient by the output
	slots [][]float64 // snapshots of the tangents
	// relative error of the loss's curvature; 0 where the loss knows it
	relative float64
}

// secondOrder returns the derivative of the gradient along d by kernels.
func (m *Model) secondOrder(l Loss, d Direction) *Product {
	m.wireTangents(d)
	s := &second{tangentRun: m.tangentRun(d), loss: l, walk: m.walker, dual: m.Run.Mem.Dual}
	s.twin = m.Run.WireTwin()
	for range m.schedule.Slots {
		s.slots = append(s.slots, make([]float64, m.Run.SnapshotLen()))
	}
	m.Run.Reset()
	m.rendered = false
	if err := m.schedule.Run(s); err != nil {
		panic(err) // the model's own actions cannot fail
	}
	p := &Product{Error: s.relative}
	for _, q := range m.Params {
		if q.Spec == nil {
			continue
		}
		v := make([]float64, len(q.Values))
		m.sumLanes(v, q, s.twin)
		p.Values = append(p.Values, v...)
	}
	return p
}

func (s *second) Advance(k int) error {
	s.segment(k)
	return nil
}

func (s *second) Record(k int) error { return s.Advance(k) }

// Turn takes the gradient of the loss by the output, and its derivative along
// the tangent of the output.
func (s *second) Turn() error {
	m := s.Model
	n := m.channels * m.options.Frames
	twin := make([]float64, len(m.Output))
	s.seeds = split(twin, m.options.Frames)
	for b := range m.Plan.Batches {
		at, end := b*n, (b+1)*n
		s.loss.Evaluate(m.seedBuf[at:end], m.Output[at:end])
		s.relative = max(s.relative, curvature(s.loss, twin[at:end], m.Output[at:end], s.out[at:end]))
	}
	m.walker.begin()
	clear(s.twin)
	return nil
}

// curvature is the derivative of a loss's gradient at x along v, and its
// relative error: by the loss itself, or a difference of its gradients.
func curvature(l Loss, dst, x, v []float64) (relative float64) {
	if c, ok := l.(Curved); ok {
		c.Curvature(dst, x, v)
		return 0
	}
	size := norm(v)
	if size == 0 {
		clear(dst)
		return 0
	}
	moved := make([]float64, len(x))
	best, relative := richardson(len(x), 0.01*max(norm(x), 1e-12)/size, func(g []float64, h float64) {
		for i, a := range x {
			moved[i] = a + h*v[i]
		}
		l.Evaluate(g, moved)
	})
	copy(dst, best)
	return relative
}

func (s *second) Save(_, slot int) error {
	s.Run.Snapshot(s.Model.slots[slot])
	s.Run.SnapshotOf(s.tangent, s.slots[slot])
	return nil
}

func (s *second) Load(k, slot int) error {
	s.Run.RestoreTo(s.tangent, s.slots[slot])
	s.Run.Restore(s.Model.slots[slot], s.bounds[k])
	return nil
}

// Reverse walks the blocks of a segment back, and in them the calls of loops,
// which are played again for the states before each.
func (s *second) Reverse(k int) error {
	r := s.Run
	start, end := s.bounds[k], s.bounds[k+1]
	if k < len(s.bounds)-2 {
		r.ShiftDuals(int(end - start))
		r.ShiftTwin(s.twin, int(end-start))
	}
	for i := range s.walk.seeds {
		s.walk.seeded[s.walk.seeds[i].port.Unit.Index] = true
	}
	for last, i := end, r.BlocksBetween(start, end)-1; i >= 0; i-- {
		at := max(r.PrevBlock(last), start)
		s.back(at, int(last-at), i)
		last = at
	}
	return nil
}

func (s *second) back(at int64, frames, index int) {
	r := s.Run
	first := int(at - r.Start())
	r.OpenDuals(first)
	for i := len(s.Plan.Components) - 1; i >= 0; i-- {
		c := s.Plan.Components[i]
		calls := (frames + c.Block - 1) / c.Block
		if c.Loop {
			s.replay(c, first, frames, at, index)
		}
		for call := calls - 1; call >= 0; call-- {
			done := call * c.Block
			n := min(c.Block, frames-done)
			for k := len(c.Units) - 1; k >= 0; k-- {
				x := r.Execs[c.Units[k].Index]
				before := x.Before + index*x.StateLen
				if c.Loop {
					before = x.SubCalls + call*x.StateLen
				}
				s.unit(x, first+done, n, at+int64(done), before)
			}
		}
	}
}

// replay plays a block of a loop again with its tangents, keeping the states
// before every call.
func (s *second) replay(c *graph.Component, first, frames int, at int64, index int) {
	for _, u := range c.Units {
		x := s.Run.Execs[u.Index]
		from := x.Before + index*x.StateLen
		for _, m := range [][]float64{s.Run.Mem.Primal, s.tangent} {
			copy(m[x.State:x.State+x.StateLen], m[from:from+x.StateLen])
		}
	}
	for call, done := 0, 0; done < frames; call, done = call+1, done+c.Block {
		for _, u := range c.Units {
			x := s.Run.Execs[u.Index]
			s.call(x, first+done, min(c.Block, frames-done), at+int64(done), x.SubCalls+call*x.StateLen)
		}
	}
}

// unit walks one call of a unit back.
func (s *second) unit(x *run.Exec, seg, frames int, at int64, before int) {
	w, u, r := s.walk, x.Unit, s.Run
	w.gather(x, seg, frames, at)
	run.Move(s.twin, w.collect[u.Index], seg, frames)
	for i, out := range u.Out {
		if out != s.Plan.Output {
			continue
		}
		for j, row := range x.Out[i] {
			q := seed{out, s.seeds, s.skip}
			q.add(s.twin[row.Dual+seg*row.Mult:row.Dual+(seg+frames)*row.Mult], j, at)
		}
	}
	if u.Type.External {
		return
	}
	if u.NoAdjoint {
		clear(s.dual[x.State : x.State+x.StateLen])
		clear(s.twin[x.State : x.State+x.StateLen])
		return
	}
	x.BindBack(r.Mem.Primal, s.dual, seg, frames, at, before)
	x.BindTangent(s.tangent, seg, frames, before)
	x.BindTwin(s.twin, seg, frames)
	x.Type.Second(x.Block, x.Tangent, x.Dual, x.Twin)
	for k, q := range u.Params {
		if x.Mod[k] != nil {
			s.modulation(x, k, q, seg, frames, at)
		}
	}
	run.Move(s.dual, w.scatter[u.Index], seg, frames)
	run.Move(s.twin, w.scatter[u.Index], seg, frames)
}

var _ tape.System = (*second)(nil)

// modulation is walker.modulation with the derivatives of values and gradients.
func (s *second) modulation(x *run.Exec, k int, q *graph.Param, seg, frames int, at int64) {
	r, u, mem := s.Run, x.Unit, s.Run.Mem.Primal
	perBatch := u.Lanes / s.Plan.Batches
	for lane := range u.Lanes {
		batch, channel := lane/perBatch, lane%perBatch
		row := x.Mod[k][lane]
		lo, n := row.Dual+seg*row.Mult, frames*row.Mult
		g, gt := s.dual[lo:lo+n], s.twin[lo:lo+n]
		var mods []twinModulator
		for _, l := range q.Mods {
			from := r.LinkDual(l)[batch*l.From.Channels+l.Pick(channel)]
			at0, dual0 := from.Base+(seg-l.Back)*from.Mult, from.Dual+(seg-l.Back)*from.Mult
			mods = append(mods, twinModulator{
				modulator: modulator{value: mem[at0 : at0+n], dual: s.dual[dual0 : dual0+n], hidden: l.Hidden(at, frames, u.Mult), scale: l.Scale, mode: l.Mode},
				moved:     s.tangent[at0 : at0+n], twin: s.twin[dual0 : dual0+n],
			})
		}
		base, slope := mem[x.Param[k]+lane], s.tangent[x.Param[k]+lane]
		for i := n - 1; i >= 0; i-- {
			a, b := throughTwice(mods, i, base, slope, g[i], gt[i], q)
			s.dual[x.Param[k]+lane] += a
			s.twin[x.Param[k]+lane] += b
		}
	}
}

// twinModulator is a modulator with its tangent and the derivative of its
// gradient.
type twinModulator struct {
	modulator
	moved, twin []float64
	slope       float64 // tangent of the parameter before this step
}

// throughTwice is through, and its derivative along the tangents.
func throughTwice(mods []twinModulator, n int, base, slope, g, gt float64, q *graph.Param) (float64, float64) {
	p, t := base, slope
	for i := range mods {
		m := &mods[i]
		m.before, m.slope = p, t
		switch {
		case n < m.hidden:
		case m.mode == graph.Multiply:
			p, t = p*(m.scale*m.value[n]), m.scale*(t*m.value[n]+p*m.moved[n])
		case m.mode == graph.Replace:
			p, t = m.value[n], m.moved[n]
		default:
			p, t = p+float64(m.scale*m.value[n]), t+m.scale*m.moved[n]
		}
	}
	if q.Scale != abi.Periodic && (p < q.Min || p > q.Max) {
		return 0, 0
	}
	for i := len(mods) - 1; i >= 0; i-- {
		m := &mods[i]
		switch {
		case n < m.hidden:
		case m.mode == graph.Multiply:
			m.dual[n] += g * m.scale * m.before
			m.twin[n] += m.scale * (gt*m.before + g*m.slope)
			g, gt = g*m.scale*m.value[n], m.scale*(gt*m.value[n]+g*m.moved[n])
		case m.mode == graph.Replace:
			m.dual[n] += g
			m.twin[n] += gt
			g, gt = 0, 0
		default:
			m.dual[n] += g * m.scale
			m.twin[n] += gt * m.scale
		}
	}
	return g, gt
}

package adjoint

import (
	"ampfit/graph/run"
	"ampfit/internal/vec"
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
	s.Run.HeatTo(s.Heat)
	if s.seedWith == nil {
		return errNoWayBack
	}
	s.seedWith(s.seedBuf, s.Output)
	s.walker.begin()
	for _, in := range s.InputGrad {
		clear(in)
	}
	return nil
}

func (s system) Save(k, slot int) error {
	s.held.Save(k, slot)
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
	s.walker.segment(start, end)
	for _, x := range r.Execs {
		if x.Unit.Type.External {
			s.input(x, start, end)
		}
	}
	return nil
}

// input copies the gradient by the dry signal out, at the end of a segment and
// unit by unit, so that sums have one order.
func (s system) input(x *run.Exec, start, end int64) {
	if len(s.InputGrad) == 0 {
		return
	}
	per := len(x.Out[0]) / s.Plan.Batches
	for j, row := range x.Out[0] {
		dst := s.InputGrad[min(j%per, len(s.InputGrad)-1)]
		if start < int64(len(dst)) {
			n := min(end, int64(len(dst))) - start
			vec.Add(dst[start:start+n], s.Run.Mem.Dual[row.Dual:row.Dual+int(n)])
		}
	}
}

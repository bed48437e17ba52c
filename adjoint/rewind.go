package adjoint

import (
	"fmt"
	"sort"

	"ampfit/tape"
)

// Rewind goes back (or on) to an absolute frame of the run that was evaluated
// last, from 0 to its end: every state, history and heat of the graph is then
// exactly what it was before that frame. [Model.Continue] renders on from there
// with the same bits. It starts from what the tape still holds: the rows at
// hand, or the latest snapshot at or before the frame.
//
// Frames count from the start of the run: with Options.KeepLatency unset the
// first of Output is frame Plan.Latency.
func (m *Model) Rewind(frame int64) error {
	last := m.bounds[len(m.bounds)-1]
	if frame < 0 || frame > last {
		return fmt.Errorf("adjoint: frame %d is outside of the run, which has frames 0 to %d", frame, last)
	}
	if m.rendered && frame >= m.Run.Start() && frame <= m.Run.End() {
		return m.Run.Rewind(frame)
	}
	if !m.rendered {
		m.held.Forget()
	}
	k := sort.Search(len(m.bounds)-2, func(i int) bool { return m.bounds[i+1] > frame })
	for _, a := range m.held.Rewind(k) {
		switch {
		case a.Kind == tape.Advance:
			m.Run.Advance(int(m.bounds[a.Segment+1] - m.bounds[a.Segment]))
		case a.Slot == tape.Start:
			m.Run.Reset()
		default:
			m.Run.Restore(m.slots[a.Slot], m.bounds[a.Segment])
		}
	}
	m.rendered = true
	if n := frame - m.Run.End(); n > 0 {
		m.Run.Advance(int(n))
	}
	return nil
}

// Continue renders the next frames and returns the output, a slice for each
// batch and channel. Past the end of the dry input it hears silence.
func (m *Model) Continue(frames int) [][]float64 {
	var out [][]float64
	for range m.Run.OutputRows() {
		out = append(out, make([]float64, 0, frames))
	}
	for frames > 0 {
		n := int(m.Run.SegmentEnd(m.Run.End(), m.Run.End()+int64(frames)) - m.Run.End())
		m.Run.Advance(n)
		for i, row := range m.Run.OutputRows() {
			out[i] = append(out[i], m.Run.Mem.Primal[row.Base:row.Base+n]...)
		}
		frames -= n
	}
	return out
}

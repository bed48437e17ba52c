package adjoint

import (
	"errors"
	"fmt"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/graph/run"
)

// Stream runs a graph call by call, as a host does, with blocks of any length,
// and walks back call by call, the newest first. It is what the C interface
// stands on.
type Stream struct {
	Plan *graph.Plan
	Run  *run.Run

	walker *walker
	record int // calls kept for the way back; −1: all
	calls  []call
	walked bool // the duals hold what the call after left
	length int  // frames of the call that was walked last
	tape   bool
	heat   bool

	now   call // that is rendered
	spare call // whose memory serves the next one
	serve Feed // of the call that is rendered
	play  func(u *graph.Unit, batch, channel int, at int64, dst []float64)
	made  uint64 // calls so far
}

// Feed fills the frames of one channel of a node that plays an input.
type Feed func(node string, batch, channel int, dst []float64)

// call is a forward call that can be walked back.
type call struct {
	start    int64
	frames   int
	snapshot []float64
	params   []float64
	feed     map[feedKey]heard
	made     uint64 // its number
}

// heard is what an input was fed; it belongs to the call of that number.
type heard struct {
	made   uint64
	frames []float64
}

type feedKey struct {
	node           string
	batch, channel int
}

// StreamOptions says how a stream runs.
type StreamOptions struct {
	Rate     float64
	Batches  int
	Channels int // of InputNodes that do not say
	Record   int // forward calls kept for Backward: 0 none, −1 all
	Frames   int // expected length of a call
	Audio    func(path string) (*abi.Audio, error)
}

// ErrNothingToPop is returned by Backward when no forward call is kept.
var ErrNothingToPop = errors.New("adjoint: there is no forward call left to walk back")

// NewStream plans a graph for calls of any length.
func NewStream(g *graph.Graph, o StreamOptions) (*Stream, error) {
	p, err := graph.NewPlan(g, graph.Options{Rate: o.Rate, Batches: o.Batches, Channels: o.Channels, Audio: o.Audio})
	if err != nil {
		return nil, err
	}
	s := &Stream{Plan: p, record: o.Record, tape: o.Record != 0, heat: true}
	s.build(max(o.Frames, 1))
	return s, nil
}

// build makes the run for calls of so many frames.
func (s *Stream) build(frames int) {
	o := run.Options{Segment: frames, Tape: s.tape, Heat: s.heat, Schedule: run.KPN}
	if s.Run != nil {
		o.Memory = s.Run.Mem
	}
	s.Run = run.New(s.Plan, o)
	if s.tape { // without one there are no duals to walk
		s.walker = newWalker(s.Run, nil)
	}
}

// grow makes room for longer calls and keeps everything else.
func (s *Stream) grow(frames int) {
	if frames <= s.Run.Segment {
		return
	}
	old := s.Run
	snapshot := make([]float64, old.SnapshotLen())
	old.Snapshot(snapshot)
	head, _ := old.Head()
	values := append([]float64(nil), head...) // the arena changes hands
	s.build(max(frames, 2*old.Segment))
	head, _ = s.Run.Head()
	copy(head, values)
	s.Run.Restore(snapshot, old.End())
	s.walked = false
}

// Forward renders the next frames; feed is called for every external channel.
// Output then returns what the ports hold.
func (s *Stream) Forward(frames int, feed Feed) {
	s.grow(frames)
	s.made++
	c, old := &s.now, s.spare
	s.spare = call{}
	*c = call{start: s.Run.End(), frames: frames, feed: old.feed, made: s.made}
	if c.feed == nil {
		c.feed = map[feedKey]heard{}
	}
	if s.record != 0 {
		if c.snapshot = old.snapshot; len(c.snapshot) != s.Run.SnapshotLen() {
			c.snapshot = make([]float64, s.Run.SnapshotLen())
		}
		s.Run.Snapshot(c.snapshot)
		s.Run.Prepare()
		head, _ := s.Run.Head()
		c.params = append(old.params[:0], head...)
	}
	if s.play == nil {
		s.play = s.playInput
	}
	s.serve, s.Run.Feed = feed, s.play
	s.Run.Advance(frames)
	s.serve, s.Run.Feed = nil, nil
	s.walked = false
	if s.record == 0 {
		s.spare = *c
		return
	}
	s.calls = append(s.calls, *c)
	if s.record > 0 && len(s.calls) > s.record {
		s.spare = s.calls[0]
		copy(s.calls, s.calls[len(s.calls)-s.record:])
		s.calls = s.calls[:s.record]
	}
}

// playInput gives a block of an input what the call was fed for it.
func (s *Stream) playInput(u *graph.Unit, batch, channel int, at int64, dst []float64) {
	c, key := &s.now, feedKey{u.Name, batch, channel}
	whole := c.feed[key]
	if whole.made != c.made {
		if cap(whole.frames) < c.frames {
			whole.frames = make([]float64, c.frames)
		}
		whole = heard{c.made, whole.frames[:c.frames]}
		clear(whole.frames)
		s.serve(u.Name, batch, channel, whole.frames)
		c.feed[key] = whole
	}
	copy(dst, whole.frames[at-c.start:])
}

// Output returns the rows of an output port of a node after Forward, batch by
// batch, valid until the next call.
func (s *Stream) Output(out *graph.OutPort) [][]float64 {
	var rows [][]float64
	n := int(s.Run.End() - s.Run.Start())
	for _, row := range s.Run.Execs[out.Unit.Index].Out[out.Index] {
		rows = append(rows, s.Run.Mem.Primal[row.Base:row.Base+n*row.Mult])
	}
	return rows
}

// Pending returns the frames of the newest call that Backward would walk.
func (s *Stream) Pending() (frames int, ok bool) {
	if len(s.calls) == 0 {
		return 0, false
	}
	return s.calls[len(s.calls)-1].frames, true
}

// Backward walks the newest kept call back: seeds are the gradients of its
// output rows by port. The stream then stands before that call, and its duals
// hold the gradients of the call's inputs and parameters. The gradient of the
// state goes on to the next Backward.
func (s *Stream) Backward(seeds map[*graph.OutPort][][]float64) error {
	if len(s.calls) == 0 {
		return ErrNothingToPop
	}
	c := s.calls[len(s.calls)-1]
	for port, rows := range seeds {
		for _, row := range rows {
			if len(row) != c.frames {
				return fmt.Errorf("adjoint: the gradient of %s.%s has %d frames, its call had %d", port.Unit.Name, port.Name, len(row), c.frames)
			}
		}
	}
	s.calls = s.calls[:len(s.calls)-1]
	r := s.Run
	head, dual := r.Head()
	now := append([]float64(nil), head...)
	copy(head, c.params)
	r.Restore(c.snapshot, c.start)
	r.Feed = func(u *graph.Unit, batch, channel int, at int64, dst []float64) {
		copy(dst, c.feed[feedKey{u.Name, batch, channel}].frames[at-c.start:])
	}
	r.Advance(c.frames)
	r.Feed = nil
	if s.walked {
		r.ShiftDuals(c.frames)
		clear(dual)
	} else {
		s.walker.begin()
	}
	s.walker.seeds = s.walker.seeds[:0]
	for _, u := range s.Plan.Units {
		for _, out := range u.Out {
			if rows := seeds[out]; rows != nil {
				s.walker.seeds = append(s.walker.seeds, seed{out, rows, c.start})
			}
		}
	}
	s.walker.segment(c.start, c.start+int64(c.frames))
	s.walked, s.length = true, c.frames
	r.Restore(c.snapshot, c.start)
	copy(head, now)
	s.spare = c
	return nil
}

// InputGrad returns the gradient by what a node was fed in the call that was
// walked back, valid until the next call.
func (s *Stream) InputGrad(node string, batch, channel, frames int) []float64 {
	u := s.Plan.Unit(node)
	row := s.Run.Execs[u.Index].Out[0][batch*u.Out[0].Channels+channel]
	return s.Run.Mem.Dual[row.Dual : row.Dual+frames]
}

// ParamGrad returns the gradient by a held parameter in the call that was
// walked back: Len values for each batch.
func (s *Stream) ParamGrad(q *graph.Param) []float64 {
	x := s.Run.Execs[q.Of.Index]
	_, dual := s.Run.Head()
	per := x.Unit.Lanes / s.Plan.Batches
	out := make([]float64, s.Plan.Batches*q.Len)
	for lane := range x.Unit.Lanes {
		for i := range q.Len {
			out[lane/per*q.Len+i] += dual[x.Param[q.Index]+lane*q.Len+i]
		}
	}
	return out
}

// Heat returns the joules of a node so far.
func (s *Stream) Heat(node string) float64 {
	sum := 0.0
	for _, h := range s.Run.UnitHeat(s.Run.Execs[s.Plan.Unit(node).Index]) {
		sum += h
	}
	return sum
}

// Walked returns the frames of the call that Backward walked last.
func (s *Stream) Walked() int { return s.length }

// SetHeat sets the joules of a node so far, in every batch.
func (s *Stream) SetHeat(node string, joules float64) {
	x := s.Run.Execs[s.Plan.Unit(node).Index]
	per := x.Unit.Lanes / s.Plan.Batches
	for lane := range x.Unit.Lanes {
		s.Run.Mem.Primal[x.Heat+lane] = 0
		if lane%per == 0 {
			s.Run.Mem.Primal[x.Heat+lane] = joules
		}
	}
}

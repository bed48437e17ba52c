package adjoint

import (
	"errors"
	"fmt"

	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

// Stream runs a graph call by call, as a host does, with blocks of any length,
// and walks back call by call, the newest first. It is what the C interface
// stands on.
type Stream struct {
	Plan *graph.Plan
	Run  *run.Run

	tape   *tape.Tape
	record int                                                              // calls kept for the way back; −1: all
	calls  []*call                                                          // that are kept, and the one at hand
	made   int                                                              // calls so far
	spare  *call                                                            // whose memory serves the next one
	walked bool                                                             // the gradients are what the call after left
	length int                                                              // frames of the call that was walked last
	at     *call                                                            // that is rendered
	serve  Feed                                                             // of the call at hand; nil when it was heard before
	seeds  map[*graph.OutPort][][]float64                                   // of the way back
	play   func(u *graph.Unit, batch, channel int, at int64, dst []float64) // s.playInput
}

// Feed fills the frames of one channel of a node that plays an input.
type Feed func(node string, batch, channel int, dst []float64)

// call is a forward call: what it takes to render it again.
type call struct {
	number int
	start  int64
	frames int
	params []float64
	feed   map[feedKey]heard
}

// heard is what an input was fed; it belongs to the call of that number.
type heard struct {
	number int
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
	p, err := graph.NewPlan(g, graph.Options{Rate: o.Rate, Batches: o.Batches, Channels: o.Channels, Settings: graph.Settings{Audio: o.Audio}})
	if err != nil {
		return nil, err
	}
	s := &Stream{Plan: p, record: o.Record, tape: tape.Open(o.Record)}
	s.play = s.playInput
	how := run.Options{Limits: tape.Limits{Segment: max(o.Frames, 1)}, Heat: true, Schedule: run.KPN}
	if o.Record != 0 {
		s.Run = run.NewTaped(p, how)
	} else {
		s.Run = run.New(p, how)
	}
	return s, nil
}

// Forward renders the next frames; feed is called for every external channel.
// Output then returns what the ports hold.
func (s *Stream) Forward(frames int, feed Feed) {
	if frames > s.Run.Segment {
		s.Run = s.Run.Longer(max(frames, 2*s.Run.Segment))
	}
	s.made++
	c := s.spare
	if s.spare = nil; c == nil {
		c = &call{feed: map[feedKey]heard{}}
	}
	c.number, c.start, c.frames = s.made, s.Run.End(), frames
	if s.record != 0 {
		s.Run.Prepare()
		c.params = append(c.params[:0], s.Run.Head()...)
	}
	s.calls = append(s.calls, c)
	s.serve, s.walked = feed, false
	s.tape.Append(streamSystem{s}, c.number)
	s.serve = nil
	if s.record >= 0 && len(s.calls) > s.record {
		s.spare = s.calls[0]
		s.calls = append(s.calls[:0], s.calls[1:]...)
	}
}

// playInput gives a block of an input what the call was fed for it.
func (s *Stream) playInput(u *graph.Unit, batch, channel int, at int64, dst []float64) {
	c, key := s.at, feedKey{u.Name, batch, channel}
	whole := c.feed[key]
	if whole.number != c.number {
		if cap(whole.frames) < c.frames {
			whole.frames = make([]float64, c.frames)
		}
		whole = heard{c.number, whole.frames[:c.frames]}
		clear(whole.frames)
		s.serve(u.Name, batch, channel, whole.frames)
		c.feed[key] = whole
	}
	copy(dst, whole.frames[at-c.start:])
}

// streamSystem drives a stream's run by its tape.
type streamSystem struct{ *Stream }

func (s streamSystem) Advance(k int) {
	s.at = s.calls[k-s.calls[0].number]
	s.Run.Feed = s.play
	s.Run.Advance(s.at.frames)
	s.Run.Feed = nil
}

func (s streamSystem) Save(p *arena.Snapshot) { s.Run.Save(p) }

func (s streamSystem) Load(p *arena.Snapshot) { s.Run.Load(p) }

// Reverse walks a call back; the gradient of the state goes on from the call after.
func (s streamSystem) Reverse(int) {
	if s.walked {
		s.Run.GoOnBack()
	} else {
		s.Run.BeginBack(nil, nil, 0)
	}
	for _, u := range s.Plan.Units {
		for _, out := range u.Out {
			if rows := s.seeds[out]; rows != nil {
				s.Run.AddSeed(out, rows, s.at.start)
			}
		}
	}
	s.Run.Back()
}

// Output returns the rows of an output port of a node after Forward, batch by
// batch, valid until the next call.
func (s *Stream) Output(out *graph.OutPort) [][]float64 { return s.Run.Output(out) }

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
	head := s.Run.Head()
	now := append([]float64(nil), head...)
	copy(head, c.params)
	s.seeds = seeds
	s.tape.Pop(streamSystem{s})
	copy(head, now)
	s.walked, s.length = true, c.frames
	s.calls, s.spare = s.calls[:len(s.calls)-1], c
	return nil
}

// InputGrad returns the gradient by what a node was fed in the call that was
// walked back, valid until the next call.
func (s *Stream) InputGrad(node string, batch, channel, frames int) []float64 {
	port := s.Plan.Unit(node).Out[0]
	return s.Run.OutputGrad(port, frames)[batch*port.Channels+channel]
}

// ParamGrad returns the gradient by a held parameter in the call that was
// walked back: Len values for each batch.
func (s *Stream) ParamGrad(q *graph.Param) []float64 {
	out := make([]float64, s.Plan.Batches*q.Len)
	s.Run.AddGrad(out, q)
	return out
}

// Heat returns the joules of a node so far.
func (s *Stream) Heat(node string) float64 { return s.Run.TotalHeat(node) }

// SetHeat sets the joules of a node so far, in every batch.
func (s *Stream) SetHeat(node string, joules float64) { s.Run.SetHeat(node, joules) }

// Walked returns the frames of the call that Backward walked last.
func (s *Stream) Walked() int { return s.length }

package adjoint

import (
	"errors"
	"fmt"
	"slices"

	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/machine"
	"ampfit/tape"
)

// Stream runs a graph call by call, as a host does, with blocks of any length,
// and walks back call by call, the newest first. It is what the C interface
// stands on.
type Stream struct {
	Plan *graph.Plan
	Run  *run.Run

	tape   *tape.Tape
	memory int64                                                            // bytes that the run may take
	heats  map[string]float64                                               // that were set before the first call
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
	Memory   int64 // bytes that the run may take; 0 is half of the machine's
}

// ErrNothingToPop is returned by Backward when no forward call is kept.
var ErrNothingToPop = errors.New("adjoint: there is no forward call left to walk back")

// NewStream plans a graph for calls of any length.
func NewStream(g *graph.Graph, o StreamOptions) (*Stream, error) {
	if err := sizes(g, o); err != nil {
		return nil, err
	}
	if o.Memory <= 0 {
		o.Memory = machine.Memory() / 2
	}
	p, err := graph.NewPlan(g, graph.Options{Rate: o.Rate, Batches: o.Batches, Channels: o.Channels, Settings: graph.Settings{Audio: o.Audio, Memory: o.Memory}})
	if err != nil {
		return nil, err
	}
	s := &Stream{Plan: p, record: o.Record, memory: o.Memory, tape: tape.Open(o.Record)}
	s.play = s.playInput
	if err := s.room(max(o.Frames, 1), 0); err != nil {
		return nil, err
	}
	s.begin(max(o.Frames, 1))
	return s, nil
}

// sizes reports options that no plan is made of.
func sizes(g *graph.Graph, o StreamOptions) error {
	switch {
	case g.Rate == 0 && !(o.Rate >= graph.MinRate && o.Rate <= graph.MaxRate):
		return fmt.Errorf("adjoint: %g Hz is not a sample rate; allowed are %g to %g", o.Rate, float64(graph.MinRate), float64(graph.MaxRate))
	case o.Batches > MaxBatches:
		return fmt.Errorf("adjoint: %d batches are more than the %d of a run", o.Batches, MaxBatches)
	}
	return nil
}

// MaxBatches is how many batches a stream may have.
const MaxBatches = 1 << 16

// room reports that the run of calls of so many frames would not fit into memory
// beside the bytes that the run at hand holds, which it takes over by doubling.
func (s *Stream) room(frames int, held int64) error {
	need := run.Costs(s.Plan).Bytes(frames, s.record != 0, s.memory)
	need = max(need, 2*held) + held
	need += 2 * 8 * int64(frames) * int64(s.Plan.Batches*s.Plan.Output.Channels) // what is handed out
	if need <= s.memory {
		return nil
	}
	const gib = 1 << 30
	return fmt.Errorf("adjoint: calls of %d frames in %d batches need %.1f GiB of memory, of which a run may take %.1f GiB on this machine; make calls, delays, channels or batches smaller",
		frames, s.Plan.Batches, float64(need)/gib, float64(s.memory)/gib)
}

// Reserve makes room for calls of so many frames, or says why there is none.
// Forward panics where Reserve fails.
func (s *Stream) Reserve(frames int) error {
	if frames <= s.Run.Segment {
		return nil
	}
	if s.made == 0 { // nothing to take over
		if err := s.room(frames, 0); err != nil {
			return err
		}
		head := slices.Clone(s.Run.Head())
		s.Run = nil // its memory goes before the new one comes
		s.begin(frames)
		copy(s.Run.Head(), head)
		for node, joules := range s.heats {
			s.Run.SetHeat(node, joules)
		}
		return nil
	}
	longer := max(frames, 2*s.Run.Segment)
	held := int64(s.Run.Bytes())
	if s.room(longer, held) != nil {
		longer = frames
		if err := s.room(frames, held); err != nil {
			return err
		}
	}
	s.Run = s.Run.Longer(longer)
	return nil
}

// begin makes a run for calls of so many frames.
func (s *Stream) begin(frames int) {
	how := run.Options{Limits: tape.Limits{Segment: frames}, Heat: true, Schedule: run.KPN}
	if s.record != 0 {
		s.Run = run.NewTaped(s.Plan, how)
	} else {
		s.Run = run.New(s.Plan, how)
	}
}

// Forward renders the next frames; feed is called for every external channel.
// Output then returns what the ports hold.
func (s *Stream) Forward(frames int, feed Feed) {
	if err := s.Reserve(frames); err != nil {
		panic(err)
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
func (s *Stream) SetHeat(node string, joules float64) {
	if s.made == 0 {
		if s.heats == nil {
			s.heats = map[string]float64{}
		}
		s.heats[node] = joules
	}
	s.Run.SetHeat(node, joules)
}

// Walked returns the frames of the call that Backward walked last.
func (s *Stream) Walked() int { return s.length }

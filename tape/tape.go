// Package tape keeps what a forward run leaves behind for the way back.
//
// The run is cut into segments. The forward run copies the state region at
// the first frame of each; the backward run takes the segments from the last
// to the first, replays one from its snapshot, and walks it in reverse:
//
//	forward    s0 ────────► s1 ────────► s2 ────────► end
//	backward                            s2 ────────► ◄────────
//	                        s1 ────────► ◄────────
//	           s0 ────────► ◄────────
//
// What to do when is data, a list of actions, so that a schedule can be
// printed, counted and tested with a toy model. With one segment nothing is
// replayed: the rows hold the whole run.
package tape

import "fmt"

// Kind is what an action does.
type Kind int

// The kinds of action.
const (
	Advance Kind = iota // render a segment, keeping nothing but its end
	Record              // render a segment and keep what Reverse needs
	Turn                // the end of the run is reached: the loss is known now
	Save                // copy the state at the start of a segment into a slot
	Load                // go back to the state in a slot
	Reverse             // walk the recorded segment backward
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"advance", "record", "turn", "save", "load", "reverse"}[k]
}

// Action is one step of a schedule.
type Action struct {
	Kind    Kind
	Segment int // that the action is about
	Slot    int // of Save and Load
}

// String prints the action: "save 3 in 1".
func (a Action) String() string {
	if a.Kind == Save || a.Kind == Load {
		return fmt.Sprintf("%s %d in %d", a.Kind, a.Segment, a.Slot)
	}
	return fmt.Sprintf("%s %d", a.Kind, a.Segment)
}

// System is a run that a schedule drives.
type System interface {
	Advance(segment int) error
	Record(segment int) error
	Turn() error
	Save(segment, slot int) error
	Load(segment, slot int) error
	Reverse(segment int) error
}

// Schedule is a list of actions and what they cost.
type Schedule struct {
	Mode     string // full, segments or binomial
	Actions  []Action
	Segments int
	Slots    int // snapshots held at once
	Extra    int // segments rendered again
}

// Full renders the whole run as one segment and keeps everything.
func Full() *Schedule {
	return &Schedule{Mode: "full", Segments: 1, Actions: []Action{{Kind: Record}, {Kind: Turn}, {Kind: Reverse}}}
}

// InSegments snapshots the start of every segment and replays each once. The
// last one is still there when the way back begins.
func InSegments(n int) *Schedule {
	s := &Schedule{Mode: "segments", Segments: n, Slots: n - 1, Extra: n - 1}
	for k := range n - 1 {
		s.Actions = append(s.Actions, Action{Save, k, k}, Action{Kind: Advance, Segment: k})
	}
	s.Actions = append(s.Actions, Action{Kind: Record, Segment: n - 1}, Action{Kind: Turn}, Action{Kind: Reverse, Segment: n - 1})
	for k := n - 2; k >= 0; k-- {
		s.Actions = append(s.Actions, Action{Load, k, k}, Action{Kind: Record, Segment: k}, Action{Kind: Reverse, Segment: k})
	}
	return s
}

// Run performs the actions in order and stops at the first error.
func (s *Schedule) Run(sys System) error {
	for _, a := range s.Actions {
		var err error
		switch a.Kind {
		case Advance:
			err = sys.Advance(a.Segment)
		case Record:
			err = sys.Record(a.Segment)
		case Turn:
			err = sys.Turn()
		case Save:
			err = sys.Save(a.Segment, a.Slot)
		case Load:
			err = sys.Load(a.Segment, a.Slot)
		case Reverse:
			err = sys.Reverse(a.Segment)
		}
		if err != nil {
			return fmt.Errorf("tape: %s: %w", a, err)
		}
	}
	return nil
}

package tape

import "fmt"

// Kind is what an action does.
type Kind int

// The kinds of action.
const (
	Advance Kind = iota // render a segment, keeping nothing but its end
	Record              // render the segment that is walked back next
	Turn                // the end of the run is reached: what follows is the way back
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

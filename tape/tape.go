// Package tape keeps what a forward run leaves behind for the way back, so that
// the run can be walked in reverse and taken up again at any frame.
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
// What to do when is data, a [Schedule], so that it can be printed, counted and
// tested with a toy model; [Choose] takes one for a length, costs and a budget.
// With one segment nothing is replayed: the rows hold the whole run. A [Tape]
// performs a schedule on a [System] and keeps its snapshots; a run of calls that
// nobody knows beforehand has a tape that grows ([Open]). Either knows what it
// still holds, and rewinds the system to the start of any segment.
package tape

import (
	"ampfit/arena"
	"math"
)

// System is a run that a tape drives.
type System interface {
	Advance(k int)          // render segment k, at whose start it stands
	Save(s *arena.Snapshot) // of the state it is in
	Load(s *arena.Snapshot) // go back to a state; nil is the start of the run
	Reverse(k int)          // walk segment k, which was rendered last, backward
}

// Tape is the record of one run: snapshots, and of which segments they are.
type Tape struct {
	schedule *Schedule // nil for a run that grows
	keep     int       // segments kept of a run that grows; negative: all
	slots    []slot
	next     int // action of the schedule that comes next
}

// slot is room for a snapshot.
type slot struct {
	held     bool
	segment  int // whose start the snapshot is of
	snapshot arena.Snapshot
}

// New returns the tape of runs that follow a schedule.
func New(s *Schedule) *Tape { return &Tape{schedule: s, slots: make([]slot, s.Slots)} }

// Open returns the tape of a run whose segments come one by one, of which it keeps
// the newest: as many as keep says, all when it is negative.
func Open(keep int) *Tape { return &Tape{keep: keep} }

// Forward performs the schedule up to the end of the run.
func (t *Tape) Forward(sys System) {
	t.Forget()
	t.next = 0
	t.perform(sys, Turn)
}

// Back performs the rest of the schedule: the way back.
func (t *Tape) Back(sys System) { t.perform(sys, -1) }

// perform goes on with the schedule until after an action of a kind.
func (t *Tape) perform(sys System, until Kind) {
	for t.next < len(t.schedule.Actions) {
		a := t.schedule.Actions[t.next]
		t.next++
		switch a.Kind {
		case Advance, Record:
			sys.Advance(a.Segment)
		case Save:
			t.save(sys, a.Slot, a.Segment)
		case Load:
			sys.Load(&t.slots[a.Slot].snapshot)
		case Reverse:
			sys.Reverse(a.Segment)
		}
		if a.Kind == until {
			return
		}
	}
}

func (t *Tape) save(sys System, at, segment int) {
	s := &t.slots[at]
	s.held, s.segment = true, segment
	s.snapshot.Data = s.snapshot.Data[:0]
	sys.Save(&s.snapshot)
}

// Append renders segment k, the next of a run that grows.
func (t *Tape) Append(sys System, k int) {
	if t.keep != 0 {
		t.save(sys, t.room(), k)
	}
	sys.Advance(k)
}

// room returns a slot for one more segment: the oldest one's when there are as
// many as the tape keeps.
func (t *Tape) room() int {
	oldest, held := -1, 0
	for i := range t.slots {
		if !t.slots[i].held {
			return i
		}
		held++
		if oldest < 0 || t.slots[i].segment < t.slots[oldest].segment {
			oldest = i
		}
	}
	if held == t.keep {
		return oldest
	}
	t.slots = append(t.slots, slot{})
	return len(t.slots) - 1
}

// Pop walks the newest segment of a run that grows back, and leaves the system
// before it. It does nothing when none is kept.
func (t *Tape) Pop(sys System) {
	s := t.latest(math.MaxInt)
	if s == nil {
		return
	}
	sys.Load(&s.snapshot)
	sys.Advance(s.segment)
	sys.Reverse(s.segment)
	sys.Load(&s.snapshot)
	s.held = false
}

// Rewind brings the system to the start of a segment: back to the latest snapshot
// at or before it, or to the start of the run, and on from there.
func (t *Tape) Rewind(sys System, segment int) {
	from := 0
	if s := t.latest(segment); s != nil {
		sys.Load(&s.snapshot)
		from = s.segment
	} else {
		sys.Load(nil)
	}
	for k := from; k < segment; k++ {
		sys.Advance(k)
	}
}

// latest is the slot that holds the latest start at or before that of a segment,
// nil for none.
func (t *Tape) latest(segment int) *slot {
	var best *slot
	for i := range t.slots {
		if s := &t.slots[i]; s.held && s.segment <= segment && (best == nil || s.segment > best.segment) {
			best = s
		}
	}
	return best
}

// Forget drops all snapshots: what they hold belongs to another run.
func (t *Tape) Forget() {
	for i := range t.slots {
		t.slots[i].held = false
	}
}

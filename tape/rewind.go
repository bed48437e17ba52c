package tape

// Start is the slot that stands for the start of the run, which needs no
// snapshot.
const Start = -1

// Held follows a schedule and knows which segment starts its slots hold. The
// zero value holds none.
type Held struct{ segments map[int]int } // by slot

// Save notes that the start of a segment lies in a slot now.
func (h *Held) Save(segment, slot int) {
	if h.segments == nil {
		h.segments = map[int]int{}
	}
	h.segments[slot] = segment
}

// Forget drops all slots: what they hold belongs to another run.
func (h *Held) Forget() { clear(h.segments) }

// Rewind returns the actions that bring a system to the start of a segment:
// back to the latest snapshot at or before it, and on from there.
func (h *Held) Rewind(segment int) []Action {
	from := Action{Load, 0, Start}
	for slot, k := range h.segments {
		if k <= segment && (k > from.Segment || k == from.Segment && (from.Slot == Start || slot < from.Slot)) {
			from = Action{Load, k, slot}
		}
	}
	actions := []Action{from}
	for k := from.Segment; k < segment; k++ {
		actions = append(actions, Action{Kind: Advance, Segment: k})
	}
	return actions
}

package tape

import "math"

// Binomial is the schedule of Griewank and Walther for n segments and at most
// slots snapshots: the fewest segments rendered again for that memory.
//
// The first snapshot holds the start of the run. With r the least number for
// which C(slots+r, slots) ≥ n, the advances are r·n − C(slots+r, slots+1); the
// recording of each segment before its reversal comes on top.
//
// Source: A. Griewank, A. Walther, Algorithm 799: Revolve, ACM TOMS 26(1), 2000.
func Binomial(n, slots int) *Schedule {
	slots = max(1, min(slots, n))
	s := &Schedule{Mode: "binomial", Segments: n, Slots: slots}
	b := binomial{Schedule: s, last: n - 1, at: 0}
	b.add(Action{Kind: Save})
	b.reverse(0, n, 0)
	for _, a := range s.Actions { // each segment is recorded once; all advances are repetitions
		if a.Kind == Advance {
			s.Extra++
		}
	}
	return s
}

type binomial struct {
	*Schedule
	last int // segment whose end is the end of the run
	at   int // segment at whose start the system stands
}

func (b *binomial) add(a Action) { b.Actions = append(b.Actions, a) }

// reverse walks segments [lo, hi) back; the state at lo is in the slot, and the
// slots after it are free.
func (b *binomial) reverse(lo, hi, slot int) {
	for hi-lo > 1 {
		free := b.Slots - slot - 1
		if free == 0 { // replay from lo each time
			for k := hi - 1; k >= lo; k-- {
				b.goTo(lo, k, slot)
				b.turnBack(k)
			}
			return
		}
		mid := lo + split(hi-lo, free+1)
		b.goTo(lo, mid, slot)
		b.add(Action{Save, mid, slot + 1})
		b.reverse(mid, hi, slot+1)
		hi = mid
	}
	b.goTo(lo, lo, slot)
	b.turnBack(lo)
}

// goTo brings the system to the start of segment to, from where it stands or
// from the snapshot at lo.
func (b *binomial) goTo(lo, to, slot int) {
	if b.at != lo {
		b.add(Action{Load, lo, slot})
	}
	for k := lo; k < to; k++ {
		b.add(Action{Kind: Advance, Segment: k})
	}
	b.at = to
}

func (b *binomial) turnBack(k int) {
	b.add(Action{Kind: Record, Segment: k})
	if k == b.last {
		b.add(Action{Kind: Turn, Segment: k})
	}
	b.add(Action{Kind: Reverse, Segment: k})
	b.at = -1 // neither at its start nor at the next
}

// split returns how many of n segments lie before the next snapshot when s
// snapshots, the one at the start included, are left for them.
func split(n, s int) int {
	r := 0
	for choose(s+r, s) < float64(n) {
		r++
	}
	lower := math.Max(choose(s+r-2, s), float64(n)-choose(s+r-1, s-1))
	return min(max(int(lower), 1), n-1)
}

// choose is the binomial coefficient C(n, k), 0 for n < k.
func choose(n, k int) float64 {
	if n < k || k < 0 {
		return 0
	}
	c := 1.0
	for i := 1; i <= min(k, n-k); i++ {
		c = c * float64(n-min(k, n-k)+i) / float64(i)
	}
	return math.Round(c)
}

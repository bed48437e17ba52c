package tape

import "fmt"

// DefaultMemory is the budget of a tape when none is given, in bytes.
const DefaultMemory = 1 << 30

// Limits says how a tape may be kept; the zero value leaves it to a budget of
// [DefaultMemory]. All ways give the same bits.
type Limits struct {
	TapeMemory int64  // bytes; 0 is DefaultMemory
	TapeMode   string // full, segments or binomial; "" is what the budget allows
	Segment    int    // graph frames held at once; 0 is what the budget allows
	Slots      int    // snapshots of a binomial tape whose Segment is given
}

// Cost is what a run takes whose rows hold segments of some length.
type Cost struct {
	Run      int64 // bytes of rows, states and their gradients
	Snapshot int64 // bytes of one
	History  int   // the longest of a row, in graph frames
}

// Costs tells what runs of a model take.
type Costs interface {
	Cost(segment int) Cost        // of segments of so many graph frames
	Count(segment, total int) int // segments of at most that length in a run of total frames
	Least() int                   // length of the shortest segment worth having
}

// Plan is how a tape is kept, and what that costs.
type Plan struct {
	Mode     string // full, segments or binomial
	Segment  int    // graph frames
	Segments int
	Slots    int     // snapshots held at once
	Bytes    int64   // rows, states and their duals, and snapshots
	Extra    float64 // forward passes on top of the first
}

// String is the sentence that the program prints before it starts.
func (p Plan) String() string {
	switch p.Mode {
	case "full":
		return fmt.Sprintf("tape: full, %s, nothing is rendered twice", bytesText(p.Bytes))
	case "segments":
		return fmt.Sprintf("tape: %d segments of %d frames, %s, %.2f extra forward passes", p.Segments, p.Segment, bytesText(p.Bytes), p.Extra)
	}
	return fmt.Sprintf("tape: binomial, %d segments of %d frames with %d snapshots, %s, %.2f extra forward passes", p.Segments, p.Segment, p.Slots, bytesText(p.Bytes), p.Extra)
}

func bytesText(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 10<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// cacheBytes is what rows and duals of a segment may take to stay in the caches
// of a core. Rendering a segment twice there costs less than fetching the rows
// of the whole run from memory: 43 against 83 ns a frame in a chain of ten nodes.
const cacheBytes = 4 << 20

// fullBytes is what a tape kept whole may take before cutting it pays.
const fullBytes = 64 << 20

// Choose takes mode and length of segments for a run of total graph frames: the
// whole run where it is small; segments that stay in the cache where they and
// their snapshots fit the budget; else the whole run, the segments that take the
// least memory, or Griewank and Walther's schedule, whichever fits first.
func Choose(total int, c Costs, l Limits) (Plan, *Schedule, error) {
	budget := l.TapeMemory
	if budget == 0 {
		budget = DefaultMemory
	}
	if l.Segment > 0 {
		p, s := fixed(total, c, l)
		return p, s, nil
	}
	need := c.Cost(total).Run
	full := Plan{Mode: "full", Segment: total, Segments: 1, Bytes: need}
	if l.TapeMode == "full" {
		return full, Full(), nil
	}
	if l.TapeMode == "" && (need > fullBytes || need > budget) {
		if p := cached(total, c); p.Segments > 1 && p.Bytes <= budget {
			return p, InSegments(p.Segments), nil
		}
	}
	if l.TapeMode == "" && need <= budget {
		return full, Full(), nil
	}
	if l.TapeMode != "binomial" {
		if p := smallest(total, c); l.TapeMode == "segments" || p.Bytes <= budget {
			return p, InSegments(p.Segments), nil
		}
	}
	return binomialWithin(budget, total, c)
}

// inSegments is the plan of segments of so many frames, with what they cost.
func inSegments(length, total int, cost Cost) Plan {
	return segmentsPlan((total+length-1)/length, min(length, total), cost)
}

func segmentsPlan(n, length int, cost Cost) Plan {
	return Plan{Mode: "segments", Segment: length, Segments: n, Slots: n - 1, Bytes: cost.Run + int64(n-1)*cost.Snapshot, Extra: float64(n-1) / float64(n)}
}

// cached cuts the run into segments that stay in the cache, but no shorter than
// twice the longest history, which is moved at every segment.
func cached(total int, c Costs) Plan {
	length := c.Least()
	for length < total {
		longer := c.Cost(2 * length)
		if longer.Run > cacheBytes && length >= 2*longer.History {
			break
		}
		length *= 2
	}
	return inSegments(length, total, c.Cost(min(length, total)))
}

// smallest cuts the run into the segments that take the least memory.
func smallest(total int, c Costs) Plan {
	var best Plan
	for length := c.Least(); ; length *= 2 {
		p := inSegments(length, total, c.Cost(min(length, total)))
		if best.Mode == "" || p.Bytes < best.Bytes {
			best = p
		}
		if length >= total {
			return best
		}
	}
}

// fixed keeps segments of the length that the caller wants.
func fixed(total int, c Costs, l Limits) (Plan, *Schedule) {
	cost, n := c.Cost(l.Segment), c.Count(l.Segment, total)
	if n == 1 {
		return Plan{Mode: "full", Segment: total, Segments: 1, Bytes: cost.Run}, Full()
	}
	if l.TapeMode == "binomial" {
		s := Binomial(n, max(1, l.Slots))
		return binomialPlan(s, l.Segment, cost), s
	}
	return segmentsPlan(n, l.Segment, cost), InSegments(n)
}

// binomialPlan is the plan of a binomial schedule.
func binomialPlan(s *Schedule, length int, cost Cost) Plan {
	return Plan{Mode: "binomial", Segment: length, Segments: s.Segments, Slots: s.Slots, Bytes: cost.Run + int64(s.Slots)*cost.Snapshot, Extra: float64(s.Extra) / float64(s.Segments)}
}

// binomialWithin is for budgets that do not hold a snapshot of every segment.
func binomialWithin(budget int64, total int, c Costs) (Plan, *Schedule, error) {
	var best Plan
	var schedule *Schedule
	least := int64(-1)
	for length := c.Least(); length < total; length *= 2 {
		cost := c.Cost(length)
		if need := cost.Run + cost.Snapshot; least < 0 || need < least {
			least = need
		}
		slots := (budget - cost.Run) / max(cost.Snapshot, 1)
		if slots < 1 {
			continue
		}
		n := (total + length - 1) / length
		s := Binomial(n, int(min(slots, int64(n))))
		if p := binomialPlan(s, length, cost); schedule == nil || p.Extra < best.Extra {
			best, schedule = p, s
		}
	}
	if schedule == nil {
		return best, nil, fmt.Errorf("tape: a tape of %s does not hold one segment of this graph; the least is %s", bytesText(budget), bytesText(least))
	}
	return best, schedule, nil
}

package adjoint

import (
	"fmt"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

// DefaultTapeMemory is the budget of a tape when none is given, in bytes.
const DefaultTapeMemory = 1 << 30

// TapePlan is how a model keeps its tape, and what that costs.
type TapePlan struct {
	Mode     string // full, segments or binomial
	Segment  int    // graph frames
	Segments int
	Slots    int     // snapshots held at once
	Bytes    int64   // rows, states and their duals, and snapshots
	Extra    float64 // forward passes on top of the first
}

// String is the sentence that the program prints before it starts.
func (t TapePlan) String() string {
	switch t.Mode {
	case "full":
		return fmt.Sprintf("tape: full, %s, nothing is rendered twice", bytesText(t.Bytes))
	case "segments":
		return fmt.Sprintf("tape: %d segments of %d frames, %s, %.2f extra forward passes", t.Segments, t.Segment, bytesText(t.Bytes), t.Extra)
	}
	return fmt.Sprintf("tape: binomial, %d segments of %d frames with %d snapshots, %s, %.2f extra forward passes", t.Segments, t.Segment, t.Slots, bytesText(t.Bytes), t.Extra)
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

// PlanTape returns how a model of the plan would keep its tape.
func PlanTape(p *graph.Plan, o Options) (TapePlan, error) {
	t, _, err := planTape(p, o)
	return t, err
}

// planTape chooses mode and segment for a budget. The results of all are the
// same bits.
func planTape(p *graph.Plan, o Options) (TapePlan, *tape.Schedule, error) {
	total := o.Frames
	if !o.KeepLatency {
		total += p.Latency
	}
	budget := o.TapeMemory
	if budget == 0 {
		budget = DefaultTapeMemory
	}
	if o.Segment > 0 {
		return fixedTape(p, o, total)
	}
	need := run.Measure(p, total)
	full := TapePlan{Mode: "full", Segment: total, Segments: 1, Bytes: need.Run}
	if o.TapeMode == "full" {
		return full, tape.Full(), nil
	}
	if o.TapeMode == "" && (need.Run > fullBytes || need.Run > budget) {
		if t := cachedTape(p, total); t.Segments > 1 && t.Bytes <= budget {
			return t, tape.InSegments(t.Segments), nil
		}
	}
	if o.TapeMode == "" && need.Run <= budget {
		return full, tape.Full(), nil
	}
	var best TapePlan
	for length := graph.Grid; ; length *= 2 {
		m := run.Measure(p, min(length, total))
		n := (total + length - 1) / length
		t := TapePlan{Mode: "segments", Segment: min(length, total), Segments: n, Slots: n - 1, Bytes: m.Run + int64(n-1)*m.Snapshot, Extra: float64(n-1) / float64(n)}
		if o.TapeMode != "binomial" && (best.Mode == "" || t.Bytes < best.Bytes) {
			best = t
		}
		if length >= total {
			break
		}
	}
	if o.TapeMode == "segments" || best.Mode != "" && best.Bytes <= budget {
		return best, tape.InSegments(best.Segments), nil
	}
	return binomialTape(p, total, budget)
}

// cacheBytes is what rows and duals of a segment may take to stay in the caches
// of a core. Rendering a segment twice there costs less than fetching the rows
// of the whole run from memory: 43 against 83 ns a frame in a chain of ten nodes.
const cacheBytes = 4 << 20

// fullBytes is what a tape kept whole may take before cutting it pays.
const fullBytes = 64 << 20

// cachedTape cuts the run into segments that stay in the cache, but no shorter
// than twice the longest history, which is moved at every segment.
func cachedTape(p *graph.Plan, total int) TapePlan {
	length := graph.Grid
	for length < total {
		longer := run.Measure(p, 2*length)
		if longer.Run > cacheBytes && length >= 2*longer.History {
			break
		}
		length *= 2
	}
	m := run.Measure(p, min(length, total))
	n := (total + length - 1) / length
	return TapePlan{Mode: "segments", Segment: min(length, total), Segments: n, Slots: n - 1, Bytes: m.Run + int64(n-1)*m.Snapshot, Extra: float64(n-1) / float64(n)}
}

// fixedTape keeps segments of the length that the caller wants.
func fixedTape(p *graph.Plan, o Options, total int) (TapePlan, *tape.Schedule, error) {
	r := run.Measure(p, o.Segment)
	n := run.SegmentCount(p, o.Segment, total)
	if n == 1 {
		return TapePlan{Mode: "full", Segment: total, Segments: 1, Bytes: r.Run}, tape.Full(), nil
	}
	t := TapePlan{Mode: "segments", Segment: o.Segment, Segments: n, Slots: n - 1, Bytes: r.Run + int64(n-1)*r.Snapshot, Extra: float64(n-1) / float64(n)}
	if o.TapeMode == "binomial" {
		s := tape.Binomial(n, max(1, o.Slots))
		t.Mode, t.Slots, t.Bytes, t.Extra = "binomial", s.Slots, r.Run+int64(s.Slots)*r.Snapshot, float64(s.Extra)/float64(n)
		return t, s, nil
	}
	return t, tape.InSegments(n), nil
}

// binomialTape is for budgets that do not hold a snapshot of every segment.
func binomialTape(p *graph.Plan, total int, budget int64) (TapePlan, *tape.Schedule, error) {
	var best TapePlan
	var schedule *tape.Schedule
	least := int64(-1)
	for length := graph.Grid; length < total; length *= 2 {
		m := run.Measure(p, length)
		if need := m.Run + m.Snapshot; least < 0 || need < least {
			least = need
		}
		slots := (budget - m.Run) / max(m.Snapshot, 1)
		if slots < 1 {
			continue
		}
		n := (total + length - 1) / length
		s := tape.Binomial(n, int(min(slots, int64(n))))
		t := TapePlan{Mode: "binomial", Segment: length, Segments: n, Slots: s.Slots, Bytes: m.Run + int64(s.Slots)*m.Snapshot, Extra: float64(s.Extra) / float64(n)}
		if schedule == nil || t.Extra < best.Extra {
			best, schedule = t, s
		}
	}
	if schedule == nil {
		return best, nil, fmt.Errorf("adjoint: a tape of %s does not hold one segment of this graph; the least is %s", bytesText(budget), bytesText(least))
	}
	return best, schedule, nil
}

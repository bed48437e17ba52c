// Package arena holds the memory of a run. One [Layout] gives every value its
// offset; up to four regions have it: values, their gradients, tangents, and the
// derivatives of gradients. What belongs to a value in another region is found
// at the same offset:
//
//	primal  │ parameters │ states │ row [history|segment] │ row … │ records │
//	dual    │ parameters │ states │ row [history|segment] │ row … │ records │ mirrors │
//	tangent, twin: the same as primal and dual
//
// A row is the frames of one channel of one port: as many past frames as its
// readers look back, then those of the segment at hand. To read it R frames late is to
// read the same row R frames earlier; in the dual region the same slice takes the
// gradient, which is the delay, mirrored.
//
// Mirrors are rows of gradients only: those of readers that share a producer.
package arena

// align is the granularity of offsets: one cache line of 8 float64.
const align = 8

// Layout hands out places, lowest first, in this order: the head (parameters and
// what follows from them), states, rows and scratch space, mirrors. EndHead,
// EndStates and EndValues mark where one ends and the next begins.
type Layout struct {
	segment              int // graph frames that a row holds behind its history
	size                 int // float64 reserved so far
	head, states, values int // where these parts end
	rows, mirrors        []Row
}

// NewLayout returns an empty layout for segments of so many graph frames.
func NewLayout(segment int) *Layout { return &Layout{segment: segment} }

// Cells are float64 side by side that do not move with time: parameters, states,
// scratch space. The zero value has none.
type Cells struct{ at, n int }

// Len returns how many there are.
func (c Cells) Len() int { return c.n }

// Part returns the i-th n of the cells.
func (c Cells) Part(i, n int) Cells { return Cells{c.at + i*n, n} }

// Row is where the frames of one channel of one port lie.
type Row struct {
	base int // offset of the segment's first frame among values
	dual int // the same among gradients
	past int // row frames in front of it
	mult int // row frames per graph frame
}

// Past returns how many frames the row keeps from before the segment.
func (r Row) Past() int { return r.past }

// Mult returns the row's frames per graph frame.
func (r Row) Mult() int { return r.mult }

// Take reserves n cells from a multiple of a cache line on.
func (l *Layout) Take(n int) Cells {
	at := l.size
	l.size += (n + align - 1) / align * align
	return Cells{at, n}
}

// Row reserves a row that keeps past frames from before its segment.
func (l *Layout) Row(past, mult int) Row {
	at := l.Take(past+l.segment*mult).at + past
	r := Row{base: at, dual: at, past: past, mult: mult}
	l.rows = append(l.rows, r)
	return r
}

// Strip reserves a row for notes on the segment at hand: it keeps nothing from
// before, and is neither cleared nor saved.
func (l *Layout) Strip(mult int) Row {
	at := l.Take(l.segment * mult).at
	return Row{base: at, dual: at, mult: mult}
}

// Mirror reserves a second row of gradients for a row.
func (l *Layout) Mirror(r Row) Row {
	r.dual = l.Take(r.past+l.segment*r.mult).at + r.past
	l.mirrors = append(l.mirrors, r)
	return r
}

// EndHead ends the part of parameters, EndStates that of states, EndValues all
// that has values; mirrors follow.
func (l *Layout) EndHead() { l.head = l.size }

// EndStates ends the part of states.
func (l *Layout) EndStates() { l.states = l.size }

// EndValues ends what has values.
func (l *Layout) EndValues() { l.values = l.size }

// Values returns the float64 of a region of values, Duals those of gradients.
func (l *Layout) Values() int { return l.values }

// Duals returns the float64 of a region of gradients.
func (l *Layout) Duals() int { return l.size }

// SnapshotLen returns the float64 of a snapshot: states and histories.
func (l *Layout) SnapshotLen() int {
	n := l.states - l.head
	for i := range l.rows {
		n += l.rows[i].past
	}
	return n
}

// LongestPast returns the longest history of a row, in graph frames.
func (l *Layout) LongestPast() int {
	longest := 0
	for _, r := range l.rows {
		longest = max(longest, r.past/r.mult)
	}
	return longest
}

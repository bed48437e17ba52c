// Package arena holds the memory of a run: one contiguous float64 allocation
// for every row, state and record, and a second one of the same layout for
// their gradients, so that the dual of a value is found at the same offset:
//
//	primal  │ params │ states │ row [history|segment] │ row … │ records │
//	dual    │ params │ states │ row [history|segment] │ row … │ records │ edges │
//
// The tail of the dual holds what has no primal counterpart: the gradients of
// edges that share a producer.
package arena

// align is the granularity of offsets: one cache line of 8 float64.
const align = 8

// Layout hands out offsets, lowest first. The zero value is empty.
type Layout struct{ size int }

// Take reserves n float64 and returns their offset, a multiple of a cache line.
func (l *Layout) Take(n int) int {
	at := l.size
	l.size += (n + align - 1) / align * align
	return at
}

// Size returns the float64 reserved so far.
func (l *Layout) Size() int { return l.size }

// Pair is a primal arena and its dual.
type Pair struct{ Primal, Dual []float64 }

// Reserve makes room for at least so many float64 in each arena; contents
// survive. An arena that is pressed grows by doubling, so a sequence of
// slightly larger runs does not reallocate each time. Slices taken before a
// call may point to the old memory afterwards: bind after reserving.
func (p *Pair) Reserve(primal, dual int) {
	p.Primal = grow(p.Primal, primal)
	p.Dual = grow(p.Dual, dual)
}

func grow(a []float64, n int) []float64 {
	if n <= len(a) {
		return a
	}
	size := n
	if len(a) > 0 {
		size = max(n, 2*len(a))
	}
	b := make([]float64, size)
	copy(b, a)
	return b
}

package arena

import "ampfit/internal/vec"

// Route moves the frames of one row of a region into another of the same rate.
type Route struct {
	from, to, mult int
	first          bool // copies; the others add
}

// Route leads from a row that is read back graph frames late to another, in
// regions of this one's kind; the first of those into a row copies, the others
// add.
func (m *Region) Route(from Row, back int, to Row, first bool) Route {
	return Route{m.base(&from) - back*from.mult, m.base(&to), from.mult, first}
}

// RouteBack leads the other way and adds: from a row to one that was read back
// graph frames late.
func (m *Region) RouteBack(from, to Row, back int) Route {
	return Route{m.base(&from), m.base(&to) - back*to.mult, from.mult, false}
}

// Move carries the frames [s, s+frames) along routes, in their order.
func (m *Region) Move(routes []Route, s, frames int) {
	data := m.data
	for i := range routes {
		q := &routes[i]
		n, at := frames*q.mult, s*q.mult
		src, dst := data[q.from+at:][:n], data[q.to+at:][:n]
		switch {
		case q.first:
			copy(dst, src)
		case n < 8:
			for k, v := range src {
				dst[k] += v
			}
		default:
			vec.Add(dst, src)
		}
	}
}

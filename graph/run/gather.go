package run

import (
	"ampfit/graph"
	"ampfit/internal/vec"
)

// Route moves the frames of one row into another of the same rate; both lie in
// one arena. Offsets are those of segment frame 0, read offsets included.
type Route struct {
	from, to int
	mult     int
	first    bool // copies; the others add
}

// Move carries the frames [s, s+frames) along routes, in their order.
func Move(m []float64, routes []Route, s, frames int) {
	for i := range routes {
		q := &routes[i]
		n, at := frames*q.mult, s*q.mult
		src, dst := m[q.from+at:][:n], m[q.to+at:][:n]
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

// inputRoutes lists what fills the gathered ports of a unit: for each row its
// producers in file order.
func (r *Run) inputRoutes(x *Exec) []Route {
	var routes []Route
	r.eachHeard(x, func(row Row, l *graph.Link, batch, channel int, first bool) {
		from := r.Execs[l.From.Unit.Index].Out[l.From.Index][batch*l.From.Channels+channel]
		routes = append(routes, Route{from: from.Base - l.Back*from.Mult, to: row.Base, mult: row.Mult, first: first})
	})
	return routes
}

// Scatter lists the routes of the dual arena that hand the gradient of a unit's
// gathered ports to the links that filled them.
func (r *Run) Scatter(x *Exec) []Route {
	var routes []Route
	r.eachHeard(x, func(row Row, l *graph.Link, batch, channel int, _ bool) {
		to := r.linkDual[l.Index][batch*l.From.Channels+channel]
		routes = append(routes, Route{from: row.Dual, to: to.Dual - l.Back*to.Mult, mult: row.Mult})
	})
	return routes
}

// Collect lists the routes of the dual arena that complete the gradient of a
// unit's outputs: from the readers that keep rows of their own, in file order.
func (r *Run) Collect(x *Exec) []Route {
	var routes []Route
	for i, out := range x.Unit.Out {
		if len(out.Readers) == 1 {
			continue // it adds into the producer's own row
		}
		for j, row := range x.Out[i] {
			for _, l := range out.Readers {
				routes = append(routes, Route{from: r.linkDual[l.Index][j].Dual, to: row.Dual, mult: row.Mult})
			}
		}
	}
	return routes
}

func (r *Run) eachHeard(x *Exec, do func(row Row, l *graph.Link, batch, channel int, first bool)) {
	for i, in := range x.Unit.In {
		if x.In[i] == nil {
			continue
		}
		for b := range r.Plan.Batches {
			for c := range in.Channels {
				for k, h := range in.Heard[c] {
					do(x.In[i][b*in.Channels+c], h.Link, b, h.Channel, k == 0)
				}
			}
		}
	}
}

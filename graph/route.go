package graph

import "ampfit/internal/vec"

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
	r.eachHeard(x, func(row Row, l *Link, batch, channel int, first bool) {
		from := r.Execs[l.From.Unit.Index].Out[l.From.Index][batch*l.From.Channels+channel]
		routes = append(routes, Route{from: from.Base - l.Back*from.Mult, to: row.Base, mult: row.Mult, first: first})
	})
	return routes
}

// Scatter lists the routes of the dual arena that hand the gradient of a unit's
// gathered ports to the links that filled them.
func (r *Run) Scatter(x *Exec) []Route {
	var routes []Route
	r.eachHeard(x, func(row Row, l *Link, batch, channel int, _ bool) {
		to := r.linkDual[l.index][batch*l.From.Channels+channel]
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
				routes = append(routes, Route{from: r.linkDual[l.index][j].Dual, to: row.Dual, mult: row.Mult})
			}
		}
	}
	return routes
}

func (r *Run) eachHeard(x *Exec, do func(row Row, l *Link, batch, channel int, first bool)) {
	for i, in := range x.Unit.In {
		if x.In[i] == nil {
			continue
		}
		for b := range r.Plan.Batches {
			for c := range in.Channels {
				for k, h := range in.heard[c] {
					do(x.In[i][b*in.Channels+c], h.link, b, h.channel, k == 0)
				}
			}
		}
	}
}

// heard is one producer channel that reaches a channel of an input port.
type heard struct {
	link    *Link
	channel int
}

// hear lists what each channel of a gathered port is the sum of, in file order.
// Mono feeds every channel.
func (in *InPort) hear() {
	in.heard = make([][]heard, in.Channels)
	for c := range in.heard {
		if !in.Sum {
			l, from := in.source(min(c, in.linked()-1))
			in.heard[c] = []heard{{l, from}}
			continue
		}
		for _, l := range in.Links {
			in.heard[c] = append(in.heard[c], heard{l, l.Pick(c)})
		}
	}
}

package run

import (
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/internal/vec"
)

// route moves the frames of one row into another of the same rate.
type route struct {
	from, to arena.Window
	first    bool // copies; the others add
}

// move carries the frames of a call along routes, in their order.
func move(m *arena.Region, routes []route, s, frames int) {
	for i := range routes {
		q := &routes[i]
		src, dst := m.Open(&q.from, s, frames), m.Open(&q.to, s, frames)
		switch {
		case q.first:
			copy(dst, src)
		case len(src) < 8:
			for k, v := range src {
				dst[k] += v
			}
		default:
			vec.Add(dst, src)
		}
	}
}

// gather fills the rows of gathered ports, sums and mono that feeds several
// channels, from their producers in file order; back, it hands their gradient to
// the links that filled them.
type gather struct {
	run       *Run
	pull, lay []route // among values, and back among gradients
}

// newGather returns the operator of a unit, nil when no port is gathered.
func newGather(x *exec) *gather {
	g, r := &gather{run: x.run}, x.run
	for i, in := range x.In {
		if x.in[i] == nil {
			continue
		}
		in.Hear()
		for b := range r.Plan.Batches {
			for c := range in.Channels {
				row := x.in[i][b*in.Channels+c]
				for k, h := range in.Heard[c] {
					from, v, d := r.linkRows(h.Link)[b*h.Link.From.Channels+h.Channel], r.memory[primal], r.memory[dual]
					g.pull = append(g.pull, route{v.Window(from, h.Link.Back, 0), v.Window(row, 0, 0), k == 0})
					if r.taped {
						g.lay = append(g.lay, route{from: d.Window(row, 0, 0), to: d.Window(from, h.Link.Back, 0)})
					}
				}
			}
		}
	}
	if g.pull == nil {
		return nil
	}
	return g
}

func (g *gather) forward(sp *Span) { move(g.run.memory[primal], g.pull, sp.S, sp.Frames) }

func (g *gather) back(sp *Span) { move(g.run.memory[dual], g.lay, sp.S, sp.Frames) }

func (g *gather) forwardAlong(sp *Span) { move(g.run.memory[tangent], g.pull, sp.S, sp.Frames) }

func (g *gather) backAlong(sp *Span) {
	g.back(sp)
	move(g.run.memory[twin], g.lay, sp.S, sp.Frames)
}

// spread is what becomes of a unit's outputs: readers and the loss look at them
// without a copy. Back, it completes their gradient: from the readers that keep
// rows of their own, in file order, and then from the loss.
type spread struct {
	x       *exec
	collect []route // among gradients
}

func newSpread(x *exec) *spread {
	s, r := &spread{x: x}, x.run
	d := r.memory[dual]
	for i, out := range x.Out {
		if len(out.Readers) == 1 {
			continue // it adds into the producer's own row
		}
		for j, row := range x.out[i] {
			for _, l := range out.Readers {
				s.collect = append(s.collect, route{from: d.Window(r.mirrors[l.Index][j], 0, 0), to: d.Window(row, 0, 0)})
			}
		}
	}
	return s
}

func (*spread) forward(*Span) {}

func (s *spread) back(sp *Span) {
	r := s.x.run
	move(r.memory[dual], s.collect, sp.S, sp.Frames)
	for k := range r.seeds {
		if seed := &r.seeds[k]; seed.port.Unit == s.x.Unit {
			seed.add(r.memory[dual], s.x, sp)
		}
	}
}

func (*spread) forwardAlong(*Span) {}

func (s *spread) backAlong(sp *Span) {
	s.back(sp)
	r := s.x.run
	move(r.memory[twin], s.collect, sp.S, sp.Frames)
	if seed := &r.along.seed; seed.port.Unit == s.x.Unit {
		seed.add(r.memory[twin], s.x, sp)
	}
}

// seed is the gradient of the loss by the rows of an output.
type seed struct {
	port *graph.OutPort
	rows [][]float64
	at   int64 // absolute frame of their first element
}

// add adds what the seed has for the frames of a call.
func (s *seed) add(m *arena.Region, x *exec, sp *Span) {
	first := max(s.at-sp.At, 0)
	from := sp.At + first - s.at
	for j, row := range x.out[s.port.Index] {
		dy, g := m.Frames(row, sp.S, sp.Frames), s.rows[j]
		if from >= int64(len(g)) || first >= int64(len(dy)) {
			continue
		}
		dy = dy[first:]
		g = g[from:min(from+int64(len(dy)), int64(len(g)))]
		vec.Add(dy[:len(g)], g)
	}
}

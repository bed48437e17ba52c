package run

import (
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/internal/vec"
)

// gather fills the rows of gathered ports, sums and mono that feeds several
// channels, from their producers in file order; back, it hands their gradient to
// the links that filled them.
type gather struct {
	run       *Run
	pull, lay []arena.Route // among values, and back among gradients
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
					g.pull = append(g.pull, v.Route(from, h.Link.Back, row, k == 0))
					if r.taped {
						g.lay = append(g.lay, d.RouteBack(row, from, h.Link.Back))
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

func (g *gather) forward(sp *Span) { g.run.memory[primal].Move(g.pull, sp.S, sp.Frames) }

func (g *gather) back(sp *Span) { g.run.memory[dual].Move(g.lay, sp.S, sp.Frames) }

func (g *gather) forwardAlong(sp *Span) { g.run.memory[tangent].Move(g.pull, sp.S, sp.Frames) }

func (g *gather) backAlong(sp *Span) {
	g.back(sp)
	g.run.memory[twin].Move(g.lay, sp.S, sp.Frames)
}

// spread is what becomes of a unit's outputs: readers and the loss look at them
// without a copy. Back, it completes their gradient: from the readers that keep
// rows of their own, in file order, and then from the loss.
type spread struct {
	x       *exec
	collect []arena.Route // among gradients
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
				s.collect = append(s.collect, d.RouteBack(r.mirrors[l.Index][j], row, 0))
			}
		}
	}
	return s
}

func (*spread) forward(*Span) {}

func (s *spread) back(sp *Span) {
	r := s.x.run
	if len(s.collect) > 0 {
		r.memory[dual].Move(s.collect, sp.S, sp.Frames)
	}
	if !s.x.seeded {
		return
	}
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
	r.memory[twin].Move(s.collect, sp.S, sp.Frames)
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

package run

import (
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/internal/vec"
)

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

package run

import (
	"ampfit/arena"
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
		heard := in.Hear()
		for b := range r.Plan.Batches {
			for c := range in.Channels {
				row := x.in[i][b*in.Channels+c]
				for k, h := range heard[c] {
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

package search

import (
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/optim/problem"
)

// movement is a learned delay, corner or pitch, and the wave that moves it, if any:
//
//	value(t) = centre + scale depth w(phase + rate t)        of delays, in ms, and of pitches
//	value(t) = centre 2^(depth w(phase + rate t))            of corners
type movement struct {
	centre, depth, rate, phase *adjoint.Param // the last three nil: it stands still
	mix, feedback              *adjoint.Param // of its node, nil: none
	octaves                    bool
	scale                      float64
	wave                       func(phase float64) float64
}

// movements are the delays of a graph, moved or not, and the corners that move.
func movements(p *problem.Problem) []*movement {
	var out []*movement
	for i := range p.Variables {
		v := &p.Variables[i]
		q, u := v.Param.Spec, v.Param.Spec.Of
		if len(v.Param.Values) != 1 || u.Filter != nil {
			continue
		}
		m := &movement{centre: v.Param, scale: 1, mix: p.Param(u, abi.Mix), feedback: p.Param(u, abi.Feedback)}
		switch {
		case q.Role == abi.Delay && q.Unit == "ms" && p.Param(u, abi.Depth) != nil:
			m.driveSmoothly(p, u)
		case q.Role == abi.Delay && q.Unit == "ms":
			if from := m.mover(); from != nil {
				m.driveSmoothly(p, from)
			}
		case q.Role == abi.Corner && slices.ContainsFunc(u.Params, func(d *graph.Param) bool { return d.Role == abi.Depth && d.Unit == "octaves" }):
			m.octaves = true
			if !m.driveSmoothly(p, u) {
				continue
			}
		default:
			continue
		}
		out = append(out, m)
	}
	return out
}

// mover is the unit whose output alone is added to the centre; nil for none. It
// notes the scale.
func (m *movement) mover() *graph.Unit {
	mods := m.centre.Spec.Mods
	if len(mods) != 1 || mods[0].Mode != graph.Add {
		return nil
	}
	m.scale = mods[0].Scale
	return mods[0].From.Unit
}

// drive notes the parameters of the wave that a unit makes, when all are there.
func (m *movement) drive(p *problem.Problem, u *graph.Unit) bool {
	d, r, ph := p.Param(u, abi.Depth), p.Param(u, abi.Rate), p.Param(u, abi.Phase)
	if d == nil || r == nil || ph == nil {
		return false
	}
	m.depth, m.rate, m.phase = d, r, ph
	return true
}

// driveSmoothly does so where the wave has no jumps.
func (m *movement) driveSmoothly(p *problem.Problem, u *graph.Unit) bool {
	if u.Type.Wave == nil {
		return false
	}
	w := u.Type.Wave(u.Node.Config)
	if w == nil || !m.drive(p, u) {
		return false
	}
	m.wave = w
	return true
}

// value is that of a number on the grid of a surface.
func (m *movement) value(line float64) float64 {
	if m.octaves {
		return math.Exp2(line)
	}
	return line
}

// choices are values to try of a parameter: the given ones where it is learned,
// else the one it has.
func choices(p *problem.Problem, q *adjoint.Param, values ...float64) []float64 {
	switch {
	case q == nil:
		return values[:1]
	case p.Index(q) < 0:
		return []float64{q.Values[0]}
	}
	return values
}

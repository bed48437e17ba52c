package search

import (
	"math"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
)

// mover is a learned delay or corner, and the wave that moves it, if any:
//
//	value(t) = centre + scale depth w(phase + rate t)        of delays, in ms
//	value(t) = centre 2^(depth w(phase + rate t))            of corners
type mover struct {
	centre, depth, rate, phase *adjoint.Param // the last three nil: it stands still
	mix, feedback              *adjoint.Param // of its node, nil: none
	octaves                    bool
	scale                      float64
	wave                       func(phase float64) float64
}

// movers finds what the graph has of them.
func (o *GraphObjective) movers() []*mover {
	var out []*mover
	for i := range o.Variables {
		v := &o.Variables[i]
		if len(v.Param.Values) != 1 {
			continue
		}
		var unit *graph.Unit
		for _, u := range o.Model.Plan.Units {
			if u.Name == v.Param.Node && !u.Filter {
				unit = u
			}
		}
		if unit == nil {
			continue
		}
		m := &mover{
			centre: v.Param, scale: 1, wave: waveOf(unit),
			mix: o.Model.Param(unit.Name, "mix"), feedback: o.Model.Param(unit.Name, "feedback"),
		}
		switch v.Param.Name {
		case "delay_ms":
			m.drive(o, unit.Name, "depth_ms")
		case "center_hz":
			m.octaves = true
			if m.drive(o, unit.Name, "depth_oct"); m.depth == nil {
				continue
			}
		case "time_ms":
			for _, p := range unit.Params {
				if p.Name != v.Param.Name || len(p.Mods) != 1 || p.Mods[0].Mode != graph.Add {
					continue
				}
				from := p.Mods[0].From.Unit
				if from.Type.Name == "LFONode" {
					m.scale, m.wave = p.Mods[0].Scale, waveOf(from)
					m.drive(o, from.Name, "depth")
				}
			}
		default:
			continue
		}
		out = append(out, m)
	}
	return out
}

// drive notes the parameters of the wave, when all are there.
func (m *mover) drive(o *GraphObjective, node, depth string) {
	d, r, p := o.Model.Param(node, depth), o.Model.Param(node, "rate_hz"), o.Model.Param(node, "phase")
	if d != nil && r != nil && p != nil && m.wave != nil {
		m.depth, m.rate, m.phase = d, r, p
	}
}

// waveOf is the shape of a unit's wave, nil where it has none that moves
// smoothly.
func waveOf(u *graph.Unit) func(float64) float64 {
	switch u.Node.Config.Text("wave") {
	case "sine":
		return func(p float64) float64 { return math.Sin(2 * math.Pi * p) }
	case "triangle":
		return func(p float64) float64 { return 2*math.Abs(2*(p-math.Floor(p))-1) - 1 }
	}
	return nil
}

// variable returns the index of the learned number of a parameter, -1 for none.
func (o *GraphObjective) variable(p *adjoint.Param) int {
	for i := range o.Variables {
		if p != nil && o.Variables[i].Param.Node == p.Node && o.Variables[i].Param.Name == p.Name {
			return i
		}
	}
	return -1
}

// put moves a point to a value of a parameter, where that is learned.
func (o *GraphObjective) put(x []float64, p *adjoint.Param, value float64) {
	i := o.variable(p)
	if i < 0 {
		return
	}
	v := &o.Variables[i]
	if v.Scale != abi.Periodic { // a little inside, where slopes are not 0
		value = math.Min(math.Max(value, v.Lo), v.Hi)
		lo, hi := v.line(v.Lo), v.line(v.Hi)
		if margin := startInside * (hi - lo); !math.IsInf(margin, 0) {
			value = v.unline(math.Min(math.Max(v.line(value), lo+margin/10), hi-margin/10))
		}
	}
	x[i] = v.Unbounded(value)
}

// choices are values to try of a parameter: the given ones where it is learned,
// else the one it has.
func (o *GraphObjective) choices(p *adjoint.Param, values ...float64) []float64 {
	switch {
	case p == nil:
		return values[:1]
	case o.variable(p) < 0:
		return []float64{p.Values[0]}
	}
	return values
}

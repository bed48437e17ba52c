package run

import (
	"math"

	"ampfit/abi"
	"ampfit/arena"
	"ampfit/graph"
	"ampfit/internal/vec"
)

// modulate computes the effective values of the modulated parameters of a unit.
// From the base value, in file order, where the modulator is visible:
//
//	p ← p + s m     or  p ← p s m     or  p ← m,   and at last p ← clamp(p)
//
// Back, the gradient p̄ of the clamped value walks the same steps in reverse, each
// with the p before it. Outside the range the slope of the clamp is 0, on the
// bound 1; parameters of a periodic scale have no clamp.
type modulate struct {
	x      *exec
	params []modulated
}

// modulated is a parameter with its modulators.
type modulated struct {
	*graph.Param
	base arena.Cells // of all lanes
	rows []arena.Row // effective values, by lane
	mods []modulator
}

// modulator is one link to a parameter, and its rows over the frames of a call.
type modulator struct {
	*graph.Link
	hidden      int       // frames before it is visible
	value, dual []float64 // and gradient
	moved, twin []float64 // tangent, and derivative of the gradient

	before, slope float64 // the parameter and its tangent before this step, at the frame at hand
}

// newModulate returns the operator of a unit, nil when nothing is modulated.
func newModulate(x *exec) *modulate {
	o := &modulate{x: x}
	for k, q := range x.Params {
		if x.mod[k] == nil {
			continue
		}
		m := modulated{Param: q, base: x.params[k], rows: x.mod[k]}
		for _, l := range q.Mods {
			m.mods = append(m.mods, modulator{Link: l})
		}
		o.params = append(o.params, m)
	}
	if o.params == nil {
		return nil
	}
	return o
}

// show points the modulators of a parameter at what a lane hears of them in a
// call.
func (o *modulate) show(q *modulated, lane int, sp *Span, along, gradients bool) {
	r := o.x.run
	batch, channel := lane/o.x.perBatch(), lane%o.x.perBatch()
	for i := range q.mods {
		m := &q.mods[i]
		row := r.linkRows(m.Link)[batch*m.From.Channels+m.Pick(channel)]
		frames := func(region int) []float64 { return r.memory[region].Frames(row, sp.S-m.Back, sp.Frames) }
		m.hidden = m.Hidden(sp.At, sp.Frames, o.x.Mult)
		m.value = frames(primal)
		if gradients {
			m.dual = frames(dual)
		}
		if along {
			m.moved = frames(tangent)
			if gradients {
				m.twin = frames(twin)
			}
		}
	}
}

func (o *modulate) forward(sp *Span) {
	values := o.x.run.memory[primal]
	for i := range o.params {
		q := &o.params[i]
		for lane, row := range q.rows {
			o.show(q, lane, sp, false, false)
			p := values.Frames(row, sp.S, sp.Frames)
			base := values.Cells(q.base)[lane]
			for n := range p {
				p[n] = base
			}
			for i := range q.mods {
				q.mods[i].add(p)
			}
			o.x.clamped += q.clamp(p)
		}
	}
}

// add is the modulator's step, over a call.
func (m *modulator) add(p []float64) {
	switch m.Mode {
	case graph.Multiply:
		for n := m.hidden; n < len(p); n++ {
			p[n] *= m.Scale * m.value[n]
		}
	case graph.Replace:
		copy(p[m.hidden:], m.value[m.hidden:])
	default:
		for n := m.hidden; n < len(p); n++ {
			p[n] += float64(m.Scale * m.value[n])
		}
	}
}

// clamp keeps values in the range of the parameter and counts those that were
// outside.
func (q *modulated) clamp(p []float64) (clamped int64) {
	if q.Scale == abi.Periodic {
		return 0
	}
	for n, v := range p {
		if v < q.Min || v > q.Max || v != v {
			p[n] = math.Min(math.Max(v, q.Min), q.Max)
			clamped++
		}
	}
	return clamped
}

// free reports whether the clamp lets a gradient through at p.
func (q *modulated) free(p float64) bool {
	return q.Scale == abi.Periodic || !(p < q.Min || p > q.Max)
}

func (o *modulate) back(sp *Span) {
	values, duals := o.x.run.memory[primal], o.x.run.memory[dual]
	for i := range o.params {
		q := &o.params[i]
		for lane, row := range q.rows {
			o.show(q, lane, sp, false, true)
			dp, base := duals.Frames(row, sp.S, sp.Frames), duals.Cells(q.base)
			if q.inside(values.Frames(row, sp.S, sp.Frames)) {
				for i := range q.mods {
					if m := &q.mods[i]; m.hidden < len(dp) {
						vec.AddScaled(m.dual[m.hidden:], m.Scale, dp[m.hidden:])
					}
				}
				base[lane] += vec.Sum(dp)
				continue
			}
			value, sum := values.Cells(q.base)[lane], 0.0
			for n := len(dp) - 1; n >= 0; n-- {
				sum += q.through(n, value, dp[n])
			}
			base[lane] += sum
		}
	}
}

// inside reports whether all modulators are added to a parameter and none of its
// effective values stands at a bound: then each takes its share of the gradient.
func (q *modulated) inside(effective []float64) bool {
	for i := range q.mods {
		if q.mods[i].Mode != graph.Add {
			return false
		}
	}
	if q.Scale == abi.Periodic {
		return true
	}
	lo, hi := q.Min, q.Max
	for _, p := range effective {
		if !(p > lo && p < hi) {
			return false
		}
	}
	return true
}

// through carries the gradient g of the effective value at frame n back through
// clamp and modulators, and returns the gradient of the base value.
func (q *modulated) through(n int, base, g float64) float64 {
	p := base
	for i := range q.mods {
		m := &q.mods[i]
		m.before = p
		switch {
		case n < m.hidden:
		case m.Mode == graph.Multiply:
			p *= m.Scale * m.value[n]
		case m.Mode == graph.Replace:
			p = m.value[n]
		default:
			p += float64(m.Scale * m.value[n])
		}
	}
	if !q.free(p) {
		return 0
	}
	for i := len(q.mods) - 1; i >= 0; i-- {
		m := &q.mods[i]
		switch {
		case n < m.hidden:
		case m.Mode == graph.Multiply:
			m.dual[n] += g * m.Scale * m.before
			g *= m.Scale * m.value[n]
		case m.Mode == graph.Replace:
			m.dual[n] += g
			g = 0
		default:
			m.dual[n] += g * m.Scale
		}
	}
	return g
}

func (o *modulate) forwardAlong(sp *Span) {
	values, tangents := o.x.run.memory[primal], o.x.run.memory[tangent]
	for i := range o.params {
		q := &o.params[i]
		for lane, row := range q.rows {
			o.show(q, lane, sp, true, false)
			base, slope := values.Cells(q.base)[lane], tangents.Cells(q.base)[lane]
			for n, dp := 0, tangents.Frames(row, sp.S, sp.Frames); n < len(dp); n++ {
				p, t := q.onward(n, base, slope)
				if !q.free(p) {
					t = 0
				}
				dp[n] = t
			}
		}
	}
}

// onward carries the base value and its tangent through the modulators at frame n,
// noting what they were before each step; the clamp is left to the caller.
func (q *modulated) onward(n int, p, t float64) (value, slope float64) {
	for i := range q.mods {
		m := &q.mods[i]
		m.before, m.slope = p, t
		switch {
		case n < m.hidden:
		case m.Mode == graph.Multiply:
			p, t = p*(m.Scale*m.value[n]), t*m.Scale*m.value[n]+p*m.Scale*m.moved[n]
		case m.Mode == graph.Replace:
			p, t = m.value[n], m.moved[n]
		default:
			p, t = p+float64(m.Scale*m.value[n]), t+m.Scale*m.moved[n]
		}
	}
	return p, t
}

func (o *modulate) backAlong(sp *Span) {
	r := o.x.run
	for i := range o.params {
		q := &o.params[i]
		for lane, row := range q.rows {
			o.show(q, lane, sp, true, true)
			g, gt := r.memory[dual].Frames(row, sp.S, sp.Frames), r.memory[twin].Frames(row, sp.S, sp.Frames)
			base, slope := r.memory[primal].Cells(q.base)[lane], r.memory[tangent].Cells(q.base)[lane]
			for n := len(g) - 1; n >= 0; n-- {
				a, b := q.throughTwice(n, base, slope, g[n], gt[n])
				r.memory[dual].Cells(q.base)[lane] += a
				r.memory[twin].Cells(q.base)[lane] += b
			}
		}
	}
}

// throughTwice is through, and its derivative along the tangents.
func (q *modulated) throughTwice(n int, base, slope, g, gt float64) (float64, float64) {
	if p, _ := q.onward(n, base, slope); !q.free(p) {
		return 0, 0
	}
	for i := len(q.mods) - 1; i >= 0; i-- {
		m := &q.mods[i]
		switch {
		case n < m.hidden:
		case m.Mode == graph.Multiply:
			m.dual[n] += g * m.Scale * m.before
			m.twin[n] += m.Scale * (gt*m.before + g*m.slope)
			g, gt = g*m.Scale*m.value[n], m.Scale*(gt*m.value[n]+g*m.moved[n])
		case m.Mode == graph.Replace:
			m.dual[n] += g
			m.twin[n] += gt
			g, gt = 0, 0
		default:
			m.dual[n] += g * m.Scale
			m.twin[n] += gt * m.Scale
		}
	}
	return g, gt
}

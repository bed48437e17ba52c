package abitest

import (
	"fmt"
	"math"
)

// second walks the blocks of the forward run back with the derivative of the
// adjoint along dir, from the weights of the results and their own change.
func (t *trace) second(dir *vars, weights, moved *outs) (g, twin *vars) {
	push := t.r.newTrace()
	push.vary(dir)
	var before [][][]float64 // states of the tangents before each block, by lane
	for k := range t.states {
		states := make([][]float64, len(push.mem))
		for l := range push.mem {
			states[l] = append([]float64(nil), push.mem[l].state...)
			copy(t.mem[l].before, t.states[k][l])
		}
		before = append(before, states)
		t.bindAll(t.starts[k], t.starts[k+1]-t.starts[k])
		push.bindAll(t.starts[k], t.starts[k+1]-t.starts[k])
		t.r.typ.Tangent(t.block, push.block)
	}
	pair := [2]*trace{t.r.newTrace(), t.r.newTrace()}
	pair[0].weigh(weights)
	pair[1].weigh(moved)
	for k := len(t.states) - 1; k >= 0; k-- {
		at, n := t.starts[k], t.starts[k+1]-t.starts[k]
		for l := range t.mem {
			copy(t.mem[l].before, t.states[k][l])
			copy(push.mem[l].before, before[k][l])
			garbage(t.mem[l].state, push.mem[l].state)
		}
		for _, tr := range []*trace{t, push, pair[0], pair[1]} {
			tr.bindAll(at, n)
		}
		t.r.typ.Second(t.block, push.block, pair[0].block, pair[1].block)
	}
	return pair[0].gradients(), pair[1].gradients()
}

// curvature checks Second: what it does in the dual is what Backward does, and
// its derivative is that of differences of Backward, in a direction of all
// variables and of the weights. It reports whether a kink was crossed.
func (c *checker) curvature(pt *point) (kink bool) {
	forward, backward := pt.kernels()
	t := pt.newTrace()
	t.forward(pt.v, uneven, forward)
	primal := t.outs()
	w, moved := pt.weights(primal), pt.weights(primal)
	for _, o := range []*outs{w, moved} { // tangents carry no heat
		for l := range o.lanes {
			clear(o.lanes[l].heat)
		}
	}
	dir := pt.together(pt.groups())
	want := t.backward(w, nil, pt.typ.Backward)
	t.forward(pt.v, uneven, forward)
	g, twin := t.second(dir, w, moved)
	terms := size(w, primal)
	c.nearVars("Second does what Backward does", pt, want, g, 1e-9, 100*terms)

	probe, at, weights := pt.newTrace(), pt.zeros(), pt.weights(primal)
	known := map[float64]*vars{} // every group looks at the same steps
	gradient := func(h float64) *vars {
		if known[h] != nil {
			return known[h]
		}
		along(at.slices(), pt.v.slices(), h, dir.slices())
		along(weights.slices(), w.slices(), h, moved.slices())
		probe.forward(at, uneven, forward)
		known[h] = probe.backward(weights, nil, backward)
		return known[h]
	}
	for _, group := range pt.groups() {
		look := pt.direction(group)
		value := dot(look.slices(), twin.slices())
		scale := math.Abs(dot(look.slices(), want.slices())) + norm(look.slices())*norm(want.slices())
		d := differentiate(func(h float64) float64 { return dot(look.slices(), gradient(h).slices()) }, pt.room(dir), 1e-14*scale)
		off := math.Abs(value - d.value)
		if off <= 1e-5*max(math.Abs(value), math.Abs(d.value))+4*d.spread+1e-8*scale {
			continue
		}
		if d.uneven > 0.3*off || off < 50*d.noise || d.spread > 1e-3*off {
			return true
		}
		c.fail("derivative of the adjoint against differences", pt.name, "%s", table(row{fmt.Sprint("by ", group.name), value, d.value}))
	}
	return false
}

// second looks for a seed that crosses no kink, and checks Second there.
func (c *checker) second(v variant, channels int, l level, modulated bool, seed uint64) {
	if c.typ.Second == nil {
		return
	}
	const tries = 8
	for try := range tries {
		pt, ok := c.at(v, channels, 30, l, modulated, seed+uint64(try)+1)
		if !ok || pt.set.NoBackward || pt.set.NoSecond || pt.set.Surrogate || modulated && !pt.any() {
			return
		}
		pt.keep = math.Pow(0.25, float64(try))
		if !c.curvature(pt) {
			return
		}
	}
	c.fail("derivative of the adjoint against differences", v.name, "kink crossed with every seed")
}

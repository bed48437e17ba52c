package abitest

import (
	"fmt"
	"math"
	"strings"

	"ampfit/abi"
)

// derivatives checks adjoint and tangent of one variant.
func (c *checker) derivatives(v variant, full bool) {
	if c.typ.Backward == nil && c.typ.Tangent == nil {
		return
	}
	places := []struct {
		level
		channels int
	}{{atDefault, 1}, {atDefault, 3}, {nearMin, 1}, {nearMax, 3}, {between, 1}, {between, 3}}
	if !full {
		places = places[1:2]
	}
	for i, l := range places {
		for _, modulated := range []bool{false, true} {
			if i < 4 {
				c.second(v, l.channels, l.level, modulated, uint64(100*i))
			}
			var tables []string
			crossed := false
			for try := range 6 { // where a kink was crossed: another seed, and a sparser direction
				pt, ok := c.at(v, l.channels, 120, l.level, modulated, uint64(100*i+try+1))
				if !ok || pt.set.NoBackward || modulated && !pt.any() {
					break
				}
				if try == 0 {
					c.exact(pt)
				}
				pt.keep = math.Pow(0.25, float64(try))
				if pt.set.Surrogate {
					break
				}
				var table string
				if table, crossed = pt.differences(); table == "" && !crossed {
					tables = nil
					break
				}
				tables = append(tables, table)
				if !crossed {
					c.fail("adjoint against differences", pt.name, "%s", table)
					tables = nil
					break
				}
			}
			if tables != nil {
				c.fail("adjoint against differences", v.name, "kink crossed with every seed; the last:\n%s", tables[len(tables)-1])
			}
		}
	}
}

// group is a subset of the variables, by name.
type group struct {
	name string
	of   func(l *laneVars) [][]float64
}

func (r *rig) groups() []group {
	var g []group
	for i := range r.inRows {
		from := sum(r.inRows[:i])
		to := from + r.inRows[i]
		g = append(g, group{"input " + r.set.Inputs[i], func(l *laneVars) [][]float64 { return l.in[from:to] }})
	}
	for i, p := range r.set.Params {
		if !p.NoGradient {
			g = append(g, group{"parameter " + p.Name, func(l *laneVars) [][]float64 { return l.params[i : i+1] }})
		}
	}
	if r.set.State > 0 {
		g = append(g, group{"initial state", func(l *laneVars) [][]float64 { return [][]float64{l.state} }})
	}
	return g
}

// direction draws a direction within a group, in units of a noticeable change.
// The fewer of its values are kept, the fewer kinks lie on the way.
func (pt *point) direction(g group) *vars {
	dir := pt.zeros()
	for l := range dir.lanes {
		for _, row := range g.of(&dir.lanes[l]) {
			always := pt.rng.IntN(max(len(row), 1))
			for n := range row {
				if x := pt.rng.NormFloat64(); n == always || pt.rng.Float64() < pt.keep {
					row[n] = x
				}
			}
		}
		for i := range pt.set.Params {
			for n := range dir.lanes[l].params[i] {
				dir.lanes[l].params[i][n] *= unit(&pt.set.Params[i], pt.v.lanes[l].params[i][n])
			}
		}
	}
	return dir
}

// together draws one direction for the variables of several groups.
func (pt *point) together(groups []group) *vars {
	sum := pt.zeros()
	for _, g := range groups {
		along(sum.slices(), sum.slices(), 1, pt.direction(g).slices())
	}
	return sum
}

// along sets to = from + h by.
func along(to, from [][]float64, h float64, by [][]float64) {
	for i := range to {
		for n := range to[i] {
			to[i][n] = from[i][n] + h*by[i][n]
		}
	}
}

// weights draws a loss: one weight for every output, state and heat.
func (pt *point) weights(o *outs) *outs {
	w := &outs{make([]laneOuts, len(o.lanes))}
	draw := func(n int) []float64 {
		return Row(n, func(int) float64 { return pt.rng.NormFloat64() })
	}
	for l := range o.lanes {
		for _, row := range o.lanes[l].out {
			w.lanes[l].out = append(w.lanes[l].out, draw(len(row)))
		}
		w.lanes[l].state, w.lanes[l].heat = draw(len(o.lanes[l].state)), draw(len(o.lanes[l].heat))
	}
	return w
}

// exact checks what holds to rounding: the dot product of tangent and adjoint,
// that gradients are added, blocks, and the fast kernel.
func (c *checker) exact(pt *point) {
	if pt.typ.Backward == nil {
		return
	}
	t := pt.newTrace()
	forward, fast := pt.kernels()
	t.forward(pt.v, uneven, forward)
	w := pt.weights(t.outs())
	primal := t.outs()
	g := t.backward(w, nil, pt.typ.Backward)
	c.same("Backward leaves outputs alone", pt.name, onlyOut(primal), onlyOut(t.outs()))
	if bad := notFinite(g.slices()); bad != "" {
		c.fail("finite gradient", pt.name, "%s", bad)
		return
	}
	if pt.typ.Tangent != nil {
		g = c.adjoined(pt, t, w, primal, g)
	}
	terms := size(w, primal)
	if !c.added(pt, t, w, g, terms) {
		return
	}
	t.forward(pt.v, []int{pt.frames}, forward)
	c.nearVars("Backward in one block equals Backward in several", pt, g, t.backward(w, nil, pt.typ.Backward), 1e-9, terms)
	if pt.typ.CohortBackward == nil {
		return
	}
	t.forward(pt.v, uneven, forward)
	cohort := t.backward(w, nil, fast)
	c.nearVars("cohort adjoint equals the plain one", pt, g, cohort, 1e-13, terms)
	for n := 1; n <= 7; n++ {
		lanes := pt.seven()[:n]
		part := pt.only(lanes...).newTrace()
		part.forward(pt.v.only(lanes...), uneven, forward)
		got := part.backward(w.only(lanes...), nil, fast)
		if bad := otherBits(cohort.only(lanes...).slices(), got.slices()); bad != "" {
			c.fail("cohort adjoint gives the same bits for any number of lanes", pt.name, "%d lanes: %s", n, bad)
			return
		}
	}
}

// adjoined checks ⟨Jv,w⟩ = ⟨v,Jᵀw⟩ for directions v of each group. It returns the
// gradient Jᵀw, without heat where the type reports its own: the tangent does
// not carry that.
func (c *checker) adjoined(pt *point, t *trace, w, primal *outs, g *vars) *vars {
	if pt.typ.OwnHeat {
		for l := range w.lanes {
			clear(w.lanes[l].heat)
		}
		g = t.backward(w, nil, pt.typ.Backward)
	}
	for _, group := range pt.groups() {
		dir := pt.direction(group)
		push := t.tangent(dir)
		left, right := dot(push.slices(), w.slices()), dot(dir.slices(), g.slices())
		// The second term is the rounding of a derivative that is a small
		// difference of large sums (an equaliser near 0 dB, by its frequency).
		if tolerance := 1e-10*norm(push.slices())*norm(w.slices()) + 1e-15*size(w, primal); !(math.Abs(left-right) <= tolerance) {
			c.fail("dot product ⟨Jv,w⟩ = ⟨v,Jᵀw⟩", pt.name, "%s", table(row{group.name + ": adjoint, tangent", right, left}))
		}
	}
	return g
}

// added checks that gradients which are already there stay.
func (c *checker) added(pt *point, t *trace, w *outs, g *vars, terms float64) bool {
	start := pt.zeros()
	for _, s := range start.slices() {
		for n := range s {
			s[n] = pt.rng.NormFloat64()
		}
	}
	added := t.backward(w, start, pt.typ.Backward)
	for l := range added.lanes {
		for kind, pair := range [2][2][][]float64{
			{added.lanes[l].in, start.lanes[l].in}, {added.lanes[l].params, start.lanes[l].params},
		} {
			for i := range pair[0] {
				base, floor := g.lanes[l].in, 0.0
				if kind == 1 { // a sum may cancel
					base, floor = g.lanes[l].params, 1e-14*terms/unit(&pt.set.Params[i], pt.v.lanes[l].params[i][0])
				}
				most := peak(base[i])
				for n, x := range pair[0][i] {
					if want := base[i][n] + pair[1][i][n]; !(math.Abs(x-want) <= 1e-12*(math.Abs(base[i][n])+math.Abs(pair[1][i][n])+most)+floor) {
						c.fail("Backward adds to gradients", pt.name, "%s %d: %v was there, %v is to be added, %v came out (= written for += ?)",
							[...]string{"input row", "parameter"}[kind], i, pair[1][i][n], base[i][n], x)
						return false
					}
				}
			}
		}
	}
	return true
}

func onlyOut(o *outs) *outs {
	r := &outs{}
	for _, l := range o.lanes {
		r.lanes = append(r.lanes, laneOuts{out: l.out})
	}
	return r
}

func peak(v []float64) float64 {
	p := 0.0
	for _, x := range v {
		p = max(p, math.Abs(x))
	}
	return p
}

// nearVars compares gradients to rounding, group by group: relative to the
// largest one, or to that of a parameter that would move the whole loss, as
// a gradient can be a small difference of large sums.
func (c *checker) nearVars(check string, pt *point, want, got *vars, tolerance, size float64) {
	for _, group := range pt.groups() {
		for l := range want.lanes {
			b := group.of(&got.lanes[l])
			for i, w := range group.of(&want.lanes[l]) {
				floor := 0.0
				for k, p := range pt.set.Params {
					if group.name == "parameter "+p.Name {
						floor = 1e-14 * size / unit(&p, pt.v.lanes[l].params[k][0])
					}
				}
				for n, x := range b[i] {
					if !(math.Abs(x-w[n]) <= tolerance*peak(w)+floor) {
						c.fail(check, pt.name, "%s, lane %d, value %d: %v, not %v (differs by %.3g of %.3g)", group.name, l, n, x, w[n], x-w[n], peak(w))
						return
					}
				}
			}
		}
	}
}

// size returns Σ |w o|, the size of the terms of a loss.
func size(w, o *outs) float64 {
	s := 0.0
	for i, row := range o.slices() {
		for n, x := range row {
			s += math.Abs(x * w.slices()[i][n])
		}
	}
	return s
}

func dot(a, b [][]float64) float64 {
	s := 0.0
	for i := range a {
		s += inner(a[i], b[i])
	}
	return s
}

func norm(a [][]float64) float64 { return math.Sqrt(dot(a, a)) }

// row is a line of the table of a failure.
type row struct {
	what                string
	adjoint, difference float64
}

func table(rows ...row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-40s %22s %22s %12s", "what", "adjoint", "difference", "rel. error")
	for _, r := range rows {
		scale := max(math.Abs(r.adjoint), math.Abs(r.difference))
		fmt.Fprintf(&b, "\n  %-40s %22.14g %22.14g %12.2e", r.what, r.adjoint, r.difference, math.Abs(r.adjoint-r.difference)/scale)
	}
	return b.String()
}

// differences compares adjoint and tangent with differences of forward runs,
// along one random direction per input, parameter and state. It returns the
// rows that disagree, and whether all of those lie at a kink: there the slopes
// on both sides differ, and no difference can say which one is meant.
func (pt *point) differences() (failures string, kinks bool) {
	forward, backward := pt.kernels()
	if backward == nil {
		return "", false
	}
	t := pt.newTrace()
	t.forward(pt.v, uneven, forward)
	o := t.outs()
	w := pt.weights(o)
	g := t.backward(w, nil, backward)
	size := size(w, o)
	var bad []row
	kinks = true
	groups := pt.groups()
	if len(groups) > 1 {
		groups = append(groups, group{"all together", nil})
	}
	probe := pt.newTrace()
	for _, one := range groups {
		which := []group{one}
		if one.of == nil {
			which = groups[:len(groups)-1]
		}
		dir := pt.together(which)
		moved := pt.zeros()
		loss := func(h float64) float64 {
			along(moved.slices(), pt.v.slices(), h, dir.slices())
			probe.forward(moved, []int{pt.frames}, forward)
			l := 0.0
			for i := range probe.mem {
				m := &probe.mem[i]
				for k := range m.out {
					l += inner(m.out[k], w.lanes[i].out[k])
				}
				for k := range m.internal {
					l += inner(m.internal[k][pt.set.Internal[k]:], w.lanes[i].out[len(m.out)+k])
				}
				l += inner(m.state, w.lanes[i].state) + inner(m.heat, w.lanes[i].heat)
			}
			return l
		}
		adjoint := dot(dir.slices(), g.slices())
		d := differentiate(loss, pt.room(dir), 2e-15*size)
		check := func(what string, value float64) {
			tolerance := 1e-6*max(math.Abs(value), math.Abs(d.value)) + 4*d.spread + 1e-9*size
			trusted := d.spread <= 1e-4*max(math.Abs(value), math.Abs(d.value))+1e-8*size
			if trusted && math.Abs(value-d.value) <= tolerance {
				return
			}
			if off := math.Abs(value - d.value); !trusted || d.uneven > 0.3*off || off < 50*d.noise {
				what += " (kink crossed)" // or so many that no step resolves them
			} else {
				kinks = false
			}
			bad = append(bad, row{what, value, d.value})
		}
		check(one.name, adjoint)
		if pt.typ.Tangent != nil && !pt.typ.OwnHeat {
			check(one.name+", tangent", dot(t.tangent(dir).slices(), w.slices()))
		}
	}
	if bad == nil {
		return "", false
	}
	return table(bad...), kinks
}

func inner(a, b []float64) float64 {
	s := 0.0
	for n, x := range a {
		s += x * b[n]
	}
	return s
}

// room is the longest step along dir, both ways, that keeps every parameter in
// its range.
func (pt *point) room(dir *vars) float64 {
	h := 0.02
	for l := range dir.lanes {
		for i, p := range pt.set.Params {
			if p.Scale == abi.Periodic {
				continue
			}
			for n, d := range dir.lanes[l].params[i] {
				if d != 0 {
					x := pt.v.lanes[l].params[i][n]
					h = min(h, (x-p.Min)/math.Abs(d), (p.Max-x)/math.Abs(d))
				}
			}
		}
	}
	return h / 2.01
}

// slope is a derivative by differences.
type slope struct {
	value  float64
	spread float64 // between the two best steps, or the noise there
	noise  float64 // rounding at the step that was used
	uneven float64 // by how much the slopes on both sides differ, beyond noise
}

// differentiate returns f'(0): central differences over five points, at steps
// that shrink by 4 until two agree best, and Richardson's extrapolation of
// those two. Noise is the rounding error of f.
func differentiate(f func(h float64) float64, h, noise float64) slope {
	five := func(h float64) float64 { return (8*(f(h)-f(-h)) - (f(2*h) - f(-2*h))) / (12 * h) }
	best := slope{spread: math.Inf(1)}
	last, step := five(h), h
	for range 9 {
		h /= 4
		next := five(h)
		spread := max(math.Abs(next-last), noise/h)
		if spread < best.spread {
			best = slope{value: next + (next-last)/255, spread: spread, noise: noise / h}
			step = h
		}
		if best.spread <= 1e-9*math.Abs(next) || noise/h > best.spread {
			break
		}
		last = next
	}
	// One-sided slopes at the step that was used, and at a smaller one.
	f0 := f(0)
	for _, h := range []float64{4 * step, step} {
		right := (4*f(h) - f(2*h) - 3*f0) / (2 * h)
		left := -(4*f(-h) - f(-2*h) - 3*f0) / (2 * h)
		best.uneven = max(best.uneven, math.Abs(right-left)-20*noise/h)
	}
	return best
}

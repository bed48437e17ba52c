package abitest

import (
	"fmt"
	"math"
	"slices"

	"ampfit/abi"
)

// uneven are block sizes that no kernel would choose.
var uneven = []int{1, 7, 64, 2, 33, 128}

// promises checks what needs no derivative: bits that may not change.
func (c *checker) promises(v variant) {
	const frames = 300
	levels := []struct {
		level
		channels int
	}{{atDefault, 1}, {atDefault, 3}, {nearMin, 3}, {nearMax, 1}, {between, 3}, {atMin, 1}, {atMax, 1}}
	for i, l := range levels {
		for _, modulated := range []bool{false, true} {
			pt, ok := c.at(v, l.channels, frames, l.level, modulated, uint64(i+1))
			if !ok {
				return
			}
			if modulated && !pt.any() {
				continue
			}
			fast, _ := pt.kernels()
			c.stable(pt, "", pt.typ.Forward)
			if pt.typ.CohortForward != nil {
				c.stable(pt, "cohort: ", fast)
				c.cohort(pt)
			}
			if !modulated {
				c.heldAsModulated(v, pt, l.channels, l.level, uint64(i+1))
			}
		}
	}
}

// any reports whether any parameter varies.
func (r *rig) any() bool { return slices.Contains(r.varies, true) }

// stable checks that the bits depend on frame and lane only.
func (c *checker) stable(pt *point, which string, kernel func(*abi.Block)) {
	t := pt.newTrace()
	t.forward(pt.v, []int{pt.frames}, kernel)
	whole := t.outs()
	if bad := notFinite(whole.slices()); bad != "" {
		c.fail(which+"finite output", pt.name, "output, state or heat: %s", bad)
		return
	}
	for l := range whole.lanes {
		if h := whole.lanes[l].heat; len(h) > 0 && h[0] < 0 {
			c.fail(which+"heat is not negative", pt.name, "lane %d: %v joules", l, h[0])
		}
	}
	t.forward(pt.v, uneven, kernel)
	c.same(which+"block sizes give the same bits", pt.name, whole, t.outs())
	c.restarts(pt, which, kernel, whole)
	for _, l := range []int{0, len(pt.who) - 1} {
		alone := pt.only(l).newTrace()
		alone.forward(pt.v.only(l), []int{50, 9}, kernel)
		c.same(which+"a lane alone gives the same bits", pt.name, &outs{whole.lanes[l : l+1]}, alone.outs())
	}
	c.same(which+"lanes at different frames give the same bits", pt.name, whole, pt.skewed(kernel).outs())
}

// restarts checks a run that goes on from a snapshot: only state and declared
// history come along.
func (c *checker) restarts(pt *point, which string, kernel func(*abi.Block), whole *outs) {
	s, h := pt.set, 72
	early := pt.newTrace()
	early.forward(pt.v, uneven, kernel)
	late := pt.newTrace()
	late.load(pt.v)
	i := slices.Index(early.starts[:len(early.starts)-1], h)
	if i < 0 {
		return
	}
	for l := range late.mem {
		copy(late.mem[l].state, early.states[i][l])
		for k := range late.mem[l].in {
			garbage(late.mem[l].in[k][:h])
		}
		for k := range late.mem[l].out {
			garbage(late.mem[l].out[k][:h])
		}
		for k := range late.mem[l].internal {
			garbage(late.mem[l].internal[k][:h])
			copy(late.mem[l].internal[k][h:h+s.Internal[k]], early.mem[l].internal[k][h:])
		}
	}
	late.resume(h, []int{41, 100}, kernel)
	got := late.outs()
	for l := range got.lanes {
		for k := range got.lanes[l].out {
			copy(got.lanes[l].out[k][:h], whole.lanes[l].out[k])
		}
		got.lanes[l].heat = whole.lanes[l].heat // kept by the runtime
	}
	c.same(which+"restart from a snapshot gives the same bits", pt.name, whole, got)
}

// skewed runs the lanes together while each stands 17 frames ahead of the next.
func (pt *point) skewed(kernel func(*abi.Block)) *trace {
	skew := pt.newTrace()
	skew.load(pt.v)
	lead := func(l int) int { return 17 * (len(skew.mem) - 1 - l) }
	alone := func(l, at, frames int) {
		if frames > 0 {
			skew.bind(l, at, frames)
			skew.block.Bind(skew.lanes[l:l+1], frames)
			kernel(skew.block)
		}
	}
	for l := range skew.mem {
		alone(l, 0, lead(l))
	}
	longest := lead(0)
	for at := 0; at < pt.frames-longest; at += 50 {
		n := min(50, pt.frames-longest-at)
		for l := range skew.mem {
			skew.bind(l, at+lead(l), n)
		}
		skew.block.Bind(skew.lanes, n)
		kernel(skew.block)
	}
	for l := range skew.mem {
		rest := longest - lead(l)
		alone(l, pt.frames-rest, rest)
	}
	return skew
}

// cohort checks the fast forward kernel against the plain one, and at any
// number of lanes.
func (c *checker) cohort(pt *point) {
	t := pt.newTrace()
	t.forward(pt.v, []int{64}, pt.typ.Forward)
	plain := t.outs()
	t.forward(pt.v, []int{64}, pt.typ.CohortForward)
	fast := t.outs()
	c.near("cohort kernel equals the plain one", pt.name, plain, fast, 1e-13)

	for n := 1; n <= 7; n++ {
		lanes := pt.seven()[:n]
		part := pt.only(lanes...).newTrace()
		part.forward(pt.v.only(lanes...), []int{64}, pt.typ.CohortForward)
		c.same(fmt.Sprintf("cohort kernel gives the same bits for %d lanes", n), pt.name, fast.only(lanes...), part.outs())
	}
}

// seven are lanes from the few there are.
func (pt *point) seven() (lanes []int) {
	for i := range 7 {
		lanes = append(lanes, i%len(pt.who))
	}
	return lanes
}

// heldAsModulated checks that a constant modulation changes nothing.
func (c *checker) heldAsModulated(v variant, pt *point, channels int, l level, seed uint64) {
	other, ok := c.at(v, channels, pt.frames, l, true, seed)
	if !ok || !other.any() {
		return
	}
	for lane := range pt.v.lanes {
		from, to := &pt.v.lanes[lane], &other.v.lanes[lane]
		to.in, to.state = from.in, from.state
		for i := range from.params {
			for n := range to.params[i] {
				to.params[i][n] = from.params[i][min(n, len(from.params[i])-1)]
			}
		}
	}
	kernel, _ := pt.kernels()
	a, b := pt.newTrace(), other.newTrace()
	a.forward(pt.v, uneven, kernel)
	b.forward(other.v, uneven, kernel)
	c.near("held parameters equal constant modulation", pt.name, a.outs(), b.outs(), 1e-9)
}

// same compares bits.
func (c *checker) same(check, where string, want, got *outs) {
	if bad := otherBits(want.slices(), got.slices()); bad != "" {
		c.fail(check, where, "%s", bad)
	}
}

// otherBits names the first value whose bits are not those wanted; "" for none.
func otherBits(want, got [][]float64) string {
	for i, w := range want {
		for n, x := range got[i] {
			if math.Float64bits(x) != math.Float64bits(w[n]) {
				return fmt.Sprintf("value %d: %v, not %v (differs by %.3g)", n, x, w[n], x-w[n])
			}
		}
	}
	return ""
}

// notFinite names the first value that is no number or infinite; "" for none.
func notFinite(rows [][]float64) string {
	for _, row := range rows {
		for n, x := range row {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return fmt.Sprintf("value %d is %v", n, x)
			}
		}
	}
	return ""
}

// near compares to rounding, relative to the largest value of each row.
func (c *checker) near(check, where string, want, got *outs, tolerance float64) {
	for i, w := range want.slices() {
		if n, bad := differ(w, got.slices()[i], tolerance); bad {
			c.fail(check, where, "value %d: %v, not %v (differs by %.3g)", n, got.slices()[i][n], w[n], got.slices()[i][n]-w[n])
			return
		}
	}
}

// differ returns the first place where two rows differ by more than rounding.
func differ(want, got []float64, tolerance float64) (int, bool) {
	most := peak(want)
	for n, x := range got {
		if !(math.Abs(x-want[n]) <= tolerance*most) {
			return n, true
		}
	}
	return 0, false
}

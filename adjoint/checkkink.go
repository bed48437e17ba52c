package adjoint

import "math"

// kinked says whether the loss has a kink here, and fills in what it is like.
func (c *checker) kinked(row *CheckRow, q quotient, grads map[*Param][]float64) bool {
	p, i := row.Param, row.Element
	side := onBound(p, p.Values[i])
	right, left := q, q
	if side == 0 {
		right, left = c.oneSided(p, i, 1), c.oneSided(p, i, -1)
	}
	noise := c.roughness(p, i, side)
	row.Left, row.Right, row.Jump = left.value, right.value, c.jump(p, i, side, noise)
	least := c.least(p, i, grads)
	near := func(a, b, gap float64) bool {
		return math.Abs(a-b) <= max(10*gap, rowTolerance*max(math.Abs(b), least))
	}
	row.Takes = "neither"
	switch {
	case row.Jump != 0:
		return true
	case near(right.value, left.value, right.gap+left.gap):
		// A quotient that its neighbours agree with to a tenth of the tolerance is
		// the slope, and not that of the adjoint.
		if near(right.value, left.value, 0) && q.gap <= rowTolerance/10*max(math.Abs(q.value), least) {
			// On a bound a kink shows one side only. A small error may be one, if it
			// goes once the other parameters have moved.
			return side != 0 && row.Error <= besideTolerance
		}
		size := max(math.Abs(q.value), least)
		row.Unsure = 3 * max(q.gap, right.gap, left.gap) / size
		row.OK = row.Error <= min(max(looseTolerance, row.Unsure), worstTolerance)
		return !row.OK // where no slope can be told, what is beside decides
	case near(row.Adjoint, right.value, right.gap):
		row.Takes = "right-hand"
		row.judge(right.value, least)
	case near(row.Adjoint, left.value, left.gap):
		row.Takes = "left-hand"
		row.judge(left.value, least)
	case (row.Adjoint-left.value)*(row.Adjoint-right.value) < 0:
		row.Takes = "one between"
	}
	return true
}

// besideKink compares a row where no kink is: on either side, with all other
// parameters moved by some thousandths, too. Where the adjoint took neither slope,
// as where several kinks meet, it must take one of them once all but this
// parameter have moved.
func (c *checker) besideKink(row *CheckRow) bool {
	p, i := row.Param, row.Element
	start, here := c.start(), append([]float64(nil), c.here...)
	defer func() {
		c.restore(start)
		copy(c.here, here)
	}()
	ok := row.Jump != 0 || row.Takes != "neither" || c.try(start, func() bool {
		c.put(p, i, start[p][i])
		grads, _ := c.gradient()
		there := CheckRow{Param: p, Element: i, Adjoint: grads[p][i]}
		q := c.quotient(p, i)
		there.judge(q.value, c.least(p, i, grads))
		return there.OK || c.kinked(&there, q, grads) && there.Takes != "neither" || there.OK
	})
	for _, side := range []float64{1, -1} {
		best := math.Inf(1)
		ok = c.try(start, func() bool {
			x := start[p][i] + side*math.Abs(p.Values[i]-start[p][i])
			if lo, hi := rangeOf(p); x < lo || x > hi {
				return true // there is no such side
			}
			c.put(p, i, x)
			grads, _ := c.gradient()
			if e := relative(grads[p][i], c.quotient(p, i).value, c.least(p, i, grads)); e < best {
				best = e
				if side > 0 || e > row.Beside {
					row.Value = x
				}
			}
			return best <= looseTolerance
		}) && ok
		if !math.IsInf(best, 1) {
			row.Beside = max(row.Beside, best)
		}
	}
	return ok
}

// try asks at three places beside start, as the first may have kinks of their own.
func (c *checker) try(start map[*Param][]float64, holds func() bool) bool {
	for range 3 {
		c.move(start)
		if holds() {
			return true
		}
	}
	return false
}

// put sets one element.
func (c *checker) put(p *Param, i int, x float64) {
	v := append([]float64(nil), p.Values...)
	v[i] = x
	c.set(p, v)
}

// move takes all parameters some thousandths of their scale from start, within
// their range.
func (c *checker) move(start map[*Param][]float64) {
	for _, p := range c.checked {
		v := append([]float64(nil), start[p]...)
		for i, x := range v {
			step := (0.5 + c.rng.Float64()) * 1e-3 * scaleOf(p, x)
			if c.rng.IntN(2) == 0 {
				step = -step
			}
			if x+step < p.Spec.Min || x+step > p.Spec.Max {
				step = -step
			}
			v[i] = x + step
		}
		c.set(p, v)
	}
}

// roughness is how far the projection scatters over displacements that are next to
// nothing: rounding, which some nodes magnify.
func (c *checker) roughness(p *Param, i, side int) float64 {
	f, back := c.element(p, i)
	defer back()
	step := 1e-13 * scaleOf(p, p.Values[i])
	if side < 0 {
		step = -step
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for k := range 4 {
		v := f(float64(k+1) * step)
		lo, hi = min(lo, v), max(hi, v)
	}
	return max(hi-lo, c.noise())
}

// jump is the step of the projection at an element, 0 where it is continuous: a
// change that a hundredth of the displacement leaves as large.
func (c *checker) jump(p *Param, i, side int, noise float64) float64 {
	f, back := c.element(p, i)
	defer back()
	f0, scale, sum := f(0), scaleOf(p, p.Values[i]), 0.0
	for _, s := range []int{-1, 1} {
		if side != 0 && s != side {
			continue
		}
		far, near := f(1e-7*float64(s)*scale)-f0, f(1e-9*float64(s)*scale)-f0
		if math.Abs(near) > 0.5*math.Abs(far) && math.Abs(near) > 1e4*noise {
			sum += float64(s) * near
		}
	}
	return sum
}

package adjoint

import (
	"math"
	"sort"

	"ampfit/abi"
)

// direction draws a random direction over parameters and input, in natural
// units.
func (c *checker) direction() Direction {
	d := Direction{Params: map[*Param][]float64{}}
	for _, p := range c.checked {
		v := make([]float64, len(p.Values))
		for i := range v {
			v[i] = c.rng.NormFloat64() * scaleOf(p, p.Values[i])
			// Point inwards from a bound, so that the whole step is in range.
			if q := p.Spec; q.Scale != abi.Periodic {
				if p.Values[i]-q.Min < math.Abs(v[i])*0.1 {
					v[i] = math.Abs(v[i])
				} else if q.Max-p.Values[i] < math.Abs(v[i])*0.1 {
					v[i] = -math.Abs(v[i])
				}
			}
		}
		d.Params[p] = v
	}
	for _, in := range c.m.options.Input {
		v := make([]float64, len(in))
		for i := range v {
			v[i] = 0.1 * c.rng.NormFloat64()
		}
		d.Input = append(d.Input, v)
	}
	return d
}

// rough is where differences along a direction make no sense: elements on a
// kink, and those on a bound, whose rows went to one side.
func (r *CheckReport) rough() map[*Param][]bool {
	rough := map[*Param][]bool{}
	for i := range r.Rows {
		row := &r.Rows[i]
		if rough[row.Param] == nil {
			rough[row.Param] = make([]bool, len(row.Param.Values))
		}
		rough[row.Param][row.Element] = row.Kink || onBound(row.Param, row.Param.Values[row.Element]) != 0
	}
	return rough
}

// without is the direction with some elements left as they are.
func (d Direction) without(left map[*Param][]bool) Direction {
	out := Direction{Params: map[*Param][]float64{}, Input: d.Input}
	for p, v := range d.Params {
		v = append([]float64(nil), v...)
		for i := range v {
			if left[p] != nil && left[p][i] {
				v[i] = 0
			}
		}
		out.Params[p] = v
	}
	return out
}

// along evaluates the projection at the start plus h times the direction of
// the parameters.
func (c *checker) along(d Direction, start map[*Param][]float64, h float64) float64 {
	for _, p := range c.checked {
		v := append([]float64(nil), start[p]...)
		for i := range v {
			v[i] += h * d.Params[p][i]
		}
		c.set(p, v)
	}
	return c.value()
}

// start returns the values as they are, for restore.
func (c *checker) start() map[*Param][]float64 {
	s := map[*Param][]float64{}
	for _, p := range c.checked {
		s[p] = append([]float64(nil), p.Values...)
	}
	return s
}

func (c *checker) restore(start map[*Param][]float64) {
	for p, v := range start {
		c.set(p, v)
	}
}

// taylor returns the orders of |f(x+hd) − f(x)| and |f(x+hd) − f(x) − h g·d|:
// the steepest slope over two halvings among steps whose remainder is still
// well above rounding.
func (c *checker) taylor(d Direction, grads map[*Param][]float64) [3]float64 {
	if len(c.checked) == 0 {
		return [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}
	}
	start := c.start()
	defer c.restore(start)
	slope, _ := c.expected(d, grads)
	f0 := c.value()
	floor := 1e-13 * (math.Abs(f0) + norm(c.w)*norm(c.m.Output) + nothing)
	curve, vague := c.curvature(d)
	const steps = 14
	var rem [3][steps]float64
	h := 0.02
	for k := range steps {
		f := c.along(d, start, h)
		floor = max(floor, 1e-13*(math.Abs(f)+norm(c.w)*norm(c.m.Output))) // a start of 0 has no rounding of its own
		rem[0][k] = math.Abs(f - f0)
		rem[1][k] = math.Abs(f - f0 - h*slope)
		rem[2][k] = math.Abs(f - f0 - h*slope - h*h/2*curve)
		if rem[2][k] < 30*h*h*vague {
			rem[2][k] = 0 // no more exact than the curvature is
		}
		h /= 2
	}
	var rates [3]float64
	for o := range rates {
		rates[o] = order(rem[o][:], floor)
	}
	if math.IsInf(vague, 1) {
		rates[2] = math.NaN()
	}
	return rates
}

// expected is the slope of the projection along the parameters of a direction by
// the gradient, and the size of what it sums.
func (c *checker) expected(d Direction, grads map[*Param][]float64) (slope, size float64) {
	for _, p := range c.checked {
		if p.Blocked == "" {
			for i, g := range grads[p] {
				slope += g * d.Params[p][i]
				size += math.Abs(g * d.Params[p][i])
			}
		}
	}
	return slope, size
}

// slope compares that along the parameters of a direction with a difference
// quotient, whose steps can end before kinks where Taylor's do not. It returns
// the relative error, and that of the quotient itself.
func (c *checker) slope(d Direction, grads map[*Param][]float64) (err, unsure float64) {
	start := c.start()
	defer c.restore(start)
	want, size := c.expected(d, grads)
	got := differentiate(func(h float64) float64 { return c.along(d, start, h) }, 0, reach(d, start), c.noise())
	least := max(1e-3*size, nothing)
	return relative(want, got.value, least), 3 * got.gap / max(math.Abs(got.value), least)
}

// curvature is the second derivative of the projection along the parameters of
// a direction, and how far off it may be.
func (c *checker) curvature(d Direction) (value, vague float64) {
	along := Direction{Params: d.Params}
	h := c.m.HVP(&projection{w: c.w}, along)
	rest := h.Values
	size := 0.0
	for _, p := range c.m.Params {
		if p.Spec == nil {
			continue
		}
		if v := d.Params[p]; v != nil && p.Blocked == "" {
			value += dot(v, rest[:len(p.Values)])
			size += norm(v) * norm(rest[:len(p.Values)])
		}
		rest = rest[len(p.Values):]
	}
	if math.IsInf(h.Error, 1) {
		return 0, h.Error
	}
	return value, h.Error * size
}

// projection is ⟨w, y⟩; it sees one batch after the other.
type projection struct {
	w  []float64
	at int
}

func (l *projection) Evaluate(grad, y []float64) float64 {
	w := l.w[l.at : l.at+len(y)]
	l.at = (l.at + len(y)) % len(l.w)
	copy(grad, w)
	return dot(w, y)
}

// Curvature is none.
func (l *projection) Curvature(dst, _, _ []float64) { clear(dst) }

// order estimates the order at which remainders vanish as the step halves,
// from the finest steps above the floor of rounding.
func order(rem []float64, floor float64) float64 {
	var slopes []float64
	for k := 0; k+1 < len(rem); k++ {
		if rem[k+1] > 30*floor {
			slopes = append(slopes, math.Log2(rem[k]/rem[k+1]))
		}
	}
	if len(slopes) == 0 {
		return math.Inf(1)
	}
	if n := len(slopes); n > 4 {
		slopes = slopes[n-4:]
	}
	sort.Float64s(slopes)
	return slopes[len(slopes)/2]
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

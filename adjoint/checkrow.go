package adjoint

import (
	"fmt"
	"math"

	"ampfit/abi"
)

// CheckRow compares one element of a gradient with a difference quotient.
type CheckRow struct {
	Param      *Param
	Element    int // of Param.Values
	Adjoint    float64
	Difference float64
	Error      float64 // |adjoint − difference| / max(|difference|, 1e-3 ‖g‖∞)
	// Kink says that the loss has no derivative here, as its slope or its value
	// jumps. The row then is compared beside it, with all parameters moved by
	// some thousandths: Value is where, and Beside the error there.
	Kink          bool
	Value, Beside float64
	Left, Right   float64 // slopes on either side of the kink
	Jump          float64 // of the value of the loss, right minus left; 0 at a kink of the slope
	Takes         string  // which slope the adjoint gives: right-hand, left-hand, one between, neither
	// Unsure is the relative error of the differences where they do not settle, as
	// those of a node that magnifies rounding; 0 where they do.
	Unsure float64
	Cut    string // node without adjoint that cuts the parameter off
	OK     bool
}

// Name returns "node.param" with the element of a vector.
func (r *CheckRow) Name() string {
	if len(r.Param.Values) > 1 {
		return fmt.Sprintf("%s.%s[%d]", r.Param.Node, r.Param.Name, r.Element)
	}
	return r.Param.Node + "." + r.Param.Name
}

// scaleOf is the natural unit of a parameter: how far it moves before the
// output changes much.
func scaleOf(p *Param, v float64) float64 {
	q := p.Spec
	switch {
	case q.Scale == abi.Periodic:
		return 0.1
	case q.Scale == abi.Log:
		return max(math.Abs(v), q.Min)
	}
	return max(math.Abs(v), min(1, 0.05*(q.Max-q.Min)))
}

// rangeOf is where a parameter may go. What a modulated one becomes is clamped
// frame by frame, so its base may lie beyond.
func rangeOf(p *Param) (lo, hi float64) {
	if p.Spec.Scale == abi.Periodic || len(p.Spec.Mods) > 0 {
		return math.Inf(-1), math.Inf(1)
	}
	return p.Spec.Min, p.Spec.Max
}

// onBound is 1 where a value lies on or next to its lower bound, -1 at the upper
// one, 0 inside: the sides on which differences can be taken.
func onBound(p *Param, v float64) int {
	lo, hi := rangeOf(p)
	switch near := 2e-4 * scaleOf(p, v); {
	case v-lo < near:
		return 1
	case hi-v < near:
		return -1
	}
	return 0
}

// row compares one element. Where adjoint and difference disagree it looks for a
// kink, and if there is one, compares beside it instead.
func (c *checker) row(p *Param, i int, grads map[*Param][]float64) CheckRow {
	row := CheckRow{Param: p, Element: i, Adjoint: grads[p][i], Cut: p.Blocked}
	if p.Blocked != "" {
		row.OK = true // reported by name; zero is what the contract promises
		return row
	}
	q := c.quotient(p, i)
	row.judge(q.value, c.least(p, i, grads))
	if row.OK || !c.kinked(&row, q, grads) {
		return row
	}
	row.Kink = true
	row.OK = c.besideKink(&row)
	return row
}

// judge sets the error against a difference.
func (r *CheckRow) judge(d, least float64) {
	r.Difference = d
	r.Error = relative(r.Adjoint, d, least)
	r.OK = r.Error <= rowTolerance
}

func relative(a, d, least float64) float64 { return math.Abs(a-d) / max(math.Abs(d), least) }

// least is the size of a derivative below which errors are not relative to it.
func (c *checker) least(p *Param, i int, grads map[*Param][]float64) float64 {
	return max(1e-3*largest(grads), nothing/scaleOf(p, p.Values[i]))
}

func largest(grads map[*Param][]float64) float64 {
	most := 0.0
	for _, g := range grads {
		for _, v := range g {
			most = max(most, math.Abs(v))
		}
	}
	return most
}

// element is the projection by the displacement of one element of a parameter; back
// puts it where it was.
func (c *checker) element(p *Param, i int) (f func(float64) float64, back func()) {
	start := append([]float64(nil), p.Values...)
	v := append([]float64(nil), start...)
	return func(h float64) float64 {
		v[i] = start[i] + h
		c.set(p, v)
		return c.value()
	}, func() { c.set(p, start) }
}

// noise is about the rounding error of the projection: that of each frame is
// random, so that their sum grows with the root of their number.
func (c *checker) noise() float64 {
	return 3e-16 * norm(c.w) * norm(c.here) / math.Sqrt(float64(len(c.w)))
}

// quotient differentiates by an element, to one side where it lies on its bound.
func (c *checker) quotient(p *Param, i int) quotient {
	x := p.Values[i]
	scale, side := scaleOf(p, x), onBound(p, x)
	h := 0.02 * scale
	if lo, hi := rangeOf(p); side == 0 {
		h = min(h, (x-lo)/2.001, (hi-x)/2.001)
	}
	f, back := c.element(p, i)
	defer back()
	return differentiate(f, side, h, c.noise())
}

// oneSided differentiates to the right (1) or left (-1).
func (c *checker) oneSided(p *Param, i, side int) quotient {
	x := p.Values[i]
	var room float64
	if lo, hi := rangeOf(p); side > 0 {
		room = hi - x
	} else {
		room = x - lo
	}
	f, back := c.element(p, i)
	defer back()
	return differentiate(f, side, min(0.02*scaleOf(p, x), room/4.001), c.noise())
}

func (c *checker) set(p *Param, v []float64) {
	if err := c.m.Set(p, v); err != nil {
		panic(err) // the values have the parameter's own length
	}
}

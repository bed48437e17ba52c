package adjoint

import (
	"math"

	"ampfit/abi"
)

// dotTest compares ⟨Jv,w⟩ by tangent kernels with ⟨v,Jᵀw⟩. Both are the same
// linear map, kinks or not, so no direction is spared.
func (c *checker) dotTest(d Direction, grads map[*Param][]float64, input [][]float64) float64 {
	back := c.back(&d, grads, input)
	tangent, err := c.m.Tangent(d)
	if err != nil {
		panic(err) // the caller knows that every node has a tangent kernel
	}
	forth := dot(tangent, c.w)
	// The sums cancel; their rounding is relative to the size of the terms.
	size := max(math.Abs(forth), math.Abs(back), 1e-3*norm(tangent)*norm(c.w))
	return math.Abs(forth-back) / max(size, 100*nothing)
}

// dotDifference compares ⟨w, Jv⟩ by differences with ⟨v,Jᵀw⟩. It returns the
// relative error, and that of the differences themselves.
func (c *checker) dotDifference(d Direction, grads map[*Param][]float64, input [][]float64) (err, unsure float64) {
	back := c.back(&d, grads, input)
	start, dry := c.start(), c.m.Run.Input
	defer func() {
		c.restore(start)
		c.m.Run.Input = dry
	}()
	forth := differentiate(func(h float64) float64 {
		moved := clone(dry)
		for i := range moved {
			for n := range moved[i] {
				moved[i][n] += h * d.Input[i][n]
			}
		}
		c.m.Run.Input = moved
		return c.along(d, start, h)
	}, 0, reach(d, start), c.noise())
	size := max(math.Abs(forth.value), math.Abs(back), 100*nothing)
	return math.Abs(forth.value-back) / size, 3 * forth.gap / size
}

// dotBeside is the least error of dotDifference at three places beside.
func (c *checker) dotBeside(d Direction) float64 {
	start, best := c.start(), math.Inf(1)
	defer c.restore(start)
	c.try(start, func() bool {
		grads, input := c.gradient()
		err, _ := c.dotDifference(d, grads, input)
		best = min(best, err)
		return best <= dotLoose
	})
	return best
}

// back is ⟨v,Jᵀw⟩. Parameters that a node without adjoint cuts off are taken out
// of the direction.
func (c *checker) back(d *Direction, grads map[*Param][]float64, input [][]float64) float64 {
	sum := 0.0
	for _, p := range c.checked {
		if p.Blocked == "" {
			sum += dot(grads[p], d.Params[p])
		} else {
			d.Params[p] = make([]float64, len(p.Values))
		}
	}
	for i, in := range input {
		sum += dot(in, d.Input[i])
	}
	return sum
}

// reach is the largest step of a central difference along a direction that stays
// within the ranges of all parameters.
func reach(d Direction, start map[*Param][]float64) float64 {
	h := 0.02
	for p, v := range start {
		if p.Spec.Scale == abi.Periodic || len(p.Spec.Mods) > 0 {
			continue
		}
		for i, x := range v {
			if move := math.Abs(d.Params[p][i]); move > 0 {
				h = min(h, (x-p.Spec.Min)/(2.001*move), (p.Spec.Max-x)/(2.001*move))
			}
		}
	}
	return h
}

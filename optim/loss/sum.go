package loss

import (
	"fmt"
	"math"
	"strings"
)

// Term is a loss and its weight in a sum.
type Term struct {
	Weight float64
	Loss   Loss
}

// NewSum returns Σ Weight·Loss. The losses must be bound to targets of one
// length. It fails if there is no term, or a weight is not a finite number
// above 0.
func NewSum(terms ...Term) (Loss, error) {
	if len(terms) == 0 {
		return nil, fmt.Errorf("loss: a sum without terms")
	}
	var flat []Term
	for _, t := range terms {
		if !(t.Weight > 0) || math.IsInf(t.Weight, 0) {
			return nil, fmt.Errorf("loss: %s has weight %v; a weight is a finite number above 0", t.Loss.Name(), t.Weight)
		}
		if inner, ok := t.Loss.(*sum); ok {
			for _, u := range inner.terms {
				flat = append(flat, Term{t.Weight * u.Weight, u.Loss})
			}
		} else {
			flat = append(flat, t)
		}
	}
	return &sum{terms: flat}, nil
}

type sum struct {
	terms []Term
	grad  []float64 // of one term
}

func (s *sum) Name() string {
	var names []string
	for _, t := range s.terms {
		name := t.Loss.Name()
		if t.Weight != 1 {
			name = number(t.Weight) + "*" + name
		}
		names = append(names, name)
	}
	return strings.Join(names, " + ")
}

func (s *sum) Evaluate(grad, x []float64) float64 {
	if grad != nil && len(s.grad) != len(x) {
		s.grad = make([]float64, len(x))
	}
	value := 0.0
	for i, t := range s.terms {
		dx := grad
		if i > 0 && grad != nil {
			dx = s.grad
		}
		value += t.Weight * t.Loss.Evaluate(dx, x)
		switch {
		case grad == nil:
		case i > 0:
			for n, v := range dx {
				grad[n] += t.Weight * v
			}
		case t.Weight != 1:
			for n := range grad {
				grad[n] *= t.Weight
			}
		}
	}
	return value
}

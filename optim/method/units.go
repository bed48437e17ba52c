package method

import (
	"context"
)

// scaled is an objective in coordinates of equal weight: x = centre + unit·z,
// where a unit is a change that matters alike in each.
type scaled struct {
	Objective
	centre, unit, x []float64
}

func newScaled(o Objective, x []float64) *scaled {
	s := &scaled{Objective: o, centre: append([]float64(nil), x...), unit: make([]float64, len(x)), x: make([]float64, len(x))}
	for i := range s.unit {
		s.unit[i] = 1
	}
	if u, ok := o.(interface{ Units(dst, x []float64) }); ok {
		u.Units(s.unit, x)
	}
	return s
}

func (s *scaled) Evaluate(grad, z []float64) float64 {
	s.point(s.x, z)
	f := s.Objective.Evaluate(grad, s.x)
	for i := range grad {
		grad[i] *= s.unit[i]
	}
	return f
}

// point leads back to x.
func (s *scaled) point(dst, z []float64) {
	for i := range dst {
		dst[i] = s.centre[i] + s.unit[i]*z[i]
	}
}

// InUnits makes a method of one that works in scaled coordinates.
func InUnits(m Method) Method {
	return func(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
		e := newScaled(o, x)
		z := make([]float64, len(x))
		inner := s
		if s.Report != nil {
			inner.Report = func(p Point) error {
				y := make([]float64, len(p.X))
				e.point(y, p.X)
				p.X = y
				return s.Report(p)
			}
		}
		f, err := m(ctx, e, z, inner)
		e.point(x, z)
		return f, err
	}
}

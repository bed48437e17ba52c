// Package method holds the optimisers. They know an [Objective] and nothing of
// graphs or sounds: a new one is a file of its own that registers an [Entry].
package method

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Objective is what an optimiser sees: a differentiable function of an
// unbounded vector.
type Objective interface {
	Dim() int
	// Evaluate returns the value at x; when grad is not nil it is overwritten
	// with the gradient.
	Evaluate(grad, x []float64) float64
}

// Curved is an objective that can approximate its second derivatives by those
// of Gauss and Newton, which need first derivatives of the output only.
type Curved interface {
	Objective
	// Curvature fills h, dim × dim, at x.
	Curvature(h, x []float64)
}

// Point is what an optimiser reports after each step.
type Point struct {
	Step     int
	Value    float64
	GradNorm float64
	X        []float64 // valid during the call only
}

// Settings is what an optimiser may be told. Zero values mean its defaults.
type Settings struct {
	Steps int
	LR    float64 // learning rate, of the first-order methods
	Seed  uint64
	// Report is called after each step; an error ends the run, and comes back.
	Report func(Point) error
}

// Method minimises an objective from x, which it overwrites with the best
// point found, and returns the value there. The error is nil, the one of
// Report, or that of the context.
type Method func(ctx context.Context, o Objective, x []float64, s Settings) (float64, error)

// Entry is an optimiser in the table of those that a user may ask for.
type Entry struct {
	Name, Doc string // Doc is one sentence
	Run       Method
	Curved    bool // needs a Curved objective
}

var entries []Entry

// Register adds an optimiser to the table, in the init function of its file.
func Register(e Entry) {
	entries = append(entries, e)
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
}

// All lists the optimisers by name.
func All() []Entry { return slices.Clone(entries) }

// Lookup returns an optimiser by name; the error lists those there are.
func Lookup(name string) (Entry, error) {
	var names []string
	for _, e := range entries {
		if e.Name == name {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Entry{}, fmt.Errorf("there is no optimizer %q; there are %s", name, strings.Join(names, ", "))
}

// errSettled ends a descent that gains no more.
var errSettled = errors.New("settled")

// Patient is a method that ends, without an error, when so many steps have
// gained less than a fraction of the value.
func Patient(m Method, steps int, gain float64) Method {
	return func(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
		report := s.Report
		last, low, mark := 0, math.Inf(1), math.Inf(1)
		s.Report = func(p Point) error {
			if low = math.Min(low, p.Value); low < mark*(1-gain) {
				mark, last = low, p.Step
			}
			if p.Step-last >= steps {
				return errSettled
			}
			if report == nil {
				return nil
			}
			return report(p)
		}
		f, err := m(ctx, o, x, s)
		if errors.Is(err, errSettled) {
			err = nil
		}
		return f, err
	}
}

// Best keeps the lowest point seen.
type Best struct {
	X []float64
	F float64
}

// NewBest has seen nothing, and is infinite.
func NewBest() *Best { return &Best{F: math.Inf(1)} }

// See takes a point that is lower, or the first that is a number.
func (b *Best) See(x []float64, f float64) {
	if f < b.F || b.X == nil || math.IsNaN(b.F) {
		b.X, b.F = append(b.X[:0], x...), f
	}
}

// Norm is the length of a vector.
func Norm(x []float64) float64 { return math.Sqrt(Dot(x, x)) }

// Dot is the scalar product, added up in order: the bits of a fit hang on it.
func Dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

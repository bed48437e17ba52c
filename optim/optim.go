// Package optim learns the parameters of a graph: optimisers over an
// [Objective], and [Fit], which ties them to a graph, a target and a loss.
//
//	graph, target ──► GraphObjective ──► Optimizer ──► fitted values
//	                  value, gradient     steps        with error bars
//
// An optimiser knows only the objective, so a new one is a file of its own
// with an entry in the table of its init function.
package optim

import (
	"context"
	"fmt"
	"math"
	"sort"

	"ampfit/internal/suggest"
)

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

// method is an entry of the table of optimisers.
type method struct {
	name, doc string
	run       Method
	curved    bool // needs a Curved objective
}

var methods []method

func register(m method) {
	methods = append(methods, m)
	sort.Slice(methods, func(i, j int) bool { return methods[i].name < methods[j].name })
}

// Methods lists the optimisers by name with a sentence each.
func Methods() [][2]string {
	var out [][2]string
	for _, m := range methods {
		out = append(out, [2]string{m.name, m.doc})
	}
	return out
}

// Lookup returns an optimiser by name; the error lists those there are.
func lookup(name string) (*method, error) {
	var names []string
	for i := range methods {
		if methods[i].name == name {
			return &methods[i], nil
		}
		names = append(names, methods[i].name)
	}
	return nil, fmt.Errorf("there is no optimizer %q; there are %s", name, suggest.List(names))
}

// best keeps the lowest point seen.
type best struct {
	x []float64
	f float64
}

func newBest() *best { return &best{f: math.Inf(1)} }

func (b *best) see(x []float64, f float64) {
	if f < b.f || b.x == nil || math.IsNaN(b.f) {
		b.x, b.f = append(b.x[:0], x...), f
	}
}

func norm(x []float64) float64 { return math.Sqrt(dot(x, x)) }

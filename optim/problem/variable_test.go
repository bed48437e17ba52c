package problem

import (
	"math"
	"math/rand/v2"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"

	"github.com/stretchr/testify/require"
)

// variable learns a parameter with this range.
func variable(t *testing.T, start, lo, hi float64, scale abi.Scale) Variable {
	t.Helper()
	q := &graph.Param{Param: abi.Param{Name: "p", Min: lo, Max: hi, Scale: scale, Len: 1}}
	v, err := newVariable(&adjoint.Param{Node: "n", Name: "p", Spec: q, Values: []float64{start}}, 0)
	require.NoError(t, err)
	return v
}

var inf = math.Inf(1)

var spaces = []struct {
	name          string
	start, lo, hi float64
	scale         abi.Scale
}{
	{"unbounded", 3, -inf, inf, abi.Linear},
	{"from below", 3, 2, inf, abi.Linear},
	{"from above", -3, -inf, 2, abi.Linear},
	{"two bounds", 0.3, 0, 1, abi.Linear},
	{"vast range", 5, -1e6, 1e6, abi.Linear},
	{"logarithmic", 1000, 20, 20000, abi.Log},
	{"logarithmic from 0", 1, 0, 100, abi.Log},
	{"logarithmic without end", 5, 1, inf, abi.Log},
	{"periodic", 0.3, 0, 0, abi.Periodic},
}

func TestTransformsGoAndComeBack(t *testing.T) {
	for _, s := range spaces {
		t.Run(s.name, func(t *testing.T) {
			v := variable(t, s.start, s.lo, s.hi, s.scale)
			require.False(t, v.Moved)
			require.Equal(t, s.start, v.Start)
			got, _ := v.Value(v.Unbounded(s.start))
			require.InEpsilon(t, s.start, got, 1e-12)
			rng := rand.New(rand.NewPCG(1, 1))
			last := math.Inf(-1)
			for u := -6.0; u <= 6; u += 0.25 {
				value, slope := v.Value(u)
				require.InDelta(t, u, v.Unbounded(value), 1e-8, "at %g", u)
				if s.scale != abi.Periodic {
					require.GreaterOrEqual(t, value, v.Lo)
					require.LessOrEqual(t, value, v.Hi)
				}
				const h = 1e-4
				at := func(d float64) float64 { x, _ := v.Value(u + d); return x }
				want := (8*(at(h)-at(-h)) - (at(2*h) - at(-2*h))) / (12 * h)
				rounding := 1e-15 * math.Max(1, math.Abs(value)) / h
				if wide := s.hi - s.lo; !math.IsInf(wide, 0) {
					rounding += 1e-16 * wide / h
				}
				require.InDelta(t, want, slope, 1e-8*math.Abs(want)+rounding, "slope at %g", u)
				if s.name != "from above" {
					require.Greater(t, value, last)
				}
				last = value
			}
			for range 100 { // far out nothing breaks and nothing leaves the range
				u := 1000 * rng.NormFloat64()
				value, slope := v.Value(u)
				require.False(t, math.IsNaN(value) || math.IsNaN(slope), "at %g", u)
				if s.scale != abi.Periodic {
					require.True(t, value >= v.Lo && value <= v.Hi, "%g at %g", value, u)
				}
			}
		})
	}
}

// u moves v by no more than ten times its start (or 10), however vast the range.
func TestVastRangeIsStretched(t *testing.T) {
	for _, start := range []float64{0, 1, -30} {
		v := variable(t, start, -1e6, 1e6, abi.Linear)
		_, slope := v.Value(v.Unbounded(start))
		require.LessOrEqual(t, math.Abs(slope), 10*math.Max(1, math.Abs(start))*1.001)
	}
	v := variable(t, 0.5, 0, 1, abi.Linear)
	_, slope := v.Value(0)
	require.Equal(t, 0.25, slope, "a small range is not")
}

// A start on a bound moves inside by a thousandth of the range, and says so.
func TestStartOnABoundMovesInside(t *testing.T) {
	for _, tc := range []struct {
		name                string
		start, lo, hi, want float64
		scale               abi.Scale
	}{
		{"low end", 0, 0, 2, 0.002, abi.Linear},
		{"high end", 2, 0, 2, 1.998, abi.Linear},
		{"outside", 3, 0, 2, 1.998, abi.Linear},
		{"logarithmic", 20, 20, 20000, 20 * math.Pow(1000, 1e-3), abi.Log},
		{"logarithmic from 0", 0, 0, 100, 1e-3 * math.Pow(1e5, 1e-3), abi.Log},
		{"half open", 2, 2, inf, 2.001, abi.Linear},
	} {
		v := variable(t, tc.start, tc.lo, tc.hi, tc.scale)
		require.True(t, v.Moved, tc.name)
		require.InEpsilon(t, tc.want, v.Start, 1e-12, tc.name)
	}
	require.False(t, func() bool { v := variable(t, 1e-9, 0, 2, abi.Linear); return v.Moved }(), "inside is inside")
}

func TestEmptyRangeIsRefused(t *testing.T) {
	q := &graph.Param{Param: abi.Param{Name: "p", Min: 1, Max: 1, Len: 1}}
	_, err := newVariable(&adjoint.Param{Node: "n", Name: "p", Spec: q, Values: []float64{1}}, 0)
	require.EqualError(t, err, "optim: n.p cannot be learned between 1 and 1")
}

// The map to a range of 0 to 1000 is stretched around a start of 1: two of its
// plain units are 8 % of a value near 0, and a step may be more.
func TestStepsInAVastRange(t *testing.T) {
	q := &graph.Param{Param: abi.Param{Min: 0, Max: 1000, Scale: abi.Linear}}
	v, err := newVariable(&adjoint.Param{Name: "attack_ms", Spec: q, Values: []float64{1}}, 0)
	require.NoError(t, err)
	o := &Problem{Variables: []Variable{v}}
	var limit [1]float64
	u := v.Unbounded(1)
	o.StepLimits(limit[:], []float64{u})
	after, _ := v.Value(u - limit[0])
	require.InEpsilon(t, math.Exp(-2), after, 0.01)
}

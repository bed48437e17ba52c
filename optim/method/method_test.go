package method

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// rosenbrock is Σ (1−a)² + 100 (b−a²)², whose valley is curved; its minimum is
// 0 at (1, 1). As a sum of squares it has a Gauss–Newton matrix.
type rosenbrock struct{ calls int }

func (*rosenbrock) Dim() int { return 2 }

func (o *rosenbrock) Evaluate(grad, x []float64) float64 {
	o.calls++
	a, b := 1-x[0], x[1]-x[0]*x[0]
	if grad != nil {
		grad[0], grad[1] = -2*a-400*b*x[0], 200*b
	}
	return a*a + 100*b*b
}

func (*rosenbrock) Curvature(h, x []float64) {
	// Residuals 1−a and 10 (b−a²).
	j := [2][2]float64{{-1, 0}, {-20 * x[0], 10}}
	for i := range 2 {
		for k := range 2 {
			h[2*i+k] = 2 * (j[0][i]*j[0][k] + j[1][i]*j[1][k])
		}
	}
}

// line is a least-squares fit of a straight line to y = 3 − 2t.
type line struct{}

func (line) Dim() int { return 2 }

func (line) Evaluate(grad, x []float64) float64 {
	f := 0.0
	if grad != nil {
		clear(grad)
	}
	for t := range 10 {
		e := x[0] + x[1]*float64(t) - (3 - 2*float64(t))
		f += e * e
		if grad != nil {
			grad[0] += 2 * e
			grad[1] += 2 * e * float64(t)
		}
	}
	return f
}

func (line) Curvature(h, _ []float64) {
	clear(h)
	for t := range 10 {
		h[0] += 2
		h[1] += 2 * float64(t)
		h[2] += 2 * float64(t)
		h[3] += 2 * float64(t*t)
	}
}

func TestMethodsFindMinima(t *testing.T) {
	for name, tolerance := range map[string]float64{
		"adam": 0.05, "lbfgs": 1e-4, "bfgs": 1e-4, "cg": 1e-3, "neldermead": 1e-3, "lm": 1e-6,
	} {
		m, err := Lookup(name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			for _, tc := range []struct {
				o     Objective
				start []float64
				want  []float64
			}{
				{&rosenbrock{}, []float64{-1.2, 1}, []float64{1, 1}},
				{line{}, []float64{0, 0}, []float64{3, -2}},
			} {
				x := append([]float64(nil), tc.start...)
				f, err := m.Run(context.Background(), tc.o, x, Settings{Steps: 2000, LR: 0.1})
				require.NoError(t, err)
				require.InDeltaSlice(t, tc.want, x, tolerance)
				require.Equal(t, tc.o.Evaluate(nil, x), f, "the value is that of the point")
			}
		})
	}
}

// On a line a Gauss-Newton step is the whole way, but for the damping: with
// λ = 1e-3 a thousandth of the way is left, a millionth of the loss.
func TestLevenbergStepOnALine(t *testing.T) {
	x := []float64{100, -50}
	var values []float64
	_, err := Levenberg(context.Background(), line{}, x, Settings{Report: func(p Point) error { values = append(values, p.Value); return nil }})
	require.NoError(t, err)
	require.InDeltaSlice(t, []float64{3, -2}, x, 1e-9)
	for k := 1; k < min(3, len(values)); k++ {
		require.Less(t, values[k], 1e-4*values[k-1])
	}
}

func TestUnknownMethodNamesTheOthers(t *testing.T) {
	_, err := Lookup("adm")
	require.ErrorContains(t, err, `there is no optimizer "adm"; there are adam, bfgs, cg, lbfgs, lm, neldermead`)
}

// spoiled is an objective with something wrong.
type spoiled struct {
	Objective
	after int
	do    func() float64
}

func (o *spoiled) Evaluate(grad, x []float64) float64 {
	if o.after--; o.after < 0 {
		clear(grad)
		return o.do()
	}
	return o.Objective.Evaluate(grad, x)
}

func (o *spoiled) Curvature(h, x []float64) { o.Objective.(Curved).Curvature(h, x) }

var all = []string{"adam", "lbfgs", "bfgs", "cg", "neldermead", "lm"}

// A panic of the objective comes back on the goroutine of the caller.
func TestPanicsComeBack(t *testing.T) {
	for _, name := range all {
		m, err := Lookup(name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			o := &spoiled{&rosenbrock{}, 5, func() float64 { panic("the kernel broke") }}
			require.PanicsWithValue(t, "the kernel broke", func() {
				_, _ = m.Run(context.Background(), o, []float64{-1.2, 1}, Settings{})
			})
		})
	}
}

// When the context ends, the best so far comes back with the context's error.
func TestCancelKeepsTheBest(t *testing.T) {
	for _, name := range all {
		m, err := Lookup(name)
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			best := math.Inf(1)
			x := []float64{-1.2, 1}
			f, err := m.Run(ctx, &rosenbrock{}, x, Settings{Steps: 500, Report: func(p Point) error {
				best = math.Min(best, p.Value)
				if p.Step == 7 {
					cancel()
				}
				return nil
			}})
			require.ErrorIs(t, err, context.Canceled)
			require.LessOrEqual(t, f, best)
			require.Equal(t, f, (&rosenbrock{}).Evaluate(nil, x))
			require.Greater(t, f, 1e-6, "it was not at the end")
		})
	}
}

// The first report is the start, with its value; gonum announces it once before
// anything is evaluated, as infinite.
func TestFirstReportIsTheStart(t *testing.T) {
	start := []float64{-1.2, 1}
	for _, name := range all {
		m, err := Lookup(name)
		require.NoError(t, err)
		var first Point
		_, err = m.Run(context.Background(), &rosenbrock{}, append([]float64(nil), start...), Settings{Steps: 3, Report: func(p Point) error {
			if first.X == nil {
				first = p
				first.X = append([]float64(nil), p.X...)
			}
			return nil
		}})
		require.NoError(t, err)
		require.Zero(t, first.Step, name)
		require.Equal(t, (&rosenbrock{}).Evaluate(nil, first.X), first.Value, name)
		if name != "neldermead" { // begins with the best corner of its simplex
			require.Equal(t, start, first.X, name)
			require.False(t, math.IsNaN(first.GradNorm), name)
		}
	}
}

// An error of Report ends the run and comes back.
func TestReportEndsTheRun(t *testing.T) {
	enough := errors.New("enough")
	for _, name := range all {
		m, err := Lookup(name)
		require.NoError(t, err)
		steps := 0
		_, err = m.Run(context.Background(), &rosenbrock{}, []float64{-1.2, 1}, Settings{Report: func(Point) error {
			if steps++; steps == 4 {
				return enough
			}
			return nil
		}})
		require.ErrorIs(t, err, enough, name)
		require.Equal(t, 4, steps, name)
	}
}

// Where the loss is not a number nothing is found, and nothing hangs or breaks;
// where it was one before, that point stays.
func TestLossThatIsNotANumber(t *testing.T) {
	for _, name := range all {
		m, err := Lookup(name)
		require.NoError(t, err)
		for _, value := range []float64{math.NaN(), math.Inf(1)} {
			t.Run(fmt.Sprint(name, " ", value), func(t *testing.T) {
				start := []float64{-1.2, 1}
				first := (&rosenbrock{}).Evaluate(nil, start)
				x := append([]float64(nil), start...)
				f, err := m.Run(context.Background(), &spoiled{&rosenbrock{}, 6, func() float64 { return value }}, x, Settings{Steps: 50})
				require.NoError(t, err)
				require.LessOrEqual(t, f, first)
				require.Equal(t, (&rosenbrock{}).Evaluate(nil, x), f)

				x = append([]float64(nil), start...)
				_, err = m.Run(context.Background(), &spoiled{&rosenbrock{}, 0, func() float64 { return value }}, x, Settings{Steps: 50})
				require.NoError(t, err)
				for _, v := range x {
					require.False(t, math.IsNaN(v))
				}
			})
		}
	}
}

// A start that is not a number does not hide what is found after it.
func TestBestForgetsNaN(t *testing.T) {
	b := NewBest()
	b.See([]float64{1}, math.NaN())
	b.See([]float64{2}, 5)
	b.See([]float64{3}, math.NaN())
	b.See([]float64{4}, 7)
	require.Equal(t, 5.0, b.F)
	require.Equal(t, []float64{2}, b.X)
}

// A coordinate that wants to go a thousand times further than it may does not
// hold up the other: with it at its limit of 2, the other takes the minimum of
// (10 a + b − 1)² that is left, at a = −0.1.
func TestStepWithARunawayCoordinate(t *testing.T) {
	h := []float64{200, 20, 20, 2 + 2e-6}
	g := []float64{-20, -2 - 4e-3} // of the above and of (1e-3 b)² − 4e-3 b
	delta, free, ok := boxStep(h, g, []float64{200, 2}, 0, []float64{5, 2})
	require.True(t, ok)
	require.Equal(t, []int{0}, free)
	require.InDeltaSlice(t, []float64{-0.1, 2}, delta, 1e-12)
}

// A descent that gains nothing more ends, one that gains goes on.
func TestPatience(t *testing.T) {
	last := 0
	descent := func(_ context.Context, _ Objective, _ []float64, s Settings) (float64, error) {
		for k := range 30 {
			value := 0.9
			if k < 20 {
				value = math.Pow(0.99, float64(k))
			}
			last = k
			if err := s.Report(Point{Step: k, Value: value}); err != nil {
				return value, err
			}
		}
		return 0, nil
	}
	_, err := Patient(descent, 5, 1e-3)(context.Background(), nil, nil, Settings{})
	require.NoError(t, err)
	require.Equal(t, 24, last)
}

package method

import (
	"context"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

func init() {
	Register(Entry{Name: "lm", Doc: "Levenberg-Marquardt: Gauss-Newton steps with damping; for esr and mse, fastest with few parameters.", Run: Levenberg, Curved: true})
}

// Levenberg is Levenberg-Marquardt on the exact gradient g and the Gauss-Newton
// matrix H, scaled by its diagonal:
//
//	(H + λ D) δ = −g,   D = diag H
//
// λ follows the ratio of actual to predicted decrease. A step along a curved
// valley is bent by the second derivative of the output in its direction
// (geodesic acceleration).
//
// Sources: J. J. Moré, The Levenberg-Marquardt Algorithm: Implementation and
// Theory, 1978 (the scaling); H. B. Nielsen, Damping Parameter in Marquardt's
// Method, IMM-REP-1999-05 (the update of λ); M. K. Transtrum, J. P. Sethna,
// Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares
// minimization, arXiv 1201.5885 (the acceleration).
func Levenberg(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
	curved := o.(Curved)
	steps := s.Steps
	if steps == 0 {
		steps = 100
	}
	n := len(x)
	g, trial := make([]float64, n), make([]float64, n)
	h, d, limits := make([]float64, n*n), make([]float64, n), make([]float64, n)
	for i := range limits {
		limits[i] = math.Inf(1)
	}
	f := o.Evaluate(g, x)
	if err := ctx.Err(); err != nil {
		return f, err
	}
	if s.Report != nil {
		if err := s.Report(Point{0, f, Norm(g), x}); err != nil {
			return f, err
		}
	}
	lambda, grow := 1e-3, 2.0
	calm := 0
	exact := lmExact * f
	for k := 1; k <= steps && f > exact; k++ {
		curved.Curvature(h, x)
		for i := range d {
			d[i] = math.Max(0.1*d[i], h[i*n+i])
		}
		floorScale(d)
		if b, ok := o.(bounded); ok {
			b.StepLimits(limits, x)
		}
		accepted := false
		for range 12 {
			if err := ctx.Err(); err != nil {
				return f, err
			}
			delta, free, ok := boxStep(h, g, d, lambda, limits)
			if !ok {
				lambda *= 10
				continue
			}
			predicted := decrease(h, g, delta)
			bend(o, delta, h, d, lambda, free)
			for i := range trial {
				trial[i] = x[i] + delta[i]
			}
			ft := o.Evaluate(nil, trial)
			if gain := (f - ft) / math.Max(predicted, 1e-300); ft < f && gain > 1e-4 {
				calm = calmSteps(calm, f, ft)
				f = ft
				copy(x, trial)
				t := 2*gain - 1
				lambda *= math.Max(1.0/10, 1-t*t*t)
				lambda, grow = math.Max(lambda, 1e-12), 2
				accepted = true
				break
			}
			lambda *= grow
			grow *= 2
		}
		if !accepted {
			break
		}
		low := f
		if f = o.Evaluate(g, x); math.IsInf(f, 1) { // the trial was a number, so the time is over
			return low, ctx.Err()
		}
		if s.Report != nil {
			if err := s.Report(Point{k, f, Norm(g), x}); err != nil {
				return f, err
			}
		}
		if calm >= 3 {
			break
		}
	}
	return f, nil
}

// lmExact is the part of the first value at which only rounding is left.
const lmExact = 1e-20

// calmSteps counts steps that gained less than a hundred-thousandth.
func calmSteps(calm int, before, after float64) int {
	if before-after < 1e-5*before {
		return calm + 1
	}
	return 0
}

// floorScale keeps a parameter without any effect yet from taking endless steps.
func floorScale(d []float64) {
	top := 0.0
	for _, v := range d {
		top = math.Max(top, v)
	}
	for i := range d {
		d[i] = math.Max(d[i], 1e-10*top)
	}
}

// bounded is an objective that says how far a step may go in each coordinate.
type bounded interface{ StepLimits(dst, x []float64) }

// boxStep is the step within |δ_i| ≤ limit_i. A coordinate that wants to go
// further goes to its limit, and the others make the best of that; free are
// those others. To shorten the whole step instead would let one that runs to its
// bound, where it does nothing, hold up all. ok is false where the matrix is not
// positive definite.
func boxStep(h, g, d []float64, lambda float64, limits []float64) (delta []float64, free []int, ok bool) {
	n := len(g)
	delta = make([]float64, n)
	for i := range n {
		free = append(free, i)
	}
	for len(free) > 0 {
		left := make([]float64, n) // g + H δ of those at their limits
		copy(left, g)
		for j, v := range delta {
			if v != 0 {
				for i := range left {
					left[i] += h[i*n+j] * v
				}
			}
		}
		step, ok := lmStep(h, left, d, lambda, free)
		if !ok {
			return nil, nil, false
		}
		over, worst := 1.0, -1
		for k, i := range free {
			if r := math.Abs(step[k]) / limits[i]; r > over {
				over, worst = r, k
			}
		}
		if worst < 0 {
			for k, i := range free {
				delta[i] = step[k]
			}
			return delta, free, true
		}
		i := free[worst]
		delta[i] = math.Copysign(limits[i], step[worst])
		free = slices.Delete(free, worst, worst+1)
	}
	return delta, free, true
}

// accelerated is an objective that knows the second derivative of its output
// along a step from the point of the last Curvature.
type accelerated interface {
	// Acceleration fills dst with JᵀM of that second derivative.
	Acceleration(dst, delta []float64)
}

// bend adds half the acceleration to the free coordinates of a step, where it is
// small beside it.
func bend(o Objective, delta, h, d []float64, lambda float64, free []int) {
	c, ok := o.(accelerated)
	if !ok {
		return
	}
	b := make([]float64, len(delta))
	c.Acceleration(b, delta)
	a, ok := lmStep(h, b, d, lambda, free)
	if !ok {
		return
	}
	var na, nd float64
	for k, i := range free {
		na += d[i] * a[k] * a[k]
	}
	for i := range delta {
		nd += d[i] * delta[i] * delta[i]
	}
	if 2*math.Sqrt(na) > 0.75*math.Sqrt(nd) {
		return
	}
	for k, i := range free {
		delta[i] += a[k] / 2
	}
}

// lmStep solves (H + λD) δ = −g for the free coordinates, and returns theirs.
func lmStep(h, g, d []float64, lambda float64, free []int) (delta []float64, ok bool) {
	n, m := len(g), len(free)
	if m == 0 {
		return nil, true
	}
	a, b := mat.NewSymDense(m, nil), mat.NewVecDense(m, nil)
	for k, i := range free {
		for l := k; l < m; l++ {
			a.SetSym(k, l, h[i*n+free[l]])
		}
		a.SetSym(k, k, h[i*n+i]+lambda*d[i]+1e-300)
		b.SetVec(k, -g[i])
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, false
	}
	var v mat.VecDense
	if err := chol.SolveVecTo(&v, b); err != nil {
		if _, soft := err.(mat.Condition); !soft {
			return nil, false
		}
	}
	delta = v.RawVector().Data
	return delta, !slices.ContainsFunc(delta, math.IsNaN)
}

// decrease is what the quadratic model promises for a step.
func decrease(h, g, delta []float64) float64 {
	n, sum := len(g), 0.0
	for i := range n {
		sum -= g[i] * delta[i]
		for j := range n {
			sum -= 0.5 * delta[i] * h[i*n+j] * delta[j]
		}
	}
	return sum
}

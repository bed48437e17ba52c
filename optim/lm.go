package optim

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"
)

func init() {
	register(method{name: "lm", doc: "Levenberg-Marquardt: Gauss-Newton steps with damping; for esr and mse, fastest with few parameters.", run: levenberg, curved: true})
}

// levenberg is Levenberg-Marquardt on the exact gradient g and the Gauss-Newton
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
func levenberg(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
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
	if s.Report != nil {
		if err := s.Report(Point{0, f, norm(g), x}); err != nil {
			return f, err
		}
	}
	lambda, grow := 1e-3, 2.0
	calm := 0
	for k := 1; k <= steps && f > 0; k++ {
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
			delta, ok := lmStep(h, g, d, lambda)
			if !ok {
				lambda *= 10
				continue
			}
			shorten(delta, limits)
			predicted := decrease(h, g, delta)
			bend(o, delta, x, h, d, lambda)
			for i := range trial {
				trial[i] = x[i] + delta[i]
			}
			ft := o.Evaluate(nil, trial)
			if gain := (f - ft) / math.Max(predicted, 1e-300); ft < f && gain > 1e-4 {
				calm = calmSteps(calm, f, ft)
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
		f = o.Evaluate(g, x)
		if s.Report != nil {
			if err := s.Report(Point{k, f, norm(g), x}); err != nil {
				return f, err
			}
		}
		if calm >= 3 {
			break
		}
	}
	return f, nil
}

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

// shorten scales a step down until no coordinate moves further than its limit.
func shorten(delta, limits []float64) {
	factor := 1.0
	for i, v := range delta {
		if a := math.Abs(v); a*factor > limits[i] {
			factor = limits[i] / a
		}
	}
	for i := range delta {
		delta[i] *= factor
	}
}

// accelerated is an objective that knows the second derivative of its output
// along a step from the point of the last Curvature.
type accelerated interface {
	// Acceleration fills dst with JᵀM of that second derivative.
	Acceleration(dst, delta []float64)
}

// bend adds half the acceleration to a step, where it is small beside it.
func bend(o Objective, delta, x, h, d []float64, lambda float64) {
	c, ok := o.(accelerated)
	if !ok {
		return
	}
	b := make([]float64, len(x))
	c.Acceleration(b, delta)
	a, ok := lmStep(h, b, d, lambda)
	if !ok {
		return
	}
	var na, nd float64
	for i := range a {
		na += d[i] * a[i] * a[i]
		nd += d[i] * delta[i] * delta[i]
	}
	if 2*math.Sqrt(na) > 0.75*math.Sqrt(nd) {
		return
	}
	for i := range delta {
		delta[i] += a[i] / 2
	}
}

// lmStep solves (H + λD) δ = −g.
func lmStep(h, g, d []float64, lambda float64) (delta []float64, ok bool) {
	n := len(g)
	a := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			a.SetSym(i, j, h[i*n+j])
		}
		a.SetSym(i, i, h[i*n+i]+lambda*d[i]+1e-300)
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, false
	}
	var v mat.VecDense
	if err := chol.SolveVecTo(&v, mat.NewVecDense(n, append([]float64(nil), g...))); err != nil {
		if _, soft := err.(mat.Condition); !soft {
			return nil, false
		}
	}
	delta = make([]float64, n)
	for i := range delta {
		delta[i] = -v.AtVec(i)
		if math.IsNaN(delta[i]) {
			return nil, false
		}
	}
	return delta, true
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

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
// matrix H, scaled by the largest diagonal seen so far:
//
//	(H + λ D) δ = −g,   D = diag(max H)
//
// λ follows the ratio of actual to predicted decrease.
//
// Sources: J. J. Moré, The Levenberg-Marquardt Algorithm: Implementation and
// Theory, 1978 (the scaling); H. B. Nielsen, Damping Parameter in Marquardt's
// Method, IMM-REP-1999-05 (the update of λ).
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
			d[i] = math.Max(d[i], h[i*n+i])
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
			delta, predicted, ok := lmStep(h, g, d, lambda)
			if !ok {
				lambda *= 10
				continue
			}
			shorten(delta, limits)
			predicted = decrease(h, g, delta)
			for i := range trial {
				trial[i] = x[i] + delta[i]
			}
			ft := o.Evaluate(nil, trial)
			if gain := (f - ft) / predicted; ft < f && gain > 1e-4 {
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

// lmStep solves the damped equations; predicted is the decrease of the model.
func lmStep(h, g, d []float64, lambda float64) (delta []float64, predicted float64, ok bool) {
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
		return nil, 0, false
	}
	var v mat.VecDense
	if err := chol.SolveVecTo(&v, mat.NewVecDense(n, append([]float64(nil), g...))); err != nil {
		if _, soft := err.(mat.Condition); !soft {
			return nil, 0, false
		}
	}
	delta = make([]float64, n)
	for i := range delta {
		delta[i] = -v.AtVec(i)
		if math.IsNaN(delta[i]) {
			return nil, 0, false
		}
	}
	predicted = decrease(h, g, delta)
	return delta, predicted, predicted > 0
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

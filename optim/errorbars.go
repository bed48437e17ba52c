package optim

import (
	"context"
	"math"
	"time"

	"gonum.org/v1/gonum/mat"
)

// errorBars returns the standard deviation of each learned value by the
// Gauss-Newton covariance, σ²(JᵀJ)⁻¹ with σ² the residual's variance, taken in
// the parameters' own units; and which of them the data do not identify: those
// that take part in a direction with next to no effect on the output. Late reports
// that they were left out because the time is over, or would be before they are
// there.
func (f *fit) errorBars(ctx context.Context, x []float64) (std []float64, loose []bool, late bool) {
	n := len(x)
	std, loose = make([]float64, n), make([]bool, n)
	for i := range std {
		std[i] = math.NaN()
	}
	o, output := f.problem, f.problem.Model.Output
	if !o.Quadratic() || o.Model.HasHeatLoss() || n*len(output) > 64<<20 {
		return std, loose, false
	}
	h := make([]float64, n*n)
	began := time.Now()
	value := o.Evaluate(nil, x)
	if end, limited := ctx.Deadline(); limited && time.Now().Add(time.Duration(barRuns*n)*time.Since(began)).After(end) {
		return std, loose, true
	}
	if o.Curvature(h, x); o.Over() { // before its end
		return std, loose, true
	}
	scale := make([]float64, n)
	top := 0.0
	for i := range scale {
		scale[i] = math.Sqrt(math.Max(h[i*n+i], 0))
		top = math.Max(top, scale[i])
	}
	for i := range scale {
		if scale[i] <= 1e-7*top || top == 0 {
			scale[i], loose[i] = 1, true
		}
	}
	a := mat.NewSymDense(n, nil)
	for i := range n {
		for j := i; j < n; j++ {
			a.SetSym(i, j, h[i*n+j]/(scale[i]*scale[j]))
		}
		if loose[i] {
			a.SetSym(i, i, 1)
		}
	}
	var eig mat.EigenSym
	if !eig.Factorize(a, true) {
		return std, loose, false
	}
	var vectors mat.Dense
	eig.VectorsTo(&vectors)
	values := eig.Values(nil)
	residuals := float64(len(output) - o.Skip()*o.Channels - n)
	for i := range n {
		variance := 0.0
		for k, w := range values {
			c := vectors.At(i, k)
			if w < 1e-9*values[n-1] {
				loose[i] = loose[i] || math.Abs(c) > 0.1
				continue
			}
			variance += c * c / w
		}
		// L = Σe²/E has Hessian 2JᵀJ/E, and σ² = E·L/residuals.
		_, slope := o.Variables[i].Value(x[i])
		std[i] = math.Sqrt(2*value/residuals*variance) / scale[i] * math.Abs(slope)
	}
	return std, loose, false
}

// barRuns is how many evaluations the error bar of a value takes: two renderings, and
// the sums of a column with the others.
const barRuns = 3

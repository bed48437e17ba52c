package problem

import (
	"math"

	"ampfit/optim/method"
)

// Curvature is JᵀMJ with the Jacobian J of the output and the Hessian M of a
// quadratic loss: M v = ∇L(y+v) − ∇L(y). The columns of J come from central
// differences of renderings; only the speed of convergence depends on them, as
// the gradient itself is exact.
func (o *Problem) Curvature(h, x []float64) {
	n := len(x)
	size := len(o.Model.Output)
	if o.columns == nil {
		for range n {
			o.columns = append(o.columns, make([]float64, size))
		}
		o.g0, o.g1 = make([]float64, size), make([]float64, size)
	}
	moved := append([]float64(nil), x...)
	for i := range n {
		if o.Over() {
			return // whoever asked looks at the context next
		}
		v := &o.Variables[i]
		value, slope := v.Value(x[i])
		step := 1e-6 * math.Min(v.Natural(value)/math.Max(math.Abs(slope), 1e-9), 10)
		moved[i] = x[i] + step
		o.Set(moved)
		o.Model.Forward()
		copy(o.columns[i], o.Model.Output)
		moved[i] = x[i] - step
		o.Set(moved)
		o.Model.Forward()
		for k, y := range o.Model.Output {
			o.columns[i][k] = (o.columns[i][k] - y) / (2 * step)
		}
		moved[i] = x[i]
		o.count(2)
	}
	o.Set(x)
	o.Model.Forward()
	o.count(1)
	o.Loss.Evaluate(o.g0, o.Model.Output)
	o.base = append(o.base[:0], x...)
	o.output = append(o.output[:0], o.Model.Output...)
	shifted := make([]float64, size)
	for j := range n {
		if o.Over() {
			return
		}
		for k, v := range o.Model.Output {
			shifted[k] = v + o.columns[j][k]
		}
		o.Loss.Evaluate(o.g1, shifted)
		for k := range o.g1 {
			o.g1[k] -= o.g0[k]
		}
		for i := 0; i <= j; i++ {
			h[i*n+j] = method.Dot(o.columns[i], o.g1)
			h[j*n+i] = h[i*n+j]
		}
	}
	for i := range o.Variables {
		if p := o.Variables[i].prior; p != nil {
			s := o.slopes[i] / p.std
			h[i*n+i] += s * s
		}
	}
}

// Acceleration is JᵀM y″ with y″ the second derivative of the output along the
// step, from one rendering a tenth of the way.
func (o *Problem) Acceleration(dst, delta []float64) {
	const h = 0.1
	x := append([]float64(nil), o.base...)
	for i := range x {
		x[i] += h * delta[i]
	}
	o.Set(x)
	o.Model.Forward()
	o.count(1)
	y := o.Model.Output
	for n, v := range y {
		linear := 0.0
		for i, column := range o.columns {
			linear += delta[i] * column[n]
		}
		o.g1[n] = o.output[n] + 2/h*((v-o.output[n])/h-linear)
	}
	grad := make([]float64, len(y))
	o.Loss.Evaluate(grad, o.g1)
	for n := range grad {
		grad[n] -= o.g0[n]
	}
	for i, column := range o.columns {
		dst[i] = method.Dot(column, grad)
	}
}

package kernel

import "math"

// dual3 is a value with its slopes by three parameters, for formulas that are too
// long to be differentiated by hand and not run often.
type dual3 struct {
	v float64
	d [3]float64
}

// parameter returns the i-th of the three parameters.
func parameter(v float64, i int) dual3 {
	x := dual3{v: v}
	x.d[i] = 1
	return x
}

func constant3(v float64) dual3 { return dual3{v: v} }

func (a dual3) add(b dual3) dual3 {
	for i := range a.d {
		a.d[i] += b.d[i]
	}
	a.v += b.v
	return a
}

func (a dual3) sub(b dual3) dual3 { return a.add(b.times(-1)) }

func (a dual3) plus(c float64) dual3 { a.v += c; return a }

func (a dual3) times(c float64) dual3 {
	for i := range a.d {
		a.d[i] *= c
	}
	a.v *= c
	return a
}

func (a dual3) mul(b dual3) dual3 {
	for i := range a.d {
		a.d[i] = a.d[i]*b.v + a.v*b.d[i]
	}
	a.v *= b.v
	return a
}

func (a dual3) div(b dual3) dual3 {
	v := a.v / b.v
	for i := range a.d {
		a.d[i] = (a.d[i] - v*b.d[i]) / b.v
	}
	a.v = v
	return a
}

// chain returns f(a), given its value and its slope there.
func (a dual3) chain(v, slope float64) dual3 {
	for i := range a.d {
		a.d[i] *= slope
	}
	a.v = v
	return a
}

func (a dual3) square() dual3 { return a.mul(a) }

// sqrt is 0, without a slope, below 0.
func (a dual3) sqrt() dual3 {
	if a.v <= 0 {
		return dual3{}
	}
	r := math.Sqrt(a.v)
	return a.chain(r, 0.5/r)
}

func (a dual3) exp() dual3 { e := math.Exp(a.v); return a.chain(e, e) }

func (a dual3) expm1() dual3 { return a.chain(math.Expm1(a.v), math.Exp(a.v)) }

func (a dual3) sin() dual3 { s, c := math.Sincos(a.v); return a.chain(s, c) }

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// clipperLaw is a clipper with its values.
type clipperLaw struct{ t, r, c, is, nvt, a, a1, beta, perV, slope float64 }

func newClipper(b *abi.Block, lane int) clipperLaw {
	k := clipperLaw{t: 1 / b.Rate, r: b.Param(0, lane).At(0), c: b.Param(1, lane).At(0), is: b.Param(2, lane).At(0), nvt: b.Param(3, lane).At(0)}
	k.a, k.beta, k.perV = k.t/(2*k.r*k.c), k.t*k.is/k.c, 1/k.nvt
	k.a1, k.slope = 1+k.a, k.beta*k.perV
	return k
}

// hyperbolic returns sinh u and cosh u of |u| < 700. With u = k ln 2 + r they are
// ½ (2^k (E+O) ∓ 2^-k (E-O)), where E and O are the even and the odd part of e^r, by
// Taylor's series up to r^13. Near 0 sinh has an absolute error of 1e-16, which is
// that of v/n_vt.
func hyperbolic(u float64) (sinh, cosh float64) {
	kd := math.FMA(u, math.Log2E, kernel.RoundAway)
	k := kd - kernel.RoundAway
	r := math.FMA(-k, 1.90821492927058770002e-10, math.FMA(-k, 6.93147180369123816490e-01, u))
	z := r * r
	z2 := z * z
	even := math.FMA(math.FMA(1./479001600, z2, math.FMA(1./3628800, z, 1./40320)), z2*z2, math.FMA(math.FMA(1./720, z, 1./24), z2, math.FMA(1./2, z, 1)))
	odd := math.FMA(math.FMA(1./6227020800, z2, math.FMA(1./39916800, z, 1./362880)), z2*z2, math.FMA(math.FMA(1./5040, z, 1./120), z2, math.FMA(1./6, z, 1)))
	odd *= r
	n := math.Float64bits(kd) << 52
	p := math.Float64frombits(1022<<52+n) * (even + odd)
	q := math.Float64frombits(1022<<52-n) * (even - odd)
	return p - q, p + q
}

// solve returns v where F(v) = v (1+a) + β sinh(v/V) - r = 0, starting from last, and
// sinh(v/V) and cosh(v/V), of which those of last are known.
//
// F is odd about 0 in (v, r), and increasing and convex for v > 0, so that the
// solver stays on the side of the root. As sinh and cosh of an iterate give F and
// all its derivatives, a step can be of fourth order: with e = -F/F', s = V F"/F'
// and c = V² F"'/F' in units of V, w = e (6 + 3se)/(6 + 6se + ce²) (Householder's
// method of order 3; where sinh is all of F it is the Padé approximant of ln(1+e)).
// What is left after it is below 0.05 e⁴: after a step with |e| ≤ 3e-4 that is
// 4e-16 V, and sinh and cosh go along by their series. A frame starts from the one
// before, whose sinh and cosh are known. From far above the root, e < -0.8, where
// w has poles, the step is Newton's; e > 4 says that it starts far below: it starts
// again from min(r/(1+a), V ln(1 + 2r/β)), a bound just above the root.
func (k *clipperLaw) solve(r, last, lastSinh, lastCosh float64, steps int) (v, sinh, cosh float64) {
	sign := math.Copysign(1, r)
	r = sign * r
	v, sinh, cosh = sign*last, sign*lastSinh, lastCosh
	if !(v > 0) {
		v, sinh, cosh = 0, 0, 1
	}
	a1, beta, nvt, perV, slope, top := k.a1, k.beta, k.nvt, k.perV, k.slope, r/k.a1
	restarted := false
	for i := range steps {
		slope1 := slope * cosh
		jac := a1 + slope1
		f := perV * math.FMA(-v, a1, math.FMA(-beta, sinh, r)) // -F
		if f > 4*jac && !restarted {
			restarted = true
			v = k.bound(r)
			sinh, cosh = hyperbolic(v * perV)
			continue
		}
		square, bend := jac*jac, slope*sinh*f
		w := f * math.FMA(0.5, bend, square) / math.FMA(jac, square+bend, slope1*f*f*(1./6))
		if math.Abs(f) <= 3e-4*jac && i > 0 { // never carried on from frame to frame
			v = math.FMA(w, nvt, v)
			w2 := w * w
			even, odd := math.FMA(w2*w2, 1./24, 0.5*w2), math.FMA(w2*w, 1./6, w)
			return sign * v, sign * (sinh + math.FMA(cosh, odd, sinh*even)), cosh + math.FMA(sinh, odd, cosh*even)
		}
		if f < -0.8*jac {
			w = f / jac
		}
		v = math.FMA(w, nvt, v)
		if v > top {
			v = top
		}
		if v < 0 {
			v = 0
		}
		sinh, cosh = hyperbolic(v * perV)
	}
	return sign * v, sign * sinh, cosh
}

// bound is above the root: both terms of F grow with v, and asinh z ≤ ln(1+2z).
func (k *clipperLaw) bound(r float64) float64 {
	return min(r/k.a1, k.nvt*math.Log(1+2*r/k.beta))
}

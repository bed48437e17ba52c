package kernel

import "math"

// This file is logarithm and exponential of whole rows, which the processor's
// vectors take four at a time: elementary_amd64.go has the same operations in the
// same order.

// Decibels is ln(10)/20: a gain of g dB is exp(Decibels·g).
const Decibels = math.Ln10 / 20

// logTable is of ln(2^k m) = k ln 2 + 2 artanh s, s = (m-1)/(m+1), with m in
// [3/4, 3/2): artanh's series up to s^21, which is 1e-17 off.
var logTable = [18]uint64{
	0x3ff0000000000000 - 0x3fe8000000000000, // from 3/4 to 1
	1023 << 52,
	math.Float64bits(1 << 52), math.Float64bits(1<<52 + 1023), math.Float64bits(1), math.Float64bits(2),
	math.Float64bits(6.93147180369123816490e-01), math.Float64bits(1.90821492927058770002e-10), // ln 2, from fdlibm
	math.Float64bits(2. / 3), math.Float64bits(2. / 5), math.Float64bits(2. / 7), math.Float64bits(2. / 9),
	math.Float64bits(2. / 11), math.Float64bits(2. / 13), math.Float64bits(2. / 15), math.Float64bits(2. / 17),
	math.Float64bits(2. / 19), math.Float64bits(2. / 21),
}

// logOne returns ln x within 2e-16 of |ln x| + 1e-16; x is positive and normal.
func logOne(x float64) float64 {
	at := func(i int) float64 { return math.Float64frombits(logTable[i]) }
	b := math.Float64bits(x)
	k := (b + logTable[0]) >> 52
	m := math.Float64frombits(b - k<<52 + logTable[1])
	e := math.Float64frombits(k|logTable[2]) - at(3)
	s := (m - 1) / (m + 1)
	z := s * s
	z2 := z * z
	z4 := z2 * z2
	low := math.FMA(math.FMA(at(11), z, at(10)), z2, math.FMA(at(9), z, at(8)))
	mid := math.FMA(math.FMA(at(15), z, at(14)), z2, math.FMA(at(13), z, at(12)))
	mid = math.FMA(math.FMA(at(17), z, at(16)), z4, mid)
	low = math.FMA(mid, z4, low)
	r := math.FMA(low, z*s, 2*s)
	return math.FMA(at(6), e, math.FMA(at(7), e, r))
}

// LogRow writes scale ln max(x, floor); it may be in place.
func LogRow(dst, x []float64, floor, scale float64) {
	for n := logRowFast(dst, x, floor, scale); n < len(x); n++ {
		v := x[n]
		if v < floor {
			v = floor
		}
		dst[n] = scale * logOne(v)
	}
}

// expTable is of e^x = 2^k e^r, |r| ≤ ln 2/2, by Taylor's series up to r^13, which
// is 4e-18 off.
var expTable = [20]uint64{
	math.Float64bits(math.Log2E), math.Float64bits(RoundAway),
	math.Float64bits(6.93147180369123816490e-01), math.Float64bits(1.90821492927058770002e-10),
	math.Float64bits(700), math.Float64bits(-700),
	math.Float64bits(1), math.Float64bits(1), math.Float64bits(1. / 2), math.Float64bits(1. / 6),
	math.Float64bits(1. / 24), math.Float64bits(1. / 120), math.Float64bits(1. / 720), math.Float64bits(1. / 5040),
	math.Float64bits(1. / 40320), math.Float64bits(1. / 362880), math.Float64bits(1. / 3628800), math.Float64bits(1. / 39916800),
	math.Float64bits(1. / 479001600), math.Float64bits(1. / 6227020800),
}

// expOne returns e^x within 4e-16 of it, for x held to ±700.
func expOne(x float64) float64 {
	at := func(i int) float64 { return math.Float64frombits(expTable[i]) }
	if x > 700 {
		x = 700
	} else if x < -700 {
		x = -700
	}
	k := math.FMA(x, math.Log2E, RoundAway)
	n := k - RoundAway
	r := math.FMA(-n, at(3), math.FMA(-n, at(2), x))
	r2 := r * r
	r4 := r2 * r2
	a := math.FMA(math.FMA(at(9), r, at(8)), r2, math.FMA(at(7), r, at(6)))
	c := math.FMA(math.FMA(at(13), r, at(12)), r2, math.FMA(at(11), r, at(10)))
	a = math.FMA(c, r4, a)
	e := math.FMA(math.FMA(at(17), r, at(16)), r2, math.FMA(at(15), r, at(14)))
	e = math.FMA(math.FMA(at(19), r, at(18)), r4, e)
	a = math.FMA(e, r4*r4, a)
	return math.Float64frombits(math.Float64bits(a) + math.Float64bits(k)<<52)
}

// ExpRow writes e^x; it may be in place.
func ExpRow(dst, x []float64) {
	for n := expRowFast(dst, x); n < len(x); n++ {
		dst[n] = expOne(x[n])
	}
}

// Tanh returns tanh x within 4e-16. With e^(2|x|) = 2^k e^r, r within
// ±ln(2)/2, and Cephes' e^r = (Q + P)/(Q - P), it is
//
//	(2^k (Q+P) - (Q-P)) / (2^k (Q+P) + (Q-P)),
//
// one division in place of math.Tanh's two and a branch. It is odd to the bit,
// and 1 from |x| = 20 on.
func Tanh(x float64) float64 {
	a := math.Abs(x)
	if a > 20 {
		a = 20
	}
	k := int64(a*(2/math.Ln2) + 0.5)
	r := (2*a - float64(k)*ln2High) - float64(k)*ln2Low
	z := r * r
	// S. L. Moshier, Cephes, exp.c.
	p := r * ((1.26177193074810590878e-4*z+3.02994407707441961300e-2)*z + 9.99999999999999999910e-1)
	q := ((3.00198505138664455042e-6*z+2.52448340349684104192e-3)*z+2.27265548208155028766e-1)*z + 2
	two := math.Float64frombits(uint64(1023+k) << 52) // 2^k
	return math.Copysign(((two-1)*q+(two+1)*p)/((two+1)*q+(two-1)*p), x)
}

// ln 2 in two parts, the first with 32 bits, so that k times it is exact
// (fdlibm, e_exp.c).
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

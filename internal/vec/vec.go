// Package vec holds the few operations on slices of float64 that the engine
// spends its time in. With or without AVX2 the bits are the same on a processor
// that fuses multiply and add.
package vec

import "math"

// Add adds src to dst, which is as long.
func Add(dst, src []float64) {
	dst = dst[:len(src)]
	n := 0
	if useAVX2 && len(src) >= 8 {
		n = len(src) &^ 3
		addAVX2(&dst[0], &src[0], n/4)
	}
	for ; n < len(src); n++ {
		dst[n] += src[n]
	}
}

// AddScaled adds s·src to dst, which is as long.
func AddScaled(dst []float64, s float64, src []float64) {
	dst = dst[:len(src)]
	n := 0
	if useAVX2 && len(src) >= 8 {
		n = len(src) &^ 3
		axpyAVX2(&dst[0], &src[0], s, n/4)
	}
	for ; n < len(src); n++ {
		dst[n] = math.FMA(s, src[n], dst[n])
	}
}

// Dot returns Σ h[k] x[k] over the length of h, summed in eight chains that
// begin a, b, … h: chain k mod 8 takes tap k, but what is left over after whole
// eights goes to a + e; then ((a+e) + (b+f)) + ((c+g) + (d+h)).
func Dot(h, x []float64) float64 {
	x = x[:len(h)]
	var s [4]float64
	n := len(h) &^ 7
	if useAVX2 && n > 0 {
		dot8AVX2(&s, &h[0], &x[0], n/8)
	} else {
		var a, b, c, d, e, f, g, i float64
		for k := 0; k < n; k += 8 {
			h, x := h[k:k+8], x[k:k+8]
			a, e = math.FMA(h[0], x[0], a), math.FMA(h[4], x[4], e)
			b, f = math.FMA(h[1], x[1], b), math.FMA(h[5], x[5], f)
			c, g = math.FMA(h[2], x[2], c), math.FMA(h[6], x[6], g)
			d, i = math.FMA(h[3], x[3], d), math.FMA(h[7], x[7], i)
		}
		s = [4]float64{a + e, b + f, c + g, d + i}
	}
	for k := n; k < len(h); k++ {
		s[0] = math.FMA(h[k], x[k], s[0])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// AddScaledDot adds s·v to dst and returns Σ v x, summed like [Dot]: what a
// factor s does on the way back. All are as long as v.
func AddScaledDot(dst []float64, s float64, v, x []float64) float64 {
	dst, x = dst[:len(v)], x[:len(v)]
	n := len(v) &^ 7
	if n == 0 {
		sum := 0.0
		for i, v := range v {
			dst[i] = math.FMA(s, v, dst[i])
			sum = math.FMA(v, x[i], sum)
		}
		return sum
	}
	if !useAVX2 {
		AddScaled(dst, s, v)
		return Dot(v, x)
	}
	var sums [4]float64
	axpyDotAVX2(&sums, &dst[0], &v[0], &x[0], s, n/8)
	for ; n < len(v); n++ {
		dst[n] = math.FMA(s, v[n], dst[n])
		sums[0] = math.FMA(v[n], x[n], sums[0])
	}
	return (sums[0] + sums[1]) + (sums[2] + sums[3])
}

// Sum returns Σ x[n] in four chains, n mod 4 taking frame n; then (a+b) + (c+d).
func Sum(x []float64) float64 {
	var a, b, c, d float64
	n := 0
	for ; n+3 < len(x); n += 4 {
		v := x[n : n+4 : n+4]
		a += v[0]
		b += v[1]
		c += v[2]
		d += v[3]
	}
	for ; n < len(x); n++ {
		a += x[n]
	}
	return (a + b) + (c + d)
}

// dot4 is a Dot of four chains: k mod 4 takes tap k, but what is left over after
// whole fours goes to the first; then (a + b) + (c + d).
func dot4(h, x []float64) float64 {
	x = x[:len(h)]
	var s [4]float64
	n := len(h) &^ 3
	if useAVX2 && n > 0 {
		dot4AVX2(&s, &h[0], &x[0], n/4)
	} else {
		var a, b, c, d float64
		for i := 0; i < n; i += 4 {
			a = math.FMA(h[i], x[i], a)
			b = math.FMA(h[i+1], x[i+1], b)
			c = math.FMA(h[i+2], x[i+2], c)
			d = math.FMA(h[i+3], x[i+3], d)
		}
		s = [4]float64{a, b, c, d}
	}
	for i := n; i < len(h); i++ {
		s[0] = math.FMA(h[i], x[i], s[0])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}

// FIR adds Σ h[k] x[n+k] to dst[n] for every n: a filter whose taps h stand with
// the oldest first, each sum in the four chains of dot4. x is len(h)−1 frames longer than dst.
func FIR(dst, x, h []float64) {
	if len(h) == 0 {
		return
	}
	x = x[:len(dst)+len(h)-1]
	n := 0
	if useAVX2 && len(dst) >= 8 {
		n = len(dst) &^ 7
		firAVX2(&dst[0], &x[0], &h[0], len(h)/4, len(h)%4, n/8)
	}
	for ; n < len(dst); n++ {
		dst[n] += dot4(h, x[n:])
	}
}

package kernel

import "math"

// This file combines rows of frames that lie stride values apart, for matrices of
// delay lines. Each function is its own specification; rows_amd64.go does the
// same to most of the frames where the processor has vectors.

// AddRows adds to dst the rows, each times its weight; weights are step apart.
func AddRows(dst, weights, rows []float64, stride, step int) {
	from, n := rowsAddFast(dst, weights, rows, stride, step), (len(weights)+step-1)/step
	dst = dst[from:]
	count, j := len(dst), 0
	if count == 0 {
		return
	}
	for ; j+4 <= n; j += 4 {
		w0, w1, w2, w3 := weights[j*step], weights[(j+1)*step], weights[(j+2)*step], weights[(j+3)*step]
		r0, r1 := rows[j*stride+from:][:count], rows[(j+1)*stride+from:][:count]
		r2, r3 := rows[(j+2)*stride+from:][:count], rows[(j+3)*stride+from:][:count]
		for k := range dst {
			dst[k] = math.FMA(w3, r3[k], math.FMA(w2, r2[k], math.FMA(w1, r1[k], math.FMA(w0, r0[k], dst[k]))))
		}
	}
	for ; j < n; j++ {
		w := weights[j*step]
		for k, v := range rows[j*stride+from:][:count] {
			dst[k] = math.FMA(w, v, dst[k])
		}
	}
}

// DotRows adds to dst the dot products of v and each row.
func DotRows(dst, v, rows []float64, stride int) {
	j := 0
	for ; j+4 <= len(dst); j += 4 {
		from := rowsDotFast(dst[j:], v, rows[j*stride:], stride)
		v := v[from:]
		if len(v) == 0 {
			continue
		}
		r0, r1 := rows[j*stride+from:][:len(v)], rows[(j+1)*stride+from:][:len(v)]
		r2, r3 := rows[(j+2)*stride+from:][:len(v)], rows[(j+3)*stride+from:][:len(v)]
		var s0, s1, s2, s3 float64
		for k, v := range v {
			s0, s1, s2, s3 = math.FMA(v, r0[k], s0), math.FMA(v, r1[k], s1), math.FMA(v, r2[k], s2), math.FMA(v, r3[k], s3)
		}
		dst[j] += s0
		dst[j+1] += s1
		dst[j+2] += s2
		dst[j+3] += s3
	}
	for ; j < len(dst); j++ {
		sum := 0.0
		for k, w := range rows[j*stride:][:len(v)] {
			sum = math.FMA(v[k], w, sum)
		}
		dst[j] += sum
	}
}

// HadamardRows multiplies n rows, a power of two, by Hadamard's matrix without its
// scale, in place.
func HadamardRows(rows []float64, n, stride, frames int) {
	from := rowsTurnFast(rows, n, stride, frames)
	count := frames - from
	if count == 0 {
		return
	}
	half := 1
	for ; 4*half <= n; half *= 4 { // two steps of the butterfly in one
		for i := range n {
			if i&(3*half) != 0 {
				continue
			}
			p, q := rows[i*stride+from:][:count], rows[(i+half)*stride+from:][:count]
			r, s := rows[(i+2*half)*stride+from:][:count], rows[(i+3*half)*stride+from:][:count]
			for k := range p {
				a, b, c, d := p[k]+q[k], p[k]-q[k], r[k]+s[k], r[k]-s[k]
				p[k], q[k], r[k], s[k] = a+c, b+d, a-c, b-d
			}
		}
	}
	for ; half < n; half *= 2 {
		for i := range n {
			if i&half != 0 {
				continue
			}
			p, q := rows[i*stride+from:][:count], rows[(i+half)*stride+from:][:count]
			for k, v := range p {
				p[k], q[k] = v+q[k], v-q[k]
			}
		}
	}
}

// BlendRow writes s a + g x.
func BlendRow(dst, a, x []float64, s, g float64) {
	for k := rowsBlendFast(dst, a, x, s, g); k < len(dst); k++ {
		dst[k] = math.FMA(s, a[k], g*x[k])
	}
}

// TakeRow copies λ, adds g λ to dx and returns Σ x λ.
func TakeRow(dst, lambda, x, dx []float64, g float64) float64 {
	sum, k := rowsTakeFast(dst, lambda, x, dx, g)
	for ; k < len(dst); k++ {
		v := lambda[k]
		dx[k] = math.FMA(g, v, dx[k])
		sum = math.FMA(x[k], v, sum)
		dst[k] = v
	}
	return sum
}

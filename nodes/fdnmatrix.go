package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func fdnPrepare(b *abi.Block, lane int) {
	law := b.Data.(*fdnLaw)
	n := law.lines
	coefs := b.Coefs(lane)
	for j, m := range law.delays {
		c := coefs[fdnCoefs*j:][:fdnCoefs]
		loss, p := b.Vector(2, lane), 0.0
		k := 3 * math.Ln10 * float64(m) / b.Rate
		switch {
		case law.gains:
			c[fdnLow] = loss[j]
		default:
			c[fdnLow] = math.Exp(-k / loss[0])
			if law.bands == 2 {
				p = math.Tanh(k / 2 * (1/loss[1] - 1/loss[0]))
			}
		}
		c[fdnA] = 1
		if law.damped {
			c[fdnA], c[fdnSlope] = kernel.OnePoleCoef(b.Vector(law.damping, lane)[j], b.Rate)
			p = 1 - c[fdnA]
		}
		c[fdnP] = p
		c[fdnF] = c[fdnLow] * (1 - p)
	}
	if !law.skew {
		return
	}
	a, free := coefs[fdnCoefs*n:][:n*n], coefs[law.work:]
	s, e := free[:n*n], free[n*n:2*n*n]
	law.skewMatrix(s, b.Vector(law.matrix, lane), 1)
	matrixExp(n, s, nil, e, nil, free[2*n*n:])
	law.base(a, e)
}

// skewMatrix writes S, or its transpose with a sign of -1.
func (law *fdnLaw) skewMatrix(s, entries []float64, sign float64) {
	n, at := law.lines, 0
	for i := range n {
		s[i*n+i] = 0
		for j := i + 1; j < n; j++ {
			s[i*n+j], s[j*n+i] = sign*entries[at], -sign*entries[at]
			at++
		}
	}
}

// base writes H e to a, column by column; H is its own transpose.
func (law *fdnLaw) base(a, e []float64) {
	n := law.lines
	copy(a, e)
	if law.hadamard {
		scale := 1 / math.Sqrt(float64(n))
		kernel.HadamardRows(a, n, n, n)
		for i := range a {
			a[i] *= scale
		}
		return
	}
	for k := range n {
		sum := 0.0
		for i := range n {
			sum += a[i*n+k]
		}
		sum *= 2 / float64(n)
		for i := range n {
			a[i*n+k] -= sum
		}
	}
}

// matrixExp writes exp(s) to e and, when g is given, the derivative of exp at s
// in the direction g to l, by Taylor's series of s/2^t and t squarings. s and g
// are overwritten; free is 2n² long, 3n² with g.
func matrixExp(n int, s, g, e, l, free []float64) {
	norm := 0.0
	for i := range n {
		row := 0.0
		for _, v := range s[i*n:][:n] {
			row += math.Abs(v)
		}
		norm = max(norm, row)
	}
	halvings := 0
	for ; norm > 0.5; norm /= 2 {
		halvings++
	}
	scale := math.Ldexp(1, -halvings)
	for i := range s {
		s[i] *= scale
	}
	size := n * n
	t, u := free[:size], free[size:2*size]
	identity := func(m []float64) {
		clear(m)
		for i := range n {
			m[i*n+i] = 1
		}
	}
	// Horner: E = 1 + s/1 (1 + s/2 (1 + …)), whose next term is 0.5^15/15! = 2e-17; its
	// derivative alike.
	identity(e)
	var w []float64
	if g != nil {
		for i := range g {
			g[i] *= scale
		}
		w = free[2*size : 3*size]
		clear(l)
	}
	for k := 14; k >= 1; k-- {
		if g != nil { // l = (g e + s l)/k
			matrixMul(n, t, g, e)
			matrixMul(n, u, s, l)
			for i := range l {
				l[i] = (t[i] + u[i]) / float64(k)
			}
		}
		matrixMul(n, t, s, e)
		for i := range e {
			e[i] = t[i] / float64(k)
		}
		for i := range n {
			e[i*n+i]++
		}
	}
	for range halvings {
		if g != nil { // l = e l + l e
			matrixMul(n, t, e, l)
			matrixMul(n, u, l, e)
			for i := range l {
				w[i] = t[i] + u[i]
			}
			copy(l, w)
		}
		matrixMul(n, t, e, e)
		copy(e, t)
	}
}

func matrixMul(n int, dst, a, b []float64) {
	for i := range n {
		to := dst[i*n:][:n]
		clear(to)
		kernel.AddRows(to, a[i*n:][:n], b, n, 1)
	}
}

// spread turns the gradients of filters and matrix into those of parameters.
func (law *fdnLaw) spread(b, d *abi.Block, lane int, df, dp, da, free []float64) {
	n := law.lines
	loss, dloss := b.Vector(2, lane), d.Vector(2, lane)
	for j, m := range law.delays {
		c := b.Coefs(lane)[fdnCoefs*j:][:fdnCoefs]
		low, p := c[fdnLow], c[fdnP]
		dpole := dp[j] - low*df[j] // f = low (1-p)
		dlow := (1 - p) * df[j]
		if law.damped {
			d.Vector(law.damping, lane)[j] -= c[fdnSlope] * dpole
		}
		if law.gains {
			dloss[j] += dlow
			continue
		}
		k := 3 * math.Ln10 * float64(m) / b.Rate
		dloss[0] += low * k / (loss[0] * loss[0]) * dlow
		if law.bands == 2 {
			g := k / 2 * (1 - p*p) * dpole
			dloss[0] += g / (loss[0] * loss[0])
			dloss[1] -= g / (loss[1] * loss[1])
		}
	}
	if !law.skew {
		return
	}
	size := n * n
	s, g, e, l := free[:size], free[size:2*size], free[2*size:3*size], free[3*size:4*size]
	law.skewMatrix(s, b.Vector(law.matrix, lane), -1)
	law.base(g, da)
	matrixExp(n, s, g, e, l, free[4*size:])
	dm, at := d.Vector(law.matrix, lane), 0
	for i := range n {
		for j := i + 1; j < n; j++ {
			dm[at] += l[i*n+j] - l[j*n+i]
			at++
		}
	}
}

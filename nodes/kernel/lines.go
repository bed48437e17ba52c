package kernel

import "math"

// This file is the ends of delay lines that feed each other: each a one-pole filter
//
//	l[n] = f v[n] + p l[n-1]
//
// of what comes out of its line. Rows of lines lie stride values apart, and f and p
// of a line stand at the start of every width values of coefs.

// LineEnds writes l of up to eight lines to rows, count frames, and moves the states
// l[n-1]. past[i] is v of line i.
func LineEnds(rows []float64, stride, count int, past [][]float64, coefs []float64, width int, state []float64) {
	lines, done := rowsEndsFast(rows, stride, count, past, coefs, width, state)
	for i, v := range past {
		k := done
		if i >= lines {
			k = 0
		}
		f, p, row, last := coefs[width*i], coefs[width*i+1], rows[i*stride:][:count], state[i]
		for ; k < count; k++ {
			last = math.FMA(p, last, f*v[k])
			row[k] = last
		}
		state[i] = last
	}
}

// LineEndsBack replaces the rows g of some lines by the gradients of their ends,
//
//	g[n] = out ȳ[n] + scale g[n] + p g[n+1]
//
// back in time; carry is p g[n+1] of each line.
func LineEndsBack(rows []float64, stride int, dy []float64, scale float64, outs, coefs []float64, width int, carry []float64) {
	for i, out := range outs {
		whole := LineWhole(i, len(outs), len(dy))
		g, p := rows[i*stride:], coefs[width*i+1]
		for k := len(dy) - 1; k >= whole; k-- {
			g[k] = math.FMA(out, dy[k], scale*g[k]) + carry[i]
			carry[i] = p * g[k]
		}
		if whole > 0 && i&3 == 3 {
			rowsBackFast(rows[(i-3)*stride:], stride, dy[:whole], scale, outs[i-3:], coefs[width*(i-3):], width, carry[i-3:i+1])
		}
	}
}

// LineWhole returns how many frames of line i of some lines go by vectors, of four
// lines and four frames.
func LineWhole(i, lines, frames int) int {
	if !AVX2 || i&^3+4 > lines {
		return 0
	}
	return frames &^ 3
}

// LineBack adds f g to dv, the gradient of v, and returns Σ l ȳ, Σ v g and
// Σ l[n-1] g. The frames of g begin at the given one of the row l; before it, last
// stands in the place of l[-1].
func LineBack(g, l []float64, at int, last float64, v, dv, dy []float64, f float64) (sums [3]float64) {
	if at > 0 {
		last = l[at-1]
	}
	for k := 0; k < len(g); k++ {
		if whole := (len(g) - k) &^ 3; AVX2 && at+k > 0 && whole > 0 {
			for i, s := range rowsLineFast(g[k:k+whole], l[at+k-1:], v[k:], dv[k:], dy[k:], f) {
				sums[i] += s
			}
			if k += whole; k == len(g) {
				break
			}
			last = l[at+k-1]
		}
		now, end := g[k], l[at+k]
		sums[0] = math.FMA(end, dy[k], sums[0])
		sums[1] = math.FMA(v[k], now, sums[1])
		sums[2] = math.FMA(last, now, sums[2])
		dv[k] = math.FMA(f, now, dv[k])
		last = end
	}
	return sums
}

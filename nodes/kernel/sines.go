package kernel

import (
	"math"

	"ampfit/abi"
)

// This file is the kernel of sums of partials that are damped sinusoids. From an
// absolute multiple of SineChunk frames on, partial k is Im(c z^n), n = 0, 1, …,
// a recursion over every fourth frame, so that four frames stand side by side:
//
//	s[n+4] = 2 Re(z⁴) s[n] - |z|⁸ s[n-4]
//
// Its adjoint needs Σ x[n] z^n and Σ n x[n] z^n, by Clenshaw's recursion back in
// time for the four frames side by side, over every fourth frame j:
//
//	u[j] = x[j] + 2 Re(z⁴) u[j+4] - |z|⁸ u[j+8],   Σ_j x[j] z^j = Σ_{j<4} (u[j] - z̄⁴ u[j+4]) z^j
//
// Rounding grows as the square of the length of a recursion, which is why it is
// begun anew. Source: C. W. Clenshaw, A Note on the Summation of Chebyshev
// Series, MTAC 9, 1955; G. Goertzel, An Algorithm for the Evaluation of Finite
// Trigonometric Series, Amer. Math. Monthly 65, 1958.

// SineChunk is how long a recursion runs.
const SineChunk = 256

// The table of a partial.
const (
	sineHere   = 0  // Re z^j, j = 0 … 3, and Im z^j
	sineBefore = 8  // Re z^(j-4), and Im z^(j-4)
	sineTwice  = 16 // 2 Re z⁴
	sineSquare = 17 // |z|⁸
	SineTable  = 18 // its length
)

// SineTables is how many values the tables of k partials take: partials go by
// fours, and those that complete the last four are silent.
func SineTables(k int) int { return SineTable * ((k + 3) &^ 3) }

// SetSine fills the table of z = e^(-damping + 2πi step).
func SetSine(c []float64, step, damping float64) {
	for j := range 4 {
		r := 1.0
		if damping != 0 {
			r = math.Exp(-damping * float64(j))
		}
		c[sineHere+j], c[sineHere+4+j] = r*CosTurn(step*float64(j)), r*SinTurn(step*float64(j))
		if damping != 0 {
			r = math.Exp(damping * float64(4-j))
		}
		c[sineBefore+j], c[sineBefore+4+j] = r*CosTurn(step*float64(4-j)), -r*SinTurn(step*float64(4-j))
	}
	r := math.Exp(-4 * damping)
	c[sineTwice], c[sineSquare] = 2*r*CosTurn(4*step), r*r
}

// AddSines adds partials to y, whose length is a multiple of 8. phasors are the
// imaginary and the real part of each in the first frame.
func AddSines(y, tables, phasors []float64, damped bool) {
	if AVX2 {
		sinesAddFast(y, tables, phasors, damped)
		return
	}
	for ; len(phasors) >= 8; tables, phasors = tables[4*SineTable:], phasors[8:] {
		var s, q [4][4]float64
		for i := range 4 {
			c, im, re := tables[SineTable*i:][:SineTable], phasors[2*i], phasors[2*i+1]
			for j := range 4 {
				s[i][j] = math.FMA(re, c[sineHere+4+j], im*c[sineHere+j])
				q[i][j] = math.FMA(re, c[sineBefore+4+j], im*c[sineBefore+j])
			}
		}
		for n := 0; n < len(y); n += 4 {
			to := y[n:][:4]
			for j := range to {
				to[j] = ((s[0][j] + s[1][j]) + (s[2][j] + s[3][j])) + to[j]
			}
			for i := range 4 {
				c := tables[SineTable*i:][:SineTable]
				w, r := c[sineTwice], c[sineSquare]
				for j := range 4 {
					s[i][j], q[i][j] = math.FMA(w, s[i][j], -r*q[i][j]), s[i][j]
				}
			}
		}
	}
}

// SumSines writes the real and imaginary parts of Σ x[n] z^n and Σ ramp[n] z^n of
// each partial to sums. The length of the rows is a multiple of 8; so many
// partials are an even number.
func SumSines(sums, x, ramp, tables []float64) {
	if AVX2 {
		sinesSumFast(sums, x, ramp, tables)
		return
	}
	for ; len(sums) >= 4; tables, sums = tables[SineTable:], sums[4:] {
		c := tables[:SineTable]
		w, r := c[sineTwice], c[sineSquare]
		for row, x := range [2][]float64{x, ramp} {
			var u, v, re, im [4]float64
			for n := len(x) - 4; n >= 0; n -= 4 {
				x := x[n:][:4]
				for j := range u {
					u[j], v[j] = math.FMA(w, u[j], math.FMA(-r, v[j], x[j])), u[j]
				}
			}
			for j := range u {
				t := r * v[j]
				re[j] = math.FMA(u[j], c[sineHere+j], -(t * c[sineBefore+j]))
				im[j] = math.FMA(u[j], c[sineHere+4+j], -(t * c[sineBefore+4+j]))
			}
			sums[2*row] = (re[0] + re[1]) + (re[2] + re[3])
			sums[2*row+1] = (im[0] + im[1]) + (im[2] + im[3])
		}
	}
}

// SinCosTurns writes sine and cosine of phases in cycles, in turn.
func SinCosTurns(phasors, turns []float64) {
	n := 0
	if AVX2 {
		n = sineTurnsFast(phasors, turns)
	}
	for ; n < len(turns); n++ {
		phasors[2*n], phasors[2*n+1] = SinTurn(turns[n]), CosTurn(turns[n])
	}
}

// SineRamp copies a piece of a row, and writes it times its frame; both are
// completed by zeros to a multiple of 8. Both have room for SineChunk frames.
func SineRamp(x, ramp, row []float64) (_, _ []float64) {
	padded := (len(row) + 7) &^ 7
	x, ramp = x[:padded], ramp[:padded]
	copy(x, row)
	clear(x[len(row):])
	for n, v := range x {
		ramp[n] = float64(n) * v
	}
	return x, ramp
}

// Fade returns the weight of a partial of f times the rate, and its slope.
func Fade(f float64) (v, slope float64) {
	u := (0.5 - f) / 0.025
	switch {
	case u >= 1:
		return 1, 0
	case u <= 0:
		return 0, 0
	}
	return u * u * (3 - 2*u), -6 * u * (1 - u) / 0.025
}

// SineChunkBegins returns the last frame of the block in which a chunk begins, which
// is where the second value of the state comes from; -1: it was there before.
func SineChunkBegins(b *abi.Block, lane int) int {
	end := b.Frame(lane) + int64(b.Frames) - 1
	return max(-1, int(end-end%SineChunk-b.Frame(lane)))
}

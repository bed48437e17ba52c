//go:build !noasm

package kernel

//go:generate go -C ../../internal/asmgen run ./biquad -pkg kernel -out ../../nodes/kernel/biquadkernels_amd64.s -stubs ../../nodes/kernel/biquadkernels_amd64.go

import (
	"math"

	"ampfit/abi"
)

// biquadFour filters four lanes by vectors, and the frames beyond a multiple of
// four one by one: the operations are the same, and so are the bits.
func biquadFour(b *abi.Block, lane int) {
	var rows [8]*float64
	var coefs [5][4]float64
	var state [4][4]float64
	for l := range 4 {
		c, s := b.Coefs(lane+l), b.State(lane+l)
		rows[l], rows[4+l] = &b.In(0, lane+l)[0], &b.Out(0, lane+l)[0]
		coefs[0][l], coefs[1][l], coefs[2][l], coefs[3][l], coefs[4][l] = c[0], c[1], c[2], -c[3], -c[4]
		for i := range state {
			state[i][l] = s[i]
		}
	}
	whole := b.Frames &^ 3
	biquadFourAVX2(&rows, &coefs, &state, whole/4)
	for l := range 4 {
		s := b.State(lane + l)
		for i := range state {
			s[i] = state[i][l]
		}
		if whole < b.Frames {
			BiquadRun(b.In(0, lane+l)[whole:], b.Out(0, lane+l)[whole:], b.Coefs(lane+l), s)
		}
	}
}

// biquadPolesFour is BiquadPoles for four lanes.
func biquadPolesFour(b, d *abi.Block, lane int) {
	tail := b.Frames % 4
	if tail < 2 { // the last two frames are special
		tail += 4
	}
	whole := b.Frames - tail
	var rows [8]*float64
	var coefs, state [2][4]float64
	for l := range 4 {
		c, dy, lambda := b.Coefs(lane+l), d.Out(0, lane+l), b.FrameScratch(lane+l)
		state[0][l], state[1][l] = biquadPolesTail(dy, lambda, c, d.State(lane+l), whole)
		coefs[0][l], coefs[1][l] = -c[3], -c[4]
		if whole > 0 {
			rows[l], rows[4+l] = &dy[whole-4], &lambda[whole-4]
		}
	}
	if whole > 0 {
		biquadPolesFourAVX2(&rows, &coefs, &state, whole/4)
	}
	for l := range 4 {
		biquadPolesEnd(b.Coefs(lane+l), d.State(lane+l), state[0][l], state[1][l])
	}
}

// biquadProducts is biquadInput and biquadDots in one pass; the products with y
// count with the sign of a1 and a2.
func biquadProducts(x, y, dx, lambda, c, before []float64) [5]float64 {
	var wide [5][4]float64
	frames := len(x)
	n := 0
	if frames >= 6 { // λ is read two frames ahead
		count := (frames - 2) / 4
		biquadCollectAVX2(&x[0], &y[0], &dx[0], &lambda[0], (*[3]float64)(c), &wide, count)
		n = 4 * count
	}
	var s [5]float64
	for i, w := range wide {
		s[i] = (w[0] + w[1]) + (w[2] + w[3])
	}
	ahead := func(n int) float64 {
		if n < frames {
			return lambda[n]
		}
		return 0
	}
	for ; n < frames; n++ {
		l0, l1, l2 := lambda[n], ahead(n+1), ahead(n+2)
		dx[n] = math.FMA(c[0], l0, math.FMA(c[1], l1, math.FMA(c[2], l2, dx[n])))
		s[0] = math.FMA(x[n], l0, s[0])
		s[1] = math.FMA(x[n], l1, s[1])
		s[2] = math.FMA(x[n], l2, s[2])
		s[3] = math.FMA(y[n], l1, s[3])
		s[4] = math.FMA(y[n], l2, s[4])
	}
	l0, l1 := lambda[0], ahead(1)
	s[1] += l0 * before[0]
	s[2] += l1*before[0] + l0*before[1]
	s[3] += l0 * before[2]
	s[4] += l1*before[2] + l0*before[3]
	s[3], s[4] = -s[3], -s[4]
	return s
}

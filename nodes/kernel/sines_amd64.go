//go:build !noasm

package kernel

//go:generate go -C ../../internal/asmgen run ./sines -pkg kernel -out ../../nodes/kernel/sinekernels_amd64.s -stubs ../../nodes/kernel/sinekernels_amd64.go

import "math"

func sinesAddFast(y, tables, phasors []float64, damped bool) {
	quads := len(phasors) / 8
	if quads == 0 || len(y) < 8 {
		return
	}
	_ = tables[4*SineTable*quads-1]
	if damped {
		sinesAddDampedAVX2(&y[0], len(y)/8, &tables[0], &phasors[0], quads)
	} else {
		sinesAddAVX2(&y[0], len(y)/8, &tables[0], &phasors[0], quads)
	}
}

func sinesSumFast(sums, x, ramp, tables []float64) {
	twos := len(sums) / 8
	if twos == 0 || len(x) < 8 {
		clear(sums)
		return
	}
	_, _ = tables[2*SineTable*twos-1], ramp[len(x)-1]
	sinesSumAVX2(&sums[0], &x[0], &ramp[0], len(x)/8, &tables[0], twos)
}

// turnConstants are those of SinTurn: its three, then its polynomial.
var turnConstants = [14]float64{
	RoundAway, 0.25, math.Float64frombits(1<<63 - 1),
	6.283185307179586, -41.341702240399755, 81.60524927607362, -76.70585975282492,
	42.058693925428685, -15.0946416761179, 3.8199280942271643, -0.7177337921413454, 0.10089695501646812,
}

func sineTurnsFast(phasors, turns []float64) int {
	quads := len(turns) / 4
	if quads > 0 {
		_ = phasors[8*quads-1]
		sinesTurnsAVX2(&phasors[0], &turns[0], quads, &turnConstants)
	}
	return 4 * quads
}

// PartialsEight writes the sum of the first partials, on whole multiples of the phases
// turns in cycles, to eight frames, and returns how many it took: the given ones, or
// none. coefs are a cos φ and a sin φ of each; walk takes sine and cosine of the first
// partial and of the last one.
func PartialsEight(y []float64, walk *[4][8]float64, turns, coefs []float64, count int) int {
	if !AVX2 || count == 0 {
		return 0
	}
	var first [16]float64
	sineTurnsFast(first[:], turns[:8])
	for i := range 8 {
		walk[0][i], walk[1][i], walk[2][i], walk[3][i] = first[2*i], first[2*i+1], 0, 1
	}
	clear(y[:8])
	_ = coefs[2*count-1]
	partialsEightAVX2((*[8]float64)(y), walk, &coefs[0], count)
	return count
}

// PartialsBack is its adjoint for four frames. coefs are cos φ, sin φ and 2π k a, sums
// those for amplitude, phase and ratio of every fourth frame; the last row of walk
// takes the gradient of the phase.
func PartialsBack(walk *[7][4]float64, turns, dy, coefs, sums []float64, count int) int {
	if !AVX2 || count == 0 {
		return 0
	}
	var first [8]float64
	sineTurnsFast(first[:], turns[:4])
	for i := range 4 {
		walk[0][i], walk[1][i], walk[2][i], walk[3][i] = first[2*i], first[2*i+1], 0, 1
		walk[4][i], walk[5][i], walk[6][i] = dy[i], turns[i], 0
	}
	_, _ = coefs[3*count-1], sums[12*count-1]
	partialsBackAVX2(walk, &coefs[0], &sums[0], count)
	return count
}

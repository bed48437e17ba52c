//go:build !noasm

package nodes

//go:generate go -C ../internal/asmgen run ./sines -pkg nodes -out ../../nodes/sinekernels_amd64.s -stubs ../../nodes/sinekernels_amd64.go

import "math"

func sinesAddFast(y, tables, phasors []float64, damped bool) {
	quads := len(phasors) / 8
	if quads == 0 || len(y) < 8 {
		return
	}
	_ = tables[4*sineTable*quads-1]
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
	_, _ = tables[2*sineTable*twos-1], ramp[len(x)-1]
	sinesSumAVX2(&sums[0], &x[0], &ramp[0], len(x)/8, &tables[0], twos)
}

// turnConstants are those of sinTurn: its three, then its polynomial.
var turnConstants = [14]float64{
	roundAway, 0.25, math.Float64frombits(1<<63 - 1),
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

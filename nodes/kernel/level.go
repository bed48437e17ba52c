package kernel

import "math"

// This file is what level detectors and the curves behind them share.

// Ballistic returns a = exp(-1000/(rate ms)) of a time constant in ms, and its slope.
func Ballistic(ms, rate float64) (a, slope float64) {
	k := 1000 / (rate * ms)
	a = math.Exp(-k)
	return a, a * k / ms
}

// Follow moves an envelope towards a level: with the attack where that is higher, else
// with the release.
func Follow(last, to, attack, release float64) float64 {
	if to > last {
		return to + attack*(last-to)
	}
	return to + release*(last-to)
}

// Sign is the slope of |x|, 0 at 0.
func Sign(x float64) float64 {
	if x == 0 {
		return 0
	}
	return math.Copysign(1, x)
}

// FollowRows writes the envelopes of a level and of its square, and moves the state,
// which is both. Each is
//
//	max(a e + (1-a) D, b e + (1-b) D)
//
// which attacks with a where D > e and releases with b elsewhere if a ≤ b, without a
// branch; if a > b it is the minimum.
func FollowRows(e, q, level []float64, attack, release float64, state []float64) {
	if AVX2 {
		followRowsFast(e, q, level, attack, release, state)
		return
	}
	last, lastQ := state[0], state[1]
	fall, rise := 1-release, 1-attack
	for n, d := range level {
		s := d * d
		a, b := math.FMA(attack, last, rise*d), math.FMA(release, last, fall*d)
		p, r := math.FMA(attack, lastQ, rise*s), math.FMA(release, lastQ, fall*s)
		if attack <= release {
			last, lastQ = max(a, b), max(p, r)
		} else {
			last, lastQ = min(a, b), min(p, r)
		}
		e[n], q[n] = last, lastQ
	}
	state[0], state[1] = last, lastQ
}

// A knee is a curve of gains over levels, both in dB: 0 below a threshold, a slope
// above it, and a quadratic corner between. Its table is the threshold, half the
// width of the corner, that width, its inverse, and the slope.

// KneeGains replaces levels by gains.
func KneeGains(row []float64, table *[5]float64) {
	for n := kneeGainFast(row, table); n < len(row); n++ {
		p, above := kneeAt(row[n], table)
		row[n] = table[4] * math.FMA(table[1], p*p, above)
	}
}

// KneeGainsBack replaces gradients of gains by those of levels, and returns the sums
// of g times the gain over the slope, of g times the gain's slope by the width, and of
// the gradients of the levels.
func KneeGainsBack(g, level []float64, table *[5]float64) (byGain, byKnee, byLevel float64) {
	n, byGain, byKnee, byLevel := kneeBackFast(g, level, table)
	for ; n < len(g); n++ {
		p, above := kneeAt(level[n], table)
		byGain = math.FMA(g[n], math.FMA(table[1], p*p, above), byGain)
		byKnee = math.FMA(g[n], p-p*p, byKnee)
		g[n] = table[4] * g[n] * p
		byLevel += g[n]
	}
	return byGain, byKnee, byLevel
}

// kneeAt returns how far a level is up the knee, from 0 to 1, and how far above
// its upper end.
func kneeAt(level float64, table *[5]float64) (p, above float64) {
	over := level - table[0]
	return min(max(over+table[1], 0), table[2]) * table[3], max(over-table[1], 0)
}

package problem

import (
	"math"

	"ampfit/abi"
)

// Units is how far the unbounded coordinates go for a change that matters: a
// pitch by the width of a spectral line, other frequencies, times and levels by
// their own size, phases by a tenth of a turn.
func (o *Problem) Units(dst, x []float64) {
	for i := range dst {
		v := &o.Variables[i]
		value, slope := v.Value(x[i])
		change := v.Natural(value)
		if v.IsPitch() {
			change = math.Min(value/4, o.Model.Plan.Rate/1024)
		}
		dst[i] = math.Min(change/math.Max(math.Abs(slope), 1e-9), 10)
	}
}

// StepLimits bounds a step to an octave in logarithmic coordinates, an eighth
// of a turn, a tenth of a linear range; and to two units of the map to a range.
func (o *Problem) StepLimits(dst, x []float64) {
	for i := range dst {
		v := &o.Variables[i]
		value, slope := v.Value(x[i])
		change := 0.125
		switch {
		case v.Scale == abi.Log:
			change = value * math.Ln2
		case v.Scale == abi.Linear && !math.IsInf(v.Hi-v.Lo, 0):
			change = math.Max(0.1*(v.Hi-v.Lo), 0)
		case v.Scale == abi.Linear:
			change = math.Max(1, math.Abs(value))
		}
		most := 2.0
		if v.Scale == abi.Linear && !math.IsInf(v.Hi-v.Lo, 0) {
			most *= v.stretch()
		}
		dst[i] = math.Min(most, change/math.Max(math.Abs(slope), 1e-12))
	}
}

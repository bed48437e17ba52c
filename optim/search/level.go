package search

import (
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// levelVariable is the learned number that the level of the output is set by, the
// first one of a vector: the amplitudes of partials, else a linear gain or level,
// else one in dB; the last of its kind in the graph, which is the nearest to the
// output. It is -1 when there is none.
func levelVariable(p *problem.Problem) int {
	kinds := []func(v *problem.Variable) bool{
		func(v *problem.Variable) bool { return v.Param.Spec.Role == abi.Amplitudes },
		func(v *problem.Variable) bool { return isLevel(v) && v.Param.Spec.Unit != "dB" },
		func(v *problem.Variable) bool { return isLevel(v) && v.Param.Spec.Unit == "dB" },
	}
	for _, is := range kinds {
		for i := len(p.Variables) - 1; i >= 0; i-- {
			if v := &p.Variables[i]; v.Element == 0 && v.Scale != abi.Periodic && is(v) {
				return i
			}
		}
	}
	return -1
}

func isLevel(v *problem.Variable) bool {
	return slices.Contains([]abi.Role{abi.Gain, abi.Level}, v.Param.Spec.Role)
}

// matchLevel scales what the level is set by so that the rendering is as loud as
// the target.
func matchLevel(p *problem.Problem, x []float64) {
	i := levelVariable(p)
	if i < 0 {
		return
	}
	p.Set(x)
	y := p.Forward()
	e, want := method.Dot(y, y), method.Dot(p.Target, p.Target)
	if e > 0 && want > 0 {
		scale(p, x, i, min(max(math.Sqrt(want/e), 1e-3), 1e3))
	}
}

// scale makes the parameter whose first variable is i louder by a factor.
func scale(p *problem.Problem, x []float64, i int, factor float64) {
	of := p.Variables[i].Param
	for ; i < len(p.Variables) && p.Variables[i].Param == of; i++ {
		v := &p.Variables[i]
		value, _ := v.Value(x[i])
		if of.Spec.Unit == "dB" {
			value += 20 * math.Log10(factor)
		} else {
			value *= factor
		}
		x[i] = v.Inside(value)
	}
}

package optim

import (
	"ampfit/optim/problem"
)

// leaveIdle finds the variables that do nothing: whose gradient is zero at the start and
// at x, and which may be put back to their start without changing a bit of the loss.
// They are put back.
func (f *fit) leaveIdle(x []float64) []bool {
	o := f.problem
	idle, start := make([]bool, len(x)), o.Start()
	grad := make([]float64, len(x))
	low := o.Evaluate(grad, x)
	if !none(grad, idle, o) {
		return idle
	}
	o.Evaluate(grad, start)
	for i, g := range grad {
		idle[i] = idle[i] && g == 0
	}
	back := append([]float64(nil), x...)
	for i := range back {
		if idle[i] {
			back[i] = start[i]
		}
	}
	if o.Over() || o.Evaluate(nil, back) != low {
		return make([]bool, len(x))
	}
	copy(x, back)
	return idle
}

// none marks the variables without a gradient, but not those that no gradient reaches
// or that stand at a bound, where the map has no slope; it reports whether there are
// some.
func none(grad []float64, idle []bool, o *problem.Problem) (some bool) {
	for i, g := range grad {
		v := &o.Variables[i]
		idle[i] = g == 0 && v.Param.Blocked == "" && !v.AtBound(v.Param.Values[v.Element])
		some = some || idle[i]
	}
	return some
}

// named lists the parameters of the variables that are picked, each once.
func (f *fit) named(pick func(i int) bool) (names []string) {
	for i := range f.problem.Variables {
		p := f.problem.Variables[i].Param
		if name := p.Node + "." + p.Name; pick(i) && (len(names) == 0 || names[len(names)-1] != name) {
			names = append(names, name)
		}
	}
	return names
}

// heldByType lists the parameters that are not learned because their node type holds
// them.
func (f *fit) heldByType() (names []string) {
	for _, p := range f.problem.Model.Params {
		if p.Spec != nil && p.Spec.Held && !p.Spec.NoGradient && (p.Spec.Setting == nil || p.Spec.Setting.Tie == nil && !p.Spec.Setting.Held) {
			names = append(names, p.Node+"."+p.Name)
		}
	}
	return names
}

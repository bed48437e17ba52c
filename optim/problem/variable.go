package problem

import (
	"fmt"
	"math"

	"ampfit/abi"
	"ampfit/adjoint"
)

// Variable is one learned number: an element of a parameter, and the map
// between its value v and the unbounded u in which optimisers work.
//
//	no bounds     v = u
//	one bound     v = lo + log(1 + e^u), or hi − log(1 + e^u)
//	two bounds    v = lo + (hi − lo) / (1 + e^−u/k), k so that u moves v by no
//	              more than ten times its start (or 10) where the range is vast
//	logarithmic   the same for log v; with no upper bound log v = u
//	periodic      v = u, in cycles
type Variable struct {
	Param   *adjoint.Param
	Element int
	Lo, Hi  float64
	Scale   abi.Scale
	Start   float64 // value, inside the range
	Moved   bool    // the start was moved off a bound
	Bound   float64 // that bound, or the one that the start was beyond
	prior   *prior
}

type prior struct{ mean, std float64 }

// startInside is how far a start on a bound is moved in, of the range.
const startInside = 1e-3

// newVariable checks the range and moves the start off its ends.
func newVariable(p *adjoint.Param, element int) (Variable, error) {
	q := p.Spec
	v := Variable{Param: p, Element: element, Lo: q.Min, Hi: q.Max, Scale: q.Scale, Start: p.Values[element]}
	if s := q.Setting; s != nil {
		if s.Min != nil {
			v.Lo = *s.Min
		}
		if s.Max != nil {
			v.Hi = *s.Max
		}
		if s.Prior != nil {
			v.prior = &prior{s.Prior.Mean, s.Prior.Std}
		}
	}
	if v.Scale == abi.Periodic {
		return v, nil
	}
	if v.Scale == abi.Log && v.Lo < 0 {
		return v, fmt.Errorf("optim: %s.%s cannot be learned on a logarithmic scale from a minimum of %g; give it a \"min\" above 0, or \"scale\": \"linear\"", p.Node, p.Name, v.Lo)
	}
	if v.Scale == abi.Log && v.Lo == 0 {
		v.Lo = 1e-3 // of its unit; 0 stays valid for a held value
	}
	if !(v.Lo < v.Hi) {
		return v, fmt.Errorf("optim: %s.%s cannot be learned between %g and %g", p.Node, p.Name, v.Lo, v.Hi)
	}
	v.inside()
	return v, nil
}

// inside moves the start into the open range.
func (v *Variable) inside() {
	lo, hi, x := v.line(v.Lo), v.line(v.Hi), v.line(math.Min(math.Max(v.Start, v.Lo), v.Hi))
	margin := startInside * (hi - lo)
	if math.IsInf(margin, 0) || math.IsNaN(margin) {
		margin = startInside
	}
	x2 := math.Min(math.Max(x, lo+margin), hi-margin)
	if x == lo || x == hi || v.Start < v.Lo || v.Start > v.Hi {
		v.Bound = v.unline(x)
		v.Start, v.Moved = v.unline(x2), true
	}
}

// line is log v for logarithmic variables, v for the others.
func (v *Variable) line(x float64) float64 {
	if v.Scale == abi.Log {
		return math.Log(x)
	}
	return x
}

func (v *Variable) unline(x float64) float64 {
	if v.Scale == abi.Log {
		return math.Exp(x)
	}
	return x
}

// endShare is how near to an end of its range u can stand for, of the range; it stands
// for the end itself there.
const endShare = 1e-12

// Unbounded returns u for a value, or for the end of the range that it is beyond.
func (v *Variable) Unbounded(value float64) float64 {
	if v.Scale == abi.Periodic {
		return value
	}
	lo, hi, x := v.line(v.Lo), v.line(v.Hi), v.line(math.Min(math.Max(value, v.Lo), v.Hi))
	switch {
	case !math.IsInf(lo, 0) && !math.IsInf(hi, 0):
		tiny := endShare * (hi - lo)
		x = math.Min(math.Max(x, lo+tiny), hi-tiny)
		return v.stretch() * math.Log((x-lo)/(hi-x))
	case !math.IsInf(lo, 0):
		return unsoftplus(math.Max(x-lo, 1e-12))
	case !math.IsInf(hi, 0):
		return unsoftplus(math.Max(hi-x, 1e-12))
	}
	return x
}

// within is how far inside its range a search puts a value, of the range; of its
// unit where the range has no end on a side. Nearer to an end the map is so flat
// that a descent does not come away from it again, and of an amplitude nothing is
// heard 110 dB below the most that it may be. It is a part of the values, of
// logarithmic ones too: of a range that begins at next to nothing, most logarithms
// are those of what nobody hears.
const within = 1e-6

// Inside returns u for a value, moved a little inside the range: where slopes are
// not 0. Every start of a search sets its values by it.
func (v *Variable) Inside(value float64) float64 {
	if v.Scale == abi.Periodic {
		return value
	}
	margin := within * (v.Hi - v.Lo)
	if math.IsInf(margin, 0) {
		margin = within
	}
	return v.Unbounded(math.Min(math.Max(value, v.Lo+margin), v.Hi-margin))
}

// HasPrior reports whether the file expects a value.
func (v *Variable) HasPrior() bool { return v.prior != nil }

// IsPitch reports whether a variable is the frequency of something that sounds.
func (v *Variable) IsPitch() bool {
	return v.Param.Spec.Role == abi.Pitch && v.Param.Spec.Unit == "Hz"
}

// Value returns v and ∂v/∂u.
func (v *Variable) Value(u float64) (value, slope float64) {
	if v.Scale == abi.Periodic {
		return u, 1
	}
	lo, hi := v.line(v.Lo), v.line(v.Hi)
	x, dx := u, 1.0
	switch {
	case !math.IsInf(lo, 0) && !math.IsInf(hi, 0):
		k := v.stretch()
		s := 1 / (1 + math.Exp(-math.Abs(u/k)))
		if u < 0 {
			s = 1 - s
		}
		x, dx = lo+(hi-lo)*s, (hi-lo)*s*(1-s)/k
		switch { // where Unbounded puts the ends, and beyond
		case s < 2*endShare:
			x = lo
		case s > 1-2*endShare:
			x = hi
		}
	case !math.IsInf(lo, 0):
		x, dx = lo+softplus(u), logistic(u)
	case !math.IsInf(hi, 0):
		x, dx = hi-softplus(u), -logistic(u)
	}
	if v.Scale != abi.Log {
		return math.Min(math.Max(x, v.Lo), v.Hi), dx
	}
	value = math.Exp(x)
	return math.Min(math.Max(value, v.Lo), v.Hi), value * dx
}

// stretch is k of the map between two bounds.
func (v *Variable) stretch() float64 {
	if v.Scale == abi.Log {
		return 1
	}
	return math.Max(1, (v.Hi-v.Lo)/4/(10*math.Max(1, math.Abs(v.Start))))
}

// Natural is a change of the value that is small but matters: a fraction of a
// frequency, a time, a level.
func (v *Variable) Natural(value float64) float64 {
	switch v.Scale {
	case abi.Periodic:
		return 0.1
	case abi.Log:
		return value
	}
	return math.Max(math.Abs(value), 0.01*math.Min(1, v.Hi-v.Lo))
}

func logistic(u float64) float64 { return 1 / (1 + math.Exp(-u)) }

func softplus(u float64) float64 { return math.Max(u, 0) + math.Log1p(math.Exp(-math.Abs(u))) }

func unsoftplus(x float64) float64 { return x + math.Log(-math.Expm1(-x)) }

// Name returns "node.param" with the element of a vector.
func (v *Variable) Name() string {
	if len(v.Param.Values) > 1 {
		return fmt.Sprintf("%s.%s[%d]", v.Param.Node, v.Param.Name, v.Element)
	}
	return v.Param.Node + "." + v.Param.Name
}

// boundShare is how near to an end counts as on it, of the range.
const boundShare = 1e-4

// End returns the end of the range that a value has run into, or started at; ok is false
// for the others.
func (v *Variable) End(value float64) (end float64, ok bool) {
	switch {
	case v.AtBound(value) && v.line(value)-v.line(v.Lo) < v.line(v.Hi)-v.line(value):
		return v.Lo, true
	case v.AtBound(value):
		return v.Hi, true
	case v.Moved:
		return v.Bound, true
	}
	return 0, false
}

// AtBound reports whether a value has run into an end of the range, where no
// error bar can be given.
func (v *Variable) AtBound(value float64) bool {
	if v.Scale == abi.Periodic {
		return false
	}
	lo, hi, x := v.line(v.Lo), v.line(v.Hi), v.line(value)
	margin := boundShare * (hi - lo)
	return x-lo < margin || hi-x < margin
}

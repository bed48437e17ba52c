package search

import (
	"context"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/optim/analysis"
	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// hasTail reports whether a unit reverberates by itself: sound passes through it,
// and it says in seconds how that dies away, not at which pitch.
func hasTail(u *graph.Unit) bool {
	decay := u.Type.Param(abi.Decay)
	return u.Filter == nil && len(u.Type.Inputs) > 0 && decay != nil && decay.Unit == "s" && u.Type.Param(abi.Pitch) == nil
}

// isComb reports whether a unit is a delay in a loop and nothing beside it.
func isComb(u *graph.Unit) bool {
	n := map[abi.Role]int{}
	for _, p := range u.Type.Params {
		n[p.Role]++
	}
	return u.Filter == nil && len(u.Type.Inputs) > 0 && n[abi.Delay] == 1 && n[abi.Feedback] == 1 && n[abi.Mix]+n[abi.Decay]+n[abi.Diffusion] == 0
}

// reverberates reports whether learned parameters belong to a reverberator, whose
// tail no fit of the waveform can follow unless the target came from the same: a
// unit that has one, or several combs.
func reverberates(p *problem.Problem) bool {
	combs := 0
	for _, u := range p.Model.Plan.Units {
		tail := hasTail(u)
		if !tail && !isComb(u) || !slices.ContainsFunc(p.Variables, func(v problem.Variable) bool { return v.Param.Spec.Of == u }) {
			continue
		}
		if tail {
			return true
		}
		combs++
	}
	return combs > 1
}

var knownRoom = &Stage{
	Name: "reverberation",
	Doc:  "Proposes the decay times, levels and mix that the target shows of a reverberation.",
	Applies: func(s *State) (bool, string) {
		if len(s.Problem.Dry) == 0 {
			return false, "there is no dry signal"
		}
		if !reverberates(s.Problem) {
			return false, "no reverberator is learned"
		}
		return true, "a reverberator is learned"
	},
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		if x := roomOfTarget(s.Problem, s.X); x != nil {
			return []Start{{X: x}}, nil
		}
		return nil, nil
	},
}

// roomOfTarget is a point at which the reverberators decay as the target does, and
// the dry sound is as loud; nil where nothing is known of it.
func roomOfTarget(p *problem.Problem, x []float64) []float64 {
	rate := p.Model.Plan.Rate
	r := analysis.Listen(p.Dry[0], p.Target[:p.Frames()], rate)
	if r == nil {
		return nil
	}
	all := r.Decay(60, 8000, rate)
	if all == 0 {
		return nil
	}
	to := slices.Clone(x)
	mix, wet := mixOf(p), 1.0
	if mix >= 0 {
		wet = min(max(1-r.Direct, 0.05), 0.95)
		to[mix] = p.Variables[mix].Inside(wet)
	}
	for _, u := range p.Model.Plan.Units {
		switch {
		case hasTail(u) && isShapedNoise(u):
			shapeNoise(p, to, u, r, all, wet)
		case hasTail(u):
			setEach(p, to, p.Param(u, abi.Decay), func(k int) float64 {
				if t := r.Decay(6000, rate/2, rate); k == 1 && t > 0 {
					return t
				}
				return all
			})
		case isComb(u):
			delay := p.Param(u, abi.Delay)
			time := delay.Values[0]
			if i := p.Index(delay); i >= 0 { // the model may stand at another point
				time, _ = p.Variables[i].Value(to[i])
			}
			setEach(p, to, p.Param(u, abi.Feedback), func(int) float64 { return math.Pow(10, -3*time/1000/all) })
		}
	}
	// A network of combs is better left at the level that it has: the level and the
	// density of its all-passes are found together.
	if slices.ContainsFunc(p.Model.Plan.Units, hasTail) {
		matchTail(p, to, r)
	}
	return to
}

// mixOf is the variable of the mix of dry and wet, -1 where none is learned.
func mixOf(p *problem.Problem) int {
	return slices.IndexFunc(p.Variables, func(v problem.Variable) bool {
		return v.Param.Spec.Role == abi.Mix && len(v.Param.Values) == 1
	})
}

// setEach sets the learned elements of a parameter.
func setEach(p *problem.Problem, x []float64, of *adjoint.Param, value func(k int) float64) {
	for i := range p.Variables {
		if v := &p.Variables[i]; of != nil && v.Param == of {
			x[i] = v.Inside(value(v.Element))
		}
	}
}

// isShapedNoise reports whether a unit has a gain for each decay, in the bands of
// an echogram.
func isShapedNoise(u *graph.Unit) bool {
	bands := 0
	for _, p := range u.Params {
		if (p.Role == abi.Decay || p.Role == abi.Boost) && p.Len == analysis.Bands {
			bands++
		}
	}
	return bands == 2
}

// shapeNoise gives the bands of shaped noise the decays and energies of the
// target. A band of noise with the part w of the spectrum's power has the energy
// w decay gain².
func shapeNoise(p *problem.Problem, x []float64, u *graph.Unit, r *analysis.Echogram, all, wet float64) {
	decay := func(k int) float64 {
		if r.Decays[k] > 0 {
			return min(max(r.Decays[k], all/4), all*4)
		}
		return all
	}
	setEach(p, x, p.Param(u, abi.Decay), decay)
	setEach(p, x, p.Param(u, abi.Predelay), func(int) float64 { return 1000 * r.Predelay })
	setEach(p, x, p.Param(u, abi.Boost), func(k int) float64 {
		part := 0.0
		const steps = 4096
		for i := range steps {
			w := analysis.BandShape((float64(i)+0.5)/steps, k)
			part += w * w / steps
		}
		return 10 * math.Log10(max(r.Energies[k], 1e-12)/(part*decay(k)*wet*wet))
	})
}

// nearlyWet is how much of the dry sound is left where the wet one is measured.
const nearlyWet = 1e-4

// matchTail scales the outputs of a network of delays, or the gain after it, so
// that what is wet is as loud as in the target.
func matchTail(p *problem.Problem, x []float64, r *analysis.Echogram) {
	level := levelVariable(p)
	if level >= 0 && !isLevel(&p.Variables[level]) {
		level = -1
	}
	for i := range p.Variables {
		if v := &p.Variables[i]; v.Element == 0 && v.Param.Spec.Role == abi.Level && v.Param.Spec.Vector && hasTail(v.Param.Spec.Of) {
			level = i
		}
	}
	mix := mixOf(p)
	if level < 0 || mix < 0 {
		return
	}
	wet, _ := p.Variables[mix].Value(x[mix])
	q := slices.Clone(x)
	v := &p.Variables[mix]
	q[mix] = v.Inside(v.Hi - nearlyWet*(v.Hi-v.Lo))
	p.Set(q)
	y := p.Forward()
	have := math.Sqrt(method.Dot(y, y))
	want := 0.0
	for n, v := range p.Target[:p.Frames()] {
		e := v
		if n < len(p.Dry[0]) {
			e -= r.Direct * p.Dry[0][n]
		}
		want += e * e
	}
	if have > 0 && want > 0 {
		scale(p, x, level, math.Sqrt(want*float64(p.Channels))/have/wet)
	}
}

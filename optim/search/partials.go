package search

import (
	"cmp"
	"context"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/optim/analysis"
	"ampfit/optim/problem"
)

// sound is what the analysis finds in the target.
type sound struct {
	partials []analysis.Partial // the strongest first
	pitch    float64            // Hz; 0 for none
	decay    float64            // s to −60 dB; 0 where it does not fall
}

// target analyses the target once.
func (s *State) target() *sound {
	if s.read != nil {
		return s.read
	}
	p, want := s.Problem, 32
	for _, b := range banksOf(p) {
		want = max(want, 2*b.size)
	}
	mono, rate := p.Target[:p.Frames()], p.Model.Plan.Rate
	ps := analysis.Partials(mono, rate, want)
	s.read = &sound{partials: ps, pitch: analysis.Fundamental(ps), decay: analysis.DecayTime(mono, rate)}
	return s.read
}

var partials = &Stage{
	Name: "partials",
	Doc:  "Proposes the frequencies, levels and decays of the target's partials for banks of partials, and its decay for what fades.",
	Applies: func(s *State) (bool, string) {
		p := s.Problem
		return ofTarget(s, len(banksOf(p))+len(tones(p))+len(decaysOf(p)), "parameter that the target tells of")
	},
	Propose: func(_ context.Context, s *State) ([]Start, error) { return s.suggest(s.fill) },
}

var pitches = &Stage{
	Name:    "pitches",
	Doc:     "Proposes the pitch of the target and its partials for the oscillators.",
	Applies: func(s *State) (bool, string) { return ofTarget(s, len(tones(s.Problem)), "pitch") },
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		t := s.target()
		at := func(pitch func(k int) float64) func([]float64) {
			return func(x []float64) {
				for k, i := range tones(s.Problem) {
					x[i] = s.Problem.Variables[i].Inside(pitch(k))
				}
			}
		}
		pitch := at(func(int) float64 { return t.pitch })
		strongest := at(func(k int) float64 { return t.partials[k%len(t.partials)].Freq })
		return s.suggest(
			func(x []float64) { s.fill(x); pitch(x) },
			func(x []float64) { s.fill(x); strongest(x) },
			pitch,
		)
	},
}

// modulators has the sidebands of one that modulates the other a multiple of its
// own pitch apart.
var modulators = &Stage{
	Name: "modulators",
	Doc:  "Proposes pairs of pitch, partials and their distances for two oscillators, of which one may modulate the other.",
	Applies: func(s *State) (bool, string) {
		if n := len(tones(s.Problem)); n != 2 {
			return false, count(n, "pitch") + " learned, not two"
		}
		return ofTarget(s, 2, "pitch")
	},
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		t, at := s.target(), tones(s.Problem)
		found := analysis.Pitches(t.partials, t.pitch)
		var changes []func([]float64)
		for _, a := range found {
			for _, b := range found {
				changes = append(changes, func(x []float64) {
					s.fill(x)
					x[at[0]], x[at[1]] = s.Problem.Variables[at[0]].Inside(a), s.Problem.Variables[at[1]].Inside(b)
				})
			}
		}
		return s.suggest(changes...)
	},
}

// ofTarget reports whether so many parameters are learned that the target itself
// says something of.
func ofTarget(s *State, n int, thing string) (bool, string) {
	if known, _ := knownTaps.Applies(s); known {
		return false, "the taps are known"
	}
	return some(n, thing)
}

// suggest are the changes of the point at hand, each as loud as the target; none
// where the target has no partials.
func (s *State) suggest(changes ...func(x []float64)) ([]Start, error) {
	if len(s.target().partials) == 0 {
		return nil, nil
	}
	var out []Start
	for _, change := range changes {
		x := slices.Clone(s.X)
		change(x)
		matchLevel(s.Problem, x)
		out = append(out, Start{X: x})
	}
	return out, nil
}

// fill sets the banks of partials to those of the target, and what fades to its
// decay.
func (s *State) fill(x []float64) {
	t := s.target()
	for _, b := range banksOf(s.Problem) {
		b.fill(s.Problem, x, t)
	}
	if t.decay > 0 {
		for _, i := range decaysOf(s.Problem) {
			x[i] = s.Problem.Variables[i].Inside(t.decay)
		}
	}
}

// decaysOf are the times to −60 dB that are not those of partials or bands.
func decaysOf(p *problem.Problem) []int {
	banks := banksOf(p)
	var out []int
	for i := range p.Variables {
		v := &p.Variables[i]
		q := v.Param.Spec
		inBank := slices.ContainsFunc(banks, func(b *bank) bool { return b.node == v.Param.Node })
		if q.Role == abi.Decay && q.Unit == "s" && !inBank && !isShapedNoise(q.Of) {
			out = append(out, i)
		}
	}
	return out
}

// bank is a vector of learned frequencies, or the amplitudes of a harmonic series,
// with the learned vectors of the same node that belong to it.
type bank struct {
	node   string
	size   int
	at     map[abi.Role]int // first variable of each learned vector
	pitch  int              // variable of a harmonic series' pitch, -1 for none
	series bool
}

func banksOf(p *problem.Problem) []*bank {
	var out []*bank
	for i := range p.Variables {
		v := &p.Variables[i]
		q := v.Param.Spec
		if v.Element != 0 || !q.Vector {
			continue
		}
		series := q.Role == abi.Amplitudes && isSeries(q.Of.Params)
		if series || v.IsPitch() {
			out = append(out, &bank{node: v.Param.Node, size: len(v.Param.Values), at: map[abi.Role]int{}, pitch: -1, series: series})
		}
	}
	for _, b := range out {
		for i := range p.Variables {
			v := &p.Variables[i]
			switch {
			case v.Param.Node != b.node:
			case b.series && v.IsPitch() && !v.Param.Spec.Vector:
				b.pitch = i
			case v.Element == 0 && len(v.Param.Values) == b.size:
				b.at[v.Param.Spec.Role] = i
			}
		}
	}
	return out
}

// isSeries reports whether a node has one pitch, of which its partials are the
// multiples.
func isSeries(params []*graph.Param) bool {
	return slices.ContainsFunc(params, func(p *graph.Param) bool { return p.Role == abi.Pitch && !p.Vector })
}

// fill sets a bank to the strongest partials, in the order of their pitch.
func (b *bank) fill(p *problem.Problem, x []float64, t *sound) {
	chosen := slices.Clone(t.partials[:min(b.size, len(t.partials))])
	if b.series {
		if b.pitch >= 0 && t.pitch > 0 {
			x[b.pitch] = p.Variables[b.pitch].Inside(t.pitch)
		}
		chosen = analysis.Harmonics(t.partials, t.pitch, b.size)
	} else {
		slices.SortFunc(chosen, func(a, b analysis.Partial) int { return cmp.Compare(a.Freq, b.Freq) })
	}
	_, fades := b.at[abi.Decay]
	for k := range b.size {
		q := analysis.Partial{Decay: 10}
		if k < len(chosen) {
			q = chosen[k]
		}
		for role, i := range b.at {
			v := &p.Variables[i+k]
			switch unit := v.Param.Spec.Unit; {
			case role == abi.Pitch && q.Freq > 0:
				x[i+k] = v.Inside(q.Freq)
			case role == abi.Amplitudes && fades:
				x[i+k] = v.Inside(max(q.Amp, 1e-6))
			case role == abi.Amplitudes:
				x[i+k] = v.Inside(max(q.Peak, 1e-6))
			case role == abi.Phase:
				// Spectra hardly tell phases, and those measured lead elsewhere as often
				// for the worse as for the better.
				x[i+k] = v.Inside(0)
			case role == abi.Decay && unit == "1/s":
				x[i+k] = v.Inside(q.Decay)
			case role == abi.Decay && unit == "s":
				x[i+k] = v.Inside(3 * math.Ln10 / max(q.Decay, 1e-3))
			case role == abi.Attack && unit == "ms":
				x[i+k] = v.Inside(1000 * max(q.Rise, 1e-4))
			}
		}
	}
}

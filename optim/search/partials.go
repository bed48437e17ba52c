package search

import (
	"context"
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/optim/method"
)

// Suggestive is an objective that knows points from which a descent is worth
// trying, beside the start.
type Suggestive interface {
	method.Objective
	// Starts returns them; they are changes of x. When the context ends, they may
	// be worse than they could be.
	Starts(ctx context.Context, x []float64) [][]float64
}

// pitches are the parameters that are the pitch of a sound, not the corner of a
// filter: those of oscillators, strings and modes.
var pitches = []string{"frequency", "freq", "f0_hz", "freqs_hz", "pitch_hz", "root_hz"}

// isPitch reports whether a variable is the frequency of something that sounds.
func isPitch(v *Variable) bool {
	return v.Param.Spec.Unit == "Hz" && slices.Contains(pitches, v.Param.Name)
}

// tones are the learned pitches that stand alone.
func (o *GraphObjective) tones() []int {
	var out []int
	for i := range o.Variables {
		if v := &o.Variables[i]; isPitch(v) && len(v.Param.Values) == 1 {
			out = append(out, i)
		}
	}
	return out
}

// Starts reads the target: the frequencies, levels and decays of its partials
// become those of the banks of partials that are learned, its pitch that of the
// oscillators, and its decay theirs.
func (o *GraphObjective) Starts(ctx context.Context, x []float64) [][]float64 {
	if o.target == nil {
		return nil
	}
	out := append(o.filtered(ctx, x), o.rooms(x)...)
	banks, tones, times := o.banks(), o.tones(), []int(nil)
	for i := range o.Variables {
		v := &o.Variables[i]
		if v.Param.Spec.Unit == "s" && (v.Param.Name == "t60_s" || v.Param.Name == "decay_s") {
			times = append(times, i)
		}
	}
	if len(banks)+len(tones)+len(times) == 0 || len(out) > 0 {
		return out
	}
	mono := o.target[:len(o.target)/o.channels]
	rate := o.Model.Plan.Rate
	want := 32
	for _, b := range banks {
		want = max(want, 2*len(b.freqs.Values))
	}
	ps := findPartials(mono, rate, want)
	if len(ps) == 0 {
		return out
	}
	pitch := fundamental(ps)
	t60 := decayTime(mono, rate)
	set := func(p []float64, i int, value float64) {
		v := &o.Variables[i]
		lo, hi := v.Lo, v.Hi
		if !math.IsInf(hi-lo, 0) {
			lo, hi = lo+1e-6*(hi-lo), hi-1e-6*(hi-lo)
		}
		p[i] = v.Unbounded(min(max(value, lo), hi))
	}
	add := func(change func(p []float64)) {
		p := slices.Clone(x)
		change(p)
		o.level(p)
		out = append(out, p)
	}
	fill := func(p []float64) {
		for _, b := range banks {
			b.fill(p, ps, pitch, set)
		}
		if t60 > 0 {
			for _, i := range times {
				set(p, i, t60)
			}
		}
	}
	add(fill)
	if len(tones) > 0 {
		add(func(p []float64) {
			fill(p)
			for _, i := range tones {
				set(p, i, pitch)
			}
		})
		add(func(p []float64) {
			fill(p)
			for k, i := range tones {
				set(p, i, ps[k%len(ps)].freq)
			}
		})
		add(func(p []float64) {
			for _, i := range tones {
				set(p, i, pitch)
			}
		})
	}
	if len(tones) == 2 {
		// one of them modulates the other: its sidebands lie a multiple of its
		// own pitch apart
		heard := candidates(ps, pitch)
		for _, a := range heard {
			for _, b := range heard {
				add(func(p []float64) {
					fill(p)
					set(p, tones[0], a)
					set(p, tones[1], b)
				})
			}
		}
	}
	if waves := o.vibratos(); len(waves) > 0 && pitch > 0 {
		// a strong partial that lies highest tells most
		loud := ps[0]
		for _, q := range ps {
			if q.peak > ps[0].peak/10 && q.freq > loud.freq && math.Abs(q.freq/pitch-math.Round(q.freq/pitch)) < 0.1 {
				loud = q
			}
		}
		for _, q := range []partial{ps[0], loud} {
			number := math.Max(math.Round(q.freq/pitch), 1)
			s, ok := findSwing(mono, rate, q.freq, pitch)
			if !ok {
				continue
			}
			add(func(p []float64) {
				fill(p)
				for _, i := range tones {
					set(p, i, s.centre/number)
				}
				for _, w := range waves {
					if w.scale == 0 {
						continue
					}
					turn := 0.0
					if w.scale < 0 {
						turn = 0.5
					}
					o.put(p, w.depth, s.depth/number/math.Abs(w.scale))
					o.put(p, w.rate, s.rate)
					o.put(p, w.phase, s.phase+turn)
				}
			})
		}
	}
	return out
}

// candidates are the frequencies that the oscillators of a sound may have: its
// pitch, its strongest partials, and their distances.
func candidates(ps []partial, pitch float64) []float64 {
	var out []float64
	see := func(f float64) {
		if f < 15 || slices.ContainsFunc(out, func(g float64) bool { return math.Abs(math.Log(f/g)) < 0.01 }) {
			return
		}
		out = append(out, f)
	}
	see(pitch)
	strong := ps[:min(4, len(ps))]
	for _, a := range strong {
		see(a.freq)
	}
	for i, a := range strong {
		for _, b := range strong[:i] {
			see(math.Abs(a.freq - b.freq))
		}
	}
	return out[:min(8, len(out))]
}

// bank is a vector of learned frequencies, or the pitch of a harmonic series,
// with the learned vectors of the same node that belong to it.
type bank struct {
	freqs  *adjoint.Param
	at     map[string]int // first variable of each learned vector
	pitch  int            // variable of a harmonic series' pitch, -1 for none
	series bool
}

func (o *GraphObjective) banks() []*bank {
	byNode := map[string]*bank{}
	var out []*bank
	for i := range o.Variables {
		v := &o.Variables[i]
		if v.Element != 0 {
			continue
		}
		name := v.Param.Name
		if name != "freqs_hz" && !(name == "amps" && o.Model.Param(v.Param.Node, "f0_hz") != nil) {
			continue
		}
		b := &bank{freqs: v.Param, at: map[string]int{}, pitch: -1, series: name == "amps"}
		byNode[v.Param.Node] = b
		out = append(out, b)
	}
	for i := range o.Variables {
		v := &o.Variables[i]
		b := byNode[v.Param.Node]
		switch {
		case b == nil:
		case v.Param.Name == "f0_hz":
			b.pitch = i
		case v.Element == 0 && len(v.Param.Values) == len(b.freqs.Values):
			b.at[v.Param.Name] = i
		}
	}
	return out
}

// fill sets a bank to the strongest partials, in the order of their pitch.
func (b *bank) fill(p []float64, ps []partial, pitch float64, set func(p []float64, i int, value float64)) {
	n := len(b.freqs.Values)
	chosen := slices.Clone(ps[:min(n, len(ps))])
	if b.series {
		if b.pitch >= 0 && pitch > 0 {
			set(p, b.pitch, pitch)
		}
		chosen = harmonics(ps, pitch, n)
	} else {
		slices.SortFunc(chosen, func(a, b partial) int { return int(math.Copysign(1, a.freq-b.freq)) })
	}
	for k := range n {
		q := partial{decay: 10}
		if k < len(chosen) {
			q = chosen[k]
		}
		for name, i := range b.at {
			switch {
			case name == "freqs_hz" && q.freq > 0:
				set(p, i+k, q.freq)
			case name == "amps" && len(b.at) > 1 && hasDecay(b.at):
				set(p, i+k, max(q.amp, 1e-6))
			case name == "amps":
				set(p, i+k, max(q.peak, 1e-6))
			case name == "phases":
				set(p, i+k, q.phase)
			case name == "decays":
				set(p, i+k, q.decay)
			case name == "decays_s":
				set(p, i+k, 3*math.Ln10/max(q.decay, 1e-3))
			case name == "attacks_ms":
				set(p, i+k, 1000*max(q.rise, 1e-4))
			}
		}
	}
}

func hasDecay(at map[string]int) bool {
	_, rate := at["decays"]
	_, time := at["decays_s"]
	return rate || time
}

// harmonics sorts partials to the multiples of a pitch.
func harmonics(ps []partial, pitch float64, n int) []partial {
	out := make([]partial, n)
	if pitch <= 0 {
		return out
	}
	for _, q := range ps {
		k := int(math.Round(q.freq/pitch)) - 1
		if k < 0 || k >= n || math.Abs(q.freq/pitch-float64(k+1)) > 0.25 {
			continue
		}
		if q.peak > out[k].peak {
			out[k] = q
		}
	}
	return out
}

// decayTime is the time in which the sound after its loudest moment falls by
// 60 dB, from the slope of its energy between -3 and -30 dB; 0 when it never
// falls so far.
//
// Source: M. R. Schroeder, New Method of Measuring Reverberation Time, JASA 37,
// 1965 (the backward integral).
func decayTime(x []float64, rate float64) float64 {
	const step = 64
	var energy []float64
	for at := 0; at < len(x); at += step {
		e := 0.0
		for _, v := range x[at:min(at+step, len(x))] {
			e += v * v
		}
		energy = append(energy, e)
	}
	left := make([]float64, len(energy))
	sum, loud := 0.0, 0
	for i := len(energy) - 1; i >= 0; i-- {
		sum += energy[i]
		left[i] = sum
		if energy[i] >= energy[loud] {
			loud = i
		}
	}
	if sum == 0 {
		return 0
	}
	cross := func(db float64) int {
		level := left[loud] * math.Pow(10, db/10)
		for i := loud; i < len(left); i++ {
			if left[i] < level {
				return i
			}
		}
		return -1
	}
	from, to := cross(-3), cross(-30)
	if from < 0 || to <= from {
		return 0
	}
	return float64(to-from) * step / rate * 60 / 27
}

// level scales what is linear in the output, the amplitudes of banks and the
// gains of nodes, so that the rendering is as loud as the target.
func (o *GraphObjective) level(p []float64) {
	i, kind := o.levelVariable()
	if i < 0 {
		return
	}
	o.Set(p)
	o.Model.Forward()
	o.count(1)
	e, want := method.Dot(o.Model.Output, o.Model.Output), method.Dot(o.target, o.target)
	if !(e > 0) || want == 0 {
		return
	}
	factor := min(max(math.Sqrt(want/e), 1e-3), 1e3)
	for ; i < len(o.Variables); i++ {
		v := &o.Variables[i]
		value, _ := v.Value(p[i])
		if kind == "dB" {
			value += 20 * math.Log10(factor)
		} else {
			value *= factor
		}
		margin := 1e-6 * min(v.Hi-v.Lo, 1)
		p[i] = v.Unbounded(min(max(value, v.Lo+margin), v.Hi-margin))
		if i+1 == len(o.Variables) || o.Variables[i+1].Param != v.Param {
			return
		}
	}
}

// levelVariable is the first learned one that names itself a level: a vector of
// amplitudes, else a gain. It returns -1 when there is none.
func (o *GraphObjective) levelVariable() (int, string) {
	for _, names := range [][]string{{"amps"}, {"gain", "level", "amplitude", "amp"}, {"gain_db", "level_db", "makeup_db"}} {
		for i := len(o.Variables) - 1; i >= 0; i-- {
			v := &o.Variables[i]
			if v.Element == 0 && v.Scale != abi.Periodic && slices.Contains(names, v.Param.Name) {
				return i, v.Param.Spec.Unit
			}
		}
	}
	return -1, ""
}

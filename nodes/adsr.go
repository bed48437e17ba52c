package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(adsr) }

// adsr is, for each note from t0 to t1, a product of three clipped ramps:
//
//	a = clip((t-t0)/attack),   b = 1 - clip((t-t0-attack)/decay),   r = 1 - clip((t-t1)/release)
//	y = a^c (S + (1-S) b^c) r^c
//
// which is continuous in all its times. A ramp at an end of its range has slope
// 0 by its times. The slope by a time, c u^{c-1} ∂u, is taken with u at least
// adsrLeast, as for c < 1 it grows without bound where a ramp reaches 0.
var adsr = abi.NodeType{
	Name: "ADSRNode", Family: controlled,
	Doc: "Attack, decay, sustain and release of given notes; smooth in all its times.",
	Detail: "For a note: (attack ramp)^curve · (sustain + (1 − sustain)(decay ramp)^curve) · (release ramp)^curve. The attack ramp rises from 0 to 1 over attack_ms, the decay ramp then falls from 1 to 0 over decay_ms, " +
		"and from the end of the note the release ramp falls from 1 to 0, whatever the others do. Notes add. curve above 1 makes attacks slow to begin and decays quick to begin.",
	Source:  "J. Turian et al., One Billion Audio Sounds from GPU-enabled Modular Synthesis, DAFx 2021 (torchsynth's ADSR).",
	Outputs: out,
	Params: []abi.Param{
		{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 10, Min: 0.1, Max: 10000, Scale: abi.Log, Doc: "Length of the attack."},
		{Name: "decay_ms", Role: abi.Decay, Unit: "ms", Default: 100, Min: 0.1, Max: 10000, Scale: abi.Log, Doc: "Length of the decay."},
		{Name: "sustain", Role: abi.Sustain, Default: 0.7, Min: 0, Max: 1, Doc: "Level after the decay."},
		{Name: "release_ms", Role: abi.Release, Unit: "ms", Default: 200, Min: 0.1, Max: 10000, Scale: abi.Log, Doc: "Length of the release."},
		{Name: "curve", Role: abi.Other, Default: 1, Min: 0.1, Max: 10, Scale: abi.Log, Doc: "Exponent of the ramps; 1 is linear."},
	},
	Config: []abi.Key{{Name: "notes", Kind: abi.Pairs, Doc: "[on, off] of each note in seconds; absent: one from 0 to 0.5."}},
	Configure: func(s *abi.Setup) error {
		notes := s.Config.Pairs("notes")
		if notes == nil {
			notes = [][2]float64{{0, 0.5}}
		}
		for _, n := range notes {
			if !(n[0] <= n[1]) {
				return abi.Errorf("config.notes", "a note ends at %v s, before it begins at %v s", n[1], n[0])
			}
		}
		s.Data = notes
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		y, e := b.Out(0, lane), newADSR(b, lane)
		clear(y)
		for _, note := range b.Data.([][2]float64) {
			first, last := e.frames(b, lane, note)
			for n := first; n < last; n++ {
				y[n] += e.at(float64(b.Frame(lane)+int64(n))/b.Rate, note, nil)
			}
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dy, e := d.Out(0, lane), newADSR(b, lane)
		var sums, slopes [5]float64
		for _, note := range b.Data.([][2]float64) {
			first, last := e.frames(b, lane, note)
			for n := first; n < last; n++ {
				e.at(float64(b.Frame(lane)+int64(n))/b.Rate, note, &slopes)
				for i, s := range slopes {
					sums[i] += s * dy[n]
				}
			}
		}
		for i, s := range sums {
			d.Param(i, lane).Add(0, s)
		}
	}),
	Second: kernel.Second(adsrFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		ty, e := t.Out(0, lane), newADSR(b, lane)
		clear(ty)
		var slopes [5]float64
		for _, note := range b.Data.([][2]float64) {
			first, last := e.frames(b, lane, note)
			for n := first; n < last; n++ {
				e.at(float64(b.Frame(lane)+int64(n))/b.Rate, note, &slopes)
				for i, s := range slopes {
					ty[n] += s * t.Param(i, lane).At(0)
				}
			}
		}
	}),
}

// adsrLeast bounds the slope of a ramp to a power below 1.
const adsrLeast = 1e-6

// adsrCurve holds the parameters, times in seconds.
type adsrCurve struct{ attack, decay, sustain, release, curve float64 }

func newADSR(b *abi.Block, lane int) adsrCurve {
	return adsrCurve{b.Param(0, lane).At(0) / 1000, b.Param(1, lane).At(0) / 1000, b.Param(2, lane).At(0), b.Param(3, lane).At(0) / 1000, b.Param(4, lane).At(0)}
}

// frames returns the frames of the block in which the note sounds.
func (e *adsrCurve) frames(b *abi.Block, lane int, note [2]float64) (first, last int) {
	place := func(t float64) int {
		return int(min(max(math.Ceil(t*b.Rate)-float64(b.Frame(lane)), 0), float64(b.Frames)))
	}
	return place(note[0]), place(note[1] + e.release)
}

// power returns u^c, its slope by u and its slope by c, for u in [0, 1].
func (e *adsrCurve) power(u float64) (v, slope, byCurve float64) {
	switch {
	case u <= 0 || u >= 1:
		return u, 0, 0
	case e.curve == 1:
		return u, 1, u * math.Log(u)
	}
	log := math.Log(u)
	v = math.Exp(e.curve * log)
	return v, e.curve * v / max(u, adsrLeast), v * log
}

// at returns the value at time t, and the slopes by the five parameters.
func (e *adsrCurve) at(t float64, note [2]float64, slopes *[5]float64) float64 {
	rise := min(max((t-note[0])/e.attack, 0), 1)
	fall := 1 - min(max((t-note[0]-e.attack)/e.decay, 0), 1)
	end := 1 - min(max((t-note[1])/e.release, 0), 1)
	a, aSlope, aCurve := e.power(rise)
	b, bSlope, bCurve := e.power(fall)
	r, rSlope, rCurve := e.power(end)
	level := e.sustain + (1-e.sustain)*b
	if slopes != nil {
		part := a * r * (1 - e.sustain)
		*slopes = [5]float64{
			(-aSlope*rise/e.attack*level*r + part*bSlope/e.decay) / 1000,
			part * bSlope * (1 - fall) / e.decay / 1000,
			a * r * (1 - b),
			a * level * rSlope * (1 - end) / e.release / 1000,
			aCurve*level*r + part*bCurve + a*level*rCurve,
		}
	}
	return a * level * r
}

func adsrFormula(f *kernel.Formula) {
	attack, decay := f.Scale(1e-3, f.Param(0)(0)), f.Scale(1e-3, f.Param(1)(0))
	sustain, release, curve := f.Param(2)(0), f.Scale(1e-3, f.Param(3)(0)), f.Param(4)(0)
	e := newADSR(f.Block, f.Lane)
	ramp := func(t, length kernel.Number, falls bool) kernel.Number { // (clip(t/length) or 1 - that)^curve
		u := f.Div(t, length)
		switch {
		case f.Value(u) <= 0:
			u = f.Const(0)
		case f.Value(u) >= 1:
			u = f.Const(1)
		}
		if falls {
			u = f.Shift(1, f.Scale(-1, u))
		}
		if f.Value(u) <= 0 || f.Value(u) >= 1 {
			return u
		}
		return adsrPower(f, u, curve)
	}
	y := make([]kernel.Number, f.Frames())
	for i := range y {
		y[i] = f.Const(0)
	}
	for _, note := range f.Block.Data.([][2]float64) {
		first, last := e.frames(f.Block, f.Lane, note)
		for n := first; n < last; n++ {
			t := float64(f.Block.Frame(f.Lane)+int64(n)) / f.Block.Rate
			on := f.Const(t - note[0])
			level := f.Add(sustain, f.Mul(f.Shift(1, f.Scale(-1, sustain)), ramp(f.Sub(on, attack), decay, true)))
			sound := f.Mul(f.Mul(ramp(on, attack, false), level), ramp(f.Const(t-note[1]), release, true))
			y[n] = f.Add(y[n], sound)
		}
	}
	for n, v := range y {
		f.Out(0, n, v)
	}
}

// adsrPower is u^c for u in (0, 1), with the slope by u that adsr takes: that of a u
// of at least adsrLeast.
func adsrPower(f *kernel.Formula, u, c kernel.Number) kernel.Number {
	x, log := f.Value(u), math.Log(f.Value(u))
	v := math.Exp(f.Value(c) * log)
	tu, tc := f.Tangent(u), f.Tangent(c)
	least := max(x, adsrLeast)
	if f.Value(c) == 1 { // a line, as in the kernel
		least = x
	}
	byU, byC := f.Value(c)*v/least, v*log
	s := kernel.Step{A: u, B: c, ByA: byU, ByB: byC}
	s.TangentA = v / least * (1 + f.Value(c)*log) * tc
	if least == x {
		s.TangentA += f.Value(c) * (f.Value(c) - 1) * v / (x * x) * tu
	} else {
		s.TangentA += f.Value(c) * f.Value(c) * v / (x * least) * tu
	}
	s.TangentB = v/x*(1+f.Value(c)*log)*tu + v*log*log*tc
	return f.Push(v, byU*tu+byC*tc, s)
}

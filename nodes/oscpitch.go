package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(oscillatorPitch) }

// oscillatorPitch makes a frequency of its parts and limits how fast it moves:
//
//	r[n] = pitch[n] + add[n]   or   root[n] 2^(cents[n]/1200) + add[n]
//	c[n] = c[n-1] + clamp(max(r[n], min) - c[n-1], ±slew[n]/rate)
//	y[n] = max(c[n], min)
//
// c is recorded. With λ the gradient of c, handed over by the block after,
//
//	λ[n] = ȳ[n] + λ[n+1] where the limit held at n+1
//
// goes to the limit and to c[n-1] where the limit holds, else to the target. At
// each maximum the slope is that of the other side than min, where they meet.
var oscillatorPitch = abi.NodeType{
	Name: "OscillatorPitchNode", Aliases: []string{"oscillator_pitch"}, Family: controlled,
	Doc: "Frequency in Hz from a pitch, or a root and cents, with a limited slew rate.",
	Detail: "The target is pitch_hz, or without it root_hz·2^(offset_cents/1200) (root_hz: min_freq unless given), plus add_hz, at least min_freq. " +
		"The output follows it by at most slew_hz_per_s (default_slew unless given), 0 being no limit; it starts at 0 Hz and is never below min_freq. " +
		"Where the limit holds the gradient goes to the limit, else to the target; at equality to the target.",
	Source:  "The AMP runtime's OscillatorPitchNode.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "pitch_hz", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Target; in the place of root_hz and offset_cents."},
		{Name: "root_hz", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Root that the cents count from; min_freq unless given."},
		{Name: "offset_cents", Role: abi.Interval, Unit: "cents", Default: 0, Min: -12000, Max: 12000, Mod: true, Doc: "Interval above the root."},
		{Name: "add_hz", Role: abi.Other, Unit: "Hz", Default: 0, Min: -20000, Max: 20000, Mod: true, Doc: "Added to the target."},
		{Name: "slew_hz_per_s", Role: abi.Slew, Unit: "Hz/s", Default: 1000, Min: 0, Max: 1e7, Mod: true, Doc: "Fastest change, 0 for any; in the place of default_slew."},
		{Name: "min_freq", Role: abi.Other, Unit: "Hz", Default: 0, Min: 0, Max: 20000, Doc: "Lowest frequency."},
		{Name: "default_slew", Role: abi.Slew, Unit: "Hz/s", Default: 0, Min: 0, Max: 1e7, Doc: "Fastest change, 0 for any."},
	},
	Configure: func(s *abi.Setup) error {
		law := oscPitchLaw{direct: s.Given("pitch_hz"), root: s.Given("root_hz")}
		base, slew := "root_hz", "default_slew"
		switch {
		case law.direct:
			base, law.root = "pitch_hz", false
			dropIdle(s, "root_hz", "offset_cents")
		case law.root:
			dropIdle(s, "pitch_hz")
		default:
			dropIdle(s, "pitch_hz", "root_hz")
		}
		if s.Given("slew_hz_per_s") {
			slew = "slew_hz_per_s"
			dropIdle(s, "default_slew")
		} else {
			dropIdle(s, "slew_hz_per_s")
		}
		for i := range s.Params {
			switch s.Params[i].Name {
			case base:
				law.base = i
			case "offset_cents":
				law.cents = i
			case "add_hz":
				law.add = i
			case slew:
				law.slew = i
			case "min_freq":
				law.min = i
			}
		}
		if !law.direct && !law.root {
			law.base = law.min
		}
		s.OutChannels = []int{1}
		s.Data = law
		return nil
	},
	State:    1, // c[n-1]
	Record:   1, // c
	Forward:  lanes(oscPitchForward),
	Backward: lanePairs(oscPitchBackward),
}

// oscPitchLaw says what the target is made of, and which parameter is which.
type oscPitchLaw struct {
	direct, root                bool
	base, cents, add, slew, min int
}

func oscPitchForward(b *abi.Block, lane int) {
	law := b.Data.(oscPitchLaw)
	y, c, state := b.Out(0, lane), b.Record(0, lane), b.State(lane)
	base, add, slew := b.Param(law.base, lane), b.Param(law.add, lane), b.Param(law.slew, lane)
	least, last := b.Param(law.min, lane).At(0), state[0]
	ratio := 1.0
	for n := range y {
		if !law.direct && (n == 0 || b.Param(law.cents, lane).Varies()) {
			ratio = math.Exp2(b.Param(law.cents, lane).At(n) / 1200)
		}
		move := max(base.At(n)*ratio+add.At(n), least) - last
		if limit := slew.At(n) / b.Rate; limit > 0 && math.Abs(move) > limit {
			last += math.Copysign(limit, move)
		} else {
			last += move
		}
		c[n] = last
		y[n] = max(last, least)
	}
	state[0] = last
}

func oscPitchBackward(b, d *abi.Block, lane int) {
	law := b.Data.(oscPitchLaw)
	dy, c, dstate := d.Out(0, lane), b.Record(0, lane), d.State(lane)
	base, add, slew := b.Param(law.base, lane), b.Param(law.add, lane), b.Param(law.slew, lane)
	dbase, dadd, dslew := d.Param(law.base, lane), d.Param(law.add, lane), d.Param(law.slew, lane)
	least, dleast, lambda := b.Param(law.min, lane).At(0), 0.0, dstate[0]
	ratio := 1.0
	for n := len(dy) - 1; n >= 0; n-- {
		if !law.direct && (n == len(dy)-1 || b.Param(law.cents, lane).Varies()) {
			ratio = math.Exp2(b.Param(law.cents, lane).At(n) / 1200)
		}
		last := b.Before(lane)[0]
		if n > 0 {
			last = c[n-1]
		}
		if c[n] >= least {
			lambda += dy[n]
		} else {
			dleast += dy[n]
		}
		target := base.At(n)*ratio + add.At(n)
		move := max(target, least) - last
		if limit := slew.At(n) / b.Rate; limit > 0 && math.Abs(move) > limit {
			dslew.Add(n, math.Copysign(lambda/b.Rate, lambda*move))
			continue // λ goes on to c[n-1]
		}
		if target >= least {
			dbase.Add(n, ratio*lambda)
			if !law.direct {
				d.Param(law.cents, lane).Add(n, math.Ln2/1200*ratio*base.At(n)*lambda)
			}
			dadd.Add(n, lambda)
		} else {
			dleast += lambda
		}
		lambda = 0
	}
	d.Param(law.min, lane).Add(0, dleast)
	dstate[0] = lambda
}

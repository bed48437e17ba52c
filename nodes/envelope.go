package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(envelopeModulator) }

// envelopeModulator is a machine of stages; every value it can take is linear in
// the value before, the velocity at its start and the level where the release
// began. Forward records which rule gave a frame, so the adjoint takes the
// transposed rules in reverse order. Those are, with v the value, u the
// velocity, r the release level, S the sustain level and N a stage's frames:
//
//	v = u        ū += v̄
//	v = u S      ū += S v̄,  S̄ += u v̄
//	v += u/N                        ū += v̄/N
//	v -= u (1-S)/N                  ū -= (1-S) v̄/N,  S̄ += u v̄/N
//	v -= r/N                        r̄ -= v̄/N
//	r = u S      ū += S r̄,  S̄ += u r̄,  r̄ = 0
//	start: v = 0, u = velocity[n]   velocity̅[n] += ū,  ū = v̄ = 0
var envelopeModulator = abi.NodeType{
	Name: "EnvelopeModulatorNode", Family: controlled,
	Doc: "Attack, hold, decay, sustain and release by trigger, gate and drone; a pulse at each start.",
	Detail: "Channel 0 is the envelope, channel 1 is 1 in frames where it starts. A trigger (> 1/2) starts from 0; gate or drone (> 1/2) start where it is idle or in release, " +
		"and hold the sustain. A stage of m ms is round(m·rate/1000) frames, halves to even: attack adds velocity/N, decay falls by velocity (1 − sustain_level)/N to velocity·sustain_level, " +
		"release falls to 0. sustain_ms > 0 ends the sustain by time, 0 by the gate; without a gate it is one frame. velocity is read in the frame of the start. " +
		"A sustain_level above 1 is reached at once. Gradients reach velocity and sustain_level; thresholds and lengths have none. " +
		"compat amp: send_reset is that of the last frame of a block, for all of it.",
	Source:  "The AMP runtime's EnvelopeModulatorNode.",
	Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "trigger", Role: abi.Switch, Default: 0, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Above 1/2: start again from 0."},
		{Name: "gate", Role: abi.Switch, Default: 0, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Above 1/2: start where idle or in release, hold the sustain."},
		{Name: "drone", Role: abi.Switch, Default: 0, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Like gate."},
		{Name: "velocity", Role: abi.Level, Default: 1, Min: 0, Max: 10, Mod: true, Doc: "Peak value, read at the start."},
		{Name: "send_reset", Role: abi.Switch, Default: 1, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Above 1/2: pulses are sent; where it is given, in the place of send_resets."},
		{Name: "sustain_level", Role: abi.Sustain, Default: 0.7, Min: 0, Max: 10, Doc: "Value of the sustain, relative to the velocity."},
		{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 12, Min: 0, Max: 60000, NoGradient: true, Doc: "Length of the attack."},
		{Name: "hold_ms", Role: abi.Hold, Unit: "ms", Default: 8, Min: 0, Max: 60000, NoGradient: true, Doc: "Length of the hold."},
		{Name: "decay_ms", Role: abi.Decay, Unit: "ms", Default: 90, Min: 0, Max: 60000, NoGradient: true, Doc: "Length of the decay."},
		{Name: "sustain_ms", Role: abi.Hold, Unit: "ms", Default: 0, Min: 0, Max: 60000, NoGradient: true, Doc: "Length of the sustain; 0: as long as the gate."},
		{Name: "release_ms", Role: abi.Release, Unit: "ms", Default: 220, Min: 0, Max: 60000, NoGradient: true, Doc: "Length of the release."},
	},
	Config: []abi.Key{
		{Name: "send_resets", Kind: abi.Bool, Default: true, Doc: "Whether pulses are sent."},
		{Name: "compat", Kind: abi.String, Enum: []string{"amp"}, Doc: "Reproduce the recorded defects of the AMP runtime."},
	},
	Configure: func(s *abi.Setup) error {
		s.OutChannels = []int{2}
		s.Data = envelopeLaw{
			pulses:  s.Config.Bool("send_resets") || s.Given("send_reset"),
			perCall: s.Config.Text("compat") == "amp",
		}
		return nil
	},
	State:    5, // stage, frames in it, value, velocity, release level
	Record:   2, // rule, velocity
	Forward:  lanes(envelopeForward),
	Backward: lanePairs(envelopeBackward),
}

type envelopeLaw struct{ pulses, perCall bool }

// Stages.
const (
	idle = iota
	attack
	hold
	decay
	sustain
	release
)

// A rule is one of each line, and flags.
const (
	fromValue = iota // what the stage begins with
	fromZero
	fromPeak
	fromSustain
)

const (
	toZero    = iota << 2 // what the stage makes of it
	toPeak                // u
	toSustain             // u S
	attackStep
	decayStep
	releaseStep
	toStart  // 0, and the attack begins
	fromMask = 3
	toMask   = 7 << 2
	started  = 1 << 5 // at the start of the frame
	left     = 1 << 6 // the sustain, at its end
)

// envelope is the machine of a lane.
type envelope struct {
	stage, t       int
	value, u, r, s float64
	frames         [6]int
}

func newEnvelope(b *abi.Block, lane int) envelope {
	e := envelope{s: b.Param(5, lane).At(0)}
	for i, stage := range [5]int{attack, hold, decay, sustain, release} {
		e.frames[stage] = max(0, int(math.RoundToEven(b.Param(6+i, lane).At(0)/1000*b.Rate)))
	}
	return e
}

func (e *envelope) enter(stage int) { e.stage, e.t = stage, 0 }

func (e *envelope) start(velocity float64) {
	e.enter(attack)
	e.value, e.u = 0, velocity
}

// step runs one frame and returns the rule that gave its value.
func (e *envelope) step(trigger, on bool, velocity float64) (rule int) {
	if trigger {
		e.start(velocity)
		rule = started | fromZero
	}
	if e.frames[e.stage] == 0 && (on || e.stage != idle) {
		rule = e.pass(rule, on, velocity)
	}
	n := float64(e.frames[e.stage])
	switch e.stage {
	case idle:
		e.value = 0
		rule |= toZero
	case attack:
		e.value += e.u / n
		rule |= attackStep
		e.t++
		if last := e.t >= e.frames[attack]; last || e.value > e.u {
			e.value, rule = e.u, rule&^toMask|toPeak
			if last {
				e.enter(hold)
			}
		}
	case hold:
		e.value = e.u
		rule |= toPeak
		if e.t++; e.t >= e.frames[hold] {
			e.enter(decay)
		}
	case decay:
		e.value -= (e.u - e.u*e.s) / n
		rule |= decayStep
		if e.value < e.u*e.s {
			e.value, rule = e.u*e.s, rule&^toMask|toSustain
		}
		if e.t++; e.t >= e.frames[decay] {
			e.enter(sustain)
		}
	case sustain:
		e.value = e.u * e.s
		rule |= toSustain
		e.t++
		if n > 0 && e.t >= e.frames[sustain] || n == 0 && !on {
			e.r = e.value
			rule |= left
			e.enter(release)
		}
	case release:
		if on {
			e.start(velocity)
			return rule | toStart
		}
		e.value -= e.r / n
		rule |= releaseStep
		if e.value < 0 {
			e.value, rule = 0, rule&^toMask|toZero
		}
		if e.t++; e.t >= e.frames[release] {
			e.enter(idle)
		}
	}
	return rule
}

// pass goes on through stages without frames.
func (e *envelope) pass(rule int, on bool, velocity float64) int {
	for passed := true; passed; {
		passed = false
		switch {
		case e.stage == idle && on:
			e.start(velocity)
			rule, passed = started|fromZero, true
		case e.stage == idle || e.frames[e.stage] > 0:
		case e.stage == attack:
			e.value, rule, passed = e.u, rule&^fromMask|fromPeak, true
			e.enter(hold)
		case e.stage == hold:
			passed = true
			e.enter(decay)
		case e.stage == decay:
			e.value, rule, passed = e.u*e.s, rule&^fromMask|fromSustain, true
			e.enter(sustain)
		case e.stage == release:
			passed = true
			e.enter(idle)
		}
	}
	return rule
}

func envelopeForward(b *abi.Block, lane int) {
	law := b.Data.(envelopeLaw)
	y, pulse, state := b.Out(0, lane), b.OutCh(0, 1, lane), b.State(lane)
	rules, us := b.Record(0, lane), b.Record(1, lane)
	trigger, gate, drone := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	velocity, send := b.Param(3, lane), b.Param(4, lane)
	e := newEnvelope(b, lane)
	e.stage, e.t, e.value, e.u, e.r = int(math.Round(state[0])), int(math.Round(state[1])), state[2], state[3], state[4]
	for n := range y {
		rule := e.step(trigger.At(n) > 0.5, gate.At(n) > 0.5 || drone.At(n) > 0.5, velocity.At(n))
		sent := send.At(n)
		if law.perCall {
			sent = send.At(len(y) - 1)
		}
		pulse[n] = 0
		if (rule&started != 0 || rule&toMask == toStart) && law.pulses && sent > 0.5 {
			pulse[n] = 1
		}
		y[n], rules[n], us[n] = e.value, float64(rule), e.u
	}
	state[0], state[1], state[2], state[3], state[4] = float64(e.stage), float64(e.t), e.value, e.u, e.r
}

func envelopeBackward(b, d *abi.Block, lane int) {
	dy, dstate, dvelocity := d.Out(0, lane), d.State(lane), d.Param(3, lane)
	rules, us := b.Record(0, lane), b.Record(1, lane)
	e, ds := newEnvelope(b, lane), 0.0
	dvalue, du, dr := dstate[2], dstate[3], dstate[4]
	perAttack, perDecay, perRelease := 1/float64(max(e.frames[attack], 1)), 1/float64(max(e.frames[decay], 1)), 1/float64(max(e.frames[release], 1))
	for n := len(dy) - 1; n >= 0; n-- {
		rule, u, g := int(rules[n]), us[n], dy[n]+dvalue
		if rule&left != 0 {
			du += e.s * dr
			ds += u * dr
			dr = 0
		}
		switch rule & toMask {
		case toZero:
			g = 0
		case toPeak:
			du += g
			g = 0
		case toSustain:
			du += e.s * g
			ds += u * g
			g = 0
		case attackStep:
			du += perAttack * g
		case decayStep:
			du -= (1 - e.s) * perDecay * g
			ds += u * perDecay * g
		case releaseStep:
			dr -= perRelease * g
		case toStart:
			dvelocity.Add(n, du)
			du, g = 0, 0
		}
		switch rule & fromMask {
		case fromZero:
			g = 0
		case fromPeak:
			du += g
			g = 0
		case fromSustain:
			du += e.s * g
			ds += u * g
			g = 0
		}
		if rule&started != 0 {
			dvelocity.Add(n, du)
			du = 0
		}
		dvalue = g
	}
	d.Param(5, lane).Add(0, ds)
	dstate[0], dstate[1], dstate[2], dstate[3], dstate[4] = 0, 0, dvalue, du, dr
}

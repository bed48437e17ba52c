package host

import "math"

// The stages of an envelope.
const (
	envIdle = iota
	envAttack
	envHold
	envDecay
	envSustain
	envRelease
)

// Envelope are the lengths in frames, the level and the states, one per row, of
// EnvelopeProcess.
type Envelope struct {
	Attack, Hold, Decay, Sustain, Release int
	Level                                 float64
	SendResets                            bool
	Stage                                 []int32
	Value, Timer, Velocity, ReleaseStart  []float64
	Activations                           []int64
}

// EnvelopeProcess is AMP's envelope: a trigger starts it, gate or drone hold it.
// Inputs may be nil: 0, and 1 for the velocity.
func EnvelopeProcess(trigger, gate, drone, velocity []float64, amp, reset []float64, b, f int, e *Envelope) {
	value := func(v []float64, n int, otherwise float64) float64 {
		if v == nil {
			return otherwise
		}
		return v[n]
	}
	rows(b, f, func(i, at int) {
		for n := at; n < at+f; n++ {
			reset[n] = 0
			on := value(gate, n, 0) > 0.5 || value(drone, n, 0) > 0.5
			start := func() {
				e.Stage[i], e.Timer[i], e.Value[i] = envAttack, 0, 0
				e.Velocity[i] = math.Max(0, value(velocity, n, 1))
				e.Activations[i]++
				if e.SendResets {
					reset[n] = 1
				}
			}
			if value(trigger, n, 0) > 0.5 {
				start()
			}
			e.skip(i, on, start)
			amp[n] = e.step(i, on, start)
		}
	})
}

// skip passes through stages without length.
func (e *Envelope) skip(i int, on bool, start func()) {
	v := e.Velocity[i]
	for {
		switch {
		case e.Stage[i] == envIdle && on:
			start()
			v = e.Velocity[i]
		case e.Stage[i] == envAttack && e.Attack <= 0:
			e.Value[i], e.Timer[i], e.Stage[i] = v, 0, envHold
		case e.Stage[i] == envHold && e.Hold <= 0:
			e.Timer[i], e.Stage[i] = 0, envDecay
		case e.Stage[i] == envDecay && e.Decay <= 0:
			e.Value[i], e.Timer[i], e.Stage[i] = v*e.Level, 0, envSustain
		case e.Stage[i] == envRelease && e.Release <= 0:
			e.Value[i], e.Timer[i], e.Stage[i] = 0, 0, envIdle
			if on {
				continue
			}
			return
		default:
			return
		}
	}
}

// step plays one frame.
func (e *Envelope) step(i int, on bool, start func()) float64 {
	v := e.Velocity[i]
	next := func(stage int32) { e.Stage[i], e.Timer[i] = stage, 0 }
	switch e.Stage[i] {
	case envAttack:
		e.Value[i] = math.Min(e.Value[i]+v/float64(e.Attack), v)
		if e.Timer[i]++; e.Timer[i] >= float64(e.Attack) {
			e.Value[i] = v
			next(envHold)
		}
	case envHold:
		e.Value[i] = v
		if e.Timer[i]++; e.Timer[i] >= float64(e.Hold) {
			next(envDecay)
		}
	case envDecay:
		e.Value[i] = math.Max(v*e.Level, e.Value[i]-(v-v*e.Level)/float64(e.Decay))
		if e.Timer[i]++; e.Timer[i] >= float64(e.Decay) {
			e.Value[i] = v * e.Level
			next(envSustain)
		}
	case envSustain:
		e.Value[i] = v * e.Level
		e.Timer[i]++
		if e.Sustain > 0 && e.Timer[i] >= float64(e.Sustain) || e.Sustain <= 0 && !on {
			e.ReleaseStart[i] = e.Value[i]
			next(envRelease)
		}
	case envRelease:
		if on {
			start()
			return 0 // the attack ramps from the next frame
		}
		e.Value[i] = math.Max(0, e.Value[i]-e.ReleaseStart[i]/float64(e.Release))
		if e.Timer[i]++; e.Timer[i] >= float64(e.Release) {
			e.Value[i] = 0
			next(envIdle)
		}
	default:
		e.Value[i] = 0
	}
	return e.Value[i]
}

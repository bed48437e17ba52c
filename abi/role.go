package abi

import "fmt"

// Role is what a parameter is, whatever a node calls it and in whatever unit it
// stands: the pitch of an oscillator is "frequency" in one type and "f0_hz" in
// the next. Analysis and search ask for roles and know no names, so a type that
// they have never seen, a C library's among them, is found like any other.
type Role uint8

// The roles. A vector has the role of its elements.
const (
	NoRole      Role = iota // not declared
	Other                   // none of the following
	Pitch                   // frequency of what sounds: an oscillator, a string, a mode; Hz
	Interval                // a change of pitch; semitones, cents, octaves
	Rate                    // frequency of what moves something else; Hz
	Phase                   // of an oscillation; cycles
	Depth                   // how far a movement goes; in the unit of what it moves, or octaves
	Delay                   // time by which a sound is late
	Predelay                // time before a reverberation begins
	Corner                  // frequency of a filter; Hz
	Quality                 // resonance of a filter
	Boost                   // gain of a filter's band; dB
	Gain                    // factor of what passes through; linear or dB
	Level                   // of what a node makes or hands on; linear or dB
	Drive                   // gain in front of a curve
	Bias                    // offset in front of a curve
	Mix                     // share of the wet sound, 0 to 1
	Feedback                // gain of a loop
	Diffusion               // coefficient of an all-pass around a delay
	Decay                   // how fast a sound dies away; s or ms to −60 dB, or 1/s
	Attack                  // time of a rise
	Hold                    // time at the top
	Sustain                 // level that is held
	Release                 // time of the way back
	Threshold               // level at which something begins
	Ratio                   // of dynamics, input dB to output dB
	Knee                    // width of a corner; dB
	Range                   // most attenuation; dB
	Pan                     // place between left and right
	Width                   // of the stereo image
	Taps                    // an impulse response, in which the output is linear
	Amplitudes              // of partials
	Weights                 // of a sum or a matrix
	Table                   // heights of a curve or a cycle
	Coefficient             // of a polynomial or a recursion
	Slew                    // fastest change
	Resistance              // Ω
	Capacitance             // F
	Inductance              // H
	Switch                  // gate, mode, number of bits
)

var roleNames = [...]string{
	"", "other", "pitch", "interval", "rate", "phase", "depth", "delay", "predelay", "corner", "quality", "boost", "gain",
	"level", "drive", "bias", "mix", "feedback", "diffusion", "decay", "attack", "hold", "sustain", "release", "threshold",
	"ratio", "knee", "range", "pan", "width", "taps", "amplitudes", "weights", "table", "coefficient", "slew", "resistance",
	"capacitance", "inductance", "switch",
}

// String returns the name that listings and C libraries use: "pitch", "rate", …;
// "" for NoRole.
func (r Role) String() string { return roleNames[r] }

// ParseRole reads the name of a role; "" is NoRole.
func ParseRole(s string) (Role, error) {
	for i, name := range roleNames {
		if s == name {
			return Role(i), nil
		}
	}
	return NoRole, fmt.Errorf("abi: %q is no role of a parameter", s)
}

// Roles lists the names of all roles but NoRole.
func Roles() []string { return append([]string(nil), roleNames[1:]...) }

// Param returns the first parameter of a role, nil where the type has none.
func (t *NodeType) Param(r Role) *Param {
	for i := range t.Params {
		if t.Params[i].Role == r {
			return &t.Params[i]
		}
	}
	return nil
}

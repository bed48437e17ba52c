package abi

import "fmt"

// Role is what a parameter is, whatever a node calls it and in whatever unit it
// stands: the pitch of an oscillator is "frequency" in one type and "f0_hz" in
// the next. Analysis and search ask for roles and know no names, so a type that
// they have never seen, a C library's among them, is found like any other.
type Role uint8

// The roles; [Role.Doc] says what each is. A vector has the role of its elements.
const (
	NoRole Role = iota // not declared
	Other
	Pitch
	Interval
	Rate
	Phase
	Depth
	Delay
	Predelay
	Corner
	Quality
	Boost
	Gain
	Level
	Drive
	Bias
	Mix
	Feedback
	Diffusion
	Decay
	Attack
	Hold
	Sustain
	Release
	Threshold
	Ratio
	Knee
	Range
	Pan
	Width
	Taps
	Amplitudes
	Weights
	Table
	Coefficient
	Slew
	Resistance
	Capacitance
	Inductance
	Switch
)

var roles = [...]struct{ name, doc string }{
	NoRole:      {"", "not declared"},
	Other:       {"other", "none of these"},
	Pitch:       {"pitch", "frequency of what sounds: an oscillator, a string, a mode; Hz"},
	Interval:    {"interval", "a change of pitch; semitones, cents, octaves"},
	Rate:        {"rate", "frequency of what moves something else; Hz"},
	Phase:       {"phase", "of an oscillation; cycles"},
	Depth:       {"depth", "how far a movement goes; in the unit of what it moves, or octaves"},
	Delay:       {"delay", "time by which a sound is late"},
	Predelay:    {"predelay", "time before a reverberation begins"},
	Corner:      {"corner", "frequency of a filter; Hz"},
	Quality:     {"quality", "resonance of a filter"},
	Boost:       {"boost", "gain of a filter's band; dB"},
	Gain:        {"gain", "factor of what passes through; linear or dB"},
	Level:       {"level", "of what a node makes or hands on; linear or dB"},
	Drive:       {"drive", "gain in front of a curve"},
	Bias:        {"bias", "offset in front of a curve"},
	Mix:         {"mix", "share of the wet sound, 0 to 1"},
	Feedback:    {"feedback", "gain of a loop"},
	Diffusion:   {"diffusion", "coefficient of an all-pass around a delay"},
	Decay:       {"decay", "how fast a sound dies away; s or ms to −60 dB, or 1/s"},
	Attack:      {"attack", "time of a rise"},
	Hold:        {"hold", "time at the top"},
	Sustain:     {"sustain", "level that is held"},
	Release:     {"release", "time of the way back"},
	Threshold:   {"threshold", "level at which something begins"},
	Ratio:       {"ratio", "of dynamics, input dB to output dB"},
	Knee:        {"knee", "width of a corner; dB"},
	Range:       {"range", "most attenuation; dB"},
	Pan:         {"pan", "place between left and right"},
	Width:       {"width", "of the stereo image"},
	Taps:        {"taps", "an impulse response, in which the output is linear"},
	Amplitudes:  {"amplitudes", "of partials"},
	Weights:     {"weights", "of a sum or a matrix"},
	Table:       {"table", "heights of a curve or a cycle"},
	Coefficient: {"coefficient", "of a polynomial or a recursion"},
	Slew:        {"slew", "fastest change"},
	Resistance:  {"resistance", "Ω"},
	Capacitance: {"capacitance", "F"},
	Inductance:  {"inductance", "H"},
	Switch:      {"switch", "gate, mode, number of bits"},
}

// String returns the name that listings and C libraries use: "pitch", "rate", …;
// "" for NoRole.
func (r Role) String() string { return roles[r].name }

// Doc says in a few words, and in which unit, what has the role.
func (r Role) Doc() string { return roles[r].doc }

// ParseRole reads the name of a role; "" is NoRole.
func ParseRole(s string) (Role, error) {
	for i, r := range roles {
		if s == r.name {
			return Role(i), nil
		}
	}
	return NoRole, fmt.Errorf("abi: %q is no role of a parameter", s)
}

// Roles lists the names of all roles but NoRole.
func Roles() []string {
	var names []string
	for _, r := range roles[1:] {
		names = append(names, r.name)
	}
	return names
}

// Param returns the first parameter of a role, nil where the type has none.
func (t *NodeType) Param(r Role) *Param {
	for i := range t.Params {
		if t.Params[i].Role == r {
			return &t.Params[i]
		}
	}
	return nil
}

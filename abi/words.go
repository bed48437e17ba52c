package abi

import "slices"

// words are what the field calls a parameter of a role, without a unit.
var words = map[Role][]string{
	Pitch:      {"frequency", "freq", "pitch", "f0", "f"},
	Rate:       {"rate", "frequency", "freq", "speed", "f"},
	Corner:     {"cutoff", "corner", "center", "centre", "frequency", "freq", "fc", "f0", "f"},
	Quality:    {"q", "quality"},
	Boost:      {"gain"},
	Gain:       {"gain", "volume", "level", "makeup"},
	Level:      {"level", "amplitude", "amp", "gain", "volume"},
	Phase:      {"phase", "phase_offset"},
	Depth:      {"depth", "amount"},
	Delay:      {"time", "delay"},
	Predelay:   {"predelay", "pre_delay"},
	Mix:        {"mix", "wet", "dry_wet"},
	Feedback:   {"feedback", "fb", "regeneration"},
	Decay:      {"t60", "rt60", "decay"},
	Attack:     {"attack"},
	Release:    {"release"},
	Threshold:  {"threshold", "thresh", "ceiling"},
	Ratio:      {"ratio"},
	Knee:       {"knee"},
	Range:      {"range"},
	Drive:      {"drive", "gain", "pregain"},
	Pan:        {"pan", "balance"},
	Taps:       {"taps", "ir", "coefficients"},
	Amplitudes: {"amps", "amplitudes"},
}

// endings are how a name ends with a unit; a frequency and what has no unit may go
// without.
var endings = map[string][]string{
	"": {""}, "Hz": {"", "_hz"}, "ms": {"_ms"}, "s": {"_s", "_seconds"}, "dB": {"_db"}, "cycles": {"", "_cycles"}, "octaves": {"_oct", "_octaves"},
}

// Alias returns the parameter that another word of the field means: that of the
// word's role and unit, where the type has one such parameter. It returns nil
// where the word means nothing, or could mean several.
func (t *NodeType) Alias(word string) *Param {
	var found *Param
	for i := range t.Params {
		p := &t.Params[i]
		if p.Name == word {
			return nil
		}
		if !means(word, p) {
			continue
		}
		if found != nil {
			return nil
		}
		found = p
	}
	return found
}

// means reports whether a word is one for a parameter: a word of its role that ends
// with its unit.
func means(word string, p *Param) bool {
	return slices.ContainsFunc(words[p.Role], func(w string) bool {
		if p.Vector && p.Role != Taps && p.Role != Amplitudes {
			w += "s"
		}
		return slices.ContainsFunc(endings[p.Unit], func(e string) bool { return w+e == word })
	})
}

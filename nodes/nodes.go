// Package nodes holds the node types. It is imported for its registrations:
//
//	import _ "ampfit/nodes"
//
// One file is one type, or one family that shares its kernel. Each says what it
// computes (Detail), what its adjoint is (the comment), and where both come
// from (Source). Forward, backward and tangent stand one above the other with
// the same names in the same order. A file named after a type and more is a part
// of it; what several types share, and all assembly, is in package kernel.
package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// Chapters of the node reference.
const (
	sources    = "Sources"
	filters    = "Filters"
	nonlinear  = "Nonlinear"
	dynamics   = "Dynamics"
	timeBased  = "Time"
	mixing     = "Mixing and space"
	controlled = "Control and spectral"
)

var (
	in  = []string{"in"}
	out = []string{"out"}
)

// decibels is ln(10)/20: a gain of g dB is exp(decibels·g).
const decibels = kernel.Decibels

// cornerParam is the frequency of a filter.
func cornerParam(name, doc string) abi.Param {
	return abi.Param{Name: name, Role: abi.Corner, Unit: "Hz", Default: 1000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Mod: true, Doc: doc}
}

// qualityParam is the quality of a filter.
func qualityParam(doc string) abi.Param {
	return abi.Param{Name: "q", Role: abi.Quality, Default: math.Sqrt2 / 2, Min: 0.05, Max: 40, Scale: abi.Log, Mod: true, Doc: doc}
}

// boostParam is the gain of a band or a shelf.
func boostParam(doc string) abi.Param {
	return abi.Param{Name: "gain_db", Role: abi.Boost, Unit: "dB", Default: 0, Min: -40, Max: 40, Mod: true, Doc: doc}
}

// channelsKey is the key by which a source says how many channels it has.
var channelsKey = abi.Key{
	Name: "channels", Kind: abi.Int, Default: 1.0, Min: 1, Max: 256,
	Doc: "Output channels, all of them driven alike.",
}

// setChannels is the Configure of a source whose channels are configured.
func setChannels(s *abi.Setup) error {
	s.OutChannels = []int{s.Config.Int("channels")}
	return nil
}

// lanes makes a kernel of what is done to a lane. The smallest kernels have a loop of
// their own: in a feedback loop of few frames a call more costs as much as they do.
func lanes(run func(b *abi.Block, lane int)) func(b *abi.Block) {
	return func(b *abi.Block) {
		for lane := range b.Lanes {
			run(b, lane)
		}
	}
}

// lanePairs is lanes for a kernel with a dual or a tangent.
func lanePairs(run func(b, d *abi.Block, lane int)) func(b, d *abi.Block) {
	return func(b, d *abi.Block) {
		for lane := range b.Lanes {
			run(b, d, lane)
		}
	}
}

// dropIdle drops parameters that a configuration of an AMP node does not read. One
// that the file gives stays, without effect, as AMP ignores it.
func dropIdle(s *abi.Setup, names ...string) {
	for _, name := range names {
		if !s.Given(name) {
			s.Drop(name)
		}
	}
}

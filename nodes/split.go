package nodes

import (
	"fmt"

	"ampfit/abi"
	"ampfit/internal/vec"
)

func init() { abi.Register(split) }

// split copies channel c to output port c; x̄_c[n] += ȳ_c[n].
var split = abi.NodeType{
	Name: "SplitNode", Family: mixing,
	Doc:    "Takes the channels apart: one output port per channel.",
	Detail: "Output ch0 is the first channel, ch1 the second, and so on; there are as many as the input has channels.",
	Inputs: in, Outputs: []string{"ch0"}, Coupled: true,
	Configure: func(s *abi.Setup) error {
		s.Outputs, s.OutChannels = nil, nil
		for c := range s.Channels[0] {
			s.Outputs = append(s.Outputs, fmt.Sprintf("ch%d", c))
			s.OutChannels = append(s.OutChannels, 1)
		}
		return nil
	},
	Forward:  lanes(splitForward),
	Backward: lanePairs(splitBackward),
	Second:   abi.LinearSecond(lanePairs(splitBackward)),
	Tangent:  lanePairs(func(_, t *abi.Block, lane int) { splitForward(t, lane) }),
}

func splitForward(b *abi.Block, lane int) {
	for c := range b.InChannels(0) {
		copy(b.Out(c, lane), b.InCh(0, c, lane))
	}
}

func splitBackward(b, d *abi.Block, lane int) {
	for c := range b.InChannels(0) {
		vec.Add(d.InCh(0, c, lane), d.Out(c, lane))
	}
}

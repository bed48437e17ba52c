package graphtest

import "ampfit/abi"

func init() { abi.Register(lookahead) }

// lookahead hands its input on a number of frames late and says so: the one
// node here that has a measured delay of its own.
var lookahead = abi.NodeType{
	Name:   "LookaheadNode",
	Doc:    "Late by a number of frames, for tests.",
	Inputs: []string{"in"}, Outputs: []string{"out"},
	Config: []abi.Key{{Name: "frames", Kind: abi.Int, Default: 5.0, Max: 4096, Doc: "How late it is."}},
	Configure: func(s *abi.Setup) error {
		s.Delay = s.Config.Int("frames")
		s.InHistory = s.Delay
		return nil
	},
	Forward: func(b *abi.Block) {
		for lane := range b.Lanes {
			copy(b.Out(0, lane), b.InPast(0, 0, lane))
		}
	},
	Backward: func(b, d *abi.Block) {
		for lane := range b.Lanes {
			dx := d.InPast(0, 0, lane)
			for n, dy := range d.Out(0, lane) {
				dx[n] += dy
			}
		}
	},
	Tangent: func(_, t *abi.Block) {
		for lane := range t.Lanes {
			copy(t.Out(0, lane), t.InPast(0, 0, lane))
		}
	},
}

package nodes

import "ampfit/abi"

func init() { abi.Register(input) }

// input stands for the dry recording; the runtime fills its rows.
var input = abi.NodeType{
	Name: "InputNode", Family: sources,
	Doc:      "The dry signal that is given with -i.",
	Detail:   "It has as many channels as the recording has. After its end the input is zero.",
	Outputs:  out,
	External: true,
	Config: []abi.Key{{
		Name: "channels", Kind: abi.Int, Min: 1, Max: 256,
		Doc: "Channels that the recording must have; absent: as many as it has.",
	}},
	Configure: func(s *abi.Setup) error {
		if s.Config.Has("channels") {
			return setChannels(s)
		}
		return nil
	},
}

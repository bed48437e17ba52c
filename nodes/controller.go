package nodes

import (
	"strings"

	"ampfit/abi"
	"ampfit/internal/vec"
)

func init() { abi.Register(controller) }

// controller copies, so its adjoint adds: x̄_source[n] += ȳ_c[n].
var controller = abi.NodeType{
	Name: "ControllerNode", Family: controlled,
	Doc: "Brings named control signals together, one output channel each.",
	Detail: "With __controller_outputs__ every name is an output channel, and its source an input port, of which the first channel is copied; a port that nothing feeds is zero. " +
		"Without it the channels of the input pass through. " +
		"The AMP runtime reads a source from a parameter view, or from the control history where there is no view; here both arrive at the port.",
	Source: "The AMP runtime's ControllerNode.",
	Inputs: in, Outputs: out, Coupled: true,
	Config: []abi.Key{
		{Name: "__controller_outputs__", Kind: abi.String, Doc: "Names of the output channels, divided by commas; at most 32."},
		{Name: "__controller_sources__", Kind: abi.String, Doc: "Sources that are not called like the output: out=source, divided by commas."},
	},
	Configure: func(s *abi.Setup) error {
		names := commas(s.Config.Text("__controller_outputs__"))
		if len(names) == 0 {
			s.OutChannels = []int{s.Channels[0]}
			s.Data = controls(nil)
			return nil
		}
		if len(names) > 32 {
			return abi.Errorf("config.__controller_outputs__", "%d names; at most 32 are allowed", len(names))
		}
		source := map[string]string{}
		for _, pair := range commas(s.Config.Text("__controller_sources__")) {
			name, from, ok := strings.Cut(pair, "=")
			if !ok {
				return abi.Errorf("config.__controller_sources__", "%q is no pair out=source", pair)
			}
			source[strings.TrimSpace(name)] = strings.TrimSpace(from)
		}
		port, from := map[string]int{}, make(controls, len(names))
		s.Inputs = nil
		for c, name := range names {
			if other, ok := source[name]; ok {
				name = other
			}
			if _, ok := port[name]; !ok {
				port[name] = len(s.Inputs)
				s.Inputs = append(s.Inputs, name)
			}
			from[c] = port[name]
		}
		for len(s.Channels) < len(s.Inputs) { // ports the runtime does not know yet
			s.Channels = append(s.Channels, 1)
		}
		s.OutChannels = []int{len(names)}
		s.Data = from
		return nil
	},
	Forward:  lanes(controllerRun),
	Backward: lanePairs(controllerBackward),
	Second:   abi.LinearSecond(lanePairs(controllerBackward)),
	Tangent:  lanePairs(func(_, t *abi.Block, lane int) { controllerRun(t, lane) }),
}

// controls are the input ports of the output channels; nil: the channels of
// the only port.
type controls []int

func (from controls) source(c int) (port, channel int) {
	if from == nil {
		return 0, c
	}
	return from[c], 0
}

// commas divides a list of the AMP runtime, which are strings there.
func commas(list string) []string {
	var items []string
	for _, item := range strings.Split(list, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func controllerRun(b *abi.Block, lane int) {
	from := b.Data.(controls)
	for c := range b.OutChannels(0) {
		port, channel := from.source(c)
		copy(b.OutCh(0, c, lane), b.InCh(port, channel, lane))
	}
}

func controllerBackward(b, d *abi.Block, lane int) {
	from := b.Data.(controls)
	for c := range b.OutChannels(0) {
		port, channel := from.source(c)
		vec.Add(d.InCh(port, channel, lane), d.OutCh(0, c, lane))
	}
}

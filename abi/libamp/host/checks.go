package host

import (
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/machine"
	"ampfit/internal/suggest"
)

// Same reports, as an error, that a state is called with another node than the
// one it was made for. The name is no part of that.
func (n *Node) Same(d Descriptor) error {
	was := n.desc
	switch {
	case d.Type != was.Type:
		return fault(abi.EInvalidArg, "the state is that of a node of type %q, the call names %q; release it, or give each node a state of its own", was.Type, strings.Clone(d.Type))
	case d.Rate != was.Rate:
		return fault(abi.EInvalidArg, "the state runs at %g Hz, the call at %g Hz; release it to change the sample rate", was.Rate, d.Rate)
	case d.Params != was.Params:
		return fault(abi.EInvalidArg, "params_json of %s differs from that of the calls before; pass values that change as parameter buffers, or release the state", was.Type)
	case d.Declared != was.Declared || max(d.Oversample, 1) != max(was.Oversample, 1) || d.SupportsV2 != was.SupportsV2:
		return fault(abi.EInvalidArg, "declared_delay, oversample_ratio or supports_v2 of %s differ from those of the calls before; release the state to change them", was.Type)
	}
	return nil
}

// numbers reports parameters of a call that are no numbers: they would stay in
// the state for good.
func (n *Node) numbers(inputs []Buffer, s *shapes) error {
	for name, i := range s.params {
		b := &inputs[i]
		if k, ok := finite(b.Data); !ok {
			return fault(abi.EInvalidArg, "%s of %s is %g (value %d of %d); parameters are finite numbers, and the state is as it was", name, n.desc.Type, b.Data[k], k, len(b.Data))
		}
		if name == graph.HeatParam && len(b.Data) != 1 {
			return fault(abi.EShape, "%s has the shape (%d, %d, %d); it is one value", name, b.Batches, b.Channels, b.Frames)
		}
	}
	return nil
}

// finite finds a value that is no finite number.
func finite(v []float64) (bad int, ok bool) {
	for i, x := range v {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return i, false
		}
	}
	return 0, true
}

// named reports audio buffers whose name is none of the node's ports, such as a
// misspelt parameter, and those that stand in the place of another port.
func (n *Node) named(s *shapes, ports []string) error {
	for place, i := range s.audio {
		name := s.inputs[i].Name
		if name == "" || len(ports) > 0 && name == ports[min(place, len(ports)-1)] {
			continue
		}
		if at := slices.Index(ports, name); at >= 0 {
			return fault(abi.EInvalidArg, "the buffer of the port %q of %s comes as audio input %d; audio buffers come in the order %s", name, n.desc.Type, place, strings.Join(ports, ", "))
		}
		known := slices.Clone(ports)
		for _, p := range n.typ.Params {
			known = append(known, p.Name)
		}
		return fault(abi.EInvalidArg, "%s has no audio port and no parameter %q; %s", n.desc.Type, name, suggest.Instead(name, append(known, graph.HeatParam)))
	}
	return nil
}

// memory bounds what one node or graph may take, in bytes; 0 is half of the
// machine's. Tests set it.
var memory int64

// limit is that bound.
func limit() int64 {
	if memory > 0 {
		return memory
	}
	return machine.Memory() / 2
}

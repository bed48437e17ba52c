package host

import (
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/suggest"
)

// SetParam overrides a parameter with a tensor (batches, channels, frames). Its
// batches and channels must be those of the default, its frames those of the
// default or a multiple; a parameter without default takes the block's frames.
func (r *Runtime) SetParam(node, param string, data []float64, batches, channels, frames int) error {
	n := r.findAny(node)
	if n == nil {
		return r.fail("set_param", node, fault(abi.EInvalidArg, "there is no node %q", node))
	}
	if batches < 1 || channels < 1 || frames < 1 || len(data) != batches*channels*frames {
		return r.fail("set_param", node, fault(abi.EInvalidArg, "%s.%s: %d values are no tensor (%d, %d, %d)", node, param, len(data), batches, channels, frames))
	}
	if k, ok := finite(data); !ok {
		return r.fail("set_param", node, fault(abi.EInvalidArg, "%s.%s: value %d is %g; parameters are finite numbers, and the old value stays", node, param, k, data[k]))
	}
	if r.file != nil {
		return r.setHeld(node, param, data, batches, channels, frames)
	}
	if t := abi.Lookup(n.typ); !r.native && param != graph.HeatParam && paramOf(t, param) == nil && !r.hasDefault(n, param) { // AMP keeps what nobody reads
		var known []string
		for _, p := range t.Params {
			known = append(known, p.Name)
		}
		return r.fail("set_param", node, fault(abi.EInvalidArg, "%s of type %s has no parameter %q; %s", node, n.typ, param, suggest.Instead(param, append(known, graph.HeatParam))))
	}
	want := blobParam{batches: batches, channels: channels, frames: max(r.frames, 1)}
	key := node + "\x00" + param
	if p, ok := r.overrides[key]; ok {
		want = p
	} else {
		for _, p := range n.params {
			if p.name == param {
				want = p
			}
		}
	}
	if batches != want.batches || channels != want.channels || frames%want.frames != 0 {
		return r.fail("set_param", node, fault(abi.EShape, "shape mismatch for %s.%s (expected %dx%dx%d, got %dx%dx%d)", node, param, want.batches, want.channels, want.frames, batches, channels, frames))
	}
	_, known := r.overrides[key]
	r.overrides[key] = blobParam{param, batches, channels, frames, slices.Clone(data)}
	if param == graph.HeatParam {
		r.setHeat(node, data[0])
	} else if !known && !r.hasDefault(n, param) {
		r.restart() // the graph gets an input for it
	}
	return nil
}

// setHeld overrides a parameter of a graph file: (1 or batches, its length, 1).
func (r *Runtime) setHeld(node, param string, data []float64, batches, channels, frames int) error {
	if r.stream == nil {
		if err := r.start(max(r.frames, 1)); err != nil {
			return r.fail("create", "", err)
		}
	}
	length := 1
	if param != graph.HeatParam {
		q := r.stream.Plan.Param(node, param)
		if q == nil {
			return r.fail("set_param", node, fault(abi.EInvalidArg, "there is no parameter %s.%s", node, param))
		}
		length = q.Len
	}
	if batches != 1 && batches != r.batches || channels != length || frames != 1 {
		return r.fail("set_param", node, fault(abi.EShape, "shape mismatch for %s.%s (expected %dx%dx1, got %dx%dx%d)", node, param, r.batches, length, batches, channels, frames))
	}
	p := blobParam{param, batches, channels, frames, slices.Clone(data)}
	if err := r.hold(node, param, p.data); err != nil {
		return r.fail("set_param", node, err)
	}
	r.overrides[node+"\x00"+param] = p
	return nil
}

// hold gives a running graph the value of a parameter.
func (r *Runtime) hold(node, param string, v []float64) error {
	if param == graph.HeatParam {
		r.stream.SetHeat(node, v[0])
		return nil
	}
	q := r.stream.Plan.Param(node, param)
	for _, x := range v {
		if math.IsNaN(x) || q.Scale != abi.Periodic && (x < q.Min || x > q.Max) {
			return fault(abi.EInvalidArg, "%s.%s: %g is outside %g to %g", node, param, x, q.Min, q.Max)
		}
	}
	if err := r.stream.Run.SetParam(node, param, v); err != nil {
		return fault(abi.EShape, "%v", err)
	}
	return nil
}

// findAny is find, or a stand-in for a node of a graph file.
func (r *Runtime) findAny(name string) *blobNode {
	if r.file == nil {
		return r.find(name)
	}
	if r.file.Node(name) == nil {
		return nil
	}
	return &blobNode{name: name}
}

func (r *Runtime) hasDefault(n *blobNode, param string) bool {
	return slices.ContainsFunc(n.params, func(p blobParam) bool { return p.name == param })
}

// ClearParams drops all overrides.
func (r *Runtime) ClearParams() {
	for key := range r.overrides {
		node, param, _ := strings.Cut(key, "\x00")
		switch {
		case r.file != nil:
			if r.stream != nil && param != graph.HeatParam {
				_ = r.hold(node, param, r.stream.Plan.Param(node, param).Value) // the file's own
			}
		case !r.hasDefault(r.find(node), param):
			r.restart()
		}
	}
	clear(r.overrides)
}

func (r *Runtime) setHeat(node string, joules float64) {
	if r.stream == nil {
		return
	}
	if u := r.stream.Plan.Unit(node); u != nil {
		r.stream.SetHeat(node, joules)
	}
}

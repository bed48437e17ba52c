package cnode

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"runtime"
	"slices"

	"ampfit/abi"
	"ampfit/internal/suggest"
)

// description is what a library says of a type, as the node reference does.
// All of it may be left out.
type description struct {
	Inputs, Outputs *[]string
	Wave            string // name of the shape of what it moves
	Params          []struct {
		Name, Unit, Doc, Scale, Role string
		Default                      json.RawMessage // a number, or an array for a vector
		Min, Max                     *float64
		Mod, Vector                  bool
		Length                       int
		Learnable                    *bool
	}
}

// nodeType describes a node of the library: one audio input and one output
// unless the library says otherwise, the parameters that it names, and those
// that the graph file does.
func nodeType(path, name string, m maker) (*abi.NodeType, error) {
	text, v2 := m.about(name)
	t := &abi.NodeType{
		Name: name, Family: "Libraries", Doc: "A node of " + filepath.Base(path) + ".",
		Inputs: []string{"in"}, Outputs: []string{"out"}, Open: true,
		Coupled: true,
		State:   1, // the token of the newest call; 0 before the first
		Forward: forward,
	}
	if v2 {
		t.Backward = backward
	}
	if text != "" {
		if err := describe(t, text); err != nil {
			return nil, fmt.Errorf("the node library %s describes %q in a way that cannot be read: %w", path, name, err)
		}
	}
	t.Configure = func(s *abi.Setup) error { return configure(s, t, path, m) }
	return t, nil
}

// describe takes ports and parameters from a library's description.
func describe(t *abi.NodeType, text string) error {
	var d description
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return err
	}
	if d.Inputs != nil {
		t.Inputs = *d.Inputs
	}
	if d.Outputs != nil {
		t.Outputs = *d.Outputs
	}
	if len(t.Outputs) == 0 {
		return fmt.Errorf("it has no output")
	}
	if d.Wave != "" {
		shape := abi.Waves[d.Wave]
		if shape == nil {
			return fmt.Errorf("there is no wave %q; %s", d.Wave, suggest.Instead(d.Wave, slices.Sorted(maps.Keys(abi.Waves))))
		}
		t.Wave = func(abi.Config) func(phase float64) float64 { return shape }
	}
	for _, p := range d.Params {
		if p.Name == "" {
			return fmt.Errorf("a parameter has no name")
		}
		role, err := abi.ParseRole(p.Role)
		if err != nil {
			return fmt.Errorf("%s has the role %q, which there is not; %s", p.Name, p.Role, suggest.Instead(p.Role, abi.Roles()))
		}
		q := abi.Param{Name: p.Name, Unit: p.Unit, Doc: p.Doc, Role: role, Mod: p.Mod && !p.Vector, Vector: p.Vector, Len: p.Length, Min: -1e300, Max: 1e300}
		switch {
		case p.Default == nil:
		case p.Vector && p.Default[0] == '[':
			err = json.Unmarshal(p.Default, &q.Defaults)
			q.Len = max(q.Len, len(q.Defaults))
		default:
			err = json.Unmarshal(p.Default, &q.Default)
		}
		if err != nil {
			return fmt.Errorf("the default of %s: %w", p.Name, err)
		}
		if p.Min != nil {
			q.Min = *p.Min
		}
		if p.Max != nil {
			q.Max = *p.Max
		}
		if !(q.Min < q.Max) {
			return fmt.Errorf("the range of %s is %g to %g", p.Name, q.Min, q.Max)
		}
		if p.Scale == abi.Log.String() && q.Min >= 0 {
			q.Scale = abi.Log
		}
		// Without a range there is nowhere to look for the value.
		q.NoGradient = p.Min == nil || p.Max == nil || p.Learnable != nil && !*p.Learnable
		t.Params = append(t.Params, q)
	}
	return nil
}

// configure makes the node that the kernels of a plan call.
func configure(s *abi.Setup, t *abi.NodeType, path string, m maker) error {
	n := &node{path: path, make: m, sessions: map[int64]*session{}}
	n.spec = spec{FirstOnly: s.FirstOnly, Name: s.Node, Type: t.Name, Rate: s.Rate, Inputs: s.Inputs, Outputs: s.Outputs, Channels: append([]int(nil), s.Channels...)}
	s.Length("\x00" + s.Node) // what is asked keeps two nodes from sharing a call, and so this Data
	for i := range s.Params {
		p := &s.Params[i]
		if p.Vector {
			if given := s.Length(p.Name); given > 0 {
				p.Len = given
			}
			p.Len = max(p.Len, 1)
		} else {
			p.Len = 1
		}
		n.spec.Params = append(n.spec.Params, specParam{Name: p.Name, Len: p.Len, Vector: p.Vector, Start: p.Start()})
	}
	o, err := m.open(&n.spec)
	if err != nil {
		return abi.Errorf("library", "%v", err)
	}
	n.spec.OutChannels, n.spec.V1, n.spec.Delay, n.heat = o.OutChannels, o.V1, o.Delay, o.Heat
	runtime.SetFinalizer(n, (*node).close)
	s.OutChannels, s.NoBackward, s.Data = o.OutChannels, o.NoBackward, n
	s.Delay, s.OwnHeat = o.Delay, o.Heat
	return nil
}

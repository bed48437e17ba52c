package abi

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
)

var registry struct {
	sync.RWMutex
	byName map[string]*NodeType // names and aliases
	types  []*NodeType          // sorted by name
}

// Register adds a node type. It panics when the name is taken or the
// description contradicts itself: both are mistakes of the program.
func Register(t NodeType) {
	if err := validate(&t); err != nil {
		panic("abi: " + err.Error())
	}
	registry.Lock()
	defer registry.Unlock()
	if registry.byName == nil {
		registry.byName = map[string]*NodeType{}
	}
	for _, name := range append([]string{t.Name}, t.Aliases...) {
		if registry.byName[name] != nil {
			panic(fmt.Sprintf("abi: node type %q is registered twice", name))
		}
		registry.byName[name] = &t
	}
	registry.types = append(registry.types, &t)
	slices.SortFunc(registry.types, func(a, b *NodeType) int { return cmp.Compare(a.Name, b.Name) })
}

// Lookup returns the node type of a name or alias, nil when there is none.
func Lookup(name string) *NodeType {
	registry.RLock()
	defer registry.RUnlock()
	return registry.byName[name]
}

// Types returns all registered node types, sorted by name.
func Types() []*NodeType {
	registry.RLock()
	defer registry.RUnlock()
	return slices.Clone(registry.types)
}

func validate(t *NodeType) error {
	switch {
	case t.Name == "":
		return fmt.Errorf("a node type has no name")
	case t.Doc == "":
		return fmt.Errorf("%s has no documentation", t.Name)
	case t.Forward == nil && !t.External:
		return fmt.Errorf("%s has no forward kernel", t.Name)
	case len(t.Outputs) == 0:
		return fmt.Errorf("%s has no output", t.Name)
	}
	seen := map[string]bool{}
	for _, p := range t.Params {
		switch {
		case seen[p.Name]:
			return fmt.Errorf("%s has parameter %q twice", t.Name, p.Name)
		case p.Doc == "":
			return fmt.Errorf("%s.%s has no documentation", t.Name, p.Name)
		case p.Scale != Periodic && p.MaxRate == 0 && !(p.Min < p.Max):
			return fmt.Errorf("%s.%s has an empty range [%v, %v]", t.Name, p.Name, p.Min, p.Max)
		case p.Scale == Log && p.Min < 0:
			return fmt.Errorf("%s.%s is logarithmic and reaches below 0", t.Name, p.Name)
		case p.Mod && p.Vector:
			return fmt.Errorf("%s.%s: vectors cannot be modulated", t.Name, p.Name)
		}
		seen[p.Name] = true
	}
	for _, port := range append(append([]string{}, t.Inputs...), t.Outputs...) {
		if seen[port] {
			return fmt.Errorf("%s has a port and a parameter %q", t.Name, port)
		}
	}
	return nil
}

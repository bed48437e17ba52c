// Package graph reads graph files, checks them and plans their execution.
//
//	graph.json ──Load──► Graph ──NewPlan──► Plan
//	  (text)            (checked)   (rate, length, batches known)
//
// A Graph is what the file says. A Plan knows the sample rate, the length of
// the run and the channels of the dry input, and with them every latency,
// feedback component and cohort of channels. Package run binds it to memory.
package graph

import (
	"path/filepath"

	"ampfit/abi"
	"ampfit/internal/jsontree"
)

// Graph is a checked graph file. It is not changed by planning or running.
type Graph struct {
	Path    string // of the file, as given; "" for graphs from memory
	Version int
	Rate    float64 // Hz; 0 when the file leaves it to the target
	Nodes   []*Node
	Edges   []*Edge
	Output  Port // of the whole graph
	IPLS    [][]string
	Loss    string   // a loss spec; "" when the file has none
	Notes   []string // on what was understood in another way than it is written

	data   []byte
	tree   *jsontree.Value
	byName map[string]*Node
}

// Node is one node of the file.
type Node struct {
	Index      int
	Name       string
	Type       *abi.NodeType
	Config     abi.Config
	Settings   []*Setting // parameters that the file names, in its order
	Oversample int        // 1 when absent
	Declared   int        // frames; −1 when absent
	NoAdjoint  bool       // supports_v2 is false
	Sum        bool       // gather: sum
	Library    string     // path of a C node library
	FirstOnly  bool       // a library's node, whose file does not say "supports_v2": true

	value *jsontree.Value
	path  string
}

// Port names an output or input port of a node. Name is empty for the default
// port until a plan resolves it.
type Port struct {
	Node *Node
	Name string
}

// Mode says how a modulation edge acts.
type Mode int

// The modes.
const (
	Add Mode = iota
	Multiply
	// Replace takes the place of the value. Files do not have it; hosts use it
	// for parameters that they pass frame by frame.
	Replace
)

// Edge is one connection of the file.
type Edge struct {
	Index   int
	Source  Port
	Target  Port   // of an audio edge
	Param   string // of a modulation edge; "" for audio
	Delay   int    // frames
	Gates   []int
	Mode    Mode
	Scale   float64
	Channel int // −1: channels follow

	value *jsontree.Value
	path  string
}

// Setting is a parameter as the file gives it.
type Setting struct {
	Name     string
	Word     string    // what the file calls it, where that is another word
	Value    []float64 // nil when the file leaves the default
	Array    bool      // written as an array
	Learn    bool
	Held     bool // "learn": false: not even where nothing is marked
	Min, Max *float64
	Scale    *abi.Scale
	Unit     string
	Prior    *Prior
	Tie      *Tie

	value *jsontree.Value
	path  string
}

// word is what the file calls the parameter.
func (s *Setting) word() string {
	if s.Word != "" {
		return s.Word
	}
	return s.Name
}

// Prior is a normal distribution that a fit adds to its loss.
type Prior struct{ Mean, Std float64 }

// Tie makes a parameter follow another one: value = Scale·other + Offset.
type Tie struct {
	Node, Param   string
	Scale, Offset float64
}

// HeatParam is the start value of a node's heat; every node has it.
const HeatParam = "thermo.heat"

// Node returns the node of that name, nil when there is none.
func (g *Graph) Node(name string) *Node {
	return g.byName[name]
}

// Setting returns what the file says of a parameter, nil when it is silent.
func (n *Node) Setting(name string) *Setting {
	for _, s := range n.Settings {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Inputs returns the external nodes: those that play the dry signal.
func (g *Graph) Inputs() []*Node {
	var in []*Node
	for _, n := range g.Nodes {
		if n.Type.External {
			in = append(in, n)
		}
	}
	return in
}

// resolve returns a path of the file relative to the graph file.
func (g *Graph) resolve(path string) string {
	if filepath.IsAbs(path) || g.Path == "" {
		return path
	}
	return filepath.Join(filepath.Dir(g.Path), path)
}

// name of the file in messages.
func (g *Graph) name() string {
	if g.Path == "" {
		return "graph"
	}
	return g.Path
}

// report returns a collector of faults for this file.
func (g *Graph) report() *report { return &report{file: g.name(), data: g.data} }

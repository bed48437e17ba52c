// Package graphtest draws random graphs and says what they must sound like. It
// is used by tests only.
//
//	Random ──► Spec ──JSON──► the engine ──► output
//	             └──Render──► a slow, plain evaluator ──► the same output
//
// The evaluator shares no code with the engine but the taps of the resampling
// filters: frame by frame it follows the rules of the graph file, with the
// formula of each node written a second time.
package graphtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Spec is a graph with all that a run of it needs.
type Spec struct {
	Rate    float64
	Frames  int
	Batches int
	Input   [][]float64 // dry signal, a slice per channel
	Nodes   []*Node
	Edges   []*Edge // in file order
	Output  string  // a node
}

// Node is one node of a Spec.
type Node struct {
	Name, Type string
	Config     map[string]any
	Params     map[string][]float64 // one value, or one per batch
	Oversample int                  // 1, 2, 4, …
	Declared   int                  // −1: absent
	NoAdjoint  bool
	Sum        bool
}

// Edge is one edge of a Spec.
type Edge struct {
	Source, Target string // nodes
	Port           string // input port; "" for a modulation edge
	Param          string // modulated parameter; "" for an audio edge
	Delay          int
	Gates          []int
	Multiply       bool
	Scale          float64
	Channel        int // −1: channels follow
}

// Node returns a node by name.
func (s *Spec) Node(name string) *Node {
	if i := slices.IndexFunc(s.Nodes, func(n *Node) bool { return n.Name == name }); i >= 0 {
		return s.Nodes[i]
	}
	return nil
}

// JSON returns the graph file, a node and an edge a line.
func (s *Spec) JSON() []byte {
	var nodes, edges []string
	for _, n := range s.Nodes {
		m := members{}
		m.add("name", n.Name)
		m.add("type", n.Type)
		if len(n.Config) > 0 {
			m.add("config", n.Config)
		}
		if len(n.Params) > 0 {
			p := members{}
			for _, name := range sorted(n.Params) {
				if v := n.Params[name]; len(v) == 1 {
					p.add(name, v[0])
				} else {
					p.add(name, v)
				}
			}
			m = append(m, `"params": `+p.String())
		}
		if n.Oversample > 1 {
			m.add("oversample_ratio", n.Oversample)
		}
		if n.Declared >= 0 {
			m.add("declared_delay", n.Declared)
		}
		if n.NoAdjoint {
			m.add("supports_v2", false)
		}
		if n.Sum {
			m.add("gather", "sum")
		}
		nodes = append(nodes, m.String())
	}
	for _, e := range s.Edges {
		m := members{}
		m.add("source", e.Source)
		if e.Param != "" {
			m.add("target", e.Target+"."+e.Param)
			m.add("scale", e.Scale)
			if e.Multiply {
				m.add("mode", "multiply")
			}
		} else {
			m.add("target", e.Target+"."+e.Port)
		}
		if e.Delay > 0 {
			m.add("delay_frames", e.Delay)
		}
		if len(e.Gates) > 0 {
			m.add("synchrony_gates", e.Gates)
		}
		if e.Channel >= 0 {
			m.add("channel", e.Channel)
		}
		edges = append(edges, m.String())
	}
	list := func(lines []string) string { return "[\n    " + strings.Join(lines, ",\n    ") + "\n  ]" }
	return []byte(fmt.Sprintf("{\n  \"descriptor_version\": 2,\n  \"sample_rate\": %g,\n  \"nodes\": %s,\n  \"edges\": %s,\n  \"output\": %q\n}\n",
		s.Rate, list(nodes), list(edges), s.Output))
}

// String is the graph file with what else the run is made of.
func (s *Spec) String() string {
	return fmt.Sprintf("%d frames, %d batches, %d input channels\n%s", s.Frames, s.Batches, len(s.Input), s.JSON())
}

type members []string

func (m *members) add(key string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // numbers and names always encode
	}
	*m = append(*m, fmt.Sprintf("%q: %s", key, text))
}

func (m members) String() string { return "{" + strings.Join(m, ", ") + "}" }

func sorted(m map[string][]float64) []string { return slices.Sorted(maps.Keys(m)) }

// Shrink returns the smallest graph it finds that still fails: without edges,
// nodes, oversampling, gates, delays and frames that do not matter.
func Shrink(s *Spec, fails func(*Spec) bool) *Spec {
	for progress := true; progress; {
		progress = false
		for _, smaller := range s.smaller() {
			if fails(smaller) {
				s, progress = smaller, true
				break
			}
		}
	}
	return s
}

// smaller lists graphs with one thing less.
func (s *Spec) smaller() []*Spec {
	var out []*Spec
	try := func(change func(c *Spec)) {
		c := s.clone()
		change(c)
		if _, err := c.channels(); err == nil {
			out = append(out, c)
		}
	}
	for i := range s.Edges {
		try(func(c *Spec) { c.Edges = append(c.Edges[:i], c.Edges[i+1:]...) })
	}
	for i, n := range s.Nodes {
		if n.Name != s.Output && !s.used(n.Name) {
			try(func(c *Spec) { c.Nodes = append(c.Nodes[:i], c.Nodes[i+1:]...) })
		}
		if n.Oversample > 1 {
			try(func(c *Spec) { c.Nodes[i].Oversample, c.Nodes[i].Declared = 1, -1 })
		}
		if n.Declared >= 0 {
			try(func(c *Spec) { c.Nodes[i].Declared = -1 })
		}
		if n.Sum {
			try(func(c *Spec) { c.Nodes[i].Sum = false })
		}
		for name := range n.Params {
			if name == "time_ms" {
				continue // the evaluator knows two frames and more
			}
			try(func(c *Spec) { delete(c.Nodes[i].Params, name) })
		}
	}
	for i, e := range s.Edges {
		if e.Delay > 1 {
			try(func(c *Spec) { c.Edges[i].Delay = 1 })
		}
		if len(e.Gates) > 0 {
			try(func(c *Spec) { c.Edges[i].Gates = nil })
		}
		if e.Param == "" && e.Target == s.Output && e.Source != s.Output {
			try(func(c *Spec) { c.drop(s.Output); c.Output = e.Source })
		}
	}
	if s.Batches > 1 {
		try(func(c *Spec) {
			c.Batches = 1
			for _, n := range c.Nodes {
				for name, v := range n.Params {
					n.Params[name] = v[:1]
				}
			}
		})
	}
	if s.Frames > 1 {
		try(func(c *Spec) { c.cut(s.Frames / 2) })
		try(func(c *Spec) { c.cut(s.Frames - 1) })
	}
	return out
}

func (s *Spec) cut(frames int) {
	s.Frames = frames
	for i := range s.Input {
		s.Input[i] = s.Input[i][:min(frames, len(s.Input[i]))]
	}
}

// drop removes a node with its edges.
func (s *Spec) drop(name string) {
	s.Nodes = slices.DeleteFunc(s.Nodes, func(n *Node) bool { return n.Name == name })
	s.Edges = slices.DeleteFunc(s.Edges, func(e *Edge) bool { return e.Source == name || e.Target == name })
}

func (s *Spec) used(name string) bool {
	return slices.ContainsFunc(s.Edges, func(e *Edge) bool { return e.Source == name || e.Target == name })
}

func (s *Spec) clone() *Spec {
	c := *s
	c.Input, c.Nodes, c.Edges = slices.Clone(s.Input), nil, nil
	for _, n := range s.Nodes {
		m := *n
		m.Params = maps.Clone(n.Params)
		c.Nodes = append(c.Nodes, &m)
	}
	for _, e := range s.Edges {
		f := *e
		c.Edges = append(c.Edges, &f)
	}
	return &c
}

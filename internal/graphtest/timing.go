package graphtest

import (
	"errors"
	"slices"

	"ampfit/internal/resample"
)

// ErrSeries says that edges in series share a gate, so they cannot cross
// together.
var ErrSeries = errors.New("edges in series share a gate")

// timing is what the rules of time give: read offsets and latencies of edges.
type timing struct {
	measured map[*Node]int
	r, l     map[*Edge]int
}

// Measured returns the delay of a node's own in graph frames: of its kernel,
// and of the filters around an oversampled node.
func (s *Spec) Measured(n *Node) int {
	d := s.kernelDelay(n)
	if n.Oversample == 1 {
		return d
	}
	d = (d + n.Oversample - 1) / n.Oversample
	filters := 1
	if s.fed(n) {
		filters = 2
	}
	return d + filters*resample.Standard.Delay()
}

func (s *Spec) kernelDelay(n *Node) int {
	if n.Type == "LookaheadNode" {
		return n.Config["frames"].(int)
	}
	return 0
}

// fed reports whether an edge leads to the node.
func (s *Spec) fed(n *Node) bool {
	return slices.ContainsFunc(s.Edges, func(e *Edge) bool { return e.Target == n.Name })
}

// timing pads the gates by repetition: with the padding so far, A is the
// longest path to each component, and every gate pads its edges to the latest;
// that settles after as many turns as gates follow one another.
func (s *Spec) timing() (*timing, error) {
	t := &timing{map[*Node]int{}, map[*Edge]int{}, map[*Edge]int{}}
	reach := s.reach()
	together := func(a, b string) bool { return reach[a][b] && reach[b][a] || a == b && reach[a][a] }
	base := map[*Edge]int{}
	for _, e := range s.Edges {
		n := s.Node(e.Source)
		t.measured[n] = s.Measured(n)
		base[e] = e.Delay + max(0, n.Declared-t.measured[n])
	}
	group := s.gateGroups()
	if s.series(group, reach, together) {
		return nil, ErrSeries
	}
	pad := map[*Edge]int{}
	for {
		arrival := map[string]int{}
		for range s.Nodes { // Bellman–Ford, over edges between components
			for _, e := range s.Edges {
				a := arrival[e.Source] + base[e] + pad[e] + t.measured[s.Node(e.Source)]
				for _, n := range s.Nodes {
					inside := n.Name == e.Target || together(n.Name, e.Target)
					if inside && !together(e.Source, e.Target) {
						arrival[n.Name] = max(arrival[n.Name], a)
					}
				}
			}
		}
		settled := true
		for _, e := range s.Edges {
			if group[e] == 0 {
				continue
			}
			// Inside a component each one aligns the L of its own edges.
			at := func(f *Edge) int { return arrival[f.Source] + base[f] + t.measured[s.Node(f.Source)] }
			same := func(f *Edge) bool { return !together(f.Source, f.Target) }
			if together(e.Source, e.Target) {
				at = func(f *Edge) int { return base[f] + t.measured[s.Node(f.Source)] }
				same = func(f *Edge) bool { return together(f.Source, f.Target) && together(f.Source, e.Source) }
			}
			latest := 0
			for _, f := range s.Edges {
				if group[f] == group[e] && same(f) {
					latest = max(latest, at(f))
				}
			}
			if p := latest - at(e); p != pad[e] {
				pad[e], settled = p, false
			}
		}
		if settled {
			break
		}
	}
	for _, e := range s.Edges {
		t.r[e] = base[e] + pad[e]
		t.l[e] = t.r[e] + t.measured[s.Node(e.Source)]
	}
	return t, nil
}

// reach tells which nodes a node feeds, directly or through others.
func (s *Spec) reach() map[string]map[string]bool {
	reach := map[string]map[string]bool{}
	for _, n := range s.Nodes {
		reach[n.Name] = map[string]bool{}
	}
	for _, e := range s.Edges {
		reach[e.Source][e.Target] = true
	}
	for _, k := range s.Nodes { // Floyd–Warshall
		for _, i := range s.Nodes {
			for _, j := range s.Nodes {
				if reach[i.Name][k.Name] && reach[k.Name][j.Name] {
					reach[i.Name][j.Name] = true
				}
			}
		}
	}
	return reach
}

// gateGroups numbers the gates of edges from 1; gates that share an edge are
// one.
func (s *Spec) gateGroups() map[*Edge]int {
	group := map[*Edge]int{}
	next := 1
	for _, e := range s.Edges {
		if len(e.Gates) > 0 {
			group[e] = next
			next++
		}
	}
	for changed := true; changed; {
		changed = false
		for e, a := range group {
			for f, b := range group {
				if a < b && share(e.Gates, f.Gates) {
					group[f], changed = a, true
				}
			}
		}
	}
	return group
}

func share(a, b []int) bool {
	return slices.ContainsFunc(a, func(x int) bool { return slices.Contains(b, x) })
}

// series reports whether a gate waits for itself: an edge of it comes before
// another one, directly or through the edges of other gates.
func (s *Spec) series(group map[*Edge]int, reach map[string]map[string]bool, together func(a, b string) bool) bool {
	waits := map[[2]int]bool{} // [gate, gate it waits for]
	for _, e := range s.Edges {
		for _, f := range s.Edges {
			if group[e] == 0 || group[f] == 0 || together(e.Source, e.Target) || together(f.Source, f.Target) {
				continue
			}
			if f.Target == e.Source || reach[f.Target][e.Source] {
				waits[[2]int{group[e], group[f]}] = true
			}
		}
	}
	n := len(s.Edges) + 1
	for k := range n {
		for i := range n {
			for j := range n {
				if waits[[2]int{i, k}] && waits[[2]int{k, j}] {
					waits[[2]int{i, j}] = true
				}
			}
		}
	}
	for i := range n {
		if waits[[2]int{i, i}] {
			return true
		}
	}
	return false
}

// Latency is the largest sum of measured delays over the paths to the output,
// and whether it is defined: loops have no longest path.
func (s *Spec) Latency() (int, bool) {
	reach := s.reach()
	if slices.ContainsFunc(s.Nodes, func(n *Node) bool { return reach[n.Name][n.Name] }) {
		return 0, false
	}
	var late func(name string) int
	late = func(name string) int {
		most := 0
		for _, e := range s.Edges {
			if e.Target == name {
				most = max(most, late(e.Source))
			}
		}
		return most + s.Measured(s.Node(name))
	}
	return late(s.Output), true
}

package graph

import (
	"container/heap"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// latencies computes read offsets, gate padding and the padding of declared
// delays, on the level of the file's nodes.
func (p *Plan) latencies() {
	for _, u := range p.Units {
		measured := p.measured(u)
		if d := u.Node.Declared; d >= 0 && d < measured {
			at := u.Node.value.Get("declared_delay")
			p.add(at, u.Node.path+".declared_delay", "%s needs %d frames of its own%s, more than the %d declared; declare at least %d or leave the key out",
				u.Name, measured, p.measuredText(u), d, measured)
		}
		for _, out := range u.Out {
			out.Measured = measured
			for _, l := range out.Readers {
				l.R = l.Edge.Delay + max(0, u.Node.Declared-measured)
				l.L = l.R + measured
			}
		}
	}
	if len(p.faults) > 0 {
		return
	}
	components := tarjan(len(p.Units), p.successors(nil))
	p.gates(components)
	p.deadLoops(components)
}

// measured is the delay of a node's own, in graph frames.
func (p *Plan) measured(u *Unit) int {
	r := u.Node.Oversample
	if r == 1 {
		return u.Setup.Delay
	}
	d := (u.Setup.Delay + r - 1) / r
	if u.connected() || p.modulated(u) {
		d += p.quality.Delay()
	}
	return d + p.quality.Delay()
}

func (p *Plan) modulated(u *Unit) bool {
	for _, q := range u.Params {
		if len(q.Mods) > 0 {
			return true
		}
	}
	return false
}

func (p *Plan) measuredText(u *Unit) string {
	if u.Node.Oversample > 1 {
		return fmt.Sprintf(" (%d for its kernel, the rest for the filters of %d times oversampling)", u.Setup.Delay/u.Node.Oversample, u.Node.Oversample)
	}
	return ""
}

// successors lists the units each unit feeds, over the links that keep accepts.
func (p *Plan) successors(keep func(*Link) bool) [][]int {
	next := make([][]int, len(p.Units))
	for _, l := range p.Links {
		if keep == nil || keep(l) {
			from := l.From.Unit.Index
			next[from] = append(next[from], l.To().Index)
		}
	}
	return next
}

// gates pads the links of each synchrony gate to the latest of them. Gates
// that share a link are one gate.
func (p *Plan) gates(components [][]int) {
	of := make([]int, len(p.Units))
	for c, units := range components {
		for _, u := range units {
			of[u] = c
		}
	}
	group := gateGroups(p.Links)
	inside := map[[2]int][]*Link{} // gate, component
	outside := map[int][]*Link{}
	entering, leaving := make([][]*Link, len(components)), make([][]*Link, len(components))
	for _, l := range p.Links {
		g, gated := group[l]
		c, to := of[l.From.Unit.Index], of[l.To().Index]
		if c != to {
			entering[to], leaving[c] = append(entering[to], l), append(leaving[c], l)
		}
		if !gated {
			continue
		}
		if c == to {
			inside[[2]int{g, c}] = append(inside[[2]int{g, c}], l)
		} else {
			outside[g] = append(outside[g], l)
		}
	}
	for _, links := range inside { // each aligns the L of its own links
		align(links, func(l *Link) int { return l.L })
	}

	// A of a component is known when all links that enter it are final; a
	// gated link is final when the sources of its whole gate are known. The
	// components stand in topological order from the last to the first, so a
	// pass backward goes as far as the next gate.
	arrival := make([]int, len(components))
	known := make([]bool, len(components))
	final := map[*Link]bool{}
	for progress := true; progress; {
		progress = false
		for c := range slices.Backward(components) {
			if known[c] || slices.ContainsFunc(entering[c], func(l *Link) bool { return !final[l] }) {
				continue
			}
			for _, l := range entering[c] {
				arrival[c] = max(arrival[c], arrival[of[l.From.Unit.Index]]+l.L)
			}
			for _, l := range leaving[c] {
				if _, gated := group[l]; !gated {
					final[l] = true
				}
			}
			known[c], progress = true, true
		}
		for _, links := range outside {
			if final[links[0]] || !sourcesKnown(links, known, of) {
				continue
			}
			align(links, func(l *Link) int { return arrival[of[l.From.Unit.Index]] + l.L })
			for _, l := range links {
				final[l] = true
			}
			progress = true
		}
	}
	for c := range components {
		if known[c] {
			continue
		}
		for _, l := range p.Links {
			if _, gated := group[l]; gated && of[l.To().Index] == c && !final[l] {
				p.add(l.Edge.value, l.Edge.path, "the synchrony gate of this edge also holds an edge further up or down the same path; edges in series cannot cross together, so give them different gates")
				return
			}
		}
	}
}

func sourcesKnown(links []*Link, known []bool, of []int) bool {
	for _, l := range links {
		if !known[of[l.From.Unit.Index]] {
			return false
		}
	}
	return true
}

// align pads links to the latest of them.
func align(links []*Link, at func(*Link) int) {
	latest := 0
	for _, l := range links {
		latest = max(latest, at(l))
	}
	for _, l := range links {
		pad := latest - at(l)
		l.Padding += pad
		l.R += pad
		l.L += pad
	}
}

// gateGroups maps each gated link to its gate, joining gates that share links.
func gateGroups(links []*Link) map[*Link]int {
	parent := map[int]int{}
	var root func(int) int
	root = func(g int) int {
		if up, ok := parent[g]; ok && up != g {
			return root(up)
		}
		return g
	}
	for _, l := range links {
		for _, g := range l.Edge.Gates {
			parent[root(g)] = root(l.Edge.Gates[0])
		}
	}
	group := map[*Link]int{}
	for _, l := range links {
		if len(l.Edge.Gates) > 0 {
			group[l] = root(l.Edge.Gates[0])
		}
	}
	return group
}

// deadLoops reports cycles whose links all have R = 0.
func (p *Plan) deadLoops(components [][]int) {
	instant := p.successors(func(l *Link) bool { return l.R == 0 })
	for _, loop := range tarjan(len(p.Units), instant) {
		path := cycleIn(loop, instant)
		if path == nil {
			continue
		}
		var names []string
		for _, u := range append(path, path[0]) {
			names = append(names, p.Units[u].Name)
		}
		var at *Link
		for _, l := range p.Links {
			if l.R == 0 && l.From.Unit.Index == path[len(path)-1] && l.To().Index == path[0] {
				at = l
			}
		}
		p.add(at.Edge.value, at.Edge.path, `%s has no latency, so frame n would need itself; give one edge "delay_frames": 1 or more`, strings.Join(names, " → "))
	}
}

// cycleIn returns a cycle within a strongly connected part, nil when there is
// none; it starts at the lowest unit.
func cycleIn(part []int, next [][]int) []int {
	inPart := map[int]bool{}
	start := part[0]
	for _, u := range part {
		inPart[u] = true
		start = min(start, u)
	}
	// Breadth first back to the start: the shortest cycle through it.
	from := map[int]int{}
	queue := []int{start}
	for len(queue) > 0 {
		u := queue[0]
		queue = queue[1:]
		for _, v := range next[u] {
			if v == start {
				path := []int{u}
				for u != start {
					u = from[u]
					path = append(path, u)
				}
				for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
					path[i], path[j] = path[j], path[i]
				}
				return path
			}
			if _, seen := from[v]; !seen && inPart[v] {
				from[v] = u
				queue = append(queue, v)
			}
		}
	}
	return nil
}

// order finds the feedback components of the units, their topological order
// and stages, and how far each may render at a time.
func (p *Plan) order() {
	next := p.successors(nil)
	parts := tarjan(len(p.Units), next)
	of := make([]int, len(p.Units))
	for c, part := range parts {
		for _, u := range part {
			of[u] = c
		}
	}
	waiting, after := make([]int, len(parts)), make([][]int, len(parts)) // links into, parts behind
	for u, succ := range next {
		for _, v := range succ {
			if of[u] != of[v] {
				waiting[of[v]]++
				after[of[u]] = append(after[of[u]], of[v])
			}
		}
	}
	first := make([]int, len(parts))
	ready := &byFirst{first: first}
	for c, part := range parts {
		if first[c] = slices.Min(part); waiting[c] == 0 {
			ready.parts = append(ready.parts, c)
		}
	}
	heap.Init(ready)
	incoming := p.incoming()
	stage := make([]int, len(parts))
	for ready.Len() > 0 {
		pick := heap.Pop(ready).(int)
		comp := &Component{Index: len(p.Components), Stage: stage[pick], Block: p.Block}
		p.fill(comp, parts[pick], next, incoming)
		p.Components = append(p.Components, comp)
		for _, c := range after[pick] {
			stage[c] = max(stage[c], stage[pick]+1)
			if waiting[c]--; waiting[c] == 0 {
				heap.Push(ready, c)
			}
		}
	}
	p.ownLatency(incoming)
}

// byFirst is a heap of parts, the one with the lowest unit on top, so that the
// order follows the file.
type byFirst struct{ parts, first []int }

func (h *byFirst) Len() int           { return len(h.parts) }
func (h *byFirst) Less(i, j int) bool { return h.first[h.parts[i]] < h.first[h.parts[j]] }
func (h *byFirst) Swap(i, j int)      { h.parts[i], h.parts[j] = h.parts[j], h.parts[i] }
func (h *byFirst) Push(c any)         { h.parts = append(h.parts, c.(int)) }
func (h *byFirst) Pop() any {
	last := len(h.parts) - 1
	c := h.parts[last]
	h.parts = h.parts[:last]
	return c
}

// incoming lists the links into each unit, in the order of p.Links.
func (p *Plan) incoming() [][]*Link {
	in := make([][]*Link, len(p.Units))
	for _, l := range p.Links {
		to := l.To().Index
		in[to] = append(in[to], l)
	}
	return in
}

// fill orders the units of a component and finds its block: the largest b such
// that the links with R < b form no cycle.
func (p *Plan) fill(comp *Component, part []int, next [][]int, incoming [][]*Link) {
	self := false
	for _, v := range next[part[0]] {
		self = self || v == part[0]
	}
	comp.Loop = len(part) > 1 || self
	if !comp.Loop {
		u := p.Units[part[0]]
		u.Component, comp.Units = comp, []*Unit{u}
		return
	}
	in := map[int]bool{}
	for _, u := range part {
		in[u] = true
	}
	candidates := []int{p.Block}
	for _, u := range part {
		for _, l := range incoming[u] {
			if in[l.From.Unit.Index] && l.R > 0 && l.R < p.Block {
				candidates = append(candidates, l.R)
			}
		}
	}
	sort.Sort(sort.Reverse(sort.IntSlice(candidates)))
	for _, b := range candidates {
		if order := p.sorted(part, in, b, incoming); order != nil {
			comp.Block = b
			for _, u := range order {
				p.Units[u].Component = comp
				comp.Units = append(comp.Units, p.Units[u])
			}
			return
		}
	}
	panic("graph: a loop without latency was not reported")
}

// sorted returns the units of part in an order that respects its links with
// R < b, nil when these form a cycle.
func (p *Plan) sorted(part []int, in map[int]bool, b int, incoming [][]*Link) []int {
	waits := map[int]int{}
	var links []*Link
	for _, u := range part {
		for _, l := range incoming[u] {
			if in[l.From.Unit.Index] && l.R < b {
				waits[u]++
				links = append(links, l)
			}
		}
	}
	left := append([]int(nil), part...)
	sort.Ints(left)
	var order []int
	for len(left) > 0 {
		found := -1
		for i, u := range left {
			if waits[u] == 0 {
				found = i
				break
			}
		}
		if found < 0 {
			return nil
		}
		u := left[found]
		left = append(left[:found], left[found+1:]...)
		order = append(order, u)
		for _, l := range links {
			if l.From.Unit.Index == u {
				waits[l.To().Index]--
			}
		}
	}
	return order
}

// ownLatency sums measured delays along the longest path to the output; links
// that close a loop are not followed. Which ones do is read off an order that
// holds within one frame, so that it does not depend on the block.
func (p *Plan) ownLatency(incoming [][]*Link) {
	arrival := map[*Node]int{}
	position := map[*Unit]int{}
	var order []*Unit
	for _, c := range p.Components {
		for _, u := range p.frameOrder(c, incoming) {
			position[u] = len(position)
			order = append(order, u)
		}
	}
	for _, u := range order {
		for _, l := range incoming[u.Index] {
			if l.Edge != nil && position[l.From.Unit] < position[u] {
				arrival[u.Node] = max(arrival[u.Node], arrival[l.From.Unit.Node]+l.From.Measured)
			}
		}
	}
	p.Latency = arrival[p.Output.Unit.Node] + p.Output.Measured
}

// frameOrder returns the units of a component in an order that respects its
// links with R = 0.
func (p *Plan) frameOrder(c *Component, incoming [][]*Link) []*Unit {
	if !c.Loop {
		return c.Units
	}
	var part []int
	in := map[int]bool{}
	for _, u := range c.Units {
		part = append(part, u.Index)
		in[u.Index] = true
	}
	var units []*Unit
	for _, u := range p.sorted(part, in, 1, incoming) {
		units = append(units, p.Units[u])
	}
	return units
}

// tarjan returns the strongly connected parts of a graph of n vertices.
func tarjan(n int, next [][]int) [][]int {
	index := make([]int, n) // 0: not visited
	low := make([]int, n)
	onStack := make([]bool, n)
	var stack []int
	var parts [][]int
	count := 0
	type frame struct{ u, edge int }
	for root := range n {
		if index[root] != 0 {
			continue
		}
		calls := []frame{{root, 0}}
		for len(calls) > 0 {
			f := &calls[len(calls)-1]
			u := f.u
			if f.edge == 0 {
				count++
				index[u], low[u] = count, count
				stack = append(stack, u)
				onStack[u] = true
			}
			descended := false
			for f.edge < len(next[u]) {
				v := next[u][f.edge]
				f.edge++
				if index[v] == 0 {
					calls = append(calls, frame{v, 0})
					descended = true
					break
				}
				if onStack[v] {
					low[u] = min(low[u], index[v])
				}
			}
			if descended {
				continue
			}
			if f.edge == 0 || f.edge >= len(next[u]) {
				if low[u] == index[u] {
					var part []int
					for {
						v := stack[len(stack)-1]
						stack = stack[:len(stack)-1]
						onStack[v] = false
						part = append(part, v)
						if v == u {
							break
						}
					}
					parts = append(parts, part)
				}
				calls = calls[:len(calls)-1]
				if len(calls) > 0 {
					up := calls[len(calls)-1].u
					low[up] = min(low[up], low[u])
				}
			}
		}
	}
	return parts
}

package graph

import (
	"container/heap"
	"slices"
	"strings"
)

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
	comp.Loop = len(part) > 1 || slices.Contains(next[part[0]], part[0])
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
	slices.Sort(candidates)
	for _, b := range slices.Backward(candidates) {
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
	left := slices.Sorted(slices.Values(part))
	var order []int
	for len(left) > 0 {
		found := slices.IndexFunc(left, func(u int) bool { return waits[u] == 0 })
		if found < 0 {
			return nil
		}
		u := left[found]
		left = slices.Delete(left, found, found+1)
		order = append(order, u)
		for _, l := range links {
			if l.From.Unit.Index == u {
				waits[l.To().Index]--
			}
		}
	}
	return order
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
				slices.Reverse(path)
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

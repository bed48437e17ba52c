package graph

import "slices"

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
	return !slices.ContainsFunc(links, func(l *Link) bool { return !known[of[l.From.Unit.Index]] })
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

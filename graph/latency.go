package graph

import "fmt"

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
	if u.connected() || !u.Held() {
		d += p.quality.Delay()
	}
	return d + p.quality.Delay()
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

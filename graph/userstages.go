package graph

// userStages takes the stages of components from the schedule in the file, or
// reports the edge that it violates. A stage has three parts: the upsamplers of
// its nodes, the nodes, and their downsamplers.
func (p *Plan) userStages() {
	if p.Graph.IPLS == nil {
		return
	}
	stage := map[*Node]int{}
	for i, names := range p.Graph.IPLS {
		for _, name := range names {
			stage[p.Graph.Node(name)] = i
		}
	}
	at := p.Graph.tree.Get("ipls")
	of := func(u *Unit) int {
		switch {
		case u.Filter == nil:
			return 3*stage[u.Node] + 1
		case u.Filter.Up:
			return 3 * stage[u.Node]
		}
		return 3*stage[u.Node] + 2
	}
	for _, l := range p.Links {
		from, to := l.From.Unit, l.To()
		if l.Edge == nil {
			continue
		}
		switch {
		case from.Component == to.Component && stage[from.Node] != stage[to.Node]:
			p.add(at, "ipls", "%s and %s are parts of one feedback loop, so they must stand in one stage (edges[%d])", from.Node.Name, to.Node.Name, l.Edge.Index)
		case from.Component != to.Component && stage[from.Node] >= stage[to.Node]:
			p.add(at, "ipls", "edges[%d] leads from %s (stage %d) to %s (stage %d); a consumer must stand in a later stage", l.Edge.Index, from.Node.Name, stage[from.Node], to.Node.Name, stage[to.Node])
		}
	}
	if len(p.faults) > 0 {
		return
	}
	used := map[int]bool{}
	for _, c := range p.Components {
		c.Stage = of(c.Units[0])
		if c.Loop {
			for _, u := range c.Units { // the node decides, not a filter inside the loop
				c.Stage = 3*stage[u.Node] + 1
			}
		}
		used[c.Stage] = true
	}
	rank := map[int]int{} // without empty stages
	for s, k := 0, 0; k < len(used); s++ {
		if used[s] {
			rank[s] = k
			k++
		}
	}
	for _, c := range p.Components {
		c.Stage = rank[c.Stage]
	}
}

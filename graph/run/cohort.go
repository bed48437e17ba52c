package run

import (
	"fmt"
	"sort"

	"ampfit/abi"
	"ampfit/graph"
)

// Cohort is a set of units that one kernel call can run side by side: equal
// type, configuration, rate and shape. Units of a feedback loop are cohorts of
// their own.
type Cohort struct {
	execs []*exec             // by stage
	lanes [regions][]abi.Lane // of all units, of each region; made when first asked for
	step  int                 // the last that it took part in
}

// Names lists the units of the cohort.
func (c *Cohort) Names() []string {
	var names []string
	for _, x := range c.execs {
		names = append(names, x.Name)
	}
	return names
}

// Lanes returns the number of lanes of all units.
func (c *Cohort) Lanes() int {
	n := 0
	for _, x := range c.execs {
		n += x.Lanes
	}
	return n
}

// lanesOf are the lanes of a unit in a region.
func (c *Cohort) lanesOf(x *exec, region int) []abi.Lane {
	if c.lanes[region] == nil {
		c.lanes[region] = make([]abi.Lane, c.Lanes())
	}
	return c.lanes[region][x.first : x.first+x.Lanes : x.first+x.Lanes]
}

// key tells which units may share a call.
func key(u *graph.Unit) string {
	if u.Component.Loop || u.Type.External {
		return fmt.Sprint("unit ", u.Index)
	}
	mods := ""
	for _, q := range u.Params {
		mods += fmt.Sprint(q.Name, len(q.Mods) > 0, q.Len, ",")
	}
	in, out := u.PortRows()
	config := fmt.Sprint(u.Node.Config) // maps print sorted by key
	if u.Filter != nil {
		config = fmt.Sprint(u.Filter.Ratio, u.Filter.Extra)
	} else if u.UsesFile() {
		config = fmt.Sprint("node ", u.Index)
	}
	shape := fmt.Sprint(u.Rate, u.Mult, u.NoAdjoint, in, out, u.Setup.State, u.Setup.Internal, u.Setup.Record)
	if u.Type.Kernel != "" && u.Held() {
		return fmt.Sprint("kernel ", u.Type.Kernel, "|", shape)
	}
	return fmt.Sprint(u.Type.Name, "|", config, "|", shape, mods, u.Node.Library, u.Asked)
}

// cohorts groups the units of a plan, in order of their first unit.
func (r *Run) cohorts() {
	byKey := map[string]*Cohort{}
	r.parts = make([][]*exec, len(r.Plan.Components))
	for i, comp := range r.Plan.Components {
		for _, u := range comp.Units {
			r.parts[i] = append(r.parts[i], r.execs[u.Index])
			k := key(u)
			if byKey[k] == nil {
				byKey[k] = &Cohort{}
				r.Cohorts = append(r.Cohorts, byKey[k])
			}
			byKey[k].execs = append(byKey[k].execs, r.execs[u.Index])
		}
	}
	for _, c := range r.Cohorts {
		sort.SliceStable(c.execs, func(i, j int) bool { return c.execs[i].Component.Stage < c.execs[j].Component.Stage })
		n := 0
		for _, x := range c.execs {
			x.cohort, x.first = c, n
			n += x.Lanes
		}
	}
	for _, c := range r.Plan.Components {
		for len(r.stages) <= c.Stage {
			r.stages = append(r.stages, stage{})
		}
		if c.Loop {
			r.stages[c.Stage].loops = append(r.stages[c.Stage].loops, c)
		}
	}
	for _, c := range r.Cohorts {
		for i, x := range c.execs {
			s := x.Component.Stage
			if !x.Component.Loop && (i == 0 || c.execs[i-1].Component.Stage != s) {
				r.stages[s].cohorts = append(r.stages[s].cohorts, c)
			}
		}
	}
}

// stage is what has a block to do when a stage has one.
type stage struct {
	cohorts []*Cohort
	loops   []*graph.Component
}

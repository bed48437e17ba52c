package report

import (
	"math"
	"time"

	"ampfit/internal/plot"
)

// nodeRow is a line of the table of nodes, as text.
type nodeRow struct{ Name, Type, Delay, Heat, Adjoint, Forward, Backward string }

// nodeRows also says whether times were measured.
func nodeRows(nodes []Node) (rows []nodeRow, timed bool) {
	for _, n := range nodes {
		r := nodeRow{Name: n.Name, Type: n.Type, Delay: n.Delay, Heat: "–", Adjoint: "–", Forward: millis(n.Forward), Backward: millis(n.Backward)}
		if finite(n.Heat) {
			r.Heat = number(n.Heat)
		}
		if energy := 0.0; len(n.AdjointEnergy) > 0 {
			for _, e := range n.AdjointEnergy {
				energy += e * n.Every
			}
			r.Adjoint = number(energy)
		}
		timed = timed || n.Forward > 0 || n.Backward > 0
		rows = append(rows, r)
	}
	return rows, timed
}

func millis(d time.Duration) string { return plot.Number(float64(d.Nanoseconds())/1e6, 3) + " ms" }

type overFigure struct {
	id, caption string
	plot.HeatFigure
}

// overTime makes the figures of what the nodes do in the course of the sound.
func overTime(f *Fit) []overFigure {
	if len(f.Nodes) == 0 {
		return nil
	}
	heat := overFigure{"heat-over-time", "Heat so far, at the fitted values.", plot.HeatFigure{Over: &plot.Over{
		Title: "Heat over time", Quantity: "heat", Unit: "J", Fact: "joules since the start, 1.0 taken as 1 V across 1 Ω",
	}}}
	adjoint := overFigure{"adjoint-energy", "Where a line climbs towards the start of the sound, the gradient grows on its way back through a loop; where it falls away, it fades.", plot.HeatFigure{Over: &plot.Over{
		Title: "Adjoint energy", Quantity: "energy of the gradient per second", Fact: "squares of the gradient of the loss by the output of each node, summed per second",
	}}}
	for _, n := range f.Nodes {
		heat.add(n.Name, n.HeatAt, n.Every)
		adjoint.add(n.Name, n.AdjointEnergy, n.Every)
	}
	var all []overFigure
	for _, o := range []overFigure{heat, adjoint} {
		if len(o.Nodes) > 0 && len(o.Heat) > 1 {
			all = append(all, o)
		}
	}
	return all
}

// add gives a node a line, if there is one.
func (o *overFigure) add(name string, values []float64, every float64) {
	if len(values) == 0 {
		return
	}
	o.Over.Every = every
	for len(o.Heat) < len(values) {
		o.Heat = append(o.Heat, nil)
	}
	for i := range o.Heat {
		for len(o.Heat[i]) < len(o.Nodes) {
			o.Heat[i] = append(o.Heat[i], math.NaN())
		}
		v := math.NaN()
		if i < len(values) {
			v = values[i]
		}
		o.Heat[i] = append(o.Heat[i], v)
	}
	o.Nodes = append(o.Nodes, name)
}

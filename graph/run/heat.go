package run

import (
	"ampfit/graph"
	"math"
)

// IntegrateHeat turns the integration of heat on or off for the next run.
func (r *Run) IntegrateHeat(on bool) { r.heat = on }

// integrateHeat adds | ‖x[n−delay]‖² − ‖y[n]‖² | dt to each batch's heat, frame
// by frame, at the kernel's rate.
func (r *Run) integrateHeat(x *Exec, s, frames int) {
	if x.Unit.Type.OwnHeat || x.Unit.Filter != nil {
		return
	}
	dt := 1 / x.Unit.Rate
	perBatch := x.Unit.Lanes / r.Plan.Batches
	for b := range r.Plan.Batches {
		in, out := r.heatRows(x, b, s, frames, false)
		heat := r.Mem.Primal[x.Heat+b*perBatch]
		for n := range frames * x.Unit.Mult {
			e := 0.0
			for _, row := range in {
				e += float64(row[n] * row[n])
			}
			for _, row := range out {
				e -= float64(row[n] * row[n])
			}
			heat += float64(math.Abs(e) * dt)
		}
		r.Mem.Primal[x.Heat+b*perBatch] = heat
	}
}

// heatRows returns the audio rows of a batch that heat compares: inputs as
// they were Delay frames ago, and outputs. The slices are valid until the next
// call.
func (r *Run) heatRows(x *Exec, batch, s, frames int, dual bool) (in, out [][]float64) {
	m := r.Mem.Primal
	if dual {
		m = r.Mem.Dual
	}
	u := x.Unit
	in, out = x.heatIn[:0], x.heatOut[:0]
	if dual {
		in, out = x.heatDualIn[:0], x.heatDualOut[:0]
	}
	for i, port := range u.In {
		for c := range port.Channels {
			row, offset, ok := r.inputRow(x, i, port, batch, c)
			if !ok {
				continue
			}
			at := row.Base
			if dual {
				at = row.Dual
			}
			lo := at + (s-offset)*row.Mult - u.Setup.Delay
			in = append(in, m[lo:lo+frames*row.Mult])
		}
	}
	for i, port := range u.Out {
		for c := range port.Channels {
			row := x.Out[i][batch*port.Channels+c]
			at := row.Base
			if dual {
				at = row.Dual
			}
			lo := at + s*row.Mult
			out = append(out, m[lo:lo+frames*row.Mult])
		}
	}
	if dual {
		x.heatDualIn, x.heatDualOut = in, out
	} else {
		x.heatIn, x.heatOut = in, out
	}
	return in, out
}

// HeatRows is heatRows for the package that walks backward.
func (r *Run) HeatRows(x *Exec, batch, s, frames int, dual bool) (in, out [][]float64) {
	return r.heatRows(x, batch, s, frames, dual)
}

// inputRow returns the row that channel c of an input port reads, with its read
// offset in graph frames; false for an unconnected port.
func (r *Run) inputRow(x *Exec, i int, port *graph.InPort, batch, c int) (row Row, offset int, ok bool) {
	if x.In[i] != nil {
		return x.In[i][batch*port.Channels+c], 0, true
	}
	if len(port.Links) == 0 {
		return Row{}, 0, false
	}
	link, from := port.Source(c)
	index := batch*link.From.Channels + from
	if r.linkDual != nil {
		return r.linkDual[link.Index][index], link.Back, true
	}
	return r.Execs[link.From.Unit.Index].Out[link.From.Index][index], link.Back, true
}

// Heat returns the heat of every node so far in joules, by node and batch.
func (r *Run) Heat() map[string][]float64 {
	heat := map[string][]float64{}
	r.HeatTo(heat)
	return heat
}

// UnitHeat sums the heat cells of a unit for each batch.
func (r *Run) UnitHeat(x *Exec) []float64 {
	sum := make([]float64, r.Plan.Batches)
	r.unitHeat(sum, x)
	return sum
}

package graph

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// clock shares the time since a start among the units of a job, by lanes.
func (r *Run) clock(j *Job, start time.Time, backward bool) {
	spent := time.Since(start)
	lanes := 0
	j.each(r, func(x *Exec, _ Span) { lanes += x.Unit.Lanes })
	j.each(r, func(x *Exec, sp Span) {
		part := spent * time.Duration(x.Unit.Lanes) / time.Duration(lanes)
		if backward {
			x.Backward += part
			return
		}
		x.Forward += part
		second := int(float64(sp.At) / r.Plan.Rate)
		for len(x.HeatAt) <= second {
			x.HeatAt = append(x.HeatAt, 0)
		}
		x.HeatAt[second] = 0
		for lane := range x.Unit.Lanes {
			x.HeatAt[second] += r.Mem.Primal[x.Heat+lane]
		}
	})
}

// Clock is clock for the package that walks backward; it does nothing unless
// the run is profiled.
func (r *Run) Clock(j *Job, start time.Time) {
	if !r.profile {
		return
	}
	r.clock(j, start, true)
	j.each(r, func(x *Exec, sp Span) {
		second := int(float64(sp.At) / r.Plan.Rate)
		for len(x.AdjointEnergy) <= second {
			x.AdjointEnergy = append(x.AdjointEnergy, 0)
		}
		for _, rows := range x.Out {
			for _, row := range rows {
				for _, v := range r.Mem.Dual[row.Dual+sp.S*row.Mult : row.Dual+(sp.S+sp.Frames)*row.Mult] {
					x.AdjointEnergy[second] += v * v
				}
			}
		}
	})
}

// Profiled reports whether times are measured.
func (r *Run) Profiled() bool { return r.profile }

// Profile is a table of time, delay and heat of every node, for a profiled run.
func (r *Run) Profile() string {
	var b strings.Builder
	total := time.Duration(0)
	for _, x := range r.Execs {
		total += x.Forward + x.Backward
	}
	rows := [][]string{{"node", "type", "forward", "backward", "share", "delay", "heat", "adjoint energy per second"}}
	for _, x := range r.Execs {
		heat := 0.0
		for _, h := range r.UnitHeat(x) {
			heat += h
		}
		text := fmt.Sprintf("%.4g J", heat)
		if x.Unit.Filter {
			text = ""
		}
		rows = append(rows, []string{
			x.Unit.Name, x.Unit.Type.Name, fmt.Sprintf("%.2f ms", ms(x.Forward)), fmt.Sprintf("%.2f ms", ms(x.Backward)),
			fmt.Sprintf("%.0f %%", 100*float64(x.Forward+x.Backward)/math.Max(float64(total), 1)), r.Plan.delayText(x.Unit), text, energies(x.AdjointEnergy),
		})
	}
	alignColumns(&b, rows)
	for _, x := range r.Execs {
		if t := x.Unit.Type; t.Residual != "" {
			fmt.Fprintf(&b, "%s: worst residual %.2g %s\n", x.Unit.Name, r.Residual(x.Unit.Name), t.Residual)
		}
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// energies prints the first seconds and the last.
func energies(e []float64) string {
	var parts []string
	for i, v := range e {
		if i < 4 || i == len(e)-1 {
			parts = append(parts, fmt.Sprintf("%.2g", v))
		} else if i == 4 {
			parts = append(parts, "…")
		}
	}
	return strings.Join(parts, " ")
}

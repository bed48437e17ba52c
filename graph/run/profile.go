package run

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
		i := r.interval(sp.At)
		for len(x.HeatAt) <= i {
			so := 0.0 // an interval in which no block begins is as hot as the one before
			if n := len(x.HeatAt); n > 0 {
				so = x.HeatAt[n-1]
			}
			x.HeatAt = append(x.HeatAt, so)
		}
		x.HeatAt[i] = 0
		for lane := range x.Unit.Lanes {
			x.HeatAt[i] += r.Mem.Primal[x.Heat+lane]
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
		i := r.interval(sp.At)
		for len(x.AdjointEnergy) <= i {
			x.AdjointEnergy = append(x.AdjointEnergy, 0)
		}
		for _, rows := range x.Out {
			for _, row := range rows {
				for _, v := range r.Mem.Dual[row.Dual+sp.S*row.Mult : row.Dual+(sp.S+sp.Frames)*row.Mult] {
					x.AdjointEnergy[i] += v * v / r.every
				}
			}
		}
	})
}

// interval is the entry of HeatAt and AdjointEnergy that a frame belongs to.
func (r *Run) interval(frame int64) int { return int(float64(frame) / (r.Plan.Rate * r.every)) }

// Measure profiles the evaluations from now on, with an entry of HeatAt and
// AdjointEnergy for so many seconds.
func (r *Run) Measure(every float64) {
	r.profile, r.every = true, every
	for _, x := range r.Execs {
		x.Forward, x.Backward, x.HeatAt, x.AdjointEnergy = 0, 0, nil, nil
	}
}

// NodeMetrics is what a profiled run knows of a unit.
type NodeMetrics struct {
	Name, Type        string
	Delay             string // measured, in frames, and what it is made of
	Forward, Backward time.Duration
	Heat              float64   // joules
	Every             float64   // seconds between the entries of the following
	HeatAt            []float64 // joules so far
	AdjointEnergy     []float64 // per second, of the gradient by the outputs
}

// Metrics lists the units of a profiled run.
func (r *Run) Metrics() []NodeMetrics {
	var all []NodeMetrics
	for _, x := range r.Execs {
		m := NodeMetrics{
			Name: x.Unit.Name, Type: x.Unit.Type.Name, Delay: r.Plan.DelayText(x.Unit), Forward: x.Forward, Backward: x.Backward,
			Every: r.every, HeatAt: append([]float64(nil), x.HeatAt...), AdjointEnergy: append([]float64(nil), x.AdjointEnergy...),
		}
		for _, h := range r.UnitHeat(x) {
			m.Heat += h
		}
		if x.Unit.Filter != nil {
			m.Heat, m.HeatAt = math.NaN(), nil
		}
		all = append(all, m)
	}
	return all
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
		if x.Unit.Filter != nil {
			text = ""
		}
		rows = append(rows, []string{
			x.Unit.Name, x.Unit.Type.Name, fmt.Sprintf("%.2f ms", ms(x.Forward)), fmt.Sprintf("%.2f ms", ms(x.Backward)),
			fmt.Sprintf("%.0f %%", 100*float64(x.Forward+x.Backward)/math.Max(float64(total), 1)), r.Plan.DelayText(x.Unit), text, energies(x.AdjointEnergy),
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

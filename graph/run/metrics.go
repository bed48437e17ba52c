package run

import (
	"ampfit/internal/text"
	"fmt"
	"math"
	"strings"
	"time"
)

// clock shares the time since a start among the units of a job, by lanes.
func (r *Run) clock(j *Job, start time.Time, back bool) {
	spent := time.Since(start)
	lanes := 0
	j.each(r, func(x *exec, _ *Span) { lanes += x.Lanes })
	j.each(r, func(x *exec, sp *Span) {
		part := spent * time.Duration(x.Lanes) / time.Duration(lanes)
		if back {
			x.backwardTime += part
			return
		}
		x.forwardTime += part
		i := r.interval(sp.At)
		for len(x.heatAt) <= i {
			so := 0.0 // an interval in which no block begins is as hot as the one before
			if n := len(x.heatAt); n > 0 {
				so = x.heatAt[n-1]
			}
			x.heatAt = append(x.heatAt, so)
		}
		x.heatAt[i] = 0
		for _, h := range r.memory[primal].Cells(x.heat) {
			x.heatAt[i] += h
		}
	})
}

// clockBack is clock for the way back; it also sums the energy of the gradients.
func (r *Run) clockBack(j *Job, start time.Time) {
	r.clock(j, start, true)
	j.each(r, func(x *exec, sp *Span) {
		i := r.interval(sp.At)
		for len(x.adjointEnergy) <= i {
			x.adjointEnergy = append(x.adjointEnergy, 0)
		}
		for _, rows := range x.out {
			for _, row := range rows {
				for _, v := range r.memory[dual].Frames(row, sp.S, sp.Frames) {
					x.adjointEnergy[i] += v * v / r.every
				}
			}
		}
	})
}

// interval is the entry of a profile that a frame belongs to.
func (r *Run) interval(frame int64) int { return int(float64(frame) / (r.Plan.Rate * r.every)) }

// ProfileEvery profiles the evaluations from now on, with an entry of HeatAt and
// AdjointEnergy for so many seconds.
func (r *Run) ProfileEvery(seconds float64) {
	r.options.Profile, r.every = true, seconds
	for _, x := range r.execs {
		x.forwardTime, x.backwardTime, x.heatAt, x.adjointEnergy = 0, 0, nil, nil
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
	for _, x := range r.execs {
		m := NodeMetrics{
			Name: x.Name, Type: x.Type.Name, Delay: r.Plan.DelayText(x.Unit), Forward: x.forwardTime, Backward: x.backwardTime,
			Every: r.every, HeatAt: append([]float64(nil), x.heatAt...), AdjointEnergy: append([]float64(nil), x.adjointEnergy...),
		}
		m.Heat = x.allJoules()
		if x.Filter != nil {
			m.Heat, m.HeatAt = math.NaN(), nil
		}
		all = append(all, m)
	}
	return all
}

// Profile is a table of time, delay and heat of every node, for a profiled run.
func (r *Run) Profile() string {
	var b strings.Builder
	total := time.Duration(0)
	for _, x := range r.execs {
		total += x.forwardTime + x.backwardTime
	}
	rows := [][]string{{"node", "type", "forward", "backward", "share", "delay", "heat", "adjoint energy per second"}}
	for _, x := range r.execs {
		heat := fmt.Sprintf("%.4g J", x.allJoules())
		if x.Filter != nil {
			heat = ""
		}
		rows = append(rows, []string{
			x.Name, x.Type.Name, fmt.Sprintf("%.2f ms", ms(x.forwardTime)), fmt.Sprintf("%.2f ms", ms(x.backwardTime)),
			fmt.Sprintf("%.0f %%", 100*float64(x.forwardTime+x.backwardTime)/math.Max(float64(total), 1)), r.Plan.DelayText(x.Unit), heat, energies(x.adjointEnergy),
		})
	}
	text.Columns(&b, rows)
	for _, x := range r.execs {
		if t := x.Type; t.Residual != "" {
			fmt.Fprintf(&b, "%s: worst residual %.2g %s\n", x.Name, r.Residual(x.Name), t.Residual)
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

package run

import (
	"math"

	"ampfit/arena"
)

// heat integrates what a unit exchanges with the signal, frame by frame at the
// kernel's rate, as joules of 1.0 across 1 Ω:
//
//	forward   h  += |e| dt,      e = Σ x[n−delay]² − Σ y[n]²
//	back      x̄  += 2 sgn(e) h̄ x dt,   ȳ −= 2 sgn(e) h̄ y dt
//
// At e = 0 the slope is 0. Types with heat of their own have no such operator.
// Heat does not reach the output, so it has no tangent; a loss with heat in it is
// differentiated a second time by differences.
type heat struct {
	x                  *exec
	in, out, din, dout [][]float64 // rows of a call
}

func (h *heat) forward(sp *Span) {
	x := h.x
	dt := 1 / x.Rate
	batches := x.run.Plan.Batches
	cells := x.run.memory[primal].Cells(x.heat)
	for b := range batches {
		h.in, h.out = h.rows(h.in[:0], h.out[:0], b, sp, primal)
		sum := cells[b*x.perBatch()]
		for n := range sp.Frames * x.Mult {
			sum += float64(math.Abs(h.exchanged(n)) * dt)
		}
		cells[b*x.perBatch()] = sum
	}
}

func (h *heat) back(sp *Span) {
	x := h.x
	batches := x.run.Plan.Batches
	cells := x.run.memory[dual].Cells(x.heat)
	for b := range batches {
		h.in, h.out = h.rows(h.in[:0], h.out[:0], b, sp, primal)
		h.din, h.dout = h.rows(h.din[:0], h.dout[:0], b, sp, dual)
		slope := 2 * cells[b*x.perBatch()] / x.Rate
		for n := range sp.Frames * x.Mult {
			e := h.exchanged(n)
			if e == 0 {
				continue
			}
			g := slope
			if e < 0 {
				g = -slope
			}
			for i, row := range h.in {
				h.din[i][n] += g * row[n]
			}
			for i, row := range h.out {
				h.dout[i][n] -= g * row[n]
			}
		}
	}
}

// exchanged is Σx² − Σy² at a frame of the call.
func (h *heat) exchanged(n int) float64 {
	e := 0.0
	for _, row := range h.in {
		e += float64(row[n] * row[n])
	}
	for _, row := range h.out {
		e -= float64(row[n] * row[n])
	}
	return e
}

// rows appends the audio rows of a batch: inputs as they were the kernel's delay
// ago, and outputs.
func (h *heat) rows(in, out [][]float64, batch int, sp *Span, region int) ([][]float64, [][]float64) {
	x, m := h.x, h.x.run.memory[region]
	for i, port := range x.In {
		for c := range port.Channels {
			if row, back, ok := x.row(i, batch, c); ok {
				in = append(in, m.Early(row, sp.S-back, sp.Frames, x.Setup.Delay))
			}
		}
	}
	for i, port := range x.Out {
		for c := range port.Channels {
			out = append(out, m.Frames(x.out[i][batch*port.Channels+c], sp.S, sp.Frames))
		}
	}
	return in, out
}

// WeighHeat puts the heat of units into the loss: so much for each joule, by the
// name of the node.
func (r *Run) WeighHeat(weights map[string]float64) {
	for _, x := range r.execs {
		x.weight = 0
		if x.Filter == nil {
			x.weight = weights[x.Name]
		}
		x.heated = x.weight != 0 && !x.Setup.OwnHeat
	}
}

// seedHeat gives the heat cells the slope of the loss.
func (r *Run) seedHeat(m *arena.Region) {
	for _, x := range r.execs {
		if x.weight != 0 {
			cells := m.Cells(x.heat)
			for lane := range cells {
				cells[lane] = x.weight
			}
		}
	}
}

// IntegrateHeat turns the integration of heat on or off for the next run.
func (r *Run) IntegrateHeat(on bool) { r.options.Heat = on }

// Heat returns the heat of every node so far in joules, by node and batch.
func (r *Run) Heat() map[string][]float64 {
	heat := map[string][]float64{}
	r.HeatTo(heat)
	return heat
}

// HeatTo is Heat into a map that is used again: it allocates when it is empty.
func (r *Run) HeatTo(heat map[string][]float64) {
	for _, x := range r.execs {
		if x.Filter != nil {
			continue
		}
		if heat[x.Name] == nil {
			heat[x.Name] = make([]float64, r.Plan.Batches)
		}
		for b := range heat[x.Name] {
			heat[x.Name][b] = x.joules(b)
		}
	}
}

// joules is the heat of a batch of a unit.
func (x *exec) joules(batch int) float64 {
	sum := 0.0
	for _, h := range x.run.memory[primal].Cells(x.heat.Part(batch, x.perBatch())) {
		sum += h
	}
	return sum
}

// TotalHeat returns the joules of a node so far, of all batches.
func (r *Run) TotalHeat(node string) float64 { return r.execs[r.Plan.Unit(node).Index].allJoules() }

func (x *exec) allJoules() float64 {
	sum := 0.0
	for b := range x.run.Plan.Batches {
		sum += x.joules(b)
	}
	return sum
}

// SetHeat sets the joules of a node so far, in every batch.
func (r *Run) SetHeat(node string, joules float64) {
	x := r.execs[r.Plan.Unit(node).Index]
	cells := r.memory[primal].Cells(x.heat)
	clear(cells)
	for b := range r.Plan.Batches {
		cells[b*x.perBatch()] = joules
	}
}

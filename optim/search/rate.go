package search

import (
	"fmt"
	"math"

	"ampfit/abi"
	"ampfit/internal/resample"
)

// coarser is the same fit at a rate so many times lower: the loss of what the
// lower frequencies of the signals say. A waveform leads towards a delay from
// within about half a period, so the minima of the low frequencies are wider,
// and each evaluation costs less. Only starts come from it, as kernels differ a
// little between rates.
func (f *fit) coarser(ratio int) (*GraphObjective, error) {
	o := f.options
	rate := f.model.Plan.Rate
	if ratio > 1 {
		if len(o.Target[0])/ratio < shortest {
			return nil, fmt.Errorf("optim: %d frames are too few for a rate %d times lower", len(o.Target[0]), ratio)
		}
		o.Target, o.Input = decimate(o.Target, ratio), decimate(o.Input, ratio)
	}
	o.Rate = rate / float64(ratio)
	o.Ready, o.Progress, o.Profile, o.Block = nil, nil, false, 0
	g := *f.graph
	g.Rate = o.Rate
	c, err := newFit(&g, o)
	if err != nil {
		return nil, err
	}
	if c.objective.Dim() != f.objective.Dim() {
		return nil, fmt.Errorf("optim: the graph learns other parameters at %g Hz", o.Rate)
	}
	c.objective.tick = func() { f.objective.count(0) }
	return c.objective, nil
}

// shortest is the least number of frames that says anything of a movement.
const shortest = 512

// decimate lowers the rate of rows without delay.
func decimate(rows [][]float64, ratio int) [][]float64 {
	taps := resample.Design(ratio, resample.LowLatency)
	half := len(taps) / 2
	var out [][]float64
	for _, row := range rows {
		low := make([]float64, (len(row)+ratio-1)/ratio)
		for n := range low {
			first := n*ratio - half
			for i := max(0, -first); i < len(taps) && first+i < len(row); i++ {
				low[n] += taps[i] * row[first+i]
			}
		}
		out = append(out, low)
	}
	return out
}

// carry takes a point of o to the coordinates of another objective for the same
// parameters, whose ranges may differ.
func (o *GraphObjective) carry(to *GraphObjective, x []float64) []float64 {
	out := make([]float64, len(x))
	for i := range x {
		value, _ := o.Variables[i].Value(x[i])
		v := &to.Variables[i]
		if v.Scale != abi.Periodic {
			value = math.Min(math.Max(value, v.Lo), v.Hi)
		}
		out[i] = v.Unbounded(value)
	}
	return out
}

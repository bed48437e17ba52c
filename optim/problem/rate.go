package problem

import (
	"fmt"

	"ampfit/internal/resample"
)

// AtRate is the same problem at a rate so many times lower, made once: the loss of
// what the lower frequencies of the signals say. A waveform leads towards a delay
// from within about half a period, so the minima of the low frequencies are
// wider, and each evaluation costs less. Only starts come from it, as kernels
// differ a little between rates. Its evaluations do not count towards the budget,
// at a ratio of 1 either.
func (o *Problem) AtRate(ratio int) (*Problem, error) {
	if p := o.rates[ratio]; p != nil {
		return p, nil
	}
	low := o.With(o.Loss)
	if ratio > 1 {
		if o.Frames()/ratio < shortest {
			return nil, fmt.Errorf("optim: %d frames are too few for a rate %d times lower", o.Frames(), ratio)
		}
		other := o.options
		other.Target, other.Run.Input = decimate(other.Target, ratio), decimate(other.Run.Input, ratio)
		other.Skip /= ratio
		other.Run.Profile, other.Run.Block = false, 0
		g := *o.graph
		g.Rate = o.Model.Plan.Rate / float64(ratio)
		other.Run.Rate = g.Rate
		var err error
		if low, err = New(&g, other); err != nil {
			return nil, err
		}
		if low.Dim() != o.Dim() {
			return nil, fmt.Errorf("optim: the graph learns other parameters at %g Hz", g.Rate)
		}
	}
	low.Ratio, low.Meter = ratio, &Meter{above: o.Meter}
	low.Until(o.Ended)
	o.rates[ratio] = low
	return low, nil
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

// Carry takes a point of o to the coordinates of another problem of the same
// parameters, whose ranges may differ.
func (o *Problem) Carry(to *Problem, x []float64) []float64 {
	out := make([]float64, len(x))
	for i, value := range o.Values(x) {
		out[i] = to.Variables[i].Unbounded(value)
	}
	return out
}

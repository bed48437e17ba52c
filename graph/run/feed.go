package run

import (
	"ampfit/arena"
	"ampfit/internal/vec"
)

// feed plays the dry input: the runtime fills the rows of external units. Back, it
// has nothing to add to; a segment's gradient by the input is taken at its end.
type feed struct{ x *exec }

func (f *feed) forward(sp *Span) {
	r := f.x.run
	lanes := f.x.values.lanes
	for i := range lanes {
		for c, y := range lanes[i].Out {
			if r.Feed != nil {
				r.Feed(f.x.Unit, lanes[i].Batch, lanes[i].Channel+c, sp.At, y)
				continue
			}
			play(y, r.Input, lanes[i].Channel+c, sp.At)
		}
	}
}

func (f *feed) forwardAlong(sp *Span) {
	r := f.x.run
	f.eachRow(func(channel int, row arena.Row) {
		play(r.memory[tangent].Frames(row, sp.S, sp.Frames), r.along.input, channel, sp.At)
	})
}

// play copies what a channel of an input has from an absolute frame on; the last
// channel stands for those that it has not. Silence follows its end.
func play(y []float64, input [][]float64, channel int, at int64) {
	n := 0
	if len(input) > 0 {
		in := input[min(channel, len(input)-1)]
		if at < int64(len(in)) {
			n = copy(y, in[at:])
		}
	}
	clear(y[n:])
}

// eachRow calls do with the channels of an external unit, batch by batch.
func (f *feed) eachRow(do func(channel int, row arena.Row)) {
	per := len(f.x.out[0]) / f.x.run.Plan.Batches
	for j, row := range f.x.out[0] {
		do(j%per, row)
	}
}

// AddInputGrad adds the gradient by the dry input over the segment that was walked
// back last, unit by unit, so that sums have one order.
func (r *Run) AddInputGrad(grad [][]float64) {
	if len(grad) == 0 {
		return
	}
	for _, x := range r.execs {
		if x.feed == nil {
			continue
		}
		x.feed.eachRow(func(channel int, row arena.Row) {
			dst := grad[min(channel, len(grad)-1)]
			if n := min(r.end, int64(len(dst))) - r.start; n > 0 {
				vec.Add(dst[r.start:r.start+n], r.memory[dual].Frames(row, 0, int(n)))
			}
		})
	}
}

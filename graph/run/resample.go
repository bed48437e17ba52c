package run

import (
	"sync"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/resample"
	"ampfit/internal/vec"
)

// ratio is the data of a resampling unit.
type ratio struct {
	r        int
	taps     []float64   // at the higher rate
	phases   [][]float64 // of the upsampler, each reversed: oldest frame first
	reversed [][]float64 // the phases once more, newest first
	split    [][]float64 // phase p of the downsampler is taps p, p+r, …, newest first
}

var designs sync.Map // ratio and quality → taps

type design struct {
	ratio   int
	quality resample.Quality
}

func newRatio(r int, q resample.Quality) *ratio {
	taps, ok := designs.Load(design{r, q})
	if !ok {
		taps, _ = designs.LoadOrStore(design{r, q}, resample.Design(r, q))
	}
	d := &ratio{r: r, taps: taps.([]float64)}
	depth := 2*q.Delay() + 1
	d.phases, d.reversed, d.split = make([][]float64, r), make([][]float64, r), make([][]float64, r)
	for j := range d.phases {
		d.phases[j], d.reversed[j] = make([]float64, depth), make([]float64, depth)
		for k := range depth {
			if i := k*r + j; i < len(d.taps) {
				d.reversed[j][k] = float64(r) * d.taps[i]
				d.phases[j][depth-1-k] = float64(r) * d.taps[i]
			}
		}
		for i := j; i < len(d.taps); i += r {
			d.split[j] = append([]float64{d.taps[i]}, d.split[j]...)
		}
	}
	return d
}

// upsampler is y[n·r+j] = r Σ_k h[k·r+j] x[n−k].
var upsampler = &abi.NodeType{
	Forward: upForward, Backward: upBackward, Tangent: upTangent, Second: abi.LinearSecond(upBackward),
}

// downsampler is y[n] = Σ_i h[i] x[n·r−extra−i].
var downsampler = &abi.NodeType{
	Forward: downForward, Backward: downBackward, Tangent: downTangent, Second: abi.LinearSecond(downBackward),
}

func upForward(b *abi.Block)      { up(b, b) }
func upTangent(b, t *abi.Block)   { up(b, t) }
func downForward(b *abi.Block)    { down(b, b) }
func downTangent(b, t *abi.Block) { down(b, t) }

// piece is how many graph frames the filters take at a time.
const piece = 512

// filterKernels returns the kernels of a resampling unit, their data and the
// float64 of scratch space that a lane needs.
func filterKernels(f *graph.Filter) (t *abi.NodeType, data any, scratch int) {
	d := newRatio(f.Ratio, f.Quality)
	if f.Up {
		return upsampler, d, d.scratch()
	}
	return downsampler, d, d.scratch()
}

// scratch holds one phase of a piece with the silence on both sides of it, and
// what a filter makes of that.
func (d *ratio) scratch() int { return 2*piece + 4*len(d.phases[0]) }

// few is the number of frames below which the transposed filters add their taps
// frame by frame: filtering a phase costs as much as its silence.
const few = 24

func up(b, io *abi.Block) {
	d := b.Data.(*ratio)
	depth := len(d.phases[0])
	for lane := range io.Lanes {
		x, y, phase := io.InPast(0, 0, lane), io.Out(0, lane), b.Scratch(lane)
		for frames := len(y) / d.r; frames > 0; {
			n := min(frames, piece)
			for j, h := range d.phases {
				part := phase[:n]
				clear(part)
				vec.FIR(part, x[:n+depth-1], h)
				for i, v := range part {
					y[i*d.r+j] = v
				}
			}
			x, y, frames = x[n:], y[n*d.r:], frames-n
		}
	}
}

func upBackward(b, d *abi.Block) {
	r := b.Data.(*ratio)
	depth := len(r.phases[0])
	for lane := range b.Lanes {
		dx, dy := d.InPast(0, 0, lane), d.Out(0, lane)
		frames := len(dy) / r.r
		if frames < few {
			for n := range frames {
				for j, h := range r.phases {
					vec.AddScaled(dx[n:n+depth], dy[n*r.r+j], h)
				}
			}
			continue
		}
		for at := 0; at < frames; at += piece {
			n := min(frames-at, piece)
			phase := silenced(b.Scratch(lane), n, depth)
			for j, h := range r.reversed {
				for i := range n {
					phase[depth-1+i] = dy[(at+i)*r.r+j]
				}
				vec.FIR(dx[at:at+n+depth-1], phase, h)
			}
		}
	}
}

// silenced returns n frames of scratch with depth − 1 of silence on each side.
func silenced(scratch []float64, n, depth int) []float64 {
	phase := scratch[:n+2*(depth-1)]
	clear(phase[:depth-1])
	clear(phase[depth-1+n:])
	return phase
}

// The taps are symmetric, so the window needs no reversal.
func down(b, io *abi.Block) {
	d := b.Data.(*ratio)
	for lane := range io.Lanes {
		x, y := io.InPast(0, 0, lane), io.Out(0, lane)
		for n := range y {
			y[n] = vec.Dot(d.taps, x[n*d.r:])
		}
	}
}

func downBackward(b, d *abi.Block) {
	r := b.Data.(*ratio)
	for lane := range b.Lanes {
		dx, dy := d.InPast(0, 0, lane), d.Out(0, lane)
		if len(dy) < few {
			for n, g := range dy {
				vec.AddScaled(dx[n*r.r:n*r.r+len(r.taps)], g, r.taps)
			}
			continue
		}
		for at := 0; at < len(dy); at += piece {
			n, depth := min(len(dy)-at, piece), len(r.split[0])
			dy := silenced(b.Scratch(lane), n, depth)
			copy(dy[depth-1:], d.Out(0, lane)[at:at+n])
			for j, h := range r.split {
				late := depth - len(h) // phases but the first have a tap less
				part := b.Scratch(lane)[len(dy):][:n+len(h)-1]
				clear(part)
				vec.FIR(part, dy[late:late+n+2*(len(h)-1)], h)
				for i, v := range part {
					dx[(at+i)*r.r+j] += v
				}
			}
		}
	}
}

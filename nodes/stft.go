package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/fft"
)

// stftKeys are the sizes of a short-time transform.
var stftKeys = []abi.Key{
	{Name: "window", Kind: abi.Int, Default: 1024.0, Min: 4, Max: 65536, Doc: "Frames of a window; powers of two are fast."},
	{Name: "hop", Kind: abi.Int, Default: 256.0, Min: 1, Max: 32768, Doc: "Frames from a window to the next; it divides window, and is at most half of it."},
}

// stft is a short-time transform: windows of n frames at absolute multiples of
// hop.
type stft struct {
	n, hop, bins int
	plan         *fft.Plan
	window       []float64 // of analysis and synthesis
}

// newSTFT reads the sizes from the configuration and declares the delay.
func newSTFT(s *abi.Setup, window, hop string) (*stft, error) {
	n, h := s.Config.Int(window), s.Config.Int(hop)
	if h < 1 || n%h != 0 || n/h < 2 {
		return nil, abi.Errorf("config."+hop, "a hop of %d frames does not divide a window of %d frames into two parts or more", h, n)
	}
	t := &stft{n: n, hop: h, bins: n/2 + 1, plan: fft.NewPlan(n), window: make([]float64, n)}
	for i := range t.window { // Σ v² over the windows of a frame is 1
		t.window[i] = math.Sin(math.Pi*(float64(i)+0.5)/float64(n)) * math.Sqrt(2*float64(h)/float64(n))
	}
	s.Delay = n
	return t, nil
}

// rows are the histories of the input row and of the tails of so many signals.
func (t *stft) rows(signals int) []int {
	rows := []int{t.n}
	for range signals * t.n / t.hop {
		rows = append(rows, t.n)
	}
	return rows
}

// turn returns which tail the window at an absolute frame writes.
func (t *stft) turn(frame int64) int { return int(frame / int64(t.hop) % int64(t.n/t.hop)) }

// open fills the newest frames of the input row, and clears those of the tails.
func (t *stft) open(b *abi.Block, lane int, x []float64, signals int) {
	copy(b.Internal(0, lane)[t.n:], x)
	for r := range signals * t.n / t.hop {
		clear(b.Internal(1+r, lane)[t.n:])
	}
}

// sum writes the sum of the tails of a signal to y.
func (t *stft) sum(y []float64, b *abi.Block, lane, signal, n int) {
	tails := t.n / t.hop
	copy(y, b.Internal(1+signal*tails, lane)[n:])
	for r := 1; r < tails; r++ {
		for i, v := range b.Internal(1+signal*tails+r, lane)[n:][:len(y)] {
			y[i] += v
		}
	}
}

// spread adds the gradient of a signal to those of its tails.
func (t *stft) spread(dy []float64, d *abi.Block, lane, signal int) {
	tails := t.n / t.hop
	for r := range tails {
		tail := d.Internal(1+signal*tails+r, lane)
		for i, v := range dy {
			tail[i] += v
		}
	}
}

// tail returns the part of its tail that the window at frame n of the block
// writes, or its gradient.
func (t *stft) tail(b *abi.Block, lane, signal, n int, frame int64) []float64 {
	return b.Internal(1+signal*t.n/t.hop+t.turn(frame+int64(n)), lane)[n:][:t.n]
}

// scratch is the size of the memory that work divides.
func (t *stft) scratch() int { return t.n + 4*t.bins + t.plan.WorkLen() }

// work returns a window of frames, two spectra, and memory for the transforms.
func (t *stft) work(scratch []float64) (x, re, im, gr, gi, free []float64) {
	x, scratch = scratch[:t.n], scratch[t.n:]
	k := t.bins
	return x, scratch[:k], scratch[k : 2*k], scratch[2*k : 3*k], scratch[3*k : 4*k], scratch[4*k:][:t.plan.WorkLen()]
}

// analyse writes the spectrum of the windowed frames of x.
func (t *stft) analyse(re, im, x, frames, free []float64) {
	for i, v := range t.window {
		frames[i] = v * x[i]
	}
	t.plan.Forward(re, im, frames, free)
}

// synthesise writes the windowed signal of a spectrum to tail.
func (t *stft) synthesise(tail, re, im, frames, free []float64) {
	t.plan.Inverse(frames, re, im, free)
	for i, v := range t.window {
		tail[i] = v * frames[i]
	}
}

// analyseBack is the adjoint of analyse; it adds to dx.
func (t *stft) analyseBack(dx, dre, dim, frames, free []float64) {
	t.plan.ForwardAdjoint(frames, dre, dim, free)
	for i, v := range t.window {
		dx[i] = math.FMA(v, frames[i], dx[i])
	}
}

// synthesiseBack is the adjoint of synthesise.
func (t *stft) synthesiseBack(dre, dim, dtail, frames, free []float64) {
	for i, v := range t.window {
		frames[i] = v * dtail[i]
	}
	t.plan.InverseAdjoint(dre, dim, frames, free)
}

// last returns the last frame of the block that is a multiple of the hop, or a
// number below 0.
func (t *stft) last(frame int64, frames int) int { return lastMultiple(frame, frames, t.hop) }

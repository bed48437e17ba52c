package kernel

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/fft"
	"ampfit/internal/vec"
)

// STFTKeys are the sizes of a short-time transform.
var STFTKeys = []abi.Key{
	{Name: "window", Kind: abi.Int, Default: 1024.0, Min: 4, Max: 65536, Doc: "Frames of a window; powers of two are fast."},
	{Name: "hop", Kind: abi.Int, Default: 256.0, Min: 1, Max: 32768, Doc: "Frames from a window to the next; it divides window, and is at most half of it."},
}

// STFT is a short-time transform: windows of N frames at absolute multiples of
// Hop.
type STFT struct {
	N, Hop, Bins int // Bins is N/2 + 1
	plan         *fft.Plan
	window       []float64 // of analysis and synthesis
}

// NewSTFT reads the sizes from the configuration and declares the delay.
func NewSTFT(s *abi.Setup, window, hop string) (*STFT, error) {
	n, h := s.Config.Int(window), s.Config.Int(hop)
	if h < 1 || n%h != 0 || n/h < 2 {
		return nil, abi.Errorf("config."+hop, "a hop of %d frames does not divide a window of %d frames into two parts or more", h, n)
	}
	t := &STFT{N: n, Hop: h, Bins: n/2 + 1, plan: fft.NewPlan(n), window: make([]float64, n)}
	for i := range t.window { // Σ v² over the windows of a frame is 1
		t.window[i] = math.Sin(math.Pi*(float64(i)+0.5)/float64(n)) * math.Sqrt(2*float64(h)/float64(n))
	}
	s.Delay = n
	return t, nil
}

// Rows are the histories of the input row and of the tails of so many signals.
func (t *STFT) Rows(signals int) []int {
	rows := []int{t.N}
	for range signals * t.N / t.Hop {
		rows = append(rows, t.N)
	}
	return rows
}

// turn returns which tail the window at an absolute frame writes.
func (t *STFT) turn(frame int64) int { return int(frame / int64(t.Hop) % int64(t.N/t.Hop)) }

// Open fills the newest frames of the input row, and clears those of the tails.
func (t *STFT) Open(b *abi.Block, lane int, x []float64, signals int) {
	copy(b.Internal(0, lane)[t.N:], x)
	for r := range signals * t.N / t.Hop {
		clear(b.Internal(1+r, lane)[t.N:])
	}
}

// Sum writes the sum of the tails of a signal to y.
func (t *STFT) Sum(y []float64, b *abi.Block, lane, signal, n int) {
	tails := t.N / t.Hop
	copy(y, b.Internal(1+signal*tails, lane)[n:])
	for r := 1; r < tails; r++ {
		vec.Add(y, b.Internal(1+signal*tails+r, lane)[n:][:len(y)])
	}
}

// Spread adds the gradient of a signal to those of its tails.
func (t *STFT) Spread(dy []float64, d *abi.Block, lane, signal int) {
	tails := t.N / t.Hop
	for r := range tails {
		vec.Add(d.Internal(1+signal*tails+r, lane), dy)
	}
}

// Tail returns the part of its tail that the window at frame n of the block
// writes, or its gradient.
func (t *STFT) Tail(b *abi.Block, lane, signal, n int, frame int64) []float64 {
	return b.Internal(1+signal*t.N/t.Hop+t.turn(frame+int64(n)), lane)[n:][:t.N]
}

// Scratch is the size of the memory that Work divides.
func (t *STFT) Scratch() int { return t.N + 4*t.Bins + t.plan.WorkLen() }

// Work returns a window of frames, two spectra, and memory for the transforms.
func (t *STFT) Work(scratch []float64) (x, re, im, gr, gi, free []float64) {
	x, scratch = scratch[:t.N], scratch[t.N:]
	k := t.Bins
	return x, scratch[:k], scratch[k : 2*k], scratch[2*k : 3*k], scratch[3*k : 4*k], scratch[4*k:][:t.plan.WorkLen()]
}

// Analyse writes the spectrum of the windowed frames of x.
func (t *STFT) Analyse(re, im, x, frames, free []float64) {
	for i, v := range t.window {
		frames[i] = v * x[i]
	}
	t.plan.Forward(re, im, frames, free)
}

// Synthesise writes the windowed signal of a spectrum to tail.
func (t *STFT) Synthesise(tail, re, im, frames, free []float64) {
	t.plan.Inverse(frames, re, im, free)
	for i, v := range t.window {
		tail[i] = v * frames[i]
	}
}

// AnalyseBack is the adjoint of Analyse; it adds to dx.
func (t *STFT) AnalyseBack(dx, dre, dim, frames, free []float64) {
	t.plan.ForwardAdjoint(frames, dre, dim, free)
	for i, v := range t.window {
		dx[i] = math.FMA(v, frames[i], dx[i])
	}
}

// SynthesiseBack is the adjoint of Synthesise.
func (t *STFT) SynthesiseBack(dre, dim, dtail, frames, free []float64) {
	for i, v := range t.window {
		frames[i] = v * dtail[i]
	}
	t.plan.InverseAdjoint(dre, dim, frames, free)
}

// Last returns the last frame of the block that is a multiple of the hop, or a
// number below 0.
func (t *STFT) Last(frame int64, frames int) int { return lastMultiple(frame, frames, t.Hop) }

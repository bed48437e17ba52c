package loss

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"ampfit/internal/fft"
)

// spectral is the engine of stft and mrstft. With X the magnitudes of the
// rendering, Y those of the target, R resolutions, and B bins in one of them,
//
//	loss = 1/R Σ  sc ‖X-Y‖/‖Y‖ + log/B Σ |ln X - ln Y| + lin/B Σ |X - Y|
//
// The gradient of a bin needs ‖X-Y‖, a sum over all bins, so there are two
// sweeps over the windows:
//
//	forward   window, transform, X, sums; keeps the spectra if a gradient is wanted
//	backward  spectrum times the weight of each bin, transposed transform, window,
//	          overlap and add
//
// Both work by chunks of some windows. The sums of a chunk, and the stretch of
// gradient that comes out of it, are put together in the order of the chunks:
// the result does not depend on who computed which.
type spectral struct {
	signal
	weights     STFTWeights
	gain        float64 // of both sides
	floor       float64 // of the target's largest magnitude; 0 for none
	causal      bool
	resolutions []*resolution
	chunks      []chunk
	workers     []*worker
	keep        bool // whether the spectra of the forward sweep are kept

	// of the evaluation that runs
	grad, x []float64
	sweep   func(*spectral, *worker, *chunk)
	next    atomic.Int64 // chunk
}

const (
	// magnitudeFloor is the power below which a magnitude is constant, unless
	// the floor is a fraction of the target's largest; auraloss's.
	magnitudeFloor = 1e-8

	// keepLimit is the number of floats of spectra that are kept from the
	// forward to the backward sweep, 64 MiB. More would come from memory, and
	// is computed again instead: the third transform of each window makes a
	// gradient 8 % slower, and 10 s at 48 kHz need 46 MB.
	keepLimit = 1 << 23

	// chunkSpan is the length of a chunk in transforms. Neighbours overlap by
	// one transform, which is added up twice; more chunks than threads are
	// needed, and a chunk should stay in the second cache.
	chunkSpan = 6
)

// resolution is one short-time Fourier transform of the target and of x.
type resolution struct {
	Resolution
	plan      *fft.Plan
	bins      int
	stride    int       // from one spectrum to the next: bins, up to a full cache line
	windows   int       // of a channel
	hann      []float64 // the window
	left      int       // zeros before it in a transform
	edge      int       // frames before the first that the first transform begins at, and reflects; 0: zeros after the last
	magnitude []float64 // Y: channel, window, bin
	floor     float64   // power below which a magnitude is constant
	norm      float64   // ‖Y‖
	re, im    []float64 // kept spectra of x: channel, window, bin

	// what the gradient of a bin weighs each term with; sc depends on x
	sc, log, lin float64
}

// chunk is the windows first … first+count-1 of a channel.
type chunk struct {
	r            *resolution
	index        int // of r
	channel      int
	first, count int
	sums         binSums
	stretch      []float64 // of gradient, from the first frame of the first window; with several workers
}

// worker is the scratch of one goroutine.
type worker struct {
	scratch []scratch // for each resolution
	stretch []float64 // for the longest chunk
}

type scratch struct{ frame, dframe, re, im, dre, dim, work []float64 }

func newSpectral(name string, target []float64, o STFTOptions, standard []Resolution) (Loss, error) {
	base, err := bind(name, target, o.Channels)
	if err != nil {
		return nil, err
	}
	w := o.Weights
	if w == (STFTWeights{}) {
		w = STFTWeights{SC: 1, Log: 1}
	}
	for _, v := range []float64{w.SC, w.Log, w.Lin} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("loss: %s: a term with weight %v; a weight is a finite number from 0 up", name, v)
		}
	}
	if len(o.Resolutions) == 0 {
		o.Resolutions = standard
	}
	if !(o.Floor >= 0 && o.Floor < 1) {
		return nil, fmt.Errorf("loss: %s: a floor of %v; it is a fraction of the target's largest magnitude, below 1", name, o.Floor)
	}
	s := &spectral{signal: base, weights: w, gain: quietGain(base.target), floor: o.Floor, causal: o.Causal}
	longest, floats := 0, 0
	for i, shape := range o.Resolutions {
		shape, err := shape.filled(name, s.frames, o.Causal)
		if err != nil {
			return nil, err
		}
		r := newResolution(shape, s.frames, o.Causal)
		for i := range r.hann {
			r.hann[i] *= s.gain
		}
		r.magnitude = make([]float64, s.channels*r.windows*r.stride)
		floats += 2 * len(r.magnitude)
		s.resolutions = append(s.resolutions, r)
		count := max(1, chunkSpan*r.Size/r.Hop)
		for c := range s.channels {
			for first := 0; first < r.windows; first += count {
				ch := chunk{r: r, index: i, channel: c, first: first, count: min(count, r.windows-first)}
				longest = max(longest, ch.length())
				s.chunks = append(s.chunks, ch)
			}
		}
	}
	s.keep = floats <= keepLimit
	s.workers = []*worker{s.newWorker(longest)}
	s.x = s.target
	s.run((*spectral).targetChunk)
	for _, r := range s.resolutions {
		r.raise(o.Floor)
		r.norm = math.Sqrt(sumSquares(r.magnitude)) // the gaps between spectra are 0
	}
	s.setThreads(o.Threads)
	return s, nil
}

// quiet is the peak below which a target is taken for one of another unit, such as a
// displacement: the absolute floor of auraloss would cover it.
const quiet = 1.0 / 1024

// loudest is the most that quiet targets are raised by, as a power of two: 600 dB.
const loudest = 100

// quietGain is what both sides are multiplied by, a power of two: 1 but for a quiet
// target, which comes to a peak between 1/2 and 1.
func quietGain(target []float64) float64 {
	peak := 0.0
	for _, v := range target {
		peak = max(peak, math.Abs(v))
	}
	if peak == 0 || peak >= quiet {
		return 1
	}
	_, exponent := math.Frexp(peak)
	return math.Ldexp(1, min(-exponent, loudest))
}

func newResolution(shape Resolution, frames int, causal bool) *resolution {
	r := &resolution{Resolution: shape, plan: fft.NewPlan(shape.Size), floor: magnitudeFloor, edge: shape.Size / 2}
	r.bins = r.plan.Bins()
	r.stride = (r.bins + 7) &^ 7
	r.windows = 1 + (frames+2*r.edge-r.Size)/r.Hop
	if causal {
		r.edge = 0
		r.windows = 1 + (max(frames-r.Size, 0)+r.Hop-1)/r.Hop
	}
	r.left = (r.Size - r.Window) / 2
	for i := range r.Window {
		r.hann = append(r.hann, 0.5-0.5*math.Cos(2*math.Pi*float64(i)/float64(r.Window)))
	}
	return r
}

// raise lifts the floor to a fraction of the largest magnitude.
func (r *resolution) raise(fraction float64) {
	if fraction == 0 {
		return
	}
	least := max(math.Sqrt(r.floor), fraction*slices.Max(r.magnitude))
	r.floor = least * least
	for at := 0; at < len(r.magnitude); at += r.stride { // the gaps stay 0
		for k, v := range r.magnitude[at : at+r.bins] {
			r.magnitude[at+k] = max(v, least)
		}
	}
}

func (s *spectral) newWorker(longest int) *worker {
	w := &worker{stretch: make([]float64, longest)}
	for _, r := range s.resolutions {
		w.scratch = append(w.scratch, scratch{
			frame: make([]float64, r.Size), dframe: make([]float64, r.Size), work: r.plan.Scratch(),
			re: make([]float64, r.bins), im: make([]float64, r.bins),
			dre: make([]float64, r.bins), dim: make([]float64, r.bins),
		})
	}
	return w
}

// SetThreads lets the losses in l that can, use that many goroutines. The
// results are the same bits for any number; starting the goroutines allocates.
func SetThreads(l Loss, threads int) {
	switch l := l.(type) {
	case *spectral:
		l.setThreads(threads)
	case *later:
		SetThreads(l.inner, threads)
	case *sum:
		for _, t := range l.terms {
			SetThreads(t.Loss, threads)
		}
	}
}

func (s *spectral) setThreads(threads int) {
	threads = max(1, min(threads, len(s.chunks)))
	s.workers = slices.Clip(s.workers[:min(len(s.workers), threads)])
	for len(s.workers) < threads {
		s.workers = append(s.workers, s.newWorker(len(s.workers[0].stretch)))
	}
}

func (s *spectral) Name() string {
	standard := stftDefault
	if s.name == "mrstft" {
		standard = mrstftDefault
	}
	var shapes []Resolution
	for _, r := range s.resolutions {
		shapes = append(shapes, r.Resolution)
	}
	center := 1.0
	if s.causal {
		center = 0
	}
	return stftName(s.name, shapes, standard, s.weights, s.floor, center)
}

func (s *spectral) Evaluate(grad, x []float64) float64 {
	s.check(grad, x)
	s.grad, s.x = grad, x
	if grad != nil {
		s.makeRoom()
	}
	s.run((*spectral).forwardChunk)
	value := 0.0
	for i, r := range s.resolutions {
		var total binSums
		for _, c := range s.chunks {
			if c.index == i {
				total.square += c.sums.square
				total.log += c.sums.log
				total.lin += c.sums.lin
			}
		}
		value += s.weigh(r, total)
	}
	if grad != nil {
		clear(grad)
		s.run((*spectral).backwardChunk)
		if len(s.workers) > 1 {
			for i := range s.chunks {
				s.chunks[i].addTo(s.channel(grad, s.chunks[i].channel), s.chunks[i].stretch)
			}
		}
	}
	s.grad, s.x = nil, nil
	return value
}

// weigh returns the share of a resolution in the loss, and sets what weighs
// its bins in the gradient.
func (s *spectral) weigh(r *resolution, total binSums) float64 {
	count := float64(s.channels) * float64(r.windows) * float64(r.bins)
	share := 1 / float64(len(s.resolutions))
	distance := math.Sqrt(total.square)
	r.log, r.lin = share*s.weights.Log/count, share*s.weights.Lin/(count*s.gain)
	r.sc = 0 // at X = Y the norm has a kink: slope 0
	if distance != 0 {
		r.sc = share * s.weights.SC / (distance * r.norm)
	}
	return share * (s.weights.SC*distance/r.norm + s.weights.Log*total.log/count + s.weights.Lin*total.lin/(count*s.gain))
}

// makeRoom allocates, once, what only gradients need.
func (s *spectral) makeRoom() {
	for _, r := range s.resolutions {
		if s.keep && r.re == nil {
			r.re, r.im = make([]float64, len(r.magnitude)), make([]float64, len(r.magnitude))
		}
	}
	for i := range s.chunks {
		if c := &s.chunks[i]; len(s.workers) > 1 && c.stretch == nil {
			c.stretch = make([]float64, c.length())
		}
	}
}

// run takes every chunk through a sweep.
func (s *spectral) run(sweep func(*spectral, *worker, *chunk)) {
	s.sweep = sweep
	s.next.Store(0)
	if len(s.workers) == 1 {
		s.drain(s.workers[0])
		return
	}
	var group sync.WaitGroup
	for _, w := range s.workers {
		group.Go(func() { s.drain(w) })
	}
	group.Wait()
}

// drain takes chunks until there are no more.
func (s *spectral) drain(w *worker) {
	for {
		i := int(s.next.Add(1)) - 1
		if i >= len(s.chunks) {
			return
		}
		s.sweep(s, w, &s.chunks[i])
	}
}

// targetChunk computes the magnitudes of the target.
func (s *spectral) targetChunk(w *worker, c *chunk) {
	r, t := c.r, &w.scratch[c.index]
	for i := range c.count {
		r.transform(t, t.re, t.im, s.channel(s.x, c.channel), c.first+i)
		r.magnitudes(r.spectrum(r.magnitude, c, i), t.re, t.im)
	}
}

// forwardChunk adds up the sums of a chunk.
func (s *spectral) forwardChunk(w *worker, c *chunk) {
	r, t := c.r, &w.scratch[c.index]
	c.sums = binSums{}
	for i := range c.count {
		re, im := t.re, t.im
		if s.grad != nil && s.keep {
			re, im = r.spectrum(r.re, c, i), r.spectrum(r.im, c, i)
		}
		r.transform(t, re, im, s.channel(s.x, c.channel), c.first+i)
		c.sums.add(re, im, r.spectrum(r.magnitude, c, i), r.floor)
	}
}

// backwardChunk computes the stretch of gradient that comes out of a chunk.
func (s *spectral) backwardChunk(w *worker, c *chunk) {
	r, t := c.r, &w.scratch[c.index]
	stretch := c.stretch
	if len(s.workers) == 1 {
		stretch = w.stretch[:c.length()]
	}
	clear(stretch)
	for i := range c.count {
		re, im := t.re, t.im
		if s.keep {
			re, im = r.spectrum(r.re, c, i), r.spectrum(r.im, c, i)
		} else {
			r.transform(t, re, im, s.channel(s.x, c.channel), c.first+i)
		}
		binGradient(t.dre, t.dim, re, im, r.spectrum(r.magnitude, c, i), r.sc, r.log, r.lin, r.floor)
		r.plan.ForwardAdjoint(t.dframe, t.dre, t.dim, t.work)
		addWindowed(stretch[i*r.Hop:], t.dframe[r.left:], r.hann)
	}
	if len(s.workers) == 1 {
		c.addTo(s.channel(s.grad, c.channel), stretch)
	}
}

// spectrum returns the bins of window i of a chunk in all, which has those of
// all channels.
func (r *resolution) spectrum(all []float64, c *chunk, i int) []float64 {
	at := (c.channel*r.windows + c.first + i) * r.stride
	return all[at : at+r.bins : at+r.bins]
}

// transform computes the spectrum of a window of a channel.
func (r *resolution) transform(t *scratch, re, im, x []float64, index int) {
	at, n := r.at(index), len(x)
	frame := t.frame[r.left : r.left+r.Window]
	if at >= 0 && at+r.Window <= n {
		window(frame, x[at:], r.hann)
	} else {
		for i, v := range r.hann {
			frame[i] = 0
			if j := r.source(at+i, n); j >= 0 {
				frame[i] = v * x[j]
			}
		}
	}
	r.plan.Forward(re, im, t.frame, t.work)
}

// at returns the frame that a window starts at, below 0 at the first edge.
func (r *resolution) at(index int) int { return index*r.Hop - r.edge + r.left }

// source returns the frame that stands for frame i of n, by reflection
//
//	2 1 | 0 1 2 … n-2 n-1 | n-2 n-3
//
// or -1 where zeros are.
func (r *resolution) source(i, n int) int {
	switch {
	case i < 0:
		return -i
	case i < n:
		return i
	case r.edge == 0:
		return -1
	}
	return 2*(n-1) - i
}

// length returns the number of frames that a chunk spans.
func (c *chunk) length() int { return (c.count-1)*c.r.Hop + c.r.Window }

// addTo adds the gradient of a chunk to that of its channel, what is beyond
// the edges to the frames it is a reflection of.
func (c *chunk) addTo(dx, stretch []float64) {
	at, n := c.r.at(c.first), len(dx)
	begin, end := max(0, -at), min(len(stretch), n-at)
	for i := range begin {
		dx[-(at + i)] += stretch[i]
	}
	if begin < end {
		dst := dx[at+begin:][:end-begin]
		for i, v := range stretch[begin:end] {
			dst[i] += v
		}
	}
	for i := max(begin, end); i < len(stretch); i++ {
		if j := c.r.source(at+i, n); j >= 0 {
			dx[j] += stretch[i]
		}
	}
}

package nodes

import (
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/internal/fft"
)

// convolver and fir convolve with a response h that is a parameter. The first
// 64 taps are summed as they stand. Those beyond lie in levels, each twice as
// long as all before: level P holds the taps P … 2P-1. What it adds to frames
// mP … mP+P-1 needs no input later than frame mP-1, so it is computed at frame
// mP, by one transform of the 2P frames before:
//
//	taps     [ direct 64 | P=64 | P=128 |    P=256     | …
//	frames   … [ x: mP-2P … mP-1 ] mP … mP+P-1
//	               └─ FFT · H ─────► └ tail ┘
//
// m counts from the start of the run, so neither blocks nor restarts move the
// partitions, and the output has no delay. A frame's part waits in an internal
// row P frames back, at n-P; the place of frame n itself is still empty then.
//
// The adjoint is correlation: with ḡ the gradient of a level's P frames,
// X̄ = conj(H) FFT(0, ḡ) and H̄ = conj(X) FFT(0, ḡ), the first P frames of it.
// The duals of the rows of tails and of the input collect what reaches back.
func init() {
	file := abi.Key{Name: "file", Kind: abi.File, Doc: "Sound whose first channel is the response; it must have the sample rate of the kernel."}
	abi.Register(abi.NodeType{
		Name: "ConvolverNode", Family: filters,
		Doc: "Convolution with an impulse response, without delay.",
		Detail: "y[n] = 10^(gain_db/20) Σ_k ir[k] x[n−k]. The first 64 taps are summed directly, those beyond by FFT in partitions that double in length and sit on absolute frames, so the bits do not depend on blocks. " +
			"The response is that of file, or the values of ir; ir is learnable like any vector.",
		Source: "W. G. Gardner, Efficient Convolution without Input-Output Delay, JAES 43(3), 1995.",
		Inputs: in, Outputs: out,
		Params: []abi.Param{
			{Name: "ir", Role: abi.Taps, Default: 0, Defaults: []float64{1}, Min: -1000, Max: 1000, Vector: true, Len: 1, Doc: "Impulse response."},
			{Name: "gain_db", Role: abi.Gain, Unit: "dB", Default: 0, Min: -120, Max: 60, Doc: "Gain of the response."},
		},
		Config: []abi.Key{file},
		Configure: func(s *abi.Setup) error {
			ir, err := response(s, "ir", 1)
			if err == nil {
				setConvolution(s, ir, true)
			}
			return err
		},
		Prepare: convolutionPrepare, Forward: convolutionForward, Backward: convolutionBackward,
	})
	abi.Register(abi.NodeType{
		Name: "FIRNode", Family: filters,
		Doc: "FIR filter by its taps.",
		Detail: "y[n] = Σ_k taps[k] x[n−k]. Up to 64 taps are summed directly; those beyond go by FFT, as in ConvolverNode, without delay. The number of taps is that of the values given or of the file, else of the key taps; " +
			"without values the filter is the identity.",
		Source: "W. G. Gardner, Efficient Convolution without Input-Output Delay, JAES 43(3), 1995.",
		Inputs: in, Outputs: out,
		Params: []abi.Param{
			{Name: "taps", Role: abi.Taps, Default: 0, Defaults: []float64{1}, Min: -1000, Max: 1000, Vector: true, Len: 1, Doc: "Impulse response."},
		},
		Config: []abi.Key{
			{Name: "taps", Kind: abi.Int, Default: 32.0, Min: 1, Max: 1 << 22, Doc: "Number of taps, where neither values nor a file say it."},
			file,
		},
		Configure: func(s *abi.Setup) error {
			taps, err := response(s, "taps", s.Config.Int("taps"))
			if err == nil {
				setConvolution(s, taps, false)
			}
			return err
		},
		Prepare: convolutionPrepare, Forward: convolutionForward, Backward: convolutionBackward,
	})
}

// response sets length and defaults of a response and returns its parameter.
func response(s *abi.Setup, name string, length int) (*abi.Param, error) {
	p := s.Param(name)
	if path := s.Config.Text("file"); path != "" {
		audio, err := s.Audio(path)
		if err != nil {
			return nil, abi.Errorf("config.file", "%v", err)
		}
		if len(audio.Rows) == 0 || len(audio.Rows[0]) == 0 {
			return nil, abi.Errorf("config.file", "%s has no frames", path)
		}
		if audio.Rate != s.Rate {
			return nil, abi.Errorf("config.file", "%s has %v Hz, but the node runs at %v Hz; convert the file", path, audio.Rate, s.Rate)
		}
		p.Defaults = slices.Clone(audio.Rows[0])
		length = len(p.Defaults)
	}
	if n := s.Length(name); n > 0 {
		if s.Config.Text("file") != "" && n != length {
			return nil, abi.Errorf("params."+name, "%d values, but the file has %d frames", n, length)
		}
		length = n
	}
	p.Len = length
	for _, v := range p.Defaults {
		if math.Abs(v) > p.Max {
			return nil, abi.Errorf("config.file", "a value of %v is outside ±%v", v, p.Max)
		}
	}
	return p, nil
}

const convolutionHead = 64

// convolution is the layout of a response.
type convolution struct {
	taps   int
	gain   bool // the second parameter is a gain in dB
	levels []convolutionLevel
	most   int // the longest P
	free   int // where Prepare's working memory starts in Coefs
}

// convolutionLevel is the taps p … 2p-1.
type convolutionLevel struct {
	p, taps int // taps of the response in it
	plan    *fft.Plan
	coefs   int // where its spectrum starts
}

func setConvolution(s *abi.Setup, ir *abi.Param, gain bool) {
	c := &convolution{taps: ir.Len, gain: gain}
	history := min(ir.Len, convolutionHead) - 1
	s.Internal = []int{0}
	for p := convolutionHead; p < ir.Len; p *= 2 {
		l := convolutionLevel{p, min(p, ir.Len-p), fft.NewPlan(2 * p), s.Coefs}
		c.levels = append(c.levels, l)
		c.most = p
		s.Coefs += 2 * (p + 1)
		s.Internal = append(s.Internal, p)
		history = 2 * p
	}
	s.Internal[0] = history
	if c.most > 0 {
		s.Scratch = 2*c.most + 4*(c.most+1) + 4*c.most
		c.free = s.Coefs // Prepare has no scratch
		s.Coefs += 6 * c.most
	}
	s.FrameScratch = 1
	s.Data = c
}

// scale returns the gain of the response.
func (c *convolution) scale(b *abi.Block, lane int) float64 {
	if c.gain {
		return math.Exp(decibels * b.Param(1, lane).At(0))
	}
	return 1
}

// work is the scratch memory of a level: a window, two spectra, free memory.
func (l *convolutionLevel) work(scratch []float64) (x, re, im, gr, gi, free []float64) {
	n, bins := 2*l.p, l.p+1
	x, scratch = scratch[:n], scratch[n:]
	re, im, gr, gi, free = scratch[:bins], scratch[bins:2*bins], scratch[2*bins:3*bins], scratch[3*bins:4*bins], scratch[4*bins:4*bins+2*n]
	return
}

func convolutionPrepare(b *abi.Block) {
	c := b.Data.(*convolution)
	for lane := range b.Lanes {
		h, coefs := b.Vector(0, lane), b.Coefs(lane)
		for i := range c.levels {
			l := &c.levels[i]
			x, free := coefs[c.free:][:2*l.p], coefs[c.free+2*c.most:]
			clear(x)
			copy(x, h[l.p:l.p+l.taps])
			l.plan.Forward(coefs[l.coefs:][:l.p+1], coefs[l.coefs+l.p+1:][:l.p+1], x, free)
		}
	}
}

// until returns the number of frames from n of the block to the next multiple
// of p, at most those left, and whether n is such a multiple.
func until(frame int64, n, frames, p int) (count int, boundary bool) {
	at := int((frame + int64(n)) % int64(p))
	return min(p-at, frames-n), at == 0
}

func convolutionForward(b *abi.Block) {
	c := b.Data.(*convolution)
	for lane := range b.Lanes {
		x, y, row, h := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane), b.Vector(0, lane)
		now := len(row) - len(x)
		copy(row[now:], x)
		convolutionDirect(y, row, h[:min(len(h), convolutionHead)])
		for i := range c.levels {
			l := &c.levels[i]
			tail := b.Internal(1+i, lane) // frame n of the block is tail[p+n]
			clear(tail[l.p:])
			for n := 0; n < len(x); {
				count, boundary := until(b.Frame(lane), n, len(x), l.p)
				if boundary {
					l.compute(tail[n:n+l.p], row[now+n-2*l.p:now+n], b.Coefs(lane)[l.coefs:], b.Scratch(lane))
				}
				z := y[n : n+count]
				for k, v := range tail[n : n+count] {
					z[k] += v
				}
				n += count
			}
		}
		if g := c.scale(b, lane); g != 1 {
			for n := range y {
				y[n] *= g
			}
		}
	}
}

// compute writes what a level adds to the p frames after the 2p frames of x.
func (l *convolutionLevel) compute(tail, x, coefs, scratch []float64) {
	y, re, im, _, _, free := l.work(scratch)
	hr, hi := coefs[:l.p+1], coefs[l.p+1:][:l.p+1]
	l.plan.Forward(re, im, x, free)
	for k, r := range re {
		i := im[k]
		re[k], im[k] = r*hr[k]-i*hi[k], r*hi[k]+i*hr[k]
	}
	l.plan.Inverse(y, re, im, free)
	copy(tail, y[l.p:])
}

// convolutionDirect writes Σ h[k] x[n-k], four frames side by side, each summed
// in the same order as alone. The row has the history in front.
func convolutionDirect(y, row, h []float64) {
	now := len(row) - len(y)
	n := rowsConvolveFast(y, row, h)
	for ; n+4 <= len(y); n += 4 {
		var s0, s1, s2, s3 float64
		past := row[now+n-len(h)+1:][:len(h)+3]
		// past[len(h)-1-k] is x[n-k]
		for k := range h {
			v, w := h[k], past[len(h)-1-k:]
			w = w[:4]
			s0 = math.FMA(v, w[0], s0)
			s1 = math.FMA(v, w[1], s1)
			s2 = math.FMA(v, w[2], s2)
			s3 = math.FMA(v, w[3], s3)
		}
		y[n], y[n+1], y[n+2], y[n+3] = s0, s1, s2, s3
	}
	for ; n < len(y); n++ {
		s := 0.0
		past := row[now+n-len(h)+1:][:len(h)]
		for k := range h {
			s = math.FMA(h[k], past[len(h)-1-k], s)
		}
		y[n] = s
	}
}

func convolutionBackward(b, d *abi.Block) {
	c := b.Data.(*convolution)
	for lane := range b.Lanes {
		y, row, h := b.Out(0, lane), b.Internal(0, lane), b.Vector(0, lane)
		dx, dy, drow, dh := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane), d.Vector(0, lane)
		frames := len(y)
		now := len(row) - frames
		g := dy
		if c.gain {
			scale := c.scale(b, lane)
			g = b.FrameScratch(lane)
			sum := 0.0
			for n, v := range dy {
				g[n] = scale * v
				sum = math.FMA(v, y[n], sum)
			}
			d.Param(1, lane).Add(0, decibels*sum)
		}
		for i := range c.levels {
			l := &c.levels[i]
			dtail := d.Internal(1+i, lane)
			for n, v := range g {
				dtail[n] += v
			}
			// Frames whose part is computed in this block, the last ones first.
			first := (l.p - int(b.Frame(lane)%int64(l.p))) % l.p
			if first >= frames {
				continue
			}
			for n := first + (frames-1-first)/l.p*l.p; n >= 0; n -= l.p {
				l.correlate(drow[now+n-2*l.p:now+n], dh[l.p:l.p+l.taps], dtail[n:n+l.p], row[now+n-2*l.p:now+n], b.Coefs(lane)[l.coefs:], b.Scratch(lane))
			}
		}
		head := h[:min(len(h), convolutionHead)]
		convolutionDirectBack(drow[now-len(head)+1:], dh[:len(head)], g, row[now-len(head)+1:], head)
		for n, v := range drow[now:] {
			dx[n] += v
		}
	}
}

// correlate is the adjoint of compute.
func (l *convolutionLevel) correlate(dx, dh, dtail, x, coefs, scratch []float64) {
	w, xr, xi, gr, gi, free := l.work(scratch)
	hr, hi := coefs[:l.p+1], coefs[l.p+1:][:l.p+1]
	clear(w[:l.p])
	copy(w[l.p:], dtail)
	l.plan.Forward(gr, gi, w, free)
	l.plan.Forward(xr, xi, x, free)
	for k, r := range xr { // conj(X) G, then conj(H) G
		i := xi[k]
		p, q := gr[k], gi[k]
		xr[k], xi[k] = r*p+i*q, r*q-i*p
		gr[k], gi[k] = hr[k]*p+hi[k]*q, hr[k]*q-hi[k]*p
	}
	l.plan.Inverse(w, xr, xi, free)
	for k := range dh {
		dh[k] += w[k]
	}
	l.plan.Inverse(w, gr, gi, free)
	for k := range dx {
		dx[k] += w[k]
	}
}

// convolutionDirectBack is the adjoint of convolutionDirect. The rows start
// len(h)-1 frames before the first of g.
func convolutionDirectBack(drow, dh, g, row, h []float64) {
	last := len(h) - 1
	for k, v := range h {
		sum0, sum1 := 0.0, 0.0
		z, x := drow[last-k:][:len(g)], row[last-k:][:len(g)]
		n := 0
		for ; n+1 < len(g); n += 2 {
			p, q := g[n], g[n+1]
			z[n] = math.FMA(v, p, z[n])
			z[n+1] = math.FMA(v, q, z[n+1])
			sum0 = math.FMA(p, x[n], sum0)
			sum1 = math.FMA(q, x[n+1], sum1)
		}
		if n < len(g) {
			z[n] = math.FMA(v, g[n], z[n])
			sum0 = math.FMA(g[n], x[n], sum0)
		}
		dh[k] += sum0 + sum1
	}
}

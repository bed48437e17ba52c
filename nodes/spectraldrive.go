package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(spectralDrive) }

// spectralDrive has three modes. fft_multiband splits the short-time spectrum of
// spectralfilter.go into bands z_b that add up to the input, and bends each by
// the slew rate s_b, in 1 per frame, that a sine at its middle w_b may reach:
//
//	y = Σ_b T_b tanh(drive z_b/T_b),   T_b = s_b/(2 sin(w_b/2))
//	ln s_b goes from ln floor to ln ceiling over the bands
//
// rci_filter is a two-pole low-pass in trapezoidal form, g = tan(π cutoff/rate),
// k = 1/q + R, a = 1/(1 + g (g+k)):
//
//	v1 = a (c1 + g (x - c2)),   v2 = c2 + g v1,   c1' = 2 v1 - c1,   c2' = 2 v2 - c2,   y = gain v2
//
// fast_filter is a chain of one-poles and a tanh, y[n] = w[n-latency] with
// w = (1 - mix) x + mix tanh(drive l). The adjoints take the same steps back in
// time.
var spectralDrive = abi.NodeType{
	Name: "SpectralDriveNode", Family: controlled,
	Doc: "Drive by frequency bands, or in front of a simple filter.",
	Detail: "mode fft_multiband: the short-time spectrum is split at band_edges, with crossfades of an octave that add up to one, and each band is bent by T tanh(drive z/T). T is the level at which a sine in the middle of the band moves by slew per frame; slew goes geometrically from slew_floor in the lowest to slew_ceiling in the highest band. The output is analysis_window frames late. " +
		"rci_filter: rci_gain times a two-pole low-pass with damping 1/rci_q + rci_series_resistance. " +
		"fast_filter: (1 − fast_mix) x + fast_mix tanh(fast_drive l), l the input through fast_slope/6 one-pole low-passes at rci_cutoff, fast_latency frames late. " +
		"Each mode has its own parameters only. AMP names this type and its parameters but has no code for it; the meaning is ours. Its oversample is accepted without effect: give the node oversample_ratio.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 100, Scale: abi.Log, Doc: "fft_multiband: gain in front of the bands' curves."},
		{Name: "slew_floor", Role: abi.Slew, Unit: "1/frame", Default: 2.5e-4, Min: 1e-6, Max: 10, Scale: abi.Log, Doc: "fft_multiband: slew of the lowest band."},
		{Name: "slew_ceiling", Role: abi.Slew, Unit: "1/frame", Default: 5e-2, Min: 1e-6, Max: 10, Scale: abi.Log, Doc: "fft_multiband: slew of the highest band."},
		{Name: "rci_cutoff", Role: abi.Corner, Unit: "Hz", Default: 720, Min: 10, MaxRate: 0.49, Scale: abi.Log, Doc: "rci_filter and fast_filter: corner of the low-pass."},
		{Name: "rci_q", Role: abi.Quality, Default: 0.707, Min: 0.05, Max: 40, Scale: abi.Log, Doc: "rci_filter: resonance."},
		{Name: "rci_gain", Role: abi.Gain, Default: 1, Min: -100, Max: 100, Doc: "rci_filter: gain."},
		{Name: "rci_series_resistance", Role: abi.Other, Default: 0, Min: 0, Max: 100, Doc: "rci_filter: damping beside 1/q, in units of the characteristic impedance."},
		{Name: "fast_drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 100, Scale: abi.Log, Doc: "fast_filter: gain in front of the curve."},
		{Name: "fast_mix", Role: abi.Other, Default: 1, Min: 0, Max: 1, Doc: "fast_filter: 0 is the input."},
	},
	Config: []abi.Key{
		{Name: "mode", Kind: abi.String, Default: "fft_multiband", Enum: []string{"fft_multiband", "rci_filter", "fast_filter"}, Doc: "What the node is."},
		{Name: "band_edges", Kind: abi.Numbers, Doc: "Ends of the bands in Hz, rising; 120, 960 and 6400 unless given."},
		{Name: "analysis_window", Kind: abi.Int, Default: 1024.0, Min: 8, Max: 65536, Doc: "Frames of a window; powers of two are fast."},
		{Name: "hop", Kind: abi.Int, Default: 256.0, Min: 1, Max: 32768, Doc: "Frames from a window to the next."},
		{Name: "oversample", Kind: abi.Int, Default: 2.0, Min: 1, Max: 16, Doc: "AMP's: no effect; use oversample_ratio."},
		{Name: "fast_slope", Kind: abi.Int, Default: 12.0, Min: 6, Max: 48, Doc: "dB per octave, a multiple of 6."},
		{Name: "fast_latency", Kind: abi.Int, Default: 0.0, Min: 0, Max: 65536, Doc: "Frames by which fast_filter is late."},
	},
	Configure: setSpectralDrive,
	Forward:   lanes(spectralDriveForward),
	Backward:  lanePairs(spectralDriveBackward),
}

type driveLaw struct {
	*kernel.STFT                // of fft_multiband, else nil
	weights         [][]float64 // of the bins, by band
	place, perSlew  []float64   // of a band: part of the way to the ceiling, T over slew
	stages, latency int         // of fast_filter; no stages: rci_filter
}

func setSpectralDrive(s *abi.Setup) error {
	law := &driveLaw{}
	drop := func(names ...string) {
		for _, name := range names {
			s.Drop(name)
		}
	}
	s.Data = law
	switch s.Config.Text("mode") {
	case "rci_filter":
		drop("drive", "slew_floor", "slew_ceiling", "fast_drive", "fast_mix")
		s.State, s.FrameScratch = 2, 2
		return nil
	case "fast_filter":
		drop("drive", "slew_floor", "slew_ceiling", "rci_q", "rci_gain", "rci_series_resistance")
		slope := s.Config.Int("fast_slope")
		if slope%6 != 0 {
			return abi.Errorf("config.fast_slope", "%d is no multiple of 6", slope)
		}
		law.stages, law.latency = slope/6, s.Config.Int("fast_latency")
		s.State, s.FrameScratch = law.stages, law.stages
		s.Internal, s.Delay = []int{law.latency}, law.latency
		return nil
	}
	drop("rci_cutoff", "rci_q", "rci_gain", "rci_series_resistance", "fast_drive", "fast_mix")
	st, err := kernel.NewSTFT(s, "analysis_window", "hop")
	if err != nil {
		return err
	}
	edges := s.Config.Numbers("band_edges")
	if edges == nil {
		edges = []float64{120, 960, 6400}
	}
	law.STFT = st
	for i, e := range edges {
		if e <= 0 || i > 0 && e <= edges[i-1] {
			return abi.Errorf("config.band_edges", "%v Hz does not rise", e)
		}
	}
	bands := len(edges) + 1
	below := make([]float64, st.Bins) // weight of the bands so far
	for b := range bands {
		low, high := 20.0, s.Rate/2
		if b > 0 {
			low = edges[b-1]
		}
		w := make([]float64, st.Bins)
		for k := range w {
			up := 1.0
			if b < bands-1 {
				octaves := math.Log2(float64(max(k, 1)) * s.Rate / float64(st.N) / edges[b])
				up = (1 - math.Sin(math.Pi*min(max(octaves, -0.5), 0.5))) / 2
			}
			w[k] = max(0, up-below[k])
			below[k] = max(below[k], up)
		}
		if b < bands-1 {
			high = edges[b]
		}
		middle := min(math.Sqrt(low*high), s.Rate/2)
		law.weights = append(law.weights, w)
		law.place = append(law.place, float64(b)/float64(max(bands-1, 1)))
		law.perSlew = append(law.perSlew, 1/(2*math.Sin(math.Pi*middle/s.Rate)))
	}
	s.Internal = st.Rows(bands)
	s.Scratch, s.FrameScratch = st.Scratch(), 1
	return nil
}

// limit returns T of a band.
func (law *driveLaw) limit(b *abi.Block, lane, band int) float64 {
	floor, ceiling := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	return law.perSlew[band] * floor * math.Exp(law.place[band]*math.Log(ceiling/floor))
}

func spectralDriveForward(b *abi.Block, lane int) {
	law := b.Data.(*driveLaw)
	switch {
	case law.STFT == nil && law.stages == 0:
		rciForward(b, lane)
		return
	case law.STFT == nil:
		fastForward(b, lane, law)
		return
	}
	x, y, row, z := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane), b.FrameScratch(lane)
	law.Open(b, lane, x, len(law.weights))
	frames, re, im, gr, gi, free := law.Work(b.Scratch(lane))
	for n := 0; n < len(x); {
		count, boundary := kernel.Until(b.Frame(lane), n, len(x), law.Hop)
		if boundary {
			law.Analyse(re, im, row[n:n+law.N], frames, free)
			for band, weights := range law.weights {
				for k, w := range weights {
					gr[k], gi[k] = w*re[k], w*im[k]
				}
				law.Synthesise(law.Tail(b, lane, band, n, b.Frame(lane)), gr, gi, frames, free)
			}
		}
		n += count
	}
	clear(y)
	drive := b.Param(0, lane).At(0)
	for band := range law.weights {
		t := law.limit(b, lane, band)
		law.Sum(z, b, lane, band, 0)
		for n, v := range z {
			y[n] += t * math.Tanh(drive*v/t)
		}
	}
}

func spectralDriveBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*driveLaw)
	switch {
	case law.STFT == nil && law.stages == 0:
		rciBackward(b, d, lane)
		return
	case law.STFT == nil:
		fastBackward(b, d, lane, law)
		return
	}
	drow, dx, dy, z := d.Internal(0, lane), d.In(0, lane), d.Out(0, lane), b.FrameScratch(lane)
	drive, ddrive, dfloor, dceiling := b.Param(0, lane).At(0), 0.0, 0.0, 0.0
	for band := range law.weights {
		t := law.limit(b, lane, band)
		law.Sum(z, b, lane, band, 0)
		dt := 0.0
		for n, v := range z {
			u := drive * v / t
			th := math.Tanh(u)
			slope := (1 - th*th) * dy[n]
			ddrive += v * slope
			dt += th*dy[n] - u*slope
			z[n] = drive * slope
		}
		law.Spread(z, d, lane, band)
		dfloor += dt * t * (1 - law.place[band])
		dceiling += dt * t * law.place[band]
	}
	d.Param(0, lane).Add(0, ddrive)
	d.Param(1, lane).Add(0, dfloor/b.Param(1, lane).At(0))
	d.Param(2, lane).Add(0, dceiling/b.Param(2, lane).At(0))
	frames, re, im, gr, gi, free := law.Work(b.Scratch(lane))
	for n := law.Last(b.Frame(lane), len(dy)); n >= 0; n -= law.Hop {
		clear(re)
		clear(im)
		for band, weights := range law.weights {
			law.SynthesiseBack(gr, gi, law.Tail(d, lane, band, n, b.Frame(lane)), frames, free)
			for k, w := range weights {
				re[k] += w * gr[k]
				im[k] += w * gi[k]
			}
		}
		law.AnalyseBack(drow[n:n+law.N], re, im, frames, free)
	}
	vec.Add(dx, drow[law.N:])
}

// rciCoefs returns g, k, a and the gain.
func rciCoefs(b *abi.Block, lane int) (g, k, a, gain float64) {
	g = math.Tan(math.Pi * b.Param(0, lane).At(0) / b.Rate)
	k = 1/b.Param(1, lane).At(0) + b.Param(3, lane).At(0)
	return g, k, 1 / (1 + g*(g+k)), b.Param(2, lane).At(0)
}

func rciForward(b *abi.Block, lane int) {
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	g, _, a, gain := rciCoefs(b, lane)
	c1, c2 := state[0], state[1]
	for n, x := range x {
		v1 := a * (c1 + g*(x-c2))
		v2 := c2 + g*v1
		c1, c2 = 2*v1-c1, 2*v2-c2
		y[n] = gain * v2
	}
	state[0], state[1] = c1, c2
}

func rciBackward(b, d *abi.Block, lane int) {
	x, dx, dy, dstate := b.In(0, lane), d.In(0, lane), d.Out(0, lane), d.State(lane)
	g, k, a, gain := rciCoefs(b, lane)
	p, q := b.FrameScratch(lane)[:len(x)], b.FrameScratch(lane)[len(x):]
	c1, c2 := b.Before(lane)[0], b.Before(lane)[1]
	for n, x := range x {
		p[n], q[n] = c1, c2
		v1 := a * (c1 + g*(x-c2))
		v2 := c2 + g*v1
		c1, c2 = 2*v1-c1, 2*v2-c2
	}
	var dg, da, dgain float64
	l1, l2 := dstate[0], dstate[1]
	for n := len(x) - 1; n >= 0; n-- {
		v3 := x[n] - q[n]
		u := p[n] + g*v3
		v1 := a * u
		dgain += (q[n] + g*v1) * dy[n]
		dv2 := gain*dy[n] + 2*l2
		dv1 := 2*l1 + g*dv2
		du := a * dv1
		dg += v1*dv2 + v3*du
		da += u * dv1
		dx[n] += g * du
		l1, l2 = du-l1, dv2-l2-g*du
	}
	dstate[0], dstate[1] = l1, l2
	dg -= a * a * (2*g + k) * da
	dk, quality := -a*a*g*da, b.Param(1, lane).At(0)
	d.Param(0, lane).Add(0, dg*(1+g*g)*math.Pi/b.Rate)
	d.Param(1, lane).Add(0, -dk/(quality*quality))
	d.Param(2, lane).Add(0, dgain)
	d.Param(3, lane).Add(0, dk)
}

func fastForward(b *abi.Block, lane int, law *driveLaw) {
	x, w, state := b.In(0, lane), b.Internal(0, lane), b.State(lane)
	a, _ := kernel.OnePoleCoef(b.Param(0, lane).At(0), b.Rate)
	drive, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	for n, x := range x {
		l := x
		for i, s := range state {
			l = s + a*(l-s)
			state[i] = l
		}
		w[law.latency+n] = (1-mix)*x + mix*math.Tanh(drive*l)
	}
	copy(b.Out(0, lane), w)
}

func fastBackward(b, d *abi.Block, lane int, law *driveLaw) {
	x, dx, dw, dstate := b.In(0, lane), d.In(0, lane), d.Internal(0, lane), d.State(lane)
	a, slope := kernel.OnePoleCoef(b.Param(0, lane).At(0), b.Rate)
	drive, mix := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	before, kept := b.Before(lane), b.FrameScratch(lane)
	last := before
	for n, l := range x {
		row := kept[n*law.stages:][:law.stages]
		for i, s := range last {
			l = s + a*(l-s)
			row[i] = l
		}
		last = row
	}
	vec.Add(dw, d.Out(0, lane))
	var da, ddrive, dmix float64
	for n := len(x) - 1; n >= 0; n-- {
		g, row := dw[law.latency+n], kept[n*law.stages:][:law.stages]
		prev := before
		if n > 0 {
			prev = kept[(n-1)*law.stages:][:law.stages]
		}
		l := row[law.stages-1]
		th := math.Tanh(drive * l)
		dmix += (th - x[n]) * g
		du := mix * (1 - th*th) * g
		ddrive += l * du
		lambda := drive * du
		for i := law.stages - 1; i >= 0; i-- {
			lambda += dstate[i]
			from := x[n]
			if i > 0 {
				from = row[i-1]
			}
			da += (from - prev[i]) * lambda
			dstate[i] = (1 - a) * lambda
			lambda *= a
		}
		dx[n] += lambda + (1-mix)*g
	}
	d.Param(0, lane).Add(0, slope*da)
	d.Param(1, lane).Add(0, ddrive)
	d.Param(2, lane).Add(0, dmix)
}

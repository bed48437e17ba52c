package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(parametricEQ) }

// parametricEQ is a chain of the cookbook's equaliser bands in one kernel. The
// signal between two bands is recorded, so the adjoint walks the bands back,
// each as in kernel/biquad.go; sections are never multiplied out.
var parametricEQ = abi.NodeType{
	Name: "ParametricEQNode", Family: filters,
	Doc: "Parametric equaliser: a chain of bands, the outer ones shelves.",
	Detail: "Bands of PeakingEQNode in series; with low_shelf the first is a LowShelfNode, with high_shelf the last is a HighShelfNode (a single band is the low shelf when both are on). " +
		"The default frequencies divide 80 Hz to 10 kHz evenly in octaves.",
	Source: "R. Bristow-Johnson, Audio EQ Cookbook (W3C Note, 2021).",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "freqs_hz", Role: abi.Corner, Unit: "Hz", Default: 1000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Vector: true, Doc: "Centre frequency of each band, or the middle of a shelf's slope."},
		{Name: "qs", Role: abi.Quality, Default: math.Sqrt2 / 2, Min: 0.05, Max: 40, Scale: abi.Log, Vector: true, Doc: "Quality of each band."},
		{Name: "gains_db", Role: abi.Boost, Unit: "dB", Default: 0, Min: -40, Max: 40, Vector: true, Doc: "Gain of each band."},
	},
	Config: []abi.Key{
		{Name: "bands", Kind: abi.Int, Default: 6.0, Min: 1, Max: 64, Doc: "Number of bands."},
		{Name: "low_shelf", Kind: abi.Bool, Default: true, Doc: "The first band is a low shelf."},
		{Name: "high_shelf", Kind: abi.Bool, Default: true, Doc: "The last band is a high shelf."},
	},
	Configure: func(s *abi.Setup) error {
		bands := s.Config.Int("bands")
		kinds := make(equaliser, bands)
		for i := range kinds {
			kinds[i] = kernel.Peaking
		}
		if s.Config.Bool("high_shelf") {
			kinds[bands-1] = kernel.HighShelf
		}
		if s.Config.Bool("low_shelf") {
			kinds[0] = kernel.LowShelf
		}
		for _, name := range []string{"freqs_hz", "qs", "gains_db"} {
			s.Param(name).Len = bands
		}
		freqs := make([]float64, bands)
		for i := range freqs {
			freqs[i] = min(80*math.Pow(10000./80, float64(i)/float64(max(bands-1, 1))), 0.45*s.Rate)
		}
		s.Param("freqs_hz").Defaults = freqs
		s.State, s.Coefs, s.Record = kernel.BiquadState*bands, kernel.BiquadCoefs*bands, bands-1
		s.Data = kinds
		return nil
	},
	FrameScratch: 3, // λ, and the gradients before and after a band
	Prepare: lanes(func(b *abi.Block, lane int) {
		freqs, qs, gains, c := b.Vector(0, lane), b.Vector(1, lane), b.Vector(2, lane), b.Coefs(lane)
		for k, kind := range b.Data.(equaliser) {
			kernel.CookbookDesign(kind, c[kernel.BiquadCoefs*k:][:kernel.BiquadCoefs], freqs[k], qs[k], gains[k], b.Rate, true)
		}
	}),
	Forward: lanes(func(b *abi.Block, lane int) {
		bands := len(b.Data.(equaliser))
		c, state := b.Coefs(lane), b.State(lane)
		for k := range bands {
			x, y := bandRows(b, lane, k, bands)
			kernel.BiquadRun(x, y, c[kernel.BiquadCoefs*k:], state[kernel.BiquadState*k:])
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		bands, frames := len(b.Data.(equaliser)), b.Frames
		c, before, dstate, fs := b.Coefs(lane), b.Before(lane), d.State(lane), b.FrameScratch(lane)
		dfreqs, dqs, dgains := d.Vector(0, lane), d.Vector(1, lane), d.Vector(2, lane)
		lambda, rows := fs[:frames], [2][]float64{fs[frames : 2*frames], fs[2*frames : 3*frames]}
		dy := d.Out(0, lane)
		for k := bands - 1; k >= 0; k-- {
			x, y := bandRows(b, lane, k, bands)
			ck, dk := c[kernel.BiquadCoefs*k:][:kernel.BiquadCoefs], dstate[kernel.BiquadState*k:][:kernel.BiquadState]
			after1, after2 := dk[0], dk[1]
			dx := d.In(0, lane)
			if k > 0 {
				dx = rows[k%2]
				clear(dx)
			}
			kernel.BiquadPoles(dy, lambda, ck, dk)
			sums := kernel.BiquadCollect(x, y, dx, lambda, ck, before[kernel.BiquadState*k:], dk, after1, after2)
			var dfreq, dq, dgain float64
			for i, s := range sums {
				dfreq += s * ck[5+i]
				dq += s * ck[10+i]
				dgain += s * ck[15+i]
			}
			dfreqs[k] += dfreq
			dqs[k] += dq
			dgains[k] += dgain
			dy = dx
		}
	}),
	Second: kernel.Second(equaliserFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		bands, frames := len(b.Data.(equaliser)), b.Frames
		c, before, tstate, fs := b.Coefs(lane), b.Before(lane), t.State(lane), b.FrameScratch(lane)
		tfreqs, tqs, tgains := t.Vector(0, lane), t.Vector(1, lane), t.Vector(2, lane)
		tx := fs[:frames]
		copy(tx, t.In(0, lane))
		for k := range bands {
			x, y := bandRows(b, lane, k, bands)
			ck, s, ts := c[kernel.BiquadCoefs*k:][:kernel.BiquadCoefs], before[kernel.BiquadState*k:], tstate[kernel.BiquadState*k:]
			var tc [5]float64
			for i := range tc {
				tc[i] = ck[5+i]*tfreqs[k] + ck[10+i]*tqs[k] + ck[15+i]*tgains[k]
			}
			kernel.BiquadPush(x, y, tx, tx, ck, tc[:], s, ts)
		}
		copy(t.Out(0, lane), tx)
	}),
}

// equaliser lists the kinds of the bands.
type equaliser []kernel.Filter

// bandRows returns input and output of band k.
func bandRows(b *abi.Block, lane, k, bands int) (x, y []float64) {
	x, y = b.In(0, lane), b.Out(0, lane)
	if k > 0 {
		x = b.Record(k-1, lane)
	}
	if k < bands-1 {
		y = b.Record(k, lane)
	}
	return x, y
}

func equaliserFormula(f *kernel.Formula) {
	kinds := f.Block.Data.(equaliser)
	freqs, qs, gains := f.Vector(0), f.Vector(1), f.Vector(2)
	var c [][5]kernel.Number
	for k, kind := range kinds {
		c = append(c, f.Cookbook(kind, freqs[k], qs[k], gains[k]))
	}
	for n := range f.Frames() {
		x := f.In(0, n)
		for k := range kinds {
			x = f.Section(c[k], x, kernel.BiquadState*k)
		}
		f.Out(0, n, x)
	}
}

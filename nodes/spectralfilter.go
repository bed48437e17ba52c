package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(spectralFilter) }

// spectralFilter weighs the bins of a short-time spectrum. With windows of N
// frames at the absolute multiples n of the hop, v the window,
//
//	X = DFT(v x[n-N … n-1]),   Y_k = G_k X_k,   tail_r[n … n+N-1] = v IDFT(Y)
//	y[n] = Σ_r tail_r[n],   G_k = 10^(Σ_b w_kb gains_b/20)
//
// v² is Hann's window, scaled so that equal gains only scale. The adjoint takes
// the same steps the other way, by the adjoints of the transforms:
//
//	Y' = IDFT^T(v tail'),   Ḡ_k += Re X_k conj(Y'_k),   x̄ += v DFT^T(G Y')
//
// Windows take turns with N/hop tails, so none overlaps the one before it in its
// tail. A tail is an internal row that holds frame n in the place of n-N, so
// that a window writes what lies ahead of it.
var spectralFilter = abi.NodeType{
	Name: "SpectralFilterNode", Family: controlled,
	Doc: "Filter by gains of frequency bands, on a short-time spectrum.",
	Detail: "Every hop frames the last window frames are windowed (root of Hann), transformed, multiplied by gains without phase, transformed back, windowed and added up. " +
		"The bands' middles lie evenly in log frequency, the first on the first bin above 0 Hz and the last on rate/2; between them the gain in dB is linear in log frequency. " +
		"The output is window frames late. Windows sit on absolute frames. A gain that changes steeply from bin to bin rings on both sides of a sound, within the window.",
	Source: "J. B. Allen, L. R. Rabiner, A Unified Approach to Short-Time Fourier Analysis and Synthesis, Proc. IEEE 65(11), 1977.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "gains_db", Role: abi.Boost, Unit: "dB", Default: 0, Min: -120, Max: 40, Vector: true, Doc: "Gain of each band."},
	},
	Config: append([]abi.Key{
		{Name: "bands", Kind: abi.Int, Default: 16.0, Min: 1, Max: 512, Doc: "Number of bands."},
	}, kernel.STFTKeys...),
	Configure: func(s *abi.Setup) error {
		st, err := kernel.NewSTFT(s, "window", "hop")
		if err != nil {
			return err
		}
		bands := s.Config.Int("bands")
		law := &spectralLaw{STFT: st, place: make([]float64, st.Bins)}
		s.Param("gains_db").Len = bands
		for k := range law.place {
			octaves := math.Log2(float64(st.N) / 2)
			if octaves > 0 {
				law.place[k] = float64(bands-1) * math.Log2(float64(max(k, 1))) / octaves
			}
			law.place[k] = min(law.place[k], float64(bands-1))
		}
		s.Internal = st.Rows(1)
		s.Coefs, s.Scratch = st.Bins, st.Scratch()+5*st.Bins
		s.Data = law
		return nil
	},
	Prepare: lanes(func(b *abi.Block, lane int) {
		law := b.Data.(*spectralLaw)
		gains, g := b.Vector(0, lane), b.Coefs(lane)
		for k, at := range law.place {
			i := int(at)
			f := at - float64(i)
			db := gains[i]
			if f > 0 {
				db += f * (gains[i+1] - gains[i])
			}
			g[k] = math.Exp(decibels * db)
		}
	}),
	Forward:  spectralForward,
	Backward: spectralBackward,
	Tangent:  lanePairs(spectralTangent),
	Second:   spectralSecond,
}

type spectralLaw struct {
	*kernel.STFT
	place []float64 // of each bin, in bands
}

func spectralForward(b *abi.Block) { spectralRun(b, b) }

// spectralRun filters the rows of r with the gains of b.
func spectralRun(b, r *abi.Block) {
	law := b.Data.(*spectralLaw)
	for lane := range b.Lanes {
		x, y, row := r.In(0, lane), r.Out(0, lane), r.Internal(0, lane)
		law.Open(r, lane, x, 1)
		frames, re, im, _, _, free := law.Work(b.Scratch(lane))
		for n := 0; n < len(x); {
			count, boundary := kernel.Until(b.Frame(lane), n, len(x), law.Hop)
			if boundary {
				law.Analyse(re, im, row[n:n+law.N], frames, free)
				for k, g := range b.Coefs(lane) {
					re[k] *= g
					im[k] *= g
				}
				law.Synthesise(law.Tail(r, lane, 0, n, b.Frame(lane)), re, im, frames, free)
			}
			law.Sum(y[n:n+count], r, lane, 0, n)
			n += count
		}
	}
}

func spectralBackward(b, d *abi.Block) {
	law := b.Data.(*spectralLaw)
	for lane := range b.Lanes {
		row, drow := b.Internal(0, lane), d.Internal(0, lane)
		dx, dy := d.In(0, lane), d.Out(0, lane)
		frames, re, im, gr, gi, free := law.Work(b.Scratch(lane))
		dg := b.Scratch(lane)[law.Scratch():][:law.Bins]
		clear(dg)
		law.STFT.Spread(dy, d, lane, 0)
		for n := law.Last(b.Frame(lane), len(dy)); n >= 0; n -= law.Hop {
			law.Analyse(re, im, row[n:n+law.N], frames, free)
			law.SynthesiseBack(gr, gi, law.Tail(d, lane, 0, n, b.Frame(lane)), frames, free)
			for k, g := range b.Coefs(lane) {
				dg[k] += g * (re[k]*gr[k] + im[k]*gi[k]) // by ln G
				gr[k] *= g
				gi[k] *= g
			}
			law.AnalyseBack(drow[n:n+law.N], gr, gi, frames, free)
		}
		vec.Add(dx, drow[law.N:])
		dgains := d.Vector(0, lane)
		for k, at := range law.place {
			i := int(at)
			f := at - float64(i)
			dgains[i] += decibels * (1 - f) * dg[k]
			if f > 0 {
				dgains[i+1] += decibels * f * dg[k]
			}
		}
	}
}

func spectralTangent(b, t *abi.Block, lane int) {
	law := b.Data.(*spectralLaw)
	row, trow := b.Internal(0, lane), t.Internal(0, lane)
	tx, ty, tgains := t.In(0, lane), t.Out(0, lane), t.Vector(0, lane)
	law.Open(t, lane, tx, 1)
	frames, re, im, gr, gi, free := law.Work(b.Scratch(lane))
	for n := 0; n < len(tx); {
		count, boundary := kernel.Until(b.Frame(lane), n, len(tx), law.Hop)
		if boundary {
			law.Analyse(re, im, row[n:n+law.N], frames, free)
			law.Analyse(gr, gi, trow[n:n+law.N], frames, free)
			for k, g := range b.Coefs(lane) {
				i := int(law.place[k])
				f := law.place[k] - float64(i)
				tg := (1 - f) * tgains[i]
				if f > 0 {
					tg += f * tgains[i+1]
				}
				tg *= decibels * g
				re[k], im[k] = g*gr[k]+tg*re[k], g*gi[k]+tg*im[k]
			}
			law.Synthesise(law.Tail(t, lane, 0, n, b.Frame(lane)), re, im, frames, free)
		}
		law.Sum(ty[n:n+count], t, lane, 0, n)
		n += count
	}
}

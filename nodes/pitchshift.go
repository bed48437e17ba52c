package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(pitchShift) }

// pitchShift moves the partials of a short-time spectrum. With r = 2^(s/12) and
// windows as in spectralfilter.go,
//
//	X = DFT(v x),   f = true frequency of a peak p, by its phase and that before
//	θ = θ_p + 2π hop (r-1) f,   Y_{k+round((r-1) f N)} += e^{iθ} X_k around p
//	θ_k = θ around p,   tail = v IDFT(Y)
//
// Phases before and θ are the state, in cycles. Which bin goes where is a matter
// of rounding, and the phase a sum over all windows of a pitch whose gradient
// would be dense with jumps: there is no adjoint.
var pitchShift = abi.NodeType{
	Name: "PitchShiftNode", Family: controlled,
	Doc: "Pitch shifter: a streaming phase vocoder.",
	Detail: "Every hop frames the last window frames are transformed; the true frequency of each peak follows from how far its phase moved since the window before. The bins around a peak, from valley to valley, move together by whole bins and are turned so that the peak runs on with its new frequency. " +
		"At 0 semitones the output is the input, window frames late. Transients smear over the window. semitones is read where a window is taken. " +
		"There is no adjoint: bins go where rounding sends them, so gradients end here and learned parameters before it are reported.",
	Source: "J. Laroche, M. Dolson, New Phase-Vocoder Techniques for Pitch-Shifting, Harmonizing and Other Exotic Effects, WASPAA 1999; S. M. Bernsee, Pitch Shifting Using the Fourier Transform, 1999.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "semitones", Unit: "semitones", Default: 0, Min: -24, Max: 24, Mod: true, Doc: "How far the pitch moves."},
	},
	Config: stftKeys,
	Configure: func(s *abi.Setup) error {
		st, err := newSTFT(s, "window", "hop")
		if err != nil {
			return err
		}
		s.Internal = st.rows(1)
		s.State = 2 * st.bins
		s.Scratch = st.scratch() + st.bins
		s.Data = st
		return nil
	},
	Forward: func(b *abi.Block) {
		st := b.Data.(*stft)
		for lane := range b.Lanes {
			x, y, row := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
			st.open(b, lane, x, 1)
			frames, re, im, gr, gi, free := st.work(b.Scratch(lane))
			best := b.Scratch(lane)[st.scratch():][:st.bins]
			for n := 0; n < len(x); {
				count, boundary := until(b.Frame(lane), n, len(x), st.hop)
				if boundary {
					st.analyse(re, im, row[n:n+st.n], frames, free)
					st.shift(b.State(lane), re, im, gr, gi, best, math.Exp2(b.Param(0, lane).At(n)/12))
					st.synthesise(st.tail(b, lane, 0, n, b.Frame(lane)), gr, gi, frames, free)
				}
				st.sum(y[n:n+count], b, lane, 0, n)
				n += count
			}
		}
	},
}

// shift writes the shifted spectrum of re, im to gr, gi. The state is the phases
// of the window before, and how far each bin has been turned.
func (t *stft) shift(state, re, im, gr, gi, size []float64, ratio float64) {
	before, theta := state[:t.bins], state[t.bins:2*t.bins]
	clear(gr)
	clear(gi)
	for k := range re {
		size[k] = re[k]*re[k] + im[k]*im[k]
	}
	for from := 0; from < t.bins; {
		// The next peak, then the valley behind it, where its region ends.
		p := from
		for p+1 < t.bins && size[p+1] >= size[p] {
			p++
		}
		to := p + 1
		for to < t.bins && size[to] <= size[to-1] {
			to++
		}
		// Cycles per hop: those of the bin, and what the phase has more.
		step := float64(p*t.hop) / float64(t.n)
		more := math.Atan2(im[p], re[p])/(2*math.Pi) - before[p] - step
		more -= math.Round(more)
		move := (ratio - 1) * (step + more)
		turn := frac(theta[p] + move)
		c, s := cosTurn(turn), sinTurn(turn)
		by := int(math.Round(move * float64(t.n) / float64(t.hop)))
		for k := from; k < to; k++ {
			theta[k] = turn
			if j := k + by; j >= 0 && j < t.bins {
				gr[j] += c*re[k] - s*im[k]
				gi[j] += c*im[k] + s*re[k]
			}
		}
		from = to
	}
	for k := range re {
		before[k] = math.Atan2(im[k], re[k]) / (2 * math.Pi)
	}
}

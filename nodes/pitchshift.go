package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(pitchShift) }

// pitchShift moves the partials of a short-time spectrum. With r = 2^(s/12) and
// windows as in spectralfilter.go,
//
//	X = DFT(v x),   f = true frequency of a peak p, by its phase and that before
//	θ = θ_p + 2π hop (r-1) f,   Y_{k+round((r-1) f N)} += e^{iθ} X_k around p
//	θ_k = θ around p,   tail = v IDFT(Y)
//
// Phases before and θ are the state, in cycles. What is decided stays as it fell:
// which bins are peaks, which region a bin belongs to, by how many bins it moves,
// and how often a phase is wound. With these, everything is smooth, and the
// adjoint of a window is, over the bins k of a region with the peak p and
// Z = e^{2πiθ} X, Y' the gradient of Y (by its real part, plus i times that by its
// imaginary part):
//
//	X'_k = e^{-2πiθ} Y'_{k+…},   θ̄ = Σ_k θ̄_k + 2π Im(Z̄_k Y'_{k+…})
//	f̄ = hop (r-1) θ̄,   r̄ = hop f θ̄,   θ̄_p before = θ̄, of the other bins 0
//	X'_k += i X_k/|X_k|² φ̄_k/2π,   φ̄ the gradient of a phase: as the peak's, and by the next window
var pitchShift = abi.NodeType{
	Name: "PitchShiftNode", Family: controlled,
	Doc: "Pitch shifter: a streaming phase vocoder.",
	Detail: "Every hop frames the last window frames are transformed; the true frequency of each peak follows from how far its phase moved since the window before. The bins around a peak, from valley to valley, move together by whole bins and are turned so that the peak runs on with its new frequency. " +
		"At 0 semitones the output is the input, window frames late. Transients smear over the window. semitones is read where a window is taken. " +
		"The gradient takes the magnitudes and the phases, also those that add up over the windows, with all decisions as they fell: peaks, regions, whole bins, windings. It is exact between the places where one of them turns, where the output jumps. A bin of nothing has no phase to differentiate.",
	Source: "J. Laroche, M. Dolson, New Phase-Vocoder Techniques for Pitch-Shifting, Harmonizing and Other Exotic Effects, WASPAA 1999; S. M. Bernsee, Pitch Shifting Using the Fourier Transform, 1999.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "semitones", Role: abi.Interval, Unit: "semitones", Default: 0, Min: -24, Max: 24, Mod: true, Doc: "How far the pitch moves."},
	},
	Config: kernel.STFTKeys,
	Configure: func(s *abi.Setup) error {
		st, err := kernel.NewSTFT(s, "window", "hop")
		if err != nil {
			return err
		}
		s.Internal = st.Rows(1)
		s.State = 2 * st.Bins
		s.Scratch = st.Scratch() + 7*st.Bins
		s.FrameScratch = (2*st.Bins + st.Hop - 1) / st.Hop // the states at the windows of a block
		s.Data = vocoder{st}
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		st := b.Data.(vocoder)
		x, y, row := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
		st.Open(b, lane, x, 1)
		frames, re, im, gr, gi, free := st.Work(b.Scratch(lane))
		best := b.Scratch(lane)[st.Scratch():][:st.Bins]
		for n := 0; n < len(x); {
			count, boundary := kernel.Until(b.Frame(lane), n, len(x), st.Hop)
			if boundary {
				st.Analyse(re, im, row[n:n+st.N], frames, free)
				st.shift(b.State(lane), re, im, gr, gi, best, math.Exp2(b.Param(0, lane).At(n)/12))
				st.Synthesise(st.Tail(b, lane, 0, n, b.Frame(lane)), gr, gi, frames, free)
			}
			st.Sum(y[n:n+count], b, lane, 0, n)
			n += count
		}
	}),
	Backward: lanePairs(pitchShiftBackward),
}

// vocoder is a short-time transform whose peaks are moved.
type vocoder struct{ *kernel.STFT }

func pitchShiftBackward(b, d *abi.Block, lane int) {
	st := b.Data.(vocoder)
	dx, dy, row, drow, dstate := d.In(0, lane), d.Out(0, lane), b.Internal(0, lane), d.Internal(0, lane), d.State(lane)
	frames, re, im, gr, gi, free := st.Work(b.Scratch(lane))
	m := b.Scratch(lane)[st.Scratch():]
	size, dre, dim, state, first, m := m[:st.Bins], m[st.Bins:2*st.Bins], m[2*st.Bins:3*st.Bins], m[3*st.Bins:5*st.Bins], m[5*st.Bins:7*st.Bins], b.FrameScratch(lane)
	at := func(n int) []float64 { // the state at the window of frame n
		if n /= st.Hop; n > 0 {
			return m[2*st.Bins*(n-1):][:2*st.Bins]
		}
		return first
	}
	ratio := func(n int) float64 { return math.Exp2(b.Param(0, lane).At(n) / 12) }
	copy(state, b.Before(lane))
	last := st.Last(b.Frame(lane), len(dy))
	for n := last % st.Hop; n <= last && last >= 0; n += st.Hop {
		copy(at(n), state)
		st.Analyse(re, im, row[n:n+st.N], frames, free)
		st.shift(state, re, im, gr, gi, size, ratio(n))
	}
	st.Spread(dy, d, lane, 0)
	for n := last; n >= 0; n -= st.Hop {
		st.Analyse(re, im, row[n:n+st.N], frames, free)
		st.SynthesiseBack(gr, gi, st.Tail(d, lane, 0, n, b.Frame(lane)), frames, free)
		r := ratio(n)
		dratio := st.shiftBack(at(n), dstate, re, im, gr, gi, dre, dim, size, r)
		d.Param(0, lane).Add(n, dratio*r*math.Ln2/12)
		st.AnalyseBack(drow[n:n+st.N], dre, dim, frames, free)
	}
	vec.Add(dx, drow[st.N:])
}

// shift writes the shifted spectrum of re, im to gr, gi. The state is the phases
// of the window before, and how far each bin has been turned.
func (t vocoder) shift(state, re, im, gr, gi, size []float64, ratio float64) {
	before, theta := state[:t.Bins], state[t.Bins:2*t.Bins]
	clear(gr)
	clear(gi)
	for k := range re {
		size[k] = re[k]*re[k] + im[k]*im[k]
	}
	for from := 0; from < t.Bins; {
		p, to := region(size, from)
		freq := t.frequency(p, before, re, im)
		turn, by := t.move(theta[p], freq, ratio)
		c, s := kernel.CosTurn(turn), kernel.SinTurn(turn)
		for k := from; k < to; k++ {
			theta[k] = turn
			if j := k + by; j >= 0 && j < t.Bins {
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

// shiftBack is the adjoint of shift: state is that before, dstate the gradient of
// the state after, which it replaces by that of the state before. gr and gi are
// the gradients of the shifted spectrum, dre and dim become those of re and im. It
// returns the gradient of the ratio.
func (t vocoder) shiftBack(state, dstate, re, im, gr, gi, dre, dim, size []float64, ratio float64) (dratio float64) {
	before, theta := state[:t.Bins], state[t.Bins:]
	dphase, dtheta := dstate[:t.Bins], dstate[t.Bins:] // of the phases here, then of those before
	for k := range re {
		size[k] = re[k]*re[k] + im[k]*im[k]
	}
	for from := 0; from < t.Bins; {
		p, to := region(size, from)
		freq := t.frequency(p, before, re, im)
		turn, by := t.move(theta[p], freq, ratio)
		c, s := kernel.CosTurn(turn), kernel.SinTurn(turn)
		dturn := 0.0
		for k := from; k < to; k++ {
			dturn += dtheta[k]
			dtheta[k] = 0
			var yr, yi float64
			if j := k + by; j >= 0 && j < t.Bins {
				yr, yi = gr[j], gi[j]
			}
			zr, zi := c*re[k]-s*im[k], c*im[k]+s*re[k]
			dturn += 2 * math.Pi * (zr*yi - zi*yr)
			dre[k], dim[k] = c*yr+s*yi, c*yi-s*yr
		}
		dtheta[p] = dturn
		dratio += freq * dturn
		dfreq := (ratio - 1) * dturn
		for k := from; k < to; k++ {
			g := dphase[k]
			dphase[k] = 0
			if k == p && !t.real(p) {
				g += dfreq
				dphase[k] = -dfreq
			}
			if size[k] > 0 {
				g /= 2 * math.Pi * size[k]
				dre[k] -= g * im[k]
				dim[k] += g * re[k]
			}
		}
		from = to
	}
	return dratio
}

// region returns the next peak from a bin on, and the valley behind it, where its
// region ends.
func region(size []float64, from int) (p, to int) {
	p = from
	for p+1 < len(size) && size[p+1] >= size[p] {
		p++
	}
	to = p + 1
	for to < len(size) && size[to] <= size[to-1] {
		to++
	}
	return p, to
}

// frequency returns that of a peak in cycles per hop: those of the bin, and what
// its phase has more. At 0 and at half the rate the spectrum is real and has no
// phase but a sign, which says nothing.
func (t vocoder) frequency(p int, before, re, im []float64) float64 {
	step := float64(p*t.Hop) / float64(t.N)
	if t.real(p) {
		return step
	}
	more := math.Atan2(im[p], re[p])/(2*math.Pi) - before[p] - step
	return step + (more - math.Round(more))
}

func (t vocoder) real(k int) bool { return k == 0 || 2*k == t.N }

// move returns how far a peak is turned that was turned by theta, and by how many
// bins it moves.
func (t vocoder) move(theta, freq, ratio float64) (turn float64, by int) {
	move := (ratio - 1) * freq
	return kernel.Frac(theta + move), int(math.Round(move * float64(t.N) / float64(t.Hop)))
}

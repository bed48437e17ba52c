package analysis

import (
	"cmp"
	"math"
	"slices"

	"ampfit/internal/fft"
)

// Partial is a decaying sinusoid of a recording,
//
//	amp e^(-decay t) sin 2π(freq t + phase)
type Partial struct {
	Freq, Amp, Decay, Phase float64 // Hz, at t = 0, 1/s, cycles
	Peak                    float64 // largest amplitude it has
	Rise                    float64 // s until then
}

// spectrogram is the Hann spectra of a signal, window by window, all inside it.
type spectrogram struct {
	rate           float64
	size, hop      int
	bins, windows  int
	re, im, energy []float64 // window by window; |X|² of a sine of amplitude a is a² at its middle
}

func newSpectrogram(x []float64, rate float64, size, hop int) *spectrogram {
	plan := fft.NewPlan(size)
	s := &spectrogram{rate: rate, size: size, hop: hop, bins: plan.Bins(), windows: 1 + max(0, len(x)-size)/hop}
	n := s.windows * s.bins
	s.re, s.im, s.energy = make([]float64, n), make([]float64, n), make([]float64, n)
	frame, work := make([]float64, size), plan.Scratch()
	for w := range s.windows {
		clear(frame)
		for i, v := range x[w*hop : min(w*hop+size, len(x))] {
			frame[i] = v * (1 - math.Cos(2*math.Pi*(float64(i)+0.5)/float64(size))) * 2 / float64(size)
		}
		re, im := s.re[w*s.bins:][:s.bins], s.im[w*s.bins:][:s.bins]
		plan.Forward(re, im, frame, work)
		for k := range re {
			s.energy[w*s.bins+k] = re[k]*re[k] + im[k]*im[k]
		}
	}
	return s
}

// time is that of the middle of a window in s.
func (s *spectrogram) time(w int) float64 {
	return (float64(w*s.hop) + float64(s.size-1)/2) / s.rate
}

// windowFor is the size of a window that parts partials some 45 Hz apart and
// leaves several windows in a short sound.
func windowFor(frames int, rate float64) int {
	size := 256
	for float64(size) < 0.08*rate && size*2 <= frames/3 {
		size *= 2
	}
	return size
}

// Partials returns the strongest partials of a signal, at most count of
// them, the strongest first: maxima of the spectrum that every bin reaches at
// its loudest, with frequency and decay from the course of phase and level
// through the windows.
//
// Source: J. O. Smith, X. Serra, PARSHL: An Analysis/Synthesis Program for
// Non-Harmonic Sounds, ICMC 1987.
func Partials(x []float64, rate float64, count int) []Partial {
	size := windowFor(len(x), rate)
	if len(x) < size {
		return nil
	}
	s := newSpectrogram(x, rate, size, size/8)
	top := make([]float64, s.bins)
	for w := range s.windows {
		for k := range top {
			top[k] = max(top[k], s.energy[w*s.bins+k])
		}
	}
	var at []int
	for k := 2; k < s.bins-2; k++ {
		if top[k] > 0 && top[k] >= top[k-1] && top[k] > top[k+1] && top[k] > top[k-2] && top[k] > top[k+2] {
			at = append(at, k)
		}
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(top[b], top[a]) })
	var out []Partial
	for _, k := range at {
		if len(out) == count || top[k] < 1e-9*top[at[0]] {
			break
		}
		out = append(out, s.track(k))
	}
	return out
}

// track follows the partial at bin k.
func (s *spectrogram) track(k int) Partial {
	loud := 0 // window where it is loudest
	for w := range s.windows {
		if s.energy[w*s.bins+k] > s.energy[loud*s.bins+k] {
			loud = w
		}
	}
	row := s.energy[loud*s.bins:]
	bin := float64(k) + vertex(math.Log(row[k-1]+1e-300), math.Log(row[k]+1e-300), math.Log(row[k+1]+1e-300))
	freq := bin * s.rate / float64(s.size)
	p := Partial{Rise: s.time(loud) - float64(s.size)/2/s.rate}
	// The phase that a window is ahead of the last one tells the frequency to a
	// fraction of a bin; the level tells the decay. Both count by energy, down
	// to where 40 dB are lost.
	var turns, weight float64
	var sw, st, sl, stt, stl float64
	for w := loud; w < s.windows; w++ {
		e := s.energy[w*s.bins+k]
		if e < 1e-4*row[k] {
			break
		}
		t, level := s.time(w), math.Log(e+1e-300)/2
		sw, st, sl, stt, stl = sw+e, st+e*t, sl+e*level, stt+e*t*t, stl+e*t*level
		if w+1 < s.windows {
			step := freq * float64(s.hop) / s.rate
			d := s.phase(w+1, k) - s.phase(w, k) - step
			turns += e * (d - math.Round(d))
			weight += e
		}
	}
	if weight > 0 {
		if shift := turns / weight * s.rate / float64(s.hop); math.Abs(shift) < s.rate/float64(s.size) {
			freq += shift
		}
	}
	slope := 0.0
	if spread := sw*stt - st*st; spread > 1e-12*sw*stt {
		slope = (sw*stl - st*sl) / spread
	}
	p.Freq, p.Decay = freq, max(-slope, 0)
	// Level and phase at the loudest window lead back to frame 0.
	t, off := s.time(loud), bin-float64(k)
	p.Peak = math.Sqrt(row[k]) / hannGain(off)
	p.Amp = p.Peak * math.Exp(min(p.Decay*t, 7))
	// A window of size frames centred between two of them has the phase of its
	// middle; a sine is a quarter turn behind a cosine.
	p.Phase = s.phase(loud, k) + 0.25 + float64(k)*float64(s.size-1)/2/float64(s.size) - freq*t
	p.Phase -= math.Floor(p.Phase)
	return p
}

// phase is that of a bin in a window in cycles.
func (s *spectrogram) phase(w, k int) float64 {
	return math.Atan2(s.im[w*s.bins+k], s.re[w*s.bins+k]) / 2 / math.Pi
}

// vertex is where the parabola through three equidistant values has its top.
func vertex(a, b, c float64) float64 {
	d := a - 2*b + c
	if d >= 0 {
		return 0
	}
	return min(max((a-c)/(2*d), -0.5), 0.5)
}

// hannGain is the gain of a Hann window so many bins off its middle.
func hannGain(off float64) float64 {
	if math.Abs(off) < 1e-6 {
		return 1
	}
	return math.Sin(math.Pi*off) / (math.Pi * off) / (1 - off*off)
}

// Fundamental is the pitch whose multiples hold most of the partials' energy,
// 0 for none. Of a pitch and its octave below, which explains as much, the
// higher one wins.
func Fundamental(ps []Partial) float64 {
	best, pitch := 0.0, 0.0
	for _, p := range ps[:min(len(ps), 12)] {
		for div := 1; div <= 8; div++ {
			f := p.Freq / float64(div)
			if f < 20 {
				continue
			}
			score := 0.0
			for _, q := range ps {
				k := math.Round(q.Freq / f)
				if k < 1 || k > 40 {
					continue
				}
				off := (q.Freq/f - k) / (0.02 + 0.01*k) // stretched partials count too
				score += math.Sqrt(q.Peak) * math.Exp(-off*off) / math.Pow(k, 0.25)
			}
			score *= math.Pow(float64(div), -0.3)
			if score > best {
				best, pitch = score, f
			}
		}
	}
	return pitch
}

// Harmonics sorts partials to the multiples of a pitch.
func Harmonics(ps []Partial, pitch float64, n int) []Partial {
	out := make([]Partial, n)
	if pitch <= 0 {
		return out
	}
	for _, q := range ps {
		k := int(math.Round(q.Freq/pitch)) - 1
		if k < 0 || k >= n || math.Abs(q.Freq/pitch-float64(k+1)) > 0.25 {
			continue
		}
		if q.Peak > out[k].Peak {
			out[k] = q
		}
	}
	return out
}

// Pitches are the frequencies that the oscillators of a sound may have: its
// pitch, its strongest partials, and their distances.
func Pitches(ps []Partial, pitch float64) []float64 {
	var out []float64
	see := func(f float64) {
		if f < 15 || slices.ContainsFunc(out, func(g float64) bool { return math.Abs(math.Log(f/g)) < 0.01 }) {
			return
		}
		out = append(out, f)
	}
	see(pitch)
	strong := ps[:min(4, len(ps))]
	for _, a := range strong {
		see(a.Freq)
	}
	for i, a := range strong {
		for _, b := range strong[:i] {
			see(math.Abs(a.Freq - b.Freq))
		}
	}
	return out[:min(8, len(out))]
}

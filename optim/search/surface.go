package search

import (
	"math"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// surface tells for every short window of a recording how well a node would
// match it, standing still at each of a grid of values. A wave that moves
// the value is a track across it: what a rendering costs to try, a track gives
// for a sum over windows.
//
// With the node's mix learned, its output is a x + b e: x the dry part, e the
// wet one, and the track keeps the products that a and b follow from.
type surface struct {
	m           *movement
	feedback    float64
	first, step float64 // of the grid: ms, or octaves above 1 Hz
	n           int     // values
	hop         float64 // s, of a window
	windows     int
	mixed       bool
	ee, ex, et  []float32 // windows × values
	xx, xt, tt  float64   // over all windows
}

// Limits of a surface.
const (
	delayHop    = 0.005 // s
	cornerHop   = 0.010
	cornerSteps = 6 // an octave
	lowCorner   = 40
)

// span is the grid of a movement for a problem: delays a frame apart, corners a
// sixth of an octave.
func (m *movement) span(o *problem.Problem) (first, step float64, n int) {
	v := &o.Variables[o.Index(m.centre)]
	rate := o.Model.Plan.Rate
	if m.octaves {
		lo, hi := math.Log2(math.Max(v.Lo, lowCorner)), math.Log2(math.Min(v.Hi, 0.45*rate))
		return lo, 1.0 / cornerSteps, int((hi-lo)*cornerSteps) + 1
	}
	step = 1000 / rate
	hi := math.Min(v.Hi, 900*o.Seconds())
	return v.Lo, step, int((hi-v.Lo)/step) + 1
}

// newSurface renders the node at n values from first on, at a feedback, the others
// being as at x.
func newSurface(o *problem.Problem, x []float64, m *movement, feedback, first, step float64, n int) *surface {
	hop := delayHop
	if m.octaves {
		hop = cornerHop
	}
	frames, rate := o.Frames(), o.Model.Plan.Rate
	size := max(int(hop*rate), 1)
	if m.depth == nil {
		size = frames
	}
	s := &surface{m: m, feedback: feedback, first: first, step: step, n: n, hop: float64(size) / rate, windows: frames / size}
	s.ee, s.ex, s.et = make([]float32, s.windows*n), make([]float32, s.windows*n), make([]float32, s.windows*n)
	held := 0.0
	if m.depth != nil {
		held = m.depth.Values[0]
	}
	o.Set(x)
	if m.depth != nil {
		o.Hold(m.depth, 0)
	}
	if o.Index(m.feedback) >= 0 {
		o.Hold(m.feedback, feedback)
	}
	dry := make([]float64, len(o.Target))
	if s.mixed = o.Index(m.mix) >= 0; s.mixed {
		o.Hold(m.mix, 0)
		copy(dry, o.Forward())
		o.Hold(m.mix, 1)
	}
	used := s.windows * size
	for c := range o.Channels {
		at := c * frames
		s.xx += method.Dot(dry[at:at+used], dry[at:at+used])
		s.xt += method.Dot(dry[at:at+used], o.Target[at:at+used])
		s.tt += method.Dot(o.Target[at:at+used], o.Target[at:at+used])
	}
	for k := range n {
		o.Hold(m.centre, m.value(first+float64(k)*step))
		y := o.Forward()
		for w := range s.windows {
			var ee, ex, et float64
			for c := range o.Channels {
				at := c*frames + w*size
				e := y[at : at+size]
				ee += method.Dot(e, e)
				ex += method.Dot(e, dry[at:at+size])
				et += method.Dot(e, o.Target[at:at+size])
			}
			s.ee[w*n+k], s.ex[w*n+k], s.et[w*n+k] = float32(ee), float32(ex), float32(et)
		}
	}
	if m.depth != nil {
		o.Hold(m.depth, held)
	}
	return s
}

// track is a wave on a surface: value = centre + depth w(phase + rate (t − middle)).
type track struct {
	s                          *surface
	centre, depth, rate, phase float64
	mix                        float64 // 1 for a mix that is held
	score                      float64 // part of the target's energy explained
}

// middle is the time at which a track's phase is taken: that of the start would
// turn with the rate.
func (s *surface) middle() float64 { return float64(s.windows) * s.hop / 2 }

func (s *surface) time(w int) float64 { return (float64(w) + 0.5) * s.hop }

// judge finds how well a track explains the target, and at which mix.
func (t *track) judge() {
	s := t.s
	var ee, ex, et float64
	middle := s.middle()
	for w := range s.windows {
		at := t.centre
		if t.depth != 0 {
			at += t.depth * s.m.wave(t.phase+t.rate*(s.time(w)-middle))
		}
		u := (at - s.first) / s.step
		if !s.m.octaves && (u < 0 || u > float64(s.n-1)) {
			continue // no such delay: silence
		}
		u = math.Min(math.Max(u, 0), float64(s.n-1))
		k := min(int(u), s.n-2)
		a := u - float64(k)
		at2 := w*s.n + k
		ee += (1-a)*float64(s.ee[at2]) + a*float64(s.ee[at2+1])
		ex += (1-a)*float64(s.ex[at2]) + a*float64(s.ex[at2+1])
		et += (1-a)*float64(s.et[at2]) + a*float64(s.et[at2+1])
	}
	if !s.mixed {
		t.mix, t.score = 1, (2*et-ee)/s.tt
		return
	}
	det := ee*s.xx - ex*ex
	if det <= 1e-9*ee*s.xx {
		t.mix, t.score = 0.5, 0
		return
	}
	a, b := (s.xt*ee-et*ex)/det, (et*s.xx-s.xt*ex)/det
	t.score = (a*s.xt + b*et) / s.tt
	if b <= 0 {
		t.score = 0
	}
	t.mix = math.Min(math.Max(b/(math.Max(a, 0)+b), 0.05), 0.95)
	if b <= 0 {
		t.mix = 0.05
	}
}

// climb moves a track to a summit nearby.
func (t *track) climb() {
	t.judge()
	unit := 0.3
	seconds := 2 * t.s.middle()
	steps := []float64{unit, unit, 0.2 / seconds, 0.06}
	if t.depth == 0 {
		steps = steps[:1]
	}
	for size := 1.0; size > 0.02; {
		moved := false
		for i, step := range steps {
			for _, sign := range []float64{1, -1} {
				u := *t
				*[]*float64{&u.centre, &u.depth, &u.rate, &u.phase}[i] += sign * step * size
				if u.depth < 0 || u.rate < 0 {
					continue
				}
				if u.judge(); u.score > t.score {
					*t, moved = u, true
					break
				}
			}
		}
		if !moved {
			size /= 2
		}
	}
}

// point is x with the movement as the track has it.
func (t *track) point(o *problem.Problem, x []float64) []float64 {
	p := append([]float64(nil), x...)
	m := t.s.m
	o.Put(p, m.centre, m.value(t.centre))
	if m.depth != nil {
		o.Put(p, m.depth, t.depth/m.scale)
		o.Put(p, m.rate, t.rate)
		phase := t.phase - t.rate*t.s.middle()
		o.Put(p, m.phase, phase-math.Floor(phase))
	}
	if m.feedback != nil {
		o.Put(p, m.feedback, t.s.feedback)
	}
	if t.s.mixed {
		o.Put(p, m.mix, t.mix)
	}
	return p
}

package search

import (
	"math"
	"slices"
	"sort"
)

// Limits of the search for tracks.
const (
	pool       = 3   // values and windows taken together
	fastRate   = 2   // Hz, from which one second tells the rate
	fastest    = 12  // Hz, tried
	phases     = 16  // tried
	trackKeep  = 24  // climbed from
	mostDepth  = 12  // ms
	mostOctave = 3.5 // octaves
)

// tracks searches a surface for the waves that explain most.
func (s *surface) tracks() []track {
	if s.m.depth == nil {
		return s.still()
	}
	var found []track
	for _, mix := range s.mixes() {
		seconds := float64(s.windows) * s.hop
		every := pool
		slow := s.pooled(mix, every, s.width())
		var rates []float64
		low := math.Max(0.25/seconds, 0.02)
		for r := low; r < fastRate; r += 0.25 / seconds {
			rates = append(rates, r)
		}
		found = append(found, s.scan(slow, every, 0, len(slow), rates)...)
		fine := s.pooled(mix, every, 1)
		if !s.m.octaves {
			found = append(found, s.scan(fine, every, 0, len(fine), rates)...)
		}
		fast := s.pooled(mix, 1, s.width())
		part := min(int(1/s.hop), len(fast))
		start := s.loudest(part)
		rates = rates[:0]
		for r := float64(fastRate); r < fastest; r += 0.25 / math.Min(seconds, 1) {
			rates = append(rates, r)
		}
		found = append(found, s.scan(fast, 1, start, start+part, rates)...)
		if !s.m.octaves {
			found = append(found, s.scan(s.pooled(mix, 1, 1), 1, start, start+part, rates)...)
		}
	}
	return s.best(found)
}

// best climbs from the best tracks and returns them, best first.
func (s *surface) best(found []track) []track {
	for i := range found {
		found[i].judge()
	}
	byScore(found)
	found = apart(found, trackKeep)
	for i := range found {
		found[i].climb()
	}
	byScore(found)
	return apart(found, trackKeep)
}

// byScore sorts tracks, the best first.
func byScore(t []track) {
	sort.SliceStable(t, func(i, j int) bool { return t[i].score > t[j].score })
}

// apart leaves so many tracks that differ.
func apart(from []track, n int) []track {
	var out []track
	for _, t := range from {
		same := slices.ContainsFunc(out, func(u track) bool {
			turn := t.phase - u.phase
			turn -= math.Round(turn)
			return math.Abs(t.centre-u.centre) < 0.2 && math.Abs(t.depth-u.depth) < 0.2 &&
				(t.depth+u.depth < 0.1 || math.Abs(t.rate-u.rate) < 0.1 && math.Abs(turn)*t.depth < 0.1) && t.s.feedback == u.s.feedback
		})
		if !same {
			if out = append(out, t); len(out) == n {
				break
			}
		}
	}
	return out
}

// mixes are those for which a surface is searched.
func (s *surface) mixes() []float64 {
	if !s.mixed {
		return []float64{1}
	}
	return []float64{0.5, 1}
}

// pooled is, for windows and values taken together, minus the error at a mix,
// up to what depends on neither: at the best of neighbouring values, so that a
// track that passes close by is seen.
func (s *surface) pooled(mix float64, every, width int) [][]float32 {
	row := make([]float64, s.n)
	var out [][]float32
	for w := 0; w+every <= s.windows; w += every {
		clear(row)
		for v := w; v < w+every; v++ {
			for k := range row {
				at := v*s.n + k
				row[k] += 2*mix*(float64(s.et[at])-(1-mix)*float64(s.ex[at])) - mix*mix*float64(s.ee[at])
			}
		}
		line := make([]float32, (s.n+width-1)/width)
		for k := range line {
			line[k] = float32(slices.Max(row[max(0, k*width-width+1):min(s.n, k*width+width)]))
		}
		out = append(out, line)
	}
	return out
}

// width is how many values a rough search takes together.
func (s *surface) width() int {
	if s.m.octaves {
		return 1
	}
	return pool
}

// loudest is the first window of the part that explains itself best.
func (s *surface) loudest(part int) int {
	energy := make([]float64, s.windows+1)
	for w := range s.windows {
		energy[w+1] = energy[w] + float64(slices.Max(s.ee[w*s.n:(w+1)*s.n]))
	}
	best, at := 0.0, 0
	for w := 0; w+part <= s.windows; w++ {
		if e := energy[w+part] - energy[w]; e > best*1.001 {
			best, at = e, w
		}
	}
	return at
}

// scan tries rates, depths and phases, with all centres at once.
func (s *surface) scan(lines [][]float32, every, from, to int, rates []float64) []track {
	if to <= from {
		return nil
	}
	n := len(lines[0])
	step := s.step * math.Round(float64(s.n)/float64(n))
	var depths []float64
	if s.m.octaves {
		for d := 0.25; d <= mostOctave; d += 0.25 {
			depths = append(depths, d)
		}
	} else if n == s.n { // closely
		depths = []float64{0.12, 0.25, 0.4, 0.6, 0.85, 1.2, 1.6, 2.1}
	} else {
		for d := 0.6; d <= mostDepth; d = math.Max(d+0.3, d*1.12) {
			depths = append(depths, d)
		}
	}
	middle := s.middle()
	var out []track
	sum := make([]float32, n)
	wave := make([]float64, to-from)
	for _, rate := range rates {
		var here []track
		for p := range phases {
			phase := float64(p) / phases
			for w := range wave {
				t := (float64(from+w) + 0.5) * s.hop * float64(every)
				wave[w] = s.m.wave(phase + rate*(t-middle))
			}
			for _, depth := range depths {
				clear(sum)
				for w, v := range wave {
					shift := int(math.Round(depth * v / step))
					line := lines[from+w]
					lo, hi := max(0, -shift), min(n, n-shift)
					if lo < hi {
						src := line[lo+shift : hi+shift]
						dst := sum[lo:hi]
						for k, e := range src {
							dst[k] += e
						}
					}
					if s.m.octaves { // the corner stays at the end of the grid
						for k := 0; k < min(lo, n); k++ {
							sum[k] += line[0]
						}
						for k := max(hi, 0); k < n; k++ {
							sum[k] += line[n-1]
						}
					}
				}
				k := 0
				for i, e := range sum {
					if e > sum[k] {
						k = i
					}
				}
				here = append(here, track{s: s, centre: s.first + float64(k)*step, depth: depth, rate: rate, phase: phase, score: float64(sum[k])})
			}
		}
		byScore(here)
		out = append(out, here[:min(3, len(here))]...)
	}
	byScore(out)
	return out[:min(trackKeep, len(out))]
}

// still are the best values of what does not move.
func (s *surface) still() []track {
	var all []track
	for k := range s.n {
		t := track{s: s, centre: s.first + float64(k)*s.step}
		t.judge()
		all = append(all, t)
	}
	var out []track
	for k, t := range all {
		if (k == 0 || t.score > all[k-1].score) && (k == s.n-1 || t.score >= all[k+1].score) {
			out = append(out, t)
		}
	}
	byScore(out)
	return out[:min(trackKeep/2, len(out))]
}

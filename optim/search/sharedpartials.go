package search

import (
	"context"
	"math"
	"slices"
)

// simple are ratios of pitches that share partials.
var simple = []float64{1.0 / 3, 1.0 / 2, 2.0 / 3, 3.0 / 4, 4.0 / 3, 3.0 / 2, 2, 3}

// hops changes one pitch to others with some of the same partials: an octave or
// a fifth away, or as far as another oscillator's pitch, which may modulate it.
func (s *spectralSearch) hops(ctx context.Context) ([]try, error) {
	g, ok := s.main.(*GraphObjective)
	if !ok {
		return nil, nil
	}
	tones := g.tones()
	var out []try
	for _, i := range tones {
		v := &g.Variables[i]
		now, _ := v.Value(s.x[i])
		var values []float64
		for _, r := range simple {
			values = append(values, r*now)
		}
		for _, j := range tones {
			if other, _ := g.Variables[j].Value(s.x[j]); j != i {
				values = append(values, now+other, math.Abs(now-other), now+2*other, math.Abs(now-2*other))
			}
		}
		for _, value := range values {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if value <= v.Lo || value >= v.Hi {
				continue
			}
			// what fits the wrong pitch best may not suit the right one
			for _, from := range [][]float64{s.x, s.fresh} {
				if from == nil {
					continue
				}
				if s.spent() { // of many oscillators each may modulate each
					return out, nil
				}
				p := slices.Clone(from)
				for _, j := range tones {
					p[j] = s.x[j]
				}
				p[i] = v.Unbounded(value)
				out = append(out, try{p, s.coarse.Evaluate(nil, p)})
			}
		}
	}
	return out, nil
}

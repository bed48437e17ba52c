package search

import (
	"context"
	"math"

	"ampfit/optim/analysis"
	"ampfit/optim/problem"
)

var vibrato = &Stage{
	Name: "vibrato",
	Doc:  "Proposes the swing of the target's pitch for the low-frequency oscillators that move it.",
	Applies: func(s *State) (bool, string) {
		return ofTarget(s, len(vibratos(s.Problem)), "pitch that an oscillator moves")
	},
	Propose: func(_ context.Context, s *State) ([]Start, error) {
		t, p := s.target(), s.Problem
		if len(t.partials) == 0 || t.pitch <= 0 {
			return nil, nil
		}
		// a strong partial that lies highest tells most
		first, loud := t.partials[0], t.partials[0]
		for _, q := range t.partials {
			if q.Peak > first.Peak/10 && q.Freq > loud.Freq && math.Abs(q.Freq/t.pitch-math.Round(q.Freq/t.pitch)) < 0.1 {
				loud = q
			}
		}
		var changes []func([]float64)
		for _, q := range []analysis.Partial{first, loud} {
			number := math.Max(math.Round(q.Freq/t.pitch), 1)
			w, ok := analysis.FindSwing(p.Target[:p.Frames()], p.Model.Plan.Rate, q.Freq, t.pitch)
			if !ok {
				continue
			}
			changes = append(changes, func(x []float64) {
				s.fill(x)
				for _, i := range tones(p) {
					x[i] = p.Variables[i].Inside(w.Centre / number)
				}
				for _, m := range vibratos(p) {
					if m.scale == 0 {
						continue
					}
					turn := 0.0
					if m.scale < 0 {
						turn = 0.5
					}
					p.Put(x, m.depth, w.Depth/number/math.Abs(m.scale))
					p.Put(x, m.rate, w.Rate)
					p.Put(x, m.phase, w.Phase+turn)
				}
			})
		}
		return s.suggest(changes...)
	},
}

// vibratos are the learned pitches that a low-frequency oscillator moves.
func vibratos(p *problem.Problem) []*movement {
	var out []*movement
	for _, i := range tones(p) {
		m := &movement{centre: p.Variables[i].Param, scale: 1}
		if from := m.mover(); from != nil && m.drive(p, from) {
			out = append(out, m)
		}
	}
	return out
}

package nodes

import (
	"ampfit/abi"
	"ampfit/internal/vec"
)

// spectralSecond is what spectralBackward does, and its derivative. With X the
// spectrum of a window, Ȳ the gradient of the filtered one, G the gains of the bins
// and l their logarithms, which are linear in the bands' decibels, Backward gives
//
//	X̄ = G Ȳ,   l̄ = G ⟨X, Ȳ⟩
//
// and along a direction
//
//	X̄' = G (Ȳ' + l' Ȳ),   l̄' = G (⟨X', Ȳ⟩ + ⟨X, Ȳ'⟩ + l' ⟨X, Ȳ⟩)
func spectralSecond(b, t, d, dt *abi.Block) {
	spectralBackward(b, d) // leaves the gradients of the tails as they are
	law := b.Data.(*spectralLaw)
	for lane := range b.Lanes {
		row, trow, drow := b.Internal(0, lane), t.Internal(0, lane), dt.Internal(0, lane)
		dx, dy := dt.In(0, lane), dt.Out(0, lane)
		tgains, dgains := t.Vector(0, lane), dt.Vector(0, lane)
		frames, re, im, gr, gi, free := law.Work(b.Scratch(lane))
		more := b.Scratch(lane)[law.Scratch()+law.Bins:]
		tre, tim, tgr, tgi := more[:law.Bins], more[law.Bins:2*law.Bins], more[2*law.Bins:3*law.Bins], more[3*law.Bins:4*law.Bins]
		law.STFT.Spread(dy, dt, lane, 0)
		for n := law.Last(b.Frame(lane), len(dy)); n >= 0; n -= law.Hop {
			law.Analyse(re, im, row[n:n+law.N], frames, free)
			law.Analyse(tre, tim, trow[n:n+law.N], frames, free)
			law.SynthesiseBack(gr, gi, law.Tail(d, lane, 0, n, b.Frame(lane)), frames, free)
			law.SynthesiseBack(tgr, tgi, law.Tail(dt, lane, 0, n, b.Frame(lane)), frames, free)
			for k, g := range b.Coefs(lane) {
				i := int(law.place[k])
				f := law.place[k] - float64(i)
				log := (1 - f) * tgains[i]
				if f > 0 {
					log += f * tgains[i+1]
				}
				log *= decibels
				by := decibels * g * (tre[k]*gr[k] + tim[k]*gi[k] + re[k]*tgr[k] + im[k]*tgi[k] + log*(re[k]*gr[k]+im[k]*gi[k]))
				dgains[i] += (1 - f) * by
				if f > 0 {
					dgains[i+1] += f * by
				}
				tgr[k], tgi[k] = g*(tgr[k]+log*gr[k]), g*(tgi[k]+log*gi[k])
			}
			law.AnalyseBack(drow[n:n+law.N], tgr, tgi, frames, free)
		}
		vec.Add(dx, drow[law.N:])
	}
}

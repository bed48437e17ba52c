package search

import (
	"context"
	"fmt"

	"ampfit/graph"
	"ampfit/optim/loss"
)

// An error of the waveform beyond which the default loss of an effect is that
// of spectra: a reverberation, a tape, anything whose phase the graph cannot
// follow, is matched by ear only. The spectra must gain what spectraGain says,
// or the waveform stays.
//
// A reverberator is fitted by its spectra as soon as the waveform leaves more
// than tailLost: the dry part of the sound keeps that error low, and the least
// error of a tail that cannot be followed is silence in its place.
const (
	waveformLost = 0.5
	tailLost     = 1e-4
	spectraGain  = 0.9
)

// spectra fits mrstft in the place of the default esr where that is lost, and
// reports whether the spectra came out better by it. The fit of the waveform
// need not be finished: x is only compared.
func (f *fit) spectra(ctx context.Context, g *graph.Graph, o FitOptions, x []float64) (*FitResult, bool) {
	if !f.objective.spectral {
		return nil, false
	}
	f.objective.tick = nil
	waveform := f.objective.Evaluate(nil, x)
	if waveform < waveformLost && !(waveform > tailLost && f.objective.reverberates()) {
		return nil, false
	}
	l, err := loss.Parse(defaultSpectra, f.objective.target, f.objective.channels, f.model.Plan.Rate)
	if err != nil {
		return nil, false // too short for it
	}
	before := l.Evaluate(nil, f.model.Output)
	o.Loss, o.Ready = defaultSpectra, nil
	s, err := Fit(ctx, g, o)
	if err != nil {
		return nil, false
	}
	if s.Final > spectraGain*before {
		f.result.Interrupted, f.result.TimedOut = s.Interrupted, s.TimedOut
		return nil, false
	}
	s.Notes = append(s.Notes, fmt.Sprintf("esr, the default with a dry signal, stayed at %.3g: this graph cannot follow the target's waveform, so its spectra were fitted (mrstft); --loss esr keeps to the waveform", waveform))
	return s, true
}

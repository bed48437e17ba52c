package optim_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// Partials at their defaults, multiples of 220 Hz, find those of the target.
func TestFitBankFromDefaults(t *testing.T) {
	target := render(t, load(t, `{"name": "b", "type": "SinusoidBankNode", "config": {"partials": 4}, "params": {
		"freqs_hz": [313, 701, 1466, 2210], "amps": [0.4, 0.2, 0.3, 0.1], "decays": [4, 7, 12, 9], "phases": [0.1, 0.3, 0.6, 0.8]}}`, ""), 8000, nil)
	r := fit(t, load(t, `{"name": "b", "type": "SinusoidBankNode", "config": {"partials": 4}}`, ""), optim.FitOptions{Target: target})
	require.Less(t, r.Final, 0.05)
	require.InDeltaSlice(t, []float64{313, 701, 1466, 2210}, param(t, r, "b", "freqs_hz").Value, 0.5)
}

// A string finds its pitch, decay and tone from the defaults.
func TestFitStringFromDefaults(t *testing.T) {
	target := render(t, load(t, `{"name": "s", "type": "KarplusStrongNode", "config": {"excitation": "noise"}, "params": {"frequency": 147, "decay_s": 0.9, "brightness": 0.8}}`, ""), 8000, nil)
	r := fit(t, load(t, `{"name": "s", "type": "KarplusStrongNode", "config": {"excitation": "noise"}, "params": {
		"frequency": {"value": 220, "learn": true}, "decay_s": {"value": 2, "learn": true}, "brightness": {"value": 0.5, "learn": true}}}`, ""), optim.FitOptions{Target: target})
	require.Less(t, r.Final, r.Initial/3)
	require.InEpsilon(t, 147, value(t, r, "s", "frequency"), 1e-2)
}

func TestSpectralFitKeepsToSteps(t *testing.T) {
	target := [][]float64{noise(8, 3000, 0.2)}
	r := fit(t, load(t, `{"name": "s", "type": "SineOscillatorNode"}`, ""), optim.FitOptions{Target: target, Steps: 2})
	require.LessOrEqual(t, r.Final, r.Initial)
	require.Less(t, r.Steps, 30)
}

// A target with nothing of the input's waveform: the default loss goes over to
// spectra, and says so.
func TestFitGoesOverToSpectra(t *testing.T) {
	g := load(t, dry+`,{"name": "g", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true}}}`, `{"source": "dry", "target": "g"}`)
	o := optim.FitOptions{Target: [][]float64{noise(11, 4000, 0.2)}, Input: [][]float64{noise(9, 4000, 0.5)}}
	r := fit(t, g, o)
	require.Equal(t, "mrstft(512/1024/2048, hop=n/4, floor=0.0001)", r.LossName)
	require.Contains(t, strings.Join(r.Notes, "\n"), "its spectra were fitted")
	require.InDelta(t, 0.4, math.Abs(value(t, r, "g", "gain")), 0.1) // spectra do not tell the polarity
	o.Loss = "esr"
	r = fit(t, g, o)
	require.Equal(t, "esr", r.LossName, "a loss that was asked for stays")
	require.InDelta(t, 0, value(t, r, "g", "gain"), 0.05)
}

// Ended early, a fit of spectra is never worse than its start.
func TestSpectralFitIsNeverWorseThanItsStart(t *testing.T) {
	target := [][]float64{noise(12, 6000, 0.01)}
	for n := range 3000 {
		target[0][n] += 0.5 * math.Sin(float64(n)*0.3) * math.Exp(-float64(n)/400)
	}
	g := load(t, `{"name": "b", "type": "SinusoidBankNode", "config": {"partials": 2}, "params": {"amps": [0.01, 0.001]}}`, "")
	for _, after := range []int{1, 60, 120, 250} {
		ctx, cancel := context.WithCancel(context.Background())
		r, err := optim.Fit(ctx, g, optim.FitOptions{Target: target, Rate: rate, Steps: after, Progress: func(p optim.Progress) {
			if p.Seconds > float64(after)/500 {
				cancel()
			}
		}})
		cancel()
		require.NoError(t, err)
		require.LessOrEqual(t, r.Final, r.Initial)
	}
}

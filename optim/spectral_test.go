package optim_test

import (
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

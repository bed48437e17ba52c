package optim_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// What does nothing in the mode at hand is not learned, unless it is asked for; and then
// it stays, and is named.
func TestFitLeavesWhatHasNoEffect(t *testing.T) {
	g := func(amp string) string {
		return `{"name": "o", "type": "OscNode", "config": {"wave": "saw"}, "params": {"freq": {"value": 110, "learn": false}, "amp": ` + amp + `}}`
	}
	target := render(t, load(t, g("0.5"), ""), 3000, nil)
	o := optim.FitOptions{Target: target, Loss: "esr"}
	r := fit(t, load(t, g("1"), ""), o)
	require.Less(t, r.Final, 1e-9)
	for _, name := range []string{"slew", "slew_rate", "integration_leak", "integration_clamp", "frame_delay"} {
		require.False(t, param(t, r, "o", name).Learned, name)
	}
	notes := strings.Join(r.Notes, "\n")
	require.Contains(t, notes, "but not o.frame_delay, o.slew, o.integration_leak")
	require.NotContains(t, notes, "had no effect")

	o.Learn = []string{"o.amp", "o.slew_rate", "o.integration_gain"}
	r = fit(t, load(t, g("1"), ""), o)
	for _, name := range []string{"slew_rate", "integration_gain"} {
		p := param(t, r, "o", name)
		require.True(t, p.Learned)
		require.InEpsilon(t, p.Initial[0], p.Value[0], 1e-12)
		require.Equal(t, []string{"no effect on this sound, left at its value"}, p.Notes)
		require.True(t, math.IsNaN(p.StdErr[0]))
	}
	require.Contains(t, strings.Join(r.Notes, "\n"), "o.integration_gain, o.slew_rate had no effect on this sound")
	require.Empty(t, param(t, r, "o", "amp").Notes)
}

// A value that began on its bound is moved inside for the descent, and comes back to
// the bound itself where it belongs there, and the others to their values.
func TestFitReturnsToABound(t *testing.T) {
	nodes := func(attack, t60 string) string {
		return dry + `,{"name": "e", "type": "ExpEnvelopeNode", "params": {"attack_ms": ` + attack + `, "t60_s": ` + t60 + `}},
			{"name": "g", "type": "GainNode", "params": {"gain": 0}}`
	}
	edges := `{"source": "dry", "target": "g"}, {"source": "e", "target": "g.gain"}`
	in := [][]float64{noise(18, 4000, 0.5)}
	target := render(t, load(t, nodes("0", "0.3"), edges), 4000, in)
	r := fit(t, load(t, nodes(`{"value": 0, "learn": true}`, `{"value": 1, "learn": true}`), edges), optim.FitOptions{Target: target, Input: in})
	require.Zero(t, value(t, r, "e", "attack_ms"))
	require.Equal(t, []string{"at its bound"}, param(t, r, "e", "attack_ms").Notes)
	require.InEpsilon(t, 0.3, value(t, r, "e", "t60_s"), 1e-6)
	require.Less(t, r.Final, 1e-12)
	i := slices.IndexFunc(r.Stages, func(s optim.FitStage) bool { return s.Name == "values on their bounds" })
	require.True(t, r.Stages[i].Ran)
	require.Less(t, r.Stages[i].After, 1e-6*r.Stages[i].Before)
}

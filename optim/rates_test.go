package optim_test

import (
	"fmt"
	"testing"

	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// Rate and phase of a tremolo are found together, from its defaults.
func TestFitTremoloFromDefaults(t *testing.T) {
	nodes := func(params string) string {
		return dry + fmt.Sprintf(`,{"name": "t", "type": "TremoloNode", "params": {%s}}`, params)
	}
	edges := `{"source": "dry", "target": "t"}`
	in := [][]float64{noise(21, 8000, 0.3)}
	for _, want := range []struct{ rate, depth, phase float64 }{{2.3, 0.8, 0.6}, {7.9, 0.4, 0.85}, {1.1, 0.6, 0.3}} {
		target := render(t, load(t, nodes(fmt.Sprintf(`"rate_hz": %g, "depth": %g, "phase": %g`, want.rate, want.depth, want.phase)), edges), 8000, in)
		r := fit(t, load(t, nodes(""), edges), optim.FitOptions{Target: target, Input: in})
		require.Less(t, r.Final, 1e-8)
		require.InEpsilon(t, want.rate, value(t, r, "t", "rate_hz"), 1e-3)
		require.InDelta(t, want.phase, value(t, r, "t", "phase"), 1e-3)
	}
}

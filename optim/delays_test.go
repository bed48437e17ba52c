package optim_test

import (
	"context"
	"fmt"
	"testing"

	"ampfit/graph"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// Delays, and the waves that move them, are found from the nodes' defaults, far
// from which the error of the waveform does not lead to them.
func TestFitMovingDelaysFromDefaults(t *testing.T) {
	const rate = 16000
	edges := `{"source": "dry", "target": "x"}`
	in := [][]float64{noise(31, 12000, 0.2)}
	for _, c := range []struct{ kind, params string }{
		{"ChorusNode", `"rate_hz": 2.38, "depth_ms": 1.9, "delay_ms": 10.17, "feedback": 0.19, "mix": 0.6, "phase": 0.26`},
		{"VibratoNode", `"rate_hz": 6.66, "depth_ms": 0.7, "delay_ms": 4.94, "phase": 0.65`},
		{"DelayNode", `"time_ms": 123.4, "feedback": 0.4, "mix": 0.4`},
	} {
		at := func(params string) *graph.Graph {
			g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %d, "nodes": [%s, {"name": "x", "type": %q, "params": {%s}}], "edges": [%s]}`, rate, dry, c.kind, params, edges)))
			require.NoError(t, err)
			return g
		}
		target := render(t, at(c.params), len(in[0]), in)
		r, err := optim.Fit(context.Background(), at(""), optim.FitOptions{Target: target, Input: in, Rate: rate})
		require.NoError(t, err)
		require.Less(t, r.Final, 1e-9, c.kind)
		if testing.Short() {
			return
		}
	}
}

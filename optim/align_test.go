package optim

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"ampfit/graph"
	"ampfit/optim/analysis"

	"github.com/stretchr/testify/require"
)

// Sounds that have nothing in common are left as they are, and that is said.
func TestAlignOfOtherSounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	noise := func() []float64 {
		x := make([]float64, 20000)
		for n := range x {
			x[n] = rng.NormFloat64()
		}
		return x
	}
	a := &Alignment{Rate: 48000}
	a.Lag, a.Correlation = analysis.Lag([][]float64{noise()}, [][]float64{noise()}, 10000)
	require.Less(t, math.Abs(a.Correlation), alignLeast)
	require.Contains(t, a.String(), "nothing was shifted")
}

// A late target is named where it was not asked to be aligned, a filtered one is
// not taken for late.
func TestLateTargetIsNamed(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"sample_rate": 8000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "g", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true}}}],
		"edges": [{"source": "dry", "target": "g"}]}`))
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 1))
	dry, late, dull := make([]float64, 8000), make([]float64, 8000), make([]float64, 8000)
	held := 0.0
	for n := range dry {
		dry[n] = rng.NormFloat64() / 5
		held += 0.5 * (dry[n] - held)
		dull[n] = held
		if n >= 37 {
			late[n] = 0.5 * dry[n-37]
		}
	}
	notes := func(target []float64, align bool) string {
		r, err := Fit(context.Background(), g, FitOptions{Target: [][]float64{target}, Input: [][]float64{dry}, Rate: 8000, Loss: "esr", Align: align})
		require.NoError(t, err)
		return strings.Join(r.Notes, "\n")
	}
	const said = "seems to be 37.0 frames behind the fitted output (correlation -1.00): --align shifts the dry signal and turns it over"
	require.Contains(t, notes(late, false), said)
	require.NotContains(t, notes(late, true), "seems to be")
	require.NotContains(t, notes(dull, false), "seems to be")
}

package search

import (
	"context"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"ampfit/graph"

	"github.com/stretchr/testify/require"
)

// tones is a sum of sines below a fifth of the rate, read so many frames late.
func tones(frames int, late float64) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, frames)
	for range 40 {
		w, p := 2*math.Pi*0.2*rng.Float64(), 2*math.Pi*rng.Float64()
		for n := range x {
			x[n] += math.Sin(w*(float64(n)-late) + p)
		}
	}
	return x
}

// The parabola finds fractions of a frame to a few hundredths where the spectrum
// ends well below half the rate.
func TestLag(t *testing.T) {
	for _, late := range []float64{0, 12, 12.3, -40.75, 299.5} {
		got, c := lag([][]float64{tones(4000, 0)}, [][]float64{tones(4000, late)}, 400)
		require.InDelta(t, late, got, 0.05)
		require.Greater(t, c, 0.8)
	}
	y := tones(4000, 7)
	for n := range y {
		y[n] *= -0.2
	}
	got, c := lag([][]float64{tones(4000, 0)}, [][]float64{y, y}, 400)
	require.InDelta(t, 7, got, 0.05, "polarity, level and channels do not matter")
	require.Less(t, c, -0.8)
	_, c = lag([][]float64{make([]float64, 100)}, [][]float64{tones(100, 0)}, 50)
	require.Zero(t, c, "silence")
}

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
	a.Lag, a.Correlation = lag([][]float64{noise()}, [][]float64{noise()}, 10000)
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
	const said = "seems to be 37.0 frames behind the fitted output (correlation 1.00): --align"
	require.Contains(t, notes(late, false), said)
	require.NotContains(t, notes(late, true), "seems to be")
	require.NotContains(t, notes(dull, false), "seems to be")
}

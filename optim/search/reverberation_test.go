package search

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

// roomOf is 0.7 of a dry sound of bursts, and white noise that decays by 60 dB in
// the given time after a delay.
func roomOf(t60, delay, rate float64) (dry, y []float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	dry, y = make([]float64, 14000), make([]float64, 14000)
	for n := range 8000 {
		dry[n] = rng.NormFloat64() * math.Exp(-float64(n%2000)/300)
	}
	h := make([]float64, 6000)
	for n := range h {
		if t := float64(n)/rate - delay; t > 0 {
			h[n] = 0.03 * rng.NormFloat64() * math.Pow(10, -3*t/t60)
		}
	}
	h[0] = 0.7
	for n := range y {
		for k := 0; k < len(h) && k <= n; k++ {
			y[n] += h[k] * dry[n-k]
		}
	}
	return dry, y
}

// The gain of a comb follows from its time at the point asked for, wherever the
// model was moved since.
func TestRoomsAreOfThePoint(t *testing.T) {
	const rate = 16000
	dry, y := roomOf(0.3, 0.005, rate)
	g, err := graph.Parse("", []byte(`{"nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "a", "type": "CombNode", "params": {"time_ms": {"value": 30, "learn": true}, "gain": {"value": 0.5, "learn": true}}},
		{"name": "b", "type": "CombNode", "params": {"time_ms": {"value": 41, "learn": true}, "gain": {"value": 0.5, "learn": true}}}],
		"edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}]}`))
	require.NoError(t, err)
	o, err := problem.New(g, problem.Options{Target: [][]float64{y}, Run: adjoint.Options{Input: [][]float64{dry}, Rate: rate}})
	require.NoError(t, err)
	x := o.Start()
	o.Evaluate(nil, x)
	want := roomOfTarget(o, x)
	require.NotNil(t, want)
	elsewhere := slices.Clone(x)
	o.Put(elsewhere, o.Model.Param("a", "time_ms"), 60)
	o.Evaluate(nil, elsewhere)
	require.Equal(t, want, roomOfTarget(o, x))
}

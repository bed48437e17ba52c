package search

import (
	"context"
	"math"
	"strings"
	"testing"

	"ampfit/graph"
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// A tone with three harmonics that fades while it swings.
func TestFindSwing(t *testing.T) {
	const rate, centre, depth, speed, phase = 44100.0, 330.0, 5.0, 5.5, 0.3
	x := make([]float64, int(1.5*rate))
	turn := 0.0
	for n := range x {
		at := float64(n) / rate
		for k := 1; k <= 3; k++ {
			x[n] += math.Exp(-at) / float64(k) * math.Sin(2*math.Pi*float64(k)*turn)
		}
		turn += (centre + depth*math.Sin(2*math.Pi*(phase+speed*at))) / rate
	}
	for number := 1.0; number <= 3; number++ {
		s, ok := findSwing(x, rate, number*centre*1.003, centre) // off, as a peak of a moving partial is
		require.True(t, ok)
		require.InDelta(t, centre, s.centre/number, 0.05)
		require.InEpsilon(t, depth, s.depth/number, 0.05)
		require.InDelta(t, speed, s.rate, 0.01)
		require.InDelta(t, phase, s.phase, 0.01)
	}
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * centre * float64(n) / rate)
	}
	s, ok := findSwing(x, rate, centre, centre)
	require.True(t, !ok || s.depth < 1e-3, "a steady tone swings by %v Hz", s.depth)
}

// A vibrato is that of the beginning, however long the sound: the work grows with
// the square of what is looked at.
func TestFindSwingLooksAtTheBeginning(t *testing.T) {
	const rate = 4000.0
	x := make([]float64, int(1.5*swingLong*rate))
	turn := 0.0
	for n := range x {
		at := float64(n) / rate
		speed := 6.0
		if at > swingLong {
			speed = 3
		}
		x[n] = math.Sin(2 * math.Pi * turn)
		turn += (300 + 4*math.Sin(2*math.Pi*speed*at)) / rate
	}
	s, ok := findSwing(x, rate, 300, 300)
	require.True(t, ok)
	require.InDelta(t, 6, s.rate, 0.01)
	beginning, _ := findSwing(x[:int(swingLong*rate)], rate, 300, 300)
	require.Equal(t, beginning, s)
	_, ok = findSwing(x[:300], rate, 300, 300)
	require.False(t, ok, "a quarter of a turn")
}

// The starts of a graph with a vibrato have it, through the scale of its edge.
func TestStartsHaveTheVibrato(t *testing.T) {
	const text = `{"descriptor_version": 2, "nodes": [
		{"name": "vib", "type": "LFONode", "params": {"rate_hz": {"value": %RATE, "learn": true}, "depth": {"value": %DEPTH, "learn": true}, "phase": {"value": %PHASE, "learn": true}}},
		{"name": "osc", "type": "HarmonicOscillatorNode", "params": {"f0_hz": {"value": %PITCH, "learn": true}}}],
		"edges": [{"source": "vib", "target": "osc.f0_hz", "scale": -10}], "output": "osc"}`
	fill := func(rate, depth, phase, pitch string) *graph.Graph {
		g, err := graph.Parse("g.json", []byte(strings.NewReplacer("%RATE", rate, "%DEPTH", depth, "%PHASE", phase, "%PITCH", pitch).Replace(text)))
		require.NoError(t, err)
		return g
	}
	truth, err := newFit(fill("6", "0.6", "0.2", "300"), FitOptions{Target: [][]float64{make([]float64, 60000)}, Rate: 44100, Loss: "mse"})
	require.NoError(t, err)
	truth.objective.Evaluate(nil, truth.objective.Start())
	target := append([]float64(nil), truth.model.Output...)
	f, err := newFit(fill("1", "0.5", "0", "440"), FitOptions{Target: [][]float64{target}, Rate: 44100})
	require.NoError(t, err)
	o := f.objective
	found := false
	for _, p := range o.Starts(context.Background(), o.Start()) {
		o.Set(p)
		got := func(node, name string) float64 { return o.Model.Param(node, name).Values[0] }
		turn := got("vib", "phase") - 0.2
		found = found || math.Abs(got("vib", "rate_hz")-6) < 0.02 && math.Abs(got("vib", "depth")-0.6) < 0.03 &&
			math.Abs(turn-math.Round(turn)) < 0.02 && math.Abs(got("osc", "f0_hz")-300) < 0.2
	}
	require.True(t, found)
}

// An operator that modulates another has its pitch in the distance of partials.
func TestCandidatesHaveDistances(t *testing.T) {
	got := candidates([]partial{{freq: 700}, {freq: 500}, {freq: 1100}}, 100)
	for _, f := range []float64{100, 700, 500, 1100, 200, 400, 600} {
		require.Contains(t, got, f)
	}
	require.Len(t, got, 7)
}

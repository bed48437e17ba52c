package search

import (
	"context"
	"math"
	"strings"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
	"ampfit/optim/method"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

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
	truth, err := problem.New(fill("6", "0.6", "0.2", "300"), problem.Options{Target: [][]float64{make([]float64, 60000)}, Run: adjoint.Options{Rate: 44100}, Loss: "mse"})
	require.NoError(t, err)
	truth.Evaluate(nil, truth.Start())
	target := append([]float64(nil), truth.Model.Output...)
	o, err := problem.New(fill("1", "0.5", "0", "440"), problem.Options{Target: [][]float64{target}, Run: adjoint.Options{Rate: 44100}})
	require.NoError(t, err)
	found := false
	st := New(o, false).newState(o.Start(), 1, method.Settings{})
	starts, err := vibrato.Propose(context.Background(), st)
	require.NoError(t, err)
	for _, p := range starts {
		o.Set(p.X)
		got := func(node, name string) float64 { return o.Model.Param(node, name).Values[0] }
		turn := got("vib", "phase") - 0.2
		found = found || math.Abs(got("vib", "rate_hz")-6) < 0.02 && math.Abs(got("vib", "depth")-0.6) < 0.03 &&
			math.Abs(turn-math.Round(turn)) < 0.02 && math.Abs(got("osc", "f0_hz")-300) < 0.2
	}
	require.True(t, found)
}

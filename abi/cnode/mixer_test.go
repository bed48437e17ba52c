package cnode_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"
)

const mixer = "../../testdata/cnode/amp_mixer.c"

// mixerGraph has a node with two inputs of two and one channels, two outputs, a
// parameter that an edge modulates and a vector.
const mixerGraph = `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode", "config": {"channels": 2}},
  {"name": "side", "type": "MixNode"}, {"name": "lfo", "type": "LFONode", "params": {"rate_hz": 37, "depth": 0.4, "slew_ms": 0.5}},
  {"name": "mix", "type": "CMixer", "library": "amp_mixer.so", "supports_v2": true, "params": {
    "level": {"value": 0.8, "learn": true}, "taps": {"value": [0.5, -0.3, 0.2, 0.1], "learn": true}}},
  {"name": "out", "type": "MixNode", "gather": "sum"}],
  "edges": [{"source": "dry", "target": "mix.a"}, {"source": "dry", "target": "side"}, {"source": "side", "target": "mix.b"},
    {"source": "lfo", "target": "mix.level"}, {"source": "mix.out", "target": "out"}, {"source": "mix.mono", "target": "out", "delay_frames": 3}], "output": "out"}`

func TestLibraryOfSeveralPorts(t *testing.T) { eachWay(t, libraryOfSeveralPorts) }

func libraryOfSeveralPorts(t *testing.T) {
	dir := build(t, mixer)
	x := [][]float64{noise(3000), noise(3500)[500:]}
	g, err := parse(t, dir, mixerGraph)
	require.NoError(t, err)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: x})
	require.NoError(t, err)
	m.Forward()
	// The formula, frame by frame.
	taps := []float64{0.5, -0.3, 0.2, 0.1}
	slewed, z, a := make([]float64, 3000), 0.0, 1-math.Exp(-1/(48000*0.5e-3))
	for n := range slewed {
		z += a * (0.4*math.Sin(2*math.Pi*37*float64(n)/48000) - z)
		slewed[n] = z
	}
	for _, n := range []int{0, 2, 1500, 2999} {
		mono := func(n int) float64 {
			if n < 0 {
				return 0
			}
			level := 0.8 + slewed[n]
			wet := 0.0
			for k, h := range taps {
				if n >= k {
					wet += h * (x[0][n-k] + x[1][n-k])
				}
			}
			return level * (x[0][n] + x[1][n] + 2*wet)
		}
		// The sum's MixNode adds both channels, to each of which mono came.
		require.InDelta(t, mono(n)+2*mono(n-3), m.Output[n], 1e-9, "frame %d", n)
	}
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Input: x}})
	require.NoError(t, err)
	require.True(t, report.OK, "%+v", report)
	require.Empty(t, report.Unsupported)
}

// Gradients have the same bits however the tape is kept, in process and in a
// child.
func TestMixerTapeModes(t *testing.T) {
	dir := build(t, mixer)
	var want *adjoint.Result
	eachWay(t, func(t *testing.T) {
		for _, o := range []adjoint.Options{{}, {Options: run.Options{Limits: tape.Limits{TapeMode: "segments", Segment: graph.Grid}}}, {Options: run.Options{Limits: tape.Limits{TapeMode: "binomial", Segment: graph.Grid, Slots: 2}}}} {
			o.Input = [][]float64{noise(15000), noise(15000)}
			g, err := parse(t, dir, mixerGraph)
			require.NoError(t, err)
			got, err := adjoint.Gradient(g, adjoint.LossFunc(func(grad, y []float64) float64 {
				sum := 0.0
				for i, v := range y {
					sum += v * v
					if grad != nil {
						grad[i] = 2 * v
					}
				}
				return sum
			}), o)
			require.NoError(t, err)
			if want == nil {
				want = got
				continue
			}
			require.Equal(t, want.Value, got.Value)
			require.Equal(t, want.Input, got.Input)
			for i := range want.Params {
				require.Equal(t, want.Params[i].Grad, got.Params[i].Grad, want.Params[i].Name)
			}
		}
	})
}

func TestLibraryDescriptionsThatCannotBeRead(t *testing.T) {
	dir := build(t, "testdata/mute.c")
	for typ, want := range map[string]string{
		"NotJSON":  "cannot be read",
		"NoOutput": "it has no output",
		"NoRange":  "the range of p is 1 to 1",
		"NoName":   "a parameter has no name",
		"NoRole":   `p has the role "pich", which there is not; did you mean "pitch"? Allowed are other, pitch, interval`,
		"OddRole":  `p has the role "xyz", which there is not; allowed are other, pitch, interval`,
		"NoWave":   `there is no wave "triangel"; did you mean "triangle"? Allowed are sine, triangle`,
	} {
		_, err := parse(t, dir, odd("mute.so", typ, "{}"))
		require.ErrorContains(t, err, `describes "`+typ+`" in a way that cannot be read`)
		require.ErrorContains(t, err, want)
	}
}

// A run that goes back to a frame and on has the same bits, with a library that
// clones its state and with one that does not, again and again.
func TestLibraryRewinds(t *testing.T) { eachWay(t, libraryRewinds) }

func libraryRewinds(t *testing.T) {
	dir := build(t, nodes, mixer)
	x := [][]float64{noise(9000), noise(9000)}
	for name, text := range map[string]string{"clones": mixerGraph, "does not": onePole} {
		g, err := parse(t, dir, text)
		require.NoError(t, err)
		in := x
		if name != "clones" {
			in = x[:1]
		}
		m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: in, Options: run.Options{KeepLatency: true}})
		require.NoError(t, err)
		m.Forward()
		want := append([]float64(nil), m.Output...)
		for _, frame := range []int64{5000, 5000, 7000, 5000, 0, 8999, 1024, 1024} {
			require.NoError(t, m.Rewind(frame))
			got := m.Continue(9000 - int(frame))
			require.Equal(t, want[frame:], got[0], "%s, frame %d", name, frame)
		}
	}
}

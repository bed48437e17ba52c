package host_test

import (
	"errors"
	"testing"

	"ampfit/abi/libamp/host"

	"github.com/stretchr/testify/require"
)

// Any params_json gives a node that renders, or an error with a code of the
// interface; none panics. The types are those that read most of theirs.
func FuzzParamsJSON(f *testing.F) {
	types := []string{"GainNode", "OscNode", "MixNode", "FIRNode", "BiquadNode", "ControllerNode", "EnvelopeModulatorNode", "FFTDivisionNode", "PitchQuantizerNode", "DelayNode"}
	for i, s := range []string{
		`{}`, `{"gain": 0.5}`, `{"params": {"gain": {"value": 1}}, "config": {}}`, `{"gain": [1, 2]}`, `{"channels": 3}`, `{"wave": "saw", "mode": "op_amp"}`,
		`{"taps": [1, 0.5]}`, `{"grid_cents": "0,100,700"}`, `{"record": -1, "oversample_ratio": 4}`, `{"declared_delay": 2000000000}`, `{"gain": 1e999}`, `{"gain": null}`,
		`{"__controller_outputs__": "a,b", "__controller_sources__": "a=x"}`, `{"params": 3}`, `{"window_size": 16, "algorithm": "dft"}`, `{"thermo.heat": -1}`,
	} {
		f.Add(uint8(i), s)
	}
	f.Add(uint8(136), " ")
	f.Fuzz(func(t *testing.T, kind uint8, params string) {
		// (8|128, " ") was a crash: a type with AMP's behaviour and no text.
		d := host.Descriptor{Name: "n", Type: types[int(kind)%len(types)], Params: params, Rate: 48000, SupportsV2: true, Record: min(host.RecordOf(params), 4), Lenient: kind&128 != 0}
		n, err := host.NewNode(d)
		if err == nil {
			in := []host.Buffer{{Batches: 1, Channels: 1, Frames: 4, Data: []float64{1, -1, 0.5, 0}}}
			out := []host.Buffer{{}}
			if err = n.Forward(in, out); err == nil { // the shape
				if size, ok := out[0].Size(); ok && size < 1<<16 {
					out[0].Data = make([]float64, size)
					err = n.Forward(in, out)
				}
			}
		}
		if err != nil {
			var fault *host.Fault
			require.True(t, errors.As(err, &fault), "%v", err)
			require.NotEmpty(t, fault.Error())
		}
	})
}

// What a program asks of a graph file that it holds as text.
func TestDescribeNodeOfGraphFile(t *testing.T) {
	r, err := host.NewRuntimeJSON([]byte(`{"nodes": [{"name": "osc", "type": "SineOscillatorNode"}, {"name": "drive", "type": "TanhNode", "oversample_ratio": 2, "declared_delay": 80, "supports_v2": false}],
		"edges": [{"source": "osc", "target": "drive"}]}`))
	require.NoError(t, err)
	s, err := r.Describe("drive")
	require.NoError(t, err)
	require.Equal(t, host.Summary{Declared: 80, Oversample: 2}, s)
	_, _, _, err = r.Execute(nil, 16)
	require.NoError(t, err)
	s, err = r.Describe("drive")
	require.NoError(t, err)
	require.Equal(t, 64, s.Delay) // of the filters
	require.True(t, s.Ran)
}

// Options of a fit that are misspelt are no options.
func TestFitRefusesUnknownOption(t *testing.T) {
	_, err := host.Fit(host.FitRequest{Graph: `{"nodes": [{"name": "osc", "type": "SineOscillatorNode"}]}`, Options: `{"los": "esr"}`, Target: [][]float64{{1, 2}}, Rate: 48000})
	require.ErrorContains(t, err, `unknown field "los"; there are loss, optimizer`)
}

// An error about the graph that is made around a node speaks of the node.
func TestPlanErrorsSpeakOfTheNode(t *testing.T) {
	n, err := host.NewNode(host.Descriptor{Type: "TanhNode", Rate: 48000, Oversample: 4, Declared: 1, SupportsV2: true})
	require.NoError(t, err)
	err = n.Forward([]host.Buffer{{Batches: 1, Channels: 1, Frames: 4, Data: make([]float64, 4)}}, []host.Buffer{{}})
	require.ErrorContains(t, err, "declared_delay: TanhNode needs 64 frames of its own")
	require.NotContains(t, err.Error(), "graph:")
}

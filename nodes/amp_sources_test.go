package nodes_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// ampRename gives names of the AMP runtime, by type, the names that are used
// here.
var ampRename = map[string]map[string]string{
	"OscNode":              {"frequency": "freq", "amplitude": "amp"},
	"ParametricDriverNode": {"amp": "amplitude", "phase": "phase_offset"},
}

// ampCompat lists the records that show a defect of the AMP runtime.
var ampCompat = map[string]bool{
	"osc_square": true, "osc_square_sweep": true, "osc_triangle": true, "osc_triangle_sweep": true,
	"osc_square_blep_integrator": true, "osc_tap_freq": true,
	"pq_default": true, "pq_grid_slew": true,
	"subharm_0": true, "subharm_1": true, "subharm_2": true,
}

// TestAMPRecordsTranslated replays records whose parameters have to be
// translated: lists are strings there, and some names have synonyms.
func TestAMPRecordsTranslated(t *testing.T) {
	for _, name := range []string{
		"OscNode_20251202", "ParametricDriverNode_20251202", "EnvelopeModulatorNode_20251202", "ControllerNode_20251202",
		"PitchQuantizerNode_20251202", "OscillatorPitchNode_20251202", "ResamplerNode_20251202", "SubharmonicLowLifterNode_20251202",
		"FFTDivisionNode_20251028",
	} {
		path := "../testdata/amp/" + name
		index, err := os.ReadFile(path + ".json")
		require.NoError(t, err)
		var group struct{ Cases []translatedCase }
		require.NoError(t, json.Unmarshal(index, &group))
		data := readFloats(t, path+".f64")
		for _, c := range group.Cases {
			require.NotNil(t, abi.Lookup(c.NodeType), c.NodeType)
			t.Run(c.ID, func(t *testing.T) { c.replay(t, data) })
		}
	}
}

type translatedCase struct {
	ampCase
	Calls []translatedCall
}

type translatedCall struct {
	ampCall
	Mode    string
	History string `json:"control_history_b64"`
}

func (c translatedCase) tolerance() float64 {
	switch {
	case c.ID == "fftdiv_fft_unit" || c.ID == "fftdiv_2lane" || strings.HasPrefix(c.ID, "fftdiv_dynamic"):
		return 1e-6
	case c.NodeType == "FFTDivisionNode":
		return 1e-8
	}
	return 1e-12
}

// parameters translates the parameters of a record.
func (c translatedCase) parameters(t *testing.T, typ *abi.NodeType) abitest.P {
	p, config := abitest.P{"sample_rate": c.SampleRate}, abi.Config{}
	var given map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.Params), &given))
	kinds := map[string]bool{}
	for _, k := range typ.Config {
		kinds[k.Name] = true
	}
	for key, v := range given {
		list, isList := v.(string)
		switch {
		case kinds[key]:
			config[key] = v
		case isList:
			var values []float64
			for _, item := range strings.Split(list, ",") {
				x, err := strconv.ParseFloat(item, 64)
				require.NoError(t, err)
				values = append(values, x)
			}
			p[key] = values
		default:
			p[key] = v
		}
	}
	if ampCompat[c.ID] {
		config["compat"] = "amp"
	}
	p["config"] = config
	return p
}

func (c translatedCase) replay(t *testing.T, data []float64) {
	typ := abi.Lookup(c.NodeType)
	p := c.parameters(t, typ)
	calls := c.Calls
	for i, call := range calls {
		if call.Mode != "forward" { // AMP's inverse, not the adjoint
			calls = calls[:i]
			break
		}
	}
	run := abitest.Batches{P: p, Params: map[string][][][]float64{}}
	for _, call := range calls {
		run.Calls = append(run.Calls, call.Frames)
	}
	// rows returns the channels of a tensor over all calls.
	rows := func(of func(translatedCall) *ampTensor, batch int) [][]float64 {
		v := make([][]float64, max(1, channelsOf(of(calls[0]), c.Layout)))
		for _, call := range calls {
			tensor := of(call)
			for ch := range v {
				for n := range call.Frames {
					x := 0.0
					if tensor != nil {
						x = tensor.value(data, c.Layout, batch, ch, n)
					}
					v[ch] = append(v[ch], x)
				}
			}
		}
		return v
	}
	view := func(name string) func(translatedCall) *ampTensor {
		return func(call translatedCall) *ampTensor {
			if x, ok := call.Params[name]; ok {
				return &x
			}
			return nil
		}
	}
	for batch := range calls[0].Batches {
		if c.NodeType == "ControllerNode" {
			run.Ports = append(run.Ports, c.controls(t, p, calls, batch, rows, view))
			continue
		}
		run.Ports = append(run.Ports, [][][]float64{rows(func(call translatedCall) *ampTensor { return call.Audio }, batch)})
		for name := range calls[0].Params {
			to := name
			if other, ok := ampRename[c.NodeType][name]; ok {
				to = other
			}
			values := rows(view(name), batch)
			for _, q := range typ.Params { // graphs clamp
				for n, x := range values[0] {
					if q.Name == to && q.MaxRate == 0 && q.Scale != abi.Periodic {
						values[0][n] = min(max(x, q.Min), q.Max)
					}
				}
			}
			run.Params[to] = append(run.Params[to], values)
		}
	}

	got := abitest.RunBatches(t, c.NodeType, run)
	frame := 0
	for k, call := range calls {
		for batch := range call.Batches {
			for ch := range call.OutChannels {
				row := got[batch][0][ch]
				peak := 0.0
				want := make([]float64, call.Frames)
				for n := range want {
					want[n] = call.Output.value(data, c.Layout, batch, ch, n)
					if c.NodeType == "EnvelopeModulatorNode" { // two planes, each with all batches
						want[n] = data[call.Output.Offset+(ch*call.Batches+batch)*call.Frames+n]
					}
					peak = max(peak, math.Abs(want[n]))
				}
				for n, want := range want {
					require.InDelta(t, want, row[frame+n], c.tolerance()*peak, "call %d, batch %d, channel %d, frame %d", k, batch, ch, n)
				}
			}
		}
		frame += call.Frames
	}
}

// channelsOf returns the channels of a tensor, 0 of none.
func channelsOf(x *ampTensor, layout string) int {
	if x == nil {
		return 0
	}
	if layout == "FBC" {
		return x.Shape[2]
	}
	return x.Shape[1]
}

// controls returns the ports of a controller: a parameter view by the name of
// the source, or its curve in the control history.
func (c translatedCase) controls(t *testing.T, p abitest.P, calls []translatedCall, batch int,
	rows func(func(translatedCall) *ampTensor, int) [][]float64, view func(string) func(translatedCall) *ampTensor) [][][]float64 {
	config := p["config"].(abi.Config)
	var names []string
	if !config.Has("__controller_outputs__") { // the views, in order
		names = []string{"p", "q"}
		config["__controller_outputs__"] = "p,q"
	} else {
		source := map[string]string{}
		for _, pair := range strings.Split(config.Text("__controller_sources__"), ",") {
			name, from, _ := strings.Cut(pair, "=")
			source[name] = from
		}
		for _, name := range strings.Split(config.Text("__controller_outputs__"), ",") {
			if from, ok := source[name]; ok {
				name = from
			}
			names = append(names, name)
		}
	}
	var ports [][][]float64
	for _, name := range names {
		port := rows(view(name), batch)
		if curve := ampCurve(t, calls[0].History, name); view(name)(calls[0]) == nil && curve != nil {
			for n := range port[0] {
				port[0][n] = curve[min(n, len(curve)-1)]
			}
		}
		ports = append(ports, port)
	}
	return ports
}

// ampCurve reads a curve from a control history: the newest event of that key.
func ampCurve(t *testing.T, blob, name string) []float64 {
	raw, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(t, err)
	if len(raw) == 0 {
		return nil
	}
	u32 := func() int {
		v := binary.LittleEndian.Uint32(raw)
		raw = raw[4:]
		return int(v)
	}
	f64 := func() float64 {
		v := math.Float64frombits(binary.LittleEndian.Uint64(raw))
		raw = raw[8:]
		return v
	}
	events, keys := u32(), u32()
	lengths, names := make([]int, keys), make([]string, keys)
	for i := range keys {
		lengths[i] = u32()
	}
	for i := range keys {
		names[i], raw = string(raw[:lengths[i]]), raw[lengths[i]:]
	}
	var newest []float64
	latest := math.Inf(-1)
	for range events {
		stamp := f64()
		for i := range keys {
			values := abitest.Row(u32(), func(int) float64 { return f64() })
			if names[i] == name && len(values) > 0 && stamp >= latest {
				newest, latest = values, stamp
			}
		}
	}
	return newest
}

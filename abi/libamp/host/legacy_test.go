package host_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/libamp/host"
)

type legacyCase struct {
	ID     string
	Type   string  `json:"node_type"`
	Name   string  `json:"node_name"`
	Params string  `json:"params_json"`
	Rate   float64 `json:"sample_rate"`
	Layout string
	Staged *struct {
		Shape  [2]int
		Offset int
	}
	Calls []struct {
		Batches, Frames int
		Channels        int `json:"channels_arg"`
		Mode            string
		RC              int
		Audio           *tensor
		Params          map[string]tensor
		History         string `json:"control_history_b64"`
		OutChannels     int    `json:"out_channels"`
		Output          tensor
	}
}

// Every record of a node of the AMP runtime comes out of the first interface:
// the calls of a case in order, on one state, memory as it lay there.
func TestLegacyRecords(t *testing.T) {
	files, err := filepath.Glob("../../../testdata/amp/*Node*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	cases := 0
	for _, file := range files {
		var group struct{ Cases []legacyCase }
		index, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(index, &group))
		raw, err := os.ReadFile(strings.TrimSuffix(file, ".json") + ".f64")
		require.NoError(t, err)
		rec := records{t, raw}
		for _, c := range group.Cases {
			cases++
			t.Run(c.ID, func(t *testing.T) { c.replay(t, rec) })
		}
	}
	require.Equal(t, 85, cases)
}

func (c legacyCase) replay(t *testing.T, rec records) {
	tolerance := 1e-12
	switch {
	case c.ID == "fftdiv_fft_unit", c.ID == "fftdiv_2lane":
		tolerance = 1e-6 // bins that are zero up to rounding
	case strings.HasPrefix(c.ID, "fftdiv"):
		tolerance = 1e-8
	}
	node, err := host.NewLegacy(c.Name, c.Type, c.Params, c.Rate)
	require.NoError(t, err)
	if c.Staged != nil {
		frames, channels := c.Staged.Shape[0], c.Staged.Shape[1]
		audio := &abi.Audio{Rate: c.Rate, Rows: make([][]float64, channels)}
		for i, v := range rec.read(tensor{[3]int{frames, channels, 1}, c.Staged.Offset}) {
			audio.Rows[i%channels] = append(audio.Rows[i%channels], v)
		}
		node.Stage(audio)
	}
	for k, call := range c.Calls {
		if call.Mode != "forward" {
			continue
		}
		in := host.LegacyCall{Batches: call.Batches, Channels: call.Channels, Frames: call.Frames}
		buffer := func(name string, x tensor) host.Buffer {
			b := host.Buffer{Name: name, Batches: x.Shape[0], Channels: x.Shape[1], Frames: x.Shape[2]}
			if c.Layout == "FBC" {
				b.Batches, b.Channels, b.Frames = x.Shape[1], x.Shape[2], x.Shape[0]
			}
			b.Data = rec.read(x)
			return b
		}
		if call.Audio != nil {
			b := buffer("", *call.Audio)
			in.Audio = &b
		}
		for _, name := range slices.Sorted(maps.Keys(call.Params)) {
			in.Params = append(in.Params, buffer(name, call.Params[name]))
		}
		if call.History != "" {
			blob, err := base64.StdEncoding.DecodeString(call.History)
			require.NoError(t, err)
			in.History, err = host.ParseHistory(blob)
			require.NoError(t, err)
		}
		out, channels, err := node.Run(in)
		require.NoError(t, err)
		want := rec.read(call.Output)
		if c.Staged != nil && channels != call.OutChannels {
			// Past the end of a sound AMP's silence has one channel.
			require.Equal(t, make([]float64, len(want)), want)
			require.Equal(t, make([]float64, len(out)), out)
			continue
		}
		require.Equal(t, call.OutChannels, channels, "call %d", k)
		require.Len(t, out, len(want))
		peak := 0.0
		for _, v := range want {
			peak = max(peak, math.Abs(v))
		}
		for i := range want {
			require.InDelta(t, want[i], out[i], tolerance*peak, "call %d, value %d", k, i)
		}
	}
}

// A call may say another params_json than the one before, as AMP reads it in
// each: values change in mid-run, another configuration begins afresh.
func TestLegacyReadsParamsAgain(t *testing.T) {
	const rate = 48000.0
	l, err := host.NewLegacy("n", "LFONode", `{"rate_hz": 4800, "depth": 1, "wave": "saw"}`, rate)
	require.NoError(t, err)
	phase := 0.0
	play := func(hz, depth float64) {
		t.Helper()
		y, _, err := l.Run(host.LegacyCall{Batches: 1, Channels: 1, Frames: 7})
		require.NoError(t, err)
		for n, v := range y {
			require.InDelta(t, depth*(2*fr(phase)-1), v, 1e-9, "frame %d", n)
			phase += hz / rate
		}
	}
	play(4800, 1)
	require.NoError(t, l.Update("LFONode", `{"rate_hz": 4800, "depth": 3, "wave": "saw"}`, rate))
	play(4800, 3) // its phase goes on
	// Where AMP has no range there is none: backwards, folding, upside down.
	require.NoError(t, l.Update("LFONode", `{"rate_hz": -3600, "depth": -1, "wave": "SAW"}`, rate))
	play(-3600, -1)
	require.NoError(t, l.Update("LFONode", `{"rate_hz": 30000, "depth": -1, "wave": "Saw"}`, rate))
	play(30000, -1)
	require.NoError(t, l.Update("LFONode", `{"rate_hz": 4800, "depth": 1, "wave": "Square"}`, rate))
	y, _, err := l.Run(host.LegacyCall{Batches: 1, Channels: 1, Frames: 10})
	require.NoError(t, err)
	require.Equal(t, []float64{1, 1, 1, 1, 1, -1, -1, -1, -1, -1}, y)
	require.ErrorContains(t, l.Update("OscNode", "{}", rate), `"LFONode", the call names "OscNode"`)
	require.ErrorContains(t, l.Update("LFONode", "{", 0), "not a sample rate")
}

// Delay and oversampling may stand in params_json, by either of their names.
func TestTimeInParamsJSON(t *testing.T) {
	for _, params := range []string{`{"drive": 3, "declared_delay": 80, "oversample_ratio": 2}`, `{"drive": 3, "declared_delay_frames": 80, "oversample": 2}`} {
		n, err := host.NewNode(host.Descriptor{Type: "TanhNode", Rate: 48000, Params: params, SupportsV2: true})
		require.NoError(t, err)
		x := make([]float64, 200)
		x[0] = 1e-3
		out := []host.Buffer{{Batches: 1, Channels: 1, Frames: 200, Data: make([]float64, 200)}}
		require.NoError(t, n.Forward([]host.Buffer{{Batches: 1, Channels: 1, Frames: 200, Data: x}}, out))
		delay, _ := n.Metrics()
		require.Equal(t, 64, delay) // of the filters
		peak := 0
		for i, v := range out[0].Data {
			if math.Abs(v) > math.Abs(out[0].Data[peak]) {
				peak = i
			}
		}
		require.Equal(t, 80, peak)
	}
}

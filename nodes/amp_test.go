package nodes_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// ampDefects lists the records that show a defect of the AMP runtime.
var ampDefects = map[string]bool{"lfo_triangle_3": true, "lfo_sine_4": true, "lfo_input": true}

// TestAMPRecords replays what nodes of the AMP runtime did: the calls of a case
// in order, on one state. Where nothing was connected the input is silence.
func TestAMPRecords(t *testing.T) {
	files, err := filepath.Glob("../testdata/amp/*Node.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		var group struct{ Cases []ampCase }
		index, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(index, &group))
		data := readFloats(t, strings.TrimSuffix(file, ".json")+".f64")
		for _, c := range group.Cases {
			if abi.Lookup(c.NodeType) == nil {
				continue
			}
			t.Run(c.ID, func(t *testing.T) { c.replay(t, data) })
		}
	}
}

type ampCase struct {
	ID         string
	NodeType   string  `json:"node_type"`
	Params     string  `json:"params_json"`
	SampleRate float64 `json:"sample_rate"`
	Layout     string
	Staged     *ampTensor
	Calls      []ampCall
}

type ampCall struct {
	Batches, Frames int
	Audio           *ampTensor
	Params          map[string]ampTensor
	OutChannels     int `json:"out_channels"`
	Output          ampTensor
}

type ampTensor struct {
	Shape  []int
	Offset int // of the first value
}

func readFloats(t *testing.T, path string) []float64 {
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	v := abitest.Row(len(raw)/8, func(i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:])) })
	return v
}

// value returns the element (batch, channel, frame) of a tensor.
func (x ampTensor) value(data []float64, layout string, batch, channel, frame int) float64 {
	s := x.Shape
	i := (batch*s[1]+channel)*s[2] + frame
	if layout == "FBC" {
		i = (frame*s[1]+batch)*s[2] + channel
	}
	return data[x.Offset+i]
}

func (c ampCase) replay(t *testing.T, data []float64) {
	typ := abi.Lookup(c.NodeType)
	p, config := abitest.P{"sample_rate": c.SampleRate}, abi.Config{}
	var given map[string]any
	require.NoError(t, json.Unmarshal([]byte(c.Params), &given))
	for key, v := range given {
		isConfig := false
		for _, k := range typ.Config {
			isConfig = isConfig || k.Name == key
		}
		if isConfig {
			config[key] = v
		} else {
			p[key] = v
		}
	}
	if ampDefects[c.ID] {
		config["compat"] = "amp"
	}
	if c.Staged != nil { // (frame, channel)
		frames, channels := c.Staged.Shape[0], c.Staged.Shape[1]
		audio := &abi.Audio{Rate: c.SampleRate, Rows: make([][]float64, channels)}
		for ch := range channels {
			for n := range frames {
				audio.Rows[ch] = append(audio.Rows[ch], data[c.Staged.Offset+n*channels+ch])
			}
		}
		p["audio"] = map[string]*abi.Audio{"node": audio}
	}
	p["config"] = config

	run := abitest.Batches{P: p, Params: map[string][][][]float64{}}
	for batch := range c.Calls[0].Batches {
		channels := 1
		if a := c.Calls[0].Audio; a != nil {
			channels = a.Shape[1]
		}
		port := make([][]float64, channels)
		for _, call := range c.Calls {
			for ch := range port {
				for n := range call.Frames {
					x := 0.0
					if call.Audio != nil {
						x = call.Audio.value(data, c.Layout, batch, ch, n)
					}
					port[ch] = append(port[ch], x)
				}
			}
		}
		run.Ports = append(run.Ports, [][][]float64{port})
		for name, view := range c.Calls[0].Params {
			channels := make([][]float64, view.Shape[1])
			for _, call := range c.Calls {
				for ch := range channels {
					for n := range call.Frames {
						channels[ch] = append(channels[ch], call.Params[name].value(data, c.Layout, batch, ch, n))
					}
				}
			}
			run.Params[name] = append(run.Params[name], channels)
		}
	}
	for _, call := range c.Calls {
		run.Calls = append(run.Calls, call.Frames)
	}

	got := abitest.RunBatches(t, c.NodeType, run)
	for batch := range c.Calls[0].Batches {
		start := 0
		for k, call := range c.Calls {
			for ch := range call.OutChannels { // silence may have fewer channels or more
				row := got[batch][0][min(ch, len(got[batch][0])-1)]
				peak := 0.0
				for n := range call.Frames {
					peak = max(peak, math.Abs(call.Output.value(data, c.Layout, batch, ch, n)))
				}
				for n := range call.Frames {
					want := call.Output.value(data, c.Layout, batch, ch, n)
					require.InDelta(t, want, row[start+n], 1e-12*peak, "call %d, batch %d, channel %d, frame %d", k, batch, ch, n)
				}
			}
			start += call.Frames
		}
	}
}

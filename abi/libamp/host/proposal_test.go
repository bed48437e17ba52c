package host_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi/libamp/host"
)

type exampleTensor struct {
	Name  string
	Shape [3]int
	Data  []float64
}

func (x exampleTensor) buffer() host.Buffer {
	return host.Buffer{Name: x.Name, Batches: x.Shape[0], Channels: x.Shape[1], Frames: x.Shape[2], Data: x.Data}
}

// The specification shows what the code does: its graphs render, its calls have
// the results that it shows, its declarations stand in amp.h, its host in player.c.
func TestProposal(t *testing.T) {
	page, err := os.ReadFile("../../../docs/abi_extension_proposal.md")
	require.NoError(t, err)
	header, err := os.ReadFile("../amp.h")
	require.NoError(t, err)
	player, err := os.ReadFile("../ctest/testdata/player.c")
	require.NoError(t, err)
	squeeze := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	found := map[string]int{}
	for _, m := range regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		kind, text := m[1], m[2]
		switch {
		case kind == "c":
			found["c"]++
			require.Contains(t, squeeze(string(header)+string(player)), squeeze(text))
		case kind == "json" && strings.Contains(text, `"nodes"`):
			found["graph"]++
			r, err := host.NewRuntimeJSON([]byte(text))
			require.NoError(t, err)
			out, _, _, err := r.Execute(nil, 256)
			require.NoError(t, err)
			require.NotZero(t, out[200])
		case kind == "json" && strings.Contains(text, `"call"`):
			found["call"]++
			runExample(t, text)
		case kind == "json":
			require.True(t, json.Valid([]byte(text)), text)
		}
	}
	require.Equal(t, map[string]int{"c": 6, "graph": 1, "call": 1}, found)
}

func runExample(t *testing.T, text string) {
	var e struct {
		Call struct {
			Type   string          `json:"type_name"`
			Params json.RawMessage `json:"params_json"`
			Rate   float64         `json:"sample_rate"`
		}
		Inputs, Outputs []exampleTensor
		OutputGradients []exampleTensor `json:"output_gradients"`
		InputGradients  []exampleTensor `json:"input_gradients"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &e))
	node, err := host.NewNode(host.Descriptor{Name: "n", Type: e.Call.Type, Params: string(e.Call.Params), Rate: e.Call.Rate, SupportsV2: true, Record: 1})
	require.NoError(t, err)
	buffers := func(list []exampleTensor, empty bool) (out []host.Buffer) {
		for _, x := range list {
			b := x.buffer()
			if empty {
				b.Data = make([]float64, len(x.Data))
			}
			out = append(out, b)
		}
		return out
	}
	compare := func(want []exampleTensor, got []host.Buffer) {
		for i, x := range want {
			require.InDeltaSlice(t, x.Data, got[i].Data, 1e-12)
		}
	}
	out := buffers(e.Outputs, true)
	require.NoError(t, node.Forward(buffers(e.Inputs, false), out))
	compare(e.Outputs, out)
	grads := buffers(e.InputGradients, true)
	require.NoError(t, node.Backward(buffers(e.OutputGradients, false), grads))
	compare(e.InputGradients, grads)
}

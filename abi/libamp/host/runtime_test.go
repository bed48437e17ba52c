package host_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"ampfit/abi/libamp/host"
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// recorded is an index of recorded graphs.
type recorded struct {
	Cases []struct {
		ID         string
		Batches    int
		Frames     int
		Rate       float64 `json:"sample_rate"`
		Descriptor string  `json:"descriptor_b64"`
		Plan       string  `json:"plan_b64"`
		Blocks     []struct {
			SetParam []struct {
				Node, Param string
				Value       tensor
				RC          int
			} `json:"set_param"`
			History string `json:"control_history_b64"`
			RC      int
			Output  tensor
		}
	}
}

type tensor struct {
	Shape  [3]int
	Offset int
}

type records struct {
	t    *testing.T
	data []byte
}

func (r records) read(x tensor) []float64 {
	n := x.Shape[0] * x.Shape[1] * x.Shape[2]
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(r.data[8*(x.Offset+i):]))
	}
	return out
}

func load(t *testing.T) (recorded, records) {
	t.Helper()
	text, err := os.ReadFile("../../../testdata/amp/graphs.json")
	require.NoError(t, err)
	var all recorded
	require.NoError(t, json.Unmarshal(text, &all))
	data, err := os.ReadFile("../../../testdata/amp/graphs.f64")
	require.NoError(t, err)
	return all, records{t, data}
}

func unbase(t *testing.T, s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(t, err)
	return b
}

// AMP's blobs give the recorded blocks.
func TestRecordedGraphs(t *testing.T) {
	all, rec := load(t)
	for _, c := range all.Cases {
		t.Run(c.ID, func(t *testing.T) {
			r, err := host.NewRuntime(unbase(t, c.Descriptor), unbase(t, c.Plan), true)
			require.NoError(t, err)
			require.NoError(t, r.Configure(c.Batches, c.Frames))
			r.SetRate(c.Rate)
			for _, b := range c.Blocks {
				for _, p := range b.SetParam {
					err := r.SetParam(p.Node, p.Param, rec.read(p.Value), p.Value.Shape[0], p.Value.Shape[1], p.Value.Shape[2])
					require.Equal(t, p.RC, int(host.CodeOf(err)))
				}
				out, channels, frames, err := r.Execute(unbase(t, b.History), 0)
				require.NoError(t, err)
				want := rec.read(b.Output)
				require.Equal(t, b.Output.Shape, [3]int{c.Batches, channels, frames})
				for i := range want {
					require.InDelta(t, want[i], out[i], 1e-12*math.Max(1, math.Abs(want[i])), "frame %d", i)
				}
			}
		})
	}
}

// With delays honoured, the node that declares 32 frames is heard 32 frames
// later.
func TestDeclaredDelayIsHonoured(t *testing.T) {
	all, rec := load(t)
	for _, c := range all.Cases {
		if c.ID != "declared_metadata" {
			continue
		}
		r, err := host.NewRuntime(unbase(t, c.Descriptor), unbase(t, c.Plan), false)
		require.NoError(t, err)
		require.NoError(t, r.Configure(c.Batches, c.Frames))
		r.SetRate(c.Rate)
		var want, got []float64
		for _, b := range c.Blocks {
			out, _, _, err := r.Execute(nil, 0)
			require.NoError(t, err)
			want, got = append(want, rec.read(b.Output)...), append(got, out...)
		}
		for n := 128; n < len(got); n++ { // past the start of the filter
			require.InDelta(t, want[n-32], got[n], 1e-4, "frame %d", n)
		}
		return
	}
	t.Fatal("the record is missing")
}

// Blobs that are cut short or changed give errors, never panics.
func FuzzBlobs(f *testing.F) {
	text, err := os.ReadFile("../../../testdata/amp/graphs.json")
	if err != nil {
		f.Fatal(err)
	}
	var all recorded
	if err := json.Unmarshal(text, &all); err != nil {
		f.Fatal(err)
	}
	for _, c := range all.Cases {
		d, _ := base64.StdEncoding.DecodeString(c.Descriptor)
		p, _ := base64.StdEncoding.DecodeString(c.Plan)
		f.Add(d, p)
		f.Add(d[:len(d)/2], p)
		f.Add(d, p[:len(p)/2])
	}
	d, p := planV3()
	f.Add(d, p)
	for i := 4; i < len(p); i += 4 { // lengths, counts, delays, kinds, scales
		large := bytes.Clone(p)
		copy(large[i:], "\xff\xff\xff\x7f")
		f.Add(d, large)
	}
	f.Fuzz(func(t *testing.T, d, p []byte) {
		defer host.SetMemory(64 * mib)()
		require.NoError(t, tryBlobs(d, p))
	})
}

// The last block of a run may have one frame: what was modulated stays so.
func TestModulatedParameterInBlockOfOneFrame(t *testing.T) {
	n, err := host.NewNode(host.Descriptor{Type: "GainNode", Rate: 48000, SupportsV2: true, Record: 2})
	require.NoError(t, err)
	call := func(x, gain []float64) []float64 {
		in := []host.Buffer{{Batches: 1, Channels: 1, Frames: len(x), Data: x}, {Name: "gain", Batches: 1, Channels: 1, Frames: len(x), Data: gain}}
		out := []host.Buffer{{Batches: 1, Channels: 1, Frames: len(x), Data: make([]float64, len(x))}}
		require.NoError(t, n.Forward(in, out))
		return out[0].Data
	}
	require.Equal(t, []float64{2, 6}, call([]float64{1, 2}, []float64{2, 3}))
	require.Equal(t, []float64{15}, call([]float64{3}, []float64{5}))
	grad := func(frames int) []float64 {
		dy := []host.Buffer{{Batches: 1, Channels: 1, Frames: frames, Data: []float64{1, 1}[:frames]}}
		dx := []host.Buffer{{Batches: 1, Channels: 1, Frames: frames, Data: make([]float64, frames)}, {Name: "gain", Batches: 1, Channels: 1, Frames: frames, Data: make([]float64, frames)}}
		require.NoError(t, n.Backward(dy, dx))
		return append(dx[0].Data, dx[1].Data...)
	}
	require.Equal(t, []float64{5, 3}, grad(1))
	require.Equal(t, []float64{2, 3, 1, 2}, grad(2))
}

package host_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"ampfit/abi"
	"ampfit/abi/libamp/host"

	"github.com/stretchr/testify/require"
)

const mib = 1 << 20

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// bounded calls what asks for more than there is, under a bound of 64 MiB: it
// must be refused in words, and take less than the bound for that.
func bounded(t *testing.T, says string, f func() error) {
	t.Helper()
	defer host.SetMemory(64 * mib)()
	var err error
	took := allocated(func() { err = f() })
	require.ErrorContains(t, err, says)
	require.Equal(t, abi.EInvalidArg, host.CodeOf(err))
	require.Less(t, took, int64(64*mib))
}

// The question for a shape reserves nothing for its frames.
func TestShapeOfHugeCall(t *testing.T) {
	defer host.SetMemory(64 * mib)()
	n, err := host.NewNode(host.Descriptor{Type: "SineOscillatorNode", Rate: 48000, SupportsV2: true, Record: 1})
	require.NoError(t, err)
	out := []host.Buffer{{Frames: math.MaxUint32}}
	require.Less(t, allocated(func() { err = n.Forward(nil, out) }), int64(8*mib))
	require.NoError(t, err)
	require.Equal(t, []host.Buffer{{Batches: 1, Channels: 1, Frames: math.MaxUint32}}, out)
	bounded(t, "of memory", func() error {
		out[0].Data = make([]float64, 1) // never looked at
		return n.Forward(nil, out)
	})
	out[0] = host.Buffer{Batches: 1, Channels: 1, Frames: 100, Data: make([]float64, 100)}
	require.NoError(t, n.Forward(nil, out)) // the state still serves
	require.NotZero(t, out[0].Data[10])
}

func TestBatchesAreBounded(t *testing.T) {
	n, err := host.NewNode(host.Descriptor{Type: "SineOscillatorNode", Rate: 48000, SupportsV2: true})
	require.NoError(t, err)
	bounded(t, "batches", func() error { return n.Forward(nil, []host.Buffer{{Batches: math.MaxUint32, Frames: 64}}) })
}

// Delays, rates and channels of a node are sizes, too.
func TestSizesOfNodesAreBounded(t *testing.T) {
	node := func(typ, params string, rate float64, declared int) func() error {
		return func() error {
			n, err := host.NewNode(host.Descriptor{Type: typ, Params: params, Rate: rate, Declared: declared, SupportsV2: true, Record: 1})
			if err != nil {
				return err
			}
			x := host.Buffer{Batches: 1, Channels: 1, Frames: 64, Data: make([]float64, 64)}
			return n.Forward([]host.Buffer{x}, []host.Buffer{{}})
		}
	}
	bounded(t, "not a sample rate", node("FDNNode", "", 1e12, 0))
	bounded(t, "not a sample rate", node("FDNNode", "", math.Inf(1), 0))
	bounded(t, "not a sample rate", node("FDNNode", "", math.NaN(), 0))
	bounded(t, "declared_delay", node("GainNode", "", 48000, math.MaxUint32))
	bounded(t, "of memory", node("GainNode", "", 48000, 1<<24))
}

// No type of node takes more than the bound at any rate, length and number in
// its configuration; those that fit run.
func TestEveryTypeIsBounded(t *testing.T) {
	defer host.SetMemory(64 * mib)()
	for _, typ := range abi.Types() {
		if typ.External {
			_, err := host.NewNode(host.Descriptor{Type: typ.Name, Rate: 48000, SupportsV2: true})
			require.ErrorContains(t, err, "no node to call")
			continue
		}
		largest := []string{}
		for _, k := range typ.Config {
			if k.Max > 0 && (k.Kind == abi.Int || k.Kind == abi.Number) {
				largest = append(largest, fmt.Sprintf("%q: %v", k.Name, k.Max))
			}
		}
		for _, rate := range []float64{1, 48000, 1e7} {
			for _, params := range []string{"", "{" + strings.Join(largest, ", ") + "}"} {
				took := allocated(func() { tryNode(t, typ, rate, params, 16) })
				took = max(took, allocated(func() { tryNode(t, typ, rate, params, 1<<22) }))
				require.Less(t, took, int64(200*mib), "%s at %g Hz, %s", typ.Name, rate, params) // to ask for the shape, and to run
			}
		}
	}
}

// tryNode asks a node for its shape and runs it, where it is not too large.
func tryNode(t *testing.T, typ *abi.NodeType, rate float64, params string, frames int) {
	n, err := host.NewNode(host.Descriptor{Type: typ.Name, Rate: rate, Params: params, SupportsV2: true, Record: 1})
	require.NoError(t, err, typ.Name)
	var in []host.Buffer
	if frames == 16 && len(typ.Inputs) > 0 {
		in = []host.Buffer{{Batches: 2, Channels: 2, Frames: 16, Data: make([]float64, 64)}}
	}
	out := []host.Buffer{{Batches: 2, Frames: frames}}
	if err = n.Forward(in, out); err == nil {
		size, ok := out[0].Size()
		require.True(t, ok)
		out[0].Data = make([]float64, min(size, 1<<20)) // too short to be filled, if it comes to that
		err = n.Forward(in, out)
		if frames > 16 {
			require.Error(t, err, typ.Name)
		}
	}
	if err != nil {
		require.Equal(t, abi.EInvalidArg, host.CodeOf(err), err)
	}
}

// What a graph file, a configuration or a call asks for is bounded as well.
func TestSizesOfGraphsAreBounded(t *testing.T) {
	graph := func(edge, rate string, batches, frames, hint int) func() error {
		return func() error {
			r, err := host.NewRuntimeJSON([]byte(fmt.Sprintf(`{%s "nodes": [{"name": "a", "type": "SineOscillatorNode"}, {"name": "b", "type": "FDNNode"}],
				"edges": [{"source": "a", "target": "b" %s}]}`, rate, edge)))
			if err != nil {
				return err
			}
			if err := r.Configure(batches, frames); err != nil {
				return err
			}
			_, _, _, err = r.Execute(nil, hint)
			return err
		}
	}
	bounded(t, "of memory", graph(`, "delay_frames": 2000000000`, "", 1, 64, 0))
	bounded(t, "not a sample rate", graph("", `"sample_rate": 1e12,`, 1, 64, 0))
	bounded(t, "of memory", graph("", "", 1, 64, math.MaxInt32))
	bounded(t, "of memory", graph("", "", 65536, 65536, 0))
	bounded(t, "cannot be configured", graph("", "", math.MaxUint32, 64, 0))
	r, err := host.NewRuntimeJSON([]byte(`{"nodes": [{"name": "a", "type": "SineOscillatorNode"}]}`))
	require.NoError(t, err)
	bounded(t, "a ring of", func() error {
		_, err := host.NewStreamer(r, nil, 0, 48000, math.MaxUint32, 64)
		return err
	})
	r.SetRate(1e12)
	bounded(t, "not a sample rate", func() error {
		_, _, _, err := r.Execute(nil, 64)
		return err
	})
}

// planV3 is a plan blob of version 3 with every kind of edge, delays, gates and
// oversampling, and descriptorV3 the descriptor beside it.
func planV3() (descriptor, plan []byte) {
	return writeBlobs([]blobNode{{"osc", "SineOscillatorNode", "{}", 0, 1}, {"lfo", "LFONode", "{}", 0, 1}, {"drive", "TanhNode", "{}", 80, 2}, {"dry", "GainNode", "{}", 5, 1}, {"mix", "MixNode", "{}", 0, 1}}, []blobEdge{
		{"osc", "drive", 0, 0, 1, -1, nil}, {"osc", "dry.in", 0, 3, 1, 0, nil}, {"lfo", "dry.gain", 1, 0, 0.5, 0, nil}, {"lfo", "drive.drive", 2, 2, 0.25, -1, nil},
		{"drive.out", "mix.in", 0, 0, 1, -1, []uint32{1, 7}}, {"dry", "mix.in", 0, 0, 1, -1, []uint32{7}},
	})
}

// tryBlobs runs blobs for a block, and reports an error that is none of the
// interface.
func tryBlobs(d, p []byte) error {
	r, err := host.NewRuntime(d, p, false)
	if err == nil {
		err = r.Configure(1, 16)
	}
	if err == nil {
		_, _, _, err = r.Execute(nil, 16)
	}
	if _, ok := err.(*host.Fault); err != nil && (!ok || err.Error() == "") {
		return err
	}
	return nil
}

// Whatever byte of a plan or its descriptor is wrong, the answer is a block or a
// sentence, within the bound of memory.
func TestEveryByteOfPlanV3(t *testing.T) {
	defer host.SetMemory(64 * mib)()
	d, p := planV3()
	r, err := host.NewRuntime(d, p, false)
	require.NoError(t, err)
	_, _, _, err = r.Execute(nil, 64)
	require.NoError(t, err)
	for _, blob := range [][]byte{p, d} {
		for i := range blob {
			for _, flip := range []byte{0x01, 0x80, 0xff, 0x7f} {
				whole := blob[i]
				blob[i] ^= flip
				var err error
				took := allocated(func() { err = tryBlobs(d, p) })
				blob[i] = whole
				require.NoError(t, err, "byte %d, xor %#x", i, flip)
				require.Less(t, took, int64(192*mib), "byte %d, xor %#x", i, flip)
			}
		}
		for n := range blob { // cut short
			if n < len(p) {
				require.NoError(t, tryBlobs(d, p[:n]), "%d bytes", n)
			}
			if n < len(d) {
				require.NoError(t, tryBlobs(d[:n], p), "%d bytes", n)
			}
		}
	}
}

// The memory of the way back counts, and that of a run which a longer one takes
// over; both beside what is handed out.
func TestAllMemoryCounts(t *testing.T) {
	defer host.SetMemory(64 * mib)()
	run := func(record int, frames ...float64) (err error) {
		n, err := host.NewNode(host.Descriptor{Type: "ConstantNode", Rate: 48000, SupportsV2: true, Record: record})
		require.NoError(t, err)
		for i, f := range frames {
			size := int(f * mib) // 8 bytes each for the row, and 16 for what is handed out
			err = n.Forward(nil, []host.Buffer{{Batches: 1, Channels: 1, Frames: size, Data: make([]float64, size)}})
			if i < len(frames)-1 {
				require.NoError(t, err)
			}
		}
		return err
	}
	require.NoError(t, run(0, 2.5))                                   // 60 MiB
	require.ErrorContains(t, run(0, 1.4, 2.5), "of memory")           // the row before, and the one it grows into
	require.NoError(t, run(0, 2.3))                                   // 55 MiB
	require.ErrorContains(t, run(1, 2.3), "of memory")                // and its gradient
	require.ErrorContains(t, run(0, 2.8), "which a run may take 0.1") // 67 MiB
}

// What was set before the first call stays when that call is longer than
// expected.
func TestParametersSurviveALongFirstCall(t *testing.T) {
	r, err := host.NewRuntimeJSON([]byte(`{"nodes": [{"name": "a", "type": "ConstantNode", "params": {"value": 2}}, {"name": "g", "type": "GainNode"}], "edges": [{"source": "a", "target": "g"}]}`))
	require.NoError(t, err)
	require.NoError(t, r.Configure(1, 16))
	require.NoError(t, r.SetParam("g", "gain", []float64{3}, 1, 1, 1))
	require.NoError(t, r.SetParam("g", "thermo.heat", []float64{5}, 1, 1, 1))
	y, _, _, err := r.Execute(nil, 4800)
	require.NoError(t, err)
	require.Equal(t, 6.0, y[4799])
	s, err := r.Describe("g")
	require.NoError(t, err)
	require.InDelta(t, 5+4800*(36.0-4)/48000, s.Heat, 1e-12)
}

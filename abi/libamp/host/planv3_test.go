package host_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"ampfit/abi/libamp/host"

	"github.com/stretchr/testify/require"
)

// blobEdge is an edge of a plan blob of version 3.
type blobEdge struct {
	source, target string
	kind, delay    uint32
	scale          float32
	channel        int32
	gates          []uint32
}

// blobNode is a node of both blobs.
type blobNode struct {
	name, typ, json      string
	declared, oversample uint32
}

// writeBlobs writes a descriptor and a plan of version 3; the last node is heard.
func writeBlobs(nodes []blobNode, edges []blobEdge) (descriptor, plan []byte) {
	var d, p bytes.Buffer
	u32 := func(b *bytes.Buffer, v ...uint32) {
		for _, x := range v {
			_ = binary.Write(b, binary.LittleEndian, x) // to memory
		}
	}
	u32(&d, uint32(len(nodes)))
	p.WriteString("AMPL")
	u32(&p, 3, uint32(len(nodes)))
	for _, n := range nodes {
		u32(&d, 0, uint32(len(n.name)), uint32(len(n.typ)), 0, 0, 0, 0, uint32(len(n.json)))
		d.WriteString(n.name + n.typ + n.json)
		u32(&p, 0, uint32(len(n.name)), 0, 1, 1, n.declared, n.oversample)
		p.WriteString(n.name)
		u32(&p, 4, 0, 1)
		p.WriteString("gain")
	}
	u32(&p, uint32(len(edges)))
	for _, e := range edges {
		u32(&p, uint32(len(e.source)), uint32(len(e.target)), e.kind, e.delay, math.Float32bits(e.scale), uint32(e.channel), uint32(len(e.gates)))
		u32(&p, e.gates...)
		p.WriteString(e.source + e.target)
	}
	return d.Bytes(), p.Bytes()
}

// playV3 plays rows of sound through blobs and returns the rows of the output.
func playV3(t *testing.T, x [][]float64, nodes []blobNode, edges []blobEdge) [][]float64 {
	t.Helper()
	d, p := writeBlobs(append([]blobNode{{"in", "InputNode", "{}", 0, 1}}, nodes...), edges)
	r, err := host.NewRuntime(d, p, false)
	require.NoError(t, err)
	frames := len(x[0])
	in := host.Buffer{Name: "in", Batches: 1, Channels: len(x), Frames: frames}
	for _, row := range x {
		in.Data = append(in.Data, row...)
	}
	out := []host.Buffer{{}}
	require.NoError(t, r.Process([]host.Buffer{in}, out))
	out[0].Data = make([]float64, out[0].Channels*frames)
	require.NoError(t, r.Process([]host.Buffer{in}, out))
	var rows [][]float64
	for c := range out[0].Channels {
		rows = append(rows, out[0].Data[c*frames:(c+1)*frames])
	}
	return rows
}

// The kind of an edge of a plan, its scale and its channel are what they are in
// graph files.
func TestEdgesOfPlanV3(t *testing.T) {
	x := [][]float64{{10, 10, 10, 10}, {20, 20, 20, 20}}
	nodes := []blobNode{{"two", "ConstantNode", `{"value": 2}`, 0, 1}, {"g", "GainNode", `{"gain": 3}`, 0, 1}}
	both := []blobEdge{{"in", "g", 0, 0, 1, -1, nil}}
	flat := func(v float64) []float64 { return []float64{v, v, v, v} }
	for _, tc := range []struct {
		name  string
		edges []blobEdge
		want  [][]float64
	}{
		{"all channels", both, [][]float64{flat(30), flat(60)}},
		{"channel 1", []blobEdge{{"in", "g", 0, 0, 1, 1, nil}}, [][]float64{flat(60)}},
		{"channel 0", []blobEdge{{"in", "g", 0, 0, 1, 0, nil}}, [][]float64{flat(30)}},
		{"add", append(both[:1:1], blobEdge{"two", "g.gain", 1, 0, 0.25, -1, nil}), [][]float64{flat(35), flat(70)}},
		{"multiply", append(both[:1:1], blobEdge{"two", "g.gain", 2, 0, 0.25, -1, nil}), [][]float64{flat(15), flat(30)}},
		{"add channel 1", []blobEdge{{"in", "g", 0, 0, 1, 0, nil}, {"in", "g.gain", 1, 0, 0.5, 1, nil}}, [][]float64{flat(130)}},
		{"delay", []blobEdge{{"in", "g", 0, 3, 1, 0, nil}}, [][]float64{{0, 0, 0, 30}}},
	} {
		t.Run(tc.name, func(t *testing.T) { require.Equal(t, tc.want, playV3(t, x, nodes, tc.edges)) })
	}
}

// Edges of one gate cross together: the dry signal waits for the filters of the
// oversampled node.
func TestGatesOfPlanV3(t *testing.T) {
	x := [][]float64{make([]float64, 200)}
	x[0][0] = 1
	play := func(wet, dry []uint32) []float64 {
		return playV3(t, x, []blobNode{{"wet", "GainNode", "{}", 0, 2}, {"dry", "GainNode", "{}", 0, 1}, {"mix", "MixNode", "{}", 0, 1}},
			[]blobEdge{{"in", "wet", 0, 0, 1, -1, nil}, {"in", "dry", 0, 0, 1, -1, nil}, {"wet", "mix", 0, 0, 1, -1, wet}, {"dry", "mix", 0, 0, 1, -1, dry}})[0]
	}
	const filters = 64 // frames
	apart := play(nil, nil)
	require.InDelta(t, 1, apart[0], 1e-3)
	for _, gates := range [][2][]uint32{{{7}, {7}}, {{7, 1}, {1}}} {
		together := play(gates[0], gates[1])
		require.InDelta(t, 0, together[0], 1e-3)
		require.InDelta(t, 1+apart[filters], together[filters], 1e-12)
	}
	require.Equal(t, apart, play([]uint32{7}, []uint32{8})) // gates of their own
}

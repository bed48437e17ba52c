package nodes_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
)

// workloads are whole graphs whose value and gradient must be fast, 10 s at
// 48 kHz in one thread: the mean square error to a fixed target by every
// parameter and the input.
var workloads = []struct{ name, nodes string }{
	{"4Biquads", `{"name": "a", "type": "LowpassNode", "params": {"cutoff_hz": 9000}}, {"name": "b", "type": "PeakingEQNode", "params": {"freq_hz": 200, "gain_db": 3}},
		{"name": "c", "type": "PeakingEQNode", "params": {"freq_hz": 1000, "gain_db": -4}}, {"name": "d", "type": "PeakingEQNode", "params": {"freq_hz": 4000, "gain_db": 5}}`},
	{"FDN8", `{"name": "a", "type": "FDNNode", "config": {"lines": 8, "delays": [1009, 1237, 1481, 1723, 2003, 2309, 2657, 3001]},
		"params": {"gains": [0.93, 0.92, 0.91, 0.9, 0.89, 0.88, 0.87, 0.86], "damping_hz": [12000, 11000, 10000, 9500, 9000, 8500, 8000, 7500]}}`},
	{"DiodeClipper", `{"name": "a", "type": "DiodeClipperNode", "config": {"newton_max": 4}}`},
	{"Compressor", `{"name": "a", "type": "CompressorNode", "params": {"threshold_db": -24, "ratio": 4, "attack_ms": 5, "release_ms": 80, "knee_db": 6, "makeup_db": 3}}`},
	{"Harmonic64", `{"name": "a", "type": "HarmonicOscillatorNode", "config": {"harmonics": 64}, "params": {"f0_hz": 110}}`},
	{"Sinusoids64", `{"name": "a", "type": "SinusoidBankNode", "config": {"partials": 64}, "params": {"freqs_hz": [FREQS]}}`},
	{"Decaying64", `{"name": "a", "type": "SinusoidBankNode", "config": {"partials": 64}, "params": {"freqs_hz": [FREQS], "decays": [DECAYS]}}`},
	{"Modal64", `{"name": "a", "type": "ModalNode", "config": {"modes": 64}, "params": {"freqs_hz": [FREQS]}}`},
	{"Struck64", `{"name": "a", "type": "ModalNode", "config": {"modes": 64, "excitation": "impulse"}, "params": {"freqs_hz": [FREQS]}}`},
	{"Vibrato64", `{"name": "v", "type": "LFONode", "params": {"rate_hz": 5}}, {"name": "a", "type": "HarmonicOscillatorNode", "config": {"harmonics": 64}, "params": {"f0_hz": 110}}`},
}

// workload builds the graph: nodes in a row, behind an input where they have one.
func workload(t testing.TB, nodes string, frames int) (*adjoint.Model, func(grad, y []float64)) {
	var freqs, decays []string
	for k := range 64 {
		freqs = append(freqs, fmt.Sprint(55*float64(k+1)*(1+0.003*float64(k))))
		decays = append(decays, fmt.Sprint(0.5+0.1*float64(k)))
	}
	nodes = strings.NewReplacer("FREQS", strings.Join(freqs, ","), "DECAYS", strings.Join(decays, ",")).Replace(nodes)
	source := strings.Contains(nodes, "Harmonic") || strings.Contains(nodes, "Sinusoid") || strings.Contains(nodes, `"impulse"`)
	edges := ""
	for i, c := range "abcd" {
		if strings.Contains(nodes, fmt.Sprintf(`"name": "%c"`, c)) && (i > 0 || !source) {
			from := "dry"
			if i > 0 {
				from = string("abcd"[i-1])
			}
			edges += fmt.Sprintf(`, {"source": "%s", "target": "%c"}`, from, c)
		}
	}
	if strings.Contains(nodes, `"v"`) {
		edges += `, {"source": "v", "target": "a.f0_hz", "scale": 2}`
	}
	if !source {
		nodes = `{"name": "dry", "type": "InputNode"}, ` + nodes
	}
	g, err := graph.Parse("", []byte(`{"sample_rate": 48000, "nodes": [`+nodes+`], "edges": [`+strings.TrimPrefix(edges, ", ")+`]}`))
	require.NoError(t, err)
	rng := rand.New(rand.NewPCG(1, 2))
	x, target := make([]float64, frames), make([]float64, frames)
	for n := range x {
		at := float64(n) / 48000
		x[n] = (0.05 + 0.45*(0.5-0.5*math.Cos(2*math.Pi*2.3*at))) * (2*rng.Float64() - 1)
		if strings.Contains(nodes, "Diode") {
			x[n] = 0.9*math.Sin(2*math.Pi*110*at) + 0.6*math.Sin(2*math.Pi*1733*at) + 0.02*x[n]
		}
		target[n] = 0.3 * (2*rng.Float64() - 1)
	}
	o := adjoint.Options{Frames: frames, Options: run.Options{Threads: 1}}
	if !source {
		o.Input = [][]float64{x}
	}
	m, err := adjoint.NewModel(g, o)
	require.NoError(t, err)
	return m, func(grad, y []float64) {
		for n, y := range y {
			grad[n] = 2 / float64(frames) * (y - target[n])
		}
	}
}

func BenchmarkWorkload(b *testing.B) {
	const frames = 480000
	for _, w := range workloads {
		for _, back := range []bool{false, true} {
			name := w.name + "/value"
			if back {
				name = w.name + "/gradient"
			}
			b.Run(name, func(b *testing.B) {
				m, seed := workload(b, w.nodes, frames)
				call := m.Forward
				if back {
					call = func() { m.ForwardBackward(seed) }
				}
				call()
				for b.Loop() {
					call()
				}
				b.ReportMetric(10*float64(b.N)/b.Elapsed().Seconds(), "x-realtime")
			})
		}
	}
}

package adjoint_test

import (
	"testing"

	"ampfit/adjoint"

	"github.com/stretchr/testify/require"
)

const benchFrames = 480000 // 10 s at 48 kHz

// fourBiquads is a low-pass and three bands in a row.
func fourBiquads(b *testing.B) *adjoint.Model {
	g := load(b, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "lp", "type": "LowpassNode", "params": {"cutoff_hz": 9000}},
		{"name": "low", "type": "PeakingEQNode", "params": {"freq_hz": 200, "gain_db": 3}},
		{"name": "mid", "type": "PeakingEQNode", "params": {"freq_hz": 1000, "gain_db": -4}},
		{"name": "high", "type": "PeakingEQNode", "params": {"freq_hz": 4000, "gain_db": 5}}],
		"edges": [{"source": "dry", "target": "lp"}, {"source": "lp", "target": "low"}, {"source": "low", "target": "mid"}, {"source": "mid", "target": "high"}]}`)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(1, 1, benchFrames)})
	require.NoError(b, err)
	return m
}

// measure reports the time of one call by frame.
func measure(b *testing.B, call func()) {
	call() // touch all memory
	b.ReportAllocs()
	for b.Loop() {
		call()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchFrames, "ns/frame")
}

func BenchmarkForward4Biquads(b *testing.B) {
	m := fourBiquads(b)
	measure(b, m.Forward)
}

func BenchmarkGradient4Biquads(b *testing.B) {
	m := fourBiquads(b)
	seed := func(grad, y []float64) { copy(grad, y) }
	measure(b, func() { m.ForwardBackward(seed) })
}

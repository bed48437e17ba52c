package run_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// series is a chain of nodes of the given types behind an InputNode.
func series(types ...string) string {
	nodes, edges := []string{`{"name": "dry", "type": "InputNode"}`}, []string{}
	last := "dry"
	for i, t := range types {
		name := fmt.Sprint("n", i)
		nodes = append(nodes, fmt.Sprintf(`{"name": %q, "type": %q}`, name, t))
		edges = append(edges, fmt.Sprintf(`{"source": %q, "target": %q}`, last, name))
		last = name
	}
	return fmt.Sprintf(`{"descriptor_version": 2, "sample_rate": 48000, "nodes": [%s], "edges": [%s]}`, strings.Join(nodes, ","), strings.Join(edges, ","))
}

func newRun(t *testing.T, text string, frames int, o run.Options) *run.Run {
	t.Helper()
	g, err := graph.Parse("", []byte(text))
	require.NoError(t, err)
	p, err := graph.NewPlan(g, graph.Options{Frames: frames})
	require.NoError(t, err)
	return run.New(p, o)
}

// Four biquads in series, of different types that share a kernel, are one call
// of four lanes in each iteration once the pipeline is full.
func TestSeriesOfBiquadsIsOneCall(t *testing.T) {
	const blocks = 10
	r := newRun(t, series("PeakingEQNode", "LowpassNode", "PeakingEQNode", "HighShelfNode"), blocks*graph.DefaultBlock, run.Options{Schedule: run.IPLS})
	var names [][]string
	for _, c := range r.Cohorts {
		names = append(names, c.Names())
	}
	require.Equal(t, [][]string{{"dry"}, {"n0", "n1", "n2", "n3"}}, names)
	var lanes []int
	r.Visit(0, blocks*graph.DefaultBlock, false, func(jobs []run.Job) {
		for _, j := range jobs {
			if j.Cohort == r.Cohorts[1] {
				require.Equal(t, len(j.Spans), run.Together(j.Spans), "one call takes all spans of the job")
				lanes = append(lanes, len(j.Spans))
			}
		}
	})
	require.Equal(t, []int{1, 2, 3, 4, 4, 4, 4, 4, 4, 4, 3, 2, 1}, lanes)
}

// In kpn each node is a call of its own.
func TestKPNCallsNodesOneByOne(t *testing.T) {
	r := newRun(t, series("PeakingEQNode", "PeakingEQNode"), 2*graph.DefaultBlock, run.Options{Schedule: run.KPN})
	calls := 0
	r.Visit(0, 2*graph.DefaultBlock, false, func(jobs []run.Job) {
		require.Len(t, jobs, 1)
		require.Len(t, jobs[0].Spans, 1)
		calls++
	})
	require.Equal(t, 2*3, calls)
}

// A schedule in the file is honoured, or refused with the edge it violates.
func TestScheduleInTheFile(t *testing.T) {
	text := strings.TrimSuffix(series("GainNode", "GainNode"), "}")
	g, err := graph.Parse("", []byte(text+`, "ipls": [["dry"], ["n0"], ["n1"]]}`))
	require.NoError(t, err)
	p, err := graph.NewPlan(g, graph.Options{Frames: 10})
	require.NoError(t, err)
	for i, name := range []string{"dry", "n0", "n1"} {
		require.Equal(t, i, p.Unit(name).Component.Stage)
	}
	require.Equal(t, run.IPLS, run.New(p, run.Options{}).Schedule())

	g, err = graph.Parse("", []byte(text+`, "ipls": [["dry", "n1"], ["n0"]]}`))
	require.NoError(t, err)
	_, err = graph.NewPlan(g, graph.Options{Frames: 10})
	require.ErrorContains(t, err, "edges[1] leads from n0 (stage 1) to n1 (stage 0); a consumer must stand in a later stage")
}

// level is the magnitude of one frequency in a signal, in dB.
func level(y []float64, hz float64) float64 {
	var re, im, sum float64
	for n, v := range y {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(n)/float64(len(y)))
		w *= w // squared Hann: side lobes far below what is measured
		s, c := math.Sincos(2 * math.Pi * hz / 48000 * float64(n))
		re += w * v * c
		im += w * v * s
		sum += w
	}
	return 20 * math.Log10(math.Hypot(re, im)/sum)
}

// A tanh driven hard at 8 times the rate aliases 60 dB less than at the rate:
// the ninth harmonic of 3700 Hz folds to 14700 Hz.
func TestOversamplingStopsAliasing(t *testing.T) {
	const frames, hz = 1 << 15, 3700.0
	var alias [2]float64
	for i, ratio := range []int{1, 8} {
		text := fmt.Sprintf(`{"descriptor_version": 2, "sample_rate": 48000,
			"nodes": [{"name": "osc", "type": "SineOscillatorNode", "params": {"frequency": %g, "amplitude": 0.8}},
			{"name": "drive", "type": "TanhNode", "oversample_ratio": %d, "params": {"drive": 10}}],
			"edges": [{"source": "osc", "target": "drive"}]}`, hz, ratio)
		y := newRun(t, text, frames, run.Options{}).Render(false)[0]
		alias[i] = level(y[1000:], 48000-9*hz) - level(y[1000:], hz)
	}
	require.Less(t, alias[1], alias[0]-60, "alias at 1x %g dB, at 8x %g dB below the tone", alias[0], alias[1])
}

// The low-latency filters are late by less.
func TestLowLatencyFilters(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"descriptor_version": 2, "sample_rate": 48000, "nodes": [
		{"name": "dry", "type": "InputNode"}, {"name": "x", "type": "GainNode", "oversample_ratio": 4}],
		"edges": [{"source": "dry", "target": "x"}]}`))
	require.NoError(t, err)
	latency := func(low bool) int {
		p, err := graph.NewPlan(g, graph.Options{Frames: 1000, Settings: graph.Settings{LowLatency: low}})
		require.NoError(t, err)
		run := run.New(p, run.Options{})
		run.Input = [][]float64{{1}}
		y := run.Render(true)[0]
		peak := 0
		for n, v := range y {
			if math.Abs(v) > math.Abs(y[peak]) {
				peak = n
			}
		}
		require.Equal(t, p.Latency, peak, "the impulse arrives when the plan says")
		return p.Latency
	}
	require.Less(t, latency(true), latency(false)/2)
}

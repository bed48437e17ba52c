package optim_test

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"ampfit/graph"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// judged fits an equaliser and a gain in dB from a dry signal to a target.
func judged(t *testing.T, dry, target []float64, o optim.FitOptions) *optim.FitResult {
	t.Helper()
	return judgedIn(context.Background(), t, dry, target, o)
}

func judgedIn(ctx context.Context, t *testing.T, dry, target []float64, o optim.FitOptions) *optim.FitResult {
	t.Helper()
	g, err := graph.Parse("", []byte(`{"sample_rate": 8000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "eq", "type": "PeakingEQNode"},
		{"name": "g", "type": "GainNode", "params": {"gain_db": 0}}], "edges": [{"source": "dry", "target": "eq"}, {"source": "eq", "target": "g"}]}`))
	require.NoError(t, err)
	o.Input, o.Target, o.Rate, o.Loss = [][]float64{dry}, [][]float64{target}, 8000, "esr"
	r, err := optim.Fit(ctx, g, o)
	require.NoError(t, err)
	return r
}

func gauss(seed uint64, n int, level float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	x := make([]float64, n)
	for i := range x {
		x[i] = level * rng.NormFloat64()
	}
	return x
}

// plus is a x + y.
func plus(a float64, x, y []float64) []float64 {
	out := make([]float64, len(y))
	for n, v := range y {
		out[n] = v
		if n < len(x) {
			out[n] += a * x[n]
		}
	}
	return out
}

func TestVerdict(t *testing.T) {
	const frames = 16000
	dry, silence := gauss(1, frames, 0.3), make([]float64, frames)
	noted := func(r *optim.FitResult, text string) bool { return strings.Contains(strings.Join(r.Notes, "\n"), text) }
	bars := func(r *optim.FitResult) bool { return r.Params[0].StdErr[0] > 0 }

	r := judged(t, dry, plus(0.5, dry, silence), optim.FitOptions{})
	require.Equal(t, "excellent", r.Verdict.Grade, r.Verdict.Text)
	require.False(t, r.Verdict.Failed())

	r = judged(t, dry, plus(0.5, dry, gauss(2, frames, 0.02)), optim.FitOptions{})
	require.Equal(t, "good", r.Verdict.Grade, "noise of 17 dB below is not of the graph: %s", r.Verdict.Text)
	require.False(t, noted(r, "no error bars"), "white noise has error bars")

	r = judged(t, dry, gauss(3, frames, 0.3), optim.FitOptions{Steps: 20})
	require.True(t, r.Verdict.Failed(), "another sound: %s", r.Verdict.Text)
	require.Equal(t, "the target has nothing of the dry signal", r.Verdict.Reason)
	require.NotEmpty(t, r.Verdict.Next)

	// An echo that the graph has no delay for.
	late := append(make([]float64, 400), dry[:frames-400]...)
	r = judged(t, dry, plus(0.6, late, dry), optim.FitOptions{Steps: 20})
	require.True(t, r.Verdict.Failed(), "a gain does as well: %s", r.Verdict.Text)
	require.False(t, bars(r))
	require.Less(t, r.Verdict.Filter, 0.01, "a filter of 512 taps reaches it")
	require.Contains(t, r.Verdict.Reason, "a plain filter comes closer")

	// Inverted: a gain in dB cannot do it, --align does.
	inverted := plus(-0.5, dry, silence)
	r = judged(t, dry, inverted, optim.FitOptions{Steps: 20})
	require.True(t, r.Verdict.Failed())
	require.Contains(t, r.Verdict.Reason, "inverted")
	require.Contains(t, r.Verdict.Next, "--align")
	require.True(t, noted(r, "inverted against the dry signal"), "%v", r.Notes)
	require.False(t, noted(r, "frames ahead"), "%v", r.Notes)
	r = judged(t, dry, inverted, optim.FitOptions{Align: true})
	require.True(t, r.Align.Turned)
	require.Equal(t, "excellent", r.Verdict.Grade, r.Verdict.Text)
}

// A fit that was ended says how far a filter gets, too.
func TestVerdictOfAnEndedFit(t *testing.T) {
	const frames = 16000
	dry := gauss(1, frames, 0.3)
	late := append(make([]float64, 400), dry[:frames-400]...)
	ctx, cancel := context.WithCancel(context.Background())
	r := judgedIn(ctx, t, dry, plus(0.6, late, dry), optim.FitOptions{Progress: func(optim.Progress) { cancel() }})
	require.True(t, r.Verdict.Failed(), r.Verdict.Text)
	require.Less(t, r.Verdict.Filter, 0.1, r.Verdict.Text)
	require.Contains(t, r.Verdict.Reason, "a plain filter comes closer")
}

// What is left of a coloured noise gives no error bars: they are those of white
// noise.
func TestNoErrorBarsBesideColouredNoise(t *testing.T) {
	const frames = 16000
	dry, hiss := gauss(1, frames, 0.3), gauss(2, frames, 0.01)
	for n := 1; n < frames; n++ {
		hiss[n] += 0.9 * hiss[n-1]
	}
	r := judged(t, dry, plus(0.5, dry, hiss), optim.FitOptions{})
	require.Contains(t, strings.Join(r.Notes, "\n"), "no error bars: what is left of the target")
	for _, p := range r.Params {
		for _, e := range p.StdErr {
			require.True(t, e != e, "%s.%s ± %g", p.Node, p.Name, e)
		}
	}
}

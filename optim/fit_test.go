package optim_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/nodes"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

const rate = 8000

func load(t testing.TB, nodes, edges string) *graph.Graph {
	t.Helper()
	g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %d, "nodes": [%s], "edges": [%s]}`, rate, nodes, edges)))
	require.NoError(t, err)
	return g
}

// render plays a graph, its own latency cut off as in a fit.
func render(t testing.TB, g *graph.Graph, frames int, in [][]float64) [][]float64 {
	t.Helper()
	p, err := graph.NewPlan(g, graph.Options{Frames: frames, Channels: len(in)})
	require.NoError(t, err)
	r := run.New(p, run.Options{})
	r.Input = in
	return r.Render(false)
}

func noise(seed uint64, frames int, level float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, frames)
	for n := range x {
		x[n] = level * rng.NormFloat64()
	}
	return x
}

func fit(t testing.TB, g *graph.Graph, o optim.FitOptions) *optim.FitResult {
	t.Helper()
	o.Rate = rate
	r, err := optim.Fit(context.Background(), g, o)
	require.NoError(t, err)
	return r
}

// value returns a fitted number.
func value(t testing.TB, r *optim.FitResult, node, name string) float64 {
	t.Helper()
	return param(t, r, node, name).Value[0]
}

func param(t testing.TB, r *optim.FitResult, node, name string) optim.FitParam {
	t.Helper()
	for _, p := range r.Params {
		if p.Node == node && p.Name == name {
			return p
		}
	}
	require.Failf(t, "no parameter", "%s.%s", node, name)
	return optim.FitParam{}
}

const dry = `{"name": "dry", "type": "InputNode"}`

func TestFitSine(t *testing.T) {
	nodes := func(amplitude, phase float64) string {
		return fmt.Sprintf(`{"name": "s", "type": "SineOscillatorNode", "params": {"frequency": 220,
			"amplitude": {"value": %g, "learn": true}, "phase": {"value": %g, "learn": true}}}`, amplitude, phase)
	}
	target := render(t, load(t, nodes(0.7, 0.2), ""), 2000, nil)
	r := fit(t, load(t, nodes(0.3, 0.6), ""), optim.FitOptions{Target: target, Loss: "esr"})
	require.Less(t, r.Final, 1e-9)
	require.InDelta(t, 0.7, value(t, r, "s", "amplitude"), 1e-4)
	require.InDelta(t, 0.2, value(t, r, "s", "phase"), 1e-4, "a phase is given between 0 and 1")
	require.False(t, param(t, r, "s", "frequency").Learned)
}

func TestFitGainDelayAndFilter(t *testing.T) {
	nodes := func(gain, ms, cutoff float64) string {
		return dry + fmt.Sprintf(`,{"name": "g", "type": "GainNode", "params": {"gain": {"value": %g, "learn": true}}},
			{"name": "d", "type": "DelayNode", "config": {"max_ms": 20}, "params": {"time_ms": {"value": %g, "learn": true}}},
			{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %g, "learn": true}}}`, gain, ms, cutoff)
	}
	edges := `{"source": "dry", "target": "g"}, {"source": "g", "target": "d"}, {"source": "d", "target": "lp"}`
	in := [][]float64{noise(1, 3000, 0.5)}
	target := render(t, load(t, nodes(0.6, 5.3, 900), edges), 3000, in)
	r := fit(t, load(t, nodes(1, 4, 2000), edges), optim.FitOptions{Target: target, Input: in})
	require.InEpsilon(t, 0.6, value(t, r, "g", "gain"), 1e-3)
	require.InEpsilon(t, 5.3, value(t, r, "d", "time_ms"), 1e-3)
	require.InEpsilon(t, 900, value(t, r, "lp", "cutoff_hz"), 1e-3)
}

// 16 dB of drive are found from 0 dB.
func TestFitDriveFromZeroDecibels(t *testing.T) {
	nodes := func(drive float64) string {
		return dry + fmt.Sprintf(`,{"name": "t", "type": "TanhNode", "params": {"drive": {"value": %g, "learn": true}}}`, drive)
	}
	edges := `{"source": "dry", "target": "t"}`
	in := [][]float64{noise(2, 2000, 0.3)}
	want := math.Pow(10, 16.0/20)
	target := render(t, load(t, nodes(want), edges), 2000, in)
	for _, optimizer := range []string{"auto", "lm", "lbfgs"} {
		r := fit(t, load(t, nodes(1), edges), optim.FitOptions{Target: target, Input: in, Optimizer: optimizer})
		require.InEpsilon(t, want, value(t, r, "t", "drive"), 1e-3, optimizer)
	}
}

func TestFitSameSeedSameBits(t *testing.T) {
	nodes := dry + `,{"name": "t", "type": "TanhNode"},{"name": "lp", "type": "LowpassNode"}`
	edges := `{"source": "dry", "target": "t"}, {"source": "t", "target": "lp"}`
	in := [][]float64{noise(3, 600, 0.5)}
	target := [][]float64{noise(4, 600, 0.3)} // nothing fits, so the search goes on to its end
	var first *optim.FitResult
	for range 2 {
		r := fit(t, load(t, nodes, edges), optim.FitOptions{Target: target, Input: in, Seed: 5, Steps: 20})
		if first == nil {
			first = r
			continue
		}
		require.Equal(t, first.Final, r.Final)
		require.Equal(t, first.Values(), r.Values())
		require.Equal(t, first.Output, r.Output)
		require.Equal(t, len(first.History), len(r.History))
	}
	require.Contains(t, first.Notes, `no parameter is marked "learn": true, so every differentiable parameter is learned`)
}

// What lies only behind a node without an adjoint is named, and stays.
func TestFitNamesWhatIsCutOff(t *testing.T) {
	nodes := dry + `,{"name": "before", "type": "GainNode", "params": {"gain": {"value": 0.8, "learn": true}}},
		{"name": "crush", "type": "QuantizerNode", "params": {"bits": 8}},
		{"name": "after", "type": "GainNode", "params": {"gain": {"value": 0.5, "learn": true}}}`
	edges := `{"source": "dry", "target": "before"}, {"source": "before", "target": "crush"}, {"source": "crush", "target": "after"}`
	in := [][]float64{noise(5, 800, 0.3)}
	target := render(t, load(t, nodes, edges), 800, in)
	for n := range target[0] {
		target[0][n] *= 1.5
	}
	r := fit(t, load(t, nodes, edges), optim.FitOptions{Target: target, Input: in, Optimizer: "lbfgs"})
	require.Equal(t, []string{"crush"}, r.Unsupported)
	require.Equal(t, []string{"before.gain (behind crush, which has no adjoint)"}, r.Cut)
	require.InEpsilon(t, 0.75, value(t, r, "after", "gain"), 1e-5)
	require.InEpsilon(t, 0.8, value(t, r, "before", "gain"), 1e-9, "no gradient, no step")
	require.Contains(t, param(t, r, "before", "gain").Notes, "no gradient behind crush")
}

// Of two gains in series only the product shows.
func TestFitNamesWhatIsNotIdentified(t *testing.T) {
	nodes := func(a, b float64) string {
		return dry + fmt.Sprintf(`,{"name": "a", "type": "GainNode", "params": {"gain": {"value": %g, "learn": true}}},
			{"name": "b", "type": "GainNode", "params": {"gain": {"value": %g, "learn": true}}},
			{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 900, "learn": true}}}`, a, b)
	}
	edges := `{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "lp"}`
	in := [][]float64{noise(6, 1500, 0.5)}
	target := render(t, load(t, nodes(2, 0.3), edges), 1500, in)
	for n, e := range noise(7, 1500, 0.01) {
		target[0][n] += e
	}
	r := fit(t, load(t, nodes(1, 1), edges), optim.FitOptions{Target: target, Input: in, Optimizer: "lm"})
	require.InEpsilon(t, 0.6, value(t, r, "a", "gain")*value(t, r, "b", "gain"), 5e-3)
	for _, node := range []string{"a", "b"} {
		require.Contains(t, param(t, r, node, "gain").Notes, "not identified by this recording")
		require.True(t, math.IsNaN(param(t, r, node, "gain").StdErr[0]))
	}
	require.Empty(t, param(t, r, "lp", "cutoff_hz").Notes)
	require.False(t, math.IsNaN(param(t, r, "lp", "cutoff_hz").StdErr[0]))
}

// The error bars are the scatter of fits to targets with other noise. Of 30 fits
// the scatter itself is known to 1/√60, 13 %, and of 300 to 4 %: only they tell
// an error bar that is 20 % off. The mean lies within three of its deviations.
func TestFitErrorBars(t *testing.T) {
	const fits, frames, level = 300, 1200, 0.05
	nodes := dry + `,{"name": "near", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true}}},
		{"name": "far", "type": "GainNode", "params": {"gain": {"value": 0, "learn": true}}},{"name": "sum", "type": "GainNode", "gather": "sum"}`
	edges := `{"source": "dry", "target": "near"}, {"source": "dry", "target": "far", "delay_frames": 3}, {"source": "near", "target": "sum"}, {"source": "far", "target": "sum"}`
	in := [][]float64{noise(8, frames, 0.5)}
	var sum, squares, bars [2]float64
	truth := [2]float64{0.7, -0.4}
	for k := range fits {
		target := [][]float64{noise(uint64(100+k), frames, level)}
		for n, x := range in[0] {
			target[0][n] += truth[0] * x
			if n >= 3 {
				target[0][n] += truth[1] * in[0][n-3]
			}
		}
		r := fit(t, load(t, nodes, edges), optim.FitOptions{Target: target, Input: in, Optimizer: "lm"})
		for i, node := range []string{"near", "far"} {
			p := param(t, r, node, "gain")
			sum[i] += p.Value[0]
			squares[i] += (p.Value[0] - truth[i]) * (p.Value[0] - truth[i])
			bars[i] += p.StdErr[0] / fits
		}
	}
	energy := 0.0
	for _, x := range in[0] {
		energy += x * x
	}
	for i := range truth {
		scatter := math.Sqrt(squares[i] / fits)
		require.InEpsilon(t, scatter, bars[i], 0.2)
		require.InEpsilon(t, level/math.Sqrt(energy), bars[i], 0.05, "σ/‖x‖, as the two inputs hardly correlate")
		require.InDelta(t, truth[i], sum[i]/fits, 3*scatter/math.Sqrt(fits))
	}
}

// A prior pulls towards its mean as hard as its deviation says. For y = g x and
// the loss mse = Σ(g−g₀)²x²/N + (g−m)²/2s² the minimum is known.
func TestFitPrior(t *testing.T) {
	nodes := dry + `,{"name": "a", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true, "prior": {"mean": 3, "std": 0.9}}}}`
	in := [][]float64{noise(9, 500, 0.5)}
	target := [][]float64{make([]float64, 500)}
	power := 0.0
	for n, x := range in[0] {
		target[0][n] = 2 * x
		power += x * x / 500
	}
	w := 1 / (0.9 * 0.9)
	want := (2*power*2 + w*3) / (2*power + w)
	for _, optimizer := range []string{"lm", "lbfgs"} {
		r := fit(t, load(t, nodes, `{"source": "dry", "target": "a"}`), optim.FitOptions{Target: target, Input: in, Optimizer: optimizer, Loss: "mse"})
		require.InEpsilon(t, want, value(t, r, "a", "gain"), 1e-4, optimizer)
	}
}

// A tied parameter follows, its gradient counts, and it is part of the result.
func TestFitTies(t *testing.T) {
	nodes := func(learn string, a, b float64) string {
		return dry + fmt.Sprintf(`,{"name": "a", "type": "GainNode", "params": {"gain": {"value": %g, "learn": %s}}},
			{"name": "b", "type": "GainNode", "params": {"gain": %s}},{"name": "sum", "type": "GainNode", "gather": "sum"}`, a, learn,
			map[string]string{"true": `{"tie": {"to": "a.gain", "scale": -2, "offset": 1}}`, "false": fmt.Sprint(b)}[learn])
	}
	edges := `{"source": "dry", "target": "a"}, {"source": "dry", "target": "b", "delay_frames": 5}, {"source": "a", "target": "sum"}, {"source": "b", "target": "sum"}`
	in := [][]float64{noise(10, 700, 0.5)}
	target := render(t, load(t, nodes("false", 0.8, -0.6), edges), 700, in)
	for _, optimizer := range []string{"lm", "lbfgs"} {
		r := fit(t, load(t, nodes("true", 0.1, 0), edges), optim.FitOptions{Target: target, Input: in, Optimizer: optimizer})
		require.InEpsilon(t, 0.8, value(t, r, "a", "gain"), 1e-4, optimizer)
		require.InEpsilon(t, -0.6, value(t, r, "b", "gain"), 1e-4, optimizer)
		require.Equal(t, []string{"a.gain"}, r.Variables)
		require.Contains(t, r.Values(), "b")
	}
}

// A phase that followed another one was clamped to its empty range, 0.
func TestFitTiedPhase(t *testing.T) {
	nodes := func(phase float64, other string) string {
		return fmt.Sprintf(`{"name": "a", "type": "SineOscillatorNode", "params": {"frequency": 200, "phase": {"value": %g, "learn": true}}},
			{"name": "b", "type": "SineOscillatorNode", "params": {"frequency": 330, "phase": %s}},{"name": "sum", "type": "GainNode", "gather": "sum", "params": {"gain": 1}}`, phase, other)
	}
	edges := `{"source": "a", "target": "sum"}, {"source": "b", "target": "sum"}`
	target := render(t, load(t, nodes(0.3, "0.55"), edges), 1000, nil)
	r := fit(t, load(t, nodes(0.2, `{"tie": {"to": "a.phase", "offset": 0.25}}`), edges), optim.FitOptions{Target: target, Loss: "esr", Optimizer: "lbfgs"})
	require.Less(t, r.Final, 1e-8)
	require.InDelta(t, 0.3, value(t, r, "a", "phase"), 1e-4)
}

// The gradient that optimisers see, through transforms, ties and priors, is
// that of what they minimise: the last step of a descent has none left.
func TestFitEndsWhereTheGradientDoes(t *testing.T) {
	nodes := dry + `,{"name": "t", "type": "TanhNode", "params": {"drive": {"value": 1, "learn": true, "prior": {"mean": 2, "std": 3}}, "level": {"value": 1, "learn": true}}},
		{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 500, "learn": true}}}`
	edges := `{"source": "dry", "target": "t"}, {"source": "t", "target": "lp"}`
	in := [][]float64{noise(11, 900, 0.5)}
	r := fit(t, load(t, nodes, edges), optim.FitOptions{Target: [][]float64{in[0]}, Input: in, Optimizer: "bfgs", HeatWeight: 0.01})
	require.Less(t, r.Final, r.Initial)
	first := r.History[0].GradNorm
	least := first
	for _, s := range r.History {
		if s.GradNorm < least {
			least = s.GradNorm
		}
	}
	require.Less(t, least, 1e-4*first)
}

func TestFitRefuses(t *testing.T) {
	nodes := dry + `,{"name": "t", "type": "TanhNode"}`
	edges := `{"source": "dry", "target": "t"}`
	in := [][]float64{noise(1, 100, 0.5)}
	for want, o := range map[string]optim.FitOptions{
		"optim: the target has no frames":                         {Input: in},
		`there is no optimizer "adm"`:                             {Input: in, Target: in, Optimizer: "adm"},
		`there is no parameter "t.driv"; did you mean "t.drive"?`: {Input: in, Target: in, Learn: []string{"t.driv"}},
		"t.thermo.heat cannot be learned: it has no gradient":     {Input: in, Target: in, Learn: []string{"t.thermo.heat"}},
		"there is nothing to learn":                               {Input: in, Target: in, Freeze: []string{"t.drive", "t.bias", "t.level"}},
		"needs a quadratic loss":                                  {Input: in, Target: in, Optimizer: "lm", Loss: "l1"},
		"has 1 channel and the target has 2; bring them together": {Input: in, Target: [][]float64{in[0], in[0]}},
	} {
		o.Rate = rate
		_, err := optim.Fit(context.Background(), load(t, nodes, edges), o)
		require.ErrorContains(t, err, want)
	}
}

func TestFitNamesSilentInputAndHeat(t *testing.T) {
	g := load(t, dry+`,{"name": "g", "type": "GainNode"}`, `{"source": "dry", "target": "g"}`)
	target := [][]float64{noise(6, 500, 0.2)}
	r := fit(t, g, optim.FitOptions{Target: target, Input: [][]float64{make([]float64, 500)}, HeatWeight: -0.5, Steps: 1, Optimizer: "adam"})
	require.Equal(t, "esr - 0.5*heat", r.LossName)
	require.Contains(t, strings.Join(r.Notes, "\n"), "the dry signal is silent")
	r = fit(t, g, optim.FitOptions{Target: target, Input: target, HeatWeight: 2, Steps: 1, Optimizer: "adam"})
	require.Equal(t, "esr + 2*heat", r.LossName)
	require.NotContains(t, strings.Join(r.Notes, "\n"), "silent")
}

// A mix of detectors on its bound, where it does nothing, held up the descent:
// each step was as short as that of the mix had to be.
func TestFitCompressorFromDefaults(t *testing.T) {
	nodes := func(params string) string {
		return dry + `,{"name": "c", "type": "CompressorNode", "params": {` + params + `}}`
	}
	edges := `{"source": "dry", "target": "c.in"}`
	in := [][]float64{noise(14, 4000, 0.3)}
	for n := range in[0] {
		in[0][n] *= math.Exp(-float64(n%1000) / 200)
	}
	target := render(t, load(t, nodes(`"threshold_db": -38, "ratio": 3, "attack_ms": 2, "release_ms": 40, "makeup_db": 5`), edges), 4000, in)
	r := fit(t, load(t, nodes(""), edges), optim.FitOptions{Target: target, Input: in, Optimizer: "lm", Steps: 15})
	require.Less(t, r.Final, 1e-4)
}

// The first steps of a spectral fit, which are those of a coarser model, had a heat
// of 0 in the history. It is measured, or it is not known.
func TestHeatOfTheHistoryIsMeasuredOrAbsent(t *testing.T) {
	text := func(level float64) string {
		return fmt.Sprintf(`{"name": "osc", "type": "SineOscillatorNode", "params": {"frequency": 300, "amplitude": {"value": %g, "learn": true}}},
			{"name": "tone", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %g, "learn": true}}}`, level, 1000*level)
	}
	edges := `{"source": "osc", "target": "tone"}`
	target := render(t, load(t, text(0.5), edges), 6000, nil)
	r := fit(t, load(t, text(0.2), edges), optim.FitOptions{Target: target})
	for _, s := range r.History[:min(10, len(r.History))] {
		for i, h := range s.Heat {
			require.Positive(t, h, "step %d, %s", s.Step, r.HeatNodes[i])
		}
	}
	for _, s := range r.History {
		require.NotContains(t, s.Heat, 0.0)
	}
}

// A long filter behind a shaper: its taps are solved for, the drive descended to,
// in turn. The number of taps would forbid Gauss-Newton steps.
func TestFitTapsBehindAShaper(t *testing.T) {
	const taps = 100
	nodes := func(drive float64, fir string) string {
		return dry + fmt.Sprintf(`,{"name": "t", "type": "TanhNode", "params": {"drive": {"value": %g, "learn": true}}}, {"name": "f", "type": "FIRNode", %s}`, drive, fir)
	}
	edges := `{"source": "dry", "target": "t"}, {"source": "t", "target": "f"}`
	in := [][]float64{noise(15, 4000, 0.4)}
	var h []string
	for k, v := range noise(16, taps, 0.3) {
		h = append(h, fmt.Sprint(v*math.Exp(-float64(k)/20)))
	}
	target := render(t, load(t, nodes(4, `"params": {"taps": [`+strings.Join(h, ",")+`]}`), edges), 4000, in)
	r := fit(t, load(t, nodes(1, fmt.Sprintf(`"config": {"taps": %d}, "params": {"taps": {"learn": true}}`, taps)), edges), optim.FitOptions{Target: target, Input: in})
	require.Less(t, r.Final, 1e-6)
	require.InEpsilon(t, 4, value(t, r, "t", "drive"), 1e-2)
}

// A reverberator with other delays than the target's is fitted by its spectra,
// though the dry sound keeps the error of the waveform low; at decay and mix of
// the target.
func TestFitReverb(t *testing.T) {
	nodes := func(config, params, mix string) string {
		return dry + fmt.Sprintf(`,{"name": "r", "type": "FDNNode", "config": {"lines": 8%s}, "params": {%s}}, {"name": "x", "type": "DryWetNode", "params": {%s}}`, config, params, mix)
	}
	edges := `{"source": "dry", "target": "r"}, {"source": "dry", "target": "x.dry"}, {"source": "r", "target": "x.wet"}`
	in := [][]float64{noise(17, 16000, 0.4)}
	for n := range in[0] {
		in[0][n] *= math.Exp(-float64(n%4000) / 300)
	}
	target := render(t, load(t, nodes(`, "delays": [211, 307, 401, 461, 557, 631, 709, 797]`, `"t60_s": 0.5`, `"mix": 0.3`), edges), 16000, in)
	r := fit(t, load(t, nodes("", `"t60_s": {"value": 2, "learn": true}, "out_gains": {"learn": true}`, `"mix": {"value": 0.5, "learn": true}`), edges), optim.FitOptions{Target: target, Input: in})
	require.Contains(t, r.LossName, "mrstft")
	require.InEpsilon(t, 0.5, value(t, r, "r", "t60_s"), 0.25)
	require.InDelta(t, 0.3, value(t, r, "x", "mix"), 0.1)
}

// A fit whose second descent, on spectra, is interrupted says so, though the
// result is that of the first.
// What the file holds with "learn": false stays, where nothing else is marked
// too.
func TestFitHolds(t *testing.T) {
	in := [][]float64{noise(3, 2000, 0.3)}
	const held = `{"name": "g", "type": "GainNode", "params": {"gain": {"value": 0.5, "learn": false}}}`
	edges := `{"source": "dry", "target": "g"}`
	r := fit(t, load(t, dry+","+held+`,{"name": "lp", "type": "OnePoleNode"}`, edges+`,{"source": "g", "target": "lp"}`), optim.FitOptions{Target: in, Input: in})
	require.Equal(t, 0.5, value(t, r, "g", "gain"))
	require.Greater(t, value(t, r, "lp", "cutoff_hz"), 1100.0)
	_, err := optim.Fit(context.Background(), load(t, dry+","+held, edges), optim.FitOptions{Target: in, Input: in, Rate: rate})
	require.ErrorContains(t, err, "there is nothing to learn")
}

// A descent that runs into a bound is not the end, however little it leaves: a
// shelf of the least q, four octaves off, is within a ten-thousandth of a bass
// control on a guitar.
func TestFitLeavesABound(t *testing.T) {
	dryRow, fs := drySound(t, 0, 1)
	shelf := func(params string) *graph.Graph {
		g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %g, "nodes": [%s,{"name": "b", "type": "LowShelfNode", "params": {%s}},{"name": "g", "type": "GainNode"}],
			"edges": [{"source": "dry", "target": "b"},{"source": "b", "target": "g"}]}`, fs, dry, params)))
		require.NoError(t, err)
		return g
	}
	in := [][]float64{dryRow}
	o := optim.FitOptions{Target: render(t, shelf(`"freq_hz": 100, "q": 0.493, "gain_db": 6`), len(dryRow), in), Input: in, Rate: fs}
	r, err := optim.Fit(context.Background(), shelf(""), o)
	require.NoError(t, err)
	require.Less(t, r.Final, 1e-9)
	require.InEpsilon(t, 100, value(t, r, "b", "freq_hz"), 1e-3)
}

// An end that comes while a Jacobian is computed ends the fit, and its error
// bars are those of the point that was reached.
// The same fit at 1e-8 of full scale finds the same settings, by the waveform and by
// spectra, and an amplitude that much smaller without a dry signal.
func TestFitAtAnyLevel(t *testing.T) {
	const level = 1e-8
	nodes := func(cutoff, gain float64) string {
		return dry + fmt.Sprintf(`,{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %g, "learn": true}}}, {"name": "g", "type": "GainNode", "params": {"gain": {"value": %g, "learn": true}}}`, cutoff, gain)
	}
	edges := `{"source": "dry", "target": "lp"}, {"source": "lp", "target": "g"}`
	in := [][]float64{noise(18, 4000, 0.3*level)}
	target := render(t, load(t, nodes(1500, 0.6), edges), 4000, in)
	for _, l := range []string{"esr", "mrstft", "snr", "si_sdr"} {
		r := fit(t, load(t, nodes(500, 1), edges), optim.FitOptions{Target: target, Input: in, Loss: l})
		require.InEpsilon(t, 1500, value(t, r, "lp", "cutoff_hz"), 1e-3, l)
		if l != "si_sdr" { // does not hear the gain
			require.InEpsilon(t, 0.6, value(t, r, "g", "gain"), 1e-3, l)
		}
		require.Contains(t, strings.Join(r.Notes, "\n"), "losses follow that, ranges of levels and amplitudes do not", l)
	}
	sine := func(frequency, amplitude float64) *graph.Graph {
		return load(t, fmt.Sprintf(`{"name": "s", "type": "SineOscillatorNode", "params": {"frequency": %g, "amplitude": %g}}`, frequency, amplitude), "")
	}
	r := fit(t, sine(430, 1), optim.FitOptions{Target: render(t, sine(441, 0.7*level), 8000, nil)})
	require.InEpsilon(t, 441, value(t, r, "s", "frequency"), 1e-4)
	require.InEpsilon(t, 0.7*level, value(t, r, "s", "amplitude"), 1e-3)
}

// What the beginning owes to a state before the recording is left out: the settings
// are those of the rest, the verdict and the error bars, too.
func TestFitSkipsTheBeginning(t *testing.T) {
	nodes := func(cutoff int) string {
		return dry + fmt.Sprintf(`,{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %d, "learn": true}}}`, cutoff)
	}
	edges := `{"source": "dry", "target": "lp"}`
	in := [][]float64{noise(18, 6000, 0.3)}
	target := render(t, load(t, nodes(1500), edges), 6000, in)
	copy(target[0], noise(19, 800, 0.5))
	for _, l := range []string{"esr", "mrstft"} {
		o := optim.FitOptions{Target: target, Input: in, Loss: l}
		whole := fit(t, load(t, nodes(500), edges), o)
		require.Equal(t, "poor", whole.Verdict.Grade, l)
		if l == "esr" { // spectra are robust
			require.Greater(t, math.Abs(value(t, whole, "lp", "cutoff_hz")-1500), 5.0)
		}
		o.Skip = 800
		r := fit(t, load(t, nodes(500), edges), o)
		require.InEpsilon(t, 1500, value(t, r, "lp", "cutoff_hz"), 1e-4, l)
		require.Equal(t, "excellent", r.Verdict.Grade, l)
		require.Len(t, r.Output[0], 6000)
		if l == "esr" {
			require.False(t, math.IsNaN(param(t, r, "lp", "cutoff_hz").StdErr[0]))
		}
	}
	_, err := optim.Fit(context.Background(), load(t, nodes(500), edges), optim.FitOptions{Target: target, Input: in, Rate: rate, Skip: 6000})
	require.ErrorContains(t, err, "leave out fewer")
}

// soon is a context whose time is over a moment later.
type soon struct{ context.Context }

func (soon) Deadline() (time.Time, bool) { return time.Now().Add(time.Microsecond), true }

// Error bars that would not be there in time are left out, and a note says so; a fit
// of 500 modes went on for four minutes beyond its limit.
// A fit whose time ends within an evaluation has the best point before that one, and
// its sound.
func (c *counted) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// A ratio in dB is below 0 long before it is good.
func TestFitOfARatioGoesBelowZero(t *testing.T) {
	nodes := func(cutoff int) string {
		return dry + fmt.Sprintf(`,{"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": %d, "learn": true}}}`, cutoff)
	}
	edges := `{"source": "dry", "target": "lp"}`
	in := [][]float64{noise(18, 4000, 0.3)}
	target := render(t, load(t, nodes(1500), edges), 4000, in)
	for _, name := range []string{"snr", "si_sdr", "mse + 0.1*snr"} {
		r := fit(t, load(t, nodes(500), edges), optim.FitOptions{Target: target, Input: in, Loss: name})
		require.InEpsilon(t, 1500, value(t, r, "lp", "cutoff_hz"), 1e-3, name)
	}
}

package optim_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/wav"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// drawing draws settings as a musician would turn them.
type drawing struct{ *rand.Rand }

func (d drawing) lin(lo, hi float64) float64 { return lo + (hi-lo)*d.Float64() }
func (d drawing) log(lo, hi float64) float64 { return lo * math.Pow(hi/lo, d.Float64()) }

// kind is an effect whose settings a fit has to find from the node's defaults.
type kind struct {
	name  string
	limit float64                // of the ESR at the end: far below a tenth of what a filter or a curve reaches
	start string                 // nodes, the last is "x"
	truth func(d drawing) string // the same with settings
	edges string                 // from "dry" to "x"
}

const plain = `{"source": "dry", "target": "x.in"}`

// one is an effect of one node with the given learned parameters.
func one(name, typ, config string, params func(d drawing) string) kind {
	node := func(params string) string {
		return fmt.Sprintf(`{"name": "x", "type": %q, "config": {%s}, "params": {%s}}`, typ, config, params)
	}
	return kind{name, 1e-6, node(""), func(d drawing) string { return node(params(d)) }, plain}
}

func settings(text string, values ...any) string { return fmt.Sprintf(text, values...) }

func dynamics(d drawing) string {
	return settings(`"threshold_db": %g, "ratio": %g, "attack_ms": %g, "release_ms": %g, "knee_db": %g, "makeup_db": %g`,
		d.lin(-40, -12), d.log(1.5, 12), d.log(0.5, 50), d.log(20, 500), d.lin(0, 12), d.lin(0, 12))
}

var kinds = []kind{
	one("compressor peak", "CompressorNode", `"detector": "peak"`, dynamics),
	one("compressor rms", "CompressorNode", `"detector": "rms"`, dynamics),
	one("compressor log", "CompressorNode", `"detector": "log"`, dynamics),
	one("compressor feedback", "CompressorNode", `"topology": "feedback"`, dynamics),
	one("expander", "ExpanderNode", ``, func(d drawing) string {
		return settings(`"threshold_db": %g, "ratio": %g, "attack_ms": %g, "release_ms": %g, "knee_db": %g, "makeup_db": %g, "range_db": %g`,
			d.lin(-45, -15), d.log(1.3, 5), d.log(0.3, 20), d.log(20, 400), d.lin(0, 12), d.lin(0, 6), d.lin(10, 50))
	}),
	one("gate", "GateNode", ``, func(d drawing) string {
		return settings(`"threshold_db": %g, "range_db": %g, "attack_ms": %g, "release_ms": %g, "knee_db": %g`,
			d.lin(-45, -15), d.lin(15, 80), d.log(0.3, 20), d.log(20, 400), d.lin(2, 12))
	}),
	one("limiter", "LimiterNode", ``, func(d drawing) string {
		return settings(`"ceiling_db": %g, "release_ms": %g, "makeup_db": %g`, d.lin(-24, -6), d.log(10, 500), d.lin(0, 12))
	}),
	one("chorus", "ChorusNode", ``, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_ms": %g, "delay_ms": %g, "feedback": %g, "mix": %g, "phase": %g`,
			d.log(0.3, 4), d.lin(1, 6), d.lin(8, 30), d.lin(0, 0.3), d.lin(0.3, 0.7), d.lin(0, 1))
	}),
	one("chorus triangle", "ChorusNode", `"wave": "triangle", "interp": "lagrange3"`, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_ms": %g, "delay_ms": %g, "mix": %g, "phase": %g`,
			d.log(0.3, 4), d.lin(1, 6), d.lin(8, 30), d.lin(0.3, 0.7), d.lin(0, 1))
	}),
	one("flanger", "FlangerNode", ``, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_ms": %g, "delay_ms": %g, "feedback": %g, "mix": %g, "phase": %g`,
			d.log(0.15, 2), d.lin(0.5, 2.5), d.lin(3, 8), d.lin(-0.6, 0.7), d.lin(0.3, 0.7), d.lin(0, 1))
	}),
	one("vibrato", "VibratoNode", ``, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_ms": %g, "delay_ms": %g, "phase": %g`, d.log(2, 9), d.lin(0.3, 2), d.lin(2.5, 7), d.lin(0, 1))
	}),
	one("phaser", "PhaserNode", ``, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_oct": %g, "center_hz": %g, "feedback": %g, "mix": %g, "phase": %g`,
			d.log(0.2, 3), d.lin(0.5, 2), d.log(300, 2500), d.lin(-0.3, 0.7), d.lin(0.3, 0.7), d.lin(0, 1))
	}),
	one("phaser 8", "PhaserNode", `"stages": 8, "wave": "triangle"`, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth_oct": %g, "center_hz": %g, "feedback": %g, "mix": %g, "phase": %g`,
			d.log(0.2, 3), d.lin(0.5, 2), d.log(300, 2500), d.lin(-0.3, 0.7), d.lin(0.3, 0.7), d.lin(0, 1))
	}),
	one("tremolo", "TremoloNode", ``, func(d drawing) string {
		return settings(`"rate_hz": %g, "depth": %g, "phase": %g`, d.log(1, 10), d.lin(0.3, 1), d.lin(0, 1))
	}),
	one("delay", "DelayNode", ``, func(d drawing) string {
		return settings(`"time_ms": %g, "feedback": %g, "mix": %g`, d.log(30, 600), d.lin(0, 0.7), d.lin(0.2, 0.8))
	}),
	{
		"delay lfo", 1e-6,
		`{"name": "m", "type": "LFONode"}, {"name": "x", "type": "DelayNode", "params": {"time_ms": 20, "mix": 0.5}}`,
		func(d drawing) string {
			return settings(`{"name": "m", "type": "LFONode", "params": {"rate_hz": %g, "depth": %g, "phase": %g}}, {"name": "x", "type": "DelayNode", "params": {"time_ms": %g, "feedback": %g, "mix": %g}}`,
				d.log(0.3, 5), d.lin(0.5, 4), d.lin(0, 1), d.lin(8, 40), d.lin(0, 0.5), d.lin(0.3, 0.9))
		},
		plain + `,{"source": "m", "target": "x.time_ms"}`,
	},
	{
		"overdrive", 1e-6,
		`{"name": "hp", "type": "HighpassNode", "params": {"cutoff_hz": 100}}, {"name": "t", "type": "TanhNode", "oversample_ratio": 4}, {"name": "lp", "type": "LowpassNode", "params": {"cutoff_hz": 5000}}, {"name": "x", "type": "GainNode", "params": {"gain_db": {"value": 0, "learn": false}}}`,
		func(d drawing) string {
			return settings(`{"name": "hp", "type": "HighpassNode", "params": {"cutoff_hz": %g, "q": %g}}, {"name": "t", "type": "TanhNode", "oversample_ratio": 4, "params": {"drive": %g, "bias": %g, "level": %g}}, {"name": "lp", "type": "LowpassNode", "params": {"cutoff_hz": %g, "q": %g}}, {"name": "x", "type": "GainNode", "params": {"gain_db": 0}}`,
				d.log(40, 700), d.lin(0.5, 1), d.log(3, 60), d.lin(-0.4, 0.4), d.lin(0.2, 0.8), d.log(1500, 8000), d.lin(0.5, 1.5))
		},
		`{"source": "dry", "target": "hp"},{"source": "hp", "target": "t"},{"source": "t", "target": "lp"},{"source": "lp", "target": "x"}`,
	},
	one("ladder", "LadderNode", ``, func(d drawing) string {
		return settings(`"cutoff_hz": %g, "resonance": %g, "drive": %g`, d.log(150, 5000), d.lin(0, 3.5), d.log(0.5, 20))
	}),
	{
		"ladder lfo", 1e-6,
		`{"name": "m", "type": "LFONode", "params": {"depth": 300}}, {"name": "x", "type": "LadderNode"}`,
		func(d drawing) string {
			return settings(`{"name": "m", "type": "LFONode", "params": {"rate_hz": %g, "depth": %g, "phase": %g}}, {"name": "x", "type": "LadderNode", "params": {"cutoff_hz": %g, "resonance": %g, "drive": %g}}`,
				d.log(0.3, 6), d.lin(100, 500), d.lin(0, 1), d.log(600, 3000), d.lin(0.5, 3.5), d.log(0.5, 10))
		},
		plain + `,{"source": "m", "target": "x.cutoff_hz"}`,
	},
}

func (k *kind) graph(t *testing.T, rate float64, nodes string) *graph.Graph {
	t.Helper()
	g, err := graph.Parse("", []byte(fmt.Sprintf(`{"sample_rate": %g, "nodes": [%s,%s], "edges": [%s], "output": "x"}`, rate, dry, nodes, k.edges)))
	require.NoError(t, err)
	return g
}

// drySound is a guitar, or drums of decaying noise over a bass.
func drySound(t testing.TB, which uint64, seconds float64) ([]float64, float64) {
	t.Helper()
	a, err := wav.Read("../testdata/readme/guitar.wav")
	require.NoError(t, err)
	rate := float64(a.Rate)
	n := int(seconds * rate)
	if which%2 == 0 {
		var x []float64
		for len(x) < n {
			x = append(x, a.Rows()[0]...)
		}
		return x[:n], rate
	}
	x := noise(which, n, 1)
	for i := range x {
		s := float64(i) / rate
		beat := math.Mod(s, 0.3)
		hit := int(s / 0.3)
		x[i] *= 0.3 * math.Exp(-beat*[]float64{60, 12, 30}[hit%3]) * []float64{1, 0.6, 0.25}[hit%3]
		x[i] += 0.2 * math.Sin(2*math.Pi*[]float64{55, 82.4, 110}[hit%3]*s) * math.Exp(-3*beat)
	}
	return x, rate
}

// AMPFIT_KINDS=all, or a list of kinds, fits effects with settings drawn at
// random, from the defaults of their nodes, AMPFIT_DRAWS of each (4). Each
// logs a row: kind, draw, ESR at the start and the end, goal, seconds.
func TestKinds(t *testing.T) {
	only := os.Getenv("AMPFIT_KINDS")
	if only == "" {
		t.Skip("set AMPFIT_KINDS to all or a list of kinds of effects")
	}
	draws, err := strconv.Atoi(os.Getenv("AMPFIT_DRAWS"))
	if err != nil {
		draws = 4
	}
	for _, k := range kinds {
		if only != "all" && !slices.Contains(strings.Split(only, ","), k.name) {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			for draw := range uint64(draws) {
				fitKind(t, &k, draw, 2.5)
			}
		})
	}
}

// A few of them, short, with the settings of one draw.
func TestKindsSample(t *testing.T) {
	for _, k := range kinds {
		if slices.Contains([]string{"compressor peak", "compressor rms", "expander", "overdrive", "ladder"}, k.name) {
			fitKind(t, &k, 1, 0.35)
		}
	}
}

func fitKind(t *testing.T, k *kind, draw uint64, seconds float64) {
	x, rate := drySound(t, draw, seconds)
	truth := k.truth(drawing{rand.New(rand.NewPCG(draw, 99))})
	in := [][]float64{x}
	target := render(t, k.graph(t, rate, truth), len(x), in)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	r, err := optim.Fit(ctx, k.graph(t, rate, k.start), optim.FitOptions{Target: target, Input: in, Rate: rate, Options: run.Options{Threads: 2}})
	require.NoError(t, err)
	verdict := "reached"
	if !(r.Final <= k.limit) {
		verdict = "NOT reached"
		t.Fail()
	}
	t.Logf("| %s | %d | %.3g | %.3g | %.0e | %s | fitted by %s in %d steps, %.1f s", k.name, draw, r.Initial, r.Final, k.limit, verdict, r.LossName, r.Steps, time.Since(began).Seconds())
	if verdict != "reached" {
		t.Log("  truth ", truth)
		var found []string
		for _, p := range r.Params {
			if p.Learned {
				found = append(found, fmt.Sprintf("%s.%s %.5g", p.Node, p.Name, p.Value))
			}
		}
		t.Log("  found ", strings.Join(found, ", "))
	}
}

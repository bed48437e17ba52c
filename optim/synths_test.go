package optim_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// synth is a graph without input whose parameters are found from a sound that
// it made with others.
type synth struct {
	name    string
	nodes   string // learned parameters have their documented defaults, or values of no sound in particular
	edges   string
	output  string
	seconds float64
	// draw sets node.param to the truth of one sound.
	draw  func(r *rand.Rand, set func(name string, values ...float64))
	other map[string]string // config of the sound in the place of the graph's: another noise
}

func logUniform(r *rand.Rand, lo, hi float64) float64 { return lo * math.Pow(hi/lo, r.Float64()) }

func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

const learnedADSR = `"params": {"attack_ms": {"value": 10, "learn": true}, "decay_ms": {"value": 100, "learn": true}, "sustain": {"value": 0.7, "learn": true}, "release_ms": {"value": 200, "learn": true}}`

func drawADSR(r *rand.Rand, set func(string, ...float64), node string) {
	set(node+".attack_ms", logUniform(r, 2, 80))
	set(node+".decay_ms", logUniform(r, 40, 400))
	set(node+".sustain", uniform(r, 0.2, 0.9))
	set(node+".release_ms", logUniform(r, 40, 300))
}

var synths = []synth{
	{
		name: "string",
		nodes: `{"name": "s", "type": "KarplusStrongNode", "config": {"excitation": "noise"}, "params": {"frequency": {"value": 220, "learn": true}, "decay_s": {"value": 2, "learn": true}, "brightness": {"value": 0.5, "learn": true}}},
			{"name": "body", "type": "LowpassNode", "params": {"cutoff_hz": {"value": 1000, "learn": true}, "q": {"value": 0.7071, "learn": true}}}`,
		edges: `{"source": "s", "target": "body"}`, output: "body", seconds: 1.5,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			set("s.frequency", logUniform(r, 80, 600))
			set("s.decay_s", logUniform(r, 0.5, 4))
			set("s.brightness", uniform(r, 0.2, 0.9))
			set("body.cutoff_hz", logUniform(r, 800, 6000))
			set("body.q", logUniform(r, 0.5, 3))
		},
	},
	{
		name:   "modes",
		nodes:  `{"name": "m", "type": "ModalNode", "config": {"modes": 8, "excitation": "impulse"}, "params": {"freqs_hz": {"value": [220, 440, 660, 880, 1100, 1320, 1540, 1760], "learn": true}, "decays_s": {"value": [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5], "learn": true}, "amps": {"value": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], "learn": true}}}`,
		output: "m", seconds: 1,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			var freqs, decays, amps []float64
			f := logUniform(r, 120, 500)
			for range 8 {
				freqs = append(freqs, f)
				f *= uniform(r, 1.15, 1.6)
				decays = append(decays, logUniform(r, 0.1, 1.5))
				amps = append(amps, logUniform(r, 0.03, 0.5))
			}
			set("m.freqs_hz", freqs...)
			set("m.decays_s", decays...)
			set("m.amps", amps...)
		},
	},
	{
		name: "subtractive",
		nodes: `{"name": "osc", "type": "OscNode", "config": {"wave": "saw"}, "params": {"freq": {"value": 220, "learn": true}, "amp": 0.5}},
			{"name": "sweep", "type": "ExpEnvelopeNode", "params": {"level": {"value": 1, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "lp", "type": "LadderNode", "params": {"cutoff_hz": {"value": 1000, "learn": true}, "resonance": {"value": 1, "learn": true}}},
			{"name": "env", "type": "ADSRNode", "config": {"notes": [[0, 0.8]]}, ` + learnedADSR + `},
			{"name": "vca", "type": "GainNode", "params": {"gain": 0}}`,
		edges: `{"source": "osc", "target": "lp"}, {"source": "sweep", "target": "lp.cutoff_hz", "scale": 1000},
			{"source": "lp", "target": "vca"}, {"source": "env", "target": "vca.gain"}`,
		output: "vca", seconds: 1.2,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			set("osc.freq", logUniform(r, 55, 440))
			set("sweep.level", uniform(r, 0.5, 4))
			set("sweep.t60_s", logUniform(r, 0.2, 2))
			set("lp.cutoff_hz", logUniform(r, 200, 2000))
			set("lp.resonance", uniform(r, 0.2, 3))
			drawADSR(r, set, "env")
		},
	},
	{
		name: "fm",
		nodes: `{"name": "index", "type": "ExpEnvelopeNode", "params": {"level": {"value": 0.5, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "level", "type": "ExpEnvelopeNode", "params": {"level": {"value": 0.5, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "mod", "type": "FMOperatorNode", "params": {"frequency": {"value": 440, "learn": true}, "amplitude": 0}},
			{"name": "car", "type": "FMOperatorNode", "params": {"frequency": {"value": 440, "learn": true}, "amplitude": 0}}`,
		edges:  `{"source": "index", "target": "mod.amplitude"}, {"source": "mod", "target": "car"}, {"source": "level", "target": "car.amplitude"}`,
		output: "car", seconds: 1.5,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			f := logUniform(r, 100, 600)
			set("car.frequency", f)
			set("mod.frequency", f*[]float64{0.5, 1, 1.4, 2, 3, 3.5}[r.IntN(6)])
			set("index.level", uniform(r, 0.1, 0.8))
			set("index.t60_s", logUniform(r, 0.3, 3))
			set("level.level", uniform(r, 0.1, 0.8))
			set("level.t60_s", logUniform(r, 0.5, 3))
		},
	},
	{
		name: "kick",
		nodes: `{"name": "fall", "type": "ExpEnvelopeNode", "params": {"level": {"value": 1, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "level", "type": "ExpEnvelopeNode", "params": {"level": {"value": 1, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "osc", "type": "SineOscillatorNode", "params": {"frequency": {"value": 100, "learn": true}, "amplitude": 0}}`,
		edges:  `{"source": "fall", "target": "osc.frequency", "scale": 100}, {"source": "level", "target": "osc.amplitude"}`,
		output: "osc", seconds: 0.6,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			set("osc.frequency", logUniform(r, 38, 90))
			set("fall.level", uniform(r, 0.5, 4))
			set("fall.t60_s", logUniform(r, 0.05, 0.4))
			set("level.level", uniform(r, 0.3, 0.9))
			set("level.t60_s", logUniform(r, 0.2, 1))
		},
	},
	{
		name: "snare",
		nodes: `{"name": "n", "type": "NoiseNode"},
			{"name": "bp", "type": "BandpassNode", "params": {"freq_hz": {"value": 1000, "learn": true}, "q": {"value": 0.7071, "learn": true}}},
			{"name": "rattle", "type": "ExpEnvelopeNode", "params": {"level": {"value": 1, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "vca", "type": "GainNode", "params": {"gain": 0}},
			{"name": "skin", "type": "ExpEnvelopeNode", "params": {"level": {"value": 1, "learn": true}, "t60_s": {"value": 1, "learn": true}}},
			{"name": "osc", "type": "SineOscillatorNode", "params": {"frequency": {"value": 440, "learn": true}, "amplitude": 0}},
			{"name": "out", "type": "GainNode", "gather": "sum"}`,
		edges: `{"source": "n", "target": "bp"}, {"source": "bp", "target": "vca"}, {"source": "rattle", "target": "vca.gain"},
			{"source": "skin", "target": "osc.amplitude"}, {"source": "osc", "target": "out"}, {"source": "vca", "target": "out"}`,
		output: "out", seconds: 0.5, other: map[string]string{`"type": "NoiseNode"`: `"type": "NoiseNode", "config": {"seed": 7}`},
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			set("bp.freq_hz", logUniform(r, 1500, 5000))
			set("bp.q", logUniform(r, 0.5, 2))
			set("rattle.level", uniform(r, 1, 5))
			set("rattle.t60_s", logUniform(r, 0.1, 0.4))
			set("skin.level", uniform(r, 0.2, 0.7))
			set("skin.t60_s", logUniform(r, 0.1, 0.4))
			set("osc.frequency", logUniform(r, 150, 300))
		},
	},
	{
		name: "organ",
		nodes: `{"name": "vib", "type": "LFONode", "params": {"rate_hz": {"value": 1, "learn": true}, "depth": {"value": 0.5, "learn": true}, "phase": {"value": 0, "learn": true}}},
			{"name": "osc", "type": "HarmonicOscillatorNode", "config": {"harmonics": 8}, "params": {"f0_hz": {"value": 220, "learn": true}, "amps": {"value": [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], "learn": true}}},
			{"name": "env", "type": "ADSRNode", "config": {"notes": [[0, 0.9]]}, ` + learnedADSR + `},
			{"name": "vca", "type": "GainNode", "params": {"gain": 0}}`,
		edges:  `{"source": "vib", "target": "osc.f0_hz", "scale": 1}, {"source": "osc", "target": "vca"}, {"source": "env", "target": "vca.gain"}`,
		output: "vca", seconds: 1.2,
		draw: func(r *rand.Rand, set func(string, ...float64)) {
			f := logUniform(r, 110, 660)
			set("osc.f0_hz", f)
			var amps []float64
			for k := range 8 {
				amps = append(amps, logUniform(r, 0.1, 1)/float64(k+1))
			}
			set("osc.amps", amps...)
			set("vib.rate_hz", uniform(r, 3.5, 7))
			set("vib.depth", f*uniform(r, 0.003, 0.02))
			set("vib.phase", r.Float64())
			drawADSR(r, set, "env")
		},
	},
}

// sound renders what a synth makes with the values of a seed.
func (s *synth) sound(t *testing.T, seed uint64, rate float64) [][]float64 {
	t.Helper()
	text := s.text()
	for was, is := range s.other {
		text = strings.Replace(text, was, is, 1)
	}
	var doc struct {
		Version int              `json:"descriptor_version"`
		Nodes   []map[string]any `json:"nodes"`
		Edges   []any            `json:"edges"`
		Output  string           `json:"output"`
	}
	require.NoError(t, json.Unmarshal([]byte(text), &doc))
	s.draw(rand.New(rand.NewPCG(seed, 1)), func(name string, values ...float64) {
		node, param, _ := strings.Cut(name, ".")
		t.Logf("  %s = %s", name, brief(values))
		for _, n := range doc.Nodes {
			if n["name"] != node {
				continue
			}
			if len(values) == 1 {
				n["params"].(map[string]any)[param] = values[0]
			} else {
				n["params"].(map[string]any)[param] = values
			}
		}
	})
	out, err := json.Marshal(doc)
	require.NoError(t, err)
	g, err := graph.Parse("synth.json", out)
	require.NoError(t, err)
	m, err := adjoint.NewModel(g, adjoint.Options{Rate: rate, Frames: int(s.seconds * rate)})
	require.NoError(t, err)
	m.Forward()
	return [][]float64{append([]float64(nil), m.Output...)}
}

func (s *synth) text() string {
	return `{"descriptor_version": 2, "nodes": [` + s.nodes + `], "edges": [` + s.edges + `], "output": "` + s.output + `"}`
}

// Sounds of strings, drums, modes and synthesisers are fitted from the graphs'
// defaults: the spectral distance falls to a third or less, or to what another
// noise of the same sound leaves. With AMPFIT_LONG, several sounds of each;
// AMPFIT_SYNTH picks by name.
func TestSynths(t *testing.T) {
	const rate = 44100
	draws, long := uint64(4), os.Getenv("AMPFIT_LONG") != ""
	for _, s := range synths {
		if !strings.Contains(s.name, os.Getenv("AMPFIT_SYNTH")) || !long && s.name != "modes" {
			continue
		}
		if !long {
			draws = 1
		}
		for seed := range draws {
			t.Run(s.name, func(t *testing.T) {
				if testing.Short() {
					t.Skip("takes seconds")
				}
				target := s.sound(t, seed+1, rate)
				g, err := graph.Parse("synth.json", []byte(s.text()))
				require.NoError(t, err)
				began := time.Now()
				r, err := optim.Fit(context.Background(), g, optim.FitOptions{Target: target, Rate: rate, Options: run.Options{Threads: 2}})
				require.NoError(t, err)
				start, end := metric(t, r.Start, target, rate, taskSpectra), metric(t, r.Output, target, rate, taskSpectra)
				goal := start / 3
				if s.other != nil {
					same := s
					same.other = nil
					goal = max(goal, 1.1*metric(t, same.sound(t, seed+1, rate), target, rate, taskSpectra))
				}
				t.Logf("| %s %d | %.4g | %.4g | %.4g | %v | %.1f s", s.name, seed+1, start, end, goal, end <= goal, time.Since(began).Seconds())
				for _, p := range r.Params {
					if p.Learned {
						t.Logf("  %s.%s %v -> %v", p.Node, p.Name, brief(p.Initial), brief(p.Value))
					}
				}
				require.LessOrEqual(t, end, goal)
			})
		}
	}
}

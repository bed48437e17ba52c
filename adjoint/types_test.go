package adjoint_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"

	"github.com/stretchr/testify/require"
)

// Why a default, or what an oscillator of 0.05 of it passes through, lies on a kink.
const (
	wholeFrames = "linear interpolation has a kink at each whole frame, and the default time is one"
	ownWave     = "linear interpolation has kinks at whole frames, and its own wave starts and turns at one"
	clamped     = "the default is on its bound, where modulation is clamped"
)

// kinksAtDefaults are the parameters of node types whose default lies on a kink.
var kinksAtDefaults = map[string]string{
	"ADSRNode.attack_ms":               "a corner of the curve falls on a frame",
	"ADSRNode.decay_ms":                "a corner of the curve falls on a frame",
	"AllpassDelayNode.time_ms":         wholeFrames,
	"CombNode.time_ms":                 wholeFrames,
	"ChorusNode.delay_ms":              ownWave,
	"ChorusNode.depth_ms":              ownWave,
	"ChorusNode.phase":                 ownWave,
	"ChorusNode.rate_hz":               ownWave,
	"VibratoNode.delay_ms":             ownWave,
	"VibratoNode.depth_ms":             ownWave,
	"VibratoNode.phase":                ownWave,
	"VibratoNode.rate_hz":              ownWave,
	"ExpEnvelopeNode.attack_ms":        "frame 0 is 1 without an attack and 0 with the shortest: a jump",
	"OscillatorPitchNode.add_hz":       "pitch and min_freq are both 0",
	"WavetableNode.frequency":          "the phase passes through values of the table",
	"DelayNode.time_ms":                clamped,
	"FFTDivisionNode.filter_intensity": clamped,
	"LadderNode.resonance":             clamped,
	"OscNode.frame_delay":              clamped,
	"ParametricDriverNode.render_mode": clamped,
}

// kinksWhenMoved are the types through whose kinks the oscillators of the check
// pass with their own parameters: at the start and at each half turn they are where
// the parameter is at rest, but for rounding.
var kinksWhenMoved = map[string]string{
	"AllpassDelayNode":     wholeFrames,
	"CombNode":             wholeFrames,
	"FFTDivisionNode":      "its bands are whole bins, and filter_intensity is on its bound",
	"DelayNode":            clamped,
	"LadderNode":           clamped,
	"OscNode":              clamped,
	"ParametricDriverNode": clamped,
}

// The check passes for every node type as it is documented: at its defaults, and
// with all that can be modulated moved by oscillators. -short takes a sample of
// the types, AMPFIT_LONG=1 the whole quarter of a second.
func TestCheckOfEveryType(t *testing.T) {
	var types []*abi.NodeType
	for _, typ := range abi.Types() {
		if !strings.HasPrefix(typ.Name, "Test") {
			types = append(types, typ)
		}
	}
	frames, found := 2000, map[string]bool{}
	switch {
	case os.Getenv("AMPFIT_LONG") != "":
		frames = 12000
	case testing.Short():
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
		types, frames = types[:20], 1000
	}
	for _, typ := range types {
		for _, text := range append(movedGraphs(t, typ), typeGraph(typ)) {
			t.Run(typ.Name, func(t *testing.T) {
				g, err := graph.Parse("type.json", []byte(text))
				require.NoError(t, err)
				r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: frames, Options: run.Options{Settings: graph.Settings{Audio: soundOf}}}})
				require.NoError(t, err)
				require.True(t, r.OK, "%s\n%s", text, r)
				for i := range r.Rows {
					row := &r.Rows[i]
					name := typ.Name + "." + row.Param.Name
					switch {
					case !row.Kink:
					case row.Param.Node == "x":
						require.Contains(t, kinksAtDefaults, name, "%s", r)
						found[name] = true
					default:
						require.Contains(t, kinksWhenMoved, typ.Name, "%s", r)
						found[typ.Name] = true
					}
				}
			})
		}
	}
	if frames == 12000 { // nothing is excused that has no kink
		for _, table := range []map[string]string{kinksAtDefaults, kinksWhenMoved} {
			for name := range table {
				require.True(t, found[name], "%s has no kink", name)
			}
		}
	}
}

// movedGraphs are graphs that move what can be modulated: all at once, or one
// by one where a type refuses some together.
func movedGraphs(t *testing.T, typ *abi.NodeType) []string {
	var all []abi.Param
	for _, p := range typ.Params {
		if k, carrier := strings.CutPrefix(p.Name, "carrier_band_"); carrier && k != "0" {
			continue // one carrier is like the other
		}
		if p.Mod && p.Defaults == nil {
			all = append(all, p)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if plans(typeGraph(typ, all...)) == nil {
		return []string{typeGraph(typ, all...)}
	}
	var out []string
	for _, p := range all {
		text := typeGraph(typ, p)
		if strings.HasPrefix(p.Name, "carrier_band_") {
			text = strings.Replace(text, `"name":"x"`, `"config":{"algorithm":"dynamic","window_size":64},"name":"x"`, 1)
		}
		require.NoError(t, plans(text), p.Name)
		out = append(out, text)
	}
	return out
}

func plans(text string) error {
	g, err := graph.Parse("type.json", []byte(text))
	if err == nil {
		_, err = graph.NewPlan(g, graph.Options{Frames: 10, Settings: graph.Settings{Audio: soundOf}})
	}
	return err
}

// typeGraph is a node of a type with a dry signal at its inputs, and an oscillator
// at each of some parameters.
func typeGraph(typ *abi.NodeType, moved ...abi.Param) string {
	node := map[string]any{"name": "x", "type": typ.Name}
	inputs := typ.Inputs
	for _, k := range typ.Config {
		switch k.Name {
		case "file":
			node["config"] = map[string]any{"file": "sound.wav"}
		case "use_input": // an LFO hears nothing unless it is told to
			inputs = nil
		}
	}
	nodes, edges := []any{node}, []any{}
	if len(inputs) > 0 {
		nodes = append(nodes, map[string]any{"name": "dry", "type": "InputNode"})
		for _, in := range inputs {
			edges = append(edges, map[string]any{"source": "dry", "target": "x." + in})
		}
	}
	for i, p := range moved {
		scale := 0.05 * math.Abs(p.Default)
		if scale == 0 {
			scale = 0.05
		}
		lfo := fmt.Sprintf("l%d", i)
		nodes = append(nodes, map[string]any{"name": lfo, "type": "LFONode", "params": map[string]any{"rate_hz": 3 + i}})
		edges = append(edges, map[string]any{"source": lfo, "target": "x." + p.Name, "scale": scale})
	}
	text, err := json.Marshal(map[string]any{"sample_rate": 48000, "nodes": nodes, "edges": edges, "output": "x"})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// soundOf plays noise for every file.
func soundOf(string) (*abi.Audio, error) {
	return &abi.Audio{Rate: 48000, Rows: noise(9, 1, 500)}, nil
}

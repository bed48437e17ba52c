package graph_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ampfit/abi"
	"ampfit/graph"
	_ "ampfit/internal/graphtest" // LookaheadNode
	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

const vca = `{"name": "a", "type": "GainNode"}`

// faults loads and plans a text and returns all messages.
func faults(text string) string {
	g, err := graph.Parse("g.json", []byte(text))
	if err == nil {
		_, err = graph.NewPlan(g, graph.Options{Frames: 100, Rate: 48000})
	}
	if err == nil {
		return ""
	}
	return err.Error()
}

// Every fault of a file is told at its place, with what is allowed there.
func TestFaults(t *testing.T) {
	for _, tc := range faultCases {
		t.Run(tc.name, func(t *testing.T) {
			all := fmt.Sprintf("lists all %d", len(abi.Types()))
			require.Equal(t, strings.ReplaceAll(tc.want, "lists all of them", all), faults(tc.text))
		})
	}
}

var faultCases = []struct{ name, text, want string }{
	{"no text", ``,
		`g.json:1:1: the file is empty`},
	{"broken", "{\n  \"nodes\": [}",
		`g.json:2:13: this is not JSON: invalid character '}' looking for beginning of value`},
	{"cut off", `{"nodes": [`,
		`g.json:1:12: the text ends before the JSON value does; a bracket or brace may be missing`},
	{"more text", `{} {}`,
		`g.json:1:4: this is not JSON: invalid character '{' after top-level value`},
	{"no object", `[1]`,
		`g.json:1:1: this must be an object, not an array`},
	{"no nodes", `{}`,
		`g.json:1:1: a graph needs "nodes": [...]`},
	{"nodes no array", `{"nodes": {}}`,
		`g.json:1:11: nodes: this must be an array, not an object`},
	{"no node in nodes", `{"nodes": []}`,
		`g.json:1:11: nodes: a graph needs at least one node`},
	{"unknown key", "{\n \"node\": [], \"nodes\": [" + vca + "]}",
		`g.json:2:2: node: a graph has no key "node"; did you mean "nodes"? It has descriptor_version, sample_rate, nodes, edges, output, ipls, loss, groups, comment`},
	{"duplicate key", `{"nodes": [` + vca + `], "nodes": []}`,
		`g.json:1:48: the key "nodes" stands here a second time; keep one of them`},
	{"version", `{"descriptor_version": 4, "nodes": [` + vca + `]}`,
		`g.json:1:24: descriptor_version: version 4 is newer than this program, which reads 1 and 2`},
	{"version no number", `{"descriptor_version": "2", "nodes": [` + vca + `]}`,
		`g.json:1:24: descriptor_version: this must be a number, not a string`},
	{"rate", `{"sample_rate": 0, "nodes": [` + vca + `]}`,
		`g.json:1:17: sample_rate: 0 Hz is not a sample rate; allowed are 1 to 10000000`},
	{"node no object", `{"nodes": [1]}`,
		`g.json:1:12: nodes[0]: this must be an object, not a number`},
	{"no name", `{"nodes": [{"type": "GainNode"}]}`,
		`g.json:1:12: nodes[0]: the node has no "name"`},
	{"empty name", `{"nodes": [{"name": "", "type": "GainNode"}]}`,
		`g.json:1:21: nodes[0].name: the name is empty`},
	{"dot in name", `{"nodes": [{"name": "a.b", "type": "GainNode"}]}`,
		`g.json:1:21: nodes[0].name: the name "a.b" holds a dot, which separates node and port; use another character`},
	{"two of a name", `{"nodes": [` + vca + `, ` + vca + `]}`,
		`g.json:1:56: nodes[1].name: two nodes have the name "a"; names are unique`},
	{"node key", `{"nodes": [{"name": "a", "type": "GainNode", "parms": {}}]}`,
		`g.json:1:46: nodes[0].parms: a node has no key "parms"; did you mean "params"? It has name, type, config, params, oversample_ratio, declared_delay, supports_v2, gather, library, comment`},
	{"no type", `{"nodes": [{"name": "gainnod"}]}`,
		`g.json:1:12: nodes[0]: the node "gainnod" has no "type", and its name is no node type; add "type": "GainNode"`},
	{"unknown type", `{"nodes": [{"name": "a", "type": "GainNod"}]}`,
		"g.json:1:34: nodes[0].type: there is no node type \"GainNod\"; did you mean \"GainNode\"? `ampfit nodes` lists all of them"},
	{"unheard type", `{"nodes": [{"name": "a", "type": "Xylophone"}]}`,
		"g.json:1:34: nodes[0].type: there is no node type \"Xylophone\"; `ampfit nodes` lists all of them"},
	{"type no string", `{"nodes": [{"name": "a", "type": 1}]}`,
		`g.json:1:34: nodes[0].type: this must be a string, not a number`},
	{"oversampling of three", `{"nodes": [{"name": "a", "type": "GainNode", "oversample_ratio": 3}]}`,
		`g.json:1:66: nodes[0].oversample_ratio: 3 is not an oversampling ratio; allowed are 1, 2, 4, 8 and 16`},
	{"oversampling of 32", `{"nodes": [{"name": "a", "type": "GainNode", "oversample_ratio": 32}]}`,
		`g.json:1:66: nodes[0].oversample_ratio: 32 is not a whole number from 1 to 16`},
	{"negative delay", `{"nodes": [{"name": "a", "type": "GainNode", "declared_delay": -1}]}`,
		`g.json:1:64: nodes[0].declared_delay: -1 is not a whole number from 0 to 2147483648`},
	{"half a delay", `{"nodes": [{"name": "a", "type": "GainNode", "declared_delay": 0.5}]}`,
		`g.json:1:64: nodes[0].declared_delay: 0.5 is not a whole number from 0 to 2147483648`},
	{"supports no bool", `{"nodes": [{"name": "a", "type": "GainNode", "supports_v2": 1}]}`,
		`g.json:1:61: nodes[0].supports_v2: this must be a truth value, not a number`},
	{"gather", `{"nodes": [{"name": "a", "type": "GainNode", "gather": "max"}]}`,
		`g.json:1:56: nodes[0].gather: "max" is no way to gather; allowed are "sum" and "concat"`},
	{"library", `{"nodes": [{"name": "a", "type": "GainNode", "library": "x.so"}]}`,
		`g.json:1:57: nodes[0].library: this program was built without C node libraries`},
	{"config key", `{"nodes": [{"name": "a", "type": "OnePoleNode", "config": {"knd": "lowpass"}}]}`,
		`g.json:1:60: nodes[0].config.knd: OnePoleNode has no configuration key "knd"; it has kind`},
	{"config of none", `{"nodes": [{"name": "a", "type": "GainNode", "config": {"x": 1}}]}`,
		`g.json:1:57: nodes[0].config.x: GainNode has no configuration key "x"; it has none`},
	{"config value", `{"nodes": [{"name": "a", "type": "OnePoleNode", "config": {"kind": "lowpas"}}]}`,
		`g.json:1:68: nodes[0].config.kind: "lowpas" is not allowed here; did you mean "lowpass"? It has lowpass, highpass`},
	{"config kind", `{"nodes": [{"name": "a", "type": "OnePoleNode", "config": {"kind": 1}}]}`,
		`g.json:1:68: nodes[0].config.kind: this must be a string, not a number`},
	{"config range", `{"nodes": [{"name": "a", "type": "ConstantNode", "config": {"channels": 0}}]}`,
		`g.json:1:73: nodes[0].config.channels: 0 is outside 1 to 256`},
	{"config whole", `{"nodes": [{"name": "a", "type": "ConstantNode", "config": {"channels": 1.5}}]}`,
		`g.json:1:73: nodes[0].config.channels: 1.5 is not a whole number`},
	{"unknown parameter", "{\"nodes\": [{\"name\": \"a\", \"type\": \"OnePoleNode\",\n   \"params\": {\"cutof\": 100}}]}",
		`g.json:2:15: nodes[0].params.cutof: OnePoleNode has no parameter "cutof"; it has cutoff_hz`},
	{"parameter no number", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": "loud"}}]}`,
		`g.json:1:65: nodes[0].params.gain: a parameter is a number, an array of numbers or an object, not a string`},
	{"parameter key", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"val": 1}}}]}`,
		`g.json:1:66: nodes[0].params.gain.val: a parameter has no key "val"; did you mean "value"? It has value, learn, min, max, scale, unit, prior, tie, comment`},
	{"empty array", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": []}}]}`,
		`g.json:1:65: nodes[0].params.gain: the array is empty`},
	{"array of text", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": [1, "x"]}}]}`,
		`g.json:1:69: nodes[0].params.gain[1]: this must be a number, not a string`},
	{"array for a scalar", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": [1, 2]}}]}`,
		`g.json:1:65: nodes[0].params.gain: gain of a is one number; the 2 values here would be one per batch, and this run has 1`},
	{"min above max", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"value": 1, "min": 2, "max": 1}}}]}`,
		`g.json:1:65: nodes[0].params.gain: min 2 is not below max 1`},
	{"min out of range", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"value": 1, "min": -200}}}]}`,
		`g.json:1:65: nodes[0].params.gain: min and max must lie within the range of gain, -100 to 100`},
	{"scale", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"scale": "cubic"}}}]}`,
		`g.json:1:75: nodes[0].params.gain.scale: "cubic" is no scale; allowed are "linear", "log" and "periodic"`},
	{"out of range", `{"nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": 5}}]}`,
		`g.json:1:73: nodes[0].params.cutoff_hz: 5 Hz is outside the range of cutoff_hz, 10 to 23520 Hz`},
	{"above half the rate", `{"sample_rate": 8000, "nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": 7000}}]}`,
		`g.json:1:94: nodes[0].params.cutoff_hz: 7000 Hz is outside the range of cutoff_hz, 10 to 3920 Hz`},
	{"learn no bool", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"learn": 1}}}]}`,
		`g.json:1:75: nodes[0].params.gain.learn: this must be a truth value, not a number`},
	{"learn what has no gradient", `{"nodes": [{"name": "a", "type": "QuantizerNode", "params": {"bits": {"value": 8, "learn": true}}}]}`,
		`g.json:1:92: nodes[0].params.bits.learn: bits of QuantizerNode has no gradient and cannot be learned; set it by hand`},
	{"prior", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"prior": {"mean": 1, "std": 0}}}}]}`,
		`g.json:1:75: nodes[0].params.gain.prior: a prior needs "mean" and a "std" above 0`},
	{"prior key", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"prior": {"mean": 1, "std": 1, "sd": 2}}}}]}`,
		`g.json:1:97: nodes[0].params.gain.prior.sd: a prior has no key "sd"; did you mean "std"? It has mean, std`},
	{"tie without to", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"tie": {}}}}]}`,
		`g.json:1:73: nodes[0].params.gain.tie: a tie needs "to": "node.param"`},
	{"tie without dot", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"tie": {"to": "b"}}}}]}`,
		`g.json:1:80: nodes[0].params.gain.tie.to: "b" is not of the form node.param`},
	{"tie to no node", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"tie": {"to": "b.gain"}}}}]}`,
		`g.json:1:80: nodes[0].params.gain.tie.to: there is no node "b"; it has a`},
	{"tie to no parameter", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"tie": {"to": "a.gian"}}}}]}`,
		`g.json:1:80: nodes[0].params.gain.tie.to: GainNode has no parameter "gian"; did you mean "gain"? It has gain, gain_db`},
	{"tie of a tie", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": {"tie": {"to": "a.gain"}}}}]}`,
		`g.json:1:80: nodes[0].params.gain.tie.to: a.gain is tied itself; tie both to the same parameter`},
	{"both gains", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": 1, "gain_db": 0}}]}`,
		`g.json:1:79: nodes[0].params.gain_db: GainNode: gain and gain_db say the same thing twice; give one of them`},
	{"edge no object", `{"nodes": [` + vca + `], "edges": [1]}`,
		`g.json:1:58: edges[0]: this must be an object, not a number`},
	{"edge key", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "delay": 1}]}`,
		`g.json:1:124: edges[0].delay: an edge has no key "delay"; did you mean "delay_frames"? It has source, target, delay_frames, synchrony_gate_id, synchrony_gates, mode, scale, channel, comment`},
	{"no source", `{"nodes": [` + vca + `], "edges": [{"target": "a"}]}`,
		`g.json:1:58: edges[0]: the edge has no "source"`},
	{"source no string", `{"nodes": [` + vca + `], "edges": [{"source": 1, "target": "a"}]}`,
		`g.json:1:69: edges[0].source: this must be a string, not a number`},
	{"unknown node", `{"nodes": [` + vca + `], "edges": [{"source": "b", "target": "a"}]}`,
		`g.json:1:69: edges[0].source: there is no node "b"; it has a`},
	{"dot at the end", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a.", "target": "b"}]}`,
		`g.json:1:104: edges[0].source: "a." ends in a dot; name a port or leave the dot out`},
	{"unknown output", `{"nodes": [` + vca + `, {"name": "b", "type": "DryWetNode"}], "edges": [{"source": "a.outt", "target": "b"}]}`,
		`g.json:1:106: edges[0].source: a has no output "outt"; it has out`},
	{"unknown input", `{"nodes": [` + vca + `, {"name": "b", "type": "DryWetNode"}], "edges": [{"source": "a", "target": "b.wett"}]}`,
		`g.json:1:121: edges[0].target: DryWetNode has no input or parameter "wett"; did you mean "wet"? It has dry, wet, mix`},
	{"no input", `{"nodes": [` + vca + `, {"name": "b", "type": "ConstantNode"}], "edges": [{"source": "a", "target": "b"}]}`,
		`g.json:1:123: edges[0].target: ConstantNode has no audio input; none of its parameters can be modulated`},
	{"not modulated", `{"nodes": [` + vca + `, {"name": "b", "type": "TanhNode"}], "edges": [{"source": "a", "target": "b.level"}]}`,
		`g.json:1:119: edges[0].target: level of TanhNode cannot be modulated; edges may modulate drive, bias`},
	{"heat not modulated", `{"nodes": [` + vca + `, {"name": "b", "type": "TanhNode"}], "edges": [{"source": "a", "target": "b.thermo.heat"}]}`,
		`g.json:1:119: edges[0].target: thermo.heat cannot be modulated; edges may modulate drive, bias`},
	{"mode", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b.gain", "mode": "max"}]}`,
		`g.json:1:137: edges[0].mode: "max" is no mode; allowed are "add" and "multiply"`},
	{"mode of audio", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "mode": "add"}]}`,
		`g.json:1:132: edges[0].mode: an audio edge has no "mode"; name a parameter as its target, or remove it`},
	{"scale of audio", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "scale": 2}]}`,
		`g.json:1:133: edges[0].scale: an audio edge has no "scale"; put a GainNode between, or remove it`},
	{"channel that is not there", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "channel": 1}]}`,
		`g.json:1:135: edges[0].channel: a.out has 1 channels, so channel 1 does not exist; channels count from 0`},
	{"edge delay", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "delay_frames": -1}]}`,
		`g.json:1:140: edges[0].delay_frames: -1 is not a whole number from 0 to 2147483648`},
	{"gate", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "synchrony_gate_id": "x"}]}`,
		`g.json:1:145: edges[0].synchrony_gate_id: this must be a number, not a string`},
	{"gates", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b", "synchrony_gates": [1.5]}]}`,
		`g.json:1:144: edges[0].synchrony_gates[0]: 1.5 is not a whole number from 0 to 2147483647`},
	{"output", `{"nodes": [` + vca + `], "output": "aa"}`,
		`g.json:1:58: output: there is no node "aa"; it has a`},
	{"output port", `{"nodes": [{"name": "a", "type": "TanhNode"}], "output": "a.ou"}`,
		`g.json:1:58: output: TanhNode has no output "ou"; it has out`},
	{"output no string", `{"nodes": [` + vca + `], "output": 1}`,
		`g.json:1:58: output: this must be a string, not a number`},
	{"two outputs", `{"nodes": [` + vca + `, {"name": "b", "type": "GainNode"}]}`,
		`g.json:1:1: 2 nodes have no outgoing edge, so the output is not clear; add "output": with one of a, b`},
	{"no end", `{"nodes": [` + vca + `], "edges": [{"source": "a", "target": "a", "delay_frames": 1}]}`,
		`g.json:1:1: every node feeds another, round a loop, so the output is not clear; add "output": with one of a, and see that an edge of each loop has "delay_frames"`},
	{"schedule", `{"nodes": [` + vca + `], "ipls": [["b"]]}`,
		"g.json:1:56: ipls: the schedule leaves out the node \"a\"\ng.json:1:58: ipls[0][0]: there is no node \"b\"; it has a"},
	{"schedule twice", `{"nodes": [` + vca + `], "ipls": [["a"], ["a"]]}`,
		`g.json:1:65: ipls[1][0]: the node "a" stands in two stages`},
	{"schedule no array", `{"nodes": [` + vca + `], "ipls": ["a"]}`,
		"g.json:1:56: ipls: the schedule leaves out the node \"a\"\ng.json:1:57: ipls[0]: this must be an array, not a string"},
	{"number too large", `{"nodes": [{"name": "a", "type": "GainNode", "params": {"gain": 1e999}}]}`,
		`g.json:1:65: the number 1e999 is too large`},
	{"vector length", `{"nodes": [{"name": "a", "type": "ParametricEQNode", "config": {"bands": 3}, "params": {"gains_db": [1, 2]}}]}`,
		`g.json:1:101: nodes[0].params.gains_db: gains_db of a has 2 values here and needs 3`},
	{"tie of lengths", `{"nodes": [` + vca + `, {"name": "b", "type": "ParametricEQNode", "params": {"gains_db": {"tie": {"to": "a.gain"}}}}], "edges": [{"source": "a", "target": "b"}]}`,
		`g.json:1:112: nodes[1].params.gains_db.tie: b.gains_db cannot follow a.gain: they have different lengths`},
	{"tie out of range", `{"nodes": [{"name": "a", "type": "DryWetNode", "params": {"mix": {"tie": {"to": "b.gain", "offset": 2}}}}, {"name": "b", "type": "GainNode"}], "edges": [{"source": "a", "target": "b"}]}`,
		`g.json:1:66: nodes[0].params.mix.tie: the tie gives 3, outside the range 0 to 1`},
}

// All faults come at once, in the order of the file.
func TestFaultsComeTogether(t *testing.T) {
	got := faults(`{
  "nodes": [
    {"name": "a", "type": "GainNode", "params": {"gian": 1}},
    {"name": "b", "type": "OnePoleNod"},
    {"name": "c", "type": "GainNode", "oversample_ratio": 5}
  ],
  "edges": [
    {"source": "a", "target": "d"},
    {"source": "a", "target": "c", "delay": 3}
  ],
  "output": "e",
  "ouput": "a"
}`)
	var places []string
	for _, line := range strings.Split(got, "\n") {
		places = append(places, line[:strings.Index(line, ": ")])
	}
	require.Equal(t, []string{"g.json:3:50", "g.json:4:27", "g.json:5:59", "g.json:8:31", "g.json:9:36", "g.json:11:13", "g.json:12:3"}, places, got)
}

// Columns count characters, as editors do.
func TestFaultColumnAfterUmlauts(t *testing.T) {
	require.Contains(t, faults(`{"comment": "äöü", "nodes": [1]}`), "g.json:1:30: nodes[0]")
}

func TestLoadNamesTheFile(t *testing.T) {
	dir := t.TempDir()
	_, err := graph.Load(filepath.Join(dir, "none.json"))
	require.EqualError(t, err, filepath.Join(dir, "none.json")+": no such file")
	_, err = graph.Load(dir)
	require.EqualError(t, err, dir+": is a directory; name a graph file (JSON)")
	path := filepath.Join(dir, "a.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"nodes": [`+vca+`]}`), 0o600))
	g, err := graph.Load(path)
	require.NoError(t, err)
	_, err = graph.NewPlan(g, graph.Options{Frames: 10})
	require.EqualError(t, err, path+`:1:1: the graph has no "sample_rate" and there is no target to take it from; add one`)
}

// What may be left out: the type where the name is one, the output where one
// node ends, ports where they are the first.
func TestDefaultsOfTheFile(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"nodes": [{"name": "InputNode"}, {"name": "mix", "type": "DryWetNode"}],
		"edges": [{"source": "InputNode", "target": "mix"}, {"source": "InputNode.out", "target": "mix.wet"}, {"source": "InputNode", "target": "mix.mix", "mode": "mul"}]}`))
	require.NoError(t, err)
	require.Equal(t, 1, g.Version)
	require.Equal(t, "InputNode", g.Nodes[0].Type.Name)
	require.Equal(t, graph.Port{Node: g.Node("mix"), Name: "out"}, g.Output)
	require.Equal(t, "dry", g.Edges[0].Target.Name)
	require.Equal(t, "wet", g.Edges[1].Target.Name)
	require.Equal(t, "mix", g.Edges[2].Param)
	require.Equal(t, graph.Multiply, g.Edges[2].Mode)
	require.Equal(t, 1.0, g.Edges[2].Scale)
	require.Equal(t, -1, g.Nodes[1].Declared)
}

// New values change nothing else of the file: order, comments, marks, ranges.
func TestWithValuesKeepsTheRest(t *testing.T) {
	dir := t.TempDir()
	text := `{
  "descriptor_version": 2,
  "comment": "keep <me> & all",
  "sample_rate": 48000,
  "nodes": [
    {"name": "s", "type": "SamplerNode", "config": {"file": "sub/a.wav"}},
    {"name": "eq", "type": "ParametricEQNode", "config": {"bands": 2}, "params": {"gains_db": {"learn": true, "value": [1, 2]}}},
    {"name": "a", "type": "TanhNode", "params": {"drive": 2, "level": {"learn": true, "max": 3}}},
    {"name": "b", "type": "GainNode"}
  ],
  "edges": [{"source": "s", "target": "eq"}, {"source": "eq", "target": "a"}, {"source": "a", "target": "b", "delay_frames": 3}],
  "groups": {"x": [1, 2.50]}
}`
	path := filepath.Join(dir, "g.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	g, err := graph.Load(path)
	require.NoError(t, err)
	out := g.WithValues(map[string]map[string][]float64{
		"eq": {"gains_db": {3, 4.5}}, "a": {"drive": {0.1 + 0.2}, "level": {1.5}}, "b": {"gain": {-2}},
	}, filepath.Join(dir, "fit"))

	var was, is map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &was))
	require.NoError(t, json.Unmarshal(out, &is))
	node := func(m map[string]any, i int) map[string]any { return m["nodes"].([]any)[i].(map[string]any) }
	require.Equal(t, map[string]any{"learn": true, "value": []any{3.0, 4.5}}, node(is, 1)["params"].(map[string]any)["gains_db"])
	require.Equal(t, map[string]any{"drive": 0.1 + 0.2, "level": map[string]any{"value": 1.5, "learn": true, "max": 3.0}}, node(is, 2)["params"])
	require.Equal(t, map[string]any{"gain": -2.0}, node(is, 3)["params"])
	require.Equal(t, map[string]any{"file": "../sub/a.wav"}, node(is, 0)["config"])
	for i, key := range []string{"config", "params", "params", "params"} { // all else is as it was
		delete(node(was, i), key)
		delete(node(is, i), key)
	}
	delete(node(was, 1), "config")
	delete(node(is, 1), "config")
	require.Equal(t, was, is)
	require.Less(t, strings.Index(string(out), `"comment"`), strings.Index(string(out), `"sample_rate"`))
	require.Contains(t, string(out), "2.50", "numbers that were not touched stay as they were written")

	again, err := graph.Parse(filepath.Join(dir, "fit", "g.json"), out)
	require.NoError(t, err)
	require.Equal(t, string(out), string(again.WithValues(nil, filepath.Join(dir, "fit"))))
}

// Names, ports, gates, order and latencies took a look at every node or edge for every
// node: minutes for this chain, which takes a second.
func TestLongChainIsPlannedInTime(t *testing.T) {
	n := 40000
	if testing.Short() {
		n = 10000
	}
	nodes, edges := []string{`{"name": "n0", "type": "NoiseNode"}`}, []string{}
	for i := 1; i < n; i++ {
		nodes = append(nodes, fmt.Sprintf(`{"name": "n%d", "type": "GainNode"}`, i))
		edges = append(edges, fmt.Sprintf(`{"source": "n%d", "target": "n%d"}`, i-1, i))
	}
	start := time.Now()
	g, err := graph.Parse("chain.json", []byte(`{"nodes": [`+strings.Join(nodes, ",")+`], "edges": [`+strings.Join(edges, ",")+`]}`))
	require.NoError(t, err)
	_, err = graph.NewPlan(g, graph.Options{Rate: 48000, Frames: 10})
	require.NoError(t, err)
	require.Less(t, time.Since(start), 30*time.Second)
}

// A key that belongs elsewhere is sent there.
func TestKeysAreSentToTheirPlace(t *testing.T) {
	lfo := func(members string) string {
		return `{"sample_rate": 48000, "nodes": [{"name": "a", "type": "LFONode", ` + members + `}]}`
	}
	for text, want := range map[string]string{
		lfo(`"params": {"wave": "saw"}`):           `wave is configuration of LFONode, not a parameter; write it into the node's "config": {"wave": …}`,
		lfo(`"wave": "saw"`):                       `wave is configuration of LFONode; write it into the node's "config": {"wave": …}`,
		lfo(`"rate_hz": 5`):                        `rate_hz is a parameter of LFONode; write it into the node's "params": {"rate_hz": …}`,
		lfo(`"config": {"depth": 5}`):              `depth is a parameter of LFONode, not configuration; write it into the node's "params": {"depth": …}`,
		lfo(`"params": {"rate": 1, "rate_hz": 2}`): "rate and rate_hz of a are the same parameter; keep one",
	} {
		require.Contains(t, faults(text), want)
	}
}

// Where a type has one parameter of a role, other words of the field stand for it.
// The fitted graph keeps the word of the file.
func TestOtherWordsForAParameter(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"sample_rate": 48000, "nodes": [
		{"name": "lfo", "type": "LFONode"},
		{"name": "osc", "type": "SineOscillatorNode", "params": {"freq_hz": {"value": 220, "learn": true}}},
		{"name": "lp", "type": "LowpassNode", "params": {"freq": 500}}],
		"edges": [{"source": "lfo", "target": "lp.fc"}, {"source": "osc", "target": "lp"}], "output": "lp"}`))
	require.NoError(t, err)
	require.Equal(t, []string{
		"freq_hz of osc is taken for its frequency", "freq of lp is taken for its cutoff_hz", "fc of lp is taken for its cutoff_hz",
	}, g.Notes)
	p, err := graph.NewPlan(g, graph.Options{Frames: 10})
	require.NoError(t, err)
	require.Equal(t, []float64{220}, p.Param("osc", "frequency").Value)
	require.True(t, p.Param("osc", "frequency").Setting.Learn)
	require.Len(t, p.Param("lp", "cutoff_hz").Mods, 1)
	text := string(g.WithValues(map[string]map[string][]float64{"osc": {"frequency": {330}}}, "."))
	require.Contains(t, text, `"freq_hz"`)
	require.Contains(t, text, "330")
	require.NotContains(t, text, `"frequency"`)
}

func TestTieByAnotherWord(t *testing.T) {
	g, err := graph.Parse("", []byte(`{"sample_rate": 48000, "nodes": [
		{"name": "noise", "type": "NoiseNode"},
		{"name": "lp", "type": "LowpassNode", "params": {"freq": {"tie": {"to": "hp.fc", "scale": 2}}}},
		{"name": "hp", "type": "HighpassNode", "params": {"cutoff_hz": 300}}],
		"edges": [{"source": "noise", "target": "hp"}, {"source": "hp", "target": "lp"}], "output": "lp"}`))
	require.NoError(t, err)
	p, err := graph.NewPlan(g, graph.Options{Frames: 10})
	require.NoError(t, err)
	require.Equal(t, []float64{600}, p.Param("lp", "cutoff_hz").Value)
}

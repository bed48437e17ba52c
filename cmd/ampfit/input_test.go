package main

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bad input of every kind gives a sentence for every fault, exit code 2, and
// nothing is written.
func TestBadInput(t *testing.T) {
	const synth = `{"nodes": [{"name": "osc", "type": "SineOscillatorNode"}]}`
	const gain = `"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "a", "type": "GainNode"}, {"name": "b", "type": "GainNode"}]`
	fit := []string{"target.wav", "g.json", "-i", "dry.wav"}
	render := []string{"render", "g.json", "-i", "dry.wav"}
	for _, tc := range []struct {
		name  string
		graph string                         // "": toneGraph
		setup func(t *testing.T, dir string) // changes the files
		args  []string                       // nil: a fit
		want  []string                       // each in a line of its own
	}{
		{name: "flags only", args: []string{"--quiet"}, want: []string{"two files are needed: ampfit TARGET.wav GRAPH.json"}},
		{name: "swapped", args: []string{"eq4.json", "target.wav"}, want: []string{"eq4.json is no recording: the graph comes second, ampfit target.wav eq4.json"}},
		{name: "one argument", args: []string{"target.wav"}, want: []string{"a fit needs two: ampfit TARGET.wav GRAPH.json"}},
		{name: "misspelt command", args: []string{"rendr", "g.json"}, want: []string{`did you mean ampfit render?`}},
		{name: "misspelt flag", args: append(fit, "--optimiser", "lm"), want: []string{"ampfit has no flag --optimiser; did you mean --optimizer?"}},
		{name: "text for a number", args: append(fit, "--steps", "many"), want: []string{`--steps "many": a whole number is needed`}},
		{name: "time without a unit", args: append(fit, "--time-limit", "5"), want: []string{`--time-limit "5": a time with its unit is needed`}},
		{name: "negative steps", args: append(fit, "--steps", "-1"), want: []string{"--steps -1: the least is 1"}},
		{name: "no steps", args: append(fit, "--steps", "0"), want: []string{"--steps 0: the least is 1"}},
		{name: "no learning rate", args: append(fit, "--lr", "0"), want: []string{"--lr 0: a learning rate is a number above 0"}},
		{name: "no time", args: append(fit, "--time-limit", "0s"), want: []string{"--time-limit 0s: a time above 0 is needed"}},
		{name: "learn nothing", args: append(fit, "--learn", ""), want: []string{`--learn "": it names no parameter`}},
		{name: "freeze nothing", args: append(fit, "--freeze", ""), want: []string{`--freeze "": it names no parameter`}},
		{name: "empty loss", args: append(fit, "--loss", ""), want: []string{`--loss "": it names no loss`}},
		{name: "empty directory", args: append(fit, "-o", ""), want: []string{`-o "": it names no directory`}},
		{name: "log scale from below 0", graph: `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "g", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true, "scale": "log", "min": -1, "max": 2}}}], "edges": [{"source": "dry", "target": "g"}]}`,
			want: []string{"g.gain cannot be learned on a logarithmic scale from a minimum of -1"}},
		{name: "learning rate", args: append(fit, "--lr", "NaN"), want: []string{"--lr NaN: a learning rate is a number above 0"}},
		{name: "block", args: append(fit, "--block", "0"), want: []string{"--block 0: allowed are 1 to 4096 frames"}},
		{name: "optimizer", args: append(fit, "--optimizer", "adamant"), want: []string{`--optimizer "adamant": there are adam, auto,`}},
		{name: "loss", args: append(fit, "--loss", "esrr"), want: []string{`column 1: there is no loss "esrr", did you mean esr?`}},
		{name: "loss that lm cannot take", args: append(fit, "--loss", "mrstft(64)", "--optimizer", "lm"), want: []string{"the optimizer lm needs a quadratic loss"}},
		{name: "misspelt learn", args: append(fit, "--learn", "tone.cutof"), want: []string{`there is no parameter "tone.cutof"; did you mean "tone.cutoff_hz"?`}},
		{name: "misspelt freeze", args: append(fit, "--freeze", "tune.cutoff_hz"), want: []string{`there is no parameter "tune.cutoff_hz"; did you mean "tone.cutoff_hz"?`}},
		{name: "everything frozen", args: append(fit, "--freeze", "tone.cutoff_hz,level.gain"), want: []string{"there is nothing to learn"}},
		{name: "bits", args: append(render, "--bits", "12"), want: []string{`--bits "12": allowed are 16, 24, 32f and 64f`}},
		{name: "duration", args: append(render, "--duration", "1ns"), want: []string{"--duration 1ns: that is less than a frame"}},
		{name: "unknown node type", args: []string{"nodes", "LowpasNode"}, want: []string{`there is no node type "LowpasNode"; did you mean "LowpassNode"?`}},

		{name: "empty names", args: []string{"", "", "-i", ""}, want: []string{`"": the name of a file is empty; name a WAV file`, `"": the name of the file is empty; name a graph file (JSON)`}},
		{name: "empty name to check", args: []string{"check", ""}, want: []string{`"": the name of the file is empty`}},
		{name: "a fit to stdout", args: append(fit, "-o", "-"), want: []string{"-o -: a fit writes several files into a directory"}},
		{name: "a rendering to stdout", args: append(render, "-o", "-"), want: []string{"-o -: results are not written to stdout; name a file, such as out.wav"}},
		{name: "a rendering to nothing", args: append(render, "-o", ""), want: []string{`-o "": it names no file; give one, such as out.wav`}},
		{name: "a drawing to stdout", args: []string{"graph", "g.json", "-o", "-"}, want: []string{"-o -: results are not written to stdout; name a file, such as graph.svg"}},
		{name: "longer than the disk", args: append(render, "--duration", "2000000h"), want: []string{"GiB are free there; name another place with -o, or a shorter --duration"}},
		{name: "a loop without bound", args: append(fit, "--quiet"), graph: `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "loop", "type": "GainNode", "gather": "sum", "params": {"gain": 90}}],
			"edges": [{"source": "dry", "target": "loop"}, {"source": "loop", "target": "loop", "delay_frames": 1}], "output": "loop"}`,
			want: []string{`the loss esr is not a number at the start: the output of the node "loop" is `}},

		{name: "missing files", args: []string{"no.wav", "no.json", "-i", "nor.wav"}, want: []string{
			"no.wav: no such file; check the path", "nor.wav: no such file; check the path", "no.json: no such file",
		}},
		{name: "missing file to render", args: []string{"render", "no.json"}, want: []string{"no.json: no such file"}},
		{name: "missing file to check", args: []string{"check", "g.json", "-i", "no.wav"}, want: []string{"no.wav: no such file"}},
		{name: "missing files to compare", args: []string{"loss", "no.wav", "nor.wav"}, want: []string{"no.wav: no such file", "nor.wav: no such file"}},
		{name: "directories", args: []string{"folder", "folder", "-i", "folder"}, want: []string{
			"folder: is a directory; give a WAV file", "folder: is a directory; give a WAV file", "folder: is a directory; name a graph file (JSON)",
		}},
		{name: "garbage", setup: file("target.wav", "\x93\xff\x12\x00 not at all"), want: []string{"target.wav: is not a WAV file"}},
		{name: "another format", setup: file("target.wav", "fLaC\x00\x00\x00\x22 and more of it"), want: []string{"target.wav: is FLAC, not WAV; convert it"}},
		{name: "empty file", setup: file("target.wav", ""), want: []string{"target.wav: is empty (0 bytes)"}},
		{name: "no frames", setup: header(0, 0), want: []string{"target.wav: holds no frames"}},
		{name: "a header that lies", setup: header(1<<31-2, 0), want: []string{"target.wav: "}},
		{name: "NaN", setup: wave("target.wav", 16000, append(noise(100), math.NaN())), want: []string{"target.wav: frame 100 of channel 0"}},
		{name: "rate of the dry signal", setup: wave("dry.wav", 44100, noise(100)), want: []string{"dry.wav: 44100 Hz, but target.wav runs at 16000 Hz; convert it"}},
		{name: "rate of the graph", graph: `{"sample_rate": 48000, ` + toneGraph[1:], want: []string{`target.wav: 16000 Hz, but g.json runs at 48000 Hz; set "sample_rate": 16000 there or convert the recording`}},
		{name: "channels", setup: wave("target.wav", 16000, noise(8000), noise(8000)), want: []string{"the target has 2"}},
		{name: "rates to compare", args: []string{"loss", "dry.wav", "fast.wav"}, setup: wave("fast.wav", 48000, noise(9)), want: []string{"dry.wav has 16000 Hz and fast.wav 48000 Hz"}},
		{name: "channels to compare", args: []string{"loss", "dry.wav", "two.wav"}, setup: wave("two.wav", 16000, noise(9), noise(9)), want: []string{"dry.wav has 1 channel and two.wav 2"}},
		{name: "silent target", setup: wave("target.wav", 16000, make([]float64, 8000)), want: []string{"silent"}},
		{name: "too short for mrstft", graph: synth, args: []string{"target.wav", "g.json"}, setup: wave("target.wav", 16000, noise(100)), want: []string{"the target has 100 frames a channel, too short"}},
		{name: "InputNode without -i", args: []string{"target.wav", "g.json"}, want: []string{`g.json: the node "dry" plays the dry signal; give one with -i DRY.wav`}},
		{name: "-i without InputNode", graph: synth, want: []string{"-i dry.wav: g.json has no InputNode that would play it; add one, or leave -i out"}},
		{name: "results over a file", args: append(fit, "-o", "g.json"), want: []string{"g.json: the directory for the results cannot be made (g.json is a file); name another with -o"}},
		{name: "results below a file", args: append(fit, "-o", "g.json/a/b"), want: []string{"(g.json is a file); name another with -o"}},
		{name: "no directory to render into", args: append(render, "-o", "no/x.wav"), want: []string{"no/x.wav: there is no directory no; make it first"}},
		{name: "a directory to render over", args: append(render, "-o", "folder"), want: []string{"folder: is a directory"}},

		{name: "truncated", graph: `{"nodes": [{"name": "a"`, want: []string{"g.json:1:24: the text ends before the JSON value does"}},
		{name: "empty", graph: " \n", want: []string{"g.json:1:1: the file is empty"}},
		{name: "trailing comma", graph: "{\"nodes\": [\n  {\"name\": \"a\", \"type\": \"NoiseNode\"},\n]}", want: []string{"g.json:2:37: nothing follows this comma but ']'; remove the comma"}},
		{name: "comment", graph: "{\n// hello\n}", want: []string{`g.json:2:1: JSON has no comments; use a "comment" key`}},
		{name: "single quotes", graph: "{'nodes': []}", want: []string{"g.json:1:2: names and texts stand in double quotes in JSON"}},
		{name: "UTF-16", graph: "\xff\xfe{\x00", want: []string{"g.json:1:1: this is not UTF-8 text; save the file as UTF-8"}},
		{name: "duplicate keys", graph: `{"nodes": [{"name": "a", "name": "b", "type": "InputNode"}], "nodes": []}`, want: []string{
			`g.json:1:26: the key "name" stands here a second time`, `g.json:1:62: the key "nodes" stands here a second time`,
		}},
		{name: "nested deeply", graph: strings.Repeat("[", 300) + strings.Repeat("]", 300), want: []string{"brackets are nested more than 200 deep"}},
		{name: "nested very deeply", graph: strings.Repeat("[", 100000), want: []string{"brackets are nested more than 200 deep"}},
		{name: "null", graph: "null", want: []string{"g.json:1:1: this must be an object, not null"}},
		{name: "no nodes", graph: "{}", want: []string{`g.json:1:1: a graph needs "nodes": [...]`}},
		{name: "every name misspelt", graph: `{
  "nodes": [
    {"name": "dry", "type": "InputNod"},
    {"name": "lp", "type": "OnePoleNode", "params": {"cutof_hz": 20}},
    {"name": "lq", "type": "OnePoleNode", "parms": {}},
    {"name": "lq", "type": "GainNode"}
  ],
  "edges": [
    {"source": "lp.outt", "target": "lq"},
    {"source": "lp", "target": "lq.cutoff"},
    {"source": "lpp", "target": "lq"},
    {"source": "lp", "tarhet": "lq"}
  ],
  "otput": "lq"
}`, want: []string{
			`g.json:3:29: nodes[0].type: there is no node type "InputNod"; did you mean "InputNode"?`,
			`g.json:4:54: nodes[1].params.cutof_hz: OnePoleNode has no parameter "cutof_hz"; `,
			`g.json:5:43: nodes[2].parms: a node has no key "parms"; did you mean "params"?`,
			`g.json:6:14: nodes[3].name: two nodes have the name "lq"; names are unique`,
			`g.json:12:5: edges[3]: the edge has no "target"`,
			`g.json:12:22: edges[3].tarhet: an edge has no key "tarhet"; did you mean "target"?`,
			`g.json:14:3: otput: a graph has no key "otput"; did you mean "output"?`,
		}},
		{name: "unknown port", graph: `{` + gain + `, "edges": [{"source": "a.outt", "target": "b"}, {"source": "dry", "target": "a.gian"}], "output": "b"}`, want: []string{
			`edges[0].source: a has no output "outt"; it has out`, `edges[1].target: a has no input or parameter "gian"; did you mean "gain"?`,
		}},
		{name: "unknown node in an edge", graph: `{` + gain + `, "edges": [{"source": "dyr", "target": "a"}], "output": "aa"}`, want: []string{
			`edges[0].source: there is no node "dyr"; did you mean "dry"?`, `output: there is no node "aa"; did you mean "a"?`,
		}},
		{name: "no clear output", graph: `{` + gain + `}`, want: []string{`3 nodes have no outgoing edge, so the output is not clear; add "output": with one of dry, a, b`}},
		{name: "cycle that gathers channels", graph: `{` + gain + `, "edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "a", "delay_frames": 1}], "output": "b"}`, want: []string{
			`the channels of a.in depend on themselves: each turn of the loop concatenates one more; add "gather": "sum" to a, or a MixNode in the loop`,
		}},
		{name: "cycle", graph: `{` + strings.Replace(gain, `"name": "a",`, `"name": "a", "gather": "sum",`, 1) + `, "edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "a"}], "output": "b"}`, want: []string{
			`a → b → a has no latency, so frame n would need itself; give one edge "delay_frames": 1 or more`,
		}},
		{name: "out of range", graph: `{"nodes": [{"name": "dry", "type": "InputNode"},
  {"name": "lp", "type": "OnePoleNode", "params": {"cutoff_hz": -5}},
  {"name": "lq", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 1e9}}}],
  "edges": [{"source": "dry", "target": "lp"}, {"source": "lp", "target": "lq"}]}`, want: []string{
			"g.json:2:65: nodes[1].params.cutoff_hz: ", "g.json:3:",
		}},
		{name: "number beyond numbers", graph: `{"nodes": [{"name": "a", "type": "NoiseNode", "params": {"amplitude": 1e999}}]}`, want: []string{"the number 1e999 is too large"}},
		{name: "missing sound of a node", graph: `{"nodes": [{"name": "s", "type": "SamplerNode", "config": {"file": "no.wav"}}]}`, args: []string{"target.wav", "g.json"}, want: []string{
			"g.json:1:68: nodes[0].config.file: SamplerNode: ",
		}},
		{name: "library", graph: `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "s", "type": "X", "library": "no.so"}], "edges": [{"source": "dry", "target": "s"}]}`, want: []string{"g.json:1:88: nodes[1].library: "}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			writeWav(t, dir, "target.wav", 16000, noise(8000))
			writeWav(t, dir, "dry.wav", 16000, noise(8000))
			require.NoError(t, os.Mkdir("folder", 0o777))
			graph := tc.graph
			if graph == "" {
				graph = toneGraph
			}
			write(t, dir, "g.json", graph)
			if tc.setup != nil {
				tc.setup(t, dir)
			}
			args := tc.args
			if args == nil {
				args = fit
			}
			before := files(t, dir)
			r := ampfit(t, args...)
			require.Equal(t, exitUsage, r.code, r.errout)
			require.Empty(t, r.out)
			require.Equal(t, before, files(t, dir), "nothing is written")
			require.Empty(t, files(t, "folder"))
			lines := faults(r.errout)
			require.Len(t, lines, len(tc.want), r.errout)
			for i, want := range tc.want {
				require.Contains(t, lines[i], want)
			}
			require.NotRegexp(t, regexp.MustCompile(`panic|goroutine|0x[0-9a-f]{6}|strconv|<nil>|%!`), r.errout)
		})
	}
}

// faults are the lines of stderr without notes and warnings.
func faults(errout string) []string {
	var lines []string
	for _, line := range strings.Split(strings.TrimSpace(errout), "\n") {
		if !strings.HasPrefix(line, "ampfit: warning: ") && !strings.HasPrefix(line, "ampfit: note: ") {
			lines = append(lines, line)
		}
	}
	return lines
}

func file(name, text string) func(*testing.T, string) {
	return func(t *testing.T, dir string) { write(t, dir, name, text) }
}

func wave(name string, rate int, rows ...[]float64) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		// The writer refuses what is not finite, so the bytes are made here.
		data := make([]byte, 0, 8*len(rows[0]))
		for n := range rows[0] {
			for _, row := range rows {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(float32(row[n])))
			}
		}
		write(t, dir, name, string(riff(rate, len(rows), len(data)))+string(data))
	}
}

// header makes a target.wav whose header promises size bytes, with have behind it.
func header(size, have int) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		write(t, dir, "target.wav", string(riff(16000, 1, size))+strings.Repeat("\x00", have))
	}
}

// riff is the header of a float32 file.
func riff(rate, channels, size int) []byte {
	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // memory does not fail
	b.WriteString("RIFF")
	le(uint32(36 + size))
	b.WriteString("WAVEfmt ")
	le(uint32(16))
	le(uint16(3))
	le(uint16(channels))
	le(uint32(rate))
	le(uint32(rate * channels * 4))
	le(uint16(channels * 4))
	le(uint16(32))
	b.WriteString("data")
	le(uint32(size))
	return b.Bytes()
}

// A header that promises more than there is costs a warning, not the fit.
func TestTruncatedRecordingIsUsedAsFarAsItGoes(t *testing.T) {
	dir := toneTask(t)
	path := filepath.Join(dir, "target.wav")
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, whole[:len(whole)-4000], 0o644))
	r := ok(t, fitArgs(dir, "--optimizer", "lbfgs", "--steps", "1")...)
	require.Contains(t, r.errout, "warning: "+path)
}

// A graph saved by an editor that marks UTF-8 loads like any other.
func TestByteOrderMark(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "g.json", "\xef\xbb\xbf"+`{"nodes": [{"name": "n", "type": "NoiseNode"}]}`)
	ok(t, "render", graph, "-o", filepath.Join(dir, "x.wav"), "--duration", "1ms")
}

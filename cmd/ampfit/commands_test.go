package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ampfit/abi"
	"ampfit/internal/nodedoc"
	"ampfit/internal/wav"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"render", "--help"}, {"check", "--help"}, {"nodes", "--help"}, {"loss", "--help"}, {"schema", "--help"}} {
		r := ok(t, args...)
		require.Contains(t, r.out, "Usage:")
		require.Empty(t, r.errout)
	}
}

func TestRenderFormats(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "dc.json", `{"sample_rate": 8000, "nodes": [{"name": "c", "type": "ConstantNode", "params": {"value": 0.5}}]}`)
	out := filepath.Join(dir, "x.wav")
	for _, tc := range []struct {
		bits  string
		width int
		float bool
	}{{"16", 16, false}, {"24", 24, false}, {"32f", 32, true}, {"64f", 64, true}} {
		t.Run(tc.bits, func(t *testing.T) {
			r := ok(t, "render", graph, "-o", out, "--bits", tc.bits, "--duration", "250ms")
			require.Equal(t, out+": 2000 frames, 1 channel, 8000 Hz, peak -6.0 dB\n", r.out)
			require.Empty(t, r.errout)
			a, err := wav.Read(out)
			require.NoError(t, err)
			require.Equal(t, tc.width, a.Bits)
			require.Equal(t, tc.float, a.Float)
			require.Equal(t, 2000, a.Frames())
			require.InDelta(t, 0.5, a.Rows()[0][7], 1.0/(1<<15), "half of full scale, to a 16-bit step")
		})
	}
}

func TestRenderLength(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "g.json", `{"nodes": [{"name": "dry", "type": "InputNode"}]}`)
	dry, out := writeWav(t, dir, "dry.wav", 8000, noise(800), noise(800)), filepath.Join(dir, "x.wav")
	for _, tc := range []struct {
		name   string
		flags  []string
		frames int
	}{
		{"the input's", nil, 800},
		{"longer", []string{"--duration", "200ms"}, 1600},
		{"shorter", []string{"--duration", "50ms"}, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ok(t, append([]string{"render", graph, "-i", dry, "-o", out}, tc.flags...)...)
			a, err := wav.Read(out)
			require.NoError(t, err)
			require.Equal(t, tc.frames, a.Frames())
			require.Equal(t, 2, a.Channels)
		})
	}
	synth := write(t, dir, "synth.json", `{"nodes": [{"name": "n", "type": "NoiseNode"}]}`)
	require.Contains(t, ok(t, "render", synth, "-o", out).out, "240000 frames, 1 channel, 48000 Hz", "5 s at 48 kHz when nothing says otherwise")
}

func TestRenderClips(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "loud.json", `{"nodes": [{"name": "c", "type": "ConstantNode", "params": {"value": 2}}]}`)
	out := filepath.Join(dir, "x.wav")
	r := ok(t, "render", graph, "-o", out, "--bits", "16", "--duration", "1ms")
	require.Contains(t, r.errout, "warning: 48 samples beyond full scale clipped; use --bits 32f")
	r = ok(t, "render", graph, "-o", out, "--duration", "1ms")
	require.Empty(t, r.errout)
	require.Contains(t, r.out, "peak 6.0 dB")
}

func TestRenderInterrupted(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "g.json", `{"nodes": [{"name": "n", "type": "NoiseNode"}]}`)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := ampfitContext(ctx, "render", graph, "-o", filepath.Join(dir, "x.wav"))
	require.Equal(t, exitInterrupted, r.code)
	require.Equal(t, "ampfit: interrupted\n", r.errout)
	require.Equal(t, []string{"g.json"}, files(t, dir), "no half of a file is left")
}

func TestCheckPasses(t *testing.T) {
	r := ok(t, "check", filepath.Join("..", "..", "testdata", "graphs", "onepole.json"))
	require.Contains(t, r.out, "cutoff_hz")
	require.True(t, strings.HasSuffix(r.out, "the gradient is right\n"))
	dir := t.TempDir()
	graph := write(t, dir, "g.json", toneGraph)
	ok(t, "check", graph, "-i", writeWav(t, dir, "dry.wav", 16000, noise(1000)))
}

// wrongNode is a gain whose adjoint forgets the gain.
var wrongNode = abi.NodeType{
	Name: "TestWrongGainNode", Doc: "A gain with a wrong adjoint.", Family: "Test",
	Inputs: []string{"in"}, Outputs: []string{"out"},
	Params: []abi.Param{{Name: "gain", Default: 0.5, Min: -2, Max: 2, Doc: "Factor."}},
	Forward: func(b *abi.Block) {
		for lane := range b.Lanes {
			g := b.Param(0, lane).At(0)
			x, y := b.In(0, lane), b.Out(0, lane)
			for n := range x {
				y[n] = g * x[n]
			}
		}
	},
	Backward: func(b, d *abi.Block) {
		for lane := range b.Lanes {
			x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
			dg := d.Param(0, lane)
			for n := range dy {
				dx[n] += dy[n]
				dg.Add(n, 1.01*x[n]*dy[n])
			}
		}
	},
}

// wrongGraph is written by a test that registered the type.
const wrongGraph = `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "g", "type": "TestWrongGainNode"}],
"edges": [{"source": "dry", "target": "g"}]}`

func TestMain(m *testing.M) {
	if os.Getenv("AMPFIT_TEST_PROCESS") != "" { // a test runs itself as the program
		main()
	}
	documented = abi.Types() // before the wrong one
	abi.Register(wrongNode)
	os.Exit(m.Run())
}

// documented are the node types of the program.
var documented []*abi.NodeType

func TestCheckFails(t *testing.T) {
	r := ampfit(t, "check", write(t, t.TempDir(), "wrong.json", wrongGraph))
	require.Equal(t, exitFailed, r.code)
	require.Contains(t, r.out, "g.gain")
	require.Contains(t, r.errout, "the gradient is wrong where the table says so")
}

func TestNodes(t *testing.T) {
	r := ok(t, "nodes")
	for _, typ := range documented {
		require.Contains(t, r.out, typ.Name+" ")
	}
	r = ok(t, "nodes", "LowpassNode")
	require.True(t, strings.HasPrefix(r.out, "LowpassNode — "))
	require.Contains(t, r.out, "cutoff_hz")

	var list []struct {
		Name, Family, Doc string
		Params            []struct {
			Name, Scale string
			Default     *float64
		}
		Example json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(ok(t, "nodes", "--json").out), &list))
	require.Len(t, list, len(documented)+1)
	require.NoError(t, json.Unmarshal([]byte(ok(t, "nodes", "GainNode", "--json").out), &list))
	require.Equal(t, "GainNode", list[0].Name)
	require.NotEmpty(t, list[0].Params)

	r = ok(t, "nodes", "--markdown")
	require.Contains(t, r.out, "\n### LowpassNode\n")
	require.Contains(t, r.out, "| cutoff_hz | corner | Hz |")
	require.Regexp(t, `(?m)^pitch +frequency of what sounds`, ok(t, "nodes", "--roles").out)
}

// What the documentation shows runs as it stands.
func TestNodeSnippetsRun(t *testing.T) {
	schema := compileSchema(t)
	for _, typ := range documented {
		t.Run(typ.Name, func(t *testing.T) {
			dir := t.TempDir()
			snippet := nodedoc.Snippet(typ)
			require.Contains(t, ok(t, "nodes", typ.Name).out, snippet)
			graph := write(t, dir, "g.json", snippet)
			writeWav(t, dir, nodedoc.SnippetFile, 48000, noise(4800))
			validate(t, schema, []byte(snippet))
			args := []string{"render", graph, "-o", filepath.Join(dir, "x.wav"), "--duration", "20ms"}
			if strings.Contains(snippet, `"InputNode"`) {
				args = append(args, "-i", writeWav(t, dir, "dry.wav", 48000, noise(960)))
			}
			r := ok(t, args...)
			require.Contains(t, r.out, ": 960 frames")
		})
	}
}

func TestLoss(t *testing.T) {
	dir := t.TempDir()
	x := noise(4000)
	half := make([]float64, len(x))
	for n := range x {
		half[n] = x[n] / 2
	}
	a, b := writeWav(t, dir, "a.wav", 16000, half), writeWav(t, dir, "b.wav", 16000, x)
	var got map[string]float64
	require.NoError(t, json.Unmarshal([]byte(ok(t, "loss", a, b, "--json").out), &got))
	require.InDelta(t, 0.25, got["esr"], 1e-9, "half the level misses a quarter of the energy")
	require.Contains(t, got, "mrstft")
	require.Contains(t, ok(t, "loss", a, b).out, "esr          0.25\n")
	require.Contains(t, ok(t, "loss", a, b, "--loss", "esr(pre=0.85)").out, "esr(pre=0.85)")

	short := writeWav(t, dir, "short.wav", 16000, x[:3000])
	r := ok(t, "loss", short, b)
	require.Contains(t, r.errout, "the first 3000 are compared")

	silent := writeWav(t, dir, "silent.wav", 16000, make([]float64, 4000))
	var all map[string]*float64
	require.NoError(t, json.Unmarshal([]byte(ok(t, "loss", a, silent, "--json").out), &all))
	require.Nil(t, all["esr"], "null where there is no value")
	require.Regexp(t, `esr +–  \(.+\)`, ok(t, "loss", a, silent).out)
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(ok(t, "schema").out))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("graph.schema.json", doc))
	s, err := c.Compile("graph.schema.json")
	require.NoError(t, err)
	return s
}

func validate(t *testing.T, s *jsonschema.Schema, text []byte) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	require.NoError(t, s.Validate(doc))
}

func TestSchemaAcceptsTheGraphs(t *testing.T) {
	schema := compileSchema(t)
	graphs, err := filepath.Glob(filepath.Join("..", "..", "testdata", "graphs", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, graphs)
	for _, path := range append(graphs, filepath.Join("..", "..", "testdata", "readme", "eq.json")) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			validate(t, schema, text)
		})
	}
	dir := toneTask(t)
	ok(t, fitArgs(dir, "--quiet")...)
	fitted, err := os.ReadFile(filepath.Join(dir, "target.fit", "graph.json"))
	require.NoError(t, err)
	validate(t, schema, fitted)
}

// What the schema refuses is refused by the program, too.
func TestSchemaRefuses(t *testing.T) {
	schema := compileSchema(t)
	for name, text := range map[string]string{
		"an array":             `[]`,
		"no nodes":             `{}`,
		"empty nodes":          `{"nodes": []}`,
		"unknown key":          `{"nodes": [{"name": "a", "type": "NoiseNode"}], "outptu": "a"}`,
		"unknown node key":     `{"nodes": [{"name": "a", "type": "NoiseNode", "param": {}}]}`,
		"unknown type":         `{"nodes": [{"name": "a", "type": "NoisNode"}]}`,
		"unknown parameter":    `{"nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutof": 3}}]}`,
		"text for a number":    `{"nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": "3"}}]}`,
		"outside its range":    `{"nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": -3}}]}`,
		"dot in a name":        `{"nodes": [{"name": "a.b", "type": "NoiseNode"}]}`,
		"odd oversampling":     `{"nodes": [{"name": "a", "type": "TanhNode", "oversample_ratio": 3}]}`,
		"negative delay":       `{"nodes": [{"name": "a", "type": "NoiseNode"}, {"name": "b", "type": "TanhNode"}], "edges": [{"source": "a", "target": "b", "delay_frames": -1}]}`,
		"edge without target":  `{"nodes": [{"name": "a", "type": "NoiseNode"}], "edges": [{"source": "a"}]}`,
		"misspelt learn":       `{"nodes": [{"name": "a", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 3, "lern": true}}}]}`,
		"a version of its own": `{"descriptor_version": 9, "nodes": [{"name": "a", "type": "NoiseNode"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			require.NoError(t, err)
			require.Error(t, schema.Validate(doc))
			dir := t.TempDir()
			r := ampfit(t, "render", write(t, dir, "g.json", text), "-o", filepath.Join(dir, "x.wav"))
			require.Equal(t, exitUsage, r.code)
			require.Regexp(t, `g\.json:\d+:\d+: `, r.errout)
		})
	}
}

func TestNumberHasFiveDigits(t *testing.T) {
	for x, want := range map[float64]string{
		0: "0", 1: "1.0000", -20.5: "-20.500", 440: "440.00", 12345.6: "12346", 0.00012345678: "0.00012346", 1e-9: "1.0000e-09", 2e7: "2.0000e+07",
		9.999999: "10.000",
	} {
		require.Equal(t, want, number(x))
	}
	require.Equal(t, "–", number(math.NaN()))
	require.Equal(t, "0.0012", errorBar(0.00123, false))
	require.Equal(t, "123.46", errorBar(123.456, false))
	require.Equal(t, "–", errorBar(math.NaN(), false))
}

// The commands of the README's tour run as they stand.
func TestReadmeTour(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "testdata", "readme"))))
	t.Chdir(dir)
	ran := 0
	for _, line := range strings.Split(string(readme), "\n") {
		args, found := strings.CutPrefix(line, "ampfit ")
		if !found || strings.Contains(line, "takes") {
			continue
		}
		ran++
		args, _, _ = strings.Cut(args, " #") // as a shell does
		words := strings.Fields(args)
		if strings.HasSuffix(words[0], ".wav") {
			words = append(words, "--time-limit", "4s") // the whole fit is in .ci/run; the limit is kept, so a busy machine needs some of it
		}
		ok(t, words...)
	}
	require.Equal(t, 11, ran)
}

// A check begins where the dry signal does, and needs one that sounds.
func TestCheckNeedsSound(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "g.json", `{"nodes": [{"name": "dry", "type": "InputNode"}, {"name": "t", "type": "TanhNode"}], "edges": [{"source": "dry", "target": "t"}]}`)
	silent := writeWav(t, dir, "silent.wav", 8000, make([]float64, 8000))
	r := ampfit(t, "check", graph, "-i", silent)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "it is silent, so no gradient can be compared")

	late := make([]float64, 8000)
	for n := 4000; n < len(late); n++ {
		late[n] = math.Sin(float64(n))
	}
	out := ok(t, "check", graph, "-i", writeWav(t, dir, "late.wav", 8000, late)).out
	require.Regexp(t, `t\.drive +-?0\.\d*[1-9]\d* `, out, "half a second of silence is left out: the gradient is not 0")
}

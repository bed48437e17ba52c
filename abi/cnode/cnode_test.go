package cnode_test

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ampfit/abi/cnode"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	_ "ampfit/nodes"
	"ampfit/optim"
	"ampfit/tape"
)

// build compiles C sources of testdata into a library beside the graphs of a
// test and returns the directory.
func build(t testing.TB, sources ...string) string {
	t.Helper()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("node libraries are loaded on Linux and macOS only")
	}
	compiler := "cc"
	if _, err := exec.LookPath(compiler); err != nil {
		t.Skip("no C compiler (cc) to build the example library with")
	}
	dir := t.TempDir()
	for _, source := range sources {
		name := strings.TrimSuffix(filepath.Base(source), ".c") + ".so"
		out, err := exec.Command(compiler, "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O2", "-ffp-contract=off", "-I../libamp", "-o", filepath.Join(dir, name), source, "-lm").CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return dir
}

const nodes, gain = "../../testdata/cnode/amp_nodes.c", "../../testdata/cnode/amp_v1_gain.c"

// eachWay runs a test with libraries in this process and in a child.
func eachWay(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for name, limit := range map[string]time.Duration{"in process": 0, "isolated": cnode.CallLimit} {
		t.Run(name, func(t *testing.T) {
			cnode.Isolate(limit)
			defer cnode.Isolate(0)
			test(t)
		})
	}
}

func parse(t *testing.T, dir, text string) (*graph.Graph, error) {
	t.Helper()
	path := filepath.Join(dir, "graph.json")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return graph.Load(path)
}

func noise(n int) []float64 {
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.Float64()*2 - 1
	}
	return x
}

func render(t *testing.T, g *graph.Graph, o adjoint.Options) []float64 {
	t.Helper()
	m, err := adjoint.NewModel(g, o)
	require.NoError(t, err)
	m.Forward()
	return append([]float64(nil), m.Output...)
}

const onePole = `{"nodes": [{"name": "in", "type": "InputNode"},
  {"name": "lp", "type": "COnePole", "library": "amp_nodes.so", "supports_v2": true, "params": {"cutoff_hz": {"value": 800, "learn": true, "min": 20, "max": 20000, "scale": "log"}}},
  {"name": "out", "type": "TanhNode", "params": {"drive": {"value": 2, "learn": true}}}],
  "edges": [{"source": "in", "target": "lp"}, {"source": "lp", "target": "out"}]}`

// builtin is the same graph without the library.
var builtin = strings.Replace(strings.Replace(onePole, "COnePole", "OnePoleNode", 1), `"library": "amp_nodes.so", `, "", 1)

func TestLibraryRendersLikeBuiltIn(t *testing.T) { eachWay(t, libraryRendersLikeBuiltIn) }

func libraryRendersLikeBuiltIn(t *testing.T) {
	dir := build(t, nodes)
	for _, batches := range []int{1, 2} {
		o := adjoint.Options{Rate: 48000, Input: [][]float64{noise(5000), noise(5000)}, Batches: batches}
		g, err := parse(t, dir, onePole)
		require.NoError(t, err)
		got := render(t, g, o)
		g, err = parse(t, dir, builtin)
		require.NoError(t, err)
		want := render(t, g, o)
		require.Len(t, got, len(want))
		for n := range want {
			require.InDelta(t, want[n], got[n], 1e-12)
		}
	}
}

// The gradients are those of the built-in node, however the tape is kept.
func TestLibraryGradients(t *testing.T) { eachWay(t, libraryGradients) }

func libraryGradients(t *testing.T) {
	dir := build(t, nodes)
	w := noise(20000)
	loss := adjoint.LossFunc(func(grad, x []float64) float64 {
		sum := 0.0
		for i := range x {
			sum += w[i] * x[i]
			if grad != nil {
				grad[i] = w[i]
			}
		}
		return sum
	})
	for _, o := range []adjoint.Options{{}, {Options: run.Options{Limits: tape.Limits{TapeMode: "segments", Segment: graph.Grid}}}, {Options: run.Options{Limits: tape.Limits{TapeMode: "binomial", Segment: graph.Grid, Slots: 2}}}, {Options: run.Options{Settings: graph.Settings{Block: 100}}}} {
		o.Rate, o.Input = 48000, [][]float64{noise(20000)}
		g, err := parse(t, dir, onePole)
		require.NoError(t, err)
		got, err := adjoint.Gradient(g, loss, o)
		require.NoError(t, err)
		g, err = parse(t, dir, builtin)
		require.NoError(t, err)
		want, err := adjoint.Gradient(g, loss, o)
		require.NoError(t, err)
		require.Empty(t, got.Unsupported)
		require.InDelta(t, want.Value, got.Value, 1e-9)
		for i := range want.Params {
			for k, v := range want.Params[i].Grad {
				require.InDelta(t, v, got.Params[i].Grad[k], 1e-9*math.Max(math.Abs(v), 1), "%s, tape %q", want.Params[i].Name, o.TapeMode)
			}
		}
		for n, v := range want.Input[0] {
			require.InDelta(t, v, got.Input[0][n], 1e-10)
		}
	}
}

func TestLibraryPassesGradientCheck(t *testing.T) { eachWay(t, libraryPassesGradientCheck) }

func libraryPassesGradientCheck(t *testing.T) {
	dir := build(t, nodes)
	g, err := parse(t, dir, onePole)
	require.NoError(t, err)
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Rate: 48000, Input: [][]float64{noise(3000)}}})
	require.NoError(t, err)
	require.True(t, report.OK, "%+v", report)
	require.Empty(t, report.Unsupported)
}

// A filter of the library within a feedback loop, whose blocks are short.
func TestLibraryInLoop(t *testing.T) { eachWay(t, libraryInLoop) }

func libraryInLoop(t *testing.T) {
	dir := build(t, nodes)
	text := `{"nodes": [{"name": "in", "type": "InputNode"},
	  {"name": "lp", "type": "COnePole", "library": "amp_nodes.so", "supports_v2": true, "gather": "sum", "params": {"cutoff_hz": {"value": 2000, "min": 20, "max": 20000}}},
	  {"name": "fb", "type": "GainNode", "params": {"gain": 0.5}}],
	  "edges": [{"source": "in", "target": "lp"}, {"source": "lp", "target": "fb"}, {"source": "fb", "target": "lp", "delay_frames": 37}], "output": "lp"}`
	g, err := parse(t, dir, text)
	require.NoError(t, err)
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Rate: 48000, Input: [][]float64{noise(2000)}}})
	require.NoError(t, err)
	require.True(t, report.OK, "%+v", report)
}

func TestFitRecoversCutoffOfLibrary(t *testing.T) { eachWay(t, fitRecoversCutoffOfLibrary) }

func fitRecoversCutoffOfLibrary(t *testing.T) {
	dir := build(t, nodes)
	x := noise(4096)
	g, err := parse(t, dir, strings.Replace(builtin, `"value": 800`, `"value": 3000`, 1))
	require.NoError(t, err)
	target := render(t, g, adjoint.Options{Rate: 48000, Input: [][]float64{x}})
	g, err = parse(t, dir, onePole)
	require.NoError(t, err)
	res, err := optim.Fit(context.Background(), g, optim.FitOptions{Target: [][]float64{target}, Input: [][]float64{x}, Rate: 48000})
	require.NoError(t, err)
	// a fit may end at an esr of 1e-10, a part in 1e5 of the waveform: the drive,
	// which the curve flattens, is known to a part in some thousands then
	require.InDelta(t, 3000, res.Values()["lp"]["cutoff_hz"][0], 1)
	require.InDelta(t, 2, res.Values()["out"]["drive"][0], 1e-3)
}

// What the library says of its parameters holds; of others the file must give a
// range before they are learned.
func TestLibraryDescribesParameters(t *testing.T) { eachWay(t, libraryDescribesParameters) }

func libraryDescribesParameters(t *testing.T) {
	dir := build(t, nodes)
	node := `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "lp", "type": "COnePole", "library": "amp_nodes.so", "supports_v2": true, "params": %}], "edges": [{"source": "in", "target": "lp"}]}`
	g, err := parse(t, dir, strings.Replace(node, "%", `{"cutoff_hz": {"value": 5, "learn": true}}`, 1))
	require.NoError(t, err)
	_, err = adjoint.NewModel(g, adjoint.Options{Rate: 48000, Frames: 64})
	require.ErrorContains(t, err, "5 Hz is outside the range of cutoff_hz, 10 to 20000 Hz")
	_, err = parse(t, dir, strings.Replace(node, "%", `{"other": {"value": 5, "learn": true}}`, 1))
	require.ErrorContains(t, err, `to learn other, give it "min" and "max"`)
	_, err = parse(t, dir, strings.Replace(node, "%", `{"other": 5}`, 1))
	require.NoError(t, err)
}

// A node without adjoint is named, and passes zeros on.
func TestLibraryWithoutAdjoint(t *testing.T) { eachWay(t, libraryWithoutAdjoint) }

func libraryWithoutAdjoint(t *testing.T) {
	dir := build(t, nodes, gain)
	for name, node := range map[string]string{
		"unsupported on the way back": `"type": "CClip", "library": "amp_nodes.so", "supports_v2": true`,
		"first interface, v2 library": `"type": "CGain", "library": "amp_nodes.so", "supports_v2": true, "params": {"gain": 0.5}`,
		"first interface only":        `"type": "Half", "library": "amp_v1_gain.so", "supports_v2": true`,
		"says nothing":                `"type": "COnePole", "library": "amp_nodes.so"`,
	} {
		t.Run(name, func(t *testing.T) {
			g, err := parse(t, dir, `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "g", "type": "GainNode", "params": {"gain": 0.5}},
			  {"name": "c", `+node+`}], "edges": [{"source": "in", "target": "g"}, {"source": "g", "target": "c"}]}`)
			require.NoError(t, err)
			x := noise(6000)
			res, err := adjoint.Gradient(g, adjoint.LossFunc(func(grad, y []float64) float64 {
				for i := range grad {
					grad[i] = 1
				}
				return 0
			}), adjoint.Options{Rate: 48000, Input: [][]float64{x}})
			require.NoError(t, err)
			require.Equal(t, []string{"c"}, res.Unsupported)
			for _, p := range res.Params {
				require.Equal(t, make([]float64, len(p.Grad)), p.Grad, p.Name)
			}
			for _, v := range res.Input[0] {
				require.Zero(t, v)
			}
			if strings.Contains(name, "first") {
				y := render(t, g, adjoint.Options{Rate: 48000, Input: [][]float64{x}})
				require.InDelta(t, 0.25*x[5000], y[5000], 1e-15)
			}
		})
	}
}

// Without "supports_v2": true a node that both interfaces know runs by the first,
// and a fit says how to get its gradient.
func TestFirstInterfaceUnlessSaid(t *testing.T) { eachWay(t, firstInterfaceUnlessSaid) }

func firstInterfaceUnlessSaid(t *testing.T) {
	dir := build(t, "testdata/both.c")
	x := noise(300)
	for said, gain := range map[string]float64{"": 1, `"supports_v2": false,`: 1, `"supports_v2": true,`: 2} {
		g, err := parse(t, dir, `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "g", "type": "GainNode", "params": {"gain": {"value": 0.5, "learn": true}}},
		  {"name": "b", "type": "Both", `+said+` "library": "both.so"}, {"name": "after", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true}}}],
		  "edges": [{"source": "in", "target": "g"}, {"source": "g", "target": "b"}, {"source": "b", "target": "after"}]}`)
		require.NoError(t, err)
		m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{x}})
		require.NoError(t, err)
		m.ValueGradient(ones)
		require.InDelta(t, 0.5*gain*x[200], m.Output[200], 1e-15)
		require.Equal(t, gain == 2, len(m.Unsupported) == 0)
		require.Equal(t, gain == 2, m.Param("g", "gain").Grad[0] != 0)
		if gain == 1 {
			res, err := optim.Fit(context.Background(), g, optim.FitOptions{Target: [][]float64{x}, Input: [][]float64{x}, Rate: 48000})
			require.NoError(t, err)
			require.Contains(t, res.Notes, `b has no adjoint: gradients behind it are zero; set "supports_v2": true if its library has one`)
		}
	}
}

func TestLibrariesThatCannotBeUsed(t *testing.T) { eachWay(t, librariesThatCannotBeUsed) }

func librariesThatCannotBeUsed(t *testing.T) {
	dir := build(t, "testdata/empty.c", "testdata/only_v2.c", "testdata/crash.c", nodes)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "text.so"), []byte("no library"), 0o600))
	for library, want := range map[string]string{
		"missing.so": "missing.so does not exist",
		"text.so":    "text.so cannot be loaded",
		"empty.so":   "empty.so is no node library: it exports neither amp_run_node nor amp_run_node_v2",
		"only_v2.so": "only_v2.so exports amp_run_node_v2 but not amp_run_node",
		"crash.so":   "crash.so crashes",
	} {
		_, err := parse(t, dir, `{"nodes": [{"name": "c", "type": "Any", "library": "`+library+`"}]}`)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "graph.json:1:")
	}
	g, err := parse(t, dir, `{"nodes": [{"name": "c", "type": "NoSuch", "library": "amp_nodes.so"}]}`)
	require.NoError(t, err)
	_, err = adjoint.NewModel(g, adjoint.Options{Rate: 48000, Frames: 100})
	require.ErrorContains(t, err, `amp_nodes.so has no node type "NoSuch"`)
}

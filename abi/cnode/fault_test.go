package cnode_test

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ampfit/abi/cnode"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
)

// faultOf runs f and returns the fault that ends it.
func faultOf(t *testing.T, f func()) *cnode.Fault {
	t.Helper()
	err := func() (err error) {
		defer func() { err, _ = recover().(error) }()
		f()
		return nil
	}()
	var fault *cnode.Fault
	require.True(t, errors.As(err, &fault), "%v", err)
	return fault
}

// odd is a graph of one node of a library.
func odd(library, typ, params string) string {
	return `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "odd", "type": "` + typ + `", "library": "` + library + `", "supports_v2": true, "params": ` + params + `}],
	  "edges": [{"source": "in", "target": "odd"}]}`
}

// gradient renders and walks back.
func gradient(m *adjoint.Model) {
	m.ValueGradient(adjoint.LossFunc(func(grad, x []float64) float64 {
		for i := range grad {
			grad[i] = 1
		}
		return 0
	}))
}

// A library that lies is caught with its name and that of the node.
func TestLibraryThatLies(t *testing.T) { eachWay(t, libraryThatLies) }

func libraryThatLies(t *testing.T) {
	dir := build(t, "testdata/liar.c")
	for kind, want := range map[string]string{
		"LateShape": `the forward call says that output "out" has the shape (1, 1, 65), not (1, 1, 64)`,
		"LateNaN":   "the forward call returns NaN (value 3 of output",
		"LatePast":  `writes past the end of`,
		"PastShort": `writes past the end of`, // of a block shorter than those before
		"Before":    `the library writes before the start of a buffer, output "out"`,
		"Input":     `writes past the end of`,
		"Array":     "past the end of the array of buffers",
		"Own":       `the forward call replaces the memory of output "out"`,
		"LateFail":  "the forward call fails with code -6",
		"LateShort": "the forward call returns NaN",
		"BackPast":  `writes past the end of`,
		"BackShape": `the backward call says that gradient "in" has the shape (1, 2, 64)`,
		"BackNaN":   "the backward call returns +Inf (value 1 of gradient",
		"BackFail":  "the backward call fails with code -1",
	} {
		t.Run(kind, func(t *testing.T) {
			g, err := parse(t, dir, odd("liar.so", kind, "{}"))
			require.NoError(t, err)
			frames := 64
			if kind == "PastShort" {
				frames += graph.DefaultBlock
			}
			m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{noise(frames)}})
			require.NoError(t, err)
			f := faultOf(t, func() { gradient(m) })
			require.ErrorContains(t, f, "liar.so: node odd: ")
			require.ErrorContains(t, f, want)
		})
	}
	g, err := parse(t, dir, odd("liar.so", "Shape", "{}"))
	require.NoError(t, err)
	_, err = adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{noise(64)}})
	require.ErrorContains(t, err, "with an output of the shape (1, 1, 9)")
}

// A library that crashes in a child ends the run with a sentence, and the run
// after it is sound.
func TestIsolatedLibraryCrashes(t *testing.T) {
	dir := build(t, "testdata/crashes.c", nodes)
	cnode.Isolate(300 * time.Millisecond)
	defer cnode.Isolate(0)
	for _, tc := range []struct{ typ, params, want string }{
		{"Segv", `{"forward_call": 3}`, "the library crashes (SIGSEGV, segmentation violation, at address 0x0) in a forward call of 100 frames"},
		{"Segv", `{"backward_call": 2}`, "the library crashes (SIGSEGV, segmentation violation, at address 0x0) in a backward call of 100 frames"},
		{"Abort", `{"forward_call": 2}`, "the library crashes (SIGABRT, abort) in a forward call of 100 frames"},
		{"Abort", `{"backward_call": 4}`, "the library crashes (SIGABRT, abort) in a backward call of 100 frames"},
		{"Exit", `{"forward_call": 2}`, "the library ends its process (exit status 7) in a forward call of 100 frames"},
		{"Far", `{"forward_call": 2}`, `the library reads or writes past the end of the buffer "out" in a forward call of 100 frames`},
		{"Far", `{"backward_call": 2}`, `the library reads or writes past the end of the buffer "in" in a backward call of 100 frames`},
		{"Leave", `{"forward_call": 2}`, "the library ends its process (exit status 0) in a forward call of 100 frames"},
		{"FarOff", `{"forward_call": 2}`, `the library reads or writes past the end of the buffer "out" in a forward call of 100 frames`},
		{"FarOff", `{"backward_call": 2}`, `the library reads or writes past the end of the buffer "in" in a backward call of 100 frames`},
		{"Flood", `{"forward_call": 2}`, "the library floods its standard output (more than 4 MiB); its process was ended in a forward call of 100 frames"},
		{"Garbage", `{"forward_call": 2}`, "the library writes into the memory of its process, which gives no sensible answers any more, in a forward call of 100 frames"},
		{"Loop", `{"forward_call": 2}`, "the library did not return from a forward call of 100 frames within 300ms; its process was ended"},
		{"Loop", `{"backward_call": 2}`, "the library did not return from a backward call of 100 frames within 300ms; its process was ended"},
	} {
		t.Run(tc.typ+tc.params, func(t *testing.T) {
			g, err := parse(t, dir, odd("crashes.so", tc.typ, tc.params))
			require.NoError(t, err)
			m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{noise(500)}, Options: run.Options{Settings: graph.Settings{Block: 100}}})
			require.NoError(t, err)
			f := faultOf(t, func() { gradient(m) })
			require.Equal(t, "crashes.so: node odd: "+tc.want, f.Error())
			require.True(t, f.Intact)
			// The next run finds a new child.
			g, err = parse(t, dir, odd("crashes.so", tc.typ, `{}`))
			require.NoError(t, err)
			x := noise(500)
			require.Equal(t, x, render(t, g, adjoint.Options{Rate: 48000, Input: [][]float64{x}}))
		})
	}
}

// A handler that returns keeps the program going: what the node plays from
// there is no number, and a run that begins afresh is sound again.
func TestRunGoesOnAfterCrash(t *testing.T) {
	dir := build(t, "testdata/crashes.c")
	cnode.Isolate(cnode.CallLimit)
	defer cnode.Isolate(0)
	var faults []*cnode.Fault
	was := cnode.OnFault
	cnode.OnFault = func(f *cnode.Fault) { faults = append(faults, f) }
	defer func() { cnode.OnFault = was }()
	g, err := parse(t, dir, odd("crashes.so", "Segv", `{"forward_call": 3}`))
	require.NoError(t, err)
	x := noise(500)
	m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{x}, Options: run.Options{Settings: graph.Settings{Block: 100}}})
	require.NoError(t, err)
	gradient(m)
	require.Len(t, faults, 1)
	require.Equal(t, x[:200], m.Output[:200])
	for _, y := range m.Output[200:] {
		require.NotEqual(t, y, y) // NaN
	}
	gradient(m)
	require.Len(t, faults, 2) // it crashes again, in a new child
	require.Equal(t, x[:200], m.Output[:200])
}

// Two nodes of one library: the one that did not crash goes on in the new child.
func TestCrashLeavesOtherNodes(t *testing.T) {
	dir := build(t, "testdata/crashes.c")
	cnode.Isolate(cnode.CallLimit)
	defer cnode.Isolate(0)
	was := cnode.OnFault
	var faults []*cnode.Fault
	cnode.OnFault = func(f *cnode.Fault) { faults = append(faults, f) }
	defer func() { cnode.OnFault = was }()
	g, err := parse(t, dir, `{"nodes": [{"name": "in", "type": "InputNode"},
	  {"name": "bad", "type": "Segv", "library": "crashes.so", "params": {"forward_call": 3}},
	  {"name": "good", "type": "Segv", "library": "crashes.so", "params": {}}],
	  "edges": [{"source": "in", "target": "bad"}, {"source": "in", "target": "good"}], "output": "good"}`)
	require.NoError(t, err)
	x := noise(500)
	require.Equal(t, x, render(t, g, adjoint.Options{Rate: 48000, Input: [][]float64{x}, Options: run.Options{Settings: graph.Settings{Block: 100}}}))
	require.NotEmpty(t, faults)
	for _, f := range faults {
		require.Equal(t, "bad", f.Node)
	}
}

// The child ends with its parent, whatever it is at.
func TestChildEndsWithProgram(t *testing.T) {
	if os.Getenv("AMPFIT_TEST_ORPHAN") != "" {
		cnode.Isolate(time.Hour)
		g, err := graph.Load(os.Getenv("AMPFIT_TEST_ORPHAN"))
		require.NoError(t, err)
		m, err := adjoint.NewModel(g, adjoint.Options{Rate: 48000, Input: [][]float64{noise(500)}, Options: run.Options{Settings: graph.Settings{Block: 100}}})
		require.NoError(t, err)
		m.Forward() // does not return
	}
	if testing.Short() {
		t.Skip("waits for seconds")
	}
	dir := build(t, "testdata/crashes.c")
	_, err := parse(t, dir, odd("crashes.so", "Loop", `{"forward_call": 2}`))
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run", "TestChildEndsWithProgram")
	cmd.Env = append(os.Environ(), "AMPFIT_TEST_ORPHAN="+dir+"/graph.json")
	require.NoError(t, cmd.Start())
	running := func() bool {
		out, _ := exec.Command("ps", "-eo", "args").Output()
		return strings.Contains(string(out), "nodehost "+dir)
	}
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip("no ps to look with")
	}
	require.Eventually(t, running, 10*time.Second, 50*time.Millisecond)
	time.Sleep(500 * time.Millisecond) // to be in the call
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.Eventually(t, func() bool { return !running() }, 5*time.Second, 100*time.Millisecond)
}

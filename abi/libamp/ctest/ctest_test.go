// Package ctest compiles the C and C++ programs of its testdata against amp.h,
// links them to the libraries and runs them. Without a C compiler it skips.
package ctest

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/internal/wav"
)

// program is one test program: its file, the tag of the library it is linked
// to, and arguments. A program on its own is linked to none.
type program struct {
	file, tag string
	args      []string
	own       bool
}

var programs = []program{
	{file: "gradients.c"},
	{file: "state.c"},
	{file: "timing.c"},
	{file: "errors.c"},
	{file: "mistakes.c"},
	{file: "threads.c"},
	{file: "memory.c"},
	{file: "metrics.c"},
	{file: "kpn_unit.c"},
	{file: "kpn_unit.c", tag: "native"},
	{file: "thermo_param.c"},
	{file: "thermo_param.c", tag: "native"},
	{file: "backward.c"},
	{file: "process.c"},
	{file: "process.c", tag: "native"},
	{file: "fit.c"},
	{file: "host.c"},
	{file: "run_node_v2.c", tag: "native"},
	{file: "native_api.c", tag: "native"},
	{file: "sampler.c"},
	{file: "sampler.c", tag: "native"},
	{file: "plus.cpp"},
}

// No program needs more than the library, the compiler's own and a system:
// nothing on its way is Python.
func TestPrograms(t *testing.T) {
	dir := libraries(t)
	for _, p := range programs {
		t.Run(strings.TrimSuffix(p.file+" "+p.tag, " "), func(t *testing.T) {
			t.Parallel()
			args := p.args
			if p.file == "memory.c" && testing.Short() {
				args = []string{"50000"}
			}
			cmd := exec.Command(compile(t, dir, p), args...)
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "DYLD_LIBRARY_PATH="+dir, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			if len(out) > 0 {
				t.Logf("%s", out)
			}
		})
	}
}

// The programs neither write where they must not nor leak, and nothing that
// the library hands out does.
func TestProgramsSanitized(t *testing.T) {
	if runtime.GOOS != "linux" || testing.Short() {
		t.Skip("on Linux, without -short")
	}
	dir := libraries(t)
	sanitize := "-fsanitize=address,undefined"
	empty := filepath.Join(t.TempDir(), "empty.c")
	require.NoError(t, os.WriteFile(empty, []byte("int main(void) { return 0; }\n"), 0o600))
	cc := compilerOf("CC")
	if err := exec.Command(cc[0], append(cc[1:], sanitize, empty, "-o", empty+".exe")...).Run(); err != nil {
		t.Skip("the compiler has no sanitizers")
	}
	for _, p := range programs {
		if p.file == "memory.c" || p.file == "plus.cpp" {
			continue
		}
		t.Run(strings.TrimSuffix(p.file+" "+p.tag, " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(compile(t, dir, p, sanitize))
			cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
		})
	}
}

// Libraries open after the program has started, each alone and one beside the
// other, from C and from Python.
func TestDlopen(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no dlopen")
	}
	dir := libraries(t)
	plain, native := filepath.Join(dir, libraryName("amp", "")), filepath.Join(dir, libraryName("amp", "native"))
	exe := compile(t, dir, program{file: "dlopen.c", own: true})
	for _, paths := range [][]string{{plain}, {native}, {plain, native}} {
		out, err := exec.Command(exe, paths...).CombinedOutput()
		require.NoError(t, err, "%s: %s", paths, out)
	}
	t.Run("Python", func(t *testing.T) {
		if os.Getenv("AMPFIT_NO_PYTHON") != "" {
			t.Skip("AMPFIT_NO_PYTHON is set")
		}
		if err := exec.Command("python3", "-c", "import ctypes").Run(); err != nil {
			t.Skipf("no python3 with ctypes (%v)", err)
		}
		for _, path := range []string{plain, native} {
			out, err := exec.Command("python3", filepath.Join("testdata", "dlopen.py"), path).CombinedOutput()
			require.NoError(t, err, "%s: %s", path, out)
		}
	})
}

// A host written in C runs a node library within its own process.
func TestHostWithNodeLibrary(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("node libraries are loaded on Linux and macOS only")
	}
	dir, work, cc := libraries(t), t.TempDir(), compilerOf("CC")
	var paths []string
	for _, source := range []string{"../../../testdata/cnode/amp_nodes.c", "../../cnode/testdata/liar.c"} {
		path := filepath.Join(work, strings.TrimSuffix(filepath.Base(source), ".c")+".so")
		out, err := exec.Command(cc[0], append(cc[1:], "-std=gnu99", "-shared", "-fPIC", "-O2", "-I..", "-o", path, source, "-lm")...).CombinedOutput()
		require.NoError(t, err, "%s", out)
		paths = append(paths, path)
	}
	cmd := exec.Command(compile(t, dir, program{file: "process.c"}), paths...)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "DYLD_LIBRARY_PATH="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// What the example host plays is what the command renders, to the last bit of
// the files.
func TestPlayerPlaysWhatIsRendered(t *testing.T) {
	dir, work := libraries(t), t.TempDir()
	graph, in, played, rendered := filepath.Join(work, "graph.json"), filepath.Join(work, "in.wav"), filepath.Join(work, "played.wav"), filepath.Join(work, "rendered.wav")
	require.NoError(t, os.WriteFile(graph, []byte(`{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "lfo", "type": "LFONode", "params": {"rate_hz": 3}},
		{"name": "drive", "type": "TanhNode", "oversample_ratio": 4, "params": {"drive": {"value": 4, "learn": true}}},
		{"name": "echo", "type": "GainNode", "gather": "sum", "params": {"gain": {"value": 0.6, "learn": true}}},
		{"name": "mix", "type": "MixNode", "gather": "sum"}],
		"edges": [{"source": "in", "target": "drive"}, {"source": "drive", "target": "mix"}, {"source": "drive", "target": "echo"},
		{"source": "echo", "target": "echo", "delay_frames": 331}, {"source": "lfo", "target": "echo.gain", "scale": 0.2}, {"source": "echo", "target": "mix"}], "output": "mix"}`), 0o600))
	rows := [][]float64{make([]float64, 20001), make([]float64, 20001)}
	for n := range rows[0] {
		rows[0][n], rows[1][n] = math.Sin(float64(n)*0.03), math.Sin(float64(n*n)*1e-6)
	}
	_, err := wav.Write(in, 44100, rows, wav.Float32)
	require.NoError(t, err)
	out, err := exec.Command("go", "run", "ampfit/cmd/ampfit", "render", graph, "-i", in, "-o", rendered, "--keep-latency").CombinedOutput()
	require.NoError(t, err, "%s", out)
	cmd := exec.Command(compile(t, dir, program{file: "player.c"}), graph, in, played)
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+dir, "DYLD_LIBRARY_PATH="+dir, "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err = cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	want, err := wav.Read(rendered)
	require.NoError(t, err)
	got, err := wav.Read(played)
	require.NoError(t, err)
	require.Equal(t, want.Rows(), got.Rows())
	require.NotZero(t, got.Rows()[0][20000])
}

// compile builds a program and returns its path.
func compile(t *testing.T, dir string, p program, flags ...string) string {
	library, std := "amp", []string{"-std=c99"}
	compiler := compilerOf("CC")
	if strings.HasSuffix(p.file, ".cpp") {
		compiler, std = compilerOf("CXX"), []string{"-std=c++17"}
		if _, err := exec.LookPath(compiler[0]); err != nil {
			t.Skipf("no C++ compiler (%s)", compiler[0])
		}
	}
	if p.tag != "" {
		library, std = "amp_"+p.tag, append(std, "-DAMP_"+strings.ToUpper(p.tag))
	}
	exe := filepath.Join(t.TempDir(), "program.exe")
	args := append(append(compiler[1:], std...), flags...)
	args = append(args, "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-I..", filepath.Join("testdata", p.file), "-o", exe)
	if p.own {
		args = append(args, "-ldl", "-lm")
	} else {
		args = append(args, "-L"+dir, "-l"+library, "-lm")
	}
	if runtime.GOOS != "darwin" { // its C library has threads
		args = append(args, "-pthread")
	}
	out, err := exec.Command(compiler[0], args...).CombinedOutput()
	require.NoError(t, err, "%s %s\n%s", compiler[0], strings.Join(args, " "), out)
	require.Empty(t, string(out))
	return exe
}

// compilerOf returns the compiler that cgo uses.
func compilerOf(name string) []string {
	out, _ := exec.Command("go", "env", name).Output()
	if words := strings.Fields(string(out)); len(words) > 0 {
		return words
	}
	return []string{"cc"}
}

var built struct {
	sync.Once
	dir  string
	err  error
	skip string
}

// libraries builds both libraries once and returns their directory.
func libraries(t *testing.T) string {
	built.Do(func() {
		if _, err := exec.LookPath(compilerOf("CC")[0]); err != nil {
			built.skip = "no C compiler (" + compilerOf("CC")[0] + ") to build the library and its programs with"
			return
		}
		if built.dir, built.err = os.MkdirTemp("", "libamp"); built.err != nil {
			return
		}
		for _, tag := range []string{"", "native"} {
			args := []string{"build", "-buildmode=c-shared", "-o", filepath.Join(built.dir, libraryName("amp", tag))}
			if tag != "" {
				args = append(args, "-tags", tag)
			}
			cmd := exec.Command("go", append(args, "ampfit/abi/libamp")...)
			cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
			if out, err := cmd.CombinedOutput(); err != nil {
				built.err = errors.New(err.Error() + "\n" + string(out))
				return
			}
		}
	})
	if built.skip != "" {
		t.Skip(built.skip)
	}
	require.NoError(t, built.err)
	return built.dir
}

func libraryName(name, tag string) string {
	if tag != "" {
		name += "_" + tag
	}
	switch runtime.GOOS {
	case "windows":
		return "lib" + name + ".dll"
	case "darwin":
		return "lib" + name + ".dylib"
	}
	return "lib" + name + ".so"
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

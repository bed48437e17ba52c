//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/graph"
)

// crashTask is the task of a tone whose graph goes through a node library that
// crashes.
func crashTask(t *testing.T, typ, params string) (dir string) {
	dir = toneTask(t)
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("no C compiler (cc) to build the library with")
	}
	out, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-I../../abi/libamp", "-o", filepath.Join(dir, "crashes.so"), "../../abi/cnode/testdata/crashes.c").CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(filepath.Join(dir, "tone.json"))
	require.NoError(t, err)
	g, err := graph.Parse("", text)
	require.NoError(t, err)
	sink := g.Output.Node.Name
	lib := `{"name": "lib", "type": "` + typ + `", "library": "crashes.so", "supports_v2": true, "params": ` + params + `}`
	s := strings.Replace(string(text), `"nodes": [`, `"nodes": [`+lib+", ", 1)
	s = strings.Replace(s, `"edges": [`, `"edges": [{"source": "`+sink+`", "target": "lib"}, `, 1)
	require.NotEqual(t, string(text), s)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "crash.json"), []byte(s), 0o600))
	return dir
}

// A library that crashes, in a forward or a backward call, ends the fit with its
// name and that of the node, and the best so far is there.
func TestIsolatedCrashKeepsTheBest(t *testing.T) {
	ways := map[string]bool{}
	for _, call := range []string{"700", "708"} { // a gradient makes 8 calls of each kind
		dir := crashTask(t, "Segv", `{"total_call": `+call+`}`)
		c := process(t, dir, "target.wav", "crash.json", "-i", "dry.wav", "--optimizer", "adam", "--steps", "100000", "--isolate", "--quiet")
		out, err := c.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, exitFailed, c.ProcessState.ExitCode(), "%s", out)
		require.Contains(t, string(out), "ampfit: crashes.so: node lib: the library crashes (SIGSEGV, segmentation violation, at address 0x0) in a ")
		ways[strings.Fields(strings.SplitN(string(out), "in a ", 2)[1])[0]] = true
		require.Contains(t, string(out), "; the best so far is in target.fit")
		require.Len(t, files(t, filepath.Join(dir, "target.fit")), 7)
		s := readSummary(t, filepath.Join(dir, "target.fit"))
		require.Less(t, *s.Loss.Final, *s.Loss.Initial)
	}
	require.Equal(t, map[string]bool{"forward": true, "backward": true}, ways)
}

// Without a first loss there is nothing to keep.
func TestIsolatedCrashAtOnce(t *testing.T) {
	dir := crashTask(t, "Abort", `{"forward_call": 2}`)
	for _, args := range [][]string{{"target.wav", "crash.json", "-i", "dry.wav"}, {"render", "crash.json", "-i", "dry.wav", "-o", "out.wav"}, {"check", "crash.json", "-i", "dry.wav"}} {
		c := process(t, dir, append(args, "--isolate")...)
		out, err := c.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, exitFailed, c.ProcessState.ExitCode(), "%s", out)
		require.Contains(t, string(out), "ampfit: crashes.so: node lib: the library crashes (SIGABRT, abort) in a forward call")
		require.NoDirExists(t, filepath.Join(dir, "target.fit"))
		require.NoFileExists(t, filepath.Join(dir, "out.wav"))
	}
}

// Libraries run in a process of their own unless they are trusted: whatever they
// do there ends with their name and the exit code of a failure.
func TestLibrariesAreIsolatedByDefault(t *testing.T) {
	for typ, says := range map[string]string{
		"Leave":  "ends its process (exit status 0)",
		"Segv":   "crashes (SIGSEGV, segmentation violation, at address 0x0)",
		"FarOff": `reads or writes past the end of the buffer "out"`,
		"Flood":  "floods its standard output",
	} {
		dir := crashTask(t, typ, `{"forward_call": 3}`)
		for _, args := range [][]string{{"target.wav", "crash.json", "-i", "dry.wav"}, {"render", "crash.json", "-i", "dry.wav", "-o", "out.wav"}, {"render", "crash.json", "-i", "dry.wav", "-o", "out.wav", "--isolate"}} {
			c := process(t, dir, args...)
			out, err := c.CombinedOutput()
			require.Error(t, err)
			require.Equal(t, exitFailed, c.ProcessState.ExitCode(), "%s", out)
			require.Contains(t, string(out), "ampfit: crashes.so: node lib: the library "+says)
			require.Less(t, len(out), 100<<10)
			require.NoFileExists(t, filepath.Join(dir, "out.wav"))
		}
	}
	// A sound one gives the same bits within the process.
	dir := crashTask(t, "Segv", "{}")
	for _, args := range [][]string{{"-o", "a.wav"}, {"-o", "b.wav", "--in-process"}} {
		out, err := process(t, dir, append([]string{"render", "crash.json", "-i", "dry.wav"}, args...)...).CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	a, err := os.ReadFile(filepath.Join(dir, "a.wav"))
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(dir, "b.wav"))
	require.NoError(t, err)
	require.Equal(t, a, b)
	c := process(t, dir, "render", "crash.json", "-i", "dry.wav", "--in-process", "--isolate")
	out, err := c.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, exitUsage, c.ProcessState.ExitCode(), "%s", out)
	require.Contains(t, string(out), "leave one out")
}

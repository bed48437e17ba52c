package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ampfit/optim"

	"github.com/stretchr/testify/require"
)

// fullDisk takes no byte.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

// Commands that printed line by line passed for done when nothing was printed.
func TestResultsThatCannotBePrinted(t *testing.T) {
	dir := toneTask(t)
	target := filepath.Join(dir, "target.wav")
	graph := write(t, dir, "n.json", `{"nodes": [{"name": "n", "type": "SineOscillatorNode"}]}`)
	for _, args := range [][]string{
		{"loss", target, target}, {"loss", "--json", target, target}, {"check", graph}, {"graph", graph}, {"nodes"}, {"schema"}, {"--help"},
		{"render", graph, "-o", filepath.Join(dir, "n.wav"), "--duration", "10ms"},
		fitArgs(dir, "--steps", "1", "--quiet"), fitArgs(dir, "--steps", "1", "--quiet", "--json"),
	} {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			var errout bytes.Buffer
			require.Equal(t, exitFailed, execute(context.Background(), args, fullDisk{}, &errout))
			require.Equal(t, 1, strings.Count(errout.String(), "the results could not be printed: no space left on device\n"), errout.String())
		})
	}
}

// Reading a pipe that nobody writes to held Ctrl-C up.
func TestInterruptWhileReading(t *testing.T) {
	dir := toneTask(t)
	graph, target := filepath.Join(dir, "tone.json"), filepath.Join(dir, "target.wav")
	pipe := silentPipe(t, dir)
	for _, args := range [][]string{
		{"loss", pipe, target}, {"graph", pipe}, {"render", pipe}, {"check", graph, "-i", pipe}, {pipe, graph, "-i", target}, {target, pipe},
	} {
		t.Run(strings.Join(args[:1], " "), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
			defer cancel()
			done := make(chan result, 1)
			go func() { done <- ampfitContext(ctx, args...) }()
			select {
			case r := <-done:
				require.Equal(t, exitInterrupted, r.code, r.errout)
				require.Equal(t, "ampfit: interrupted\n", r.errout)
			case <-time.After(30 * time.Second):
				t.Fatal("it still waits for the pipe")
			}
		})
	}
	require.NoFileExists(t, filepath.Join(dir, "target.fit"))
}

// The warning named its file twice.
func TestWarningNamesItsFileOnce(t *testing.T) {
	dir := toneTask(t)
	path := filepath.Join(dir, "target.wav")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, data[:len(data)-1000], 0o644))
	r := ok(t, "loss", path, path, "--json")
	require.Equal(t, 2, strings.Count(r.errout, path), r.errout) // A and B
}

// Everything that happens before the first step was printed as step 0 again.
func TestProgressPrintsALineNowAndThen(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out, false)
	for range 9 {
		p.tell(optim.Progress{Loss: 0.5, Best: 0.5})
	}
	require.Equal(t, "step 0: loss 0.50000 after 0.0 s\n", out.String())
}

// A file without end was read until the memory ran out.
func TestGraphWithoutEnd(t *testing.T) {
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip("there is no /dev/zero here")
	}
	r := ampfit(t, "graph", "/dev/zero")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "/dev/zero: more bytes than a graph file has (at most 67108864)")
}

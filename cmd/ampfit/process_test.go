//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is the program as a process of its own, in a directory.
func process(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	c := exec.Command(self, args...)
	c.Dir, c.Env = dir, append(os.Environ(), "AMPFIT_TEST_PROCESS=1")
	return c
}

// Ctrl-C ends a running fit with what it has.
func TestInterruptKeepsTheBest(t *testing.T) {
	dir := toneTask(t)
	c := process(t, dir, "target.wav", "tone.json", "-i", "dry.wav", "--optimizer", "adam", "--steps", "1000000000")
	errout, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	watchdog := time.AfterFunc(time.Minute, func() { _ = c.Process.Kill() }) // a hang is a failure, not a wait
	defer watchdog.Stop()
	last := ""
	for lines := bufio.NewScanner(errout); lines.Scan(); {
		last = lines.Text()
		if strings.HasPrefix(last, "step 0: loss") {
			require.NoError(t, c.Process.Signal(os.Interrupt))
		}
	}
	_ = c.Wait() // its exit code says it
	require.Equal(t, exitInterrupted, c.ProcessState.ExitCode(), last)
	require.Equal(t, "ampfit: interrupted; the best so far is in target.fit", last)
	require.Len(t, files(t, filepath.Join(dir, "target.fit")), 7)
	s := readSummary(t, filepath.Join(dir, "target.fit"))
	require.LessOrEqual(t, *s.Loss.Final, *s.Loss.Initial)
}

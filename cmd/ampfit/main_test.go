package main

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ampfit/internal/wav"

	"github.com/stretchr/testify/require"
)

// result is what a run of the program leaves behind.
type result struct {
	code        int
	out, errout string
}

// ampfit runs the program in this process.
func ampfit(t *testing.T, args ...string) result {
	t.Helper()
	return ampfitContext(context.Background(), args...)
}

func ampfitContext(ctx context.Context, args ...string) result {
	var out, errout bytes.Buffer
	code := execute(ctx, args, &out, &errout)
	return result{code, out.String(), errout.String()}
}

// ok runs the program and expects success.
func ok(t *testing.T, args ...string) result {
	t.Helper()
	r := ampfit(t, args...)
	require.Zero(t, r.code, "ampfit %s\n%s", strings.Join(args, " "), r.errout)
	return r
}

// write makes a file in a directory and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

// writeWav makes a WAV file of channels and returns its path.
func writeWav(t *testing.T, dir, name string, rate int, rows ...[]float64) string {
	t.Helper()
	path := filepath.Join(dir, name)
	_, err := wav.Write(path, rate, rows, wav.Float32)
	require.NoError(t, err)
	return path
}

// noise is seeded, at about -12 dB.
func noise(frames int) []float64 {
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float64, frames)
	for n := range x {
		x[n] = 0.25 * r.NormFloat64()
	}
	return x
}

// sine has a frequency in turns per frame.
func sine(frames int, turns float64) []float64 {
	x := make([]float64, frames)
	for n := range x {
		x[n] = 0.5 * math.Sin(2*math.Pi*turns*float64(n))
	}
	return x
}

// toneGraph is a gain and a filter, with a start that is wrong.
const toneGraph = `{
  "descriptor_version": 2,
  "nodes": [
    {"name": "dry", "type": "InputNode"},
    {"name": "tone", "type": "OnePoleNode", "params": {"cutoff_hz": {"value": 300, "learn": true}}},
    {"name": "level", "type": "GainNode", "params": {"gain": {"value": 1, "learn": true}}}
  ],
  "edges": [
    {"source": "dry", "target": "tone"},
    {"source": "tone", "target": "level"}
  ]
}
`

const (
	toneCutoff = 1500.0
	toneGain   = 0.5
)

// toneTask is a directory with dry.wav, tone.json, and target.wav, which the
// graph makes with toneCutoff and toneGain.
func toneTask(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "tone.json", toneGraph)
	truth := strings.NewReplacer(`"value": 300`, `"value": 1500`, `"value": 1,`, `"value": 0.5,`).Replace(toneGraph)
	write(t, dir, "truth.json", truth)
	writeWav(t, dir, "dry.wav", 16000, noise(8000))
	ok(t, "render", filepath.Join(dir, "truth.json"), "-i", filepath.Join(dir, "dry.wav"), "-o", filepath.Join(dir, "target.wav"))
	return dir
}

// fitArgs are the arguments of a fit of the toneTask, followed by more.
func fitArgs(dir string, more ...string) []string {
	return append([]string{filepath.Join(dir, "target.wav"), filepath.Join(dir, "tone.json"), "-i", filepath.Join(dir, "dry.wav")}, more...)
}

// files lists a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

package main

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"ampfit/abi"
	"ampfit/graph"
	"ampfit/internal/nodedoc"
	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

// The program alone shows its help, which has all losses and optimizers.
func TestAloneShowsHelp(t *testing.T) {
	r := ok(t)
	require.Equal(t, ok(t, "--help").out, r.out)
	for _, l := range loss.Names() {
		require.Contains(t, r.out, "\n  "+l[0]+" ")
		require.Contains(t, r.out, l[1])
	}
	require.Contains(t, r.out, "\n  neldermead ")
}

// A word that is no type is looked for in names, documentation and parameters.
func TestNodesSearches(t *testing.T) {
	r := ok(t, "nodes", "saw")
	require.Contains(t, r.out, "OscNode")
	require.NotContains(t, r.out, "GainNode")
	require.Contains(t, ok(t, "nodes", "decay").out, "ModalNode", "a role")
	first := strings.Split(ok(t, "nodes", "delay").out, "\n")[1]
	require.Contains(t, first, "Delay", "names come first")
	require.Equal(t, exitUsage, ampfit(t, "nodes", "LowpasNode").code)
}

// The line that shows where keys go is one of a graph.
func TestNodesShowsWhereKeysGo(t *testing.T) {
	require.Contains(t, ok(t, "nodes", "OscNode").out, `"config": {"wave": "sine"}, "params": {`)
	for _, typ := range abi.Types() {
		line := nodedoc.Places(typ)
		if line == "" {
			continue
		}
		_, err := graph.Parse("", []byte(`{"nodes": [`+line+`]}`))
		require.NoError(t, err, typ.Name)
	}
}

// A long vector is one row, not one for each of its values.
func TestLongVectorIsOneRow(t *testing.T) {
	dir := t.TempDir()
	in := noise(4000)
	taps := make([]float64, len(in))
	for n := range taps {
		taps[n] = 0.5 * in[n]
	}
	writeWav(t, dir, "dry.wav", 16000, in)
	writeWav(t, dir, "target.wav", 16000, taps)
	write(t, dir, "tone.json", `{"nodes": [{"name": "in", "type": "InputNode"}, {"name": "f", "type": "FIRNode", "params": {"taps": {"value": [`+strings.Repeat("0.01, ", 39)+`0.01], "learn": true}}}],
		"edges": [{"source": "in", "target": "f"}]}`)
	r := ok(t, filepath.Join(dir, "target.wav"), filepath.Join(dir, "tone.json"), "-i", filepath.Join(dir, "dry.wav"), "--quiet")
	require.Equal(t, 1, strings.Count(r.out, "f.taps"), r.out)
	require.Regexp(t, `f\.taps\[0…39\] +0\.010000 … 0\.010000 +0\.50000 … .*40 values, mean 0\.0125`, r.out)
}

// The digits of a value follow its error.
func TestValueWithin(t *testing.T) {
	for _, tc := range []struct {
		value, err float64
		want       string
	}{
		{14213.4567, 500, "14213"}, {14213.4567, 0.031, "14213.457"}, {14213.4567, 3.1e-14, "14213.45670"}, {0.123456789, 0.02, "0.123"},
		{-0.5, 1e-9, "-0.5000000000"}, {2e-7, 1e-9, "2.0000e-07"}, {3, 0, "3.0000"},
	} {
		require.Equal(t, tc.want, valueWithin(tc.value, tc.err))
	}
	require.Equal(t, "?", errorBar(math.NaN(), true))
	require.Equal(t, "–", errorBar(math.NaN(), false))
}

// A graph that hears nothing and names no rate is rendered at the one that is asked for.
func TestRenderAtARate(t *testing.T) {
	dir := t.TempDir()
	graph := write(t, dir, "n.json", `{"nodes": [{"name": "n", "type": "SineOscillatorNode"}]}`)
	out := filepath.Join(dir, "n.wav")
	require.Contains(t, ok(t, "render", graph, "-o", out, "--duration", "1s").out, "48000 frames")
	require.Contains(t, ok(t, "render", graph, "-o", out, "--duration", "1s", "--rate", "22050").out, "22050 frames, 1 channel, 22050 Hz")
	fixed := write(t, dir, "f.json", `{"sample_rate": 44100, "nodes": [{"name": "n", "type": "SineOscillatorNode"}]}`)
	r := ampfit(t, "render", fixed, "-o", out, "--rate", "48000")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "--rate 48000: "+fixed+` runs at 44100 Hz; leave --rate out, or change "sample_rate" there`)
	in := write(t, dir, "in.json", `{"nodes": [{"name": "n", "type": "InputNode"}]}`)
	r = ampfit(t, "render", in, "-o", out, "-i", writeWav(t, dir, "dry.wav", 16000, noise(100)), "--rate", "48000")
	require.Contains(t, r.errout, "dry.wav has 16000 Hz; leave --rate out, or convert the recording")
	require.Contains(t, ampfit(t, "render", graph, "--rate", "0").errout, "--rate 0: allowed are 1 to 10000000 Hz")
}

// A plate has more than 4096 modes.
func TestRenderAPlate(t *testing.T) {
	dir := t.TempDir()
	plate := write(t, dir, "plate.json", `{"nodes": [{"name": "m", "type": "ModalNode", "config": {"modes": 27000, "excitation": "impulse"}}]}`)
	require.Contains(t, ok(t, "render", plate, "-o", filepath.Join(dir, "p.wav"), "--duration", "20ms").out, "960 frames")
}

// The beginning is left out of the loss and of the metrics.
func TestSkip(t *testing.T) {
	dir := toneTask(t)
	a := ok(t, fitArgs(dir, "--quiet", "--skip", "100ms")...)
	require.Less(t, *readSummary(t, filepath.Join(dir, "target.fit")).Loss.Final, 1e-10, a.out)
	r := ampfit(t, fitArgs(dir, "--skip", "1h")...)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "target.wav has only 0.5 s; leave out less")
	require.Contains(t, ampfit(t, fitArgs(dir, "--skip", "-1s")...).errout, "--skip -1s: a time above 0 is needed")
}

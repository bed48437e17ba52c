package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ampfit/internal/wav"

	"github.com/stretchr/testify/require"
)

// summary is the documented shape of summary.json; what is null is nil.
type summary struct {
	Verdict struct {
		Grade   string   `json:"grade"`
		Text    string   `json:"text"`
		Reason  string   `json:"reason"`
		Next    string   `json:"next"`
		Measure string   `json:"measure"`
		Fit     *float64 `json:"fit"`
		Silence *float64 `json:"silence"`
		Gain    *float64 `json:"best_gain"`
		Filter  *float64 `json:"best_filter"`
	} `json:"verdict"`
	Notes []string `json:"notes"`
	Loss  struct {
		Name    string   `json:"name"`
		Initial *float64 `json:"initial"`
		Final   *float64 `json:"final"`
	} `json:"loss"`
	Metrics struct {
		ESR    *float64 `json:"esr"`
		MRSTFT *float64 `json:"mrstft"`
		MSE    *float64 `json:"mse"`
		SISDR  *float64 `json:"si_sdr_db"`
	} `json:"metrics"`
	Params []struct {
		Node    string   `json:"node"`
		Param   string   `json:"param"`
		Initial float64  `json:"initial"`
		Value   float64  `json:"value"`
		StdErr  *float64 `json:"std_err"`
		Unit    string   `json:"unit"`
		Learned bool     `json:"learned"`
	} `json:"params"`
	Heat        map[string]float64 `json:"heat"`
	Steps       int                `json:"steps"`
	Seconds     float64            `json:"seconds"`
	Seed        uint64             `json:"seed"`
	Unsupported []string           `json:"unsupported"`
	Stages      []struct {
		Name        string   `json:"name"`
		Ran         bool     `json:"ran"`
		Why         string   `json:"why"`
		Loss        string   `json:"loss"`
		Evaluations int      `json:"evaluations"`
		Before      *float64 `json:"before"`
		After       *float64 `json:"after"`
	} `json:"stages"`
}

// parseSummary refuses keys that are not documented.
func parseSummary(t *testing.T, text []byte) summary {
	t.Helper()
	var s summary
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&s), "%s", text)
	return s
}

func readSummary(t *testing.T, dir string) summary {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	require.NoError(t, err)
	return parseSummary(t, text)
}

func TestFitFindsTheTruth(t *testing.T) {
	dir := toneTask(t)
	r := ok(t, fitArgs(dir)...)
	out := filepath.Join(dir, "target.fit")
	require.ElementsMatch(t, []string{"graph.json", "fit.wav", "summary.json", "history.csv", "loss.png", "heat.png", "report.html"}, files(t, out))
	require.Contains(t, r.out, "tone.cutoff_hz")
	require.Contains(t, r.out, "1500.0")
	require.Contains(t, r.errout, "step 0: loss ", "a line of progress where there is no terminal")

	s := readSummary(t, out)
	require.Equal(t, "esr", s.Loss.Name, "the loss with -i")
	ran := 0
	for _, stage := range s.Stages {
		require.NotEmpty(t, stage.Why, stage.Name)
		require.Equal(t, "esr", stage.Loss)
		if !stage.Ran {
			require.Nil(t, stage.Before, stage.Name)
			continue
		}
		ran += stage.Evaluations
		require.LessOrEqual(t, *stage.After, *stage.Before, stage.Name)
	}
	require.Positive(t, ran)
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "What the search did")
	require.Less(t, *s.Loss.Final, 1e-10)
	require.Less(t, *s.Metrics.ESR, 1e-10)
	require.NotNil(t, s.Metrics.MRSTFT)
	require.NotNil(t, s.Metrics.SISDR)
	require.NotNil(t, s.Metrics.MSE)
	require.Len(t, s.Heat, 3)
	require.Positive(t, s.Steps)
	require.Positive(t, s.Seconds)
	require.NotNil(t, s.Unsupported)
	learned := map[string]float64{}
	for _, p := range s.Params {
		if p.Learned {
			learned[p.Node+"."+p.Param] = p.Value
			require.NotNil(t, p.StdErr, p.Param)
		} else {
			require.Nil(t, p.StdErr, "no error is known of %s, which was held", p.Param)
			require.Equal(t, p.Initial, p.Value)
		}
	}
	require.Len(t, learned, 2)
	// float32 files round at 6e-8 of the sample; the values come back far better than 1e-4.
	require.InEpsilon(t, toneCutoff, learned["tone.cutoff_hz"], 1e-4)
	require.InEpsilon(t, toneGain, learned["level.gain"], 1e-4)
}

func TestFittedGraphRendersTheSameSound(t *testing.T) {
	dir := toneTask(t)
	ok(t, fitArgs(dir, "-o", filepath.Join(dir, "out"))...)
	again := filepath.Join(dir, "again.wav")
	ok(t, "render", filepath.Join(dir, "out", "graph.json"), "-i", filepath.Join(dir, "dry.wav"), "-o", again)
	a, err := wav.Read(filepath.Join(dir, "out", "fit.wav"))
	require.NoError(t, err)
	b, err := wav.Read(again)
	require.NoError(t, err)
	require.Equal(t, a.Rows(), b.Rows())
	for _, name := range []string{"loss.png", "heat.png"} {
		png, err := os.ReadFile(filepath.Join(dir, "out", name))
		require.NoError(t, err)
		require.True(t, bytes.HasPrefix(png, []byte("\x89PNG")), name)
	}
	page, err := os.ReadFile(filepath.Join(dir, "out", "report.html"))
	require.NoError(t, err)
	require.NotRegexp(t, regexp.MustCompile(`(src|href)="https?:`), string(page), "the page loads nothing")
	history, err := os.ReadFile(filepath.Join(dir, "out", "history.csv"))
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(history), "step,loss,best,grad_norm,seconds,"))
}

// A synthesiser has no dry signal and is compared by its spectrum.
func TestFitOfASynthesiser(t *testing.T) {
	dir := t.TempDir()
	target := writeWav(t, dir, "tone.wav", 16000, sine(4000, 0.03))
	graph := write(t, dir, "synth.json", `{"nodes": [{"name": "osc", "type": "SineOscillatorNode", "params": {
		"frequency": 480, "amplitude": {"value": 0.3, "learn": true}}}]}`)
	ok(t, target, graph, "--quiet")
	s := readSummary(t, filepath.Join(dir, "tone.fit"))
	require.Equal(t, "mrstft(512/1024/2048, hop=n/4, floor=0.0001)", s.Loss.Name)
	for _, p := range s.Params {
		if p.Param == "amplitude" {
			require.InDelta(t, 0.5, p.Value, 0.01) // the loss has a flat floor, as the phase is not learned
		}
	}
}

func TestFitPrintsJSON(t *testing.T) {
	dir := toneTask(t)
	r := ok(t, fitArgs(dir, "--json", "--quiet", "--seed", "7")...)
	s := parseSummary(t, []byte(r.out))
	require.EqualValues(t, 7, s.Seed)
	text, err := os.ReadFile(filepath.Join(dir, "target.fit", "summary.json"))
	require.NoError(t, err)
	require.Equal(t, string(text), r.out)
	require.Empty(t, r.errout, "--quiet leaves nothing to say")
}

func TestFitRepeats(t *testing.T) {
	dir := toneTask(t)
	var waves [2][]byte
	for i, out := range []string{"a", "b"} {
		ok(t, fitArgs(dir, "-o", filepath.Join(dir, out), "--seed", "3", "--quiet")...)
		var err error
		waves[i], err = os.ReadFile(filepath.Join(dir, out, "fit.wav"))
		require.NoError(t, err)
	}
	require.Equal(t, waves[0], waves[1])
}

// An interrupted fit writes the best so far.
func TestFitInterrupted(t *testing.T) {
	dir := toneTask(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := ampfitContext(ctx, fitArgs(dir)...)
	require.Equal(t, exitInterrupted, r.code, r.errout)
	out := filepath.Join(dir, "target.fit")
	require.Contains(t, r.errout, "interrupted; the best so far is in "+out)
	require.Len(t, files(t, out), 7)
	readSummary(t, out)
	require.NotContains(t, r.errout, "context")
}

func TestFitTimeLimit(t *testing.T) {
	dir := toneTask(t)
	r := ampfit(t, fitArgs(dir, "--time-limit", "1ns")...)
	require.Equal(t, exitFailed, r.code, "it came to nothing")
	require.Contains(t, r.errout, "the fit is no better than silence or a gain")
	require.Contains(t, r.out, "failed fit: esr")
	require.Contains(t, r.out, "ended by --time-limit")
	require.Len(t, files(t, filepath.Join(dir, "target.fit")), 7)
}

func TestFitLearnAndFreeze(t *testing.T) {
	dir := toneTask(t)
	for _, tc := range []struct {
		name  string
		flags []string
		want  []string
	}{
		{"what the file marks", nil, []string{"tone.cutoff_hz", "level.gain"}},
		{"learn", []string{"--learn", "level.gain"}, []string{"level.gain"}},
		{"freeze", []string{"--freeze", "level.gain"}, []string{"tone.cutoff_hz"}},
		{"both", []string{"--learn", "level.gain,tone.cutoff_hz", "--freeze", "tone.cutoff_hz"}, []string{"level.gain"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ok(t, fitArgs(dir, append(tc.flags, "--quiet", "--optimizer", "lbfgs", "--steps", "1")...)...)
			var got []string
			for _, p := range readSummary(t, filepath.Join(dir, "target.fit")).Params {
				if p.Learned {
					got = append(got, p.Node+"."+p.Param)
				} else {
					require.Equal(t, p.Initial, p.Value, p.Param)
				}
			}
			require.ElementsMatch(t, tc.want, got)
		})
	}
}

// Nothing can be learned through a quantizer, which has no slope.
func TestFitStrict(t *testing.T) {
	dir := toneTask(t)
	graph := strings.NewReplacer(
		`"gain": {"value": 1, "learn": true}}}`, `"gain": 1}}, {"name": "crush", "type": "QuantizerNode"}`,
		`{"source": "tone", "target": "level"}`, `{"source": "tone", "target": "level"}, {"source": "level", "target": "crush"}`,
	).Replace(toneGraph)
	write(t, dir, "tone.json", graph)
	r := ampfit(t, fitArgs(dir, "--strict")...)
	require.Equal(t, exitFailed, r.code, r.errout)
	require.Contains(t, r.errout, "ampfit: --strict: no gradient reaches tone.cutoff_hz (behind crush, which has no adjoint)")
	require.NoDirExists(t, filepath.Join(dir, "target.fit"))

	r = ok(t, fitArgs(dir, "--optimizer", "lbfgs", "--steps", "2")...)
	require.Contains(t, r.errout, "note: no gradient reaches tone.cutoff_hz")
	require.Equal(t, []string{"crush"}, readSummary(t, filepath.Join(dir, "target.fit")).Unsupported)
}

// Every optimizer takes the graph, and every loss of the help does.
func TestFitOptimizersAndLosses(t *testing.T) {
	dir := toneTask(t)
	help := ok(t, "--help").out
	names := regexp.MustCompile(`how to minimise: (.*?) \(default`).FindStringSubmatch(help)
	require.NotNil(t, names, help)
	for _, name := range strings.Split(names[1], ", ") {
		t.Run(name, func(t *testing.T) {
			ok(t, fitArgs(dir, "--optimizer", name, "--steps", "3", "--quiet")...)
			s := readSummary(t, filepath.Join(dir, "target.fit"))
			require.LessOrEqual(t, *s.Loss.Final, *s.Loss.Initial)
		})
	}
	if testing.Short() {
		return
	}
	for _, name := range []string{"mrstft + 0.1*esr", "mse", "mrstft(128/256, hop=n/4)"} {
		t.Run(name, func(t *testing.T) {
			ok(t, fitArgs(dir, "--loss", name, "--steps", "3", "--quiet")...)
		})
	}
}

// The recordings are never overwritten.
func TestFitDoesNotOverwriteItsRecordings(t *testing.T) {
	dir := toneTask(t)
	require.NoError(t, os.Rename(filepath.Join(dir, "target.wav"), filepath.Join(dir, "fit.wav")))
	before := files(t, dir)
	r := ampfit(t, filepath.Join(dir, "fit.wav"), filepath.Join(dir, "tone.json"), "-i", filepath.Join(dir, "dry.wav"), "-o", dir)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "would be written over this recording")
	require.Equal(t, before, files(t, dir))
}

func TestDryIsPaddedOrCut(t *testing.T) {
	dir := toneTask(t)
	writeWav(t, dir, "dry.wav", 16000, noise(9000))
	r := ok(t, fitArgs(dir, "--optimizer", "lbfgs", "--steps", "1")...)
	require.Contains(t, r.errout, "is 1000 frames longer than the run and was cut")
	writeWav(t, dir, "dry.wav", 16000, noise(7000))
	ok(t, fitArgs(dir, "--optimizer", "lbfgs", "--steps", "1")...)
	a, err := wav.Read(filepath.Join(dir, "target.fit", "fit.wav"))
	require.NoError(t, err)
	require.Equal(t, 8000, a.Frames())
}

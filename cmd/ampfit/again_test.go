package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// historyOf reads the lines of a history after its head.
func historyOf(t *testing.T, dir string) (head []string, rows [][]string) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "history.csv"))
	require.NoError(t, err)
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	require.NoError(t, err)
	return all[0], all[1:]
}

func number64(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	require.NoError(t, err)
	return v
}

// A fit that is resumed begins where the first one ended, and its history goes on.
func TestResume(t *testing.T) {
	dir := toneTask(t)
	out := filepath.Join(dir, "target.fit")
	ok(t, fitArgs(dir, "--optimizer", "adam", "--steps", "5")...)
	first := readSummary(t, out)
	_, before := historyOf(t, out)
	r := ok(t, fitArgs(dir, "--optimizer", "adam", "--steps", "5", "--resume")...)
	require.Contains(t, r.errout, "note: resumed after step ")
	second := readSummary(t, out)
	_, after := historyOf(t, out)
	require.Equal(t, before, after[:len(before)], "the history is kept")
	require.Greater(t, len(after), len(before)+3)
	for i := 1; i < len(after); i++ {
		require.Greater(t, number64(t, after[i][0]), number64(t, after[i-1][0]), "steps are counted on")
		require.GreaterOrEqual(t, number64(t, after[i][4]), number64(t, after[i-1][4]), "seconds, too")
	}
	require.InEpsilon(t, *first.Loss.Final, number64(t, after[len(before)][1]), 1e-6, "it begins where the first ended")
	require.Less(t, *second.Loss.Final, *first.Loss.Final)
	require.InEpsilon(t, *first.Loss.Initial, *second.Loss.Initial, 1e-12, "the start is that of the graph")
	require.Greater(t, second.Steps, first.Steps)
	for i, p := range second.Params {
		require.Equal(t, first.Params[i].Initial, p.Initial)
	}
	// To the end, as if it had never stopped.
	ok(t, fitArgs(dir, "--resume", "--quiet")...)
	require.Less(t, *readSummary(t, out).Loss.Final, 1e-10)
}

// The heat beside a loss is taken off its name, however small its weight is.
func TestResumeWithHeat(t *testing.T) {
	dir := toneTask(t)
	for _, weight := range []string{"0.001", "1e-05", "-1e-07"} {
		args := fitArgs(dir, "--loss", "mse + 0.1*esr", "--heat-weight", weight, "--steps", "2", "--quiet", "-o", filepath.Join(dir, weight))
		ok(t, args...)
		name := readSummary(t, filepath.Join(dir, weight)).Loss.Name
		require.Contains(t, name, "*heat")
		ok(t, fitArgs(dir, "--heat-weight", weight, "--steps", "2", "--quiet", "-o", filepath.Join(dir, weight), "--resume")...)
		require.Equal(t, name, readSummary(t, filepath.Join(dir, weight)).Loss.Name)
	}
}

// A loss in dB lies below 0.
func TestResumeBelowZero(t *testing.T) {
	dir := toneTask(t)
	ok(t, fitArgs(dir, "--loss", "snr", "--steps", "1", "--quiet")...)
	before := *readSummary(t, filepath.Join(dir, "target.fit")).Loss.Final
	require.Negative(t, before)
	ok(t, fitArgs(dir, "--steps", "3", "--quiet", "--resume")...)
	require.LessOrEqual(t, *readSummary(t, filepath.Join(dir, "target.fit")).Loss.Final, before)
}

// What cannot be resumed is refused before anything is touched.
func TestResumeRefuses(t *testing.T) {
	dir := toneTask(t)
	r := ampfit(t, fitArgs(dir, "--resume")...)
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "no such file, so there is no earlier fit to resume")

	out := filepath.Join(dir, "target.fit")
	ok(t, fitArgs(dir, "--steps", "2", "--quiet")...)
	before, err := os.ReadFile(filepath.Join(out, "history.csv"))
	require.NoError(t, err)
	other := strings.Replace(toneGraph, `"type": "OnePoleNode", "params": {"cutoff_hz"`, `"type": "LowpassNode", "params": {"cutoff_hz"`, 1)
	renamed := strings.ReplaceAll(toneGraph, `"level"`, `"gain"`)
	delayed := strings.Replace(toneGraph, `"target": "level"`, `"target": "level", "delay_frames": 3`, 1)
	short := writeWav(t, dir, "short.wav", 16000, noise(7000))
	dry, target, tone := filepath.Join(dir, "dry.wav"), filepath.Join(dir, "target.wav"), filepath.Join(dir, "tone.json")
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"another type":   {[]string{target, write(t, dir, "other.json", other)}, `the node "tone" is a OnePoleNode there and a LowpassNode in this graph`},
		"another name":   {[]string{target, write(t, dir, "renamed.json", renamed)}, `node 3 is "level" there and "gain" in this graph`},
		"another edge":   {[]string{target, write(t, dir, "delayed.json", delayed)}, "edge 2 is another one there"},
		"another target": {[]string{short, tone}, "the earlier fit was of another target: it has 8000 frames"},
		"another sound":  {[]string{writeWav(t, dir, "sound.wav", 16000, noise(8000)), tone}, "the target or the dry signal is another"},
		"another loss":   {[]string{target, tone, "--loss", "mse"}, "the earlier fit minimised esr and this one would minimise mse"},
		"other values":   {[]string{target, tone, "--freeze", "level.gain"}, "the earlier fit learned tone.cutoff_hz, level.gain and this one would learn tone.cutoff_hz"},
	} {
		t.Run(name, func(t *testing.T) {
			r := ampfit(t, append(tc.args, "-i", dry, "-o", out, "--resume", "--quiet")...)
			require.Equal(t, exitUsage, r.code)
			require.Contains(t, r.errout, tc.want)
			after, err := os.ReadFile(filepath.Join(out, "history.csv"))
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

// Random starts are listed, repeat with the seed, and the best is kept.
func TestRestarts(t *testing.T) {
	type start struct {
		Values         map[string]float64
		Initial, Final float64
		Steps          int
		Kept           bool
	}
	run := func(t *testing.T, dir string, more ...string) (result, []start, summary) {
		r := ok(t, fitArgs(dir, append([]string{"--optimizer", "adam", "--steps", "12", "--quiet", "--restarts", "3"}, more...)...)...)
		text, err := os.ReadFile(filepath.Join(dir, "target.fit", "summary.json"))
		require.NoError(t, err)
		var s struct {
			Starts []start
			Loss   struct{ Final float64 }
		}
		require.NoError(t, json.Unmarshal(text, &s))
		var all summary
		require.NoError(t, json.Unmarshal(text, &all))
		return r, s.Starts, all
	}
	dir := toneTask(t)
	r, starts, s := run(t, dir)
	require.Len(t, starts, 4)
	require.InEpsilon(t, 300, starts[0].Values["tone.cutoff_hz"], 1e-12, "the first is the graph's")
	kept, low := 0, starts[0].Final
	for _, x := range starts {
		require.LessOrEqual(t, x.Final, x.Initial)
		require.Equal(t, 12, x.Steps)
		if x.Kept {
			kept++
			require.InEpsilon(t, *s.Loss.Final, x.Final, 1e-9)
		}
		low = min(low, x.Final)
	}
	require.Equal(t, 1, kept)
	require.InEpsilon(t, low, *s.Loss.Final, 1e-9)
	require.Contains(t, r.out, "start 1 (the graph's)  ")
	require.Contains(t, r.out, "start 4 (random)  ")
	require.Equal(t, 1, strings.Count(r.out, ", kept"))
	_, rows := historyOf(t, filepath.Join(dir, "target.fit"))
	for i := 1; i < len(rows); i++ {
		require.Greater(t, number64(t, rows[i][0]), number64(t, rows[i-1][0]), "steps are counted through")
	}

	_, again, _ := run(t, dir)
	require.Equal(t, starts, again, "the same seed repeats them")
	_, other, _ := run(t, dir, "--seed", "5")
	require.Equal(t, starts[0], other[0])
	require.NotEqual(t, starts[1].Values, other[1].Values)
	page, err := os.ReadFile(filepath.Join(dir, "target.fit", "report.html"))
	require.NoError(t, err)
	require.Contains(t, string(page), "start 4 (random)")
	require.Equal(t, exitUsage, ampfit(t, fitArgs(dir, "--restarts", "-1")...).code)
}

// A recording that began early or late is brought in step with its dry signal.
func TestAlign(t *testing.T) {
	for name, shift := range map[string]int{"late": 37, "early": -23, "in step": 0} {
		t.Run(name, func(t *testing.T) {
			dir := toneTask(t)
			dry, at := noise(9000), 500 // the target holds what is heard shift frames before
			writeWav(t, dir, "dry.wav", 16000, dry[at:at+8000])
			cue := writeWav(t, dir, "cue.wav", 16000, dry[at-shift:at-shift+8000])
			ok(t, "render", filepath.Join(dir, "truth.json"), "-i", cue, "-o", filepath.Join(dir, "target.wav"))
			r := ok(t, fitArgs(dir, "--align")...)
			text, err := os.ReadFile(filepath.Join(dir, "target.fit", "summary.json"))
			require.NoError(t, err)
			var s struct {
				Align struct {
					Lag   float64 `json:"lag_frames"`
					Shift int     `json:"shift_frames"`
				}
				Loss struct{ Final float64 }
			}
			require.NoError(t, json.Unmarshal(text, &s))
			require.Equal(t, shift, s.Align.Shift)
			require.InDelta(t, shift, s.Align.Lag, 0.5)
			// What is left: the frames of a late target that have no dry signal, and what
			// the filter remembers of before it.
			require.Less(t, s.Loss.Final, 1e-4+1.5*float64(max(shift, 0))/8000)
			if shift != 0 {
				require.Contains(t, r.errout, "note: the target is ")
				ok(t, fitArgs(dir, "--quiet")...)
				text, err = os.ReadFile(filepath.Join(dir, "target.fit", "summary.json"))
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(text, &s))
				require.Greater(t, s.Loss.Final, 0.3, "without it the fit fails")
			}
		})
	}
	dir := toneTask(t)
	synth := write(t, dir, "synth.json", `{"nodes": [{"name": "osc", "type": "SineOscillatorNode"}]}`)
	r := ampfit(t, filepath.Join(dir, "target.wav"), synth, "--align")
	require.Equal(t, exitUsage, r.code)
	require.Contains(t, r.errout, "--align: there is no dry signal")
}

// The phase of an equaliser made the target look two frames early to the plain
// correlation, and the fit that was in step before lost its way.
func TestAlignIsNotLedByAFilter(t *testing.T) {
	if testing.Short() {
		t.Skip("long")
	}
	at := filepath.Join("..", "..", "testdata", "readme")
	out := filepath.Join(t.TempDir(), "out")
	ok(t, filepath.Join(at, "guitar-eq.wav"), filepath.Join(at, "eq.json"), "-i", filepath.Join(at, "guitar.wav"), "-o", out, "--align", "--quiet")
	text, err := os.ReadFile(filepath.Join(out, "summary.json"))
	require.NoError(t, err)
	require.Contains(t, string(text), `"shift_frames": 0`)
	var s struct{ Loss struct{ Final float64 } }
	require.NoError(t, json.Unmarshal(text, &s))
	require.Less(t, s.Loss.Final, 1e-10)
}

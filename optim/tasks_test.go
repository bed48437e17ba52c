package optim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/wav"
	"ampfit/optim"
	"ampfit/optim/loss"

	_ "ampfit/nodes"

	"github.com/stretchr/testify/require"
)

// task is what a folder of fitting tasks says of one.
type task struct {
	Group, Kind, Metric string
	Truth               struct {
		Floor float64 `json:"esr_floor"`
	}
	Cheap struct {
		FIR    float64 `json:"esr_wiener_fir_512"`
		Static float64 `json:"esr_static_curve"`
	} `json:"cheap_peers"`
}

// moving are the tasks whose effect is not linear, or changes with time.
var moving = []string{"tremolo", "overdrive", "cubic", "ringmod", "tubewarmth", "compand", "sc4", "diode", "tubescreamer", "ts9", "tape"}

// limit is the error that a fit of an effect has to reach: a tenth of what the
// best filter or curve reaches where the effect is neither, rounding for digital
// filters, the bilinear transform's error for analog ones.
func (t *task) limit(name string) float64 {
	if t.Truth.Floor > 0 {
		return 1.2 * t.Truth.Floor
	}
	for _, m := range moving {
		if strings.Contains(name, m) {
			return min(t.Cheap.FIR, t.Cheap.Static) / 10
		}
	}
	if t.Group == "spice" || strings.Contains(name, "tonestack") {
		return 1e-4
	}
	return 1e-8
}

// taskSpectra is the spectral distance of the tasks, which hears 80 dB.
const taskSpectra = "mrstft(512/1024/2048, hop=n/4, floor=0.0001, center=0)"

// The graphs of testdata/tasks are fitted to the recordings of a folder of
// tasks, AMPFIT_TASKS, with <name>/target.wav, input.wav and task.json in it.
// AMPFIT_TASK runs the tasks whose name holds that text. Each logs a row: name,
// metric, start, end, goal, whether it was reached.
func TestTasks(t *testing.T) {
	dir := os.Getenv("AMPFIT_TASKS")
	if dir == "" {
		t.Skip("set AMPFIT_TASKS to a folder of fitting tasks")
	}
	files, err := filepath.Glob("../testdata/tasks/*.json")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if !strings.Contains(name, os.Getenv("AMPFIT_TASK")) {
			continue
		}
		t.Run(name, func(t *testing.T) { fitTask(t, file, filepath.Join(dir, name)) })
	}
}

func fitTask(t *testing.T, file, dir string) {
	text, err := os.ReadFile(filepath.Join(dir, "task.json"))
	require.NoError(t, err)
	var about task
	require.NoError(t, json.Unmarshal(text, &about))
	g, err := graph.Load(file)
	require.NoError(t, err)
	target, err := wav.Read(filepath.Join(dir, "target.wav"))
	require.NoError(t, err)
	o := optim.FitOptions{Target: target.Rows(), Rate: float64(target.Rate), Options: run.Options{Threads: 2, Settings: graph.Settings{Audio: adjoint.ReadAudio}}}
	if in, err := wav.Read(filepath.Join(dir, "input.wav")); err == nil {
		o.Input = fitLength(in.Rows(), target.Frames())
	}
	began := time.Now()
	r, err := optim.Fit(context.Background(), g, o)
	require.NoError(t, err)
	judged, start, end, goal := about.judge(t, filepath.Base(dir), r, target)
	verdict := "reached"
	if end > goal {
		verdict = "NOT reached"
	}
	t.Logf("| %s | %s | %.4g | %.4g | %.4g | %s | fitted by %s in %d steps, %.1f s", filepath.Base(dir), judged, start, end, goal, verdict, r.LossName, r.Steps, time.Since(began).Seconds())
	for _, p := range r.Params {
		if p.Learned {
			t.Logf("  %s.%s %v -> %v %s", p.Node, p.Name, brief(p.Initial), brief(p.Value), p.Unit)
		}
	}
	require.LessOrEqual(t, end, goal, judged)
}

// judge returns what a task is judged by, its values at the start and the end,
// and the goal: a third of the start for the spectra of sounds that no graph
// makes exactly.
func (about *task) judge(t *testing.T, name string, r *optim.FitResult, target *wav.Audio) (judged string, start, end, goal float64) {
	judged = "esr"
	if about.Kind == "synth" || about.Metric == "mrstft" {
		judged = taskSpectra
	}
	start, end = metric(t, r.Start, target.Rows(), float64(target.Rate), judged), metric(t, r.Output, target.Rows(), float64(target.Rate), judged)
	if judged == "esr" {
		return judged, start, end, about.limit(name)
	}
	return judged, start, end, start / 3
}

func brief(v []float64) string {
	if len(v) > 4 {
		return fmt.Sprintf("%.4g … (%d)", v[:4], len(v))
	}
	return fmt.Sprintf("%.5g", v)
}

// fitLength pads rows with zeros, or cuts them.
func fitLength(rows [][]float64, n int) [][]float64 {
	out := make([][]float64, len(rows))
	for i := range rows {
		out[i] = make([]float64, n)
		copy(out[i], rows[i])
	}
	return out
}

func metric(t *testing.T, rows, target [][]float64, rate float64, spec string) float64 {
	t.Helper()
	var x, y []float64
	for i, r := range target {
		x, y = append(x, rows[i]...), append(y, r...)
	}
	l, err := loss.Parse(spec, y, len(target), rate)
	require.NoError(t, err)
	return l.Evaluate(nil, x)
}

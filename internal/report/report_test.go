package report_test

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"html"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/internal/report"
	"ampfit/internal/wav"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// amp is a fit as a user would make one: a guitar-like pluck through a drive.
func amp() *report.Fit {
	const rate, frames = 48000, 2 * 48000
	r := rand.New(rand.NewPCG(5, 6))
	rows := make([][]float64, 3)
	for i := range rows {
		rows[i] = make([]float64, frames)
	}
	for n := range frames {
		t := float64(n) / rate
		x := 0.5 * math.Exp(-2*t) * (math.Sin(2*math.Pi*110*t) + 0.5*math.Sin(2*math.Pi*331*t))
		rows[0][n] = x
		rows[1][n] = 0.6*math.Tanh(3*x) + 0.001*r.NormFloat64()
		rows[2][n] = 0.59 * math.Tanh(2.9*x)
	}
	f := &report.Fit{
		TargetName: "guitar.wav", InputName: "dry.wav", GraphName: "amp.json",
		LossName: "mrstft + 0.1*esr", Optimizer: "L-BFGS", Seed: 7, Seconds: 12.34, Stopped: "the gradient is zero to rounding",
		Rate: rate, Input: rows[:1], Target: rows[1:2], Output: rows[2:3],
		HeatNodes:  []string{"tone", "drive", "cab"},
		ValueNames: []string{"tone.freq_hz", "drive.drive"},
		Params: []report.Param{
			{Node: "tone", Name: "freq_hz", Unit: "Hz", Initial: []float64{1000}, Value: []float64{1234.567}, StdErr: []float64{3.21}, Min: 20, Max: 20000, Learned: true},
			{Node: "tone", Name: "gain_db", Unit: "dB", Initial: []float64{0}, Value: []float64{-23.999}, StdErr: []float64{0.04}, Min: -24, Max: 24, Learned: true},
			{Node: "drive", Name: "drive", Initial: []float64{2}, Value: []float64{2.9}, StdErr: []float64{nan}, Min: 0, Max: 100, Learned: true},
			{Node: "drive", Name: "bias", Unit: "V", Initial: []float64{0}, Value: []float64{0.01}, StdErr: []float64{inf}, Min: -1, Max: 1, Learned: true, Note: "only behind a node without an adjoint"},
			{Node: "cab", Name: "taps", Initial: make([]float64, 16), Value: []float64{1, 0.5, 0.2, 0.1, 0, -0.1, -0.2, -0.1, 0, 0.1, 0.05, 0, 0, 0, 0, 0}, Min: -1, Max: 1, Learned: true},
			{Node: "drive", Name: "mix", Initial: []float64{1}, Value: []float64{1}, Min: 0, Max: 1},
		},
		Metrics: []report.Metric{{"esr", 0.52, 0.00131}, {"mrstft", 1.9, 0.21}, {"mse", 1.2e-2, 3.1e-6}, {"si_sdr_db", 2.1, 28.8}},
		Notes:   []string{"amp.json: reverb has no adjoint, so its parameters were not learned: reverb.size, reverb.damp"},
	}
	f.Stages = []report.Stage{
		{Name: "rates", Why: "no rate is learned", Loss: "esr"},
		{Name: "descent", Why: "always", Ran: true, Loss: "esr", Evaluations: 137, Before: 0.52, After: 0.00131},
	}
	for i := range 240 {
		k := float64(i)
		loss := 1.2*math.Exp(-k/30)*(1+0.3*r.Float64()) + 0.003
		f.Steps = append(f.Steps, report.Step{
			Step: i, Loss: loss, Best: loss, GradNorm: loss / 2, Seconds: k / 20,
			Heat:   []float64{0.02 + 0.01*math.Tanh(k/50), 1.5 - 0.5*math.Tanh(k/80), 0.001},
			Values: []float64{1000 + k, 2 + k/240},
		})
	}
	return f
}

func render(t *testing.T, f *report.Fit) string {
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, f))
	return b.String()
}

func TestPage(t *testing.T) {
	f := amp()
	page := render(t, f)
	if path := os.Getenv("REPORT_LOOK"); path != "" { // keeps the page, to be looked at
		require.NoError(t, os.WriteFile(path, []byte(page), 0o666))
	}
	text := plain(page)
	for _, want := range []string{
		"amp.json fitted to guitar.wav",
		"mrstft + 0.1*esr fell from",
		"in 239 steps and 12.3 s of L-BFGS; the gradient is zero to rounding.",
		"1234.6 3.2 Hz 20 … 20000", // never 1.2e+03
		"−23.999 0.04 dB −24 … 24 at its bound",
		"0.01 ∞ V −1 … 1 not identified only behind a node without an adjoint",
		"−0.2 … 1",
		"1 held",
		"si_sdr_db 2.1 28.8 +26.7 dB",
		"esr 0.52 0.00131 × 0.00252",
		fmt.Sprintf("The fit is %.2g dB quieter than the target.", level(f.Target[0], nil)-level(f.Output[0], nil)),
		fmt.Sprintf("fit − target, −%.3g dB against the target, here raised by 24 dB", level(f.Target[0], nil)-level(f.Output[0], f.Target[0])),
		"reverb.size",
		"sample rate 48000 Hz",
		"2 s (96000 frames, 1 channel)",
		"rates – esr no rate is learned",
		"descent 137 0.52 0.00131 esr always",
	} {
		require.Contains(t, text, want)
	}
	require.Equal(t, 4, strings.Count(page, "<audio "))
	require.Equal(t, 4, strings.Count(page, `role="img"`))
	require.NotContains(t, page, "ZgotmplZ", "the template has blocked a value")
	require.Equal(t, page, render(t, f), "the same fit gives the same page")
}

// level is the RMS of a - b in dB.
func level(a, b []float64) float64 {
	sum := 0.0
	for n, x := range a {
		if b != nil {
			x -= b[n]
		}
		sum += x * x
	}
	return 10 * math.Log10(sum/float64(len(a)))
}

// plain is the text of the page with single spaces.
func plain(page string) string {
	page = regexp.MustCompile(`(?s)<(style|script|svg).*?</(style|script|svg)>`).ReplaceAllString(page, " ")
	page = regexp.MustCompile(`<[^>]*>`).ReplaceAllString(page, " ")
	return strings.Join(strings.Fields(html.UnescapeString(page)), " ")
}

// Nothing is loaded: every address is inside the page.
func TestSelfContained(t *testing.T) {
	page := render(t, amp())
	for _, m := range regexp.MustCompile(`(?:src|href|url)\s*[=(]\s*"?([^"\s>)]{0,40})`).FindAllStringSubmatch(page, -1) {
		require.Regexp(t, `^(#|data:(audio/wav|image/png);base64,)`, m[1])
	}
	for _, m := range regexp.MustCompile(`https?://[^"\s]*`).FindAllString(page, -1) {
		require.Contains(t, []string{"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, m)
	}
}

func TestNamesAreEscaped(t *testing.T) {
	const evil = `<script>alert(1)</script>"'&` + "\x00\n"
	f := amp()
	f.TargetName, f.InputName, f.GraphName, f.LossName, f.Optimizer, f.Stopped = evil, evil, evil, evil, evil, evil
	f.HeatNodes = []string{evil, evil, evil}
	f.Notes = []string{evil}
	f.Metrics[0].Name = evil
	f.Params[0].Node, f.Params[0].Name, f.Params[0].Unit, f.Params[0].Note = evil, evil, evil, evil
	page := render(t, f)
	require.Equal(t, 1, strings.Count(page, "<script>"), "only its own")
	require.Contains(t, page, "&lt;script&gt;alert(1)")
}

var audio = regexp.MustCompile(`src="data:audio/wav;base64,([^"]*)"`)

func sounds(t *testing.T, page string) []*wav.Audio {
	var all []*wav.Audio
	for _, m := range audio.FindAllStringSubmatch(page, -1) {
		file, err := base64.StdEncoding.DecodeString(html.UnescapeString(m[1]))
		require.NoError(t, err)
		a, err := wav.Decode(bytes.NewReader(file), "player.wav")
		require.NoError(t, err)
		require.Equal(t, 16, a.Bits)
		all = append(all, a)
	}
	return all
}

func TestPlayers(t *testing.T) {
	f := amp()
	heard := sounds(t, render(t, f))
	require.Len(t, heard, 4)
	for i, rows := range [][][]float64{f.Target, f.Output, f.Input} {
		require.InDeltaSlice(t, rows[0], heard[i].Buffer.Data, 0.51/(1<<15), "what fits is not changed")
	}

	// Long and wide sounds are cut, loud ones turned down, all alike.
	loud := make([][]float64, 3)
	for c := range loud {
		loud[c] = make([]float64, 25*48000)
		for n := range loud[c] {
			loud[c][n] = 4
		}
	}
	loud[0][17] = nan
	f = &report.Fit{Rate: 48000, Target: loud, Output: loud[:2]}
	page := render(t, f)
	text := plain(page)
	require.Contains(t, text, "All are played at one gain of −13.1 dB. Each is the first 20 s of 25 s. Of 3 channels the first two are heard.")
	require.Contains(t, text, "fit − target: silent")
	heard = sounds(t, page)
	require.Len(t, heard, 3)
	require.Equal(t, 2, heard[0].Channels)
	require.Equal(t, 960000, heard[0].Frames())
	require.InDelta(t, 0.89, heard[0].Rows()[1][1000], 1e-4)
	require.Zero(t, heard[0].Rows()[0][17], "what is not finite is silent")
	require.Zero(t, heard[0].Rows()[1][959999], "the cut is faded")
}

// Whatever is missing or odd, there is a page.
func TestOddFits(t *testing.T) {
	for name, change := range map[string]func(f *report.Fit){
		"zero value":      func(f *report.Fit) { *f = report.Fit{} },
		"no steps":        func(f *report.Fit) { f.Steps = nil },
		"one step":        func(f *report.Fit) { f.Steps = f.Steps[:1] },
		"no dry signal":   func(f *report.Fit) { f.Input = nil },
		"no output":       func(f *report.Fit) { f.Output = nil },
		"no audio":        func(f *report.Fit) { f.Input, f.Target, f.Output = nil, nil, nil },
		"no rate":         func(f *report.Fit) { f.Rate = 0 },
		"silence":         func(f *report.Fit) { f.Output = [][]float64{make([]float64, 9600)} },
		"one frame":       func(f *report.Fit) { f.Target, f.Output = [][]float64{{1}}, [][]float64{{0.5}} },
		"other lengths":   func(f *report.Fit) { f.Output = [][]float64{f.Output[0][:5000], f.Output[0]} },
		"NaN everywhere":  func(f *report.Fit) { f.Output = [][]float64{{nan, inf}}; f.Steps[3].Loss = nan; f.Seconds = nan },
		"nothing finite":  func(f *report.Fit) { f.Steps = []report.Step{{Loss: nan, Heat: []float64{nan}}} },
		"params of none":  func(f *report.Fit) { f.Params = []report.Param{{Learned: true}, {}} },
		"odd ranges":      func(f *report.Fit) { f.Params[0].Min, f.Params[1].Max, f.Params[2].Min = -inf, inf, nan },
		"metrics of none": func(f *report.Fit) { f.Metrics = []report.Metric{{"esr", nan, inf}, {"mse", 0, 0}} },
		"huge":            func(f *report.Fit) { f.Output = [][]float64{{1e300, -1e300}}; f.Params[0].Value[0] = 1e300 },
		"tiny":            func(f *report.Fit) { f.Target, f.Output = [][]float64{{1e-300, 0}}, [][]float64{{0, 1e-310}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := amp()
			cut := func(rows [][]float64) [][]float64 { return [][]float64{rows[0][:9600]} } // 0.2 s will do
			f.Input, f.Target, f.Output = cut(f.Input), cut(f.Target), cut(f.Output)
			change(f)
			page := render(t, f)
			require.NotContains(t, plain(page), "NaN")
			require.NotContains(t, page, "ZgotmplZ")
			var b bytes.Buffer
			require.NoError(t, report.HistoryCSV(&b, f))
			if testing.Short() {
				return // a PNG takes a second under the race detector
			}
			b.Reset()
			require.NoError(t, report.LossPNG(&b, f))
			_, err := png.Decode(&b)
			require.NoError(t, err)
			require.NoError(t, report.HeatPNG(&b, f))
		})
	}
}

func TestHistoryCSV(t *testing.T) {
	f := &report.Fit{
		HeatNodes: []string{"a,b", "c"}, ValueNames: []string{"c.gain_db"},
		Steps: []report.Step{
			{Step: 0, Loss: 0.1, Best: 0.1, GradNorm: 1.0 / 3, Seconds: 0.5, Heat: []float64{1, 2}, Values: []float64{-3}},
			{Step: 1, Loss: nan, Best: 0.1, Heat: []float64{1}, Values: []float64{-3, 4}},
		},
	}
	var b bytes.Buffer
	require.NoError(t, report.HistoryCSV(&b, f))
	lines, err := csv.NewReader(&b).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"step", "loss", "best", "grad_norm", "seconds", "heat.a,b", "heat.c", "c.gain_db", "value_1"},
		{"0", "0.1", "0.1", "0.3333333333333333", "0.5", "1", "2", "-3", ""},
		{"1", "NaN", "0.1", "0", "0", "1", "", "-3", "4"},
	}, lines)
}

// On a phone the head of a table is hidden, so every number says what it is.
func TestNumbersOfTablesAreNamed(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.HTML(&b, amp()))
	require.Greater(t, strings.Count(b.String(), `<td class="n" data-label="`), 10)
	require.NotContains(t, b.String(), `<td class="n">`)
	require.Contains(t, b.String(), "(max-width: 40rem)")
}

// A history is read back as it was written; what is empty is not known.
func TestReadHistory(t *testing.T) {
	f := &report.Fit{
		HeatNodes: []string{"a", "heat"}, ValueNames: []string{"heat.gain", "a.q[0]"},
		Steps: []report.Step{
			{Step: 0, Loss: 0.1, Best: 0.1, GradNorm: 1.0 / 3, Seconds: 0.5, Heat: []float64{nan, 2}, Values: []float64{-3, 1}},
			{Step: 4, Loss: 1e-300, Best: 1e-300, Seconds: 2, Heat: []float64{1, 2}, Values: []float64{0.1, 4}},
		},
	}
	var b bytes.Buffer
	require.NoError(t, report.HistoryCSV(&b, f))
	got, err := report.ReadHistory(&b, 2)
	require.NoError(t, err)
	require.True(t, math.IsNaN(got.Steps[0].Heat[0]))
	got.Steps[0].Heat[0], f.Steps[0].Heat[0] = 0, 0
	require.Equal(t, f, got)
	for _, text := range []string{"", "a,b\n", "step,loss,best,grad_norm,seconds\n0,1,1,x,1\n", "step,loss,best,grad_norm,seconds\n0,1\n"} {
		_, err := report.ReadHistory(strings.NewReader(text), 0)
		require.ErrorContains(t, err, "report: ")
	}
}

// A page from a target and its fit.
func ExampleHTML() {
	var page strings.Builder
	err := report.HTML(&page, &report.Fit{
		TargetName: "bell.wav", GraphName: "bell.json", LossName: "esr", Rate: 8000,
		Target: [][]float64{{0.5, -0.5}}, Output: [][]float64{{0.4, -0.5}},
		Steps: []report.Step{{Step: 0, Loss: 0.5}, {Step: 1, Loss: 0.02}},
	})
	fmt.Println(strings.Contains(page.String(), "esr fell from 0.5 to 0.02, 25 times less, in 1 step."), err)
	// Output: true <nil>
}

func BenchmarkHTML(b *testing.B) {
	f := amp()
	for b.Loop() {
		var page bytes.Buffer
		require.NoError(b, report.HTML(&page, f))
		b.ReportMetric(float64(page.Len()), "B/page")
	}
}

package plot_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/internal/plot"
)

var (
	nan  = math.NaN()
	inf  = math.Inf(1)
	odd  = []float64{1, nan, 1e-300, 0, -1, inf, 1e308, -1e308, 5e-324, -inf}
	long = strings.Repeat("a long name, ", 400)
)

// figures are the cases that must give a picture, whatever is in them.
func figures() map[string]func(io.Writer, plot.Format) error {
	all := make(map[string]func(io.Writer, plot.Format) error)
	for name, f := range map[string]plot.LossFigure{
		"zero value": {},
		"empty":      {Loss: "esr", Values: []float64{}},
		"one step":   {Loss: "esr", Values: []float64{0.3}},
		"constant":   {Loss: "esr", Values: []float64{0.3, 0.3, 0.3}},
		"falling":    {Loss: "mrstft + 0.1*esr", Values: []float64{0.5, 0.1, 0.12, 0.01, 0.02}},
		"zeros":      {Loss: "esr", Values: []float64{0, 0}},
		"to zero":    {Loss: "esr", Values: []float64{1, 0.1, 0}},
		"negative":   {Loss: "si_sdr", Values: []float64{3, -20, -22}},
		"no finite":  {Loss: "esr", Values: []float64{nan, inf}},
		"tiny":       {Loss: "esr", Values: []float64{1e-300, 2e-300}},
		"denormal":   {Loss: "esr", Values: []float64{5e-324, 5e-324}},
		"all tiny":   {Loss: "esr", Values: []float64{1, 5e-324}},
		"huge":       {Loss: "esr", Values: []float64{math.MaxFloat64, 1e308}},
		"huge range": {Loss: "esr", Values: []float64{math.MaxFloat64, -math.MaxFloat64}},
		"odd":        {Loss: long, Values: odd},
		"few steps":  {Loss: "esr", Steps: []int{7}, Values: []float64{1, 2, 3}},
		"markup":     {Loss: "<b>&\"'\x00\xFF\n", Values: []float64{1, 2}},
	} {
		all["loss, "+name] = func(w io.Writer, as plot.Format) error { return plot.Loss(w, as, f) }
	}
	many := make([]string, 500)
	for i := range many {
		many[i] = fmt.Sprint(i, long)
	}
	row := make([]float64, 500)
	for i := range row {
		row[i] = math.Exp(float64(i % 30))
	}
	for name, f := range map[string]plot.HeatFigure{
		"zero value":  {},
		"no steps":    {Nodes: []string{"eq"}},
		"no nodes":    {Heat: [][]float64{{}, {}}},
		"one step":    {Nodes: []string{"eq", "drive"}, Heat: [][]float64{{1, 2}}},
		"constant":    {Nodes: []string{"eq"}, Heat: [][]float64{{1}, {1}}},
		"zeros":       {Nodes: []string{"eq"}, Heat: [][]float64{{0}, {0}}},
		"tiny":        {Nodes: []string{"eq", "drive"}, Heat: [][]float64{{1e-300, 1}, {0, 1}}},
		"negative":    {Nodes: []string{"eq", "drive"}, Heat: [][]float64{{-1, 1}, {0, 1}}},
		"short rows":  {Nodes: []string{"eq", "drive"}, Heat: [][]float64{{1}, nil, {1, 2, 3}}},
		"500 nodes":   {Nodes: many, Heat: [][]float64{row, row, row}},
		"odd":         {Nodes: many, Heat: [][]float64{odd, odd, odd}},
		"no finite":   {Nodes: []string{"eq"}, Heat: [][]float64{{nan}, {inf}}},
		"others huge": {Nodes: many, Heat: [][]float64{{1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308, 1e308}}},
	} {
		all["heat, "+name] = func(w io.Writer, as plot.Format) error { return plot.Heat(w, as, f) }
	}
	sound := tone(1000, 4800)
	for name, f := range map[string]plot.SpectrogramFigure{
		"zero value":  {},
		"no rate":     {Target: sound},
		"both":        {Rate: 48000, Target: sound, Fit: sound},
		"target":      {Rate: 48000, Target: sound},
		"fit":         {Rate: 48000, Fit: sound},
		"one frame":   {Rate: 48000, Target: [][]float64{{1}}, Fit: [][]float64{{0}}},
		"silence":     {Rate: 48000, Target: [][]float64{make([]float64, 999)}, Fit: [][]float64{make([]float64, 10)}},
		"odd":         {Rate: 8000, Target: [][]float64{odd, odd[:3], nil}, Fit: sound},
		"slow":        {Rate: 1, Target: sound},
		"fast":        {Rate: 1e9, Target: sound},
		"rate is NaN": {Rate: nan, Target: sound},
	} {
		all["spectrogram, "+name] = func(w io.Writer, as plot.Format) error { return plot.Spectrogram(w, as, f) }
		g := plot.WaveformFigure(f)
		all["waveform, "+name] = func(w io.Writer, as plot.Format) error { return plot.Waveform(w, as, g) }
	}
	noisy := noise(3, 20000)
	noisy[1][7], noisy[1][15000] = nan, inf
	for i := range 5000 {
		noisy[1][5000+i] = nan
	}
	wave := plot.WaveformFigure{Rate: 44100, Target: noisy, Fit: noise(3, 19000)}
	all["waveform, three channels with gaps"] = func(w io.Writer, as plot.Format) error { return plot.Waveform(w, as, wave) }
	return all
}

func tone(hz float64, frames int) [][]float64 {
	row := make([]float64, frames)
	for n := range row {
		row[n] = math.Sin(2 * math.Pi * hz * float64(n) / 48000)
	}
	return [][]float64{row}
}

func noise(channels, frames int) [][]float64 {
	r := rand.New(rand.NewPCG(3, 4))
	rows := make([][]float64, channels)
	for c := range rows {
		for n := range frames {
			rows[c] = append(rows[c], r.NormFloat64()*math.Exp(-float64(n)/float64(frames)))
		}
	}
	return rows
}

func TestEveryFigureDraws(t *testing.T) {
	// PLOT_LOOK=dir keeps the pictures, to be looked at.
	look := os.Getenv("PLOT_LOOK")
	for name, paint := range figures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			for _, as := range []plot.Format{plot.SVG, plot.Inline} {
				b.Reset()
				require.NoError(t, paint(&b, as))
				require.NotContains(t, b.String(), "NaN,")
				require.NotContains(t, b.String(), "Inf")
				wellFormed(t, b.Bytes())
			}
			if testing.Short() {
				return // a PNG takes a second under the race detector
			}
			b.Reset()
			require.NoError(t, paint(&b, plot.PNG))
			if look != "" {
				require.NoError(t, os.WriteFile(filepath.Join(look, name+".png"), b.Bytes(), 0o666))
			}
			img, err := png.Decode(&b)
			require.NoError(t, err)
			require.Equal(t, 1067, img.Bounds().Dx())
		})
	}
}

func wellFormed(t *testing.T, svg []byte) {
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestInlineFollowsThePage(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, plot.Loss(&b, plot.Inline, plot.LossFigure{Loss: "a<b", Values: []float64{2, 1}}))
	svg := b.String()
	require.True(t, strings.HasPrefix(svg, `<svg role="img" aria-label="Loss: a&lt;b" viewBox="0 0 640 300"`), svg[:120])
	require.Contains(t, svg, "fill:var(--plot-ink,#1F2933)")
	require.Contains(t, svg, "font-family:'Liberation Sans',Arial")
	require.NotContains(t, svg, ":#1F2933")
	require.NotContains(t, svg, ":#FFFFFE", "no background")
}

// A raster image keeps its proportions in SVG, and so leaves its panel.
func TestSVGImageFillsPanel(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, plot.Spectrogram(&b, plot.SVG, plot.SpectrogramFigure{Rate: 48000, Target: tone(1000, 4800)}))
	require.Equal(t, 2, strings.Count(b.String(), "<image "))
	require.Equal(t, 2, strings.Count(b.String(), `preserveAspectRatio="none"`))
}

func TestNumber(t *testing.T) {
	for _, tc := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 4, "0"}, {1, 4, "1"}, {1000, 4, "1000"}, {12345.678, 4, "12346"}, {999999.4, 4, "999999"},
		{0.5, 4, "0.5"}, {0.0012345678, 4, "0.001235"}, {9.99996, 4, "10"}, {-3.14159, 3, "-3.14"},
		{1e-4, 3, "0.0001"}, {1.23456e-5, 4, "1.235e-5"}, {1e6, 4, "1e6"}, {2.5e21, 4, "2.5e21"},
		{nan, 4, "NaN"}, {inf, 4, "∞"}, {-inf, 4, "-∞"}, {5e-324, 3, "4.94e-324"},
	} {
		require.Equal(t, tc.want, plot.Number(tc.v, tc.digits), "%g", tc.v)
	}
}

// An hour of sound takes no longer than a few times a minute, and a waveform of
// that length no minutes: the traps of drawing every point.
func BenchmarkWaveformHour(b *testing.B) {
	rows := [][]float64{make([]float64, 3600*48000)}
	for n := range rows[0] {
		rows[0][n] = float64(n%100)/100 - 0.5
	}
	f := plot.WaveformFigure{Rate: 48000, Target: rows, Fit: rows}
	for b.Loop() {
		require.NoError(b, plot.Waveform(io.Discard, plot.PNG, f))
	}
}

func BenchmarkSpectrogram(b *testing.B) {
	for _, seconds := range []int{1, 60, 3600} {
		b.Run(fmt.Sprintf("%ds", seconds), func(b *testing.B) {
			f := plot.SpectrogramFigure{Rate: 48000, Target: tone(440, seconds*48000)}
			f.Fit = f.Target
			for b.Loop() {
				require.NoError(b, plot.Spectrogram(io.Discard, plot.PNG, f))
			}
		})
	}
}

func BenchmarkLoss(b *testing.B) {
	f := plot.LossFigure{Loss: "esr", Values: noise(1, 480000)[0]}
	for b.Loop() {
		require.NoError(b, plot.Loss(io.Discard, plot.PNG, f))
	}
}

// The loss of a fit, as a page would hold it.
func ExampleLoss() {
	var page strings.Builder
	err := plot.Loss(&page, plot.Inline, plot.LossFigure{Loss: "esr", Values: []float64{0.5, 0.1, 0.02}})
	fmt.Println(strings.Contains(page.String(), "0.5 at step 0 → 0.02 at step 2"), err)
	// Output: true <nil>
}

package plot

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot/vg"
	"pgregory.net/rapid"
)

func labels(ticks []tick) (s []string) {
	for _, t := range ticks {
		if t.label != "" {
			s = append(s, t.label)
		}
	}
	return s
}

func TestTicks(t *testing.T) {
	require.Equal(t, []string{"0", "0.5", "1.0", "1.5", "2.0"}, labels(linear("", 0, 2, 5).ticks))
	require.Equal(t, []string{"−1.0", "−0.5", "0", "0.5", "1.0"}, labels(linear("", -1, 1, 5).ticks))
	require.Equal(t, []string{"0", "1e−12", "2e−12"}, labels(linear("", 0, 2e-12, 3).ticks))
	require.Equal(t, []string{"0", "1", "2", "3"}, labels(integers("", 0, 3).ticks))
	require.Equal(t, []string{"0.01", "0.1", "1", "10"}, labels(logarithmic("", 0.01, 10).ticks))
	require.Equal(t, []string{"1", "2", "5", "10", "20", "50"}, labels(logarithmic("", 1, 80).ticks))
	require.Equal(t, []string{"0.012", "0.013", "0.014"}, labels(logarithmic("", 0.0119, 0.0145).ticks))
	require.Equal(t, []string{"1e−300", "1e−250", "1e−200", "1e−150", "1e−100", "1e−50", "1"}, labels(logarithmic("", 1e-305, 10).ticks))
}

// Any range has few, distinct, ascending ticks inside it, and both ends on the axis.
func TestAnyRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo, hi := rapid.Float64Range(-1e308, 1e308).Draw(t, "lo"), rapid.Float64Range(-1e308, 1e308).Draw(t, "hi")
		axes := []axis{linear("", min(lo, hi), max(lo, hi), 6)}
		if lo > 0 && hi > 0 {
			axes = append(axes, logarithmic("", min(lo, hi), max(lo, hi)))
		}
		for _, a := range axes {
			require.Zero(t, a.at(a.min))
			require.InDelta(t, 1, a.at(a.max), 1e-9)
			require.LessOrEqual(t, len(labels(a.ticks)), 12)
			last := math.Inf(-1)
			for _, k := range a.ticks {
				require.Greater(t, k.at, last)
				last = k.at
				require.GreaterOrEqual(t, a.at(k.at), 0.0)
			}
		}
	})
}

func TestElide(t *testing.T) {
	sty := textStyle(textSize, ink, false)
	require.Equal(t, "short", elide(sty, "short", 100))
	s := elide(sty, "tone_stack_of_the_first_channel_7", 100)
	require.LessOrEqual(t, sty.Width(s), vg.Length(100))
	require.Regexp(t, "^tone.*….*_7$", s)
	require.Equal(t, "…", elide(sty, "no room", 1))
}

// The extremes survive, and so does the number of pixels that they touch.
func TestDecimate(t *testing.T) {
	pts := make([]vg.Point, 480000)
	for i := range pts {
		pts[i] = vg.Point{X: 600 * vg.Length(i) / 480000, Y: vg.Length(math.Sin(float64(i)))}
	}
	pts[123456].Y, pts[234567].Y = 9, -9
	kept := decimate(pts)
	require.LessOrEqual(t, len(kept), 4*1200)
	require.Contains(t, kept, pts[123456])
	require.Contains(t, kept, pts[234567])
	require.Equal(t, pts[0], kept[0])
	require.Equal(t, pts[len(pts)-1], kept[len(kept)-1])
}

// A full-scale sine on a bin is 0 dB, and half of it 6 dB less, in the band that
// holds its frequency.
func TestLevels(t *testing.T) {
	const rate, bin = 48000.0, 40
	hz := bin * rate / 2048
	row := make([]float64, 48000)
	for n := range row {
		row[n] = math.Sin(2 * math.Pi * hz * float64(n) / rate)
	}
	const low, high = 20, rate / 2
	band := int(bands * math.Log(hz/low) / math.Log(high/low))
	column := levels([][]float64{row}, len(row), rate, low, high)[columns/2]
	require.InDelta(t, 0, column[band], 0.5) // half a band beside the bin
	for i := range row {
		row[i] /= 2
	}
	half := levels([][]float64{row, row}, len(row), rate, low, high)[columns/2]
	require.InDelta(t, column[band]-20*math.Log10(2), half[band], 1e-9)
}

// After drawing panics, the figure is an error and the program lives.
func TestPanicIsError(t *testing.T) {
	err := render(nil, Format(9), 100, "x", nil)
	require.EqualError(t, err, "plot: no format 9")
	err = render(nil, PNG, 100, "x", nil)
	require.ErrorContains(t, err, `plot: drawing "x":`)
}

package plot

import (
	"image"
	"image/color"
	"io"
	"math"
	"math/bits"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"ampfit/internal/fft"
)

// SpectrogramFigure shows target and fit side by side, and where they differ.
// Without a fit, or without a target, the other stands alone.
type SpectrogramFigure struct {
	Rate        float64
	Target, Fit [][]float64 // channel rows; their mean power is shown
}

const (
	columns = 320 // of the image of one panel
	bands   = 240
	depth   = 90 // dB shown below the highest level
	apart   = 20 // dB at either end of the difference
)

// Spectrogram draws level in dB of a full-scale sine over time and logarithmic
// frequency, with one scale for target and fit, and their difference in dB.
func Spectrogram(w io.Writer, as Format, f SpectrogramFigure) error {
	const title = "Spectrogram"
	return render(w, as, 280, title, func(c draw.Canvas) { f.draw(c, title) })
}

func (f SpectrogramFigure) draw(c draw.Canvas, title string) {
	frames := max(Frames(f.Target), Frames(f.Fit))
	if frames == 0 || !(f.Rate > 0) {
		sentence(header(c, title, ""), "no audio")
		return
	}
	high := f.Rate / 2
	low := min(max(20, high/1000), high/4)

	sounds, top := f.sounds(frames, low, high)
	bottom := top - depth

	c = header(c, title, "frequency in Hz, logarithmic, over time in s  ·  level in dB of a full-scale sine")
	const barWidth, gap = 38, 12
	yLabels := textStyle(tickSize, muted, false).Width("000k") + tickLength + 3
	count := len(sounds)
	width := c.Size().X - yLabels - barWidth - gap*vg.Length(count-1)
	if count == 2 {
		width = c.Size().X - yLabels - 2*barWidth - 3*gap
		count = 3
	}
	width /= vg.Length(count)

	x := linear("", 0, float64(frames)/f.Rate, 4)
	x.max = float64(frames) / f.Rate
	left := c.Min.X
	place := func(name string, labels bool, pixel func(col, band int) uint8, palette color.Palette) panel {
		y := axis{min: low, max: high, log: true, label: name, ticks: hertzTicks(low, high, labels)}
		right := left + width
		if labels {
			right += yLabels
		}
		p := newPanel(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: left, Y: c.Min.Y}, Max: vg.Point{X: right, Y: c.Max.Y}}}, x, y)
		p.image(p.Rectangle, columns, bands, palette, pixel)
		left = right
		return p
	}
	var p panel
	for i, s := range sounds {
		if i > 0 {
			left += gap
		}
		p = place(s.name, i == 0, func(col, band int) uint8 { return shade(s.level[col][band], bottom, top) }, magma)
	}
	p.bar(left+6, linear("dB", bottom, top, 5), magma)
	if len(sounds) < 2 {
		return
	}
	left += barWidth + gap
	a, b := sounds[0].level, sounds[1].level
	p = place("fit − target", false, func(col, band int) uint8 {
		return shade(max(bottom, b[col][band])-max(bottom, a[col][band]), -apart, apart)
	}, diverging)
	p.bar(left+6, linear("dB", -apart, apart, 4), diverging)
}

// sound is what one panel shows.
type sound struct {
	name  string
	level [][]float64 // dB by column and band
}

// sounds measures what there is of target and fit, and the upper end of their
// common scale.
func (f SpectrogramFigure) sounds(frames int, low, high float64) (sounds []sound, top float64) {
	top = math.Inf(-1)
	for i, rows := range [][][]float64{f.Target, f.Fit} {
		if Frames(rows) == 0 {
			continue
		}
		s := sound{[]string{"target", "fit"}[i], levels(rows, frames, f.Rate, low, high)}
		for _, column := range s.level {
			top = max(top, slices.Max(column))
		}
		sounds = append(sounds, s)
	}
	if top < -200 {
		top = 0 // silence
	}
	return sounds, 10 * math.Ceil(top/10)
}

// image fills a rectangle with pixels of a palette, band 0 lowest.
func (p panel) image(where vg.Rectangle, columns, bands int, palette color.Palette, pixel func(col, band int) uint8) {
	img := image.NewPaletted(image.Rect(0, 0, columns, bands), palette)
	for col := range columns {
		for band := range bands {
			img.SetColorIndex(col, bands-1-band, pixel(col, band))
		}
	}
	p.DrawImage(where, img)
}

// bar draws a colour bar of the panel's height.
func (p panel) bar(left vg.Length, a axis, palette color.Palette) {
	const width = 9
	where := vg.Rectangle{Min: vg.Point{X: left, Y: p.Min.Y}, Max: vg.Point{X: left + width, Y: p.Max.Y}}
	p.image(where, 1, 256, palette, func(_, i int) uint8 { return uint8(i) })
	sty := textStyle(tickSize, muted, false)
	for _, t := range a.ticks {
		y := p.Y(a.at(t.at))
		p.StrokeLine2(draw.LineStyle{Color: muted, Width: 0.6}, left+width, y, left+width+2, y)
		write(p.Canvas, sty, vg.Point{X: left + width + 4, Y: y}, draw.XLeft, draw.YCenter, t.label, 0)
	}
	write(p.Canvas, sty, vg.Point{X: left, Y: p.Max.Y + 5}, draw.XLeft, draw.YBottom, a.label, 0)
}

func hertzTicks(low, high float64, labels bool) []tick {
	ticks := logTicks(low, high)
	for i := range ticks {
		lead := ticks[i].at / math.Pow(10, math.Floor(math.Log10(ticks[i].at)*(1+1e-12)))
		ticks[i].label = ""
		if labels && (math.Abs(lead-1) < 1e-6 || math.Abs(lead-2) < 1e-6 || math.Abs(lead-5) < 1e-6) {
			if v := ticks[i].at; v >= 1000 {
				ticks[i].label = Number(v/1000, 3) + "k"
			} else {
				ticks[i].label = Number(v, 3)
			}
		}
	}
	return ticks
}

// Frames is the length of the longest row.
func Frames(rows [][]float64) int {
	n := 0
	for _, row := range rows {
		n = max(n, len(row))
	}
	return n
}

// levels returns the power in dB by column and band. A column takes the mean
// over the windows inside it and over the channels; a band that spans several
// bins takes the strongest, so that a tone keeps its level, and one between two
// bins lies on the line through them.
func levels(rows [][]float64, frames int, rate, low, high float64) [][]float64 {
	// Some 43 ms: 2048 frames at 48 kHz. Shorter where the sound is.
	size := 1 << bits.Len(uint(min(rate*0.03, 1<<15)))
	size = max(64, min(size, 1<<(bits.Len(uint(frames))-1)))
	plan := fft.NewPlan(size)
	scratch := plan.Scratch()
	re, im, x := make([]float64, plan.Bins()), make([]float64, plan.Bins()), make([]float64, size)
	window, sum := make([]float64, size), 0.0
	for n := range window {
		window[n] = 0.5 - 0.5*math.Cos(2*math.Pi*(float64(n)+0.5)/float64(size))
		sum += window[n]
	}
	per := float64(frames) / columns
	const most = 32 // windows in a column, so that an hour takes no longer than a minute
	windows := max(1, min(most, int(math.Ceil(2*per/float64(size)))))
	scale := 4 / (sum * sum) / float64(windows*len(rows)) // a full-scale sine is 1

	all := make([][]float64, columns)
	power := make([]float64, plan.Bins())
	for col := range all {
		clear(power)
		for k := range windows {
			center := (float64(col) + (float64(k)+0.5)/float64(windows)) * per
			start := int(center) - size/2
			for _, row := range rows {
				for n := range x {
					x[n] = 0
					if i := start + n; i >= 0 && i < len(row) && finite(row[i]) {
						x[n] = row[i] * window[n]
					}
				}
				plan.Forward(re, im, x, scratch)
				for b := range power {
					power[b] += scale * (re[b]*re[b] + im[b]*im[b])
				}
			}
		}
		all[col] = resample(power, rate/float64(size), low, high)
	}
	return all
}

// resample turns bins of the given width in Hz into bands of equal ratio.
func resample(power []float64, width, low, high float64) []float64 {
	out := make([]float64, bands)
	ratio := math.Pow(high/low, 1.0/bands)
	db := func(p float64) float64 { return 10 * math.Log10(p+1e-30) }
	edge := low
	for b := range out {
		next := edge * ratio
		first, last := int(math.Ceil(edge/width)), min(int(next/width), len(power)-1)
		if first <= last {
			p := 0.0
			for _, v := range power[first : last+1] {
				p = max(p, v)
			}
			out[b] = db(p)
		} else {
			at := math.Sqrt(edge*next) / width
			k := min(int(at), len(power)-2)
			t := at - float64(k)
			out[b] = (1-t)*db(power[k]) + t*db(power[k+1])
		}
		edge = next
	}
	return out
}

package plot

import (
	"fmt"
	"image/color"
	"io"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// WaveformFigure lays the fit over the target.
type WaveformFigure struct {
	Rate        float64
	Target, Fit [][]float64 // channel rows
}

// maxChannels is how many channels are drawn.
const maxChannels = 2

// detailSeconds is the length that is also shown enlarged.
const detailSeconds = 0.02

// lineFrames is the most that is drawn as a line; beyond, as an area.
const lineFrames = 4000

// Waveform draws target and fit over time, whole and, beside it, 20 ms around
// the peak of the target, a line of panels per channel.
func Waveform(w io.Writer, as Format, f WaveformFigure) error {
	const title = "Waveform"
	channels := max(1, min(maxChannels, max(len(f.Target), len(f.Fit))))
	return render(w, as, vg.Length(70+130*channels), title, func(c draw.Canvas) { f.draw(c, title, channels) })
}

func (f WaveformFigure) draw(c draw.Canvas, title string, channels int) {
	frames := max(Frames(f.Target), Frames(f.Fit))
	if frames == 0 || !(f.Rate > 0) {
		sentence(header(c, title, ""), "no audio")
		return
	}
	at := peak(f.Target)
	if Frames(f.Target) == 0 {
		at = peak(f.Fit)
	}
	length := min(frames, max(2, int(detailSeconds*f.Rate)))
	start := max(0, min(frames-length, at-length/2))

	says := "fit over target"
	if f.Target != nil && f.Fit != nil && frames > lineFrames {
		says += ", brown where both are"
	}
	if n := max(len(f.Target), len(f.Fit)); n > channels {
		says += fmt.Sprintf("  ·  the first %d of %d channels", channels, n)
	}
	detail := length < frames
	if detail {
		says += fmt.Sprintf("  ·  right: %s ms around the peak of the target", Number(1e3*float64(length)/f.Rate, 2))
	}
	c = header(c, title, says)

	// One scale for all panels, so that channels compare.
	values := newSpan()
	for _, rows := range [][][]float64{f.Target, f.Fit} {
		for _, row := range rows[:min(len(rows), channels)] {
			values.add(row...)
		}
	}
	limit := 1.0
	if values.min < 0 || values.max > 0 {
		limit = min(1e300, 1.05*max(-values.min, values.max))
	}

	split := c.Max.X
	const gap = 18
	if detail {
		split = c.Min.X + 0.64*c.Size().X
	}
	height := c.Size().Y / vg.Length(channels)
	for ch := range channels {
		label := ""
		if channels > 1 {
			label = fmt.Sprintf("channel %d", ch)
		}
		bottom := c.Max.Y - vg.Length(ch+1)*height
		part := func(left, right vg.Length, from, to int, y axis) panel {
			x := linear("", float64(from)/f.Rate, float64(to)/f.Rate, 6)
			if ch == channels-1 {
				x.label = "time (s)"
			}
			p := newPanel(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: left, Y: bottom}, Max: vg.Point{X: right, Y: bottom + height - 4},
			}}, x, y)
			for i, rows := range [][][]float64{f.Target, f.Fit} {
				if ch < len(rows) {
					p.wave(rows[ch], f.Rate, from, to, series[i], 3-2*vg.Length(i))
				}
			}
			return p
		}
		y := linear(label, -limit, limit, 5)
		if y.label == "" {
			y.label = "amplitude"
		}
		p := part(c.Min.X, split, 0, frames, y)
		if ch == 0 {
			p.key([]string{"target", "fit"})
		}
		if detail {
			y.label = "detail"
			part(split+gap, c.Max.X, start, start+length, y)
		}
	}
}

// wave draws frames from..to of a row: a line of the given width where there is
// room for every frame, else the area between the extremes of each half point.
func (p panel) wave(row []float64, rate float64, from, to int, c color.NRGBA, width vg.Length) {
	end := min(to, len(row))
	if end <= from {
		return
	}
	if to-from <= lineFrames {
		if width > 1 {
			c = alpha(c, sheer) // the wide line is the one below
		}
		p.line(draw.LineStyle{Color: c, Width: width}, end-from, func(i int) (float64, float64) { return float64(from+i) / rate, row[from+i] })
		return
	}
	slots := int(2 * p.Size().X)
	var upper, lower []vg.Point
	flush := func() {
		if len(upper) == 0 {
			return
		}
		outline := upper
		for i := len(lower) - 1; i >= 0; i-- {
			outline = append(outline, lower[i])
		}
		p.SetColor(alpha(c, sheer))
		var path vg.Path
		path.Move(outline[0])
		for _, pt := range outline[1:] {
			path.Line(pt)
		}
		path.Close()
		p.Fill(path)
		upper, lower = nil, nil
	}
	for s := range slots {
		a := from + s*(to-from)/slots
		b := min(from+(s+1)*(to-from)/slots+1, end) // one frame more, so that areas meet
		if a >= b {
			break
		}
		ext := newSpan()
		ext.add(row[a:b]...)
		if ext.n == 0 {
			flush()
			continue
		}
		x := (float64(a) + float64(b-1)) / 2 / rate
		hi, lo := p.point(x, ext.max), p.point(x, ext.min)
		if hi.Y-lo.Y < 0.8 { // silence is a line, not nothing
			mid := (hi.Y + lo.Y) / 2
			hi.Y, lo.Y = mid+0.4, mid-0.4
		}
		upper, lower = append(upper, hi), append(lower, lo)
	}
	flush()
}

// peak returns the frame of the largest magnitude.
func peak(rows [][]float64) int {
	at, most := 0, -1.0
	for _, row := range rows {
		for n, v := range row {
			if a := math.Abs(v); finite(v) && a > most {
				at, most = n, a
			}
		}
	}
	return at
}

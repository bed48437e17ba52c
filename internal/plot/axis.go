package plot

import (
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// axis maps values to 0…1 along one side of a panel.
type axis struct {
	min, max float64
	log      bool
	label    string
	ticks    []tick
}

type tick struct {
	at    float64
	label string // "": a minor one, without line
}

// at returns where v lies, inside 0…1. Values that a log axis cannot hold lie at
// its start.
func (a axis) at(v float64) float64 {
	lo, hi := a.min, a.max
	if a.log {
		if v <= 0 {
			return 0
		}
		v, lo, hi = math.Log(v), math.Log(lo), math.Log(hi)
	}
	return max(0, min(1, v/(hi-lo)-lo/(hi-lo)))
}

// linear is an axis from lo to hi with about n labelled ticks.
func linear(label string, lo, hi float64, n int) axis {
	const huge = 1e300 // differences stay finite
	lo, hi = max(-huge, min(huge, lo)), max(-huge, min(huge, hi))
	if !(hi-lo > 1e-12*max(math.Abs(lo), math.Abs(hi))) { // constant
		room := 0.1 * max(math.Abs(lo), math.Abs(hi))
		if room == 0 {
			room = 1
		}
		lo, hi = lo-room, hi+room
	}
	return axis{min: lo, max: hi, label: label, ticks: linearTicks(lo, hi, n)}
}

// integers is an axis for counts.
func integers(label string, lo, hi int) axis {
	a := linear(label, float64(lo), float64(hi), 7)
	if hi <= lo {
		a = linear(label, float64(lo)-1, float64(lo)+1, 3)
	}
	ticks := a.ticks[:0]
	for _, t := range a.ticks {
		if t.at == math.Round(t.at) && t.at >= float64(lo) {
			ticks = append(ticks, tick{t.at, strconv.FormatFloat(t.at, 'f', -1, 64)})
		}
	}
	a.ticks = ticks
	return a
}

// logarithmic is an axis over positive values.
func logarithmic(label string, lo, hi float64) axis {
	if hi/lo < 1.2 { // nearly constant
		mid := math.Sqrt(lo) * math.Sqrt(hi)
		lo, hi = mid/1.2, mid*1.2
	}
	const tiny, huge = 1e-320, 1e307
	lo, hi = max(tiny, lo), min(huge, hi)
	return axis{min: lo, max: hi, log: true, label: label, ticks: logTicks(lo, hi)}
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten.
func linearTicks(lo, hi float64, n int) []tick {
	rough := (hi - lo) / float64(n)
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*0.999 {
			step = m * power
			break
		}
	}
	if step == 0 || !finite(step) {
		return nil
	}
	decimals := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	digits := int(math.Ceil(math.Log10(max(math.Abs(lo), math.Abs(hi))/step))) + 1
	plain := step >= 1e-4*0.999 && max(math.Abs(lo), math.Abs(hi)) < 1e6
	var ticks []tick
	const slack = 1e-9
	first, last := math.Ceil(lo/step-slack), math.Floor(hi/step+slack)
	for i := first; i <= last && len(ticks) < 50; i++ {
		v := i * step
		s := Number(v, max(1, digits))
		if plain {
			s = strconv.FormatFloat(v, 'f', decimals, 64)
		}
		if i == 0 {
			v, s = 0, "0" // never -0
		}
		ticks = append(ticks, tick{v, minus(s)})
	}
	return ticks
}

// logTicks are powers of ten, with 2 and 5 where there are few of them, or
// round numbers where there is none.
func logTicks(lo, hi float64) []tick {
	decades := math.Log10(hi) - math.Log10(lo)
	if decades < 0.9 {
		ticks := linearTicks(lo, hi, 5)
		for len(ticks) > 0 && ticks[0].at <= 0 {
			ticks = ticks[1:]
		}
		return ticks
	}
	every := 1
	for _, n := range []int{2, 3, 5, 10, 20, 50, 100} {
		if decades > 7*float64(every) {
			every = n
		}
	}
	var ticks []tick
	for e := int(math.Floor(math.Log10(lo))); e <= int(math.Ceil(math.Log10(hi))); e++ {
		for m := 1; m <= 9; m++ {
			v, _ := strconv.ParseFloat(strconv.Itoa(m)+"e"+strconv.Itoa(e), 64) // math.Pow10 rounds below 1e-300
			if v < lo*(1-1e-9) || v > hi*(1+1e-9) || m > 1 && every > 1 || every > 5 && e%every != 0 {
				continue
			}
			label := ""
			if m == 1 && e%every == 0 || decades < 3 && m == 2 || decades < 2 && m == 5 {
				label = minus(Number(v, 1))
			}
			ticks = append(ticks, tick{v, label})
		}
	}
	return ticks
}

// span collects the range of values, skipping what is not finite.
type span struct {
	min, max float64
	positive float64 // the smallest value above zero
	skipped  int
	n        int
}

func newSpan() span { return span{min: math.Inf(1), max: math.Inf(-1), positive: math.Inf(1)} }

func (s *span) add(values ...float64) {
	for _, v := range values {
		if !finite(v) {
			s.skipped++
			continue
		}
		s.n++
		s.min, s.max = min(s.min, v), max(s.max, v)
		if v > 0 {
			s.positive = min(s.positive, v)
		}
	}
}

// A panel is a rectangle with two axes.
type panel struct {
	draw.Canvas
	x, y axis
}

const (
	tickLength = 3
	textHeight = tickSize * 1.25
)

// newPanel draws axes and grid inside the canvas, and returns the part of it
// that is left for the data.
func newPanel(c draw.Canvas, x, y axis) panel {
	sty := textStyle(tickSize, muted, false)
	var left vg.Length
	for _, t := range y.ticks {
		left = max(left, sty.Width(t.label)+tickLength+3)
	}
	top := vg.Length(4)
	if y.label != "" {
		top = textHeight + 5
		write(c, sty, vg.Point{X: c.Min.X, Y: c.Max.Y}, draw.XLeft, draw.YTop, y.label, c.Size().X)
	}
	bottom := tickLength + 2 + vg.Length(textHeight)
	if x.label != "" {
		bottom += textHeight
	}
	p := panel{Canvas: draw.Crop(c, left, 0, bottom, -top), x: x, y: y}

	thin := draw.LineStyle{Color: grid, Width: 0.6}
	line := draw.LineStyle{Color: muted, Width: 0.6}
	minor := draw.LineStyle{Color: faint, Width: 0.5}
	end := vg.Length(math.Inf(-1)) // of the last label, so that none touches the next
	for _, t := range x.ticks {
		at := p.X(x.at(t.at))
		if t.label == "" {
			p.StrokeLine2(minor, at, p.Min.Y, at, p.Max.Y)
			continue
		}
		p.StrokeLine2(thin, at, p.Min.Y, at, p.Max.Y)
		p.StrokeLine2(line, at, p.Min.Y, at, p.Min.Y-tickLength)
		half := sty.Width(t.label) / 2
		mid := max(c.Min.X+half, min(c.Max.X-half, at))
		if mid-half < end+4 {
			continue
		}
		write(c, sty, vg.Point{X: mid, Y: p.Min.Y - tickLength - 2}, draw.XCenter, draw.YTop, t.label, 0)
		end = mid + half
	}
	above := vg.Length(math.Inf(-1))
	for _, t := range y.ticks {
		at := p.Y(y.at(t.at))
		if t.label == "" {
			p.StrokeLine2(minor, p.Min.X, at, p.Max.X, at)
			continue
		}
		p.StrokeLine2(thin, p.Min.X, at, p.Max.X, at)
		p.StrokeLine2(line, p.Min.X, at, p.Min.X-tickLength, at)
		if at-textHeight/2 < above {
			continue
		}
		write(c, sty, vg.Point{X: p.Min.X - tickLength - 2, Y: at}, draw.XRight, draw.YCenter, t.label, 0)
		above = at + textHeight/2
	}
	p.StrokeLine2(line, p.Min.X, p.Min.Y, p.Max.X, p.Min.Y)
	p.StrokeLine2(line, p.Min.X, p.Min.Y, p.Min.X, p.Max.Y)
	if x.label != "" {
		write(c, sty, vg.Point{X: p.Center().X, Y: c.Min.Y}, draw.XCenter, draw.YBottom, x.label, c.Size().X)
	}
	return p
}

func (p panel) point(x, y float64) vg.Point {
	return vg.Point{X: p.X(p.x.at(x)), Y: p.Y(p.y.at(y))}
}

// line draws y over x, with a gap where a value is not finite; a value alone
// between gaps is a dot. The x ascend.
func (p panel) line(sty draw.LineStyle, n int, at func(i int) (x, y float64)) {
	var pts []vg.Point
	flush := func() {
		switch {
		case len(pts) == 1:
			p.dot(pts[0], sty.Color, sty.Width*1.3)
		case len(pts) > 1:
			p.StrokeLines(sty, decimate(pts))
		}
		pts = nil
	}
	for i := range n {
		x, y := at(i)
		if !finite(x) || !finite(y) {
			flush()
			continue
		}
		pts = append(pts, p.point(x, y))
	}
	flush()
}

func (p panel) dot(at vg.Point, c color.Color, radius vg.Length) {
	p.DrawGlyphNoClip(draw.GlyphStyle{Color: c, Radius: radius, Shape: draw.CircleGlyph{}}, at)
}

// ring is a circle with the page inside, so that it shows on a line.
func (p panel) ring(at vg.Point, c color.Color, radius vg.Length) {
	p.dot(at, c, radius)
	p.dot(at, paper, radius-1.3)
}

// tag writes s on a patch of paper, moved inside the panel.
func (p panel) tag(at vg.Point, x draw.XAlignment, y draw.YAlignment, s string) {
	sty := textStyle(textSize, ink, false)
	s = clean(s)
	w, h := sty.Width(s), vg.Length(textSize*1.2)
	left := at.X + vg.Length(x)*w
	bottom := at.Y + vg.Length(y)*h
	left = max(p.Min.X+3, min(p.Max.X-3-w, left))
	bottom = max(p.Min.Y+3, min(p.Max.Y-1-h, bottom))
	patch := vg.Rectangle{Min: vg.Point{X: left - 2, Y: bottom}, Max: vg.Point{X: left + w + 2, Y: bottom + h}}
	p.SetColor(paper)
	p.Fill(patch.Path())
	write(p.Canvas, sty, vg.Point{X: left, Y: bottom + h/2}, draw.XLeft, draw.YCenter, s, 0)
}

// decimate keeps first, lowest, highest and last point of each half point of width:
// the picture stays, and 480 000 points draw as fast as 2400.
func decimate(pts []vg.Point) []vg.Point {
	if len(pts) < 4000 {
		return pts
	}
	column := func(p vg.Point) int { return int(2 * p.X) }
	var kept []vg.Point
	for i := 0; i < len(pts); {
		lo, hi, j := i, i, i
		for ; j < len(pts) && column(pts[j]) == column(pts[i]); j++ {
			if pts[j].Y < pts[lo].Y {
				lo = j
			}
			if pts[j].Y > pts[hi].Y {
				hi = j
			}
		}
		last := -1
		for _, k := range []int{i, min(lo, hi), max(lo, hi), j - 1} {
			if k > last {
				kept = append(kept, pts[k])
				last = k
			}
		}
		i = j
	}
	return kept
}

package plot

import (
	"fmt"
	"io"
	"math"
	"strings"

	"ampfit/internal/text"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// LossFigure is the loss over the steps of a fit.
type LossFigure struct {
	Loss   string // its name, for the title
	Steps  []int  // nil: 0, 1, 2, …
	Values []float64
}

// Loss draws the loss and the lowest one so far. The y axis is logarithmic
// unless a loss is negative; a loss of zero lies at its lower end.
func Loss(w io.Writer, as Format, f LossFigure) error {
	title := "Loss"
	if f.Loss != "" {
		title = "Loss: " + f.Loss
	}
	return render(w, as, 300, title, func(c draw.Canvas) { f.draw(c, title) })
}

func (f LossFigure) step(i int) int { return stepAt(f.Steps, i) }

// stepAt is the step of a row; without a list they count from 0.
func stepAt(steps []int, i int) int {
	if i < len(steps) {
		return steps[i]
	}
	return i
}

func (f LossFigure) draw(c draw.Canvas, title string) {
	values := newSpan()
	values.add(f.Values...)
	if values.n == 0 {
		says := "no steps yet"
		if len(f.Values) > 0 {
			says = "no finite loss in " + text.Count(len(f.Values), "step")
		}
		sentence(header(c, title, ""), says)
		return
	}

	// First and last finite value, and where the lowest one was reached first.
	first, last, least := -1, -1, -1
	best := make([]float64, len(f.Values))
	for i, v := range f.Values {
		if finite(v) {
			if first < 0 {
				first = i
			}
			last = i
			if least < 0 || v < f.Values[least] {
				least = i
			}
		}
		best[i] = math.NaN()
		if least >= 0 {
			best[i] = f.Values[least]
		}
	}

	facts := []string{fmt.Sprintf("%s at step %d → %s at step %d", Number(f.Values[first], 4), f.step(first), Number(f.Values[last], 4), f.step(last))}
	if first == last {
		facts[0] = fmt.Sprintf("%s at step %d", Number(f.Values[first], 4), f.step(first))
	}
	if least != last && f.Values[least] < f.Values[last] {
		facts = append(facts, fmt.Sprintf("lowest %s at step %d", Number(f.Values[least], 4), f.step(least)))
	}
	if values.skipped > 0 {
		facts = append(facts, text.Count(values.skipped, "step")+" without a finite loss")
	}
	if values.min == 0 && values.max > 0 {
		facts = append(facts, "zero lies at the lower end")
	}
	c = header(c, title, minus(strings.Join(facts, "  ·  ")))

	// The last value stands in a margin of its own, where it meets nothing.
	sty := textStyle(textSize, ink, false)
	end := minus(Number(f.Values[last], 4))
	margin := max(sty.Width(end), sty.Width("final")) + 12
	x := integers("step", f.step(0), f.step(len(f.Values)-1))
	p := newPanel(draw.Crop(c, 0, -margin, 0, 0), x, f.axis(values))

	at := func(row []float64) func(int) (float64, float64) {
		return func(i int) (float64, float64) { return float64(f.step(i)), row[i] }
	}
	p.line(draw.LineStyle{Color: alpha(vermilion, 0xB0), Width: 2.8}, len(best), at(best))
	p.line(draw.LineStyle{Color: blue, Width: 1}, len(f.Values), at(f.Values))
	p.key([]string{"loss", "best so far"})

	start := p.point(float64(f.step(first)), f.Values[first])
	final := p.point(float64(f.step(last)), f.Values[last])
	p.dot(final, blue, 2.6)
	for i, s := range []string{"final", end} {
		y := max(p.Min.Y+2*textSize, min(p.Max.Y, final.Y+textSize*1.15)) - vg.Length(i)*textSize*1.15
		write(p.Canvas, sty, vg.Point{X: p.Max.X + 7, Y: y}, draw.XLeft, draw.YTop, s, 0)
	}
	if first != last {
		p.dot(start, blue, 2.6)
		p.tag(vg.Point{X: start.X + 6, Y: start.Y + 2}, draw.XLeft, draw.YBottom, "start "+minus(Number(f.Values[first], 4)))
	}
	if least != last && f.Values[least] < f.Values[last] {
		low := p.point(float64(f.step(least)), f.Values[least])
		p.ring(low, vermilion, 3.6)
		p.tag(vg.Point{X: low.X, Y: low.Y - 5}, draw.XCenter, draw.YTop, "lowest "+minus(Number(f.Values[least], 4)))
	}
}

// axis leaves room above and below for the annotations.
func (f LossFigure) axis(values span) axis {
	if values.min < 0 || values.max == 0 {
		room := 0.12 * (values.max/2 - values.min/2) * 2
		return linear("loss", values.min-room, values.max+room, 6)
	}
	lo := values.positive
	if values.min == 0 {
		lo /= 10
	}
	room := math.Pow(values.max/lo, 0.12)
	if !finite(room) {
		room = 1e30
	}
	return logarithmic("loss, logarithmic", lo/room, values.max*room)
}

// key names the lines above the right end of the panel, in the order of the
// colours.
func (p panel) key(names []string) {
	sty := textStyle(tickSize, muted, false)
	x := p.Max.X
	y := p.Max.Y + 5 + textHeight/2
	for i := len(names) - 1; i >= 0; i-- {
		x -= write(p.Canvas, sty, vg.Point{X: x, Y: y}, draw.XRight, draw.YCenter, names[i], p.Size().X/3) + 4
		p.StrokeLine2(draw.LineStyle{Color: series[i], Width: 2}, x-14, y, x, y)
		x -= 14 + 12
	}
}

package plot

import (
	"fmt"
	"io"
	"math"
	"sort"
	"strings"

	"ampfit/internal/text"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// HeatFigure is the heat of each node over the steps of a fit, or another
// quantity of the nodes over time.
type HeatFigure struct {
	Nodes []string
	Steps []int       // nil: 0, 1, 2, …
	Heat  [][]float64 // joules, a row per step in the order of Nodes; short rows lack the rest
	// Over, when set, is a quantity over time in the place of heat over steps.
	Over *Over
}

// Over says what a figure of the nodes over time shows.
type Over struct {
	Title, Quantity, Unit string  // such as "Heat over time", "heat", "J"
	Fact                  string  // below the title
	Every                 float64 // seconds between the rows
}

// maxNodes is how many nodes have a line of their own; the rest are summed.
const maxNodes = 8

// Heat draws a line per node and names it with its last value. The y axis is
// logarithmic when the nodes differ by a factor of more than 50.
func Heat(w io.Writer, as Format, f HeatFigure) error {
	title := "Heat of the nodes"
	if f.Over != nil {
		title = f.Over.Title
	}
	return render(w, as, 300, title, func(c draw.Canvas) { f.draw(c, title) })
}

// heatLine is what one line shows.
type heatLine struct {
	name  string
	rest  bool // the sum of those without a line
	heat  []float64
	peak  float64
	final float64
}

func (f HeatFigure) lines() []heatLine {
	var lines []heatLine
	for node, name := range f.Nodes {
		l := heatLine{name: name, heat: make([]float64, len(f.Heat))}
		for i, row := range f.Heat {
			l.heat[i] = nan
			if node < len(row) && finite(row[node]) {
				l.heat[i] = row[node]
			}
		}
		l.measure()
		lines = append(lines, l)
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].peak > lines[j].peak })
	if len(lines) > maxNodes {
		rest := heatLine{name: fmt.Sprintf("%d others", len(lines)-maxNodes), rest: true, heat: make([]float64, len(f.Heat))}
		for _, l := range lines[maxNodes:] {
			for i, v := range l.heat {
				if finite(v) {
					rest.heat[i] += v
				}
			}
		}
		rest.measure()
		lines = append(lines[:maxNodes], rest)
	}
	return lines
}

func (l *heatLine) measure() {
	l.final = nan
	for _, v := range l.heat {
		if finite(v) {
			l.peak = max(l.peak, v)
			l.final = v
		}
	}
}

func (f HeatFigure) draw(c draw.Canvas, title string) {
	all := newSpan()
	for _, row := range f.Heat {
		all.add(row[:min(len(row), len(f.Nodes))]...)
	}
	over := Over{Quantity: "heat", Unit: "J", Fact: "joules per run, 1.0 taken as 1 V across 1 Ω"}
	if f.Over != nil {
		over = *f.Over
	}
	if all.n == 0 {
		says := "no " + over.Quantity + " was measured"
		if len(f.Heat) == 0 {
			says = "no steps yet"
		}
		sentence(header(c, title, ""), says)
		return
	}
	lines := f.lines()
	y, facts := heatAxis(lines, over)
	if all.skipped > 0 {
		facts = append(facts, text.Count(all.skipped, "value")+", not finite, left out")
	}
	c = header(c, title, strings.Join(facts, "  ·  "))

	// The legend has a column of its own, as wide as its names ask for, at most
	// two fifths of the figure.
	names, numbers := vg.Length(0), vg.Length(0)
	for _, l := range lines {
		names = max(names, nameStyle.Width(elide(nameStyle, clean(l.name), c.Size().X)))
		numbers = max(numbers, numberStyle.Width(amount(l.final, over.Unit)))
	}
	names = min(names, 0.4*c.Size().X-keyWidth-2*keyGap-numbers)
	column := keyWidth + names + keyGap + numbers

	x := integers("step", f.step(0), f.step(len(f.Heat)-1))
	at, last := func(n int) float64 { return float64(f.step(n)) }, "last step"
	if f.Over != nil {
		x = linear("time (s)", 0, float64(len(f.Heat))*over.Every, 8)
		at, last = func(n int) float64 { return (float64(n) + 0.5) * over.Every }, "at the end"
	}
	p := newPanel(draw.Crop(c, 0, -column-keyGap-6, 0, 0), x, y)
	for i := len(lines) - 1; i >= 0; i-- { // the largest on top
		heat := lines[i].heat
		p.line(lineStyle(i, lines[i].rest), len(heat), func(n int) (float64, float64) { return at(n), heat[n] })
		if len(heat) == 1 && finite(heat[0]) {
			p.dot(p.point(at(0), heat[0]), lineStyle(i, lines[i].rest).Color, 3)
		}
	}
	p.legend(c, lines, column, names, over.Unit)
	write(c, textStyle(tickSize, muted, false), vg.Point{X: c.Max.X, Y: c.Max.Y}, draw.XRight, draw.YTop, last, column)
}

// heatAxis is the y axis of the lines, and what stands below the title.
func heatAxis(lines []heatLine, over Over) (y axis, facts []string) {
	drawn := newSpan()
	for _, l := range lines {
		drawn.add(l.heat...)
	}
	label := over.Quantity
	if over.Unit != "" {
		label += " (" + over.Unit + ")"
	}
	facts = []string{over.Fact}
	if drawn.min == 0 && drawn.max == 0 {
		return linear(label, 0, 1, 4), facts
	}
	if drawn.min >= 0 && drawn.max > 50*drawn.positive {
		lo := max(drawn.positive, 1e-12*drawn.max)
		if drawn.min < lo {
			facts = append(facts, "zero lies at the lower end")
			lo /= 3
		}
		return logarithmic(label+", logarithmic", lo, drawn.max*math.Pow(drawn.max/lo, 0.03)), facts
	}
	// A line at the upper end would lose half its width to the frame.
	return linear(label, min(0, drawn.min), 1.04*drawn.max, 6), facts
}

var nameStyle, numberStyle = textStyle(textSize, ink, false), textStyle(textSize, muted, false)

// A line of the legend: a piece of the line, a gap, the name, a gap, the value.
const keyWidth, keyGap = 20, 12

// legend names the lines at the right end of the canvas, by their last values,
// the rest below.
func (p panel) legend(c draw.Canvas, lines []heatLine, column, names vg.Length, unit string) {
	order := make([]int, len(lines))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := lines[order[i]], lines[order[j]]
		if a.rest != b.rest {
			return b.rest
		}
		return a.final > b.final
	})
	left := c.Max.X - column
	pitch := min(textSize*1.9, p.Size().Y/vg.Length(len(lines)))
	for k, i := range order {
		l := lines[i]
		mid := p.Max.Y - (vg.Length(k)+0.5)*pitch
		c.StrokeLine2(lineStyle(i, l.rest), left, mid, left+keyWidth-5, mid)
		write(c, nameStyle, vg.Point{X: left + keyWidth, Y: mid}, draw.XLeft, draw.YCenter, l.name, names)
		write(c, numberStyle, vg.Point{X: c.Max.X, Y: mid}, draw.XRight, draw.YCenter, amount(l.final, unit), 0)
	}
}

func (f HeatFigure) step(i int) int { return stepAt(f.Steps, i) }

// lineStyle tells the lines apart by colour, and every other one by dashes too.
func lineStyle(i int, rest bool) draw.LineStyle {
	if rest {
		return draw.LineStyle{Color: muted, Width: 1.4, Dashes: []vg.Length{1.5, 2.5}}
	}
	sty := draw.LineStyle{Color: series[i%len(series)], Width: 1.6}
	if i%2 == 1 {
		sty.Dashes = []vg.Length{5, 2}
	}
	return sty
}

func amount(v float64, unit string) string {
	if !finite(v) {
		return "–"
	}
	return strings.TrimSpace(minus(Number(v, 3)) + " " + unit)
}

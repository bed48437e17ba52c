// Command archpicture prints the picture of docs/architecture.md as SVG:
//
//	go run ./internal/tools/archpicture > docs/architecture.svg
//
// It is drawn 720 units wide with letters of 19 and more, so that it can be read
// on a phone of 390 pixels, and takes its colours from the reader's scheme.
package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"
)

func main() {
	if _, err := os.Stdout.WriteString(picture()); err != nil {
		fmt.Fprintln(os.Stderr, "archpicture:", err)
		os.Exit(1)
	}
}

const (
	width, height = 720, 990
	style         = `
text{font-family:system-ui,'Liberation Sans',Arial,sans-serif;font-size:20px;fill:#1f2933}
.name{font-size:23px;font-weight:600}.small{fill:#566270}.mono{font-family:ui-monospace,'Liberation Mono',monospace;font-size:19px}
.paper{fill:#fffffe}.box{fill:#f0f4f8;stroke:#8796a5}.past{fill:#dbe4ec;stroke:#8796a5}.cell{fill:none;stroke:#8796a5}.rule{stroke:#8796a5;stroke-dasharray:4 4}
.go{stroke:#0068a5;fill:#0068a5}.back{stroke:#b84f00;fill:#b84f00}text.go,text.back{stroke:none}.mark{fill-opacity:.16}line,path{stroke-width:2}
@media(prefers-color-scheme:dark){
text{fill:#e6edf3}.small{fill:#a6b3c0}.paper{fill:#12181f}.box{fill:#1d2731;stroke:#6b7b8b}.past{fill:#2c3a47;stroke:#6b7b8b}.cell{stroke:#6b7b8b}.rule{stroke:#6b7b8b}
.go{stroke:#5bb8f5;fill:#5bb8f5}.back{stroke:#ff9d4d;fill:#ff9d4d}}
`
)

// canvas collects SVG.
type canvas struct{ strings.Builder }

func (c *canvas) put(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

func (c *canvas) text(x, y float64, class, anchor, s string) {
	c.put(`<text x="%g" y="%g" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(s))
}

func (c *canvas) rect(x, y, w, h float64, class string) {
	c.put(`<rect x="%g" y="%g" width="%g" height="%g" rx="3" class="%s"/>`, x, y, w, h, class)
}

// box is a package: what it is about, where it lies, what it does.
func (c *canvas) box(x, y float64, name, path, does string) {
	const w, h = 180, 96
	c.rect(x, y, w, h, "box")
	c.text(x+w/2, y+28, "name", "middle", name)
	c.text(x+w/2, y+55, "mono", "middle", path)
	c.text(x+w/2, y+82, "small", "middle", does)
}

// arrow is a line with a head, to the side or up or down.
func (c *canvas) arrow(x1, y1, x2, y2 float64, class string) {
	length := math.Hypot(x2-x1, y2-y1)
	dx, dy := (x2-x1)/length, (y2-y1)/length
	c.put(`<line x1="%g" y1="%g" x2="%g" y2="%g" class="%s"/>`, x1, y1, x2-8*dx, y2-8*dy, class)
	c.put(`<path d="M%g,%gL%g,%gL%g,%gZ" class="%s" stroke="none"/>`, x2, y2, x2-11*dx-6*dy, y2-11*dy+6*dx, x2-11*dx+6*dy, y2-11*dy-6*dx, class)
}

func picture() string {
	c := &canvas{}
	c.put(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="From graph file to fit: packages, memory and tape">`, width, height, width, height)
	c.put("<style>%s</style>", style)
	c.rect(0, 0, width, height, "paper")
	c.packages()
	c.arenas(350)
	c.tape(760)
	c.put("</svg>")
	return c.String()
}

// packages are the search above, and the way of a graph below it.
func (c *canvas) packages() {
	const left, middle, right = 15, 270, 525
	c.box(left, 20, "stage", "optim/search", "proposes starts")
	c.box(middle, 20, "method", "optim/method", "descends")
	c.box(right, 20, "loss", "optim/problem", "of the output")
	c.box(left, 210, "graph.json", "your file", "nodes and edges")
	c.box(middle, 210, "graph", "graph", "checks and plans")
	c.box(right, 210, "run", "graph/run", "forth and back")

	for _, y := range []float64{68, 258} {
		c.arrow(195, y, 268, y, "go")
	}
	c.arrow(450, 258, 523, 258, "go")
	c.arrow(450, 54, 523, 54, "go")
	c.text(486, 44, "go", "middle", "values")
	c.arrow(525, 84, 452, 84, "back")
	c.text(486, 107, "back", "middle", "slopes")

	c.arrow(538, 116, 538, 208, "go")
	c.text(530, 169, "go", "end", "values")
	c.arrow(570, 210, 570, 118, "go")
	c.text(577, 169, "go", "start", "output")
	c.arrow(645, 116, 645, 208, "back")
	c.text(652, 169, "back", "start", "slopes")
}

// arenas are two memories of one layout, and one row of both.
func (c *canvas) arenas(y float64) {
	c.text(15, y, "name", "start", "arena: one layout, two memories")
	const left, shift, end = 100, 120, 700 // history is as long as the shift
	for i, region := range []struct{ name, class, says string }{
		{"primal", "go", "a reader that is R frames late reads here"},
		{"dual", "back", "and adds the gradient of what it read here"},
	} {
		top := y + 20 + 188*float64(i)
		c.text(15, top+21, "mono", "start", region.name)
		x := float64(left)
		for _, cell := range []struct {
			name string
			w    float64
		}{{"parameters", 130}, {"states", 80}, {"row", 90}, {"row", 90}, {"…", 60}, {"records", 150}} {
			class := "cell"
			if x == left+210 {
				class = "past"
			}
			c.rect(x, top, cell.w, 30, class)
			c.text(x+cell.w/2, top+21, "small", "middle", cell.name)
			x += cell.w
		}
		row := top + 62
		c.put(`<path d="M%d,%gL%d,%gM%d,%gL%d,%g" class="rule"/>`, left+210, top+30, left, row, left+300, top+30, end, row)
		c.rect(left, row, shift, 40, "past")
		c.text(left+shift/2, row+27, "", "middle", "history")
		c.rect(left+shift, row, end-left-shift, 40, "cell")
		c.text((left+end)/2, row+27, "", "middle", "segment")
		c.rect(left, row+3, end-left-shift, 34, region.class+" mark")
		c.put(`<path d="M%d,%gv8H%dv-8" class="%s" style="fill:none"/>`, left+1, row+46, end-shift, region.class)
		c.text(left, row+78, region.class, "start", region.says)
		c.put(`<path d="M%d,%gH%d" class="%s"/>`, end-shift, row+58, end, region.class)
		c.text(end-shift/2, row+78, region.class, "middle", "R frames")
	}
}

// tape is a run of three segments, and its way back.
func (c *canvas) tape(y float64) {
	c.text(15, y, "name", "start", "tape: forth, and segment by segment back")
	at := [4]float64{150, 325, 500, 675}
	snapshot := func(k int, y float64) {
		c.put(`<circle cx="%g" cy="%g" r="15" class="box"/>`, at[k], y)
		c.text(at[k], y+6, "", "middle", fmt.Sprint("s", k))
	}
	y += 38
	c.text(15, y+6, "go", "start", "forward")
	for k := range 3 {
		c.arrow(at[k]+15, y, at[k+1]-16, y, "go")
		snapshot(k, y)
	}
	c.text(at[3]-10, y+6, "", "start", "end")
	for k := 2; k >= 0; k-- {
		y += 52
		mid := (at[k] + at[k+1]) / 2
		if k < 2 {
			snapshot(k, y)
			c.arrow(at[k]+15, y-9, at[k+1]-16, y-9, "go")
		} else {
			c.text(15, y+6, "back", "start", "back")
			c.text(mid, y-12, "small", "middle", "still there")
		}
		c.arrow(at[k+1]-16, y+9, at[k]+17, y+9, "back")
		if k < 2 {
			c.text(at[k+1]+8, y+6, "small", "start", []string{"… and once more", "rendered again"}[k])
		}
	}
}

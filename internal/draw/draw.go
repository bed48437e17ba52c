// Package draw draws the plan of a graph as SVG: a column for each stage, a box
// for each node, an arrow for each edge, labelled with its read offset.
package draw

import (
	"fmt"
	"html"
	"io"
	"sort"

	"ampfit/graph"
	"ampfit/graph/run"
)

const (
	boxWidth  = 190
	boxHeight = 62
	gapX      = 96
	gapY      = 30
	margin    = 24
)

type box struct{ x, y int }

// SVG writes the drawing of a run's plan.
func SVG(w io.Writer, r *run.Run) error {
	p := r.Plan
	at, width, height := place(p)
	out := &printer{w: w}
	out.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="Liberation Sans, Arial, sans-serif" font-size="12">`+"\n", width, height, width, height)
	out.printf("<style>.box{fill:#f4f6f8;stroke:#51606d}.loop{fill:#fdf3e0;stroke:#b9770e}.cut{fill:#f8e3e3;stroke:#a33}.edge{stroke:#51606d;fill:none}.mod{stroke:#2a6fb0;fill:none;stroke-dasharray:5 3}.label{fill:#333}.small{fill:#667;font-size:10.5px}@media(prefers-color-scheme:dark){.box{fill:#26303a}.loop{fill:#43351a}.cut{fill:#4a2626}.label{fill:#eee}.small{fill:#aab}}</style>\n")
	out.printf(`<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#51606d"/></marker></defs>` + "\n")
	for _, l := range p.Links {
		edge(out, l, at)
	}
	for _, c := range p.Components {
		for _, u := range c.Units {
			node(out, p, u, at[u])
		}
	}
	out.printf(`<text class="small" x="%d" y="%d">%g Hz · schedule %s · own latency %d frames · dashed: modulation · orange: feedback loop · red: no adjoint</text>`+"\n</svg>\n",
		margin, height-10, p.Rate, r.Schedule(), p.Latency)
	return out.err
}

// place gives every unit a box: stages are columns, file order within one.
func place(p *graph.Plan) (at map[*graph.Unit]box, width, height int) {
	at = map[*graph.Unit]box{}
	column := map[int]int{}
	last := map[int]int{}
	units := append([]*graph.Unit(nil), p.Units...)
	sort.SliceStable(units, func(i, j int) bool { return units[i].Component.Stage < units[j].Component.Stage })
	shift := 0 // a loop takes a column for each of its units
	for i := 0; i < len(units); {
		stage := units[i].Component.Stage
		most := 0
		for ; i < len(units) && units[i].Component.Stage == stage; i++ {
			u := units[i]
			inLoop := 0
			for k, v := range u.Component.Units {
				if v == u {
					inLoop = k
				}
			}
			c := stage + shift + inLoop
			column[c]++
			last[c] = column[c]
			at[u] = box{margin + c*(boxWidth+gapX), margin + (column[c]-1)*(boxHeight+gapY)}
			most = max(most, inLoop)
			width = max(width, at[u].x+boxWidth+margin+44)
			height = max(height, at[u].y+boxHeight+margin+40)
		}
		shift += most
	}
	return at, max(width, 760), height
}

func node(out *printer, p *graph.Plan, u *graph.Unit, b box) {
	class := "box"
	switch {
	case u.NoAdjoint:
		class = "cut"
	case u.Component.Loop:
		class = "loop"
	}
	out.printf(`<g><rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="6"/>`, class, b.x, b.y, boxWidth, boxHeight)
	out.printf(`<text class="label" font-weight="bold" x="%d" y="%d">%s</text>`, b.x+10, b.y+19, text(u.Name, 24))
	out.printf(`<text class="label" x="%d" y="%d">%s</text>`, b.x+10, b.y+36, text(u.Type.Name, 26))
	note := fmt.Sprintf("stage %d · %d lanes", u.Component.Stage, u.Lanes)
	if u.Lanes == 1 {
		note = fmt.Sprintf("stage %d · 1 lane", u.Component.Stage)
	}
	if u.Setup.Delay > 0 {
		note += fmt.Sprintf(" · delay %d", u.Setup.Delay)
	}
	if u.Component.Loop {
		note += fmt.Sprintf(" · %d frames a call", u.Component.Block)
	}
	out.printf(`<text class="small" x="%d" y="%d">%s</text></g>`+"\n", b.x+10, b.y+53, text(note, 36))
}

func edge(out *printer, l *graph.Link, at map[*graph.Unit]box) {
	from, to := at[l.From.Unit], at[l.To()]
	x1, y1 := from.x+boxWidth, from.y+boxHeight/2
	x2, y2 := to.x, to.y+boxHeight/2
	class, label := "edge", ""
	if l.Param != nil || l.Edge != nil && l.Edge.Param != "" {
		class = "mod"
		y2 = to.y + boxHeight - 10
	}
	if l.R > 0 {
		label = fmt.Sprintf("%d frames", l.R)
	}
	path := fmt.Sprintf("M%d,%d C%d,%d %d,%d %d,%d", x1, y1, x1+gapX/2, y1, x2-gapX/2, y2, x2, y2)
	lx, ly := (x1+x2)/2, (y1+y2)/2-5
	if x2 <= x1 { // back around below the boxes
		low := max(from.y, to.y) + boxHeight + 14
		path = fmt.Sprintf("M%d,%d C%d,%d %d,%d %d,%d L%d,%d C%d,%d %d,%d %d,%d", x1, y1, x1+40, y1, x1+40, low, x1-10, low, x2+10, low, x2-40, low, x2-40, y2, x2, y2)
		ly = low - 4
	}
	out.printf(`<path class="%s" marker-end="url(#tip)" d="%s"/>`+"\n", class, path)
	if label != "" {
		out.printf(`<text class="small" text-anchor="middle" x="%d" y="%d">%s</text>`+"\n", lx, ly, label)
	}
}

// text escapes and shortens.
func text(s string, most int) string {
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return html.EscapeString(s)
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

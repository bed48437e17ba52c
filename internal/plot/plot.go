// Package plot draws the figures of a fit: loss and heat over the steps,
// spectrograms and waveforms of target and fit.
//
// A figure is a struct of numbers and a function that draws it:
//
//	err := plot.Loss(w, plot.PNG, plot.LossFigure{Loss: "esr", Values: values})
//
// One drawing serves a PNG file, an SVG file, and SVG inside an HTML page whose
// colours follow the page. Whatever the numbers are (none, one, NaN, infinite,
// zero), there is a figure: what cannot be drawn is left out, and the line under
// the title says so.
//
// The drawing goes through the canvases of gonum/plot, which this package alone
// imports. Axes and legends are its own: they fill a given rectangle exactly, so
// that panels line up, and no value makes them panic.
package plot

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// Format is the kind of output.
type Format int

const (
	PNG Format = iota
	SVG        // a file of its own

	// Inline is an <svg> element for an HTML page. It has no background and no
	// size; text and grid take the CSS colours --plot-ink, --plot-muted,
	// --plot-grid, --plot-faint and --plot-paper where the page sets them, and the
	// first line --plot-blue.
	Inline
)

// dpi gives a figure some 1070 pixels of width, whose text is read at 100 %.
const dpi = 120

// figureWidth is the width of every figure in points.
const figureWidth = 640

// render draws on a canvas of the format and writes it.
func render(w io.Writer, as Format, height vg.Length, title string, paint func(draw.Canvas)) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("plot: drawing %q: %v", title, r)
		}
	}()
	switch as {
	case PNG:
		c := vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(figureWidth, height), vgimg.UseDPI(dpi))}
		background(draw.New(c))
		paint(draw.New(c))
		_, err = c.WriteTo(w)
		return err
	case SVG, Inline:
		c := vgsvg.New(figureWidth, height)
		if as == SVG {
			background(draw.New(c))
		}
		paint(draw.New(c))
		var b bytes.Buffer
		if _, err := c.WriteTo(&b); err != nil {
			return err
		}
		_, err = io.WriteString(w, tidySVG(b.String(), as, title))
		return err
	}
	return fmt.Errorf("plot: no format %d", as)
}

func background(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
}

// tidySVG mends what the SVG canvas writes: raster images are PNG whatever it
// says, and fill their rectangle; other systems have other sans-serif fonts, and a figure has a name for
// those who do not see it.
func tidySVG(s string, as Format, title string) string {
	s = strings.ReplaceAll(s, "data:image/jpg;", "data:image/png;")
	s = strings.ReplaceAll(s, "<image ", `<image preserveAspectRatio="none" `)
	s = strings.ReplaceAll(s, "font-family:Liberation Sans;", "font-family:'Liberation Sans',Arial,Helvetica,sans-serif;")
	at := strings.Index(s, "<svg ")
	end := at + strings.Index(s[at:], ">")
	box := s[at:end]
	box = box[strings.Index(box, "viewBox="):]
	name := `role="img" aria-label="` + html.EscapeString(clean(title)) + `" `
	if as == SVG {
		return s[:at] + "<svg " + name + s[at+len("<svg "):]
	}
	s = "<svg " + name + box + s[end:]
	for _, v := range []struct {
		name  string
		color color.NRGBA
	}{{"ink", ink}, {"muted", muted}, {"grid", grid}, {"faint", faint}, {"paper", paper}, {"blue", blue}, {"blue", alpha(blue, sheer)}} {
		s = strings.ReplaceAll(s, ":"+hex(v.color), ":var(--plot-"+v.name+","+hex(v.color)+")")
	}
	return s
}

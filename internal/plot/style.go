package plot

import (
	"fmt"
	"image/color"
	"math"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/image/font"
	gonum "gonum.org/v1/plot"
	gfont "gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours are not premultiplied: as color.RGBA a translucent orange is green.
var (
	ink   = color.NRGBA{0x1F, 0x29, 0x33, 0xFF} // text
	muted = color.NRGBA{0x5B, 0x65, 0x70, 0xFF} // axes and second-rank text
	grid  = color.NRGBA{0xDD, 0xE2, 0xE8, 0xFF}
	faint = color.NRGBA{0xF0, 0xF2, 0xF5, 0xFF} // minor grid
	paper = color.NRGBA{0xFF, 0xFF, 0xFE, 0xFF} // not the white of a palette

	// M. Okabe and K. Ito, Color Universal Design (2008), without black and
	// yellow, which vanish on a dark and on a light page; then two of P. Tol's
	// muted scheme.
	blue      = color.NRGBA{0x00, 0x72, 0xB2, 0xFF}
	vermilion = color.NRGBA{0xD5, 0x5E, 0x00, 0xFF}
	series    = []color.NRGBA{
		blue, vermilion,
		{0x00, 0x9E, 0x73, 0xFF}, {0xCC, 0x79, 0xA7, 0xFF}, {0x56, 0xB4, 0xE9, 0xFF}, {0xE6, 0x9F, 0x00, 0xFF},
		{0x99, 0x99, 0x33, 0xFF}, {0xAA, 0x44, 0x99, 0xFF},
	}
)

// sheer is the opacity of what shows something below.
const sheer = 0x90

func alpha(c color.NRGBA, a uint8) color.NRGBA { c.A = a; return c }

// hex is how the SVG canvas writes c: a translucent colour comes out of its
// premultiplied form with the fraction cut off.
func hex(c color.NRGBA) string {
	r, g, b, a := c.RGBA()
	back := func(v uint32) int { return int(float64(v) * (255 / float64(a))) }
	return fmt.Sprintf("#%02X%02X%02X", back(r), back(g), back(b))
}

// Text sizes in points; a pixel of the PNG is 0.6 of them.
const (
	titleSize = 12
	textSize  = 9.5
	tickSize  = 9
)

func textStyle(size vg.Length, c color.Color, bold bool) draw.TextStyle {
	f := gfont.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	if bold {
		f.Weight = font.WeightBold
	}
	return draw.TextStyle{Color: c, Font: f, Handler: gonum.DefaultTextHandler}
}

// header writes title and subtitle and returns the canvas below, inside a margin.
func header(c draw.Canvas, title, subtitle string) draw.Canvas {
	c = draw.Crop(c, 10, -10, 8, -8)
	write(c, textStyle(titleSize, ink, true), vg.Point{X: c.Min.X, Y: c.Max.Y}, draw.XLeft, draw.YTop, title, c.Size().X)
	used := vg.Length(titleSize + 8)
	if subtitle != "" {
		write(c, textStyle(textSize, muted, false), vg.Point{X: c.Min.X, Y: c.Max.Y - titleSize - 4}, draw.XLeft, draw.YTop, subtitle, c.Size().X)
		used += textSize + 6
	}
	return draw.Crop(c, 0, 0, 0, -used)
}

// sentence writes s in the middle: a figure without data says why.
func sentence(c draw.Canvas, s string) {
	write(c, textStyle(textSize+1, muted, false), c.Center(), draw.XCenter, draw.YCenter, s, c.Size().X)
}

// write puts one line of text at pt, aligned as said, cut to the width if that
// is positive. It returns the width taken.
func write(c draw.Canvas, sty draw.TextStyle, pt vg.Point, x draw.XAlignment, y draw.YAlignment, s string, width vg.Length) vg.Length {
	s = clean(s)
	if width > 0 {
		s = elide(sty, s, width)
	}
	if s == "" {
		return 0
	}
	sty.XAlign, sty.YAlign = x, y
	c.FillText(sty, pt, s)
	return sty.Width(s)
}

// clean makes one printable line of any string.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
}

// elide cuts out the middle of s until it fits: names often differ at the end.
func elide(sty draw.TextStyle, s string, width vg.Length) string {
	r := []rune(s)
	if len(r) <= 400 && sty.Width(s) <= width {
		return s
	}
	lo, hi := 0, min(len(r)-1, 400) // kept runes: lo fits, hi+1 does not
	cut := func(n int) string {
		head := (n + 1) / 2
		return string(r[:head]) + "…" + string(r[len(r)-(n-head):])
	}
	for lo < hi {
		mid := (lo + hi + 1) / 2
		if sty.Width(cut(mid)) <= width {
			lo = mid
		} else {
			hi = mid - 1
		}
	}
	return cut(lo)
}

// Number writes v with the given significant digits as a person would: digits
// before the point are all kept, zeros at the end are not, and an exponent
// stands only below 1e-4 and from 1e6 on.
func Number(v float64, digits int) string {
	switch {
	case math.IsNaN(v):
		return "NaN"
	case math.IsInf(v, 1):
		return "∞"
	case math.IsInf(v, -1):
		return "-∞"
	case v == 0:
		return "0"
	}
	if a := math.Abs(v); a < 1e-4 || a >= 1e6 {
		s := strconv.FormatFloat(v, 'e', digits-1, 64)
		mantissa, exponent, _ := strings.Cut(s, "e")
		e, _ := strconv.Atoi(exponent)
		return trimZeros(mantissa) + "e" + strconv.Itoa(e)
	}
	decimals := max(0, digits-1-int(math.Floor(math.Log10(math.Abs(v)))))
	return trimZeros(strconv.FormatFloat(v, 'f', decimals, 64))
}

func trimZeros(s string) string {
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}

// minus sets the sign that stands at the height of the digits.
func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// nan marks a gap.
var nan = math.NaN()

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

package plot

import (
	"image/color"
	"math"
)

// magma is perceptually even from black to light yellow, also in grey and to
// colour-blind eyes: nine points of the map by N. Smith and S. van der Walt
// (matplotlib, 2015).
var magma = interpolate(
	0x000004, 0x1D1147, 0x51127C, 0x832681, 0xB73779, 0xE75263, 0xFC8961, 0xFEC488, 0xFCFDBF,
)

// diverging runs from blue over near-white to vermilion.
var diverging = interpolate(0x08306B, 0x0072B2, 0x7DB8DC, 0xF4F4F2, 0xF2AE72, 0xD55E00, 0x7A2E00)

// interpolate returns 256 colours through evenly spaced points.
func interpolate(points ...uint32) color.Palette {
	p := make(color.Palette, 256)
	for i := range p {
		at := float64(i) / 255 * float64(len(points)-1)
		k := min(int(at), len(points)-2)
		t := at - float64(k)
		mix := func(shift int) uint8 {
			a, b := float64(points[k]>>shift&0xFF), float64(points[k+1]>>shift&0xFF)
			return uint8(math.Round(a + t*(b-a)))
		}
		p[i] = color.NRGBA{mix(16), mix(8), mix(0), 0xFF}
	}
	return p
}

// shade returns the index of v in a palette of 256 that spans lo to hi.
func shade(v, lo, hi float64) uint8 {
	return uint8(math.Round(255 * max(0, min(1, (v-lo)/(hi-lo)))))
}

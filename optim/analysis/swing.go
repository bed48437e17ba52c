package analysis

import "math"

// Swing is a pitch that a sine moves: centre and depth in Hz, phase in cycles.
type Swing struct{ Centre, Depth, Rate, Phase float64 }

// Limits of what counts as a vibrato.
const (
	swingSlowest = 1.5  // turns in the sound
	swingFastest = 16.0 // Hz
	swingShare   = 0.4  // of the pitch's variance that it explains
	swingLong    = 10.0 // s of the sound at most: rates to try and times to try them at grow with it
)

// FindSwing follows the partial at a frequency, the harmonic of a pitch by its
// number, and finds the sine that moves it most. The partial is mixed down to
// 0 Hz and smoothed over some periods of the pitch; the turn of its phase from
// frame to frame is what its frequency is off.
func FindSwing(x []float64, rate, freq, pitch float64) (Swing, bool) {
	x = x[:min(len(x), int(swingLong*rate))]
	size := int(4 * rate / pitch)
	if size < 8 || len(x) < 8*size {
		return Swing{}, false
	}
	hop := max(1, size/8)
	hann := make([]float64, size)
	for i := range hann {
		hann[i] = 1 - math.Cos(2*math.Pi*(float64(i)+0.5)/float64(size))
	}
	re, im := make([]float64, len(x)), make([]float64, len(x))
	for n, v := range x {
		sin, cos := math.Sincos(-2 * math.Pi * math.Mod(freq*float64(n)/rate, 1))
		re[n], im[n] = v*cos, v*sin
	}
	var times, off, weight []float64
	var a0, b0 float64
	for at := 0; at+size <= len(x); at += hop {
		var a, b float64
		for i, w := range hann {
			a += w * re[at+i]
			b += w * im[at+i]
		}
		if at > 0 {
			// the angle of (a + ib)(a0 - ib0)
			times = append(times, (float64(at)+float64(size-hop)/2)/rate)
			off = append(off, math.Atan2(b*a0-a*b0, a*a0+b*b0)/(2*math.Pi)*rate/float64(hop))
			weight = append(weight, math.Hypot(a, b)*math.Hypot(a0, b0))
		}
		a0, b0 = a, b
	}
	seconds := float64(len(x)) / rate
	best, share := Swing{}, 0.0
	try := func(r float64) float64 {
		s, e := fitSine(times, off, weight, r)
		if e > share {
			best, share = s, e
		}
		return e
	}
	step := 0.2 / seconds
	for r := swingSlowest / seconds; r < swingFastest; r += step {
		try(r)
	}
	if share == 0 { // too short for a turn and a half of any, or silent
		return Swing{}, false
	}
	for ; step > 1e-4; step /= 2 {
		r := best.Rate
		try(r - step/2)
		try(r + step/2)
	}
	best.Centre += freq
	return best, share > swingShare
}

// fitSine fits c + depth sin 2π(phase + rate t) by least squares and returns the
// share of the variance that the sine explains.
func fitSine(t, y, weight []float64, rate float64) (Swing, float64) {
	var g [3][4]float64 // normal equations
	var mean, sum float64
	for i, v := range y {
		sin, cos := math.Sincos(2 * math.Pi * rate * t[i])
		row := [4]float64{1, sin, cos, v}
		for j := range 3 {
			for k := range 4 {
				g[j][k] += weight[i] * row[j] * row[k]
			}
		}
		mean, sum = mean+weight[i]*v, sum+weight[i]
	}
	mean /= sum
	for j := range 3 {
		for k := range 3 {
			if k == j || g[j][j] == 0 {
				continue
			}
			f := g[k][j] / g[j][j]
			for c := range 4 {
				g[k][c] -= f * g[j][c]
			}
		}
	}
	var p [3]float64
	for j := range p {
		if g[j][j] == 0 {
			return Swing{}, 0
		}
		p[j] = g[j][3] / g[j][j]
	}
	var left, all float64
	for i, v := range y {
		sin, cos := math.Sincos(2 * math.Pi * rate * t[i])
		d := v - p[0] - p[1]*sin - p[2]*cos
		left += weight[i] * d * d
		all += weight[i] * (v - mean) * (v - mean)
	}
	if all == 0 {
		return Swing{}, 0
	}
	phase := math.Atan2(p[2], p[1]) / (2 * math.Pi)
	return Swing{p[0], math.Hypot(p[1], p[2]), rate, phase - math.Floor(phase)}, 1 - left/all
}

package loss

import "math"

// binSums is what the forward sweep adds up over bins.
type binSums struct {
	square float64 // Σ (X-Y)²
	log    float64 // Σ |ln X - ln Y|
	lin    float64 // Σ |X-Y|
}

// magnitudes writes √max(re²+im², floor).
func (r *resolution) magnitudes(dst, re, im []float64) {
	for k := range dst {
		dst[k] = magnitude(re[k], im[k], r.floor)
	}
}

// magnitude returns √max(re²+im², floor), and NaN for NaN.
func magnitude(re, im, floor float64) float64 {
	p := float64(re*re) + float64(im*im) // not fused: X = Y where x = y
	if p < floor {
		p = floor
	}
	return math.Sqrt(p)
}

// logRun is the number of bins that share a logarithm:
//
//	Σ |ln X - ln Y| = ln( Π max(X,Y) / Π min(X,Y) )
//
// A magnitude is 1e-4 or more, so a product of 32 is above 1e-128.
const logRun = 32

// add adds the bins of a spectrum re, im against the magnitudes y.
func (s *binSums) add(re, im, y []float64, floor float64) {
	re, im = re[:len(y)], im[:len(y)]
	k := 0
	if useAVX2 {
		for ; k+4 <= len(y); k += min(4*logRun, (len(y)-k)&^3) {
			end := k + min(4*logRun, (len(y)-k)&^3)
			s.addVectors(re[k:end], im[k:end], y[k:end], floor)
		}
	}
	for k < len(y) {
		end := min(k+logRun, len(y))
		if len(y)-end < logRun/4 {
			end = len(y) // the last bin of 2^k+1 joins the run before it
		}
		s.addRun(re[k:end], im[k:end], y[k:end], floor)
		k = end
	}
}

func (s *binSums) addRun(re, im, y []float64, floor float64) {
	re, im = re[:len(y)], im[:len(y)]
	square, lin, high, low := 0.0, 0.0, 1.0, 1.0
	for k, v := range y {
		m := magnitude(re[k], im[k], floor)
		d := m - v
		square += d * d
		lin += math.Abs(d)
		// of positive floats the greater has the greater bits, and integers
		// are chosen from without a branch
		h, l := math.Float64bits(m), math.Float64bits(v)
		if h < l {
			h, l = l, h
		}
		high *= math.Float64frombits(h)
		low *= math.Float64frombits(l)
	}
	s.square += square
	s.lin += lin
	s.addLog(high/low, re, im, y, floor)
}

// addVectors is addRun of 4·logRun bins or less, a multiple of four, by a
// kernel with four sums of each kind.
func (s *binSums) addVectors(re, im, y []float64, floor float64) {
	var out [16]float64
	sumsAVX2(&out, &re[0], &im[0], &y[0], len(y)/4, floor)
	s.square += out[0] + out[1] + out[2] + out[3]
	s.lin += out[4] + out[5] + out[6] + out[7]
	s.addLog(out[8]/out[12]*(out[9]/out[13])*(out[10]/out[14]*(out[11]/out[15])), re, im, y, floor)
}

// addLog adds the logarithm of a ratio of products over some bins, or, if it
// overflows or is NaN, those of the bins one by one.
func (s *binSums) addLog(ratio float64, re, im, y []float64, floor float64) {
	if ratio <= math.MaxFloat64 {
		s.log += math.Log(ratio)
		return
	}
	for k, v := range y {
		s.log += math.Abs(math.Log(magnitude(re[k], im[k], floor)) - math.Log(v))
	}
}

// binGradient writes the gradient dre, dim of a spectrum re, im. A bin above
// the floor has
//
//	∂X/∂re = re/X,   so   dre = re/X (sc (X-Y) + sign(X-Y) (log/X + lin))
//
// and likewise dim; one at or below it has none.
func binGradient(dre, dim, re, im, y []float64, sc, log, lin, floor float64) {
	re, im, dre, dim = re[:len(y)], im[:len(y)], dre[:len(y)], dim[:len(y)]
	if n := len(y) &^ 3; useAVX2 && n > 0 {
		gradientAVX2(&dre[0], &dim[0], &re[0], &im[0], &y[0], n/4, sc, log, lin, floor)
		dre, dim, re, im, y = dre[n:], dim[n:], re[n:], im[n:], y[n:]
	}
	for k, v := range y {
		a, b := re[k], im[k]
		p := float64(a*a) + float64(b*b)
		if p <= floor {
			dre[k], dim[k] = 0, 0
			continue
		}
		m := math.Sqrt(p)
		d := m - v
		inverse := 1 / m
		slope := math.Copysign(log*inverse+lin, d)
		if d == 0 {
			slope = 0
		}
		w := inverse * (sc*d + slope)
		dre[k], dim[k] = w*a, w*b
	}
}

// window writes x times the window w to dst.
func window(dst, x, w []float64) {
	dst, x = dst[:len(w)], x[:len(w)]
	if n := len(w) &^ 3; useAVX2 && n > 0 {
		windowAVX2(&dst[0], &x[0], &w[0], n/4)
		dst, x, w = dst[n:], x[n:], w[n:]
	}
	for i, v := range w {
		dst[i] = x[i] * v
	}
}

// addWindowed adds x times the window w to dst.
func addWindowed(dst, x, w []float64) {
	dst, x = dst[:len(w)], x[:len(w)]
	if n := len(w) &^ 3; useAVX2 && n > 0 {
		addWindowedAVX2(&dst[0], &x[0], &w[0], n/4)
		dst, x, w = dst[n:], x[n:], w[n:]
	}
	for i, v := range w {
		dst[i] += x[i] * v
	}
}

package nodes

import "math"

type interpolation int

const (
	linear interpolation = iota
	lagrange3
	thiran
)

// tap is where and how a frame reads the line: Σ_j w[j] v[n-k-j], and the
// slopes of w by the time. The all-pass uses w[0] as its η.
type tap struct {
	k     int
	taps  int
	w, dw [4]float64
}

// set places the tap at a time in frames; first is the nearest frame it may use.
func (t *tap) set(interp interpolation, time float64, first int) {
	k := int(time)
	switch interp {
	case linear:
		t.k, t.taps = max(k, first), 2
		f := time - float64(t.k)
		t.w[0], t.w[1] = 1-f, f
		t.dw[0], t.dw[1] = -1, 1
	case lagrange3:
		t.k, t.taps = max(k-1, first), 4
		f := time - float64(t.k)
		p, q, r := f-1, f-2, f-3
		t.w = [4]float64{-p * q * r / 6, f * q * r / 2, -f * p * r / 2, f * p * q / 6}
		t.dw = [4]float64{-(p*q + p*r + q*r) / 6, (f*q + f*r + q*r) / 2, -(f*p + f*r + p*r) / 2, (f*p + f*q + p*q) / 6}
	case thiran:
		t.k, t.taps = max(int(time+0.5)-1, first), 2
		f := time - float64(t.k)
		t.w[0] = (1 - f) / (1 + f)
		t.dw[0] = -2 / ((1 + f) * (1 + f))
	}
}

// read returns the interpolated value at frame i of the row, or its slope by
// the time, depending on which weights are given. What lies before the row is
// before the run: zero.
func (t *tap) read(v []float64, i int, w *[4]float64) float64 {
	i -= t.k
	if t.taps == 2 && i >= 1 {
		return math.FMA(w[1], v[i-1], w[0]*v[i])
	}
	sum := 0.0
	for j := range t.taps {
		if i >= j {
			sum = math.FMA(w[j], v[i-j], sum)
		}
	}
	return sum
}

// add is the transposed of read.
func (t *tap) add(dv []float64, i int, g float64) {
	i -= t.k
	for j := range t.taps {
		if i >= j {
			dv[i-j] += t.w[j] * g
		}
	}
}

// oldestFirst returns the weights as vec.FIR wants them, and how many frames
// before n the first of them reads.
func (t *tap) oldestFirst(w *[4]float64) (taps [4]float64, past int) {
	for j := range t.taps {
		taps[t.taps-1-j] = w[j]
	}
	return taps, t.k + t.taps - 1
}

// tap reads internal row i around frame n at a time in frames: whole frames and
// a fraction as tap.set has them.
func (f *formula) tap(interp interpolation, row int, time num, first, n, history int) num {
	var t tap
	t.set(interp, f.v[time], first)
	u, at := f.shift(-float64(t.k), time), history+n-t.k
	if interp == linear {
		a, b := f.row(row, at), f.row(row, at-1)
		return f.mixed(u, a, b)
	}
	p, q, r := f.shift(-1, u), f.shift(-2, u), f.shift(-3, u)
	return f.sum(
		f.mul(f.scale(-1./6, f.mul(p, f.mul(q, r))), f.row(row, at)),
		f.mul(f.scale(1./2, f.mul(u, f.mul(q, r))), f.row(row, at-1)),
		f.mul(f.scale(-1./2, f.mul(u, f.mul(p, r))), f.row(row, at-2)),
		f.mul(f.scale(1./6, f.mul(u, f.mul(p, q))), f.row(row, at-3)))
}

// least is a time that stays at a bound, where it has no slope.
func (f *formula) least(time num, bound float64) num {
	if f.v[time] < bound {
		return f.number(bound)
	}
	return time
}

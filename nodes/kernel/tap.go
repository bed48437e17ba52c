package kernel

import "math"

// Interpolation is how a delay line is read between its frames.
type Interpolation int

const (
	Linear    Interpolation = iota // between two frames
	Lagrange3                      // third order, over four frames
	Thiran                         // all-pass of first order, which has a state
)

// Tap is where and how a frame reads the line: Σ_j W[j] v[n-K-j], and the
// slopes of W by the time. The all-pass uses W[0] as its η.
type Tap struct {
	K     int        // frames back to the first that it reads
	Taps  int        // how many it reads
	W, DW [4]float64 // weights, and their slopes by the time in frames
}

// Set places the tap at a time in frames; first is the nearest frame it may use.
func (t *Tap) Set(interp Interpolation, time float64, first int) {
	k := int(time)
	switch interp {
	case Linear:
		t.K, t.Taps = max(k, first), 2
		f := time - float64(t.K)
		t.W[0], t.W[1] = 1-f, f
		t.DW[0], t.DW[1] = -1, 1
	case Lagrange3:
		t.K, t.Taps = max(k-1, first), 4
		f := time - float64(t.K)
		p, q, r := f-1, f-2, f-3
		t.W = [4]float64{-p * q * r / 6, f * q * r / 2, -f * p * r / 2, f * p * q / 6}
		t.DW = [4]float64{-(p*q + p*r + q*r) / 6, (f*q + f*r + q*r) / 2, -(f*p + f*r + p*r) / 2, (f*p + f*q + p*q) / 6}
	case Thiran:
		t.K, t.Taps = max(int(time+0.5)-1, first), 2
		f := time - float64(t.K)
		t.W[0] = (1 - f) / (1 + f)
		t.DW[0] = -2 / ((1 + f) * (1 + f))
	}
}

// Read returns the interpolated value at frame i of the row, or its slope by
// the time, depending on which weights are given. What lies before the row is
// before the run: zero.
func (t *Tap) Read(v []float64, i int, w *[4]float64) float64 {
	i -= t.K
	if t.Taps == 2 && i >= 1 {
		return math.FMA(w[1], v[i-1], w[0]*v[i])
	}
	sum := 0.0
	for j := range t.Taps {
		if i >= j {
			sum = math.FMA(w[j], v[i-j], sum)
		}
	}
	return sum
}

// Add adds to dv what Read with the weights W gives for a gradient g.
func (t *Tap) Add(dv []float64, i int, g float64) {
	i -= t.K
	for j := range t.Taps {
		if i >= j {
			dv[i-j] += t.W[j] * g
		}
	}
}

// OldestFirst returns the weights as vec.FIR wants them, and how many frames
// before n the first of them reads.
func (t *Tap) OldestFirst(w *[4]float64) (taps [4]float64, past int) {
	for j := range t.Taps {
		taps[t.Taps-1-j] = w[j]
	}
	return taps, t.K + t.Taps - 1
}

// Tap reads internal row i around frame n at a time in frames: whole frames and
// a fraction as Tap.Set has them; history is where frame 0 stands in the row.
func (f *Formula) Tap(interp Interpolation, row int, time Number, first, n, history int) Number {
	var t Tap
	t.Set(interp, f.v[time], first)
	u, at := f.Shift(-float64(t.K), time), history+n-t.K
	if interp == Linear {
		a, b := f.Row(row, at), f.Row(row, at-1)
		return f.Mix(u, a, b)
	}
	p, q, r := f.Shift(-1, u), f.Shift(-2, u), f.Shift(-3, u)
	return f.Sum(
		f.Mul(f.Scale(-1./6, f.Mul(p, f.Mul(q, r))), f.Row(row, at)),
		f.Mul(f.Scale(1./2, f.Mul(u, f.Mul(q, r))), f.Row(row, at-1)),
		f.Mul(f.Scale(-1./2, f.Mul(u, f.Mul(p, r))), f.Row(row, at-2)),
		f.Mul(f.Scale(1./6, f.Mul(u, f.Mul(p, q))), f.Row(row, at-3)))
}

// AtLeast is a time that stays at a bound, where it has no slope.
func (f *Formula) AtLeast(time Number, bound float64) Number {
	if f.v[time] < bound {
		return f.Const(bound)
	}
	return time
}

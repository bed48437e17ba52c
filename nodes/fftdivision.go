package nodes

import (
	"math"
	"math/bits"
	"math/cmplx"
	"slices"

	"ampfit/abi"
	"ampfit/internal/vec"
)

func init() { abi.Register(fftDivision) }

// fftDivision divides the spectrum of the last N frames of the input by that of
// the divisor, in every frame anew, and keeps the newest frame of the quotient:
//
//	X = DFT(w x),  D = DFT(w d),  m = max(|D|², ε)
//	y[n] = Re Σ_k a_k γ_k X_k D̅_k/m_k,   γ_k = g_k e^{iφ},  a_k = e^{-2πik/N}/N
//
// The adjoint is that of this map, not its inverse. With z̅ the conjugate of z,
// and Z' the gradient of Z (by its real part, plus i times that by its
// imaginary part):
//
//	Q'_k = conj(a_k γ_k) ȳ[n]
//	X'_k = D_k/m_k Q'_k,   x̄[n-N+1+j] += w_j Re Σ_k X'_k e^{2πijk/N}
//	D'_k = -conj(Q_k/D_k) Q'_k where |D_k|² > ε, else X_k conj(Q'_k)/ε;  d̄ alike
//	φ̄[n] = Re Σ_k conj(i Y_k) a̅_k ȳ,   ḡ_k = Re(conj(e^{iφ} Q_k) a̅_k ȳ)
//
// x and d are kept as internal rows; their duals collect what later frames add.
var fftDivision = abi.NodeType{
	Name: "FFTDivisionNode", Family: controlled,
	Doc: "Divides the short-time spectrum of the input by that of a divisor signal.",
	Detail: "In every frame: the last window_size frames of input and divisor are windowed and transformed, divided bin by bin (the divisor's power at least epsilon), weighted, turned by phase_offset and transformed back; the output is the newest frame. " +
		"Bins between lower_band and upper_band (0 to 1 over all bins) weigh filter_intensity, the others 1 − filter_intensity, at least 1e-6; the bands have no slope. " +
		"There is no synthesis window, so the output is not 1 for equal signals, and the bins are not symmetric about the middle: the real part is taken. " +
		"Until the window is full the output is x/d, d kept away from 0 by epsilon. The adjoint reaches input, divisor, phase and intensity; where the divisor's spectrum is below epsilon it is steep; a constant divisor has exact zeros in the bins that its window leaves silent. " +
		"algorithm dynamic has carriers in the place of bins: complex sinusoids, fitted to the windowed input by least squares with windowed carriers (a ridge of 1e-8), gated by their frequencies, turned, and summed in the newest frame over window_size. The divisor has no part in it once the window is full. The gradient of a carrier's frequency is exact; where the value is taken as Hz or held to 1 it is that of the piece.",
	Source: "The AMP runtime's FFTDivisionNode, revision of 2025-10-28.",
	Inputs: in, Outputs: out,
	Params: append([]abi.Param{
		{Name: "divisor", Role: abi.Other, Default: 1, Min: -1000, Max: 1000, Mod: true, Doc: "Real part of the divisor signal."},
		{Name: "divisor_imag", Role: abi.Other, Default: 0, Min: -1000, Max: 1000, Mod: true, Doc: "Imaginary part of the divisor signal."},
		{Name: "phase_offset", Role: abi.Other, Unit: "rad", Default: 0, Min: -100, Max: 100, Mod: true, Doc: "Turns the quotient."},
		{Name: "lower_band", Role: abi.Other, Default: 0, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Lower end of the band, over all bins."},
		{Name: "upper_band", Role: abi.Other, Default: 1, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Upper end of the band; the lower one where they are reversed."},
		{Name: "filter_intensity", Role: abi.Other, Default: 1, Min: 0, Max: 1, Mod: true, Doc: "Weight in the band; outside it is 1 less this."},
	}, carrierParams()...),
	Config: []abi.Key{
		{Name: "window_size", Kind: abi.Int, Default: 8.0, Min: 2, Max: 16384, Doc: "Frames of a window; powers of two are fast."},
		{Name: "window", Kind: abi.String, Default: "hann", Enum: []string{"hann", "hamming", "rectangular"}, Doc: "Symmetric window."},
		{Name: "epsilon", Kind: abi.Number, Default: 1e-9, Min: 1e-30, Max: 1, Doc: "Least power of a bin of the divisor, and least size of the divisor before the window is full."},
		{Name: "algorithm", Kind: abi.String, Default: "fft", Enum: []string{"fft", "dft", "dynamic"}, Doc: "The first two are the same transform here; dynamic fits carriers."},
		{Name: "max_batch_windows", Kind: abi.Int, Default: 32.0, Doc: "AMP's batching: no effect."},
		{Name: "enable_remainder", Kind: abi.Bool, Default: true, Doc: "The AMP runtime's: no effect there either."},
	},
	Configure: func(s *abi.Setup) error {
		law := newTransform(s.Config.Int("window_size"))
		law.epsilon = s.Config.Number("epsilon")
		for j := range law.window {
			law.window[j] = 1
			c := math.Cos(2 * math.Pi * float64(j) / float64(law.n-1))
			switch s.Config.Text("window") {
			case "hann":
				law.window[j] = 0.5 - 0.5*c
			case "hamming":
				law.window[j] = 0.54 - 0.46*c
			}
		}
		if err := setCarriers(s, law); err != nil {
			return err
		}
		re, im := slices.Clone(law.window), make([]float64, law.n)
		law.run(re, im, make([]float64, 2*law.n))
		for k := range re {
			w := complex(re[k], im[k])
			if cmplx.Abs(w) < 1e-13*re[0] {
				w = 0
			}
			law.spectrum = append(law.spectrum, w)
		}
		s.Internal = []int{law.n - 1, law.n - 1, law.n - 1}
		s.Scratch = max(6*law.n, carrierScratch(law.n, law.carriers))
		s.Data = law
		return nil
	},
	Internal: []int{0, 0, 0}, // x and the two parts of d
	Forward:  lanes(fftDivisionForward),
	Backward: lanePairs(fftDivisionBackward),
}

// transform is a complex Fourier transform of n values.
type transform struct {
	n        int
	cos, sin []float64 // of 2πk/n
	reversed []int     // bits of the index; nil: n is no power of two
	window   []float64
	spectrum []complex128 // of the window, 0 where it is a rounding error
	epsilon  float64
	dynamic  bool
	carriers int
	power    float64 // Σ w²
}

func newTransform(n int) *transform {
	f := &transform{n: n, cos: make([]float64, n), sin: make([]float64, n), window: make([]float64, n)}
	for k := range n {
		f.sin[k], f.cos[k] = math.Sincos(2 * math.Pi * float64(k) / float64(n))
	}
	if n&(n-1) == 0 {
		f.reversed = make([]int, n)
		for k := range n {
			f.reversed[k] = int(bits.Reverse64(uint64(k)) >> (65 - bits.Len(uint(n))))
		}
	}
	return f
}

// run transforms (re, im) in place, with e^{-i…}; (im, re) is transformed with
// e^{+i…}. free are 2n values of working memory.
func (f *transform) run(re, im, free []float64) {
	n := f.n
	if f.reversed == nil {
		a, b := free[:n], free[n:2*n]
		copy(a, re)
		copy(b, im)
		for k := range n {
			sr, si, at := 0.0, 0.0, 0
			for j := range n {
				c, s := f.cos[at], f.sin[at]
				sr += a[j]*c + b[j]*s
				si += b[j]*c - a[j]*s
				if at += k; at >= n {
					at -= n
				}
			}
			re[k], im[k] = sr, si
		}
		return
	}
	for k, r := range f.reversed {
		if k < r {
			re[k], re[r] = re[r], re[k]
			im[k], im[r] = im[r], im[k]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := n / (2 * half)
		for start := 0; start < n; start += 2 * half {
			for k := range half {
				c, s := f.cos[k*step], f.sin[k*step]
				i, j := start+k, start+k+half
				vr, vi := re[j]*c+im[j]*s, im[j]*c-re[j]*s
				re[j], im[j] = re[i]-vr, im[i]-vi
				re[i], im[i] = re[i]+vr, im[i]+vi
			}
		}
	}
}

// spectra are what a frame is made of, in scratch memory.
type spectra struct {
	law            *transform
	xr, xi, dr, di []float64
	free           []float64
	still          bool // d is constant in the window
}

func newSpectra(b *abi.Block, lane int) spectra {
	law, m := b.Data.(*transform), b.Scratch(lane)
	n := law.n
	return spectra{law: law, xr: m[:n], xi: m[n : 2*n], dr: m[2*n : 3*n], di: m[3*n : 4*n], free: m[4*n : 6*n]}
}

// set transforms the windows of x and d that end at frame i of the rows.
func (p *spectra) set(x, dr, di []float64, i int) {
	n, w := p.law.n, p.law.window
	from := i - n + 1
	clear(p.xi)
	p.still = true
	for j, x := range x[from : i+1] {
		p.xr[j], p.dr[j], p.di[j] = w[j]*x, w[j]*dr[from+j], w[j]*di[from+j]
		p.still = p.still && dr[from+j] == dr[i] && di[from+j] == di[i]
	}
	p.law.run(p.xr, p.xi, p.free)
	if p.still {
		for k, w := range p.law.spectrum {
			p.dr[k], p.di[k] = dr[i]*real(w)-di[i]*imag(w), dr[i]*imag(w)+di[i]*real(w)
		}
		return
	}
	p.law.run(p.dr, p.di, p.free)
}

// gates returns the weights within and outside the band, and its ends.
func gates(b *abi.Block, lane, n int) (within, outside, lo, hi float64) {
	lo, hi = b.Param(3, lane).At(n), b.Param(4, lane).At(n)
	if lo > hi {
		lo, hi = hi, lo
	}
	i := b.Param(5, lane).At(n)
	return max(1e-6, i), max(1e-6, 1-i), lo, hi
}

// away keeps d away from 0 by its epsilon.
func away(d, epsilon float64) float64 {
	if math.Abs(d) < epsilon {
		return math.Copysign(epsilon, d)
	}
	return d
}

// quotient returns n Σ_k a_k g_k X_k D̅_k/m_k.
func (p *spectra) quotient(within, outside, lo, hi float64) (re, im float64) {
	law, xr, xi, dr, di := p.law, p.xr, p.xi, p.dr, p.di
	for k := range xr {
		g := outside
		if at := float64(k) / float64(law.n-1); lo <= at && at <= hi {
			g = within
		}
		g /= max(dr[k]*dr[k]+di[k]*di[k], law.epsilon)
		qr, qi := g*(xr[k]*dr[k]+xi[k]*di[k]), g*(xi[k]*dr[k]-xr[k]*di[k])
		re += qr*law.cos[k] + qi*law.sin[k] // e^{-2πik/N}
		im += qi*law.cos[k] - qr*law.sin[k]
	}
	return re, im
}

// quotientBack replaces the spectra by their gradients, where turn is e^{iφ} and dy
// the gradient of the frame, and returns those of the phase and of both weights. D is
// held where a constant stays one.
func (p *spectra) quotientBack(within, outside, lo, hi float64, turn complex128, dy float64, held bool) (dp, dwithin, doutside float64) {
	law, scale, back := p.law, complex(dy/float64(p.law.n), 0), complex(real(turn), -imag(turn))
	for k := range p.xr {
		x, div := complex(p.xr[k], p.xi[k]), complex(p.dr[k], p.di[k])
		power := p.dr[k]*p.dr[k] + p.di[k]*p.di[k]
		m := complex(max(power, law.epsilon), 0)
		conj := complex(p.dr[k], -p.di[k])
		q := x * conj / m
		at := float64(k) / float64(law.n-1)
		inside := lo <= at && at <= hi
		g := complex(outside, 0)
		if inside {
			g = complex(within, 0)
		}
		ya := scale * complex(law.cos[k], law.sin[k]) // conj(a_k) ȳ, the gradient of Y_k
		// Re(conj(z) ya) for z = e^{iφ} Q, and for i times it.
		z := turn * q
		along := real(z)*real(ya) + imag(z)*imag(ya)
		if inside {
			dwithin += along
		} else {
			doutside += along
		}
		dp += real(g) * (real(z)*imag(ya) - imag(z)*real(ya))
		dq := g * back * ya
		xa := div / m * dq
		var da complex128
		if power > law.epsilon {
			r := q / div
			da = -complex(real(r), -imag(r)) * dq
		} else if !held || law.spectrum[k] != 0 {
			da = x * complex(real(dq), -imag(dq)) / m
		}
		p.xr[k], p.xi[k] = real(xa), imag(xa)
		p.dr[k], p.di[k] = real(da), imag(da)
	}
	return dp, dwithin, doutside
}

func fftDivisionForward(b *abi.Block, lane int) {
	p := newSpectra(b, lane)
	n, law := p.law.n, p.law
	var carriers carriers
	if law.dynamic {
		carriers = newCarriers(b, lane)
	}
	x, y := b.In(0, lane), b.Out(0, lane)
	vx, vr, vi := b.Internal(0, lane), b.Internal(1, lane), b.Internal(2, lane)
	h := n - 1
	copy(vx[h:], x)
	for t := range x {
		vr[h+t], vi[h+t] = b.Param(0, lane).At(t), b.Param(1, lane).At(t)
	}
	for t := range x {
		if b.Frame(lane)+int64(t) < int64(n-1) {
			y[t] = x[t] / away(vr[h+t], law.epsilon)
			continue
		}
		if law.dynamic {
			carriers.set(b, lane, t, vx[t:])
			y[t], _, _ = carriers.value()
			continue
		}
		p.set(vx, vr, vi, h+t)
		within, outside, lo, hi := gates(b, lane, t)
		sr, si := p.quotient(within, outside, lo, hi)
		sin, cos := math.Sincos(b.Param(2, lane).At(t))
		y[t] = (cos*sr - sin*si) / float64(n)
	}
}

// addRow adds a gradient per frame: each to its own, or their sum.
func addRow(d abi.Values, g []float64) {
	if d.Varies() {
		for n, g := range g {
			d.Add(n, g)
		}
		return
	}
	sum := 0.0
	for _, g := range g {
		sum += g
	}
	d.Add(0, sum)
}

func fftDivisionBackward(b, d *abi.Block, lane int) {
	p := newSpectra(b, lane)
	n, law := p.law.n, p.law
	dx, dy := d.In(0, lane), d.Out(0, lane)
	vx, vr, vi := b.Internal(0, lane), b.Internal(1, lane), b.Internal(2, lane)
	gx, gr, gi := d.Internal(0, lane), d.Internal(1, lane), d.Internal(2, lane)
	dphase, dintensity := d.Param(2, lane), d.Param(5, lane)
	h := n - 1
	var carriers carriers
	if law.dynamic {
		carriers = newCarriers(b, lane)
	}
	for t := len(dy) - 1; t >= 0; t-- {
		if b.Frame(lane)+int64(t) < int64(n-1) {
			s := away(vr[h+t], law.epsilon)
			gx[h+t] += dy[t] / s
			if s == vr[h+t] {
				gr[h+t] -= dy[t] * vx[h+t] / (s * s)
			}
			continue
		}
		if law.dynamic {
			carriers.set(b, lane, t, vx[t:])
			carriers.back(b, d, lane, t, vx[t:], gx[t:], dy[t])
			continue
		}
		p.set(vx, vr, vi, h+t)
		within, outside, lo, hi := gates(b, lane, t)
		// A constant that stays one does not reach the bins its window leaves silent.
		held := p.still && !b.Param(0, lane).Varies() && !b.Param(1, lane).Varies()
		sin, cos := math.Sincos(b.Param(2, lane).At(t))
		dp, dwithin, doutside := p.quotientBack(within, outside, lo, hi, complex(cos, sin), dy[t], held)
		dphase.Add(t, dp)
		intensity, sum := b.Param(5, lane).At(t), 0.0
		if intensity >= 1e-6 {
			sum += dwithin
		}
		if 1-intensity >= 1e-6 {
			sum -= doutside
		}
		dintensity.Add(t, sum)
		law.run(p.xi, p.xr, p.free)
		law.run(p.di, p.dr, p.free)
		for j, w := range law.window {
			gx[t+j] += w * p.xr[j]
			gr[t+j] += w * p.dr[j]
			gi[t+j] += w * p.di[j]
		}
	}
	ddivisor, dimag := d.Param(0, lane), d.Param(1, lane)
	vec.Add(dx, gx[h:])
	addRow(ddivisor, gr[h:])
	addRow(dimag, gi[h:])
}

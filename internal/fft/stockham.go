package fft

import "math"

// stockham transforms a real signal of n = 2m frames, m a power of two from 8
// up, as m complex numbers z[k] = x[2k] + i x[2k+1]. The passes are Stockham's
// (no bit reversal), decimated in frequency, radix 4, the last one radix 2 when
// m is no power of four:
//
//	t0 = a+c   t1 = a-c   t2 = b+d   t3 = -i(b-d)
//	y0 = t0+t2,   y1 = w (t1+t3),   y2 = w² (t0-t2),   y3 = w³ (t1-t3)
//
// a, b, c, d are a quarter of the source apart, and y0 … y3 are s apart, where
// s is the product of the radices so far.
//
// Between passes four complex numbers lie in a block of eight floats, real
// parts before imaginary parts, so that a pass reads from four places and not
// from eight, and a block fills two vector registers:
//
//	re[0] re[1] re[2] re[3] im[0] im[1] im[2] im[3] | re[4] …
//
// The inverse is the forward transform with real and imaginary parts swapped.
//
// Sources: C. Van Loan, Computational Frameworks for the Fast Fourier
// Transform, 1992, §1.7 (Stockham) and §4.3 (real signals).
type stockham struct {
	m      int
	first  []float64 // twiddles of the first pass: w re ×4, im ×4, w² …, w³ … for four p
	middle []pass
	radix  int       // of the last pass: 2 or 4
	halfRe []float64 // exp(-2πi k/n), k = 0 … m/2
	halfIm []float64
}

// pass is a pass between the first and the last: n is the length that is left
// to transform, s the stride, m = n s.
type pass struct {
	n, s     int
	twiddles []float64 // re, im of w, w², w³ for each p, w = exp(-2πi p/n)
}

func newStockham(n int) *stockham {
	m := n / 2
	f := &stockham{m: m, radix: 4}
	for p := 0; p < m/4; p += 4 {
		for power := 1; power <= 3; power++ {
			for j := range 4 {
				re, _ := root(power*(p+j), m)
				f.first = append(f.first, re)
			}
			for j := range 4 {
				_, im := root(power*(p+j), m)
				f.first = append(f.first, im)
			}
		}
	}
	left := m / 4
	for ; left > 4; left /= 4 {
		pass := pass{n: left, s: m / left}
		for p := range left / 4 {
			for power := 1; power <= 3; power++ {
				re, im := root(power*p, left)
				pass.twiddles = append(pass.twiddles, re, im)
			}
		}
		f.middle = append(f.middle, pass)
	}
	f.radix = left
	for k := range m/2 + 1 {
		re, im := root(k, n)
		f.halfRe, f.halfIm = append(f.halfRe, re), append(f.halfIm, im)
	}
	return f
}

// root returns exp(-2πi k/n), n a power of two, with the angle brought into
// the first octant, so that the error of the argument stays below half a unit.
func root(k, n int) (re, im float64) {
	k &= n - 1
	switch {
	case 8*k > 4*n: // below the real axis: mirror
		re, im = root(n-k, n)
		return re, -im
	case 8*k > 2*n: // second quadrant
		re, im = root(k-n/4, n) // exp(-2πi k/n) = -i exp(-2πi (k-n/4)/n)
		return im, -re
	case 8*k > n: // second octant
		re, im = root(n/4-k, n)
		return -im, -re
	}
	sin, cos := math.Sincos(2 * math.Pi * float64(k) / float64(n))
	return cos, -sin
}

// analyse is Plan.analyse.
func (f *stockham) analyse(re, im, x, work []float64, inner, edge float64) {
	from, to := work[:2*f.m], work[2*f.m:4*f.m]
	firstPass(from, x, f.first)
	for i := range f.middle {
		middlePass(to, from, &f.middle[i])
		from, to = to, from
	}
	m := f.m
	if f.radix == 4 {
		lastPass4(re[:m], im[:m], from)
	} else {
		lastPass2(re[:m], im[:m], from)
	}
	f.split(re, im, inner, edge)
}

// synthesise is Plan.synthesise.
func (f *stockham) synthesise(x, re, im, work []float64, inner, edge float64) {
	from, to := work[:2*f.m], work[2*f.m:4*f.m]
	f.merge(to, re, im, inner, edge)
	firstPass(from, to, f.first)
	for i := range f.middle {
		middlePass(to, from, &f.middle[i])
		from, to = to, from
	}
	if f.radix == 4 {
		lastPass4Swapped(x, from)
	} else {
		lastPass2Swapped(x, from)
	}
}

// firstPass is the pass with s = 1, from complex numbers in turn (x) to blocks.
func firstPass(dst, x, twiddles []float64) {
	quarter := len(x) / 4
	if useAVX2 && quarter >= 8 {
		firstAVX2(&dst[0], &x[0], &twiddles[0], quarter/8, quarter)
		return
	}
	xa, xb, xc, xd := x[:quarter], x[quarter:2*quarter], x[2*quarter:3*quarter], x[3*quarter:4*quarter]
	if quarter < 8 { // n = 16: two values of p, a block of twiddles is half used
		for p := range 2 {
			w := twiddles[p:]
			butterfly((*[8]float64)(dst[8*p:]), xa[2*p], xa[2*p+1], xb[2*p], xb[2*p+1], xc[2*p], xc[2*p+1], xd[2*p], xd[2*p+1],
				w[0], w[4], w[8], w[12], w[16], w[20])
		}
		return
	}
	for p := 0; p < quarter; p += 8 {
		a, b, c, d := (*[8]float64)(xa[p:]), (*[8]float64)(xb[p:]), (*[8]float64)(xc[p:]), (*[8]float64)(xd[p:])
		w, y := (*[24]float64)(twiddles[3*p:]), (*[32]float64)(dst[4*p:])
		for j := range 4 {
			butterfly((*[8]float64)(y[8*j:]), a[2*j], a[2*j+1], b[2*j], b[2*j+1], c[2*j], c[2*j+1], d[2*j], d[2*j+1],
				w[j], w[j+4], w[j+8], w[j+12], w[j+16], w[j+20])
		}
	}
}

// butterfly fills one block from four complex numbers.
func butterfly(y *[8]float64, ar, ai, br, bi, cr, ci, dr, di, w1r, w1i, w2r, w2i, w3r, w3i float64) {
	t0r, t0i := ar+cr, ai+ci
	t1r, t1i := ar-cr, ai-ci
	t2r, t2i := br+dr, bi+di
	t3r, t3i := bi-di, dr-br
	y[0], y[4] = t0r+t2r, t0i+t2i
	u1r, u1i := t1r+t3r, t1i+t3i
	y[1], y[5] = w1r*u1r-w1i*u1i, w1r*u1i+w1i*u1r
	u2r, u2i := t0r-t2r, t0i-t2i
	y[2], y[6] = w2r*u2r-w2i*u2i, w2r*u2i+w2i*u2r
	u3r, u3i := t1r-t3r, t1i-t3i
	y[3], y[7] = w3r*u3r-w3i*u3i, w3r*u3i+w3i*u3r
}

// middlePass is a pass from blocks to blocks.
func middlePass(dst, src []float64, pass *pass) {
	width := 2 * pass.s // floats of one p
	quarter := len(src) / 4
	if useAVX2 {
		middleAVX2(&dst[0], &src[0], &pass.twiddles[0], pass.n/4, width, quarter)
		return
	}
	for p := 0; p < pass.n/4; p++ {
		w := (*[6]float64)(pass.twiddles[6*p:])
		w1r, w1i, w2r, w2i, w3r, w3i := w[0], w[1], w[2], w[3], w[4], w[5]
		from, to := src[p*width:], dst[4*p*width:]
		for q := 0; q < width; q += 8 {
			a, b := (*[8]float64)(from[q:]), (*[8]float64)(from[quarter+q:])
			c, d := (*[8]float64)(from[2*quarter+q:]), (*[8]float64)(from[3*quarter+q:])
			y0, y1 := (*[8]float64)(to[q:]), (*[8]float64)(to[width+q:])
			y2, y3 := (*[8]float64)(to[2*width+q:]), (*[8]float64)(to[3*width+q:])
			for j := range 4 {
				t0r, t0i := a[j]+c[j], a[j+4]+c[j+4]
				t1r, t1i := a[j]-c[j], a[j+4]-c[j+4]
				t2r, t2i := b[j]+d[j], b[j+4]+d[j+4]
				t3r, t3i := b[j+4]-d[j+4], d[j]-b[j]
				y0[j], y0[j+4] = t0r+t2r, t0i+t2i
				u1r, u1i := t1r+t3r, t1i+t3i
				y1[j], y1[j+4] = w1r*u1r-w1i*u1i, w1r*u1i+w1i*u1r
				u2r, u2i := t0r-t2r, t0i-t2i
				y2[j], y2[j+4] = w2r*u2r-w2i*u2i, w2r*u2i+w2i*u2r
				u3r, u3i := t1r-t3r, t1i-t3i
				y3[j], y3[j+4] = w3r*u3r-w3i*u3i, w3r*u3i+w3i*u3r
			}
		}
	}
}

// lastPass4 is the pass with n = 4, all twiddles 1, from blocks to planes.
func lastPass4(re, im, src []float64) {
	s := len(re) / 4
	if useAVX2 {
		last4AVX2(&re[0], &im[0], &src[0], s)
		return
	}
	for q := 0; q < s; q += 4 {
		a, b := (*[8]float64)(src[2*q:]), (*[8]float64)(src[2*(q+s):])
		c, d := (*[8]float64)(src[2*(q+2*s):]), (*[8]float64)(src[2*(q+3*s):])
		r0, r1, r2, r3 := (*[4]float64)(re[q:]), (*[4]float64)(re[q+s:]), (*[4]float64)(re[q+2*s:]), (*[4]float64)(re[q+3*s:])
		i0, i1, i2, i3 := (*[4]float64)(im[q:]), (*[4]float64)(im[q+s:]), (*[4]float64)(im[q+2*s:]), (*[4]float64)(im[q+3*s:])
		for j := range 4 {
			t0r, t0i := a[j]+c[j], a[j+4]+c[j+4]
			t1r, t1i := a[j]-c[j], a[j+4]-c[j+4]
			t2r, t2i := b[j]+d[j], b[j+4]+d[j+4]
			t3r, t3i := b[j+4]-d[j+4], d[j]-b[j]
			r0[j], i0[j] = t0r+t2r, t0i+t2i
			r1[j], i1[j] = t1r+t3r, t1i+t3i
			r2[j], i2[j] = t0r-t2r, t0i-t2i
			r3[j], i3[j] = t1r-t3r, t1i-t3i
		}
	}
}

// lastPass2 is the pass with n = 2, from blocks to planes.
func lastPass2(re, im, src []float64) {
	s := len(re) / 2
	if useAVX2 {
		last2AVX2(&re[0], &im[0], &src[0], s)
		return
	}
	for q := 0; q < s; q += 4 {
		a, b := (*[8]float64)(src[2*q:]), (*[8]float64)(src[2*(q+s):])
		r0, r1, i0, i1 := (*[4]float64)(re[q:]), (*[4]float64)(re[q+s:]), (*[4]float64)(im[q:]), (*[4]float64)(im[q+s:])
		for j := range 4 {
			r0[j], i0[j] = a[j]+b[j], a[j+4]+b[j+4]
			r1[j], i1[j] = a[j]-b[j], a[j+4]-b[j+4]
		}
	}
}

// lastPass4Swapped is lastPass4 from blocks to complex numbers in turn, with
// their parts swapped back.
func lastPass4Swapped(x, src []float64) {
	s := len(x) / 8
	if useAVX2 {
		last4SwappedAVX2(&x[0], &src[0], s)
		return
	}
	for q := 0; q < s; q += 4 {
		a, b := (*[8]float64)(src[2*q:]), (*[8]float64)(src[2*(q+s):])
		c, d := (*[8]float64)(src[2*(q+2*s):]), (*[8]float64)(src[2*(q+3*s):])
		y0, y1 := (*[8]float64)(x[2*q:]), (*[8]float64)(x[2*(q+s):])
		y2, y3 := (*[8]float64)(x[2*(q+2*s):]), (*[8]float64)(x[2*(q+3*s):])
		for j := range 4 {
			t0r, t0i := a[j]+c[j], a[j+4]+c[j+4]
			t1r, t1i := a[j]-c[j], a[j+4]-c[j+4]
			t2r, t2i := b[j]+d[j], b[j+4]+d[j+4]
			t3r, t3i := b[j+4]-d[j+4], d[j]-b[j]
			y0[2*j+1], y0[2*j] = t0r+t2r, t0i+t2i
			y1[2*j+1], y1[2*j] = t1r+t3r, t1i+t3i
			y2[2*j+1], y2[2*j] = t0r-t2r, t0i-t2i
			y3[2*j+1], y3[2*j] = t1r-t3r, t1i-t3i
		}
	}
}

// lastPass2Swapped is lastPass2 from blocks to complex numbers in turn, with
// their parts swapped back.
func lastPass2Swapped(x, src []float64) {
	s := len(x) / 4
	if useAVX2 {
		last2SwappedAVX2(&x[0], &src[0], s)
		return
	}
	for q := 0; q < s; q += 4 {
		a, b := (*[8]float64)(src[2*q:]), (*[8]float64)(src[2*(q+s):])
		y0, y1 := (*[8]float64)(x[2*q:]), (*[8]float64)(x[2*(q+s):])
		for j := range 4 {
			y0[2*j+1], y0[2*j] = a[j]+b[j], a[j+4]+b[j+4]
			y1[2*j+1], y1[2*j] = a[j]-b[j], a[j+4]-b[j+4]
		}
	}
}

// split turns the m bins Z of z in re, im into the m+1 bins of x. With W =
// exp(-2πi k/n), E the spectrum of the even frames and O that of the odd ones,
//
//	E[k] = (Z[k] + conj Z[m-k])/2,   O[k] = (Z[k] - conj Z[m-k])/2i
//	X[k] = E[k] + W O[k],            X[m-k] = conj(E[k] - W O[k])
func (f *stockham) split(re, im []float64, inner, edge float64) {
	m := f.m
	re[0], im[0], re[m], im[m] = edge*(re[0]+im[0]), 0, edge*(re[0]-im[0]), 0
	re[m/2], im[m/2] = inner*re[m/2], -inner*im[m/2]
	h, done := inner/2, 0
	lr, li, ur, ui := re[1:m/2], im[1:m/2], re[m/2+1:m], im[m/2+1:m]
	wr, wi := f.halfRe[1:m/2], f.halfIm[1:m/2]
	if n := len(lr); useAVX2 && n >= 4 {
		splitAVX2(&lr[0], &li[0], &ur[n-4], &ui[n-4], &wr[0], &wi[0], n/4, h)
		done = n &^ 3
	}
	lr, li, ur, ui, wr, wi = lr[done:], li[done:], ur[:len(ur)-done], ui[:len(ui)-done], wr[done:], wi[done:]
	n := len(lr)
	li, ur, ui, wr, wi = li[:n], ur[:n], ui[:n], wr[:n], wi[:n]
	for k := range lr {
		j := n - 1 - k
		zr, zi, yr, yi := lr[k], li[k], ur[j], ui[j]
		er, ei := h*(zr+yr), h*(zi-yi)
		or, oi := h*(zi+yi), h*(yr-zr)
		tr, ti := wr[k]*or-wi[k]*oi, wr[k]*oi+wi[k]*or
		lr[k], li[k] = er+tr, ei+ti
		ur[j], ui[j] = er-tr, ti-ei
	}
}

// merge undoes split, but for a factor of n in all: it writes
//
//	Z[k] = (X[k] + conj X[m-k]) + i conj(W) (X[k] - conj X[m-k])
//
// to z, complex numbers in turn with their parts swapped.
func (f *stockham) merge(z, re, im []float64, inner, edge float64) {
	m := f.m
	z[1], z[0] = edge*(re[0]+re[m]), edge*(re[0]-re[m])
	z[m+1], z[m] = 2*inner*re[m/2], -2*inner*im[m/2]
	done := 0
	lr, li, ur, ui := re[1:m/2], im[1:m/2], re[m/2+1:m], im[m/2+1:m]
	wr, wi := f.halfRe[1:m/2], f.halfIm[1:m/2]
	lz, uz := z[2:m], z[m+2:2*m]
	if n := len(lr); useAVX2 && n >= 4 {
		mergeAVX2(&lz[0], &uz[2*n-8], &lr[0], &li[0], &ur[n-4], &ui[n-4], &wr[0], &wi[0], n/4, inner)
		done = n &^ 3
	}
	lr, li, ur, ui, wr, wi = lr[done:], li[done:], ur[:len(ur)-done], ui[:len(ui)-done], wr[done:], wi[done:]
	lz, uz = lz[2*done:], uz[:len(uz)-2*done]
	n := len(lr)
	li, ur, ui, wr, wi, lz, uz = li[:n], ur[:n], ui[:n], wr[:n], wi[:n], lz[:2*n], uz[:2*n]
	for k := range lr {
		j := n - 1 - k
		xr, xi, yr, yi := lr[k], li[k], ur[j], ui[j]
		er, ei := inner*(xr+yr), inner*(xi-yi)
		gr, gi := inner*(xr-yr), inner*(xi+yi)
		or, oi := wr[k]*gr+wi[k]*gi, wr[k]*gi-wi[k]*gr // conj(W) (X[k] - conj X[m-k])
		lz[2*k+1], lz[2*k] = er-oi, ei+or
		uz[2*j+1], uz[2*j] = er+oi, or-ei
	}
}

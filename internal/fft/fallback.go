package fft

import (
	"sync"

	"gonum.org/v1/gonum/dsp/fourier"
)

// fallback transforms any length by gonum. A fourier.FFT has scratch inside,
// so concurrent transforms take one each from a pool.
type fallback struct {
	n    int
	pool sync.Pool // of *fallbackState
}

type fallbackState struct {
	fft  *fourier.FFT
	bins []complex128
}

func newFallback(n int) *fallback {
	return &fallback{n: n, pool: sync.Pool{New: func() any {
		return &fallbackState{fourier.NewFFT(n), make([]complex128, n/2+1)}
	}}}
}

func (f *fallback) analyse(re, im, x []float64, inner, edge float64) {
	s := f.pool.Get().(*fallbackState)
	defer f.pool.Put(s)
	s.fft.Coefficients(s.bins, x)
	for k, c := range s.bins {
		scale := inner
		if f.isEdge(k) {
			scale = edge
		}
		re[k], im[k] = scale*real(c), scale*imag(c)
	}
}

func (f *fallback) synthesise(x, re, im []float64, inner, edge float64) {
	s := f.pool.Get().(*fallbackState)
	defer f.pool.Put(s)
	for k := range s.bins {
		if f.isEdge(k) {
			s.bins[k] = complex(edge*re[k], 0)
		} else {
			s.bins[k] = complex(inner*re[k], inner*im[k])
		}
	}
	s.fft.Sequence(x, s.bins)
}

// isEdge tells whether bin k is its own mirror image.
func (f *fallback) isEdge(k int) bool { return k == 0 || 2*k == f.n }

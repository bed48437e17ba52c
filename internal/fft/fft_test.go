package fft_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/dsp/fourier"

	"ampfit/internal/fft"
)

// lengths are all powers of two up to 65536, and some others.
func lengths() []int {
	ns := []int{1, 3, 5, 6, 7, 9, 12, 15, 17, 20, 24, 100, 243, 480, 1000, 1023, 1025, 4410}
	for n := 2; n <= 65536; n *= 2 {
		ns = append(ns, n)
	}
	return ns
}

func noise(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = 2*r.Float64() - 1
	}
	return x
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// requireClose compares in the norm: the error of a fast transform is relative
// to the whole spectrum, not to each bin.
func requireClose(t *testing.T, want, got []float64, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want))
	diff := make([]float64, len(want))
	for i := range want {
		diff[i] = want[i] - got[i]
	}
	limit := tolerance * math.Sqrt(dot(want, want))
	require.LessOrEqual(t, math.Sqrt(dot(diff, diff)), limit+math.SmallestNonzeroFloat64)
}

func forward(plan *fft.Plan, x []float64) (re, im []float64) {
	re, im = make([]float64, plan.Bins()), make([]float64, plan.Bins())
	plan.Forward(re, im, x, plan.Scratch())
	return re, im
}

func TestForwardAgainstGonum(t *testing.T) {
	for _, n := range lengths() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			x := noise(n, uint64(n))
			before := append([]float64(nil), x...)
			re, im := forward(fft.NewPlan(n), x)
			require.Equal(t, before, x)
			var want, got []float64
			for k, c := range fourier.NewFFT(n).Coefficients(nil, x) {
				want, got = append(want, real(c), imag(c)), append(got, re[k], im[k])
			}
			requireClose(t, want, got, 1e-14*math.Log2(float64(n)+2))
		})
	}
}

// The sum as it is written, with the angle reduced before the sine.
func TestForwardAgainstDefinition(t *testing.T) {
	for _, n := range lengths() {
		if n > 2048 {
			continue
		}
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			x := noise(n, uint64(n))
			re, im := forward(fft.NewPlan(n), x)
			var want, got []float64
			for k := range re {
				wr, wi := 0.0, 0.0
				for i, v := range x {
					sin, cos := math.Sincos(2 * math.Pi * float64(i*k%n) / float64(n))
					wr, wi = wr+v*cos, wi-v*sin
				}
				want, got = append(want, wr, wi), append(got, re[k], im[k])
			}
			requireClose(t, want, got, 1e-13) // the naive sum is the less exact one
		})
	}
}

func TestInverseUndoesForward(t *testing.T) {
	for _, n := range lengths() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			plan, x, y := fft.NewPlan(n), noise(n, uint64(n)), make([]float64, n)
			re, im := forward(plan, x)
			re0, im0 := append([]float64(nil), re...), append([]float64(nil), im...)
			plan.Inverse(y, re, im, plan.Scratch())
			requireClose(t, x, y, 1e-14*math.Log2(float64(n)+2))
			require.Equal(t, re0, re)
			require.Equal(t, im0, im)
		})
	}
}

// The plain functions are the specification of the kernels, which round
// otherwise as they fuse multiplications with additions.
func TestKernelsAgainstPlain(t *testing.T) {
	for n := 16; n <= 65536; n *= 2 {
		plan, x, y := fft.NewPlan(n), noise(n, 1), make([]float64, n)
		fast, fastIm := forward(plan, x)
		plan.Inverse(y, fast, fastIm, plan.Scratch())
		restore := fft.Plain()
		plain, plainIm := forward(plan, x)
		z := make([]float64, n)
		plan.Inverse(z, plain, plainIm, plan.Scratch())
		restore()
		requireClose(t, plain, fast, 1e-15*math.Log2(float64(n)))
		requireClose(t, plainIm, fastIm, 1e-15*math.Log2(float64(n)))
		requireClose(t, z, y, 1e-15*math.Log2(float64(n)))
	}
}

// The real signal has no room for an imaginary part in the bins that are their
// own mirror image.
func TestInverseDropsImaginaryEdges(t *testing.T) {
	for _, n := range []int{8, 16, 30, 64} {
		plan, x, y := fft.NewPlan(n), make([]float64, n), make([]float64, n)
		re, im := noise(plan.Bins(), 1), noise(plan.Bins(), 2)
		plan.Inverse(x, re, im, plan.Scratch())
		im[0], im[n/2] = 0, 0
		plan.Inverse(y, re, im, plan.Scratch())
		require.Equal(t, y, x)
	}
}

// ⟨Forward x, U⟩ = ⟨x, ForwardAdjoint U⟩, and likewise for Inverse.
func TestAdjoints(t *testing.T) {
	for _, n := range lengths() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			plan := fft.NewPlan(n)
			x, dx := noise(n, 1), make([]float64, n)
			ur, ui := noise(plan.Bins(), 2), noise(plan.Bins(), 3)
			re, im := forward(plan, x)
			plan.ForwardAdjoint(dx, ur, ui, plan.Scratch())
			size := math.Sqrt((dot(re, re) + dot(im, im)) * (dot(ur, ur) + dot(ui, ui)))
			require.InDelta(t, dot(re, ur)+dot(im, ui), dot(x, dx), 1e-13*size)

			plan.Inverse(dx, ur, ui, plan.Scratch())
			plan.InverseAdjoint(re, im, x, plan.Scratch())
			size = math.Sqrt(dot(x, x) * dot(dx, dx))
			require.InDelta(t, dot(x, dx), dot(re, ur)+dot(im, ui), 1e-13*size+1e-15)
		})
	}
}

func TestWrongLengthPanics(t *testing.T) {
	plan := fft.NewPlan(16)
	require.Equal(t, 16, plan.Len())
	require.PanicsWithValue(t, "fft: a transform of 0 frames; the least is 1", func() { fft.NewPlan(0) })
	require.PanicsWithValue(t,
		"fft: a plan for 16 frames needs 16 frames, 9 bins and 32 floats of scratch; got 15, 9 and 9, 32",
		func() { plan.Forward(make([]float64, 9), make([]float64, 9), make([]float64, 15), plan.Scratch()) })
}

func TestNoAllocations(t *testing.T) {
	plan := fft.NewPlan(1024)
	x, re, im, work := noise(1024, 1), make([]float64, plan.Bins()), make([]float64, plan.Bins()), plan.Scratch()
	require.Zero(t, testing.AllocsPerRun(10, func() {
		plan.Forward(re, im, x, work)
		plan.ForwardAdjoint(x, re, im, work)
		plan.Inverse(x, re, im, work)
		plan.InverseAdjoint(re, im, x, work)
	}))
}

// Run with -race: a plan is shared.
func TestConcurrentUse(t *testing.T) {
	for _, n := range []int{256, 300} {
		plan, x := fft.NewPlan(n), noise(n, 7)
		want, _ := forward(plan, x)
		done := make(chan []float64)
		for range 4 {
			go func() {
				re, _ := forward(plan, x)
				done <- re
			}()
		}
		for range 4 {
			require.Equal(t, want, <-done)
		}
	}
}

func BenchmarkForward(b *testing.B) {
	for _, n := range []int{256, 512, 1024, 2048, 4096, 8192} {
		x := noise(n, 1)
		b.Run(fmt.Sprintf("own/%d", n), func(b *testing.B) {
			plan := fft.NewPlan(n)
			re, im, work := make([]float64, plan.Bins()), make([]float64, plan.Bins()), plan.Scratch()
			for b.Loop() {
				plan.Forward(re, im, x, work)
			}
		})
		b.Run(fmt.Sprintf("plain/%d", n), func(b *testing.B) {
			defer fft.Plain()()
			plan := fft.NewPlan(n)
			re, im, work := make([]float64, plan.Bins()), make([]float64, plan.Bins()), plan.Scratch()
			for b.Loop() {
				plan.Forward(re, im, x, work)
			}
		})
		b.Run(fmt.Sprintf("gonum/%d", n), func(b *testing.B) {
			plan, bins := fourier.NewFFT(n), make([]complex128, n/2+1)
			for b.Loop() {
				plan.Coefficients(bins, x)
			}
		})
	}
}

func BenchmarkForwardAdjoint(b *testing.B) {
	for _, n := range []int{256, 512, 1024, 2048, 4096, 8192} {
		x := noise(n, 1)
		plan := fft.NewPlan(n)
		re, im, work := make([]float64, plan.Bins()), make([]float64, plan.Bins()), plan.Scratch()
		b.Run(fmt.Sprintf("own/%d", n), func(b *testing.B) {
			for b.Loop() {
				plan.ForwardAdjoint(x, re, im, work)
			}
		})
		b.Run(fmt.Sprintf("gonum/%d", n), func(b *testing.B) {
			plan, bins := fourier.NewFFT(n), make([]complex128, n/2+1)
			for b.Loop() {
				plan.Sequence(x, bins)
			}
		})
	}
}

package vec_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"ampfit/internal/vec"

	"github.com/stretchr/testify/require"
)

func noise(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

// Each result is the sum by its definition, and the same bits without vectors
// and for every length.
func TestSumsAreTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, taps := range []int{1, 2, 3, 4, 5, 7, 8, 64, 65, 129} {
		for _, frames := range []int{0, 1, 3, 7, 8, 9, 15, 16, 40, 101} {
			h, x, start := noise(rng, taps), noise(rng, frames+taps-1), noise(rng, frames)
			got := append([]float64(nil), start...)
			vec.FIR(got, x, h)
			plain := append([]float64(nil), start...)
			restore := vec.Plain()
			vec.FIR(plain, x, h)
			restore()
			require.Equal(t, plain, got, "%d taps, %d frames", taps, frames)
			for n := range got {
				want := start[n]
				for k, v := range h {
					want += v * x[n+k]
				}
				require.InDelta(t, want, got[n], 1e-12*float64(taps))
				one := start[n : n+1 : n+1]
				vec.FIR(one, x[n:], h)
				require.Equal(t, got[n], one[0], "frame by frame")
			}
		}
	}
	for n := 1; n < 70; n++ {
		h, x := noise(rng, n), noise(rng, n+3)
		total := 0.0
		for _, v := range h {
			total += v
		}
		require.InDelta(t, total, vec.Sum(h), 1e-13)
		want := 0.0
		for k := range h {
			want += h[k] * x[k]
		}
		got := vec.Dot(h, x)
		restore := vec.Plain()
		require.Equal(t, vec.Dot(h, x), got, "%d taps", n)
		sum := append([]float64(nil), x[:n]...)
		vec.AddScaled(sum, 0.3, h)
		restore()
		require.InDelta(t, want, got, 1e-12)
		for k := range sum {
			require.InDelta(t, x[k]+0.3*h[k], sum[k], 1e-15*10)
		}
		both := append([]float64(nil), x[:n]...)
		require.Equal(t, vec.Dot(h, x), vec.AddScaledDot(both, 0.3, h, x))
		require.Equal(t, sum, both)
		vec.AddScaled(x[:n], 0.3, h)
		require.Equal(t, sum, x[:n])
	}
	for n := range 21 {
		a, b := noise(rng, n), noise(rng, n)
		want := make([]float64, n)
		for i := range a {
			want[i] = a[i] + b[i]
		}
		vec.Add(a, b)
		require.Equal(t, want, a)
	}
}

func BenchmarkFIR(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, frames := range []int{1, 1024} {
		b.Run(fmt.Sprint(frames), func(b *testing.B) {
			h, x, y := noise(rng, 65), noise(rng, frames+64), make([]float64, frames)
			for b.Loop() {
				vec.FIR(y, x, h)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*frames*65), "ns/tap")
		})
	}
}

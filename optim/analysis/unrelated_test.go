package analysis

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Noise is foreign to a sound; what any effect makes of the sound is not, even
// 7 dB below the noise.
func TestUnrelated(t *testing.T) {
	const frames = 40000
	rng := rand.New(rand.NewPCG(5, 6))
	dry, hiss := make([]float64, frames), make([]float64, frames)
	low := 0.0
	for n := range dry {
		low += 0.2 * (rng.NormFloat64() - low)
		dry[n] = low * math.Exp(-float64(n%5000)/1500)
		hiss[n] = 0.05 * rng.NormFloat64()
	}
	power := func(x []float64) float64 { return dot(x, x) / frames }
	require.True(t, Unrelated(context.Background(), hiss, dry))
	for name, effect := range map[string]func(n int) float64{
		"gain":    func(n int) float64 { return dry[n] },
		"echo":    func(n int) float64 { return dry[max(n-17000, 0)] * float64(min(n/17000, 1)) },
		"cube":    func(n int) float64 { return dry[n] * dry[n] * dry[n] },
		"square":  func(n int) float64 { return dry[n] * dry[n] },
		"tremolo": func(n int) float64 { return dry[n] * math.Sin(float64(n)*0.002) },
		"wow": func(n int) float64 {
			at := math.Max(float64(n)-300-20*math.Sin(float64(n)*0.0007), 0)
			k := int(at)
			return dry[k] + (at-float64(k))*(dry[k+1]-dry[k])
		},
	} {
		y := make([]float64, frames)
		for n := range y {
			y[n] = effect(n)
		}
		scale := math.Sqrt(0.2 * power(hiss) / power(y))
		for n := range y {
			y[n] = hiss[n] + scale*y[n]
		}
		require.False(t, Unrelated(context.Background(), y, dry), name)
	}
	// A steady chord through an all-pass has no levels that move, and no peak in
	// the cross-correlation; only the coherence hears it.
	y := make([]float64, frames)
	scale := 0.1 * math.Sqrt(power(hiss))
	for n := range y {
		dry[n], y[n] = 0, hiss[n]
		for k := 1; k < 9; k++ {
			at := 0.011 * float64(k*n)
			dry[n] += math.Sin(at)
			y[n] += scale * math.Sin(at+float64(2*k*k))
		}
	}
	require.True(t, Unrelated(context.Background(), hiss, dry))
	require.False(t, Unrelated(context.Background(), y, dry), "chord")
}

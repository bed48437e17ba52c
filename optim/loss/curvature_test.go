package loss_test

import (
	"math/rand/v2"
	"testing"

	"ampfit/optim/loss"

	"github.com/stretchr/testify/require"
)

// The curvature of a square is the difference of its gradients, at any distance.
func TestCurvatureOfSquares(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	draw := func() []float64 {
		x := make([]float64, 200)
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		return x
	}
	target, x, v := draw(), draw(), draw()
	for _, pre := range []float64{0, 0.85} {
		for _, make := range []func([]float64, ...loss.Options) (loss.Loss, error){loss.NewESR, loss.NewMSE} {
			l, err := make(target, loss.Options{Channels: 2, PreEmphasis: pre})
			require.NoError(t, err)
			moved := append([]float64(nil), x...)
			for i := range moved {
				moved[i] += v[i]
			}
			a, b, got := draw(), draw(), draw()
			l.Evaluate(a, x)
			l.Evaluate(b, moved)
			l.(interface{ Curvature(dst, x, v []float64) }).Curvature(got, x, v)
			for i := range got {
				require.InDelta(t, b[i]-a[i], got[i], 1e-14)
			}
		}
	}
}

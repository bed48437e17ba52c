package nodes_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["SpectralFilterNode"] = []abi.Config{
		{"window": 16.0, "hop": 4.0, "bands": 5.0}, {"window": 12.0, "hop": 6.0, "bands": 1.0}, {"window": 32.0, "hop": 4.0},
	}
}

// Equal gains are a gain and the delay.
func TestSpectralFilterFlat(t *testing.T) {
	x := abitest.Noise(1000, 1)
	gains := []float64{-6, -6, -6}
	y := abitest.Run(t, "SpectralFilterNode", abitest.P{"gains_db": gains, "config": abi.Config{"window": 128.0, "hop": 32.0, "bands": 3.0}}, x)
	for n := 128; n < 1000; n++ {
		require.InDelta(t, math.Pow(10, -0.3)*x[n-128], y[n], 1e-13)
	}
}

// Slow curves of gain are the response: dB linear in log frequency.
func TestSpectralFilterCurve(t *testing.T) {
	gains := []float64{0, -12} // over log2(512) octaves
	h := abitest.Run(t, "SpectralFilterNode", abitest.P{"gains_db": gains, "config": abi.Config{"bands": 2.0}}, abitest.Impulse(3000))
	for _, bin := range []float64{50, 128, 300} {
		hz := bin * abitest.Rate / 1024
		require.InDelta(t, -12*math.Log2(bin)/9, db(response(h, hz)), 0.01)
		// No phase but that of the delay.
		require.InDelta(t, 0, cmplx.Phase(response(h, hz)*cmplx.Exp(complex(0, 2*math.Pi*hz/abitest.Rate*1024))), 1e-3)
	}
}

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
	for _, name := range []string{"CombNode", "AllpassDelayNode"} {
		configs[name] = []abi.Config{
			{"max_ms": 0.1}, {"max_ms": 1.0}, {"max_ms": 0.1, "interp": "lagrange3"}, {"max_ms": 1.0, "interp": "lagrange3"},
		}
	}
}

func TestCombEchoes(t *testing.T) {
	for _, interp := range []string{"linear", "lagrange3"} {
		y := abitest.Run(t, "CombNode", abitest.P{"time_ms": ms(30), "gain": -0.8, "config": abi.Config{"interp": interp}}, abitest.Impulse(200))
		want := make([]float64, 200)
		for k := 0; 30*k < len(want); k++ {
			want[30*k] = math.Pow(-0.8, float64(k))
		}
		require.InDeltaSlice(t, want, y, 1e-12)
	}
}

func TestAllpassDelayKeepsAllFrequencies(t *testing.T) {
	h := abitest.Run(t, "AllpassDelayNode", abitest.P{"time_ms": ms(7), "gain": 0.6}, abitest.Impulse(700))
	require.InDelta(t, -0.6, h[0], 1e-15)
	require.InDelta(t, 1-0.36, h[7], 1e-12)
	for hz := 100.0; hz < 24000; hz *= 1.5 {
		require.InDelta(t, 1, cmplx.Abs(response(h, hz)), 1e-12)
	}
}

package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func TestLimiterConformance(t *testing.T) {
	for _, lookahead := range []float64{0, 0.02, 0.2} {
		for _, link := range []bool{true, false} {
			abitest.Conformance(t, abi.Lookup("LimiterNode"), abi.Config{"lookahead_ms": lookahead, "link": link})
		}
	}
}

func TestLimiterKeepsItsCeiling(t *testing.T) {
	x := abitest.Noise(20000, 3)
	for n := 5000; n < 10000; n++ {
		x[n] *= 30
	}
	ceiling := math.Pow(10, -3.0/20)
	for _, lookahead := range []float64{0, 1, 5} {
		y := abitest.Run(t, "LimiterNode", abitest.P{"ceiling_db": -3.0, "config": abi.Config{"lookahead_ms": lookahead}}, x)
		peak := 0.0
		for _, v := range y {
			peak = max(peak, math.Abs(v))
		}
		require.LessOrEqual(t, peak, ceiling*(1+1e-12))
		require.Greater(t, peak, 0.9*ceiling)
	}
}

// What stays below the ceiling is only delayed; after a peak the gain comes
// back with the release.
func TestLimiterDelaysAndReleases(t *testing.T) {
	x := constant(30000, 0.1)
	x[1000] = 2
	y := abitest.Run(t, "LimiterNode", abitest.P{"ceiling_db": 0.0, "release_ms": 20.0, "config": abi.Config{"lookahead_ms": 1.0}}, x)
	require.Equal(t, make([]float64, 48), y[:48])
	require.InDelta(t, 0.1, y[900], 1e-15)
	require.InDelta(t, 1, y[1048], 1e-12)        // the peak, at the ceiling
	one, two := 1-y[1200]/0.1, 1-y[1200+960]/0.1 // attenuation, one time constant apart
	require.InDelta(t, math.Exp(-1), two/one, 1e-9)
	require.InDelta(t, 0.1, y[29999], 1e-12)
}

// With an attack the attenuation approaches what is needed by its time constant.
func TestLimiterAttack(t *testing.T) {
	x := constant(3000, 2)
	y := abitest.Run(t, "LimiterNode", abitest.P{"ceiling_db": 0.0, "attack_ms": 5.0, "config": abi.Config{"lookahead_ms": 0.0}}, x)
	for _, n := range []int{0, 100, 239, 1000} { // 1 - gain is half of 1 - e^(-(n+1)/240)
		require.InDelta(t, 2-(1-math.Exp(-float64(n+1)/240)), y[n], 1e-9)
	}
}

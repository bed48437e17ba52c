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
	configs["PhaserNode"] = []abi.Config{{"stage_order": 2.0}, {"stage_order": 2.0, "stages": 1.0, "wave": "triangle"}}
}

// At rest a stage is the all-pass of its textbook: 90 or 180 degrees at the corner.
func TestPhaserStages(t *testing.T) {
	const hz = 3000.0
	for order := 1; order <= 2; order++ {
		for _, stages := range []int{1, 3} {
			p := abitest.P{"depth_oct": 0, "center_hz": hz, "mix": 1, "config": abi.Config{"stages": float64(stages), "stage_order": float64(order)}}
			h := abitest.Run(t, "PhaserNode", p, abitest.Impulse(2000))
			require.InDelta(t, 0, cmplx.Abs(response(h, hz)-cmplx.Exp(complex(0, -math.Pi/2*float64(order*stages)))), 1e-12)
			for f := 50.0; f < 24000; f *= 1.7 {
				require.InDelta(t, 1, cmplx.Abs(response(h, f)), 1e-12)
			}
		}
	}
	p := abitest.P{"center_hz": hz, "q": 1.7, "depth_oct": 0, "mix": 1, "config": abi.Config{"stages": 1.0, "stage_order": 2.0}}
	x := abitest.Noise(500, 3)
	require.InDeltaSlice(t, abitest.Run(t, "AllpassNode", abitest.P{"freq_hz": hz, "q": 1.7}, x), abitest.Run(t, "PhaserNode", p, x), 1e-11)
}

// However fast the corner moves, energy comes out as it went in.
func TestPhaserIsLosslessUnderModulation(t *testing.T) {
	x := make([]float64, 20000)
	copy(x, abitest.Noise(2000, 1))
	for order := 1; order <= 2; order++ {
		y := abitest.Run(t, "PhaserNode", abitest.P{"depth_oct": 4, "rate_hz": 20, "mix": 1, "config": abi.Config{"stage_order": float64(order)}}, x)
		in, out := 0.0, 0.0
		for n := range x {
			in, out = in+x[n]*x[n], out+y[n]*y[n]
		}
		require.InEpsilon(t, in, out, 1e-9)
	}
}

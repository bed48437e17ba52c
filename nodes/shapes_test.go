package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func TestGainTakesOneOfTwoParameters(t *testing.T) {
	require.Equal(t, []float64{-3, -3}, abitest.Run(t, "GainNode", abitest.P{"gain": -3}, abitest.Step(2)))
	y := abitest.Run(t, "GainNode", abitest.P{"gain_db": -20}, abitest.Step(2))
	require.InDelta(t, 0.1, y[0], 1e-16)

	typ := abi.Lookup("GainNode")
	s := abi.NewSetup(typ)
	s.Channels, s.Given = []int{1}, func(string) bool { return true }
	require.ErrorContains(t, s.Finish(typ), "twice")
}

func TestMixSumsChannels(t *testing.T) {
	y := abitest.RunChannels(t, "MixNode", abitest.P{"gains": []float64{1, -2, 0.5}, "config": abi.Config{"channels": 2.0}},
		[][]float64{{1, 10}, {2, 20}, {4, 40}})
	require.Equal(t, [][]float64{{-1, -10}, {-1, -10}}, y[0])
}

func TestDryWetCrossfades(t *testing.T) {
	y := abitest.Run(t, "DryWetNode", abitest.P{"mix": 0.25}, []float64{4, 0}, []float64{0, 8})
	require.Equal(t, []float64{3, 2}, y)
}

func TestTanhIsTanh(t *testing.T) {
	x := []float64{0, 1e-300, -1e-9, 1e-4, 0.3, -0.34657, 0.34658, -1, 2.5, 18, -19.9, 25, 1e6}
	y := abitest.Run(t, "TanhNode", nil, x)
	for n, v := range x {
		require.InDelta(t, math.Tanh(v), y[n], 5e-16*math.Abs(math.Tanh(v)), "tanh %v", v)
	}
	for n, v := range abitest.Run(t, "TanhNode", abitest.P{"drive": 3, "bias": 0.5, "level": 2}, x) {
		require.InDelta(t, 2*(math.Tanh(3*x[n]+0.5)-math.Tanh(0.5)), v, 1e-15)
	}
}

func TestClippers(t *testing.T) {
	x := []float64{0, 0.1, -0.2, 0.5, -0.6, 9}
	soft := abitest.Run(t, "SoftClipNode", abitest.P{"drive": 2, "threshold": 0.8}, x)
	hard := abitest.Run(t, "HardClipNode", abitest.P{"drive": 2, "threshold": 0.8}, x)
	for n, v := range x {
		u := 2 * v / 0.8
		require.InDelta(t, min(max(2*v, -0.8), 0.8), hard[n], 2e-16)
		if math.Abs(u) > 1 {
			u = math.Copysign(1, u)
		}
		require.InDelta(t, 0.8*(u-u*u*u/3), soft[n], 2e-16)
	}
}

func TestQuantizerGrid(t *testing.T) {
	y := abitest.Run(t, "QuantizerNode", abitest.P{"bits": 3}, []float64{0, 0.1, 0.125, 0.3, -0.9, 1.4})
	require.Equal(t, []float64{0, 0, 0.25, 0.25, -1, 1.5}, y)
}

func TestTremoloIsItsFormula(t *testing.T) {
	y := abitest.Run(t, "TremoloNode", abitest.P{"rate_hz": 100, "depth": 0.8, "phase": 0.25, "sample_rate": 1000}, abitest.Step(50))
	for n, v := range y {
		w := math.Sin(2 * math.Pi * (0.1*float64(n) + 0.25))
		require.InDelta(t, 1-0.8*(1-w)/2, v, 1e-13)
	}
	x := abitest.Noise(50, 1)
	require.Equal(t, x, abitest.Run(t, "TremoloNode", abitest.P{"depth": 0}, x))
}

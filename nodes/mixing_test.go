package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() { configs["MatrixNode"] = []abi.Config{{"out": 2.0}, {"out": 5.0}} }

func TestMatrixTurnsChannels(t *testing.T) {
	left, right := abitest.Noise(100, 1), abitest.Noise(100, 2)
	s, c := math.Sincos(0.3)
	y := abitest.RunChannels(t, "MatrixNode", abitest.P{"matrix": []float64{c, -s, s, c}}, [][]float64{left, right})[0]
	for n := range left { // a turn keeps the power
		require.InDelta(t, left[n]*left[n]+right[n]*right[n], y[0][n]*y[0][n]+y[1][n]*y[1][n], 1e-13)
		require.InDelta(t, c*left[n]-s*right[n], y[0][n], 1e-15)
	}
	same := abitest.RunChannels(t, "MatrixNode", nil, [][]float64{left, right})[0]
	require.Equal(t, [][]float64{left, right}, same)
}

func TestPanKeepsPower(t *testing.T) {
	for _, pan := range []float64{-1, -0.4, 0, 0.7, 1} {
		y := abitest.RunChannels(t, "PanNode", abitest.P{"pan": pan}, [][]float64{abitest.Step(4)})[0]
		require.InDelta(t, 1, y[0][3]*y[0][3]+y[1][3]*y[1][3], 1e-15)
		// The angle between the channels is linear in pan.
		require.InDelta(t, (pan+1)*math.Pi/4, math.Atan2(y[1][3], y[0][3]), 1e-15)
	}
}

func TestStereoWidth(t *testing.T) {
	left, right := abitest.Noise(50, 1), abitest.Noise(50, 2)
	for _, width := range []float64{0, 1, 2.5} {
		y := abitest.RunChannels(t, "StereoWidthNode", abitest.P{"width": width}, [][]float64{left, right})[0]
		for n := range left {
			require.InDelta(t, left[n]+right[n], y[0][n]+y[1][n], 1e-14)
			require.InDelta(t, width*(left[n]-right[n]), y[0][n]-y[1][n], 1e-14)
		}
	}
}

func TestSplitHasAPortPerChannel(t *testing.T) {
	x := [][]float64{abitest.Noise(20, 1), abitest.Noise(20, 2), abitest.Noise(20, 3)}
	y := abitest.RunChannels(t, "SplitNode", nil, x)
	require.Len(t, y, 3)
	for c := range x {
		require.Equal(t, x[c], y[c][0])
	}
}

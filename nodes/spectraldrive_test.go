package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["SpectralDriveNode"] = []abi.Config{
		{"analysis_window": 16.0, "hop": 4.0, "band_edges": []float64{5000, 12000}}, {"analysis_window": 12.0, "hop": 6.0, "band_edges": []float64{}},
		{"mode": "fast_filter", "fast_latency": 5.0, "fast_slope": 6.0},
	}
}

// Far below its curves the split adds up to the input; above, a band is
// as loud as its slew allows.
func TestSpectralDriveBands(t *testing.T) {
	x := abitest.Noise(6000, 1)
	for n := range x {
		x[n] *= 1e-7
	}
	y := abitest.Run(t, "SpectralDriveNode", nil, x)
	for n := 1024; n < len(x); n++ {
		require.InDelta(t, x[n-1024], y[n], 1e-15)
	}
	loud := abitest.Sine(8000, 400/abitest.Rate) // in the second band, an octave from its ends
	p := abitest.P{"drive": 1, "slew_floor": 0.01, "slew_ceiling": 0.01}
	middle := math.Sqrt(120 * 960.0)
	limit := 0.01 / (2 * math.Sin(math.Pi*middle/abitest.Rate))
	top := 0.0
	for _, v := range abitest.Run(t, "SpectralDriveNode", p, loud)[4000:] {
		top = max(top, math.Abs(v))
	}
	// The other bands hold what the window leaks.
	require.InDelta(t, limit*math.Tanh(1/limit), top, 0.02*limit)
}

func TestSpectralDriveFilters(t *testing.T) {
	x := abitest.Noise(500, 1)
	y := abitest.Run(t, "SpectralDriveNode", abitest.P{"rci_cutoff": 2000, "rci_q": 1.3, "rci_gain": 2, "config": abi.Config{"mode": "rci_filter"}}, x)
	want := abitest.Run(t, "LowpassNode", abitest.P{"cutoff_hz": 2000, "q": 1.3}, x) // the same bilinear filter
	for n := range want {
		require.InDelta(t, 2*want[n], y[n], 1e-11)
	}
	y = abitest.Run(t, "SpectralDriveNode", abitest.P{"rci_cutoff": 2000, "fast_drive": 3, "fast_mix": 0.25, "config": abi.Config{"mode": "fast_filter", "fast_latency": 7.0}}, x)
	low := abitest.Run(t, "OnePoleNode", abitest.P{"cutoff_hz": 2000}, abitest.Run(t, "OnePoleNode", abitest.P{"cutoff_hz": 2000}, x))
	for n := 7; n < len(x); n++ {
		require.InDelta(t, 0.75*x[n-7]+0.25*math.Tanh(3*low[n-7]), y[n], 1e-13)
	}
}

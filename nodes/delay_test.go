package nodes_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// ms turns frames into the node's unit.
func ms(frames float64) float64 { return frames * 1000 / abitest.Rate }

var interpolations = []string{"linear", "lagrange3", "allpass"}

func TestDelayOfWholeFrames(t *testing.T) {
	x := abitest.Noise(200, 1)
	for _, interp := range interpolations {
		for _, frames := range []int{0, 1, 2, 5, 70, 150} {
			y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(float64(frames)), "config": abi.Config{"interp": interp}}, x)
			for n, v := range y {
				want := 0.0
				if n >= frames {
					want = x[n-frames]
				}
				require.InDelta(t, want, v, 1e-11, "%s, %d frames, frame %d", interp, frames, n)
			}
		}
	}
}

func TestDelayEchoes(t *testing.T) {
	y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(30), "feedback": -0.5, "mix": 0.25}, abitest.Impulse(200))
	want := make([]float64, 200)
	want[0] = 0.75
	for k := 1; 30*k < len(want); k++ {
		want[30*k] = 0.25 * math.Pow(-0.5, float64(k-1))
	}
	require.InDeltaSlice(t, want, y, 1e-14)
}

// Below one frame the feedback stays at one: an impulse decays frame by frame.
func TestDelayFeedbackBelowOneFrame(t *testing.T) {
	y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": 0, "feedback": 0.9}, abitest.Impulse(50))
	for n, v := range y {
		require.InDelta(t, math.Pow(0.9, float64(n)), v, 1e-14)
	}
}

func TestDelayDampingIsAOnePole(t *testing.T) {
	const cutoff = 2000.0
	y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(40), "feedback": 0.5, "damping_hz": cutoff}, abitest.Impulse(120))
	// The second echo is the first through feedback and low-pass.
	low := abitest.Run(t, "OnePoleNode", abitest.P{"cutoff_hz": cutoff}, abitest.Impulse(40))
	require.InDelta(t, 1, y[40], 1e-15)
	for n := range 40 {
		require.InDelta(t, 0.5*low[n], y[80+n], 1e-14)
	}
}

// Third-order Lagrange is exact for cubics, linear for straight lines.
func TestDelayInterpolatesPolynomials(t *testing.T) {
	line, cubic := make([]float64, 60), make([]float64, 60)
	for n := range line {
		s := float64(n) / 10
		line[n], cubic[n] = 2-3*s, s*s*s-2*s*s+s
	}
	for _, frames := range []float64{0.3, 1.6, 2.25, 7.8} {
		y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(frames)}, line)
		z := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(frames), "config": abi.Config{"interp": "lagrange3"}}, cubic)
		for n := 12; n < 60; n++ {
			s := (float64(n) - frames) / 10
			require.InDelta(t, 2-3*s, y[n], 1e-11)
			require.InDelta(t, s*s*s-2*s*s+s, z[n], 1e-9)
		}
	}
}

func TestDelayAllpassKeepsAllFrequencies(t *testing.T) {
	h := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(10.4), "config": abi.Config{"interp": "allpass"}}, abitest.Impulse(400))
	for hz := 100.0; hz < 24000; hz *= 1.5 {
		require.InDelta(t, 1, cmplx.Abs(response(h, hz)), 1e-12)
	}
	// Its delay at low frequencies is the one asked for.
	require.InDelta(t, -2*math.Pi*100*10.4/abitest.Rate, cmplx.Phase(response(h, 100)), 1e-6)
}

// A glide of constant speed reads a ramp at constant speed.
func TestDelayTimeGlides(t *testing.T) {
	ramp, time := make([]float64, 200), make(abitest.PerFrame, 200)
	for n := range ramp {
		ramp[n], time[n] = float64(n), ms(20+0.25*float64(n))
	}
	y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": time}, ramp)
	for n := 40; n < 200; n++ {
		require.InDelta(t, 0.75*float64(n)-20, y[n], 1e-9)
	}
}

// A line must reach back over many blocks, and to the full length.
func TestDelayLongerThanBlock(t *testing.T) {
	y := abitest.Run(t, "DelayNode", abitest.P{"time_ms": ms(1000), "config": abi.Config{"max_ms": ms(1000)}}, abitest.Impulse(1500))
	for n, v := range y {
		if n == 1000 {
			require.InDelta(t, 1, v, 1e-10)
		} else {
			require.InDelta(t, 0, v, 1e-10)
		}
	}
}

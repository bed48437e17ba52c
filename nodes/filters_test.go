package nodes_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func TestOnePoleStep(t *testing.T) {
	tau48 := abitest.Rate / (2 * math.Pi * 48) // cutoff whose time constant is 48 frames
	for _, tc := range []struct {
		name  string
		frame int
		want  float64
	}{
		{"one time constant", 47, 1 - math.Exp(-1)},
		{"three time constants", 143, 1 - math.Exp(-3)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := abitest.P{"cutoff_hz": tau48}
			low := abitest.Run(t, "OnePoleNode", p, abitest.Step(256))
			require.InDelta(t, tc.want, low[tc.frame], 1e-12)
			p["config"] = abi.Config{"kind": "highpass"}
			high := abitest.Run(t, "OnePoleNode", p, abitest.Step(256))
			require.InDelta(t, 1, low[tc.frame]+high[tc.frame], 1e-15)
		})
	}
}

func TestDCBlockStep(t *testing.T) { // what is left of a step decays with the pole
	y := abitest.Run(t, "DCBlockNode", abitest.P{"r": 0.99}, abitest.Step(200))
	for n, v := range y {
		require.InDelta(t, math.Pow(0.99, float64(n)), v, 1e-13)
	}
}

// response returns H at a frequency, from an impulse response that has died away.
func response(h []float64, hz float64) complex128 {
	sum := complex(0, 0)
	for n, v := range h {
		sum += complex(v, 0) * cmplx.Exp(complex(0, -2*math.Pi*hz/abitest.Rate*float64(n)))
	}
	return sum
}

func db(h complex128) float64 { return 20 * math.Log10(cmplx.Abs(h)) }

// The gain that the cookbook's prototypes have at the frequency of the filter,
// at 0 and at half the rate, which the bilinear transform keeps.
func TestCookbookResponse(t *testing.T) {
	const (
		freq, q, gain = 2000.0, 1.7, 9.0
		none          = -1000.0 // silence
	)
	for _, tc := range []struct {
		name                   string
		atZero, atFreq, atHalf float64 // dB
	}{
		{"LowpassNode", 0, 20 * math.Log10(q), none},
		{"HighpassNode", none, 20 * math.Log10(q), 0},
		{"BandpassNode", none, 0, none},
		{"NotchNode", 0, none, 0},
		{"AllpassNode", 0, 0, 0},
		{"PeakingEQNode", 0, gain, 0},
		{"LowShelfNode", gain, gain / 2, 0},
		{"HighShelfNode", 0, gain / 2, gain},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := abitest.P{"freq_hz": freq, "q": q, "gain_db": gain}
			names := map[string]bool{}
			for _, param := range abi.Lookup(tc.name).Params {
				names[param.Name] = true
			}
			if names["cutoff_hz"] {
				p = abitest.P{"cutoff_hz": freq, "q": q}
			} else if !names["gain_db"] {
				delete(p, "gain_db")
			}
			h := abitest.Run(t, tc.name, p, abitest.Impulse(4096))
			for hz, want := range map[float64]float64{0: tc.atZero, freq: tc.atFreq, abitest.Rate / 2: tc.atHalf} {
				got := response(h, hz)
				if want == none {
					require.Less(t, cmplx.Abs(got), 1e-10, "%v Hz", hz)
				} else {
					require.InDelta(t, want, db(got), 1e-9, "%v Hz", hz)
				}
			}
		})
	}
}

func TestAllpassPassesAll(t *testing.T) {
	h := abitest.Run(t, "AllpassNode", abitest.P{"freq_hz": 3000, "q": 3}, abitest.Impulse(4096))
	for hz := 0.0; hz < 24000; hz += 777 {
		require.InDelta(t, 1, cmplx.Abs(response(h, hz)), 1e-12)
	}
	require.InDelta(t, -1, real(response(h, 3000)), 1e-12)
}

// A filter far below the rate must not lose its digits in 1 - cos w.
func TestLowpassKeepsUnityAtTenHertz(t *testing.T) {
	y := abitest.Run(t, "LowpassNode", abitest.P{"cutoff_hz": 10, "q": 0.5}, abitest.Step(48000))
	require.InDelta(t, 1, y[47999], 1e-7) // the bilinear coefficients themselves carry 1e-16/w²
}

// While its cutoff moves, a filter whose poles do not matter yet is the filter
// of each frame: the first frame is b0 x.
func TestModulatedLowpassStartsWithItsOwnCoefficient(t *testing.T) {
	held := abitest.Run(t, "LowpassNode", abitest.P{"cutoff_hz": 5000}, abitest.Impulse(8))
	sweep := abitest.PerFrame{5000, 100, 9000, 20, 400, 800, 1600, 3200}
	y := abitest.Run(t, "LowpassNode", abitest.P{"cutoff_hz": sweep}, abitest.Impulse(8))
	require.Equal(t, held[0], y[0])
	require.NotEqual(t, held[1], y[1])
}

func TestParametricEQIsItsBandsInSeries(t *testing.T) {
	x := abitest.Noise(300, 5)
	freqs, qs, gains := []float64{120, 900, 7000}, []float64{0.7, 2, 1.1}, []float64{6, -9, 3.5}
	got := abitest.Run(t, "ParametricEQNode", abitest.P{
		"freqs_hz": freqs, "qs": qs, "gains_db": gains, "config": abi.Config{"bands": 3.0},
	}, x)
	want := x
	for i, typ := range []string{"LowShelfNode", "PeakingEQNode", "HighShelfNode"} {
		want = abitest.Run(t, typ, abitest.P{"freq_hz": freqs[i], "q": qs[i], "gain_db": gains[i]}, want)
	}
	require.Equal(t, want, got)
}

func TestSafetyRemovesTheMeanAndClips(t *testing.T) {
	y := abitest.Run(t, "SafetyNode", abitest.P{"dc_alpha": 0.9}, abitest.Step(100))
	for n, v := range y { // 1 - m[n] = α^(n+1)
		require.InDelta(t, math.Pow(0.9, float64(n+1)), v, 1e-14)
	}
	loud := abitest.Row(50, func(n int) float64 { return 40 * math.Cos(float64(n)) })
	for _, v := range abitest.Run(t, "SafetyNode", nil, loud) {
		require.LessOrEqual(t, math.Abs(v), 1.0)
	}
}

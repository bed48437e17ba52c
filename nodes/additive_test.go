package nodes_test

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["HarmonicOscillatorNode"] = []abi.Config{{"harmonics": 1.0}, {"harmonics": 7.0}}
	benchConfig["HarmonicOscillatorNode"] = abi.Config{"harmonics": 64.0}
}

// Each partial is a sine of its own frequency, also over many chunks.
func TestHarmonicOscillatorIsItsSum(t *testing.T) {
	const frames, f0 = 3000, 111.5
	amps, phases := []float64{1, 0.5, 0, 0.25, 2}, []float64{0, 0.1, 0.2, 0.3, -0.4}
	for _, b := range []float64{0, 0.003} {
		p := abitest.P{"f0_hz": f0, "amps": amps, "phases": phases, "inharmonicity": b, "config": abi.Config{"harmonics": 5.0}}
		held := abitest.Run(t, "HarmonicOscillatorNode", p, abitest.Silence(frames))
		constant := abitest.PerFrame(slices.Repeat([]float64{f0}, frames))
		p["f0_hz"] = constant
		varying := abitest.Run(t, "HarmonicOscillatorNode", p, abitest.Silence(frames))
		for n := range frames {
			want := 0.0
			for i, a := range amps {
				k := float64(i + 1)
				want += a * math.Sin(2*math.Pi*(k*math.Sqrt(1+b*k*k)*f0*float64(n+1)/abitest.Rate+phases[i]))
			}
			require.InDelta(t, want, held[n], 1e-10)
			require.InDelta(t, want, varying[n], 1e-10)
		}
	}
}

// A partial that rises through half the rate leaves without a jump.
func TestHarmonicOscillatorFades(t *testing.T) {
	const frames = 20000
	f0 := abitest.PerFrame(abitest.Row(frames, func(n int) float64 { return 11000 + 2000*float64(n)/frames })) // the second partial ends at 26 kHz
	y := abitest.Run(t, "HarmonicOscillatorNode", abitest.P{"f0_hz": f0, "amps": []float64{0, 1}, "config": abi.Config{"harmonics": 2.0}}, abitest.Silence(frames))
	turn := 0.0
	for n := range y {
		turn += f0[n] / abitest.Rate
		f := 2 * f0[n] / abitest.Rate
		u := min(max((0.5-f)/0.025, 0), 1)
		require.InDelta(t, u*u*(3-2*u)*math.Sin(4*math.Pi*turn), y[n], 1e-9)
	}
	require.Zero(t, y[frames-1])
}

func init() {
	configs["SinusoidBankNode"] = []abi.Config{{"partials": 1.0}, {"partials": 6.0}}
	benchConfig["SinusoidBankNode"] = abi.Config{"partials": 64.0}
}

// The recursion, the attack and the glide against the formula.
func TestSinusoidBankIsItsSum(t *testing.T) {
	const frames, rate = 6000, 8000.0
	freqs, amps, phases := []float64{100, 333, 1000.5, 20, 3000}, []float64{1, 0.5, 0.3, 2, 0.1}, []float64{0, 0.1, 0.2, 0.3, 0.4}
	decays, attacks := []float64{0, 3, 50, 10, 1}, []float64{0, 0, 30, 100, 0}
	for _, glide := range []float64{0, 0.7} {
		p := abitest.P{"freqs_hz": freqs, "amps": amps, "phases": phases, "decays": decays, "attacks_ms": attacks, "sample_rate": rate, "config": abi.Config{"partials": 5.0}}
		if glide != 0 {
			p["glide_oct"], p["glide_s"] = glide, 0.01 // over within 0.45 s
		}
		y := abitest.Run(t, "SinusoidBankNode", p, abitest.Silence(frames))
		tau := 0.0
		for n := range y {
			at, want := float64(n)/rate, 0.0
			for i, a := range amps {
				if attacks[i] > 0 {
					a *= min(1, 1000*at/attacks[i])
				}
				u := min(max((0.5-freqs[i]*math.Exp2(glide*math.Exp(-at/0.01))/rate)/0.025, 0), 1) // 3 kHz begin above half the rate
				want += a * u * u * (3 - 2*u) * math.Exp(-decays[i]*at) * math.Sin(2*math.Pi*(freqs[i]*tau+phases[i]))
			}
			require.InDelta(t, want, y[n], 1e-9, n)
			tau += math.Exp2(glide*math.Exp(-at/0.01)) / rate
		}
	}
}

// Hayes, Saitis and Fazekas's experiment: 64 frames of cos 0.25 n, begun at
// 1.002 radians per frame, descended along the normalised gradient of the pole.
// The published code first comes within 1e-3 at step 2803.
func TestSinusoidBankSurrogate(t *testing.T) {
	const frames, rate, target = 64, 8000.0, 0.25
	l := newLane(t, "SinusoidBankNode", frames, abitest.P{
		"amps": []float64{1}, "phases": []float64{0.25}, "freqs_hz": []float64{1}, "decays": []float64{0},
		"config": abi.Config{"partials": 1.0, "surrogate": true},
	})
	z := cmplx.Rect(1, 1.002)
	reached := 0
	marks := map[int]float64{1000: 0.9516, 2000: 0.5492, 3000: 0.2406, 4000: 0.2500}
	for step := 1; step <= 4000; step++ {
		l.params[0][0], l.params[3][0] = cmplx.Phase(z)*rate/(2*math.Pi), -math.Log(cmplx.Abs(z))*rate
		for n, y := range l.forward()[0] {
			l.dout[0][n] = y - math.Cos(target*float64(n))
		}
		l.dparams[0][0], l.dparams[3][0] = 0, 0
		l.typ.Backward(l.block, l.dual)
		g := z * complex(-l.dparams[3][0]*rate, l.dparams[0][0]*rate/(2*math.Pi))
		z -= 3e-4 * g / complex(cmplx.Abs(g), 0)
		if reached == 0 && math.Abs(cmplx.Phase(z)-target) < 1e-3 {
			reached = step
		}
		if want, ok := marks[step]; ok {
			require.InDelta(t, want, cmplx.Phase(z), 5e-4, step)
		}
	}
	require.InDelta(t, 2803, reached, 1)
}

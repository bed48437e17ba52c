package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["ModalNode"] = []abi.Config{{"modes": 1.0}, {"modes": 7.0}}
	configs["KarplusStrongNode"] = []abi.Config{{"min_hz": 1000.0}, {"min_hz": 1000.0, "excitation": "noise"}, {"min_hz": 2000.0, "excitation": "impulse"}}
	benchConfig["ModalNode"] = abi.Config{"modes": 64.0}
}

func TestModalIsItsSum(t *testing.T) {
	freqs, decays, amps := []float64{300, 1234, 5000, 7000, 11000}, []float64{0.5, 0.1, 0.02, 1, 3}, []float64{1, -0.5, 2, 0.3, 1}
	p := abitest.P{"freqs_hz": freqs, "decays_s": decays, "amps": amps, "config": abi.Config{"modes": 5.0}}
	driven := abitest.Run(t, "ModalNode", p, abitest.Impulse(3000))
	p["config"] = abi.Config{"modes": 5.0, "excitation": "impulse"}
	struck := abitest.Run(t, "ModalNode", p, abitest.Silence(3000))
	require.Equal(t, struck, driven)
	for n, v := range driven {
		want, time := 0.0, float64(n)/abitest.Rate
		for k, f := range freqs {
			want += amps[k] * math.Pow(10, -3*time/decays[k]) * math.Sin(2*math.Pi*f*time)
		}
		require.InDelta(t, want, v, 1e-10)
	}
}

// The fundamental falls by 60 dB in decay_s, whatever the damping above it, and
// the partials are multiples of the frequency.
func TestKarplusStrongPitchAndDecay(t *testing.T) {
	const hz, decay = 441.3, 0.5
	for _, bright := range []float64{0.2, 1} {
		y := abitest.Run(t, "KarplusStrongNode", abitest.P{"frequency": hz, "decay_s": decay, "brightness": bright}, abitest.Impulse(36000))
		// Damping of the fundamental by the three taps, per period.
		h := (1+bright)/2 + (1-bright)/2*math.Cos(2*math.Pi*hz/abitest.Rate)
		level := func(from int, hz float64) complex128 {
			sum := complex(0, 0)
			for n := range 8700 { // 80 periods
				w := 1 - math.Cos(2*math.Pi*(float64(n)+0.5)/8700)
				s, c := math.Sincos(-2 * math.Pi * hz / abitest.Rate * float64(from+n))
				sum += complex(w*y[from+n]*c, w*y[from+n]*s)
			}
			return sum
		}
		const apart = 20000
		periods := apart / abitest.Rate * hz
		want := 20*periods*math.Log10(h) - 60*apart/abitest.Rate/decay
		ratio := level(1000+apart, hz) / level(1000, hz)
		require.InDelta(t, want, db(ratio), 0.01)
		// Both have the same phase, as the frequency is exact: 0.001 Hz is 0.0026 rad.
		require.InDelta(t, 0, imag(ratio)/real(ratio), 0.0026)
	}
}

func TestKarplusStrongBurst(t *testing.T) {
	p := abitest.P{"frequency": 1000, "brightness": 1, "decay_s": 100, "config": abi.Config{"excitation": "noise", "seed": 5.0}}
	y := abitest.Run(t, "KarplusStrongNode", p, abitest.Silence(96))
	for n := range 48 { // a period of noise, then again
		require.InDelta(t, y[n], y[48+n], 1e-4)
		require.NotZero(t, y[n])
	}
}

// A mode that is learned through half the rate leaves gently: its level falls to 0
// there, and the slope goes with it.
func TestModalFadesAtHalfTheRate(t *testing.T) {
	level := func(part float64) float64 {
		p := abitest.P{"freqs_hz": []float64{part * abitest.Rate}, "decays_s": []float64{0.01}, "amps": []float64{1}, "config": abi.Config{"modes": 1.0}}
		peak := 0.0
		for _, v := range abitest.Run(t, "ModalNode", p, abitest.Impulse(400)) {
			peak = max(peak, math.Abs(v))
		}
		return peak
	}
	require.Zero(t, level(0.5))
	last := level(0.4751)
	for part := 0.476; part < 0.5; part += 0.001 {
		now := level(part)
		require.Less(t, now, last+0.02, part) // but for how the peak falls between frames
		last = now
	}
	require.Less(t, last, 0.01)
}

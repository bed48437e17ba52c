package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// roomOf is 0.7 of a dry sound of bursts, and white noise that decays by 60 dB in
// the given time after a delay.
func roomOf(t60, delay, rate float64) (dry, y []float64) {
	rng := rand.New(rand.NewPCG(3, 4))
	dry, y = make([]float64, 14000), make([]float64, 14000)
	for n := range 8000 {
		dry[n] = rng.NormFloat64() * math.Exp(-float64(n%2000)/300)
	}
	h := make([]float64, 6000)
	for n := range h {
		if t := float64(n)/rate - delay; t > 0 {
			h[n] = 0.03 * rng.NormFloat64() * math.Pow(10, -3*t/t60)
		}
	}
	h[0] = 0.7
	for n := range y {
		for k := 0; k < len(h) && k <= n; k++ {
			y[n] += h[k] * dry[n-k]
		}
	}
	return dry, y
}

// What made the recording is read from it: direct sound, delay, decay.
func TestListen(t *testing.T) {
	const rate = 16000
	for _, want := range []struct{ t60, delay float64 }{{0.2, 0.02}, {0.4, 0.005}} {
		dry, y := roomOf(want.t60, want.delay, rate)
		r := Listen(dry, y, rate)
		require.NotNil(t, r)
		require.InDelta(t, 0.7, r.Direct, 0.05)
		require.InDelta(t, want.delay, r.Predelay, 0.002)
		require.InEpsilon(t, want.t60, r.Decay(500, 8000, rate), 0.15)
		// The energy of the tail, by the sum over its bands: cos⁴ of overlapping
		// bands adds up to 3/4.
		energy := 0.0
		for _, e := range r.Energies {
			energy += e / 0.75
		}
		require.InEpsilon(t, 0.03*0.03*rate*want.t60/(6*math.Ln10), energy, 0.25)
	}
	require.Nil(t, Listen(make([]float64, 100), make([]float64, 100), rate))
}

// A target that ends within the direct sound has no tail to measure.
func TestListenToLessThanTheDirectSound(t *testing.T) {
	for _, frames := range []int{1, 2, 48, 49, 60} {
		x := make([]float64, frames)
		for n := range x {
			x[n] = math.Sin(float64(n * n))
		}
		if r := Listen(x, x, 48000); frames > 48 && r != nil {
			require.InDelta(t, 1, r.Direct, 1e-6)
		} else {
			require.Nil(t, r)
		}
	}
}

package search

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// play renders partials.
func play(ps []partial, rate float64, frames int) []float64 {
	x := make([]float64, frames)
	for n := range x {
		t := float64(n) / rate
		for _, p := range ps {
			x[n] += p.amp * math.Exp(-p.decay*t) * math.Sin(2*math.Pi*(p.freq*t+p.phase))
		}
	}
	return x
}

func TestPartialsAreFound(t *testing.T) {
	want := []partial{
		{freq: 220.3, amp: 0.5, decay: 3, phase: 0.2},
		{freq: 441.7, amp: 0.2, decay: 8, phase: 0.7},
		{freq: 1003, amp: 0.1, decay: 1, phase: 0.1},
	}
	x := play(want, 44100, 60000)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range x {
		x[n] += 1e-4 * rng.NormFloat64()
	}
	found := findPartials(x, 44100, 3)
	require.Len(t, found, 3)
	for i, p := range found {
		require.InDelta(t, want[i].freq, p.freq, 0.02)
		require.InEpsilon(t, want[i].decay, p.decay, 0.01)
		require.InEpsilon(t, want[i].amp, p.amp, 0.02)
		require.InDelta(t, want[i].phase, p.phase, 0.02)
	}
}

func TestFundamentalIsNoOctave(t *testing.T) {
	var ps []partial
	for k := 1; k <= 9; k++ { // stretched, the first one weak
		f := 110 * float64(k) * math.Sqrt(1+1e-4*float64(k*k))
		ps = append(ps, partial{freq: f, amp: 0.3 / float64(k), decay: 2, phase: 0.1 * float64(k)})
	}
	ps[0].amp = 0.02
	found := findPartials(play(ps, 32000, 48000), 32000, 12)
	require.InEpsilon(t, 110, fundamental(found), 0.01)
}

func TestDecayTime(t *testing.T) {
	x := play([]partial{{freq: 500, amp: 1, decay: 3 * math.Ln10 / 0.8}}, 16000, 16000)
	require.InEpsilon(t, 0.8, decayTime(x, 16000), 0.02)
	require.Zero(t, decayTime(make([]float64, 1000), 16000))
}

func TestSilenceHasNoPartials(t *testing.T) {
	require.Empty(t, findPartials(make([]float64, 5000), 16000, 4))
	require.Empty(t, findPartials(make([]float64, 100), 16000, 4))
	require.Zero(t, fundamental(nil))
}

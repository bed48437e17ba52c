package analysis

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// play renders partials.
func play(ps []Partial, rate float64, frames int) []float64 {
	x := make([]float64, frames)
	for n := range x {
		t := float64(n) / rate
		for _, p := range ps {
			x[n] += p.Amp * math.Exp(-p.Decay*t) * math.Sin(2*math.Pi*(p.Freq*t+p.Phase))
		}
	}
	return x
}

func TestPartialsAreFound(t *testing.T) {
	want := []Partial{
		{Freq: 220.3, Amp: 0.5, Decay: 3, Phase: 0.2},
		{Freq: 441.7, Amp: 0.2, Decay: 8, Phase: 0.7},
		{Freq: 1003, Amp: 0.1, Decay: 1, Phase: 0.1},
	}
	x := play(want, 44100, 60000)
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range x {
		x[n] += 1e-4 * rng.NormFloat64()
	}
	found := Partials(x, 44100, 3)
	require.Len(t, found, 3)
	for i, p := range found {
		require.InDelta(t, want[i].Freq, p.Freq, 0.02)
		require.InEpsilon(t, want[i].Decay, p.Decay, 0.01)
		require.InEpsilon(t, want[i].Amp, p.Amp, 0.02)
		require.InDelta(t, want[i].Phase, p.Phase, 0.02)
	}
}

func TestFundamentalIsNoOctave(t *testing.T) {
	var ps []Partial
	for k := 1; k <= 9; k++ { // stretched, the first one weak
		f := 110 * float64(k) * math.Sqrt(1+1e-4*float64(k*k))
		ps = append(ps, Partial{Freq: f, Amp: 0.3 / float64(k), Decay: 2, Phase: 0.1 * float64(k)})
	}
	ps[0].Amp = 0.02
	found := Partials(play(ps, 32000, 48000), 32000, 12)
	require.InEpsilon(t, 110, Fundamental(found), 0.01)
}

func TestDecayTime(t *testing.T) {
	x := play([]Partial{{Freq: 500, Amp: 1, Decay: 3 * math.Ln10 / 0.8}}, 16000, 16000)
	require.InEpsilon(t, 0.8, DecayTime(x, 16000), 0.02)
	require.Zero(t, DecayTime(make([]float64, 1000), 16000))
}

func TestSilenceHasNoPartials(t *testing.T) {
	require.Empty(t, Partials(make([]float64, 5000), 16000, 4))
	require.Empty(t, Partials(make([]float64, 100), 16000, 4))
	require.Zero(t, Fundamental(nil))
}

// An operator that modulates another has its pitch in the distance of partials.
func TestPitchesHaveDistances(t *testing.T) {
	got := Pitches([]Partial{{Freq: 700}, {Freq: 500}, {Freq: 1100}}, 100)
	for _, f := range []float64{100, 700, 500, 1100, 200, 400, 600} {
		require.Contains(t, got, f)
	}
	require.Len(t, got, 7)
}

package analysis

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A tone with three harmonics that fades while it swings.
func TestFindSwing(t *testing.T) {
	const rate, centre, depth, speed, phase = 44100.0, 330.0, 5.0, 5.5, 0.3
	x := make([]float64, int(1.5*rate))
	turn := 0.0
	for n := range x {
		at := float64(n) / rate
		for k := 1; k <= 3; k++ {
			x[n] += math.Exp(-at) / float64(k) * math.Sin(2*math.Pi*float64(k)*turn)
		}
		turn += (centre + depth*math.Sin(2*math.Pi*(phase+speed*at))) / rate
	}
	for number := 1.0; number <= 3; number++ {
		s, ok := FindSwing(x, rate, number*centre*1.003, centre) // off, as a peak of a moving partial is
		require.True(t, ok)
		require.InDelta(t, centre, s.Centre/number, 0.05)
		require.InEpsilon(t, depth, s.Depth/number, 0.05)
		require.InDelta(t, speed, s.Rate, 0.01)
		require.InDelta(t, phase, s.Phase, 0.01)
	}
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * centre * float64(n) / rate)
	}
	s, ok := FindSwing(x, rate, centre, centre)
	require.True(t, !ok || s.Depth < 1e-3, "a steady tone swings by %v Hz", s.Depth)
}

// A vibrato is that of the beginning, however long the sound: the work grows with
// the square of what is looked at.
func TestFindSwingLooksAtTheBeginning(t *testing.T) {
	const rate = 4000.0
	x := make([]float64, int(1.5*swingLong*rate))
	turn := 0.0
	for n := range x {
		at := float64(n) / rate
		speed := 6.0
		if at > swingLong {
			speed = 3
		}
		x[n] = math.Sin(2 * math.Pi * turn)
		turn += (300 + 4*math.Sin(2*math.Pi*speed*at)) / rate
	}
	s, ok := FindSwing(x, rate, 300, 300)
	require.True(t, ok)
	require.InDelta(t, 6, s.Rate, 0.01)
	beginning, _ := FindSwing(x[:int(swingLong*rate)], rate, 300, 300)
	require.Equal(t, beginning, s)
	_, ok = FindSwing(x[:300], rate, 300, 300)
	require.False(t, ok, "a quarter of a turn")
}

package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every design is finite, with its slopes, and has its poles within the unit
// circle, in the whole range and at rates from 8 kHz to 3 MHz.
func TestMatchedIsStableInTheWholeRange(t *testing.T) {
	c := make([]float64, BiquadCoefs)
	for kind := Lowpass; kind <= HighShelf; kind++ {
		for _, rate := range []float64{8000, 44100, 3072000} {
			for i := range 41 {
				freq := 10 * math.Pow(0.49*rate/10, float64(i)/40)
				for j := range 16 {
					q := 0.05 * math.Pow(800, float64(j)/15)
					for _, gain := range []float64{0, -40, -20, -0.01, 0.01, 6, 40} {
						MatchedDesign(kind, c, freq, q, gain, rate, true)
						stable := math.Abs(c[4]) < 1 && math.Abs(c[3]) < 1+c[4]
						for _, v := range c {
							stable = stable && !math.IsNaN(v) && !math.IsInf(v, 0)
						}
						require.True(t, stable, "kind %v at %v of %v Hz, q %v, %v dB: %v", kind, freq/rate, rate, q, gain, c)
						if kind < Peaking {
							break
						}
					}
				}
			}
		}
	}
}

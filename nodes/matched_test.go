package nodes_test

import (
	"math"
	"math/cmplx"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// prototype is the gain of the cookbook's analog filters.
func prototype(name string, hz, freq, q, gain float64) float64 {
	s, a := complex(0, hz/freq), complex(math.Pow(10, gain/40), 0)
	d, root := s*s+s/complex(q, 0)+1, cmplx.Sqrt(a)/complex(q, 0)
	switch name {
	case "LowpassNode":
		return cmplx.Abs(1 / d)
	case "HighpassNode":
		return cmplx.Abs(s * s / d)
	case "BandpassNode":
		return cmplx.Abs(s / complex(q, 0) / d)
	case "NotchNode":
		return cmplx.Abs((s*s + 1) / d)
	case "AllpassNode":
		return 1
	case "PeakingEQNode":
		return cmplx.Abs((s*s + s*a/complex(q, 0) + 1) / (s*s + s/(a*complex(q, 0)) + 1))
	case "LowShelfNode":
		return cmplx.Abs(a * (s*s + s*root + a) / (a*s*s + s*root + 1))
	}
	return cmplx.Abs(a * (a*s*s + s*root + 1) / (s*s + s*root + a))
}

// The gain follows the analog filter up to half the rate: within the given dB
// for filters up to 0.4 of the rate, where the bilinear transform has lost all of
// it, and exactly at the ends.
func TestMatchedFollowsTheAnalogGain(t *testing.T) {
	const rate, frames = abitest.Rate, 1 << 12
	for _, tc := range []struct {
		name           string
		within         float64
		atZero, atHalf bool
		gains          []float64
	}{
		{"LowpassNode", 1.5, true, true, []float64{0}},
		{"HighpassNode", 3.6, true, true, []float64{0}},
		{"BandpassNode", 1.6, true, true, []float64{0}},
		{"NotchNode", 2.6, true, true, []float64{0}},
		{"AllpassNode", 1e-9, true, true, []float64{0}},
		{"PeakingEQNode", 4, true, false, []float64{-12, 6, 12}},
		{"LowShelfNode", 1.2, true, true, []float64{-12, -1, 6, 24}},
		{"HighShelfNode", 1.2, true, true, []float64{-24, -6, 1, 12}},
	} {
		typ := abi.Lookup(tc.name)
		for _, part := range []float64{0.02, 0.1, 0.2, 0.3, 0.4} {
			for _, q := range []float64{0.3, math.Sqrt2 / 2, 2} {
				for _, gain := range tc.gains {
					freq := part * rate
					p := abitest.P{"q": q, typ.Params[0].Name: freq, "config": abi.Config{"design": "matched"}}
					if gain != 0 {
						p["gain_db"] = gain
					}
					h := abitest.Run(t, tc.name, p, abitest.Impulse(frames))
					gainAt := func(hz float64) (got, want float64) {
						return cmplx.Abs(response(h, hz)), prototype(tc.name, hz, freq, q, gain)
					}
					floor := func(x float64) float64 { return 20 * math.Log10(x+1e-3) }
					for i := 1; i < 15; i++ {
						got, want := gainAt(rate / 2 * float64(i) / 15)
						require.InDelta(t, floor(want), floor(got), tc.within, "%s at %v of the rate, q %v, %v dB: %v of half the rate", tc.name, part, q, gain, float64(i)/15)
					}
					if got, want := gainAt(0); tc.atZero {
						require.InDelta(t, want, got, 1e-7*(1+want), "%s at 0", tc.name)
					}
					if got, want := gainAt(rate / 2); tc.atHalf {
						require.InDelta(t, want, got, 1e-7*(1+want), "%s at half the rate", tc.name)
					}
					if tc.name == "PeakingEQNode" {
						got, want := gainAt(freq)
						require.InDelta(t, want, got, 1e-7*want)
					}
				}
			}
		}
	}
}

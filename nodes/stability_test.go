package nodes_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// modulators move between 0 and 1 at audio rate.
func modulators(frames int) map[string]func(n int) float64 {
	rng := rand.New(rand.NewPCG(5, 6))
	noise := abitest.Row(frames, func(int) float64 { return rng.Float64() })
	list := map[string]func(n int) float64{"noise": func(n int) float64 { return noise[n] }, "extremes": func(n int) float64 { return math.Round(noise[n]) }}
	for _, period := range []int{2, 3, 5, 8, 13, 50} {
		list[fmt.Sprintf("square of %d frames", period)] = func(n int) float64 { return float64(2 * (n % period) / period) }
		list[fmt.Sprintf("sine of %d frames", period)] = func(n int) float64 { return 0.5 + 0.5*math.Sin(2*math.Pi*float64(n)/(float64(period)+0.37)) }
	}
	return list
}

// Filters under modulation over their whole range stay bounded at any setting:
// with noise for half of the time they ring no higher than they do held, and
// without an input nothing grows.
func TestFiltersAreStableUnderAudioRateModulation(t *testing.T) {
	frames, rates := 5000, []float64{44100, 96000, 8 * 96000}
	if testing.Short() {
		frames, rates = 2500, rates[:1]
	}
	mods := modulators(frames)
	type setting struct {
		node  string
		p     abitest.P
		bound float64
	}
	var settings []setting
	for _, q := range []float64{0.05, 0.7, 40} {
		for _, mode := range []string{"lowpass", "bandpass", "highpass", "notch", "peak", "allpass"} {
			settings = append(settings, setting{"SVFNode", abitest.P{"q": q, "config": abi.Config{"mode": mode}}, 50 * max(q, 1/q)})
		}
	}
	for _, resonance := range []float64{0, 2, 4} {
		for _, drive := range []float64{0.01, 1, 100} {
			settings = append(settings,
				setting{"LadderNode", abitest.P{"resonance": resonance, "drive": drive}, 40},
				setting{"LadderNode", abitest.P{"resonance": resonance, "drive": drive, "config": abi.Config{"nonlinear": false}}, 400 * drive})
		}
	}
	for _, rate := range rates {
		for _, s := range settings {
			for name, mod := range mods {
				cutoff, x := make(abitest.PerFrame, frames), make([]float64, frames)
				rng := rand.New(rand.NewPCG(7, 8))
				for n := range x {
					cutoff[n] = 10 * math.Pow(0.49*rate/10, mod(n))
					if n < frames/2 {
						x[n] = 2*rng.Float64() - 1
					}
				}
				p := abitest.P{"cutoff_hz": cutoff, "sample_rate": rate}
				maps.Copy(p, s.p)
				var during, after float64
				for n, v := range abitest.Run(t, s.node, p, x) {
					if n < frames/2+200 {
						during = max(during, math.Abs(v))
					} else {
						after = max(after, math.Abs(v))
					}
				}
				where := fmt.Sprintf("%s %v at %v Hz, cutoff by %s", s.node, s.p, rate, name)
				require.Less(t, during, s.bound, where)
				if s.p["resonance"] == 4.0 { // where it oscillates by itself
					require.Less(t, after, s.bound, where)
				} else {
					require.LessOrEqual(t, after, 1.5*during+1e-12, where)
				}
			}
		}
	}
}

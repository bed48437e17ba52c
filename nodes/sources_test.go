package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func TestSineOscillatorAdvancesThenReads(t *testing.T) {
	y := abitest.Run(t, "SineOscillatorNode", abitest.P{"frequency": 1234.5, "amplitude": 0.9, "phase": -0.3}, abitest.Silence(500))
	for n, v := range y {
		require.InDelta(t, 0.9*math.Sin(2*math.Pi*(1234.5*float64(n+1)/abitest.Rate-0.3)), v, 1e-12)
	}
}

// A vibrato's phase is the sum of its frequencies.
func TestSineOscillatorFollowsItsFrequency(t *testing.T) {
	f, sum := make(abitest.PerFrame, 300), 0.0
	for n := range f {
		f[n] = 3000 + 2000*math.Sin(0.1*float64(n))
	}
	y := abitest.Run(t, "SineOscillatorNode", abitest.P{"frequency": f}, abitest.Silence(300))
	for n, v := range y {
		sum += f[n] / abitest.Rate
		require.InDelta(t, 0.5*math.Sin(2*math.Pi*sum), v, 1e-12)
	}
}

func TestLFOWaves(t *testing.T) {
	// Eight frames a cycle: the wave is read at 0, 1/8, 2/8, …
	for wave, want := range map[string][]float64{
		"sine":     {0, math.Sqrt2 / 2, 1, math.Sqrt2 / 2, 0, -math.Sqrt2 / 2, -1, -math.Sqrt2 / 2},
		"square":   {1, 1, 1, 1, -1, -1, -1, -1},
		"saw":      {-1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75},
		"triangle": {1, 0.5, 0, -0.5, -1, -0.5, 0, 0.5},
	} {
		y := abitest.Run(t, "LFONode", abitest.P{"rate_hz": 125, "depth": 2, "sample_rate": 1000, "config": abi.Config{"wave": wave}}, abitest.Silence(16))
		for n, v := range y {
			require.InDelta(t, 2*want[n%8], v, 1e-14, "%s, frame %d", wave, n)
		}
	}
}

func TestLFOSlewIsAnExponential(t *testing.T) {
	x := abitest.Step(100)
	y := abitest.Run(t, "LFONode", abitest.P{"depth": 1, "slew_ms": 10, "sample_rate": 1000, "config": abi.Config{"use_input": true}}, x)
	for n, v := range y {
		require.InDelta(t, 1-math.Exp(-float64(n+1)/10), v, 1e-14)
	}
}

func rms(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(x)))
}

func TestNoiseLevel(t *testing.T) {
	const frames = 1 << 17
	for color, tolerance := range map[string]float64{
		"white": 4 / math.Sqrt(2*frames),  // four standard errors of the RMS of as many independent values
		"pink":  4 / math.Sqrt(frames/60), // whose neighbours hang together over some 100 frames
	} {
		y := abitest.Run(t, "NoiseNode", abitest.P{"level_db": -6, "config": abi.Config{"color": color}}, abitest.Silence(frames))
		require.InEpsilon(t, math.Pow(10, -0.3), rms(y[4000:]), tolerance, color)
	}
}

func TestNoiseIsGaussianAndWhite(t *testing.T) {
	const frames = 1 << 16
	y := abitest.Run(t, "NoiseNode", abitest.P{"level_db": 0}, abitest.Silence(frames))
	mean, fourth, next, pair := 0.0, 0.0, 0.0, 0.0
	for n, v := range y {
		mean += v / frames
		fourth += v * v * v * v / frames
		if n > 1 {
			next += v * y[n-1] / frames
			pair += v * v * y[n-1] * y[n-1] / frames // the two of a Box–Muller pair
		}
	}
	se := 4 / math.Sqrt(frames)
	require.InDelta(t, 0, mean, se)
	require.InDelta(t, 3, fourth, se*math.Sqrt(96)) // the variance of x⁴ is 96
	require.InDelta(t, 0, next, se)
	require.InDelta(t, 1, pair, se*math.Sqrt(8))
}

func TestNoiseDependsOnSeedAndChannelOnly(t *testing.T) {
	draw := func(seed float64) [][]float64 {
		p := abitest.P{"config": abi.Config{"seed": seed, "channels": 2.0}}
		return abitest.RunChannels(t, "NoiseNode", p, [][]float64{abitest.Silence(64)})[0]
	}
	a, b, c := draw(1), draw(1), draw(2)
	require.Equal(t, a, b)
	require.NotEqual(t, a[0], a[1])
	require.NotEqual(t, a[0], c[0])
	require.NotEqual(t, a[1], c[0])
}

// Pink noise falls by 3 dB an octave: bands of one octave hold equal power.
func TestPinkNoiseFallsByThreeDecibels(t *testing.T) {
	const frames, size = 1 << 17, 512
	y := abitest.Run(t, "NoiseNode", abitest.P{"level_db": 0, "config": abi.Config{"color": "pink"}}, abitest.Silence(frames))
	power := func(bin int) float64 { // averaged over Hann windows
		sum := 0.0
		for at := 4096; at+size <= frames; at += size / 2 {
			re, im := 0.0, 0.0
			for n := range size {
				w := 1 - math.Cos(2*math.Pi*float64(n)/size)
				s, c := math.Sincos(2 * math.Pi * float64(bin*n) / size)
				re += w * c * y[at+n]
				im += w * s * y[at+n]
			}
			sum += re*re + im*im
		}
		return 10 * math.Log10(sum)
	}
	for _, bin := range []int{8, 16, 32, 64} {
		// 500 windows: the mean of an exponential variable is known to 4.5 %, 0.2 dB.
		require.InDelta(t, -10*math.Log10(2), power(2*bin)-power(bin), 1.0, "bin %d", bin)
	}
}

func TestSamplerPlaysLoopsAndEnds(t *testing.T) {
	sound := &abi.Audio{Rate: abitest.Rate, Rows: [][]float64{{1, 2, 3, 4, 5}}}
	play := func(c abi.Config) []float64 {
		c["file"] = "a.wav"
		return abitest.Run(t, "SamplerNode", abitest.P{"config": c, "audio": map[string]*abi.Audio{"a.wav": sound}}, abitest.Silence(8))
	}
	require.Equal(t, []float64{1, 2, 3, 4, 5, 0, 0, 0}, play(abi.Config{}))
	require.Equal(t, []float64{3, 4, 5, 0, 0, 0, 0, 0}, play(abi.Config{"start_frame": 2.0}))
	require.Equal(t, []float64{4, 5, 1, 2, 3, 4, 5, 1}, play(abi.Config{"start_frame": 3.0, "loop": true}))
}

func TestSamplerRefusesAnotherRate(t *testing.T) {
	typ := abi.Lookup("sampler")
	s := abi.NewSetup(typ)
	s.Node, s.Rate, s.Config = "s", 48000, abi.Config{"file": "a.wav"}
	s.Audio = func(string) (*abi.Audio, error) {
		return &abi.Audio{Rate: 44100, Rows: [][]float64{{1}}}, nil
	}
	require.ErrorContains(t, s.Finish(typ), "44100 Hz, but s runs at 48000 Hz")
}

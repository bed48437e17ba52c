package loss_test

import (
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/optim/loss"
)

// A rendering at half the target's level misses a quarter of its energy.
func ExampleNewESR() {
	esr, err := loss.NewESR([]float64{1, -1, 1, -1})
	if err != nil {
		log.Fatal(err) // a silent target
	}
	fmt.Println(esr.Evaluate(nil, []float64{0.5, -0.5, 0.5, -0.5}))
	// Output: 0.25
}

// A sum of two losses, in the words of a user.
func ExampleParse() {
	target := []float64{1, -1, 1, -1}
	sum, err := loss.Parse("mse + 0.1*esr", target, 1, 48000)
	if err != nil {
		log.Fatal(err)
	}
	grad := make([]float64, len(target))
	fmt.Println(sum.Evaluate(grad, []float64{0.5, -0.5, 0.5, -0.5}))
	fmt.Println(grad)

	_, err = loss.Parse("mse + 0.1*ers", target, 1, 48000)
	fmt.Println(err)
	// Output:
	// 0.275
	// [-0.275 0.275 -0.275 0.275]
	// loss: column 11: there is no loss "ers", did you mean esr?; there are dc, esr, l1, logcosh, mrstft, mse, sd_sdr, si_sdr, snr, stft
}

// specs has every loss, and the arguments that change a gradient.
var specs = []string{
	"dc", "esr", "esr(pre=0.85)", "l1", "l1(pre=0.5)", "logcosh", "mse", "mse(pre=0.95)", "sd_sdr", "si_sdr", "snr",
	"stft(64)", "stft(64, hop=10, win=30)", "stft(64, sc=0)", "stft(64, log=0)", "stft(64, sc=0, log=0, lin=1)", "stft(30, hop=7, win=25)",
	"stft(64, hop=10, win=30, center=0)", "mrstft(32/512/64, hop=n/4, center=0)",
	"mrstft(32/128/64, hop=n/4)", "mrstft(32/128/64, hop=8/20/16, win=n/2) + 0.1*esr",
}

func TestEveryLossIsTried(t *testing.T) {
	for _, l := range loss.Names() {
		require.True(t, slices.ContainsFunc(specs, func(spec string) bool { return strings.HasPrefix(spec, l[0]) }), l[0])
	}
}

func noise(n int, seed uint64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// slope5 is the five-point central difference of f at 0, with error O(h⁴).
func slope5(f func(float64) float64, h float64) float64 {
	return (f(-2*h) - 8*f(-h) + 8*f(h) - f(2*h)) / (12 * h)
}

func TestGradient(t *testing.T) {
	for _, spec := range specs {
		for _, channels := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", spec, channels), func(t *testing.T) {
				const frames = 300
				x, y := noise(channels*frames, 1), noise(channels*frames, 2)
				l := parse(t, spec, y, channels)
				grad, moved := make([]float64, len(x)), make([]float64, len(x))
				value := l.Evaluate(grad, x)
				require.Equal(t, l.Evaluate(nil, x), value)
				size := math.Sqrt(dot(grad, grad))

				// along one direction for the whole, and at the edges, where
				// the reflection is, and inside for the place of each entry
				at := func(direction []float64) func(float64) float64 {
					return func(h float64) float64 {
						for i := range x {
							moved[i] = x[i] + h*direction[i]
						}
						return l.Evaluate(nil, moved)
					}
				}
				u := noise(len(x), 3)
				// 1e-5 is below the distance to the next kink of |·|, and the
				// differences of values near 1 then have noise of 1e-10
				require.InDelta(t, dot(grad, u), slope5(at(u), 1e-6), 1e-8*math.Sqrt(dot(u, u))*(1+size))
				for _, i := range []int{0, 1, 2, 31, 32, 150, frames - 2, frames - 1, len(x) - 1, len(x) - 150} {
					e := make([]float64, len(x))
					e[i] = 1
					require.InDelta(t, grad[i], slope5(at(e), 1e-5), 1e-8*(1+math.Abs(value)), "entry %d", i)
				}
			})
		}
	}
}

// Where the energies are as small as ε, every ε counts in the gradient.
func TestGradientOfQuietSignals(t *testing.T) {
	const scale = 1e-5
	for _, spec := range []string{"snr", "si_sdr", "sd_sdr", "dc", "logcosh"} {
		x, y, u := noise(300, 1), noise(300, 2), noise(300, 3)
		for i := range x {
			x[i] *= scale
			y[i] *= scale
			x[i] += y[i] // not orthogonal
		}
		l := parse(t, spec, y, 1)
		grad, moved := make([]float64, 300), make([]float64, 300)
		l.Evaluate(grad, x)
		want := slope5(func(h float64) float64 {
			for i := range x {
				moved[i] = x[i] + h*scale*u[i]
			}
			return l.Evaluate(nil, moved)
		}, 1e-3)
		require.InDelta(t, want, scale*dot(grad, u), 1e-9*math.Abs(want)+1e-19, spec)
	}
}

func dot(x, y []float64) float64 {
	sum := 0.0
	for i := range x {
		sum += x[i] * y[i]
	}
	return sum
}

// edgeSignals are what spectral and relative losses trip over.
func edgeSignals(n int) map[string][]float64 {
	constant, impulse, tiny, huge := make([]float64, n), make([]float64, n), noise(n, 5), noise(n, 6)
	for i := range n {
		constant[i] = 0.1
		tiny[i] *= 1e-200
		huge[i] *= 1e30
	}
	impulse[n/2] = 1
	return map[string][]float64{
		"silence": make([]float64, n), "constant": constant, "impulse": impulse, "noise": noise(n, 4), "tiny": tiny, "huge": huge,
	}
}

func TestFiniteAtEdges(t *testing.T) {
	const n = 600
	for _, spec := range specs {
		for yName, y := range edgeSignals(n) {
			for _, channels := range []int{1, 2} {
				l, err := loss.Parse(spec, y, channels, rate)
				if err != nil {
					require.Contains(t, err.Error(), "silent", "%s of %s", spec, yName)
					continue
				}
				for xName, x := range edgeSignals(n) {
					grad := noise(n, 1)
					value := l.Evaluate(grad, x)
					require.False(t, math.IsNaN(value) || math.IsInf(value, 0), "%s(%s, %s) = %v", spec, xName, yName, value)
					for i, v := range grad {
						require.False(t, math.IsNaN(v) || math.IsInf(v, 0), "%s(%s, %s): gradient %v at %d", spec, xName, yName, v, i)
					}
				}
			}
		}
	}
}

// Where nothing sounds in a bin, nothing pulls at it.
func TestNoGradientBelowFloor(t *testing.T) {
	y := noise(600, 1)
	grad := noise(600, 2)
	parse(t, "mrstft(64/128)", y, 1).Evaluate(grad, make([]float64, 600))
	require.Equal(t, make([]float64, 600), grad)
}

// Equality is the least value, and a fit that has it stays there.
func TestEqualityIsExact(t *testing.T) {
	y := noise(600, 1)
	for _, spec := range specs {
		l := parse(t, spec, y, 2)
		grad := noise(600, 2)
		value := l.Evaluate(grad, y)
		switch spec {
		case "snr", "si_sdr", "sd_sdr":
			continue // -Σy²/ε in dB, and a slope to match
		case "logcosh":
			require.InEpsilon(t, 1e-8, value, 1e-6)
		default:
			require.Zero(t, value, spec)
		}
		require.Equal(t, make([]float64, 600), grad, spec)
	}
}

func TestNotFiniteIsSeen(t *testing.T) {
	y, x := noise(600, 1), noise(600, 2)
	x[300] = math.NaN()
	for _, spec := range specs {
		grad := make([]float64, 600)
		require.True(t, math.IsNaN(parse(t, spec, y, 1).Evaluate(grad, x)), spec)
		require.True(t, math.IsNaN(dot(grad, y)), spec)
	}
}

// A logarithm is taken of 32 magnitudes at once; where their product leaves
// the range of a float, of each.
func TestProductOverflow(t *testing.T) {
	y, x := noise(600, 1), noise(600, 1)
	for i := range x {
		x[i] *= 1e60
	}
	got := parse(t, "stft(64, sc=0)", y, 1).Evaluate(nil, x)
	require.InEpsilon(t, 60*math.Ln10, got, 1e-12)
}

func TestSpectraComputedAgainGiveTheSameBits(t *testing.T) {
	const n = 6000
	x, y := noise(n, 1), noise(n, 2)
	l := parse(t, "mrstft", y, 2)
	want, got := make([]float64, n), make([]float64, n)
	value := l.Evaluate(want, x)
	loss.DropSpectra(l)
	require.Equal(t, value, l.Evaluate(got, x))
	require.Equal(t, want, got)
}

func TestThreadsGiveTheSameBits(t *testing.T) {
	const n = 20000
	x, y := noise(n, 1), noise(n, 2)
	l := parse(t, "mrstft(512/1024/256) + 0.1*esr", y, 2)
	want, got := make([]float64, n), make([]float64, n)
	value := l.Evaluate(want, x)
	for _, threads := range []int{2, 3, 8, 1, 0} {
		loss.SetThreads(l, threads)
		require.Equal(t, value, l.Evaluate(got, x), "%d threads", threads)
		require.Equal(t, want, got, "%d threads", threads)
	}
}

// The plain functions are the specification of the kernels, which round
// otherwise as they fuse and reorder; odd sizes leave some bins over.
func TestKernelsAgainstPlain(t *testing.T) {
	const n = 5000
	for yName, y := range edgeSignals(n) {
		for xName, x := range edgeSignals(n) {
			for _, spec := range []string{"mrstft(lin=0.1)", "stft(16)", "stft(100, win=90, hop=33)"} {
				l := parse(t, spec, y, 1)
				fast, plain := make([]float64, n), make([]float64, n)
				value := l.Evaluate(fast, x)
				restore := loss.Plain()
				want := l.Evaluate(plain, x)
				restore()
				require.InDelta(t, want, value, 1e-13*(1+want), "%s(%s, %s)", spec, xName, yName)
				for i := range fast {
					fast[i] -= plain[i]
				}
				require.LessOrEqual(t, math.Sqrt(dot(fast, fast)), 1e-11*math.Sqrt(dot(plain, plain)), "%s(%s, %s)", spec, xName, yName)
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	x, y := noise(600, 1), noise(600, 2)
	grad := make([]float64, 600)
	for _, spec := range specs {
		if spec == "stft(30, hop=7, win=25)" {
			continue // gonum's transform comes from a pool, which may be emptied
		}
		l := parse(t, spec, y, 2)
		require.Zero(t, testing.AllocsPerRun(5, func() { l.Evaluate(grad, x); l.Evaluate(nil, x) }), spec)
	}
}

func TestConstructorErrors(t *testing.T) {
	nan := []float64{1, 2, 3, math.NaN()}
	for _, tc := range []struct {
		want string
		err  func() (loss.Loss, error)
	}{
		{"loss: esr: the target is empty", func() (loss.Loss, error) { return loss.NewESR(nil) }},
		{"loss: mse: the target is NaN at frame 1 of channel 1", func() (loss.Loss, error) { return loss.NewMSE(nan, loss.Options{Channels: 2}) }},
		{"loss: l1: a target of 4 values cannot be 3 channels of equal length", func() (loss.Loss, error) { return loss.NewL1(nan, loss.Options{Channels: 3}) }},
		{"loss: l1: -1 channels; the least is 1", func() (loss.Loss, error) { return loss.NewL1(nan, loss.Options{Channels: -1}) }},
		{"loss: esr: the target is silent; choose a part that sounds, or a loss that does not divide by its energy, such as mse or mrstft", func() (loss.Loss, error) { return loss.NewESR(make([]float64, 4)) }},
		{"loss: snr: the target is silent once its mean is removed; choose a part that sounds", func() (loss.Loss, error) { return loss.NewSNR([]float64{.1, .1, .1, .1}) }},
		{"loss: dc has no pre-emphasis; esr, l1 and mse have", func() (loss.Loss, error) { return loss.NewDC([]float64{1}, loss.Options{PreEmphasis: 0.85}) }},
		{"loss: esr: a pre-emphasis of 1.5; it is between 0 (none) and 1, usually 0.85", func() (loss.Loss, error) { return loss.NewESR([]float64{1}, loss.Options{PreEmphasis: 1.5}) }},
		{"loss: mrstft: the target has 512 frames a channel, too short for a size of 1024, which reflects 512 at either edge; give 513 frames or more, or smaller sizes",
			func() (loss.Loss, error) {
				return loss.NewMRSTFT(noise(1024, 1), loss.STFTOptions{Channels: 2})
			}},
		{"loss: stft: a window of 65 frames in a transform of 64; it is between 2 and 64", func() (loss.Loss, error) {
			return loss.NewSTFT(noise(100, 1), loss.STFTOptions{Resolutions: []loss.Resolution{{64, 16, 65}}})
		}},
		{"loss: stft takes one resolution, not 2; mrstft takes several", func() (loss.Loss, error) {
			return loss.NewSTFT(noise(100, 1), loss.STFTOptions{Resolutions: make([]loss.Resolution, 2)})
		}},
		{"loss: a sum without terms", func() (loss.Loss, error) { return loss.NewSum() }},
	} {
		_, err := tc.err()
		require.EqualError(t, err, tc.want)
	}
	l, err := loss.NewSTFT(noise(33, 1), loss.STFTOptions{Resolutions: []loss.Resolution{{Size: 64}}}) // the least
	require.NoError(t, err)
	require.PanicsWithValue(t, "loss: stft: x has 3 values, its target has 33", func() { l.Evaluate(nil, make([]float64, 3)) })
	require.PanicsWithValue(t, "loss: stft: the gradient has 1 values, its target has 33", func() { l.Evaluate(make([]float64, 1), make([]float64, 33)) })
}

func TestMetrics(t *testing.T) {
	x, y := goldenPair(16384)
	got := map[string]float64{}
	for _, m := range loss.Metrics(x, y, 1, rate) {
		require.Empty(t, m.Reason)
		got[m.Name] = m.Value
	}
	require.Len(t, got, 9)
	require.InEpsilon(t, 0.8642296668, got["mrstft"], 5e-10)
	require.InEpsilon(t, 2.196540832, got["esr"], 5e-10)
	require.InEpsilon(t, -3.417395095, got["snr_db"], 5e-10)
	require.InEpsilon(t, -24.16905789, got["si_sdr_db"], 5e-10)
	require.InEpsilon(t, -27.31391755, got["sd_sdr_db"], 5e-10)

	for _, m := range loss.Metrics(x, make([]float64, len(x)), 1, rate) {
		switch m.Name {
		case "esr", "snr_db", "si_sdr_db", "sd_sdr_db":
			require.True(t, math.IsNaN(m.Value), m.Name)
			require.Contains(t, m.Reason, "the target is silent")
		default:
			require.False(t, math.IsNaN(m.Value), m.Name)
		}
	}
}

func BenchmarkMRSTFT(b *testing.B) {
	const n = 10 * rate
	x, y := noise(n, 1), noise(n, 2)
	grad := make([]float64, n)
	for _, bc := range []struct {
		name, spec string
		threads    int
		grad       []float64
	}{
		{"value", "mrstft(512/1024/2048)", 1, nil},
		{"gradient-again", "mrstft(512/1024/2048)", 1, grad},
		{"gradient", "mrstft(512/1024/2048)", 1, grad},
		{"gradient-2-threads", "mrstft(512/1024/2048)", 2, grad},
		{"auraloss-gradient", "mrstft", 1, grad},
	} {
		b.Run(bc.name, func(b *testing.B) {
			l := parse(b, bc.spec, y, 1)
			loss.SetThreads(l, bc.threads)
			if bc.name == "gradient-again" {
				loss.DropSpectra(l)
			}
			l.Evaluate(bc.grad, x)
			b.ReportAllocs()
			for b.Loop() {
				l.Evaluate(bc.grad, x)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/frame")
		})
	}
}

func BenchmarkWaveform(b *testing.B) {
	const n = 10 * rate
	x, y := noise(n, 1), noise(n, 2)
	grad := make([]float64, n)
	for _, spec := range []string{"mse", "esr", "esr(pre=0.85)", "l1", "dc", "logcosh", "snr", "si_sdr"} {
		b.Run(spec, func(b *testing.B) {
			l := parse(b, spec, y, 1)
			b.ReportAllocs()
			for b.Loop() {
				l.Evaluate(grad, x)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/frame")
		})
	}
}

// What is not asked for is not computed, and says so.
func TestMetricsByName(t *testing.T) {
	for _, m := range loss.Metrics([]float64{0.5, -0.5}, []float64{1, -1}, 1, 48000, "esr") {
		if m.Name == "esr" {
			require.Equal(t, 0.25, m.Value)
			continue
		}
		require.True(t, math.IsNaN(m.Value), m.Name)
		require.Equal(t, "left out", m.Reason, m.Name)
	}
}

// A sound at 1e-8 of full scale is as good as one at 1: ratios come out the same, and
// so does the direction of their gradients.
func TestLossesAtAnyLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(22, 1))
	const frames, level = 4000, 1e-8
	x, y := make([]float64, frames), make([]float64, frames)
	for n := range x {
		x[n], y[n] = 0.3*rng.NormFloat64(), 0.3*rng.NormFloat64()
	}
	times := func(x []float64) (out []float64) {
		for _, v := range x {
			out = append(out, level*v)
		}
		return out
	}
	for _, spec := range []string{"esr", "snr", "si_sdr", "sd_sdr", "dc", "stft", "mrstft", "mrstft(512/1024, hop=n/4, floor=0.0001)", "stft(sc=0, log=0, lin=1)"} {
		full, err := loss.Parse(spec, y, 1, 48000)
		require.NoError(t, err)
		small, err := loss.Parse(spec, times(y), 1, 48000)
		require.NoError(t, err)
		require.Equal(t, full.Name(), small.Name())
		g, h := make([]float64, frames), make([]float64, frames)
		a, b := full.Evaluate(g, x), small.Evaluate(h, times(x))
		unit := 1.0
		if spec == "stft(sc=0, log=0, lin=1)" { // a mean difference is in the unit of the sound
			unit = level
		}
		require.InEpsilon(t, a*unit, b, 1e-5, spec)
		var gh, gg, hh float64
		for n := range g {
			gh, gg, hh = gh+g[n]*h[n], gg+g[n]*g[n], hh+h[n]*h[n]
		}
		require.InDelta(t, 1, gh/math.Sqrt(gg*hh), 1e-6, spec)
		require.InEpsilon(t, math.Sqrt(gg)*unit/level, math.Sqrt(hh), 1e-4, spec)
	}
}

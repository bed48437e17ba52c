package loss_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/optim/loss"
)

const rate = 48000

// goldenPair returns two pairs of detuned partials in a little noise: x and y
// 5 Hz apart, near in spectrum and far in waveform.
func goldenPair(n int) (x, y []float64) {
	tones := func(seed uint32, a1, f1, a2, f2, phase float64) []float64 {
		out, s := make([]float64, n), seed
		for i := range out {
			s = s*1664525 + 1013904223 // Numerical Recipes, ranqd1
			t := float64(i) / rate
			out[i] = a1*math.Sin(2*math.Pi*f1*t) + a2*math.Sin(2*math.Pi*f2*t+phase) + 0.01*(float64(s)/(1<<31)-1)
		}
		return out
	}
	return tones(1, 0.5, 440, 0.25, 1320, 0.3), tones(2, 0.45, 445, 0.3, 1335, 0.1)
}

func parse(t testing.TB, spec string, target []float64, channels int) loss.Loss {
	t.Helper()
	l, err := loss.Parse(spec, target, channels, rate)
	require.NoError(t, err)
	return l
}

func TestGoldenSignals(t *testing.T) {
	x, y := goldenPair(4)
	for i, want := range []float64{0.0686091621708, 0.140009890626, 0.207967909579, 0.27256919278} {
		require.InEpsilon(t, want, x[i], 1e-11)
	}
	for i, want := range []float64{0.024686886548, 0.106789543055, 0.176440990824, 0.258423816761} {
		require.InEpsilon(t, want, y[i], 1e-11)
	}
}

// The wanted values were computed apart from this package, in double
// precision by the definitions of auraloss, and are printed to ten digits.
func TestGoldenValues(t *testing.T) {
	x, y := goldenPair(16384)
	for _, tc := range []struct {
		spec string
		want float64
	}{
		{"mrstft", 0.8642296668},
		{"stft(1024, hop=120, win=600, log=0)", 0.1683347001},
		{"stft(2048, hop=240, win=1200, log=0)", 0.240411281},
		{"stft(512, hop=50, win=240, log=0)", 0.1398091398},
		{"stft(1024, hop=120, win=600, sc=0)", 0.6877948486},
		{"stft(2048, hop=240, win=1200, sc=0)", 0.7000853766},
		{"stft(512, hop=50, win=240, sc=0)", 0.6562536542},
		{"stft(log=0)", 0.2252936821},
		{"stft(sc=0)", 0.7008782163},
		{"stft(sc=0, log=0, lin=1)", 0.2402140746},
		{"esr", 2.196540832},
		{"esr(pre=0.85)", 2.072862361},
		{"dc", 1.672412376e-07},
		{"mse", 0.3212686944},
		{"logcosh", 0.1456791338},
		{"snr", 3.417395095},
		{"si_sdr", 24.16905789},
		{"sd_sdr", 27.31391755},
		{"mrstft + 0.1*esr", 0.8642296668 + 0.1*2.196540832},
	} {
		t.Run(tc.spec, func(t *testing.T) {
			l := parse(t, tc.spec, y, 1)
			require.InEpsilon(t, tc.want, l.Evaluate(nil, x), 5e-10)
		})
	}
}

func TestGoldenSilence(t *testing.T) {
	_, y := goldenPair(16384)
	require.InDelta(t, 7.695035, parse(t, "mrstft", y, 1).Evaluate(nil, make([]float64, len(y))), 5e-7)
}

// d MRSTFT(g x, y)/dg at g = 1 is ⟨gradient, x⟩. The wanted 0.291334 is a
// difference over ±1e-5; some of the bins have their kink between,
// so it is met by that difference, and the slope by one over ±1e-7.
func TestGoldenGradient(t *testing.T) {
	x, y := goldenPair(16384)
	l := parse(t, "mrstft", y, 1)
	grad, scaled := make([]float64, len(x)), make([]float64, len(x))
	at := func(h float64) float64 {
		for i, v := range x {
			scaled[i] = (1 + h) * v
		}
		return l.Evaluate(nil, scaled)
	}
	require.InDelta(t, 0.291334, (at(1e-5)-at(-1e-5))/2e-5, 5e-7)
	l.Evaluate(grad, x)
	require.InDelta(t, (at(1e-7)-at(-1e-7))/2e-7, dot(grad, x), 1e-8)
}

// The value and the first entry of the gradient as a C program on FFTW, written
// apart from this package, prints them.
func TestAgainstAnotherProgram(t *testing.T) {
	s := uint64(0x9E3779B97F4A7C15)
	uniform := func() float64 { // splitmix64, in -1 … 1
		s += 0x9E3779B97F4A7C15
		z := (s ^ s>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		return float64(int64(z^z>>31)) / (1 << 63)
	}
	x, y := make([]float64, 10*rate), make([]float64, 10*rate)
	for i := range x {
		x[i] = 0.5 * uniform()
		y[i] = 0.4*uniform() + 0.2*math.Sin(0.05*float64(i))
	}
	grad := make([]float64, len(x))
	require.InEpsilon(t, 1.53045963346, parse(t, "mrstft(512/1024/2048, hop=n/4)", y, 1).Evaluate(grad, x), 5e-12)
	require.InEpsilon(t, 0.0001363086744, grad[0], 5e-10)
}

// naiveSTFT is magnitudes by the definition of the transform: windows of 48
// frames in transforms of 64, a window every 16. What lies outside of x is
// reflected or, where windows begin at frame 0, zero.
func naiveSTFT(x []float64, center bool) (all []float64) {
	const size, hop, window = 64, 16, 48
	first, last := 0, len(x)-1
	if center {
		first, last = -size/2, len(x)+size/2-size+1
	}
	for at := first; at < last; at += hop {
		for k := range size/2 + 1 {
			re, im := 0.0, 0.0
			for i := range window {
				n := at + (size-window)/2 + i
				if n < 0 {
					n = -n
				}
				v := 0.0
				switch {
				case n < len(x):
					v = x[n]
				case center:
					v = x[2*(len(x)-1)-n]
				}
				v *= 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window)
				sin, cos := math.Sincos(2 * math.Pi * float64(k*(i+(size-window)/2)%size) / size)
				re, im = re+v*cos, im-v*sin
			}
			all = append(all, math.Sqrt(max(re*re+im*im, 1e-8)))
		}
		if !center && at+size >= len(x) {
			break
		}
	}
	return all
}

// spectralTerms are the convergence and the mean difference of logarithms.
func spectralTerms(mx, my []float64) (sc, log float64) {
	var square, energy float64
	for k, v := range my {
		square += (mx[k] - v) * (mx[k] - v)
		energy += v * v
		log += math.Abs(math.Log(mx[k]) - math.Log(v))
	}
	return math.Sqrt(square / energy), log / float64(len(my))
}

func TestGoldenAgainstNaiveTransform(t *testing.T) {
	x, y := goldenPair(256)
	mx, my := naiveSTFT(x, true), naiveSTFT(y, true)
	require.Len(t, mx, 17*(64/2+1))
	sc, log := spectralTerms(mx, my)
	require.InEpsilon(t, 0.129476184909, sc, 1e-11)
	require.InEpsilon(t, 0.640090590449, log, 1e-11)
	require.InEpsilon(t, sc, parse(t, "stft(64, hop=16, win=48, log=0)", y, 1).Evaluate(nil, x), 1e-12)
	require.InEpsilon(t, log, parse(t, "stft(64, hop=16, win=48, sc=0)", y, 1).Evaluate(nil, x), 1e-12)
}

// Windows from the first frame on: the last one that is needed reaches beyond
// the end, or ends there, or is the only one.
func TestWindowsFromTheFirstFrame(t *testing.T) {
	for frames, windows := range map[int]int{40: 1, 64: 1, 65: 2, 256: 13, 250: 13} {
		x, y := goldenPair(frames)
		mx, my := naiveSTFT(x, false), naiveSTFT(y, false)
		require.Len(t, mx, windows*(64/2+1))
		sc, log := spectralTerms(mx, my)
		require.InEpsilon(t, sc, parse(t, "stft(64, hop=16, win=48, log=0, center=0)", y, 1).Evaluate(nil, x), 1e-12)
		require.InEpsilon(t, log, parse(t, "stft(64, hop=16, win=48, sc=0, center=0)", y, 1).Evaluate(nil, x), 1e-12)
	}
}

// The norm of the spectral convergence and the mean of the log run over the
// channels together; what is averaged by channel, is.
func TestChannels(t *testing.T) {
	x, y := goldenPair(4096)
	half := func(spec string, c int) float64 {
		return parse(t, spec, y[c*2048:(c+1)*2048], 1).Evaluate(nil, x[c*2048:(c+1)*2048])
	}
	for _, spec := range []string{"mse", "l1", "logcosh", "dc", "snr", "si_sdr", "sd_sdr", "stft(256, sc=0)", "stft(256, sc=0, log=0, lin=1)", "mse(pre=0.9)"} {
		require.InEpsilon(t, (half(spec, 0)+half(spec, 1))/2, parse(t, spec, y, 2).Evaluate(nil, x), 1e-12, spec)
	}
	require.InEpsilon(t, parse(t, "esr", y, 1).Evaluate(nil, x), parse(t, "esr", y, 2).Evaluate(nil, x), 1e-12)
}

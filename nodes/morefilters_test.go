package nodes_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
	"ampfit/adjoint"
	"ampfit/graph"
)

func TestConvolutionConformance(t *testing.T) {
	for _, name := range []string{"FIRNode", "ConvolverNode"} {
		typ := *abi.Lookup(name)
		abitest.Conformance(t, &typ)
	}
	for _, taps := range []float64{1, 64, 65, 129, 200} {
		typ := *abi.Lookup("FIRNode")
		inner := typ.Configure
		typ.Configure = func(s *abi.Setup) error { // without the file of the suite
			delete(s.Config, "file")
			return inner(s)
		}
		abitest.Conformance(t, &typ, abi.Config{"taps": taps})
	}
}

// Whatever the length: the sum as it is defined.
func TestConvolutionIsTheSum(t *testing.T) {
	for _, taps := range []int{1, 2, 63, 64, 65, 127, 128, 129, 300, 1000, 4097} {
		t.Run(fmt.Sprint(taps), func(t *testing.T) {
			h, x := abitest.Noise(taps, 3), abitest.Noise(3000, 4)
			want := make([]float64, len(x))
			for n := range want {
				for k := 0; k <= min(n, taps-1); k++ {
					want[n] += h[k] * x[n-k]
				}
			}
			fir := abitest.Run(t, "FIRNode", abitest.P{"taps": h}, x)
			louder := abitest.Run(t, "ConvolverNode", abitest.P{"ir": h, "gain_db": 20.0}, x)
			for n := range want {
				require.InDelta(t, want[n], fir[n], 1e-11) // of sums of some 60
				require.InDelta(t, 10*want[n], louder[n], 1e-10)
			}
		})
	}
}

// First order: the gains of the prototype at 0, at its frequency and at rate/2.
func TestFirstOrderResponse(t *testing.T) {
	const none = -1000.0
	half := -10 * math.Log10(2)
	for _, tc := range []struct {
		name                   string
		p                      abitest.P
		atZero, atFreq, atHalf float64
	}{
		{"Lowpass1Node", abitest.P{"cutoff_hz": 2000}, 0, half, none},
		{"Highpass1Node", abitest.P{"cutoff_hz": 2000}, none, half, 0},
		{"LowShelf1Node", abitest.P{"freq_hz": 2000, "gain_db": 9}, 9, 4.5, 0},
		{"HighShelf1Node", abitest.P{"freq_hz": 2000, "gain_db": -9}, 0, -4.5, -9},
	} {
		h := abitest.Run(t, tc.name, tc.p, abitest.Impulse(2048))
		for hz, want := range map[float64]float64{0: tc.atZero, 2000: tc.atFreq, abitest.Rate / 2: tc.atHalf} {
			if want == none {
				require.Less(t, cmplx.Abs(response(h, hz)), 1e-12, tc.name)
			} else {
				require.InDelta(t, want, db(response(h, hz)), 1e-9, "%s at %v Hz", tc.name, hz)
			}
		}
	}
}

// A pole pair of radius r and angle w rings as r^n sin((n+1)w)/sin w.
func TestBiquadRings(t *testing.T) {
	const r, w = 0.98, 0.3
	y := abitest.Run(t, "BiquadNode", abitest.P{"a1": -2 * r * math.Cos(w), "a2": r * r}, abitest.Impulse(300))
	for n, v := range y {
		require.InDelta(t, math.Pow(r, float64(n))*math.Sin(float64(n+1)*w)/math.Sin(w), v, 1e-12)
	}
}

// A corner of the range is projected onto the triangle: it does not blow up.
func TestBiquadIsStableInTheWholeRange(t *testing.T) {
	for _, a1 := range []float64{-2, -1.5, 0, 2} {
		for _, a2 := range []float64{-0.9999999, -0.9, 0, 0.5, 0.9999999} {
			y := abitest.Run(t, "BiquadNode", abitest.P{"a1": a1, "a2": a2}, abitest.Impulse(20000))
			for _, v := range y { // a double pole at the border may grow to its number of frames
				require.LessOrEqual(t, math.Abs(v), 20000.0)
			}
		}
	}
}

// The bilinear filters of the cookbook are the TPT filter, held.
func TestSVFIsTheCookbookFilter(t *testing.T) {
	x := abitest.Noise(500, 8)
	for mode, name := range map[string]string{"lowpass": "LowpassNode", "highpass": "HighpassNode", "notch": "NotchNode", "allpass": "AllpassNode"} {
		key := "cutoff_hz"
		if mode == "notch" || mode == "allpass" {
			key = "freq_hz"
		}
		want := abitest.Run(t, name, abitest.P{key: 3000, "q": 2}, x)
		got := abitest.Run(t, "SVFNode", abitest.P{"cutoff_hz": 3000, "q": 2, "config": abi.Config{"mode": mode}}, x)
		for n := range want {
			require.InDelta(t, want[n], got[n], 1e-12, mode)
		}
	}
}

func TestSVFStaysBoundedUnderAudioRateModulation(t *testing.T) {
	const frames = 48000
	cutoff := make(abitest.PerFrame, frames)
	for n := range cutoff { // between 20 Hz and 20 kHz, 5000 times a second
		cutoff[n] = 632 * math.Pow(31.6, math.Sin(2*math.Pi*5000*float64(n)/abitest.Rate))
	}
	y := abitest.Run(t, "SVFNode", abitest.P{"cutoff_hz": cutoff, "q": 20}, abitest.Noise(frames, 2))
	for _, v := range y {
		require.Less(t, math.Abs(v), 200.0) // ten times q
	}
}

// H = G⁴/(1 + k G⁴), G = 1/(1 + s), with s on the bilinear axis.
func TestLadderLinearResponse(t *testing.T) {
	const cutoff, k = 1500.0, 3.0
	h := abitest.Run(t, "LadderNode", abitest.P{"cutoff_hz": cutoff, "resonance": k, "config": abi.Config{"nonlinear": false}}, abitest.Impulse(8192))
	for _, hz := range []float64{0, 100, 1000, 1500, 5000, 20000} {
		s := complex(0, math.Tan(math.Pi*hz/abitest.Rate)/math.Tan(math.Pi*cutoff/abitest.Rate))
		g4 := cmplx.Pow(1+s, -4)
		require.InDelta(t, 0, cmplx.Abs(response(h, hz)-g4/(1+k*g4)), 1e-9, "%v Hz", hz)
	}
}

// At rest under a constant the loop equation is y = tanh(drive x - k y), and
// every frame satisfies it to rounding: the worst residual is reported.
func TestLadderSolvesItsLoop(t *testing.T) {
	const k, drive = 3.9, 50.0
	y := abitest.Run(t, "LadderNode", abitest.P{"cutoff_hz": 5000, "resonance": k, "drive": drive}, abitest.Step(48000))
	last := y[47999]
	require.InDelta(t, math.Tanh(drive-k*last), last, 1e-12)
	small := abitest.Noise(400, 3)
	for n := range small {
		small[n] *= 1e-6 // tanh is straight to 1e-18 there
	}
	p := abitest.P{"resonance": 3.5, "config": abi.Config{"nonlinear": false}}
	want := abitest.Run(t, "LadderNode", p, small)
	p["config"] = abi.Config{"nonlinear": true}
	for n, v := range abitest.Run(t, "LadderNode", p, small) {
		require.InDelta(t, want[n], v, 1e-16)
	}
}

func TestCrossoverAddsUpToAnAllpass(t *testing.T) {
	x := [][]float64{abitest.Impulse(4096)}
	y := abitest.RunChannels(t, "CrossoverNode", abitest.P{"freq_hz": 700}, x)
	low, high := y[0][0], y[1][0]
	want := abitest.Run(t, "AllpassNode", abitest.P{"freq_hz": 700}, x[0])
	for n := range want {
		require.InDelta(t, want[n], low[n]+high[n], 1e-12)
	}
	require.InDelta(t, 20*math.Log10(0.5), db(response(low, 700)), 1e-9)
	require.InDelta(t, 20*math.Log10(0.5), db(response(high, 700)), 1e-9)
}

// A response of 5 s must run at least 50 times as fast as it sounds: at most
// 417 ns/frame at 48 kHz. A run of 2^18 frames meets every partition.
func BenchmarkConvolverFiveSeconds(b *testing.B) {
	const frames, block = 1 << 18, 1024
	typ := abi.Lookup("ConvolverNode")
	s := abi.NewSetup(typ)
	s.Rate, s.Frames, s.Channels, s.Config = abitest.Rate, frames, []int{1}, abi.Config{}
	s.Length = func(string) int { return 240000 }
	require.NoError(b, s.Finish(typ))
	x, y := abitest.Noise(frames, 1), make([]float64, frames)
	lane := abi.Lane{
		In: make([][]float64, 1), Out: make([][]float64, 1), Internal: make([][]float64, len(s.Internal)),
		Coefs: make([]float64, s.Coefs), Scratch: make([]float64, s.Scratch), FrameScratch: make([]float64, block),
		Params: []abi.Values{abi.HeldValues(abitest.Noise(240000, 2)), abi.HeldValues([]float64{0})},
	}
	rows := make([][]float64, len(s.Internal))
	for i, h := range s.Internal {
		rows[i] = make([]float64, h+frames)
	}
	lanes := []abi.Lane{lane}
	call := abi.NewBlock(s.Rate, s.Data, []int{1}, []int{1}, true)
	call.Bind(lanes, block)
	typ.Prepare(call)
	for b.Loop() {
		for at := 0; at < frames; at += block {
			l := &lanes[0]
			l.Frame, l.In[0], l.Out[0] = int64(at), x[at:at+block], y[at:at+block]
			for i, h := range s.Internal {
				l.Internal[i] = rows[i][at : at+h+block]
			}
			typ.Forward(call)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/frames, "ns/frame")
}

// The raw biquad shares its cohorts with the filters of the cookbook.
func TestBiquadStandsBesideTheCookbook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"sample_rate": 48000, "nodes": [
		{"name": "dry", "type": "InputNode"},
		{"name": "a", "type": "LowpassNode", "params": {"cutoff_hz": {"value": 3000, "learn": true}}},
		{"name": "b", "type": "BiquadNode", "params": {"b1": {"value": 0.3, "learn": true}, "a1": {"value": -1.2, "learn": true}, "a2": {"value": 0.5, "learn": true}}},
		{"name": "c", "type": "PeakingEQNode", "params": {"gain_db": {"value": 6, "learn": true}}},
		{"name": "d", "type": "BiquadNode", "params": {"a2": {"value": 0.2, "learn": true}}}],
		"edges": [{"source": "dry", "target": "a"}, {"source": "a", "target": "b"}, {"source": "b", "target": "c"}, {"source": "c", "target": "d"}],
		"output": "d"}`), 0o644))
	g, err := graph.Load(path)
	require.NoError(t, err)
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 3000}})
	require.NoError(t, err)
	require.True(t, report.OK, "%s", report)
}

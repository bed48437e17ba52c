package nodes_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

func init() {
	configs["CurveNode"] = []abi.Config{
		{"times": []float64{0.0004, 0.001, 0.0011, 0.0021}, "interp": "cubic"}, {"times": []float64{0.001}}, {"points": 2.0, "interp": "cubic"}, {"points": 1.0},
	}
	configs["ADSRNode"] = []abi.Config{{"notes": [][2]float64{{0, 0.0005}, {0.0004, 0.0011}, {0.001, 0.001}}}}
	configs["ExpEnvelopeNode"] = []abi.Config{{"times": []float64{0.0005, 0.001}}}
	configs["ImpulseNode"] = []abi.Config{{"times": []float64{0.001, 0.0005, 0.001}}}
	configs["WavetableNode"] = []abi.Config{{"size": 2.0}, {"size": 5.0, "wave": "sine"}}
}

func TestImpulses(t *testing.T) {
	y := abitest.Run(t, "ImpulseNode", abitest.P{"level": 3, "config": abi.Config{"times": []float64{100 / abitest.Rate, 0}}}, abitest.Silence(200))
	for n := range y {
		want := 0.0
		if n == 0 || n == 100 {
			want = 3
		}
		require.Equal(t, want, y[n], n)
	}
}

// 60 dB below the level after t60, half of the line within the attack.
func TestExpEnvelopeDecay(t *testing.T) {
	y := abitest.Run(t, "ExpEnvelopeNode", abitest.P{"level": 2, "t60_s": 0.01, "attack_ms": 1, "config": abi.Config{"times": []float64{0.001, 0.02}}}, abitest.Silence(1500))
	require.Zero(t, y[47])
	require.Zero(t, y[48])
	require.InDelta(t, 2*0.5*math.Pow(10, -3*0.05), y[48+24], 1e-12)
	require.InDelta(t, 0.002, y[48+480], 1e-12)
	require.InDelta(t, 2*math.Pow(10, -3*0.2), y[960+96], 1e-12, "the second onset")
	newLane(t, "ExpEnvelopeNode", 300, abitest.P{"t60_s": 0.05, "attack_ms": 7.03, "config": abi.Config{"times": []float64{0, 0.02}}}).checkGradient(t, "level", "t60_s", "attack_ms")
}

// A table of four points, read at a quarter of the rate, and between.
func TestWavetableInterpolates(t *testing.T) {
	p := abitest.P{"table": []float64{0, 1, -1, 0.5}, "amplitude": 2, "frequency": abitest.Rate / 4, "config": abi.Config{"size": 4.0}}
	require.Equal(t, []float64{2, -2, 1, 0, 2}, abitest.Run(t, "WavetableNode", p, abitest.Silence(5)))
	p["frequency"] = abitest.Rate / 8
	require.Equal(t, []float64{1, 2, 0, -2, -0.5, 1, 0.5, 0}, abitest.Run(t, "WavetableNode", p, abitest.Silence(8)))
}

// Without feedback the spectrum is that of Bessel functions: at index 2.5 the
// carrier has J0(2.5), the sidebands J1 and J2.
func TestFMOperatorSidebands(t *testing.T) {
	const frames, carrier, modulator, index = 4800, 480, 50, 2.5 // whole cycles
	x := abitest.Row(frames, func(n int) float64 { return index / (2 * math.Pi) * math.Sin(2*math.Pi*modulator*float64(n+1)/frames) })
	y := abitest.Run(t, "FMOperatorNode", abitest.P{"frequency": carrier * abitest.Rate / frames, "amplitude": 1}, x)
	for side := -3; side <= 3; side++ {
		sum := 0.0
		for n := range y {
			sum += y[n] * math.Sin(2*math.Pi*float64(carrier+side*modulator)*float64(n+1)/frames)
		}
		require.InDelta(t, math.Jn(side, index), 2*sum/frames, 1e-9, side)
	}
}

// Below a loop gain of 1 the gradient of the feedback is exact.
func TestFMOperatorFeedback(t *testing.T) {
	p := abitest.P{"frequency": 440, "amplitude": 0.7, "feedback": 0.2, "phase": 0.1}
	y := abitest.Run(t, "FMOperatorNode", p, abitest.Silence(100))
	loss := func(feedback float64) (sum float64) {
		last := 0.0
		for n := range 100 {
			last = 0.7 * math.Sin(2*math.Pi*(440*float64(n+1)/abitest.Rate+0.1+feedback*last))
			sum += last * math.Cos(float64(n))
			if feedback == 0.2 {
				require.InDelta(t, last, y[n], 1e-12)
			}
		}
		return sum
	}
	const h = 1e-5
	want := (8*(loss(0.2+h)-loss(0.2-h)) - loss(0.2+2*h) + loss(0.2-2*h)) / (12 * h)
	require.InDelta(t, want, fmFeedbackGradient(t), 1e-7*math.Abs(want))
}

// fmFeedbackGradient runs the adjoint over the loss of the test above.
func fmFeedbackGradient(t *testing.T) float64 {
	typ, s := abi.Lookup("FMOperatorNode"), abi.NewSetup(abi.Lookup("FMOperatorNode"))
	s.Rate, s.Channels, s.Given = abitest.Rate, []int{1}, func(string) bool { return true }
	require.NoError(t, s.Finish(typ))
	lane := func(weights bool) abi.Lane {
		l := abi.Lane{In: [][]float64{make([]float64, 100)}, Out: [][]float64{make([]float64, 100)}, Record: [][]float64{make([]float64, 100)}, State: make([]float64, 2), Before: make([]float64, 2)}
		for _, v := range []float64{440, 0.7, 0.1, 0.2} {
			if weights {
				v = 0
			}
			l.Params = append(l.Params, abi.HeldValues([]float64{v}))
		}
		for n := range l.Out[0] {
			l.Out[0][n] = math.Cos(float64(n))
		}
		return l
	}
	b, d := abi.NewBlock(s.Rate, s.Data, []int{1}, []int{1}, true), abi.NewBlock(s.Rate, s.Data, []int{1}, []int{1}, true)
	b.Bind([]abi.Lane{lane(false)}, 100)
	d.Bind([]abi.Lane{lane(true)}, 100)
	typ.Forward(b)
	typ.Backward(b, d)
	return d.Param(3, 0).At(0)
}

// Even points reach from the first frame to the last; a cubic reproduces a
// parabola between inner points, a line everywhere.
func TestCurveInterpolates(t *testing.T) {
	y := abitest.Run(t, "CurveNode", abitest.P{"points": []float64{1, 3, 2}}, abitest.Silence(201))
	require.Equal(t, []float64{1, 2, 3, 2.5, 2}, []float64{y[0], y[50], y[100], y[150], y[200]})
	y = abitest.Run(t, "CurveNode", abitest.P{"points": []float64{1, 3, 2}, "config": abi.Config{"interp": "step"}}, abitest.Silence(201))
	require.Equal(t, []float64{1, 1, 3, 3, 2}, []float64{y[0], y[99], y[100], y[199], y[200]})
	frames := []float64{10, 20, 45, 60, 100}
	var times, parabola, line []float64
	for _, n := range frames {
		times, parabola, line = append(times, n/abitest.Rate), append(parabola, n*n), append(line, 3*n+1)
	}
	config := abi.Config{"times": times, "interp": "cubic"}
	y = abitest.Run(t, "CurveNode", abitest.P{"points": parabola, "config": config}, abitest.Silence(120))
	for n := 20; n <= 60; n++ {
		require.InDelta(t, float64(n*n), y[n], 1e-8, n)
	}
	require.Equal(t, parabola[0], y[3])
	require.InDelta(t, parabola[4], y[110], 1e-9)
	y = abitest.Run(t, "CurveNode", abitest.P{"points": line, "config": config}, abitest.Silence(120))
	for n := 10; n <= 100; n++ {
		require.InDelta(t, 3*float64(n)+1, y[n], 1e-8, n)
	}
}

func TestADSRRamps(t *testing.T) {
	p := abitest.P{"attack_ms": 10, "decay_ms": 20, "sustain": 0.4, "release_ms": 40, "curve": 2, "config": abi.Config{"notes": [][2]float64{{0.01, 0.06}}}}
	y := abitest.Run(t, "ADSRNode", p, abitest.Silence(6000))
	at := func(ms float64) float64 { return y[int(ms*48)] }
	require.Zero(t, at(9.5))
	require.InDelta(t, 0.25, at(15), 1e-9)
	require.InDelta(t, 1, at(20), 1e-9)
	require.InDelta(t, 0.4+0.6*0.25, at(30), 1e-9)
	require.InDelta(t, 0.4, at(50), 1e-9)
	require.InDelta(t, 0.4*0.25, at(80), 1e-9)
	require.Zero(t, at(110))
	for _, curve := range []float64{0.3, 1, 3} {
		for n, v := range abitest.Run(t, "ADSRNode", abitest.P{"curve": curve}, abitest.Silence(100)) {
			require.False(t, math.IsNaN(v), n)
		}
		newLane(t, "ADSRNode", 800, abitest.P{
			"attack_ms": 5.03, "decay_ms": 20.01, "sustain": 0.4, "release_ms": 30.07, "curve": curve,
			"config": abi.Config{"notes": [][2]float64{{0.00101, 0.02003}, {0.04501, 0.047}}},
		}).checkGradient(t, "attack_ms", "decay_ms", "sustain", "release_ms", "curve")
	}
}

// After 45 time constants a glide is over, and its partials are recursions.
func TestSinusoidBankGlideGradient(t *testing.T) {
	newLane(t, "SinusoidBankNode", 1000, abitest.P{
		"freqs_hz": []float64{100, 333}, "amps": []float64{1, 0.5}, "phases": []float64{0.1, 0.2}, "decays": []float64{3, 50}, "attacks_ms": []float64{10.03, 61.03},
		"glide_oct": 0.3, "glide_s": 0.001, "config": abi.Config{"partials": 2.0},
	}).checkGradient(t, "freqs_hz", "amps", "phases", "decays", "attacks_ms", "glide_oct", "glide_s")
}

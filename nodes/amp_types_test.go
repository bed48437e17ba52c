package nodes_test

import (
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
	"ampfit/adjoint"
	"ampfit/graph"
)

// lane is one lane of a node without inputs, for gradients at parameters that
// the conformance suite does not draw: short stages, settings far apart.
type lane struct {
	typ           *abi.NodeType
	set           *abi.Setup
	frames        int
	block, dual   *abi.Block
	params        [][]float64
	dparams       [][]float64
	out, dout     [][]float64
	lanes, dlanes []abi.Lane
}

// newLane configures a node; parameters with as many values as frames vary.
func newLane(t *testing.T, name string, frames int, p abitest.P) *lane {
	typ := abi.Lookup(name)
	s := abi.NewSetup(typ)
	s.Node, s.Rate, s.Frames, s.Config = "node", 8000, frames, abi.Config{}
	for _, k := range typ.Config {
		if k.Default != nil {
			s.Config[k.Name] = k.Default
		}
	}
	if c, ok := p["config"].(abi.Config); ok {
		maps.Copy(s.Config, c)
	}
	s.Given = func(name string) bool { return p[name] != nil }
	require.NoError(t, s.Finish(typ))
	l := &lane{typ: typ, set: s, frames: frames, lanes: make([]abi.Lane, 1), dlanes: make([]abi.Lane, 1)}
	a, d := &l.lanes[0], &l.dlanes[0]
	held := true
	for _, par := range s.Params {
		v := par.Start()
		varies := false
		switch x := p[par.Name].(type) {
		case float64:
			v[0] = x
		case []float64:
			varies = !par.Vector
			v = x
		}
		held = held && !varies
		l.params, l.dparams = append(l.params, v), append(l.dparams, make([]float64, len(v)))
		last := len(l.params) - 1
		if varies {
			a.Params, d.Params = append(a.Params, abi.FrameValues(v)), append(d.Params, abi.FrameValues(l.dparams[last]))
		} else {
			a.Params, d.Params = append(a.Params, abi.HeldValues(v)), append(d.Params, abi.HeldValues(l.dparams[last]))
		}
	}
	for range s.OutChannels[0] {
		a.Out, d.Out = append(a.Out, make([]float64, frames)), append(d.Out, make([]float64, frames))
	}
	for range s.Record {
		a.Record = append(a.Record, make([]float64, frames))
	}
	l.out, l.dout = a.Out, d.Out
	a.State, a.Before, d.State = make([]float64, s.State), make([]float64, s.State), make([]float64, s.State)
	a.Coefs, a.Scratch, a.FrameScratch = make([]float64, s.Coefs), make([]float64, s.Scratch), make([]float64, s.FrameScratch*frames)
	l.block, l.dual = abi.NewBlock(s.Rate, s.Data, nil, s.OutChannels, held), abi.NewBlock(s.Rate, s.Data, nil, s.OutChannels, held)
	l.block.Bind(l.lanes, frames)
	l.dual.Bind(l.dlanes, frames)
	return l
}

func (l *lane) forward() [][]float64 {
	clear(l.lanes[0].State)
	if l.typ.Prepare != nil && l.block.Held() {
		l.typ.Prepare(l.block)
	}
	l.typ.Forward(l.block)
	return l.out
}

// checkGradient compares the gradient of a random weighting of the output by
// one parameter with central differences along a random direction.
func (l *lane) checkGradient(t *testing.T, names ...string) {
	rng := rand.New(rand.NewPCG(1, 2))
	var w [][]float64
	for c := range l.out {
		w = append(w, make([]float64, l.frames))
		for n := range w[c] {
			w[c][n] = rng.NormFloat64()
		}
	}
	l.forward()
	for c := range w {
		copy(l.dout[c], w[c])
	}
	l.typ.Backward(l.block, l.dual)
	for _, name := range names {
		i := 0
		for i < len(l.set.Params) && l.set.Params[i].Name != name {
			i++
		}
		dir := make([]float64, len(l.params[i]))
		scale, want := 0.0, 0.0
		for n, x := range l.params[i] {
			scale = max(scale, math.Abs(x))
			dir[n] = rng.NormFloat64()
		}
		if scale == 0 {
			scale = 1
		}
		for n := range dir {
			dir[n] *= scale
			want += dir[n] * l.dparams[i][n]
		}
		base := append([]float64(nil), l.params[i]...)
		loss := func(h float64) (sum float64) {
			for n := range base {
				l.params[i][n] = base[n] + h*dir[n]
			}
			for c, y := range l.forward() {
				for n := range y {
					sum += w[c][n] * y[n]
				}
			}
			return sum
		}
		const h = 1e-5
		got := (8*(loss(h)-loss(-h)) - loss(2*h) + loss(-2*h)) / (12 * h)
		copy(l.params[i], base)
		require.InDelta(t, got, want, 1e-6*max(math.Abs(got), 1), name)
		require.NotZero(t, want, name)
	}
}

// The stages of an envelope have the lengths of its parameters; the gradient
// passes through each of them.
func TestEnvelopeModulatorStages(t *testing.T) {
	gate := make([]float64, 400)
	velocity := make([]float64, len(gate))
	for n := range gate {
		if n >= 10 && n < 200 || n >= 210 && n < 300 { // the second one starts within the release
			gate[n] = 1
		}
		velocity[n] = 0.6 + 0.001*float64(n)
	}
	// 8 kHz: 40 frames of attack, 24 of hold, 32 of decay, 48 of release.
	p := abitest.P{"gate": gate, "velocity": velocity, "attack_ms": 5.0, "hold_ms": 3.0, "decay_ms": 4.0, "release_ms": 6.0, "sustain_level": 0.5}
	l := newLane(t, "EnvelopeModulatorNode", len(gate), p)
	y := l.forward()
	u := velocity[10]
	require.InDelta(t, u/40, y[0][10], 1e-12, "first step of the attack")
	require.InDelta(t, u, y[0][10+39], 1e-12, "end of the attack")
	require.InDelta(t, u, y[0][10+40+23], 1e-12, "end of the hold")
	require.InDelta(t, u-u*0.5*16/32, y[0][10+40+24+15], 1e-12, "half of the decay")
	require.InDelta(t, u*0.5, y[0][199], 1e-12, "sustain")
	require.InDelta(t, u*0.5*(1-9./48), y[0][209], 1e-12, "release, after the frame that leaves the sustain")
	require.Zero(t, y[0][210])
	require.Equal(t, 1.0, y[1][10])
	require.Equal(t, 1.0, y[1][210])
	require.InDelta(t, velocity[210]/40, y[0][211], 1e-12, "the attack begins in the frame after")
	require.Zero(t, y[0][399])
	l.checkGradient(t, "velocity", "sustain_level")

	for _, lengths := range [][5]float64{{0, 0, 0, 0, 6}, {0, 1, 3, 0, 0}, {1, 0, 2, 2, 1}, {1, 0, 0, 0, 3}} {
		p["attack_ms"], p["hold_ms"], p["decay_ms"], p["sustain_ms"], p["release_ms"] = lengths[0], lengths[1], lengths[2], lengths[3], lengths[4]
		newLane(t, "EnvelopeModulatorNode", len(gate), p).checkGradient(t, "velocity", "sustain_level")
	}
}

// The kernel of AMP, started with flip-flops that work, is what the node does.
func TestSubharmonicLowLifterKernelRecords(t *testing.T) {
	const path = "../testdata/amp/subharmonic_process_20251202"
	index, err := os.ReadFile(path + ".json")
	require.NoError(t, err)
	var group struct {
		Cases []struct {
			ID      string
			Scalars map[string]float64
			X, Y    ampTensor
		}
	}
	require.NoError(t, json.Unmarshal(index, &group))
	data := readFloats(t, path+".f64")
	for _, c := range group.Cases {
		t.Run(c.ID, func(t *testing.T) {
			s := c.Scalars
			frames := int(s["F"])
			got := abitest.Run(t, "SubharmonicLowLifterNode", abitest.P{
				"band_lo": s["band_lo"], "band_hi": s["band_hi"], "mix": s["mix"], "drive": s["drive"], "out_hp": s["out_hp"],
				"config": abi.Config{"use_div4": s["use_div4"] == 1}, "sample_rate": s["sample_rate"],
			}, data[c.X.Offset:][:frames])
			for n, want := range data[c.Y.Offset:][:frames] {
				require.InDelta(t, want, got[n], 1e-12, n)
			}
		})
	}
}

// With the corrections the right way round a square has no overshoot and no
// step larger than that of the polynomial, and less alias than without.
func TestOscSquareIsRounded(t *testing.T) {
	const frames, freq = 4800, 1030.0
	y := abitest.Run(t, "OscNode", abitest.P{"freq": freq, "config": abi.Config{"wave": "square"}}, abitest.Silence(frames))
	amp := abitest.Run(t, "OscNode", abitest.P{"freq": freq, "config": abi.Config{"wave": "square", "compat": "amp"}}, abitest.Silence(frames))
	worst, most := 0.0, 0.0
	for n := range y {
		require.LessOrEqual(t, math.Abs(y[n]), 1+1e-12)
		most = max(most, math.Abs(amp[n]))
	}
	for n := 1; n < frames; n++ {
		worst = max(worst, math.Abs(y[n]-y[n-1]))
	}
	require.Less(t, worst, 1.6, "the integral of a triangle of two frames moves by at most 3/4 of the step in one")
	require.Greater(t, most, 1.9, "AMP's corrections enlarge the step")
}

// Angles on a quarter circle have the same power everywhere.
func TestOscPan(t *testing.T) {
	for _, pan := range []float64{-1, -0.3, 0, 1} {
		out := abitest.RunChannels(t, "OscNode", abitest.P{"freq": 100, "pan": pan, "amp": 2}, [][]float64{abitest.Silence(100)})
		angle := (pan + 1) * math.Pi / 4
		for n := range out[0][0] {
			v := 2 * math.Sin(2*math.Pi*100*float64(n+1)/abitest.Rate)
			require.InDelta(t, v*math.Cos(angle), out[0][0][n], 1e-12)
			require.InDelta(t, v*math.Sin(angle), out[0][1][n], 1e-12)
		}
	}
}

// Halves of the cells of 300, 400 and 500 cents divide the pitches.
func TestPitchQuantizerScale(t *testing.T) {
	p := abitest.P{"root_midi": 69, "span_oct": 1, "config": abi.Config{"grid_cents": "0,300,700", "slew": false}}
	for _, c := range []struct{ input, cents float64 }{{0, 0}, {0.12, 0}, {0.13, 300}, {0.41, 300}, {0.42, 700}, {0.79, 700}, {0.8, 1200}, {-0.2, 0}, {-0.25, -500}} {
		p["input"] = c.input
		y := abitest.Run(t, "PitchQuantizerNode", p, abitest.Silence(3))
		require.InDelta(t, 440*math.Pow(2, c.cents/1200), y[2], 1e-9, "%v", c.input)
	}
}

// A jump of 100 Hz at 1000 Hz/s takes a tenth of a second.
func TestOscillatorPitchSlew(t *testing.T) {
	pitch := abitest.PerFrame(slices.Repeat([]float64{100}, 9600))
	y := abitest.Run(t, "OscillatorPitchNode", abitest.P{"pitch_hz": pitch, "default_slew": 1000}, abitest.Silence(len(pitch)))
	require.InDelta(t, 50, y[2399], 1e-9)
	require.InDelta(t, 100, y[4799], 1e-9)
	require.Equal(t, 100.0, y[5000])
	y = abitest.Run(t, "OscillatorPitchNode", abitest.P{"root_hz": 110, "offset_cents": 1900, "add_hz": 3}, abitest.Silence(2))
	require.InDelta(t, 110*math.Pow(2, 19./12)+3, y[0], 1e-9)
}

func init() {
	configs["OscNode"] = []abi.Config{
		{"wave": "square", "compat": "amp"}, {"wave": "triangle", "mode": "integrator"}, {"wave": "saw", "mode": "integrator"},
	}
	configs["PitchQuantizerNode"] = []abi.Config{
		{"is_free_mode": true}, {"is_free_mode": true, "free_variant": "weighted", "grid_cents": "0,200,700"},
		{"is_free_mode": true, "free_variant": "stepped", "straight_through": true, "slew": false},
	}
	configs["ParametricDriverNode"] = []abi.Config{{"mode": "custom"}}
	configs["ControllerNode"] = []abi.Config{{"__controller_outputs__": "a,b,c", "__controller_sources__": "c=a"}}
	configs["SubharmonicLowLifterNode"] = []abi.Config{{"use_div4": true}}
}

func init() {
	configs["FFTDivisionNode"] = []abi.Config{{"window_size": 12.0, "epsilon": 0.01}, {"window_size": 16.0, "window": "rectangular", "epsilon": 1e-3}}
}

// Where the input is the circular convolution of a periodic divisor with s, the
// quotient of any window is s, and its newest frame the last value of s.
func TestFFTDivisionUndoesConvolution(t *testing.T) {
	for _, n := range []int{8, 11} {
		rng := rand.New(rand.NewPCG(3, 4))
		d, s := make([]float64, n), make([]float64, n)
		for i := range d {
			d[i], s[i] = 0.2*rng.NormFloat64(), rng.NormFloat64()
		}
		d[0] += 2 // no small bin
		x, divisor := make([]float64, 50), make(abitest.PerFrame, 50)
		for i := range x {
			divisor[i] = d[i%n]
			for k := range n {
				x[i] += d[(i+n-k)%n] * s[k]
			}
		}
		y := abitest.Run(t, "FFTDivisionNode", abitest.P{"divisor": divisor, "config": abi.Config{"window_size": float64(n), "window": "rectangular"}}, x)
		for i := range x {
			if i < n-1 {
				require.InDelta(t, x[i]/divisor[i], y[i], 1e-12)
			} else {
				require.InDelta(t, s[n-1], y[i], 1e-12, i)
			}
		}
	}
}

// Three carriers, one of them modulated and one given in Hz: the fit is exact for
// a sound that consists of them, and its gradient agrees with differences.
func TestFFTDivisionCarriers(t *testing.T) {
	const n, frames = 32, 200
	freqs, amps := []float64{0.0625, 0.21, 9000. / 48000}, []float64{0.5, -0.25, 0.125}
	x := make([]float64, frames)
	for i := range x {
		for k, f := range freqs {
			x[i] += amps[k] * math.Cos(2*math.Pi*f*float64(i))
		}
	}
	negative := func(k int) float64 { return 1 - freqs[k] } // the conjugate carriers
	y := abitest.Run(t, "FFTDivisionNode", abitest.P{"config": abi.Config{"window_size": float64(n), "algorithm": "dynamic"},
		"carrier_band_0": freqs[0], "carrier_band_1": freqs[1], "carrier_band_2": 9000.0,
		"carrier_band_3": negative(0), "carrier_band_4": negative(1), "carrier_band_5": negative(2)}, x)
	for i := n - 1; i < frames; i++ {
		require.InDelta(t, x[i]/n, y[i], 1e-7) // the ridge
	}

	g, err := graph.Parse("", []byte(`{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
		{"name": "sine", "type": "SineOscillatorNode", "params": {"frequency": 150}},
		{"name": "div", "type": "FFTDivisionNode", "config": {"algorithm": "dynamic", "window_size": 16},
			"params": {"carrier_band_0": 0.06, "carrier_band_1": 9000, "carrier_band_7": 0.31, "phase_offset": 0.3, "filter_intensity": 0.8}}],
		"edges": [{"source": "dry", "target": "div"}, {"source": "sine", "target": "div.carrier_band_0", "scale": 0.02}]}`))
	require.NoError(t, err)
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Frames: 200}})
	require.NoError(t, err)
	require.True(t, report.OK, report.String())
}

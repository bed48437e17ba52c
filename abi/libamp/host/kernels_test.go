package host_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi/libamp/host"
)

// kernelCase is a record of a free kernel of the AMP runtime.
type kernelCase struct {
	ID, Kernel      string
	Scalars, Inputs map[string]json.RawMessage
	StateIn         map[string]json.RawMessage `json:"state_in"`
	StateOut        map[string]json.RawMessage `json:"state_out"`
	Outputs         map[string]json.RawMessage
	t               *testing.T
	raw             []byte
}

func (c *kernelCase) number(name string) float64 {
	var v float64
	require.NoError(c.t, json.Unmarshal(c.Scalars[name], &v), name)
	return v
}

func (c *kernelCase) int(name string) int { return int(c.number(name)) }

func (c *kernelCase) tensor(text json.RawMessage) []float64 {
	var x struct {
		Shape  []int
		Offset int
	}
	require.NoError(c.t, json.Unmarshal(text, &x))
	n := 1
	for _, s := range x.Shape {
		n *= s
	}
	return records{c.t, c.raw}.read(tensor{[3]int{n, 1, 1}, x.Offset})
}

func (c *kernelCase) input(name string) []float64 { return c.tensor(c.Inputs[name]) }

// state is a state of so many lanes before the call.
func (c *kernelCase) state(name string, lanes int) []float64 {
	if text, ok := c.StateIn[name]; ok {
		return c.tensor(text)
	}
	return make([]float64, lanes)
}

func ints[T int8 | int32](c *kernelCase, name string) []T {
	var v []T
	require.NoError(c.t, json.Unmarshal(c.StateIn[name], &v), name)
	return v
}

func (c *kernelCase) compare(want json.RawMessage, got []float64, what string) {
	v := c.tensor(want)
	require.Len(c.t, got, len(v), what)
	peak := 1e-300
	for _, x := range v {
		peak = max(peak, math.Abs(x))
	}
	for i := range v {
		require.InDelta(c.t, v[i], got[i], 1e-12*peak, "%s %d", what, i)
	}
}

// Every record of a free kernel comes out of ours, outputs and states.
func TestKernelRecords(t *testing.T) {
	var group struct{ Cases []*kernelCase }
	index, err := os.ReadFile("../../../testdata/amp/kernels.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(index, &group))
	raw, err := os.ReadFile("../../../testdata/amp/kernels.f64")
	require.NoError(t, err)
	require.Len(t, group.Cases, 24)
	for _, c := range group.Cases {
		t.Run(c.ID, func(t *testing.T) {
			c.t, c.raw = t, raw
			states := c.replay()
			for name, text := range c.StateOut {
				got, ok := states[name]
				require.True(t, ok, "the state %s is compared", name)
				switch v := got.(type) {
				case []float64:
					c.compare(text, v, name)
				default:
					have, err := json.Marshal(v)
					require.NoError(t, err)
					require.JSONEq(t, string(text), string(have), name)
				}
			}
		})
	}
}

// replay runs a kernel, compares its output and returns its states.
func (c *kernelCase) replay() map[string]any {
	b, f, lanes := 1, 0, 1
	if _, ok := c.Scalars["B"]; ok {
		b, f = c.int("B"), c.int("F")
		lanes = b
	}
	if _, ok := c.Scalars["C"]; ok {
		lanes *= c.int("C")
	}
	out := make([]float64, lanes*f)
	states := map[string]any{}
	name := "out"
	switch c.Kernel {
	case "lfo_slew":
		z := c.state("z0", lanes)
		host.LFOSlew(c.input("x"), out, b, f, c.number("r"), c.number("alpha"), z)
		states["z0"] = z
	case "safety_filter":
		in, dc := c.state("prev_in", lanes), c.state("prev_dc", lanes)
		host.SafetyFilter(c.input("x"), out, lanes, f, c.number("a"), in, dc)
		states["prev_in"], states["prev_dc"], name = in, dc, "y"
	case "dc_block":
		d := c.state("state", lanes)
		host.DCBlock(c.input("x"), out, lanes, f, c.number("a"), d)
		states["state"] = d
	case "subharmonic_process":
		s := &host.Subharmonic{
			HPIn: c.number("a_hp_in"), LPIn: c.number("a_lp_in"), Sub2: c.number("a_sub2"), Sub4: c.number("a_sub4"), Attack: c.number("a_env_attack"),
			Release: c.number("a_env_release"), HPOut: c.number("a_hp_out"), Drive: c.number("drive"), Mix: c.number("mix"), Div4: c.int("use_div4") != 0,
			Sign: ints[int8](c, "sign"), FF2: ints[int8](c, "ff2"), FF4: ints[int8](c, "ff4"), FF4Count: ints[int32](c, "ff4_count"),
		}
		for name, v := range map[string]*[]float64{"hp_y": &s.HP, "lp_y": &s.LP, "prev": &s.Prev, "sub2_lp": &s.Sub2LP, "sub4_lp": &s.Sub4LP, "env": &s.Env, "hp_out_y": &s.HPOutY, "hp_out_x": &s.HPOutX} {
			*v = c.state(name, lanes)
			states[name] = *v
		}
		host.SubharmonicProcess(c.input("x"), out, lanes, f, s)
		states["sign"], states["ff2"], states["ff4"], states["ff4_count"], name = s.Sign, s.FF2, s.FF4, s.FF4Count, "y"
	case "phase_advance":
		phase := c.state("phase", lanes)
		host.PhaseAdvance(c.input("dphi"), out, b, f, phase, c.input("reset"))
		states["phase"], name = phase, "phase_out"
	case "portamento_smooth":
		freq := c.state("freq", lanes)
		host.PortamentoSmooth(c.input("freq_target"), c.input("port_mask"), c.input("slide_time"), c.input("slide_damp"), out, b, f, c.int("sr"), freq)
		states["freq"] = freq
	case "arp_advance":
		var seq []float64
		require.NoError(c.t, json.Unmarshal(c.Scalars["seq"], &seq))
		step, timer := ints[int32](c, "step"), ints[int32](c, "timer")
		host.ArpAdvance(seq, out, b, f, step, timer, c.int("frames_per_step"))
		states["step"], states["timer"], name = step, timer, "offsets"
	case "polyblep_arr":
		t, dt := c.input("t"), c.input("dt")
		out = make([]float64, len(t))
		for i := range t {
			out[i] = host.PolyBLEP(t[i], dt[i])
		}
	case "osc_saw_blep":
		ph, dphi := c.input("ph"), c.input("dphi")
		for i := range ph {
			out[i] = host.SawBLEP(ph[i], dphi[i])
		}
	case "osc_square_blep":
		ph, dphi := c.input("ph"), c.input("dphi")
		for i := range ph {
			out[i] = host.SquareBLEP(ph[i], dphi[i], c.number("pw"))
		}
	case "osc_triangle_blep":
		tri := c.state("tri", lanes)
		host.TriangleBLEP(c.input("ph"), c.input("dphi"), out, b, f, tri)
		states["tri"] = tri
	default:
		c.t.Fatalf("no kernel %q", c.Kernel)
	}
	c.compare(c.Outputs[name], out, name)
	return states
}

// The free envelope is the node's, with its stages given in frames.
func TestEnvelopeKernelIsTheNodes(t *testing.T) {
	const f = 4000
	trigger, gate, velocity := make([]float64, f), make([]float64, f), make([]float64, f)
	for n := range f {
		velocity[n] = 0.3 + 0.5*float64(n)/f
		if n == 10 || n == 1500 || n == 3000 {
			trigger[n] = 1
		}
		if n >= 20 && n < 900 || n >= 2500 && n < 2600 {
			gate[n] = 1
		}
	}
	for _, ms := range [][5]int{{5, 2, 10, 0, 20}, {0, 0, 0, 0, 7}, {3, 0, 0, 4, 0}, {1, 1, 1, 1, 1}} {
		params, err := json.Marshal(map[string]any{"attack_ms": ms[0], "hold_ms": ms[1], "decay_ms": ms[2], "sustain_ms": ms[3], "release_ms": ms[4], "sustain_level": 0.6, "send_resets": true})
		require.NoError(t, err)
		node, err := host.NewLegacy("e", "EnvelopeModulatorNode", string(params), 48000)
		require.NoError(t, err)
		view := func(name string, v []float64) host.Buffer {
			return host.Buffer{Name: name, Batches: 1, Channels: 1, Frames: f, Data: v}
		}
		want, _, err := node.Run(host.LegacyCall{Batches: 1, Channels: 1, Frames: f, Params: []host.Buffer{view("trigger", trigger), view("gate", gate), view("velocity", velocity)}})
		require.NoError(t, err)
		one := func() []float64 { return make([]float64, 1) }
		e := &host.Envelope{
			Attack: 48 * ms[0], Hold: 48 * ms[1], Decay: 48 * ms[2], Sustain: 48 * ms[3], Release: 48 * ms[4], Level: 0.6, SendResets: true,
			Stage: make([]int32, 1), Activations: make([]int64, 1), Value: one(), Timer: one(), Velocity: one(), ReleaseStart: one(),
		}
		amp, reset := make([]float64, f), make([]float64, f)
		host.EnvelopeProcess(trigger, gate, nil, velocity, amp, reset, 1, f, e)
		for n := range f {
			require.InDelta(t, want[n], amp[n], 1e-12, "%v frame %d", ms, n)
			require.Equal(t, want[f+n], reset[n], "%v frame %d", ms, n)
		}
	}
}

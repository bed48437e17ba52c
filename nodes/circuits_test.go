package nodes_test

import (
	"maps"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/abi/abitest"
)

// circuit is one lane of a node type, bound by hand: abitest returns no heat.
type circuit struct {
	typ  *abi.NodeType
	lane abi.Lane
	b    *abi.Block
}

func newCircuit(t *testing.T, name string, p abitest.P, x []float64) *circuit {
	t.Helper()
	typ := abi.Lookup(name)
	s := abi.NewSetup(typ)
	s.Rate, s.Frames, s.Channels, s.Config = abitest.Rate, len(x), []int{1}, abi.Config{}
	for _, k := range typ.Config {
		s.Config[k.Name] = k.Default
	}
	if c, ok := p["config"].(abi.Config); ok {
		maps.Copy(s.Config, c)
	}
	require.NoError(t, s.Finish(typ))
	c := &circuit{typ: typ, b: abi.NewBlock(s.Rate, s.Data, []int{1}, []int{1}, true)}
	c.lane = abi.Lane{
		In: [][]float64{x}, Out: [][]float64{make([]float64, len(x))},
		State: make([]float64, s.State), Before: make([]float64, s.State), Heat: make([]float64, 1), Residual: make([]float64, 1),
		FrameScratch: make([]float64, s.FrameScratch*len(x)),
	}
	for range s.Record {
		c.lane.Record = append(c.lane.Record, make([]float64, len(x)))
	}
	for _, par := range s.Params {
		value := par.Default
		switch v := p[par.Name].(type) {
		case float64:
			value = v
		case int:
			value = float64(v)
		}
		c.lane.Params = append(c.lane.Params, abi.HeldValues([]float64{value}))
	}
	return c
}

func (c *circuit) forward() (y []float64, joules float64) {
	clear(c.lane.State)
	c.lane.Heat[0] = 0
	c.b.Bind([]abi.Lane{c.lane}, len(c.lane.In[0]))
	c.typ.Forward(c.b)
	return c.lane.Out[0], c.lane.Heat[0]
}

func heatOf(t *testing.T, name string, p abitest.P, x []float64) (y []float64, joules float64) {
	t.Helper()
	return newCircuit(t, name, p, x).forward()
}

// The gradient of the heat alone; beside an output its joules are small.
func TestCircuitHeatGradient(t *testing.T) {
	for _, name := range []string{"RCNode", "RLCNode", "DiodeClipperNode"} {
		x := abitest.Noise(40, 9)
		c := newCircuit(t, name, nil, x)
		d := newCircuit(t, name, nil, make([]float64, len(x)))
		for i := range d.lane.Params {
			d.lane.Params[i] = abi.HeldValues([]float64{0})
		}
		d.lane.Heat[0] = 1
		c.forward()
		d.b.Bind([]abi.Lane{d.lane}, len(x))
		c.typ.Backward(c.b, d.b)
		difference := func(at *float64, h float64) float64 {
			was := *at
			*at = was + h
			_, right := c.forward()
			*at = was - h
			_, left := c.forward()
			*at = was
			return (right - left) / (2 * h)
		}
		peak := 0.0
		for _, g := range d.lane.In[0] {
			peak = max(peak, math.Abs(g))
		}
		for n := range x {
			require.InDelta(t, difference(&x[n], 1e-5), d.lane.In[0][n], 1e-6*peak, "%s, frame %d", name, n)
		}
		for i := range c.lane.Params {
			value := []float64{c.lane.Params[i].At(0)}
			c.lane.Params[i] = abi.HeldValues(value)
			require.InEpsilon(t, difference(&value[0], 1e-5*value[0]), d.lane.Params[i].At(0), 1e-6, "%s, parameter %d", name, i)
		}
	}
}

func TestPolynomialBases(t *testing.T) {
	c := []float64{0.1, 0.9, -0.3, 0.2, 0.05}
	x := abitest.Sine(200, 0.01)
	power := abitest.Run(t, "PolynomialNode", abitest.P{"coeffs": c}, x)
	chebyshev := abitest.Run(t, "PolynomialNode", abitest.P{"coeffs": c, "config": abi.Config{"basis": "chebyshev"}}, x)
	for n, x := range x {
		var p, q float64
		for k, c := range c {
			p += c * math.Pow(x, float64(k))
			q += c * math.Cos(float64(k)*math.Acos(min(max(x, -1), 1))) // T_k(cos a) = cos ka
		}
		require.InDelta(t, p, power[n], 1e-15)
		require.InDelta(t, q, chebyshev[n], 1e-13)
	}
}

func TestWaveshaper(t *testing.T) {
	x := []float64{-4, -1.5, -0.3, 0, 0.7, 1.5, 9}
	require.InDeltaSlice(t, x, abitest.Run(t, "WaveshaperNode", nil, x), 1e-14, "identity, and beyond the range")

	// Monotone points make a monotone curve, through the points, and the ends go on.
	points := []float64{-1, -0.9, -0.2, -0.19, 0.4, 2, 2.1}
	p := abitest.P{"points": points, "config": abi.Config{"range": 3.0}}
	y := abitest.Run(t, "WaveshaperNode", p, []float64{-3, -2, -1, 0, 1, 2, 3, 4, -5})
	require.InDeltaSlice(t, append(points, 2.1+0.1, -1-2*0.1), y, 1e-14)
	ramp := abitest.Row(601, func(n int) float64 { return -3 + float64(n)/100 })
	y = abitest.Run(t, "WaveshaperNode", p, ramp)
	for n := 1; n < len(y); n++ {
		require.GreaterOrEqual(t, y[n], y[n-1])
	}
}

func TestRectifier(t *testing.T) {
	x := []float64{-2, -0.5, 0, 1, 3}
	require.Equal(t, []float64{2, 0.5, 0, 1, 3}, abitest.Run(t, "RectifierNode", nil, x))
	require.Equal(t, []float64{0, 0, 0, 1, 3}, abitest.Run(t, "RectifierNode", abitest.P{"mix": 0.5}, x))
	y := abitest.Run(t, "RectifierNode", abitest.P{"config": abi.Config{"corner": 0.75}}, []float64{1, -1, 0})
	require.InDeltaSlice(t, []float64{0.5, 0.5, 0}, y, 1e-15) // √(1 + 9/16) - 3/4
}

// An RC low-pass is the bilinear first-order filter whose corner is warped back.
func TestRCIsAFirstOrderFilter(t *testing.T) {
	const r, c = 4700.0, 22e-9
	cutoff := abitest.Rate / math.Pi * math.Atan(1/(2*r*c*abitest.Rate))
	x := abitest.Noise(500, 4)
	for output, name := range map[string]string{"c": "Lowpass1Node", "r": "Highpass1Node"} {
		want := abitest.Run(t, name, abitest.P{"cutoff_hz": cutoff}, x)
		got := abitest.Run(t, "RCNode", abitest.P{"r_ohm": r, "c_farad": c, "config": abi.Config{"output": output}}, x)
		require.InDeltaSlice(t, want, got, 1e-13, output)
	}
}

// The voltages of a series circuit add up to the source, and at resonance that
// of the resistor is all of it.
func TestRLC(t *testing.T) {
	const r, l, c = 300.0, 0.05, 1e-7
	x := abitest.Noise(500, 4)
	sum := make([]float64, len(x))
	for _, output := range []string{"r", "c", "l"} {
		y := abitest.Run(t, "RLCNode", abitest.P{"r_ohm": r, "l_henry": l, "c_farad": c, "config": abi.Config{"output": output}}, x)
		for n := range y {
			sum[n] += y[n]
		}
	}
	require.InDeltaSlice(t, x, sum, 1e-12)
	h := abitest.Run(t, "RLCNode", abitest.P{"r_ohm": r, "l_henry": l, "c_farad": c, "config": abi.Config{"output": "r"}}, abitest.Impulse(8192))
	f := abitest.Rate / math.Pi * math.Atan(1/(2*abitest.Rate*math.Sqrt(l*c))) // warped
	require.InDelta(t, 1, real(response(h, f)), 1e-10)
	require.InDelta(t, 0, imag(response(h, f)), 1e-10)
}

// Every frame solves the equation of the rule, at any level.
func TestDiodeClipperSolves(t *testing.T) {
	const r, c, is, nvt = 2200.0, 1e-8, 2.52e-9, 0.04567
	for _, level := range []float64{1e-3, 1, 10, 1000} {
		x := abitest.Noise(2000, 6)
		for n := range x {
			x[n] *= level
		}
		y := abitest.Run(t, "DiodeClipperNode", nil, x)
		f := func(n int) float64 { return (x[n]-y[n])/(r*c) - 2*is/c*math.Sinh(y[n]/nvt) }
		worst := 0.0
		before, last := 0.0, 0.0
		for n := range y {
			now := f(n)
			residual := y[n] - last - (now+before)/(2*abitest.Rate)
			slope := 1 + (1/(r*c)+2*is/(c*nvt)*math.Cosh(y[n]/nvt))/(2*abitest.Rate)
			worst = max(worst, math.Abs(residual/slope)) // as an error of y
			before, last = now, y[n]
		}
		require.Less(t, worst, 1e-13+1e-15*level, "level %v", level) // 1e-15 of what is subtracted
	}
}

// A constant settles where the current of the resistor is that of the diodes.
func TestDiodeClipperRest(t *testing.T) {
	x := abitest.Step(5000)
	v := abitest.Run(t, "DiodeClipperNode", nil, x)[4999]
	require.InDelta(t, (1-v)/2200, 2*2.52e-9*math.Sinh(v/0.04567), 1e-15)
}

// What the source gives is heat or is stored, within 1e-6 of it.
func TestCircuitEnergyBalance(t *testing.T) {
	const T = 1 / abitest.Rate
	for _, tc := range []struct {
		name   string
		p      abitest.P
		amps   func(x, y float64) float64 // current of the source
		stored func(x, y float64) float64
	}{
		{"RCNode", abitest.P{"r_ohm": 1000, "c_farad": 1e-7},
			func(x, y float64) float64 { return (x - y) / 1000 },
			func(_, y float64) float64 { return 1e-7 * y * y / 2 }},
		{"DiodeClipperNode", nil,
			func(x, y float64) float64 { return (x - y) / 2200 },
			func(_, y float64) float64 { return 1e-8 * y * y / 2 }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			x := abitest.Noise(3000, 5)
			for n := range x {
				x[n] *= 3
			}
			y, heat := heatOf(t, tc.name, tc.p, x)
			given, xLast, iLast := 0.0, 0.0, 0.0
			for n := range x {
				i := tc.amps(x[n], y[n])
				given += T * (x[n] + xLast) / 2 * (i + iLast) / 2
				xLast, iLast = x[n], i
			}
			end := tc.stored(x[len(x)-1], y[len(y)-1])
			require.InEpsilon(t, given, heat+end, 1e-10)
		})
	}
	t.Run("RLCNode", func(t *testing.T) {
		p := abitest.P{"r_ohm": 300, "l_henry": 0.05, "c_farad": 1e-7, "config": abi.Config{"output": "r"}}
		x := abitest.Noise(3000, 5)
		y, heat := heatOf(t, "RLCNode", p, x)
		p["config"] = abi.Config{"output": "c"}
		v := abitest.Run(t, "RLCNode", p, x)
		given, xLast, iLast := 0.0, 0.0, 0.0
		for n := range x {
			i := y[n] / 300
			given += T * (x[n] + xLast) / 2 * (i + iLast) / 2
			xLast, iLast = x[n], i
		}
		end := 1e-7*v[2999]*v[2999]/2 + 0.05*iLast*iLast/2
		require.InEpsilon(t, given, heat+end, 1e-10)
	})
}

// What is left of the clipper's equation is rounding, unless the steps do not
// suffice; then it says so.
func TestDiodeClipperReportsItsResidual(t *testing.T) {
	x := abitest.Noise(2000, 3)
	for i := range x {
		x[i] *= 10
	}
	c := newCircuit(t, "DiodeClipperNode", nil, x)
	c.forward()
	require.Less(t, c.lane.Residual[0], 1e-13)
	require.Positive(t, c.lane.Residual[0])
	c = newCircuit(t, "DiodeClipperNode", abitest.P{"config": abi.Config{"newton_max": 1.0}}, x)
	c.forward()
	require.Greater(t, c.lane.Residual[0], 1e-3)
}

// Four steps are enough for sounds of a volt, however fast.
func TestDiodeClipperTakesFewSteps(t *testing.T) {
	square := abitest.Row(2000, func(n int) float64 { return math.Copysign(1, math.Sin(0.06*float64(n))) })
	for name, x := range map[string][]float64{"noise": abitest.Noise(2000, 3), "square": square, "sine": abitest.Sine(2000, 0.05)} {
		c := newCircuit(t, "DiodeClipperNode", abitest.P{"config": abi.Config{"newton_max": 4.0}}, x)
		c.forward()
		require.Less(t, c.lane.Residual[0], 1e-10, name)
	}
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(svf) }

// svf is a state variable filter of two trapezoidal integrators s1, s2. With
// g = tan(π cutoff/rate), k = 1/q and D = 1/(1 + g(g+k)):
//
//	v1 = D (s1 + g (x - s2))     band    s1' = 2 v1 - s1
//	v2 = s2 + g v1               low     s2' = 2 v2 - s2
//	h  = x - k v1 - v2           high
//	y  = lp v2 + bp v1 + hp h
//
// The adjoint, with e1, e2 the gradients of s1', s2':
//
//	v̄2  = (lp - hp) ȳ + 2 e2
//	v̄1  = (bp - hp k) ȳ + 2 e1 + g v̄2
//	x̄  += hp ȳ + D g v̄1
//	s̄1  = D v̄1 - e1,   s̄2 = v̄2 - D g v̄1 - e2
//	ḡ   = v1 v̄2 + D (x - s2 - (2g+k) v1) v̄1
//	k̄   = -hp v1 ȳ - D g v1 v̄1
var svf = abi.NodeType{
	Name: "SVFNode", Family: filters,
	Doc: "State variable filter, 12 dB per octave, that stays stable while its parameters move at audio rate.",
	Detail: "v1 = (s1 + g (x − s2))/(1 + g(g + k)), v2 = s2 + g v1, s1 ← 2v1 − s1, s2 ← 2v2 − s2; g = tan(π cutoff_hz/rate), k = 1/q. Low-pass v2, band-pass v1 (its peak is q), high-pass x − k v1 − v2. " +
		"mode mix adds the three by mix_lp, mix_bp, mix_hp; lowpass, bandpass and highpass are one of them, notch = lp + hp, peak = lp − hp, allpass = lp − k bp + hp.",
	Source: "V. Zavalishin, The Art of VA Filter Design, rev. 2.1.2, ch. 4; A. Wishnick, Time-Varying Filters for Musical Applications, DAFx 2014 (stability).",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		cornerParam("cutoff_hz", "Corner or centre frequency."),
		qualityParam("Quality; 0.7071 has no peak."),
		{Name: "mix_lp", Role: abi.Weights, Default: 1, Min: -10, Max: 10, Mod: true, Doc: "Gain of the low-pass."},
		{Name: "mix_bp", Role: abi.Weights, Default: 0, Min: -10, Max: 10, Mod: true, Doc: "Gain of the band-pass."},
		{Name: "mix_hp", Role: abi.Weights, Default: 0, Min: -10, Max: 10, Mod: true, Doc: "Gain of the high-pass."},
	},
	Config: []abi.Key{{
		Name: "mode", Kind: abi.String, Default: "mix",
		Enum: []string{"mix", "lowpass", "bandpass", "highpass", "notch", "peak", "allpass"},
		Doc:  "Which response: the mix of the parameters, or a fixed one.",
	}},
	Configure: func(s *abi.Setup) error {
		mode := s.Config.Text("mode")
		if mode != "mix" {
			s.Drop("mix_lp")
			s.Drop("mix_bp")
			s.Drop("mix_hp")
		}
		m := map[string]svfMix{
			"mix": {}, "lowpass": {lp: 1}, "bandpass": {bp: 1}, "highpass": {hp: 1},
			"notch": {lp: 1, hp: 1}, "peak": {lp: 1, hp: -1}, "allpass": {lp: 1, hp: 1, kbp: -1},
		}[mode]
		m.free = mode == "mix"
		s.Data = m
		return nil
	},
	State:    2, // s1, s2
	Record:   2, // s1, s2 before each frame
	Forward:  lanes(svfForward),
	Backward: lanePairs(svfBackward),
	Tangent:  lanePairs(svfTangent),
	Second:   kernel.Second(svfFormula),

	CohortForward:  svfForwardPairs,
	CohortBackward: lanePairs(svfBackward),
}

// svfMix is a response: the gains of low, band and high, and that of k times band.
type svfMix struct {
	lp, bp, hp, kbp float64
	free            bool // the gains are parameters
}

// at returns the mix of frame n.
func (m svfMix) at(b *abi.Block, lane, n int) svfMix {
	if m.free {
		m.lp, m.bp, m.hp = b.Param(2, lane).At(n), b.Param(3, lane).At(n), b.Param(4, lane).At(n)
	}
	return m
}

func svfForward(b *abi.Block, lane int) {
	x, y, r1, r2, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.Record(1, lane), b.State(lane)
	c := svfHeld(b, lane)
	cutoff, q, m := b.Param(0, lane), b.Param(1, lane), b.Data.(svfMix)
	s1, s2 := state[0], state[1]
	y, r1, r2 = y[:len(x)], r1[:len(x)], r2[:len(x)]
	held := b.Held()
	for n, x := range x {
		if !held && n > 0 {
			if cutoff.Varies() {
				c.g = math.Tan(math.Pi * cutoff.At(n) / b.Rate)
			}
			c.set(1/q.At(n), m.at(b, lane, n))
		}
		r1[n], r2[n] = s1, s2
		v1 := c.d * math.FMA(c.g, x-s2, s1)
		v2 := math.FMA(c.g, v1, s2)
		s1, s2 = math.FMA(2, v1, -s1), math.FMA(2, v2, -s2)
		y[n] = math.FMA(c.low, v2, math.FMA(c.band, v1, float64(c.high*x)))
	}
	state[0], state[1] = s1, s2
}

// svfCoefs are the coefficients of one frame.
type svfCoefs struct{ g, d, low, band, high float64 }

// svfHeld returns the coefficients at the first frame of a block.
func svfHeld(b *abi.Block, lane int) svfCoefs {
	c := svfCoefs{g: math.Tan(math.Pi * b.Param(0, lane).At(0) / b.Rate)}
	c.set(1/b.Param(1, lane).At(0), b.Data.(svfMix).at(b, lane, 0))
	return c
}

// set takes k and the mix over; g is there already.
func (c *svfCoefs) set(k float64, m svfMix) {
	c.d = 1 / (1 + c.g*(c.g+k))
	c.low, c.band, c.high = m.lp-m.hp, m.bp+(m.kbp-m.hp)*k, m.hp
}

// svfForwardPairs runs two lanes in one loop, as a frame waits for five operations
// of the frame before; more would want more registers than there are. What is
// fused is written out, so the bits are those of a lane alone.
func svfForwardPairs(b *abi.Block) {
	lane := 0
	if b.Held() {
		for ; lane+2 <= b.Lanes; lane += 2 {
			frames := b.Frames
			x, y, p, q := b.In(0, lane)[:frames], b.Out(0, lane)[:frames], b.Record(0, lane)[:frames], b.Record(1, lane)[:frames]
			u, v, r, t := b.In(0, lane+1)[:frames], b.Out(0, lane+1)[:frames], b.Record(0, lane+1)[:frames], b.Record(1, lane+1)[:frames]
			c, d := svfHeld(b, lane), svfHeld(b, lane+1)
			first, second := b.State(lane), b.State(lane+1)
			s1, s2, z1, z2 := first[0], first[1], second[0], second[1]
			for n := range x {
				p[n], q[n], r[n], t[n] = s1, s2, z1, z2
				v1, w1 := c.d*math.FMA(c.g, x[n]-s2, s1), d.d*math.FMA(d.g, u[n]-z2, z1)
				v2, w2 := math.FMA(c.g, v1, s2), math.FMA(d.g, w1, z2)
				s1, z1 = math.FMA(2, v1, -s1), math.FMA(2, w1, -z1)
				s2, z2 = math.FMA(2, v2, -s2), math.FMA(2, w2, -z2)
				y[n] = math.FMA(c.low, v2, math.FMA(c.band, v1, float64(c.high*x[n])))
				v[n] = math.FMA(d.low, w2, math.FMA(d.band, w1, float64(d.high*u[n])))
			}
			first[0], first[1], second[0], second[1] = s1, s2, z1, z2
		}
	}
	for ; lane < b.Lanes; lane++ {
		svfForward(b, lane)
	}
}

func svfBackward(b, d *abi.Block, lane int) {
	x, dx, dy, r1, r2, dstate := b.In(0, lane), d.In(0, lane), d.Out(0, lane), b.Record(0, lane), b.Record(1, lane), d.State(lane)
	cutoff, q := b.Param(0, lane), b.Param(1, lane)
	dcutoff, dq := d.Param(0, lane), d.Param(1, lane)
	m := b.Data.(svfMix)
	var g, k, den float64
	e1, e2 := dstate[0], dstate[1]
	held, first := b.Held(), true
	var sg, sk, slp, sbp, shp float64 // sums while parameters are held
	for n := len(x) - 1; n >= 0; n-- {
		if first || !held {
			if first || cutoff.Varies() {
				g = math.Tan(math.Pi * cutoff.At(n) / b.Rate)
			}
			k = 1 / q.At(n)
			den = 1 / (1 + g*(g+k))
			m = m.at(b, lane, n)
			first = false
		}
		s1, s2 := r1[n], r2[n]
		v1 := den * (s1 + g*(x[n]-s2))
		v2 := s2 + g*v1
		dv2 := (m.lp-m.hp)*dy[n] + 2*e2
		dv1 := (m.bp+(m.kbp-m.hp)*k)*dy[n] + 2*e1 + g*dv2
		dg := v1*dv2 + den*(x[n]-s2-(2*g+k)*v1)*dv1
		dk := (m.kbp-m.hp)*v1*dy[n] - den*g*v1*dv1
		lp, bp, hp := v2*dy[n], v1*dy[n], (x[n]-k*v1-v2)*dy[n]
		dx[n] += m.hp*dy[n] + den*g*dv1
		e1, e2 = den*dv1-e1, dv2-den*g*dv1-e2
		if held {
			sg, sk, slp, sbp, shp = sg+dg, sk+dk, slp+lp, sbp+bp, shp+hp
			continue
		}
		dcutoff.Add(n, dg*(1+g*g)*math.Pi/b.Rate)
		dq.Add(n, -dk*k*k)
		if m.free {
			d.Param(2, lane).Add(n, lp)
			d.Param(3, lane).Add(n, bp)
			d.Param(4, lane).Add(n, hp)
		}
	}
	if held {
		dcutoff.Add(0, sg*(1+g*g)*math.Pi/b.Rate)
		dq.Add(0, -sk*k*k)
		if m.free {
			d.Param(2, lane).Add(0, slp)
			d.Param(3, lane).Add(0, sbp)
			d.Param(4, lane).Add(0, shp)
		}
	}
	dstate[0], dstate[1] = e1, e2
}

func svfTangent(b, t *abi.Block, lane int) {
	x, tx, ty, r1, r2, tstate := b.In(0, lane), t.In(0, lane), t.Out(0, lane), b.Record(0, lane), b.Record(1, lane), t.State(lane)
	cutoff, q := b.Param(0, lane), b.Param(1, lane)
	ts1, ts2 := tstate[0], tstate[1]
	for n := range x {
		m := b.Data.(svfMix).at(b, lane, n)
		g, k := math.Tan(math.Pi*cutoff.At(n)/b.Rate), 1/q.At(n)
		tg, tk := (1+g*g)*math.Pi/b.Rate*t.Param(0, lane).At(n), -k*k*t.Param(1, lane).At(n)
		den := 1 / (1 + g*(g+k))
		s1, s2 := r1[n], r2[n]
		v1 := den * (s1 + g*(x[n]-s2))
		v2 := s2 + g*v1
		tv1 := den * (ts1 + g*(tx[n]-ts2) + tg*(x[n]-s2) - v1*((2*g+k)*tg+g*tk))
		tv2 := ts2 + g*tv1 + tg*v1
		ts1, ts2 = 2*tv1-ts1, 2*tv2-ts2
		ty[n] = (m.lp-m.hp)*tv2 + (m.bp+(m.kbp-m.hp)*k)*tv1 + m.hp*tx[n] + (m.kbp-m.hp)*tk*v1
		if m.free {
			ty[n] += t.Param(2, lane).At(n)*v2 + t.Param(3, lane).At(n)*v1 + t.Param(4, lane).At(n)*(x[n]-k*v1-v2)
		}
	}
	tstate[0], tstate[1] = ts1, ts2
}

func svfFormula(f *kernel.Formula) {
	m, cutoff, q := f.Block.Data.(svfMix), f.Param(0), f.Param(1)
	var gains [3]func(int) kernel.Number
	if m.free {
		gains = [3]func(int) kernel.Number{f.Param(2), f.Param(3), f.Param(4)}
	}
	for n := range f.Frames() {
		g, k := f.Tan(f.Scale(math.Pi/f.Block.Rate, cutoff(n))), f.Inv(q(n))
		x, s1, s2 := f.In(0, n), f.State(0), f.State(1)
		den := f.Shift(1, f.Mul(g, f.Add(g, k)))
		v1 := f.Div(f.Add(s1, f.Mul(g, f.Sub(x, s2))), den)
		v2 := f.Add(s2, f.Mul(g, v1))
		f.SetState(0, f.Sub(f.Scale(2, v1), s1))
		f.SetState(1, f.Sub(f.Scale(2, v2), s2))
		hp := f.Sub(f.Sub(x, f.Mul(k, v1)), v2)
		if m.free {
			f.Out(0, n, f.Sum(f.Mul(gains[0](n), v2), f.Mul(gains[1](n), v1), f.Mul(gains[2](n), hp)))
			continue
		}
		f.Out(0, n, f.Sum(f.Scale(m.lp, v2), f.Scale(m.bp, v1), f.Scale(m.hp, hp), f.Scale(m.kbp, f.Mul(k, v1))))
	}
}

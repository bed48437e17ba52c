package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the series circuits of a source x, a resistor and a capacitor,
// and perhaps a coil, by the trapezoidal rule. T is the time of one frame.
//
// The power in the resistor is taken with the mean of its current at both ends
// of a frame. With the rule's own means,
//
//	x̂ î T = R î² T + Δ(C v²/2) + Δ(L i²/2),   ^ the mean of two frames
//
// holds exactly: what the source gives is heat or is stored.

var (
	rOhm   = abi.Param{Name: "r_ohm", Role: abi.Resistance, Unit: "Ω", Default: 1000, Min: 10, Max: 1e7, Scale: abi.Log, Doc: "Resistance."}
	cFarad = abi.Param{Name: "c_farad", Role: abi.Capacitance, Unit: "F", Default: 1e-7, Min: 1e-12, Max: 1e-3, Scale: abi.Log, Doc: "Capacitance."}
)

func init() {
	coil := abi.Param{Name: "l_henry", Role: abi.Inductance, Unit: "H", Default: 0.1, Min: 1e-6, Max: 100, Scale: abi.Log, Doc: "Inductance."}
	low := rOhm
	low.Min, low.Default = 0.1, 500
	const source = "L. W. Nagel, SPICE2: A Computer Program to Simulate Semiconductor Circuits, UCB/ERL M520, 1975 (the trapezoidal rule); V. Zavalishin, The Art of VA Filter Design, rev. 2.1.2, ch. 3."
	const heat = " Heat is the power in the resistor, î² R with the mean current of a frame, in joules: with it, what the source gives is exactly heat and what C and L store."
	abi.Register(abi.NodeType{
		Name: "RCNode", Family: nonlinear,
		Doc:    "Series circuit of resistor and capacitor.",
		Detail: "C dv/dt = (x − v)/R by the trapezoidal rule; the output is the voltage over C (a low-pass with its corner at 1/(2πRC), warped) or over R (a high-pass)." + heat,
		Source: source,
		Inputs: in, Outputs: out, Params: []abi.Param{rOhm, cFarad},
		Config:    []abi.Key{{Name: "output", Kind: abi.String, Default: "c", Enum: []string{"r", "c"}, Doc: "Element whose voltage is the output."}},
		Configure: setOutput,
		OwnHeat:   true,
		State:     2, // s, and the voltage over R of the frame before
		Record:    1, // s before each frame
		Forward:   lanes(rcForward), Backward: lanePairs(rcBackward), Tangent: lanePairs(rcTangent), Second: kernel.Second(rcFormula),
	})
	abi.Register(abi.NodeType{
		Name: "RLCNode", Family: nonlinear,
		Doc:    "Series circuit of resistor, coil and capacitor.",
		Detail: "L di/dt = x − R i − v, C dv/dt = i by the trapezoidal rule; the output is the voltage over R (band-pass), C (low-pass) or L (high-pass), resonant at 1/(2π√(LC)), warped, with Q = √(L/C)/R." + heat,
		Source: source,
		Inputs: in, Outputs: out, Params: []abi.Param{low, cFarad, coil},
		Config:    []abi.Key{{Name: "output", Kind: abi.String, Default: "c", Enum: []string{"r", "c", "l"}, Doc: "Element whose voltage is the output."}},
		Configure: setOutput,
		OwnHeat:   true,
		State:     3, // si, sv, and the current of the frame before
		Record:    2, // si, sv before each frame
		Forward:   lanes(rlcForward), Backward: lanePairs(rlcBackward), Tangent: lanePairs(rlcTangent), Second: kernel.Second(rlcFormula),
	})
}

// setOutput takes the element whose voltage is the output.
func setOutput(s *abi.Setup) error {
	s.Data = s.Config.Text("output")[0]
	return nil
}

// rcForward integrates. With g = T/(2RC), H = 1/(1+g) and s the state of the
// rule, u is the voltage over R and v that over C:
//
//	u = H (x - s),   v = s + g u,   s' = 2v - s
//	heat += T (u + u₋)²/(4R)
func rcForward(b *abi.Block, lane int) {
	t := 1 / b.Rate
	x, y, rs, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.State(lane)
	r, c := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
	g := t / (2 * r * c)
	h, power := 1/(1+g), t/(4*r)
	s, last := state[0], state[1]
	over := b.Data.(byte) == 'r'
	for n, x := range x {
		rs[n] = s
		u := h * (x - s)
		v := s + g*u
		s = 2*v - s
		b.AddHeat(lane, power*(u+last)*(u+last))
		last = u
		y[n] = v
		if over {
			y[n] = u
		}
	}
	state[0], state[1] = s, last
}

// rcBackward: with e the gradient of s', f that of u by the next frame and q
// that of the heat, and w = u + u₋:
//
//	v̄  = ȳ + 2e                       over R: ȳ goes to ū
//	ū  = f + g v̄ + q T w/(2R)
//	x̄ += H ū,   s̄ = v̄ - H ū - e,   f = q T w/(2R)
//	ḡ += u v̄ - H u ū,   R̄ += -ḡ g/R - q T w²/(4R²),   C̄ += -ḡ g/C
func rcBackward(b, d *abi.Block, lane int) {
	t := 1 / b.Rate
	x, dx, dy, rs := b.In(0, lane), d.In(0, lane), d.Out(0, lane), b.Record(0, lane)
	r, c, q, dstate := b.Param(0, lane).At(0), b.Param(1, lane).At(0), d.Heat(lane), d.State(lane)
	g := t / (2 * r * c)
	h := 1 / (1 + g)
	e, f := dstate[0], dstate[1]
	dg, dr := 0.0, 0.0
	over := b.Data.(byte) == 'r'
	for n := len(x) - 1; n >= 0; n-- {
		u, last := h*(x[n]-rs[n]), b.Before(lane)[1]
		if n > 0 {
			last = h * (x[n-1] - rs[n-1])
		}
		w := u + last
		heat := q * t * w / (2 * r)
		dr -= heat * w / (2 * r)
		dv, du := 2*e, f+heat
		if over {
			du += dy[n]
		} else {
			dv += dy[n]
		}
		du += g * dv
		dx[n] += h * du
		dg += u*dv - h*u*du
		e, f = dv-h*du-e, heat
	}
	d.Param(0, lane).Add(0, dr-dg*g/r)
	d.Param(1, lane).Add(0, -dg*g/c)
	dstate[0], dstate[1] = e, f
}

func rcTangent(b, t *abi.Block, lane int) {
	x, tx, ty, rs, ts := b.In(0, lane), t.In(0, lane), t.Out(0, lane), b.Record(0, lane), t.State(lane)
	r, c := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
	g := 1 / (2 * r * c * b.Rate)
	tg := -g * (t.Param(0, lane).At(0)/r + t.Param(1, lane).At(0)/c)
	h := 1 / (1 + g)
	for n := range x {
		u := h * (x[n] - rs[n])
		tu := h * (tx[n] - ts[0] - u*tg)
		tv := ts[0] + g*tu + tg*u
		ts[0], ts[1] = 2*tv-ts[0], tu
		ty[n] = tv
		if b.Data.(byte) == 'r' {
			ty[n] = tu
		}
	}
}

// rlcForward integrates. With a = T/(2L), k = T/(2C), D = 1/(1 + a(R + k)):
//
//	i = D (si + a (x - sv)),   v = sv + k i,   si' = 2i - si,   sv' = 2v - sv
//	heat += T R (i + i₋)²/4
func rlcForward(b *abi.Block, lane int) {
	t := 1 / b.Rate
	x, y, r1, r2, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.Record(1, lane), b.State(lane)
	r := b.Param(0, lane).At(0)
	k, a := t/(2*b.Param(1, lane).At(0)), t/(2*b.Param(2, lane).At(0))
	d := 1 / (1 + a*(r+k))
	s1, s2, last := state[0], state[1], state[2]
	over, power := b.Data.(byte), t*r/4
	for n, x := range x {
		r1[n], r2[n] = s1, s2
		i := d * (s1 + a*(x-s2))
		v := s2 + k*i
		s1, s2 = 2*i-s1, 2*v-s2
		b.AddHeat(lane, power*(i+last)*(i+last))
		last = i
		switch over {
		case 'r':
			y[n] = r * i
		case 'c':
			y[n] = v
		case 'l':
			y[n] = x - r*i - v
		}
	}
	state[0], state[1], state[2] = s1, s2, last
}

// rlcBackward: with e1, e2 the gradients of si', sv', f that of i by the next
// frame, q that of the heat and w = i + i₋, before what the output adds:
//
//	v̄  = 2 e2,   ī = 2 e1 + f + k v̄ + q T R w/2,   f = q T R w/2
//	x̄ += D a ī,  s̄i = D ī - e1,   s̄v = v̄ - D a ī - e2
//	ā  = D (x - sv - i (R + k)) ī,   k̄ = i v̄ - D a i ī,   R̄ = -D a i ī + q T w²/4
func rlcBackward(b, d *abi.Block, lane int) {
	t := 1 / b.Rate
	x, dx, dy, r1, r2 := b.In(0, lane), d.In(0, lane), d.Out(0, lane), b.Record(0, lane), b.Record(1, lane)
	r, c, l, q, dstate := b.Param(0, lane).At(0), b.Param(1, lane).At(0), b.Param(2, lane).At(0), d.Heat(lane), d.State(lane)
	k, a := t/(2*c), t/(2*l)
	den := 1 / (1 + a*(r+k))
	e1, e2, f := dstate[0], dstate[1], dstate[2]
	da, dk, dr := 0.0, 0.0, 0.0
	over := b.Data.(byte)
	for n := len(x) - 1; n >= 0; n-- {
		s1, s2, last := r1[n], r2[n], b.Before(lane)[2]
		i := den * (s1 + a*(x[n]-s2))
		if n > 0 {
			last = den * (r1[n-1] + a*(x[n-1]-r2[n-1]))
		}
		w := i + last
		heat := q * t * r * w / 2
		dr += q * t * w * w / 4
		dv, di := 2*e2, 2*e1+f+heat
		switch g := dy[n]; over {
		case 'r':
			di += r * g
			dr += i * g
		case 'c':
			dv += g
		case 'l':
			dx[n] += g
			di -= r * g
			dr -= i * g
			dv -= g
		}
		di += k * dv
		turn := den * a * di
		dx[n] += turn
		da += den * (x[n] - s2 - i*(r+k)) * di
		dk += i*dv - i*turn
		dr -= i * turn
		e1, e2, f = den*di-e1, dv-turn-e2, heat
	}
	d.Param(0, lane).Add(0, dr)
	d.Param(1, lane).Add(0, -dk*k/c)
	d.Param(2, lane).Add(0, -da*a/l)
	dstate[0], dstate[1], dstate[2] = e1, e2, f
}

func rlcTangent(b, t *abi.Block, lane int) {
	x, tx, ty, r1, r2, ts := b.In(0, lane), t.In(0, lane), t.Out(0, lane), b.Record(0, lane), b.Record(1, lane), t.State(lane)
	r, c, l := b.Param(0, lane).At(0), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	k, a := 1/(2*c*b.Rate), 1/(2*l*b.Rate)
	tr, tk, ta := t.Param(0, lane).At(0), -k*t.Param(1, lane).At(0)/c, -a*t.Param(2, lane).At(0)/l
	den := 1 / (1 + a*(r+k))
	for n := range x {
		i := den * (r1[n] + a*(x[n]-r2[n]))
		ti := den * (ts[0] + a*(tx[n]-ts[1]) + ta*(x[n]-r2[n]-i*(r+k)) - a*i*(tr+tk))
		tv := ts[1] + k*ti + tk*i
		ts[0], ts[1], ts[2] = 2*ti-ts[0], 2*tv-ts[1], ti
		switch b.Data.(byte) {
		case 'r':
			ty[n] = r*ti + tr*i
		case 'c':
			ty[n] = tv
		case 'l':
			ty[n] = tx[n] - r*ti - tr*i - tv
		}
	}
}

func rcFormula(f *kernel.Formula) {
	g := f.Scale(0.5/f.Block.Rate, f.Inv(f.Mul(f.Param(0)(0), f.Param(1)(0))))
	for n := range f.Frames() {
		s := f.State(0)
		u := f.Div(f.Sub(f.In(0, n), s), f.Shift(1, g))
		v := f.Add(s, f.Mul(g, u))
		f.SetState(0, f.Sub(f.Scale(2, v), s))
		f.SetState(1, u)
		if f.Block.Data.(byte) == 'r' {
			v = u
		}
		f.Out(0, n, v)
	}
}

func rlcFormula(f *kernel.Formula) {
	r := f.Param(0)(0)
	k, a := f.Scale(0.5/f.Block.Rate, f.Inv(f.Param(1)(0))), f.Scale(0.5/f.Block.Rate, f.Inv(f.Param(2)(0)))
	den := f.Shift(1, f.Mul(a, f.Add(r, k)))
	for n := range f.Frames() {
		x, s1, s2 := f.In(0, n), f.State(0), f.State(1)
		i := f.Div(f.Add(s1, f.Mul(a, f.Sub(x, s2))), den)
		v := f.Add(s2, f.Mul(k, i))
		f.SetState(0, f.Sub(f.Scale(2, i), s1))
		f.SetState(1, f.Sub(f.Scale(2, v), s2))
		f.SetState(2, i)
		y := v
		switch f.Block.Data.(byte) {
		case 'r':
			y = f.Mul(r, i)
		case 'l':
			y = f.Sub(f.Sub(x, f.Mul(r, i)), v)
		}
		f.Out(0, n, y)
	}
}

package nodes

import (
	"math"
	"slices"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(diodeClipper) }

// diodeClipper is a resistor into a capacitor with a pair of antiparallel diodes
// across it, by the trapezoidal rule. With T the time of one frame,
// a = T/(2RC), β = T Is/C, V = n_vt and s the state of the rule, v solves
//
//	F(v) = v + a (v - x) + β sinh(v/V) - s = 0,   s' = 2v - s
//
// by clipperLaw.solve.
//
// The adjoint is that of the solution, by the implicit function theorem. With e
// the gradient of s' and J = F'(v) = 1 + a + β cosh(v/V)/V:
//
//	λ   = (ȳ + 2e)/J
//	x̄  += a λ,   s̄ = λ - e
//	ā   = (x - v) λ,   β̄ = -sinh(v/V) λ,   V̄ = β cosh(v/V) v/V² λ
//
// Heat takes the mean voltages and currents of both ends of a frame, as rlc.go
// does; with u = x - v, d = 2 Is sinh(v/V) and ₋ the frame before:
//
//	heat += T ((u + u₋)²/(4R) + (v + v₋)(d + d₋)/4)
//
// Neither term is negative, as d is odd and monotone in v.
var diodeClipper = abi.NodeType{
	Name: "DiodeClipperNode", Family: nonlinear,
	Doc: "Diode clipper: a resistor into a capacitor with two antiparallel diodes across it.",
	Detail: "dv/dt = (x − v)/(RC) − (2 Is/C) sinh(v/n_vt) by the trapezoidal rule; x is in volts, the output is v. Each frame is solved by Householder's method of fourth order, Newton's with two more derivatives, until the step is below 3e-4 n_vt, which leaves a residual of rounding, or for newton_max steps. " +
		"Two or three are common, and four are enough for sounds of a volt; with a small newton_max the worst residual is that of fast, loud sounds. The worst residual F of a run is reported. " +
		"The adjoint is that of the exact solution. Heat is the power in resistor and diodes, in joules, with the means of a frame's voltages and currents: what the source gives is exactly heat and what C stores.",
	Source: "D. T. Yeh, J. S. Abel, J. O. Smith, Simplified, Physically-Informed Models of Distortion and Overdrive Guitar Effects Pedals, DAFx 2007; D. T. Yeh, Digital Implementation of Musical Distortion Circuits, PhD thesis, Stanford 2009.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "r_ohm", Role: abi.Resistance, Unit: "Ω", Default: 2200, Min: 10, Max: 1e7, Scale: abi.Log, Doc: "Resistance before the diodes."},
		{Name: "c_farad", Role: abi.Capacitance, Unit: "F", Default: 1e-8, Min: 1e-12, Max: 1e-3, Scale: abi.Log, Doc: "Capacitance across the diodes."},
		{Name: "is_amp", Role: abi.Other, Unit: "A", Default: 2.52e-9, Min: 1e-15, Max: 1e-3, Scale: abi.Log, Doc: "Saturation current of a diode."},
		{Name: "n_vt", Role: abi.Other, Unit: "volt", Default: 0.04567, Min: 0.01, Max: 0.2, Scale: abi.Log, Doc: "Thermal voltage times ideality factor."},
	},
	Config: []abi.Key{{Name: "newton_max", Kind: abi.Int, Default: 50.0, Min: 1, Max: 1000, Doc: "Most steps per frame."}},
	Configure: func(s *abi.Setup) error {
		s.Data = s.Config.Int("newton_max")
		return nil
	},
	OwnHeat:  true,
	Residual: "V", ResidualLimit: 1e-9,
	State:        5, // s, and x, v, sinh(v/V) and cosh(v/V) of the frame before
	FrameScratch: 3, // sinh, cosh, 1/J
	Forward:      lanes(diodeForward),
	Backward:     lanePairs(diodeBackward),
	Tangent:      lanePairs(diodeTangent),
	Second:       kernel.Second(diodeFormula),
}

func diodeForward(b *abi.Block, lane int) {
	steps := b.Data.(int)
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	k := newClipper(b, lane)
	s, xLast, vLast, sLast, cLast := state[0], state[1], state[2], state[3], state[4]
	uLast := xLast - vLast
	inR, inD := k.t/(4*k.r), k.t*k.is/2
	worst := 0.0
	for n, x := range x {
		v, sinh, cosh := k.solve(k.a*x+s, vLast, sLast, cLast, steps)
		if left := math.Abs(v + k.a*(v-x) + k.beta*sinh - s); left > worst {
			worst = left
		}
		s = 2*v - s
		u := x - v
		b.AddHeat(lane, inR*(u+uLast)*(u+uLast)+inD*(v+vLast)*(sinh+sLast))
		y[n] = v
		uLast, vLast, sLast, cLast = u, v, sinh, cosh
		xLast = x
	}
	state[0], state[1], state[2], state[3], state[4] = s, xLast, vLast, sLast, cLast
	b.NoteResidual(lane, worst)
}

func diodeBackward(b, d *abi.Block, lane int) {
	x, y, dx, dy := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane)
	before, dstate, q := b.Before(lane), d.State(lane), d.Heat(lane)
	k := newClipper(b, lane)
	// sinh, cosh and 1/J of the whole block; then only e waits for itself.
	fs := b.FrameScratch(lane)
	sinhs, coshs, inverse := fs[:len(y)], fs[len(y):2*len(y)], fs[2*len(y):3*len(y)]
	for n, v := range y {
		sinhs[n] = v * k.perV
	}
	kernel.ExpRow(sinhs, sinhs)
	slope := k.slope
	for n, f := range sinhs {
		inv := 1 / f
		sinhs[n], coshs[n] = (f-inv)/2, (f+inv)/2
		inverse[n] = 1 / (k.a1 + slope*coshs[n])
	}
	// Gradients of s', and of x, v and sinh(v/V) by the next frame. cosh(v/V) only
	// says where the next frame starts to solve.
	e, fx, fv, dsinh := dstate[0], dstate[1], dstate[2], dstate[3]
	var da, dbeta, dnvt, dr, dis float64
	if last := len(x) - 1; dstate[4] != 0 {
		g := dstate[4] * sinhs[last] * k.perV
		fv += g
		dnvt -= g * y[last]
	}
	n := len(x) - 1
	for ; n >= 0 && (q != 0 || dsinh != 0 || fx != 0 || fv != 0); n-- {
		v, sinh, cosh := y[n], sinhs[n], coshs[n]
		dv, nextX, nextV, nextS := dy[n]+2*e+fv, 0.0, 0.0, 0.0
		dx[n] += fx
		if q != 0 {
			xLast, vLast, sLast := before[1], before[2], before[3]
			if n > 0 {
				xLast, vLast, sLast = x[n-1], y[n-1], sinhs[n-1]
			}
			w := x[n] - v + xLast - vLast
			inR := q * k.t * w / (2 * k.r)
			dr -= inR * w / (2 * k.r)
			half := q * k.t * k.is / 2
			volts, amps := v+vLast, sinh+sLast
			dx[n] += inR
			dv += half*amps - inR
			dsinh += half * volts
			nextX, nextV, nextS = inR, half*amps-inR, half*volts
			dis += q * k.t * volts * amps / 2
		}
		if dsinh != 0 {
			dv += dsinh * cosh * k.perV
			dnvt -= dsinh * cosh * v * k.perV
		}
		lambda := dv * inverse[n]
		dx[n] += k.a * lambda
		da += (x[n] - v) * lambda
		dbeta -= sinh * lambda
		dnvt += slope * cosh * v * lambda
		e, fx, fv, dsinh = lambda-e, nextX, nextV, nextS
	}
	// Without heat only e is handed back; its chain is one multiplication and one sum.
	x, y, dx, dy, inverse, sinhs, coshs = x[:n+1], y[:n+1], dx[:n+1], dy[:n+1], inverse[:n+1], sinhs[:n+1], coshs[:n+1]
	for n, v := range slices.Backward(y) {
		inv := inverse[n]
		direct, twice := dy[n]*inv, 2*inv
		lambda := direct + twice*e
		e = direct + (twice-1)*e
		dx[n] += k.a * lambda
		da += (x[n] - v) * lambda
		dbeta -= sinhs[n] * lambda
		dnvt += coshs[n] * v * lambda * slope
	}
	dnvt *= k.perV
	d.Param(0, lane).Add(0, dr-da*k.a/k.r)
	d.Param(1, lane).Add(0, -(da*k.a+dbeta*k.beta)/k.c)
	d.Param(2, lane).Add(0, dis+dbeta*k.t/k.c)
	d.Param(3, lane).Add(0, dnvt)
	dstate[0], dstate[1], dstate[2], dstate[3], dstate[4] = e, fx, fv, dsinh, 0
}

func diodeTangent(b, t *abi.Block, lane int) {
	x, y, tx, ty, ts := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane), t.State(lane)
	k := newClipper(b, lane)
	tr, tc, tis, tnvt := t.Param(0, lane).At(0), t.Param(1, lane).At(0), t.Param(2, lane).At(0), t.Param(3, lane).At(0)
	ta, tbeta := -k.a*(tr/k.r+tc/k.c), k.beta*(tis/k.is-tc/k.c)
	for n := range x {
		v := y[n]
		sinh, cosh := hyperbolic(v / k.nvt)
		tv := (ts[0] + k.a*tx[n] + ta*(x[n]-v) - tbeta*sinh + k.beta*cosh*v/(k.nvt*k.nvt)*tnvt) / (1 + k.a + k.beta*cosh/k.nvt)
		ty[n] = tv
		tu := (tv - v*tnvt/k.nvt) / k.nvt
		ts[0], ts[1], ts[2], ts[3], ts[4] = 2*tv-ts[0], tx[n], tv, cosh*tu, sinh*tu
	}
}

// diodeFormula solves by two steps of Newton from the voltage that Forward found:
// each doubles the order to which the derivatives are right.
func diodeFormula(f *kernel.Formula) {
	r, c, is, nvt := f.Param(0)(0), f.Param(1)(0), f.Param(2)(0), f.Param(3)(0)
	a, beta, perV := f.Scale(0.5/f.Block.Rate, f.Inv(f.Mul(r, c))), f.Scale(1/f.Block.Rate, f.Div(is, c)), f.Inv(nvt)
	a1, slope := f.Shift(1, a), f.Mul(beta, perV)
	sinh := func(v kernel.Number) (sinh, cosh kernel.Number) {
		u := f.Mul(v, perV)
		s, c := hyperbolic(f.Value(u))
		return f.Apply(u, s, c, s), f.Apply(u, c, s, c)
	}
	for n, found := range f.Block.Out(0, f.Lane) {
		x := f.In(0, n)
		rest, v := f.Add(f.Mul(a, x), f.State(0)), f.Const(found)
		for range 2 {
			s, c := sinh(v)
			v = f.Sub(v, f.Div(f.Sub(f.Add(f.Mul(v, a1), f.Mul(beta, s)), rest), f.Add(a1, f.Mul(slope, c))))
		}
		s, c := sinh(v)
		f.SetState(0, f.Sub(f.Scale(2, v), f.State(0)))
		f.SetState(1, x)
		f.SetState(2, v)
		f.SetState(3, s)
		f.SetState(4, c)
		f.Out(0, n, v)
	}
}

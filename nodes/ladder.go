package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(ladder) }

// ladder is four trapezoidal one-poles in a loop without delay. With
// g = tan(π cutoff/rate), G = g/(1+g):
//
//	t   = tanh(drive x - k v4)           linear: without tanh
//	v1  = G t + (1-G) s1,   vi = G v(i-1) + (1-G) si,   si' = 2 vi - si
//	y   = v4
//
// v4 = G⁴ t + S, where S is what the states give, so one equation is to be
// solved, F(v) = v - S - G⁴ tanh(drive x - k v) = 0. F' is in [1, 1 + k G⁴] and
// the root in S ± G⁴: Newton, halving when a step leaves the bracket.
//
// The adjoint is that of the solution, by the implicit function theorem. With
// ei the gradients of si', T = 1 - t² and A = G(2e1 + G(2e2 + G 2e3)):
//
//	v̄4 = (ȳ + 2e4 - k T A)/(1 + k T G⁴)
//	v̄i = 2ei + G v̄(i+1),   w̄ = T G v̄1
//	x̄ += drive w̄,  d̄rive = x w̄,  k̄ = -v4 w̄
//	s̄i = (1-G) v̄i - ei,   Ḡ = Σ v̄i (v(i-1) - si),  v0 = t
var ladder = abi.NodeType{
	Name: "LadderNode", Family: filters,
	Doc: "Moog ladder low-pass, 24 dB per octave, with resonance and saturation.",
	Detail: "Four trapezoidal (TPT) one-pole low-passes in a loop without a delay: their input is tanh(drive x − resonance y). resonance is the loop gain k: oscillation begins at 4, and the gain at 0 Hz is drive/(1 + k), not compensated. " +
		"The equation of the loop is solved in every frame by Newton's method with a bracket until the step is below 1e-9 of the height of the curve, which leaves a residual of rounding (below 1e-15); the bracket makes failure impossible. " +
		"The worst residual of a run is reported. The adjoint is that of the solution. nonlinear false takes the tanh out.",
	Source: "V. Zavalishin, The Art of VA Filter Design, rev. 2.1.2, ch. 5 and 6; T. Stilson, J. O. Smith, Analyzing the Moog VCF, ICMC 1996.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		cornerParam("cutoff_hz", "Corner of each of the four stages, and the pitch of the resonance."),
		{Name: "resonance", Role: abi.Quality, Default: 0, Min: 0, Max: 4, Mod: true, Doc: "Loop gain k."},
		{Name: "drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 100, Scale: abi.Log, Mod: true, Doc: "Gain before the curve."},
	},
	Config: []abi.Key{{Name: "nonlinear", Kind: abi.Bool, Default: true, Doc: "Saturate the input of the ladder."}},
	Configure: func(s *abi.Setup) error {
		s.Data = s.Config.Bool("nonlinear")
		return nil
	},
	Residual: "full scale", ResidualLimit: 1e-9,
	State:        4, // s1 … s4
	Record:       4, // t, v1, v2, v3
	FrameScratch: 4, // s1 … s4 before each frame
	Forward:      lanes(ladderForward),
	Backward:     lanePairs(ladderBackward),
	Tangent:      lanePairs(ladderTangent),
	Second:       kernel.Second(ladderFormula),
}

// ladderSolve returns v4 and t = tanh(in - k v4) where v4 = rest + g4 t, and by how
// much it is not.
func ladderSolve(in, k, rest, g4, start float64) (v, t, left float64) {
	lo, hi := rest-g4, rest+g4
	v = min(max(start, lo), hi)
	for range 100 {
		t = kernel.Tanh(in - k*v)
		f := v - rest - g4*t
		if f > 0 {
			hi = v
		} else {
			lo = v
		}
		next := v - f/(1+k*g4*(1-t*t))
		if !(next >= lo && next <= hi) {
			next = lo + (hi-lo)/2
		}
		step := math.Abs(next - v)
		v = next
		if step <= 1e-9*g4 {
			break
		}
	}
	t = kernel.Tanh(in - k*v)
	return v, t, math.Abs(v - rest - g4*t)
}

func ladderForward(b *abi.Block, lane int) {
	nonlinear := b.Data.(bool)
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	rt, r1, r2, r3 := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane), b.Record(3, lane)
	cutoff, resonance, drive := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	s1, s2, s3, s4 := state[0], state[1], state[2], state[3]
	var g, h, g4, worst float64
	for n, x := range x {
		if n == 0 || cutoff.Varies() {
			t := math.Tan(math.Pi * cutoff.At(n) / b.Rate)
			h = 1 / (1 + t)
			g = t * h
			g4 = g * g * g * g
		}
		k, in := resonance.At(n), drive.At(n)*x
		rest := h * (s4 + g*(s3+g*(s2+g*s1)))
		var t float64
		switch {
		case !nonlinear:
			t = (in - k*rest) / (1 + k*g4)
		case k == 0:
			t = kernel.Tanh(in)
		default: // s4 = 2 v4 - s4 of the frame before: near v4 when it moves slowly
			var left float64
			if _, t, left = ladderSolve(in, k, rest, g4, s4); left > worst {
				worst = left
			}
		}
		v1 := g*t + h*s1
		v2 := g*v1 + h*s2
		v3 := g*v2 + h*s3
		v4 := g*v3 + h*s4
		rt[n], r1[n], r2[n], r3[n], y[n] = t, v1, v2, v3, v4
		s1, s2, s3, s4 = 2*v1-s1, 2*v2-s2, 2*v3-s3, 2*v4-s4
	}
	state[0], state[1], state[2], state[3] = s1, s2, s3, s4
	b.NoteResidual(lane, worst)
}

// ladderStates writes s1 … s4 before each frame into the frame scratch.
func ladderStates(b *abi.Block, lane int) []float64 {
	fs := b.FrameScratch(lane)
	copy(fs[:4], b.Before(lane))
	for i, row := range [4][]float64{b.Record(1, lane), b.Record(2, lane), b.Record(3, lane), b.Out(0, lane)} {
		s := fs[i]
		for n := 1; n < b.Frames; n++ {
			s = 2*row[n-1] - s
			fs[4*n+i] = s
		}
	}
	return fs
}

func ladderBackward(b, d *abi.Block, lane int) {
	nonlinear := b.Data.(bool)
	x, y, dx, dy, dstate := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane), d.State(lane)
	rt, r1, r2, r3 := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane), b.Record(3, lane)
	cutoff, resonance, drive := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	dcutoff, dresonance, ddrive := d.Param(0, lane), d.Param(1, lane), d.Param(2, lane)
	states := ladderStates(b, lane)
	e1, e2, e3, e4 := dstate[0], dstate[1], dstate[2], dstate[3]
	var g, h, slope float64
	for n := len(x) - 1; n >= 0; n-- {
		if n == len(x)-1 || cutoff.Varies() {
			t := math.Tan(math.Pi * cutoff.At(n) / b.Rate)
			h = 1 / (1 + t)
			g = t * h
			slope = h * h * (1 + t*t) * math.Pi / b.Rate
		}
		k, t, s := resonance.At(n), rt[n], states[4*n:4*n+4]
		curve := 1.0
		if nonlinear {
			curve = 1 - t*t
		}
		a := g * (2*e1 + g*(2*e2+g*2*e3))
		v4 := (dy[n] + 2*e4 - k*curve*a) / (1 + k*curve*g*g*g*g)
		v3 := 2*e3 + g*v4
		v2 := 2*e2 + g*v3
		v1 := 2*e1 + g*v2
		w := curve * g * v1
		dx[n] += drive.At(n) * w
		ddrive.Add(n, x[n]*w)
		dresonance.Add(n, -y[n]*w)
		dcutoff.Add(n, slope*(v1*(t-s[0])+v2*(r1[n]-s[1])+v3*(r2[n]-s[2])+v4*(r3[n]-s[3])))
		e1, e2, e3, e4 = h*v1-e1, h*v2-e2, h*v3-e3, h*v4-e4
	}
	dstate[0], dstate[1], dstate[2], dstate[3] = e1, e2, e3, e4
}

func ladderTangent(b, t *abi.Block, lane int) {
	nonlinear := b.Data.(bool)
	x, y, tx, ty, ts := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane), t.State(lane)
	rt, r1, r2, r3 := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane), b.Record(3, lane)
	states := ladderStates(b, lane)
	for n := range x {
		w := math.Tan(math.Pi * b.Param(0, lane).At(n) / b.Rate)
		h := 1 / (1 + w)
		g := w * h
		tg := h * h * (1 + w*w) * math.Pi / b.Rate * t.Param(0, lane).At(n)
		k, drive, s := b.Param(1, lane).At(n), b.Param(2, lane).At(n), states[4*n:4*n+4]
		curve := 1.0
		if nonlinear {
			curve = 1 - rt[n]*rt[n]
		}
		// vi' = G v(i-1)' + ci
		c1, c2 := h*ts[0]+tg*(rt[n]-s[0]), h*ts[1]+tg*(r1[n]-s[1])
		c3, c4 := h*ts[2]+tg*(r2[n]-s[2]), h*ts[3]+tg*(r3[n]-s[3])
		rest := c4 + g*(c3+g*(c2+g*c1))
		in := curve * (drive*tx[n] + t.Param(2, lane).At(n)*x[n] - t.Param(1, lane).At(n)*y[n])
		tt := (in - curve*k*rest) / (1 + k*curve*g*g*g*g)
		v1 := g*tt + c1
		v2 := g*v1 + c2
		v3 := g*v2 + c3
		v4 := g*v3 + c4
		ty[n] = v4
		ts[0], ts[1], ts[2], ts[3] = 2*v1-ts[0], 2*v2-ts[1], 2*v3-ts[2], 2*v4-ts[3]
	}
}

// ladderFormula solves by two steps of Newton from the output that Forward found:
// each doubles the order to which the derivatives are right.
func ladderFormula(f *kernel.Formula) {
	nonlinear, cutoff, resonance, drive := f.Block.Data.(bool), f.Param(0), f.Param(1), f.Param(2)
	for n, found := range f.Block.Out(0, f.Lane) {
		w := f.Tan(f.Scale(math.Pi/f.Block.Rate, cutoff(n)))
		h := f.Inv(f.Shift(1, w))
		g := f.Mul(w, h)
		k, in := resonance(n), f.Mul(drive(n), f.In(0, n))
		s := [4]kernel.Number{f.State(0), f.State(1), f.State(2), f.State(3)}
		rest := f.Mul(h, f.Add(s[3], f.Mul(g, f.Add(s[2], f.Mul(g, f.Add(s[1], f.Mul(g, s[0])))))))
		g2 := f.Mul(g, g)
		g4 := f.Mul(g2, g2)
		var t kernel.Number
		if nonlinear {
			v := f.Const(found)
			for range 2 {
				t := f.Tanh(f.Sub(in, f.Mul(k, v)))
				slope := f.Shift(1, f.Mul(f.Mul(k, g4), f.Shift(1, f.Scale(-1, f.Mul(t, t)))))
				v = f.Sub(v, f.Div(f.Sub(f.Sub(v, rest), f.Mul(g4, t)), slope))
			}
			t = f.Tanh(f.Sub(in, f.Mul(k, v)))
		} else {
			t = f.Div(f.Sub(in, f.Mul(k, rest)), f.Shift(1, f.Mul(k, g4)))
		}
		v := t
		for i := range s {
			v = f.Add(f.Mul(g, v), f.Mul(h, s[i]))
			f.SetState(i, f.Sub(f.Scale(2, v), s[i]))
		}
		f.Out(0, n, v)
	}
}

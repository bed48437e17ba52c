package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(integrator) }

// integrator sums its input:
//
//	u[n] = p y[n-1] + gain/rate (w0 x[n] + w1 x[n-1]),   p = exp(-2π leak/rate)
//	y[n] = clamp(u[n], ±limit)
//
// with w of the rule. Adjoint, with m = 1 where |u| ≤ limit, else 0:
//
//	μ[n]  = ȳ[n] + p λ[n+1],   λ = m μ,   l̄imit += (1-m) sign(u) μ
//	x̄[n] += gain/rate (w0 λ[n] + w1 λ[n+1])
//	p̄    += y[n-1] λ[n],   ḡain += (w0 x[n] + w1 x[n-1]) λ[n]/rate
var integrator = abi.NodeType{
	Name: "IntegratorNode", Family: dynamics,
	Doc: "Leaky integrator with a limit.",
	Detail: "y[n] = clamp(p y[n−1] + gain/rate · s, ±limit), p = exp(−2π leak_hz/rate); s is x[n−1] (forward), x[n] (backward) or their mean (trapezoidal), so y is gain times the time integral of x. The limit acts on the memory: there is no wind-up. " +
		"Beyond the limit the slope is that of the limit, on it that of the inside.",
	Source: "J. O. Smith, Physical Audio Signal Processing, \"Digital Integrators\".",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "leak_hz", Role: abi.Corner, Unit: "Hz", Default: 0, Min: 0, Max: 1000, Scale: abi.Log, Doc: "Corner below which it forgets; 0 never does."},
		{Name: "gain", Role: abi.Other, Unit: "1/s", Default: 1, Min: -1e6, Max: 1e6, Doc: "Rise per second for an input of 1."},
		{Name: "limit", Role: abi.Threshold, Default: 1000, Min: 1e-3, Max: 1e6, Scale: abi.Log, Doc: "Largest absolute value."},
	},
	Config: []abi.Key{{Name: "rule", Kind: abi.String, Default: "trapezoidal", Enum: []string{"forward", "backward", "trapezoidal"}, Doc: "Which frames of the input a step takes."}},
	Configure: func(s *abi.Setup) error {
		s.Data = map[string][2]float64{"forward": {0, 1}, "backward": {1, 0}, "trapezoidal": {0.5, 0.5}}[s.Config.Text("rule")]
		return nil
	},
	State: 2, // x[n-1], y[n-1]
	Forward: lanes(func(b *abi.Block, lane int) {
		w := b.Data.([2]float64)
		x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
		p, g, limit := math.Exp(-2*math.Pi*b.Param(0, lane).At(0)/b.Rate), b.Param(1, lane).At(0)/b.Rate, b.Param(2, lane).At(0)
		x1, y1 := state[0], state[1]
		for n, x := range x {
			y1 = min(max(p*y1+g*(w[0]*x+w[1]*x1), -limit), limit)
			y[n], x1 = y1, x
		}
		state[0], state[1] = x1, y1
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		w := b.Data.([2]float64)
		x, y, dx, dy, before, dstate := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane), b.Before(lane), d.State(lane)
		p, g, limit := math.Exp(-2*math.Pi*b.Param(0, lane).At(0)/b.Rate), b.Param(1, lane).At(0)/b.Rate, b.Param(2, lane).At(0)
		ex, ey := dstate[0], dstate[1]
		var dp, dg, dlimit float64
		for n := len(x) - 1; n >= 0; n-- {
			x1, y1 := before[0], before[1]
			if n > 0 {
				x1, y1 = x[n-1], y[n-1]
			}
			s := w[0]*x[n] + w[1]*x1
			u, lambda := p*y1+g*s, dy[n]+ey
			if math.Abs(u) > limit {
				dlimit += kernel.Sign(u) * lambda
				lambda = 0
			}
			dx[n] += g*w[0]*lambda + ex
			ex, ey = g*w[1]*lambda, p*lambda
			dp += y1 * lambda
			dg += s * lambda
		}
		d.Param(0, lane).Add(0, -2*math.Pi/b.Rate*p*dp)
		d.Param(1, lane).Add(0, dg/b.Rate)
		d.Param(2, lane).Add(0, dlimit)
		dstate[0], dstate[1] = ex, ey
	}),
	Second: kernel.Second(integratorFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		w := b.Data.([2]float64)
		x, y, tx, ty, before, ts := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane), b.Before(lane), t.State(lane)
		p, g, limit := math.Exp(-2*math.Pi*b.Param(0, lane).At(0)/b.Rate), b.Param(1, lane).At(0)/b.Rate, b.Param(2, lane).At(0)
		tp, tg := -2*math.Pi/b.Rate*p*t.Param(0, lane).At(0), t.Param(1, lane).At(0)/b.Rate
		x1, y1 := before[0], before[1]
		for n := range x {
			s := w[0]*x[n] + w[1]*x1
			v := p*ts[1] + tp*y1 + g*(w[0]*tx[n]+w[1]*ts[0]) + tg*s
			if u := p*y1 + g*s; math.Abs(u) > limit {
				v = kernel.Sign(u) * t.Param(2, lane).At(0)
			}
			ty[n] = v
			ts[0], ts[1] = tx[n], v
			x1, y1 = x[n], y[n]
		}
	}),
}

func integratorFormula(f *kernel.Formula) {
	w := f.Block.Data.([2]float64)
	p, g, limit := f.Exp(f.Scale(-2*math.Pi/f.Block.Rate, f.Param(0)(0))), f.Scale(1/f.Block.Rate, f.Param(1)(0)), f.Param(2)(0)
	for n := range f.Frames() {
		x := f.In(0, n)
		u := f.Add(f.Mul(p, f.State(1)), f.Mul(g, f.Add(f.Scale(w[0], x), f.Scale(w[1], f.State(0)))))
		if v := f.Value(u); math.Abs(v) > f.Value(limit) {
			u = f.Scale(kernel.Sign(v), limit)
		}
		f.SetState(0, x)
		f.SetState(1, u)
		f.Out(0, n, u)
	}
}

package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(safety) }

// safety takes the running mean away and clips. With p[n] = x[n] - m[n], the
// signal before the clip, and g[n] = ȳ[n] where |p[n]| ≤ 1, else 0, the adjoint
// runs back in time; the block after hands over α λ, the gradient of the state:
//
//	λ[n]   = -g[n] + α λ[n+1]
//	x̄[n]  += g[n] + (1-α) λ[n]
//	ᾱ     += (m[n-1] - x[n]) λ[n]
var safety = abi.NodeType{
	Name: "SafetyNode", Family: dynamics,
	Doc: "Removes the mean and clips to ±1: a safety net before an output.",
	Detail: "m[n] = α m[n−1] + (1−α) x[n], y[n] = clamp(x[n] − m[n], ±1), α = dc_alpha; m follows the unclipped signal. " +
		"At |x − m| = 1 the slope is 1, so a clipped signal can still come back; beyond it is 0.",
	Source: "The AMP runtime's SafetyNode.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "dc_alpha", Role: abi.Coefficient, Default: 0.995, Min: 0, Max: 0.999999, Doc: "How slowly the mean follows; the corner lies near (1-α) rate/2π."},
	},
	Config: []abi.Key{{
		Name: "channels", Kind: abi.Int, Min: 1, Max: 256,
		Doc: "Accepted for AMP's files; there are as many channels as the input has.",
	}},
	State:  1, // m[n-1]
	Record: 1, // m
	Forward: lanes(func(b *abi.Block, lane int) {
		x, y, m, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.State(lane)
		alpha, mean := b.Param(0, lane).At(0), state[0]
		for n := range x {
			mean = alpha*mean + (1-alpha)*x[n]
			m[n] = mean
			y[n] = min(max(x[n]-mean, -1), 1)
		}
		state[0] = mean
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		x, m, dx, dy := b.In(0, lane), b.Record(0, lane), d.In(0, lane), d.Out(0, lane)
		alpha, dalpha, carry := b.Param(0, lane).At(0), 0.0, d.State(lane)[0]
		for n := len(x) - 1; n >= 0; n-- {
			prev := b.Before(lane)[0]
			if n > 0 {
				prev = m[n-1]
			}
			g := 0.0
			if p := x[n] - m[n]; p >= -1 && p <= 1 {
				g = dy[n]
			}
			lambda := carry - g
			dx[n] += g + (1-alpha)*lambda
			dalpha += (prev - x[n]) * lambda
			carry = alpha * lambda
		}
		d.Param(0, lane).Add(0, dalpha)
		d.State(lane)[0] = carry
	}),
	Second: kernel.Second(safetyFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		x, m, tx, ty := b.In(0, lane), b.Record(0, lane), t.In(0, lane), t.Out(0, lane)
		alpha, talpha, tmean := b.Param(0, lane).At(0), t.Param(0, lane).At(0), t.State(lane)[0]
		prev := b.Before(lane)[0]
		for n := range x {
			tmean = alpha*tmean + (1-alpha)*tx[n] + talpha*(prev-x[n])
			ty[n], prev = 0, m[n]
			if p := x[n] - m[n]; p >= -1 && p <= 1 {
				ty[n] = tx[n] - tmean
			}
		}
		t.State(lane)[0] = tmean
	}),
}

func safetyFormula(f *kernel.Formula) {
	alpha := f.Param(0)(0)
	for n := range f.Frames() {
		x := f.In(0, n)
		mean := f.Mix(alpha, x, f.State(0))
		f.SetState(0, mean)
		y := f.Sub(x, mean)
		if v := f.Value(y); v < -1 || v > 1 {
			y = f.Const(max(-1, min(v, 1)))
		}
		f.Out(0, n, y)
	}
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(envelopeFollower) }

// envelopeFollower smooths u = |x| (peak) or u = x² (rms) by the ballistics of
// dynamics.go, and puts out e or √e:
//
//	e[n] = u + a (e[n-1] - u),   a of the attack where u > e[n-1], else of the release
//
// Adjoint: ē[n] = ȳ (rms: ȳ/(2√e)) + a[n+1] ē[n+1], ū = (1-a) ē, ā += (e[n-1] - u) ē.
var envelopeFollower = abi.NodeType{
	Name: "EnvelopeFollowerNode", Family: dynamics,
	Doc: "Follows the level of a sound with separate times for attack and release.",
	Detail: "e ← a e + (1 − a) u, a = exp(−1/(rate t)), t the attack where u > e and the release elsewhere. peak: u = |x|, y = e; rms: u = x², y = √e. " +
		"|x| has no slope at 0, nor √e at e = 0; otherwise the gradient takes each frame's branch as it fell.",
	Source: "D. Giannoulis, M. Massberg, J. D. Reiss, Digital Dynamic Range Compressor Design: A Tutorial and Analysis, JAES 60(6), 2012.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{dynamicsAttack, dynamicsRelease},
	Config: []abi.Key{{Name: "detector", Kind: abi.String, Default: "peak", Enum: []string{"peak", "rms"}, Doc: "What is smoothed: the level or its square."}},
	Configure: func(s *abi.Setup) error {
		s.Data = s.Config.Text("detector") == "rms"
		return nil
	},
	State:  1, // e
	Record: 1, // e
	Forward: lanes(func(b *abi.Block, lane int) {
		rms := b.Data.(bool)
		x, y, r, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.State(lane)
		attack, _ := kernel.Ballistic(b.Param(0, lane).At(0), b.Rate)
		release, _ := kernel.Ballistic(b.Param(1, lane).At(0), b.Rate)
		e := state[0]
		for n, x := range x {
			if rms {
				e = kernel.Follow(e, x*x, attack, release)
				y[n] = math.Sqrt(max(e, 0))
			} else {
				e = kernel.Follow(e, math.Abs(x), attack, release)
				y[n] = e
			}
			r[n] = e
		}
		state[0] = e
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		rms := b.Data.(bool)
		x, y, r, dx, dy, dstate := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), d.In(0, lane), d.Out(0, lane), d.State(lane)
		attack, attackSlope := kernel.Ballistic(b.Param(0, lane).At(0), b.Rate)
		release, releaseSlope := kernel.Ballistic(b.Param(1, lane).At(0), b.Rate)
		dattack, drelease, carry := 0.0, 0.0, dstate[0]
		for n := len(x) - 1; n >= 0; n-- {
			last, u, slope := b.Before(lane)[0], math.Abs(x[n]), kernel.Sign(x[n])
			if n > 0 {
				last = r[n-1]
			}
			g := dy[n]
			if rms {
				u, slope = x[n]*x[n], 2*x[n]
				g = 0
				if y[n] > 0 {
					g = dy[n] / (2 * y[n])
				}
			}
			de := carry + g
			a, sum := release, &drelease
			if u > last {
				a, sum = attack, &dattack
			}
			*sum += (last - u) * de
			dx[n] += slope * (1 - a) * de
			carry = a * de
		}
		d.Param(0, lane).Add(0, attackSlope*dattack)
		d.Param(1, lane).Add(0, releaseSlope*drelease)
		dstate[0] = carry
	}),
}

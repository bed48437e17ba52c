package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(gain) }

// gain multiplies. Its adjoint is
//
//	x̄[n] += g[n] ȳ[n]
//	ḡ[n]  = x[n] ȳ[n]
//
// and, in decibels, dg/d(gain_db) = g ln(10)/20.
var gain = abi.NodeType{
	Name: "GainNode", Family: mixing,
	Doc:    "Gain, as a factor or in dB.",
	Detail: "y[n] = g[n] x[n], where g is gain, or 10^(gain_db/20). A node has one of the two parameters: the one that is given, gain when none is.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "gain", Default: 1, Min: -100, Max: 100, Mod: true, Doc: "Factor; below 0 it inverts."},
		{Name: "gain_db", Unit: "dB", Default: 0, Min: -120, Max: 40, Mod: true, Doc: "The gain in decibels, in the place of gain."},
	},
	Configure: func(s *abi.Setup) error {
		factor, db := s.Given("gain"), s.Given("gain_db")
		if factor && db {
			return abi.Errorf("params.gain_db", "gain and gain_db say the same thing twice; give one of them")
		}
		if db {
			s.Drop("gain")
		} else {
			s.Drop("gain_db")
		}
		s.Data = gainLaw{db}
		return nil
	},
	Forward:        gainForward,
	Backward:       gainBackward,
	Tangent:        gainTangent,
	CohortForward:  gainForward,
	CohortBackward: gainBackwardFour,
}

// gainLaw says which of the two parameters there is.
type gainLaw struct{ db bool }

// factor returns the factor for a value of the parameter, and its slope.
func (l gainLaw) factor(p float64) (g, slope float64) {
	if l.db {
		g = math.Exp(decibels * p)
		return g, decibels * g
	}
	return p, 1
}

func gainForward(b *abi.Block) {
	law := b.Data.(gainLaw)
	for lane := range b.Lanes {
		x, y, p := b.In(0, lane), b.Out(0, lane), b.Param(0, lane)
		y = y[:len(x)]
		g, _ := law.factor(p.At(0))
		if !p.Varies() {
			for n, x := range x {
				y[n] = g * x
			}
			continue
		}
		for n := range x {
			g, _ = law.factor(p.At(n))
			y[n] = g * x[n]
		}
	}
}

func gainBackward(b, d *abi.Block) {
	law := b.Data.(gainLaw)
	for lane := range b.Lanes {
		gainBackwardLane(b, d, lane, law)
	}
}

func gainBackwardLane(b, d *abi.Block, lane int, law gainLaw) {
	x, p := b.In(0, lane), b.Param(0, lane)
	dx, dy, dp := d.In(0, lane)[:len(x)], d.Out(0, lane)[:len(x)], d.Param(0, lane)
	g, slope := law.factor(p.At(0))
	if p.Varies() {
		for n := range x {
			g, slope = law.factor(p.At(n))
			dx[n] += g * dy[n]
			dp.Add(n, slope*x[n]*dy[n])
		}
		return
	}
	sum := 0.0
	for n := range x {
		dx[n] = math.FMA(g, dy[n], dx[n])
		sum = math.FMA(x[n], dy[n], sum)
	}
	dp.Add(0, slope*sum)
}

// gainBackwardFour sums four lanes at a time, as each sum waits for itself.
func gainBackwardFour(b, d *abi.Block) {
	law := b.Data.(gainLaw)
	lane := 0
	if b.Held() {
		for ; lane+4 <= b.Lanes; lane += 4 {
			n := b.Frames
			x0, x1, x2, x3 := b.In(0, lane)[:n], b.In(0, lane+1)[:n], b.In(0, lane+2)[:n], b.In(0, lane+3)[:n]
			dx0, dx1, dx2, dx3 := d.In(0, lane)[:n], d.In(0, lane+1)[:n], d.In(0, lane+2)[:n], d.In(0, lane+3)[:n]
			dy0, dy1, dy2, dy3 := d.Out(0, lane)[:n], d.Out(0, lane+1)[:n], d.Out(0, lane+2)[:n], d.Out(0, lane+3)[:n]
			g0, slope0 := law.factor(b.Param(0, lane).At(0))
			g1, slope1 := law.factor(b.Param(0, lane+1).At(0))
			g2, slope2 := law.factor(b.Param(0, lane+2).At(0))
			g3, slope3 := law.factor(b.Param(0, lane+3).At(0))
			var sum0, sum1, sum2, sum3 float64
			for n := range x0 {
				dx0[n] = math.FMA(g0, dy0[n], dx0[n])
				dx1[n] = math.FMA(g1, dy1[n], dx1[n])
				dx2[n] = math.FMA(g2, dy2[n], dx2[n])
				dx3[n] = math.FMA(g3, dy3[n], dx3[n])
				sum0 = math.FMA(x0[n], dy0[n], sum0)
				sum1 = math.FMA(x1[n], dy1[n], sum1)
				sum2 = math.FMA(x2[n], dy2[n], sum2)
				sum3 = math.FMA(x3[n], dy3[n], sum3)
			}
			d.Param(0, lane).Add(0, slope0*sum0)
			d.Param(0, lane+1).Add(0, slope1*sum1)
			d.Param(0, lane+2).Add(0, slope2*sum2)
			d.Param(0, lane+3).Add(0, slope3*sum3)
		}
	}
	for ; lane < b.Lanes; lane++ {
		gainBackwardLane(b, d, lane, law)
	}
}

func gainTangent(b, t *abi.Block) {
	law := b.Data.(gainLaw)
	for lane := range b.Lanes {
		x, p := b.In(0, lane), b.Param(0, lane)
		tx, ty, tp := t.In(0, lane), t.Out(0, lane), t.Param(0, lane)
		for n := range x {
			g, slope := law.factor(p.At(n))
			ty[n] = g*tx[n] + slope*tp.At(n)*x[n]
		}
	}
}

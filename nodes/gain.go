package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
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
		{Name: "gain", Role: abi.Gain, Default: 1, Min: -100, Max: 100, Mod: true, Doc: "Factor; below 0 it inverts."},
		{Name: "gain_db", Role: abi.Gain, Unit: "dB", Default: 0, Min: -120, Max: 40, Mod: true, Doc: "The gain in decibels, in the place of gain."},
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
	Forward:  gainForward,
	Backward: gainBackward,
	Tangent:  gainTangent,
	Second:   kernel.Second(gainFormula),
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
		x, p := b.In(0, lane), b.Param(0, lane)
		dx, dy, dp := d.In(0, lane)[:len(x)], d.Out(0, lane)[:len(x)], d.Param(0, lane)
		g, slope := law.factor(p.At(0))
		if !p.Varies() {
			dp.Add(0, slope*vec.AddScaledDot(dx, g, dy, x))
			continue
		}
		for n := range x {
			g, slope = law.factor(p.At(n))
			dx[n] += g * dy[n]
			dp.Add(n, slope*x[n]*dy[n])
		}
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

func gainFormula(f *kernel.Formula) {
	db, p := f.Block.Data.(gainLaw).db, f.Param(0)
	for n := range f.Frames() {
		g := p(n)
		if db {
			g = f.Factor(g)
		}
		f.Out(0, n, f.Mul(g, f.In(0, n)))
	}
}

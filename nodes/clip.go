package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() {
	drive := abi.Param{Name: "drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 1000, Scale: abi.Log, Mod: true, Doc: "Gain before the curve."}
	threshold := abi.Param{Name: "threshold", Role: abi.Threshold, Default: 1, Min: 0.001, Max: 10, Scale: abi.Log, Doc: "Where the curve ends."}
	for _, f := range []struct {
		name, doc, detail string
		curve             clipCurve
	}{
		{"SoftClipNode", "Soft clipper: a cubic with flat ends.",
			"y = threshold s(drive x/threshold), s(u) = u − u³/3 for |u| ≤ 1 and ±2/3 beyond. Its slope is continuous, and 0 beyond the ends: a sound driven there throughout gives no gradient.",
			softCurve},
		{"HardClipNode", "Hard clipper.",
			"y = clamp(drive x, ±threshold). At the corners the slope is that of the inside, so a sound that just clips can still move; beyond them only the threshold has a gradient.",
			hardCurve},
	} {
		abi.Register(abi.NodeType{
			Name: f.name, Family: nonlinear, Doc: f.doc, Detail: f.detail,
			Inputs: in, Outputs: out, Params: []abi.Param{drive, threshold},
			Configure: func(s *abi.Setup) error { s.Data = f.curve; return nil },
			Forward:   lanes(clipForward), Backward: lanePairs(clipBackward), Tangent: lanePairs(clipTangent), Second: kernel.Second(clipFormula),
		})
	}
}

// clipCurve is an odd curve s(u) that is constant beyond |u| = 1. With
// u = drive x / threshold and g = s'(u) ȳ, the adjoint of threshold s(u) is
//
//	x̄[n]        += drive g
//	d̄rive[n]     = x g
//	t̄hreshold   += (s(u) - u s'(u)) ȳ
type clipCurve int

const (
	softCurve clipCurve = iota
	hardCurve
)

// at returns s(u) and s'(u).
func (c clipCurve) at(u float64) (s, slope float64) {
	switch {
	case c == softCurve && math.Abs(u) <= 1:
		return u - u*u*u/3, 1 - u*u
	case c == softCurve:
		return math.Copysign(2./3, u), 0
	case math.Abs(u) <= 1: // at |u| = 1 the slope is 1, so a clipped drive can still move
		return u, 1
	}
	return math.Copysign(1, u), 0
}

func clipForward(b *abi.Block, lane int) {
	curve := b.Data.(clipCurve)
	x, y := b.In(0, lane), b.Out(0, lane)
	drive, threshold := b.Param(0, lane), b.Param(1, lane).At(0)
	for n := range x {
		s, _ := curve.at(drive.At(n) * x[n] / threshold)
		y[n] = threshold * s
	}
}

func clipBackward(b, d *abi.Block, lane int) {
	curve := b.Data.(clipCurve)
	x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
	drive, threshold := b.Param(0, lane), b.Param(1, lane).At(0)
	ddrive, dthreshold := d.Param(0, lane), 0.0
	for n := range x {
		u := drive.At(n) * x[n] / threshold
		s, slope := curve.at(u)
		g := slope * dy[n]
		dx[n] += drive.At(n) * g
		ddrive.Add(n, x[n]*g)
		dthreshold += (s - u*slope) * dy[n]
	}
	d.Param(1, lane).Add(0, dthreshold)
}

func clipTangent(b, t *abi.Block, lane int) {
	curve := b.Data.(clipCurve)
	x, tx, ty := b.In(0, lane), t.In(0, lane), t.Out(0, lane)
	drive, threshold := b.Param(0, lane), b.Param(1, lane).At(0)
	tdrive, tthreshold := t.Param(0, lane), t.Param(1, lane).At(0)
	for n := range x {
		u := drive.At(n) * x[n] / threshold
		s, slope := curve.at(u)
		ty[n] = slope*(drive.At(n)*tx[n]+tdrive.At(n)*x[n]) + (s-u*slope)*tthreshold
	}
}

func clipFormula(f *kernel.Formula) {
	curve, drive, threshold := f.Block.Data.(clipCurve), f.Param(0), f.Param(1)(0)
	for n := range f.Frames() {
		u := f.Div(f.Mul(drive(n), f.In(0, n)), threshold)
		s, slope := curve.at(f.Value(u))
		bend := 0.0
		if curve == softCurve && slope != 0 {
			bend = -2 * f.Value(u)
		}
		f.Out(0, n, f.Mul(threshold, f.Apply(u, s, slope, bend)))
	}
}

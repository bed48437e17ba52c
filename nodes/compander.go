package nodes

import (
	"cmp"
	"slices"

	"ampfit/abi"
)

// Its kernel is in dynamics.go.
func init() {
	none := dynamicsKnee
	none.Default = 0
	registerDynamics(compandCurve, abi.NodeType{
		Name: "CompanderNode", Doc: "Compander: a curve of levels through points, in dB.",
		Detail: "The output level is piecewise linear in the input level, through the points (in_db, out_db), in any order; below the first and above the last the gain stays. Corners are rounded over knee_db. Points nearer than 0.01 dB count as that far apart. " +
			"The envelope is that of SoX's compand, v += (|x| − v)(1 − exp(−1/(rate t))).",
		Source: "C. Bagwell et al., SoX, compand; ",
		Params: []abi.Param{
			{Name: "in_db", Role: abi.Threshold, Unit: "dB", Default: 0, Min: -160, Max: 20, Vector: true, Len: 4, Doc: "Input levels of the points."},
			{Name: "out_db", Role: abi.Table, Unit: "dB", Default: 0, Min: -160, Max: 20, Vector: true, Len: 4, Doc: "Output levels of the points."},
			dynamicsAttack, dynamicsRelease, none, dynamicsMakeup,
		},
		Config:  []abi.Key{{Name: "points", Kind: abi.Int, Default: 4.0, Min: 2, Max: 256, Doc: "Number of points, where no values say it."}, dynamicsLink, dynamicsStart},
		Prepare: lanes(companderPrepare),
	})
}

// setPoints sizes the curve of a compander by its values, or by the configuration.
func (l *dynamicsLaw) setPoints(s *abi.Setup) error {
	l.points = s.Config.Int("points")
	in, out := s.Length("in_db"), s.Length("out_db")
	switch {
	case in > 0 && out > 0 && in != out:
		return abi.Errorf("params.out_db", "%d values, but in_db has %d; a point is one of each", out, in)
	case max(in, out) > 0:
		l.points = max(in, out)
	}
	if l.points < 2 {
		return abi.Errorf("params.in_db", "%d point; a curve needs two", l.points)
	}
	for _, name := range []string{"in_db", "out_db"} {
		p := s.Param(name)
		p.Len, p.Defaults = l.points, make([]float64, l.points)
		for i := range p.Defaults { // 2:1 above -20 dB
			p.Defaults[i] = -80 + 80*float64(i)/float64(l.points-1)
			if name == "out_db" && p.Defaults[i] > -20 {
				p.Defaults[i] = -20 + (p.Defaults[i]+20)/2
			}
		}
	}
	s.Coefs, s.Scratch = 3*l.points+1, 2*l.points
	return nil
}

// companderNear is the least distance of two points in dB.
const companderNear = 0.01

// companderPrepare sorts the points and writes their positions, the turns of
// the slope there, the gain below all of them, and the order.
func companderPrepare(b *abi.Block, lane int) {
	k := b.Data.(*dynamicsLaw).points
	in, out, c := b.Vector(atThreshold, lane), b.Vector(atRatio, lane), b.Coefs(lane)
	order := c[2*k+1:]
	for i := range k {
		order[i] = float64(i)
	}
	slices.SortStableFunc(order[:k], func(i, j float64) int { return cmp.Compare(in[int(i)], in[int(j)]) })
	slope := 1.0
	for i := range k {
		at := int(order[i])
		c[i] = in[at]
		next := 1.0
		if i < k-1 {
			to := int(order[i+1])
			next = (out[to] - out[at]) / max(in[to]-in[at], companderNear)
		}
		c[k+i] = next - slope
		slope = next
	}
	c[2*k] = out[int(order[0])] - c[0]
}

// companderBack leads the gradients of the sorted points to the parameters.
func companderBack(b, d *abi.Block, lane int, curve *curveAt) {
	k := len(curve.points) / 2
	in, out, order := b.Vector(atThreshold, lane), b.Vector(atRatio, lane), b.Coefs(lane)[2*k+1:]
	din, dout := d.Vector(atThreshold, lane), d.Vector(atRatio, lane)
	for i := range k {
		at := int(order[i])
		din[at] += curve.dPoints[i]
		if i == k-1 {
			break
		}
		to := int(order[i+1])
		width := max(in[to]-in[at], companderNear)
		g := (curve.dPoints[k+i] - curve.dPoints[k+i+1]) / width
		dout[to] += g
		dout[at] -= g
		if in[to]-in[at] >= companderNear {
			slope := (out[to] - out[at]) / width
			din[to] -= g * slope
			din[at] += g * slope
		}
	}
	din[int(order[0])] -= curve.dFirst
	dout[int(order[0])] += curve.dFirst
}

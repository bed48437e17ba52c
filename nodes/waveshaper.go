package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(waveshaper) }

// waveshaper reads a curve through points p_i at -range + i h. With secants
// d_i = p_(i+1) - p_i, the slope at an inner point is their harmonic mean, and
// 0 where they differ in sign; so the curve between two points is monotone:
//
//	m_i = 2 d_(i-1) d_i/(d_(i-1) + d_i),   m_0 = d_0,  m_last = d_last
//	y   = h00(t) p_i + h10(t) m_i + h01(t) p_(i+1) + h11(t) m_(i+1)
//
// where u = (x + range)/h, i = ⌊u⌋ and t = u - i. The adjoint spreads ȳ with the
// same weights over p and m, and m̄ over the points by
// ∂m_i/∂d_(i-1) = 2 d_i²/(d_(i-1)+d_i)².
var waveshaper = abi.NodeType{
	Name: "WaveshaperNode", Family: nonlinear,
	Doc: "Waveshaper by a monotone cubic curve through learnable points.",
	Detail: "The points stand evenly over ±range; between two of them the curve is the cubic with the slopes of Fritsch and Butland (the harmonic mean of both secants, 0 at an extremum; the secant at the ends), so it has no extrema but those of the points. " +
		"Beyond ±range the end slopes continue. The curve has a continuous slope; as a function of the points it has kinks where a secant changes sign, and the slope 0 of the flat side is taken there. " +
		"The number of points is that of the values given, else of the key points; without values the curve is the identity.",
	Source: "F. N. Fritsch, J. Butland, A Method for Constructing Local Monotone Piecewise Cubic Interpolants, SIAM J. Sci. Stat. Comput. 5(2), 1984.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{{Name: "points", Role: abi.Table, Default: 0, Min: -100, Max: 100, Vector: true, Len: 33, Doc: "Height of the curve at each point."}},
	Config: []abi.Key{
		{Name: "points", Kind: abi.Int, Default: 33.0, Min: 2, Max: 4097, Doc: "Number of points, where no values say it."},
		{Name: "range", Kind: abi.Number, Default: 1.5, Min: 0.001, Max: 1000, Doc: "Position of the last point, and less the first."},
	},
	Configure: func(s *abi.Setup) error {
		p, count := s.Param("points"), s.Config.Int("points")
		if n := s.Length("points"); n > 0 {
			count = n
		}
		if count < 2 {
			return abi.Errorf("params.points", "%d point; a curve needs two", count)
		}
		w := s.Config.Number("range")
		p.Len, p.Defaults = count, make([]float64, count)
		for i := range p.Defaults {
			p.Defaults[i] = w * (2*float64(i)/float64(count-1) - 1)
		}
		s.Coefs, s.Scratch = count, count
		s.Data = shape{w, float64(count-1) / (2 * w)}
		return nil
	},
	Prepare: lanes(func(b *abi.Block, lane int) {
		p, m := b.Vector(0, lane), b.Coefs(lane)
		last := len(p) - 1
		m[0], m[last] = p[1]-p[0], p[last]-p[last-1]
		for i := 1; i < last; i++ {
			m[i], _, _ = harmonicMean(p[i]-p[i-1], p[i+1]-p[i])
		}
	}),
	Forward: lanes(func(b *abi.Block, lane int) {
		s := b.Data.(shape)
		x, y, p, m := b.In(0, lane), b.Out(0, lane), b.Vector(0, lane), b.Coefs(lane)
		for n, x := range x {
			i, w, _ := s.place(x, len(p))
			y[n] = w[0]*p[i] + w[1]*m[i] + w[2]*p[i+1] + w[3]*m[i+1]
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		s := b.Data.(shape)
		x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
		p, m, dp, dm := b.Vector(0, lane), b.Coefs(lane), d.Vector(0, lane), b.Scratch(lane)
		clear(dm)
		for n, x := range x {
			i, w, v := s.place(x, len(p))
			g := dy[n]
			dx[n] += s.perX * (v[0]*p[i] + v[1]*m[i] + v[2]*p[i+1] + v[3]*m[i+1]) * g
			dp[i] += w[0] * g
			dm[i] += w[1] * g
			dp[i+1] += w[2] * g
			dm[i+1] += w[3] * g
		}
		last := len(p) - 1
		dp[0] -= dm[0]
		dp[1] += dm[0]
		dp[last] += dm[last]
		dp[last-1] -= dm[last]
		for i := 1; i < last; i++ {
			_, left, right := harmonicMean(p[i]-p[i-1], p[i+1]-p[i])
			dp[i-1] -= left * dm[i]
			dp[i] += (left - right) * dm[i]
			dp[i+1] += right * dm[i]
		}
	}),
	Second: kernel.Second(waveshaperFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		s := b.Data.(shape)
		x, tx, ty := b.In(0, lane), t.In(0, lane), t.Out(0, lane)
		p, m, tp, tm := b.Vector(0, lane), b.Coefs(lane), t.Vector(0, lane), b.Scratch(lane)
		last := len(p) - 1
		tm[0], tm[last] = tp[1]-tp[0], tp[last]-tp[last-1]
		for i := 1; i < last; i++ {
			_, left, right := harmonicMean(p[i]-p[i-1], p[i+1]-p[i])
			tm[i] = left*(tp[i]-tp[i-1]) + right*(tp[i+1]-tp[i])
		}
		for n, x := range x {
			i, w, v := s.place(x, len(p))
			ty[n] = s.perX*(v[0]*p[i]+v[1]*m[i]+v[2]*p[i+1]+v[3]*m[i+1])*tx[n] +
				w[0]*tp[i] + w[1]*tm[i] + w[2]*tp[i+1] + w[3]*tm[i+1]
		}
	}),
}

// shape is where the points stand: over ±width, perX of them per unit of x.
type shape struct{ width, perX float64 }

// place returns the point to the left of x, the weights of p_i, m_i, p_(i+1)
// and m_(i+1), and the slopes of the weights by u.
func (s shape) place(x float64, points int) (i int, w, v [4]float64) {
	u := (x + s.width) * s.perX
	switch last := float64(points - 1); {
	case u < 0:
		return 0, [4]float64{1, u, 0, 0}, [4]float64{0, 1, 0, 0}
	case u >= last:
		return points - 2, [4]float64{0, 0, 1, u - last}, [4]float64{0, 0, 0, 1}
	}
	i = int(u)
	t := u - float64(i)
	r := 1 - t
	w = [4]float64{(1 + 2*t) * r * r, t * r * r, t * t * (3 - 2*t), -t * t * r}
	v = [4]float64{-6 * t * r, r * (1 - 3*t), 6 * t * r, t * (3*t - 2)}
	return i, w, v
}

// harmonicMean returns the mean of two secants and its slopes by each, all 0
// where they differ in sign.
func harmonicMean(a, b float64) (mean, byA, byB float64) {
	if !(a > 0 && b > 0 || a < 0 && b < 0) {
		return 0, 0, 0
	}
	p, q := b/(a+b), a/(a+b)
	return 2 * a * p, 2 * p * p, 2 * q * q
}

func waveshaperFormula(f *kernel.Formula) {
	s, p := f.Block.Data.(shape), f.Vector(0)
	last := len(p) - 1
	m := make([]kernel.Number, len(p))
	m[0], m[last] = f.Sub(p[1], p[0]), f.Sub(p[last], p[last-1])
	for i := 1; i < last; i++ {
		m[i] = secantMean(f, f.Sub(p[i], p[i-1]), f.Sub(p[i+1], p[i]))
	}
	for n := range f.Frames() {
		u := f.Scale(s.perX, f.Shift(s.width, f.In(0, n)))
		switch at := (f.Block.In(0, f.Lane)[n] + s.width) * s.perX; {
		case at < 0:
			f.Out(0, n, f.Add(p[0], f.Mul(u, m[0])))
			continue
		case at >= float64(last):
			f.Out(0, n, f.Add(p[last], f.Mul(f.Shift(-float64(last), u), m[last])))
			continue
		}
		i, _, _ := s.place(f.Block.In(0, f.Lane)[n], len(p))
		t := f.Shift(-float64(i), u)
		r := f.Shift(1, f.Scale(-1, t))
		rr, tt := f.Mul(r, r), f.Mul(t, t)
		f.Out(0, n, f.Sum(
			f.Mul(f.Mul(f.Shift(1, f.Scale(2, t)), rr), p[i]), f.Mul(f.Mul(t, rr), m[i]),
			f.Mul(f.Mul(f.Shift(3, f.Scale(-2, t)), tt), p[i+1]), f.Scale(-1, f.Mul(f.Mul(r, tt), m[i+1]))))
	}
}

// secantMean is harmonicMean: 2ab/(a+b), or 0 where the signs differ.
func secantMean(f *kernel.Formula, a, b kernel.Number) kernel.Number {
	v, byA, byB := harmonicMean(f.Value(a), f.Value(b))
	if v == 0 {
		return f.Const(0)
	}
	x, y, sum := f.Value(a), f.Value(b), f.Value(a)+f.Value(b)
	cube := 4 / (sum * sum * sum)
	bend := x*f.Tangent(b) - y*f.Tangent(a) // the mean is homogeneous, so it bends across only
	return f.Push(v, byA*f.Tangent(a)+byB*f.Tangent(b), kernel.Step{A: a, B: b, ByA: byA, ByB: byB, TangentA: cube * y * bend, TangentB: -cube * x * bend})
}

package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(polynomial) }

// polynomial evaluates y = Σ c_k p_k(x) by Clenshaw's recurrence, where
//
//	p_0 = 1,  p_1 = x,  p_(k+1) = α x p_k - β p_(k-1)
//
// with α = 1, β = 0 for powers and α = 2, β = 1 for Chebyshev polynomials. The
// adjoint runs up the basis with its derivative:
//
//	c̄_k += p_k(x) ȳ,   x̄[n] += Σ c_k p_k'(x) ȳ
var polynomial = abi.NodeType{
	Name: "PolynomialNode", Family: nonlinear,
	Doc: "Waveshaper by the coefficients of a polynomial.",
	Detail: "y = Σ_k coeffs[k] p_k(x): powers x^k, or Chebyshev polynomials T_k(x), of which the k-th turns a full-scale cosine into its k-th harmonic. The number of coefficients is that of the values given, at most 64; " +
		"without values there are four, the identity. Beyond |x| = 1 high orders grow fast.",
	Source: "C. W. Clenshaw, A note on the summation of Chebyshev series, MTAC 9, 1955; M. Le Brun, Digital Waveshaping Synthesis, JAES 27(4), 1979.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{{
		Name: "coeffs", Role: abi.Coefficient, Default: 0, Defaults: []float64{0, 1}, Min: -100, Max: 100, Vector: true, Len: 4,
		Doc: "Coefficients, from the constant up.",
	}},
	Config: []abi.Key{{Name: "basis", Kind: abi.String, Default: "power", Enum: []string{"power", "chebyshev"}, Doc: "What the coefficients stand before."}},
	Configure: func(s *abi.Setup) error {
		if n := s.Length("coeffs"); n > 0 {
			if n > 64 {
				return abi.Errorf("params.coeffs", "%d coefficients; at most 64 are possible", n)
			}
			s.Param("coeffs").Len = n
		}
		s.Data = basis{1, 0}
		if s.Config.Text("basis") == "chebyshev" {
			s.Data = basis{2, 1}
		}
		return nil
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		p := b.Data.(basis)
		x, y, c := b.In(0, lane), b.Out(0, lane), b.Vector(0, lane)
		for n, x := range x {
			var b1, b2 float64
			for k := len(c) - 1; k > 0; k-- {
				b1, b2 = c[k]+p.alpha*x*b1-p.beta*b2, b1
			}
			y[n] = c[0] + x*b1 - p.beta*b2
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		p := b.Data.(basis)
		x, dx, dy, c, dc := b.In(0, lane), d.In(0, lane), d.Out(0, lane), b.Vector(0, lane), d.Vector(0, lane)
		for n, x := range x {
			g := dy[n]
			dc[0] += g
			slope := 0.0
			p0, p1, d0, d1 := 1.0, x, 0.0, 1.0
			for k := 1; k < len(c); k++ {
				dc[k] += p1 * g
				slope += c[k] * d1
				d0, d1 = d1, p.alpha*(p1+x*d1)-p.beta*d0
				p0, p1 = p1, p.alpha*x*p1-p.beta*p0
			}
			dx[n] += slope * g
		}
	}),
	Second: kernel.Second(polynomialFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		p := b.Data.(basis)
		x, tx, ty, c, tc := b.In(0, lane), t.In(0, lane), t.Out(0, lane), b.Vector(0, lane), t.Vector(0, lane)
		for n, x := range x {
			sum, slope := tc[0], 0.0
			p0, p1, d0, d1 := 1.0, x, 0.0, 1.0
			for k := 1; k < len(c); k++ {
				sum += tc[k] * p1
				slope += c[k] * d1
				d0, d1 = d1, p.alpha*(p1+x*d1)-p.beta*d0
				p0, p1 = p1, p.alpha*x*p1-p.beta*p0
			}
			ty[n] = sum + slope*tx[n]
		}
	}),
}

// basis is the recurrence of a family of polynomials.
type basis struct{ alpha, beta float64 }

func polynomialFormula(f *kernel.Formula) {
	p, c := f.Block.Data.(basis), f.Vector(0)
	for n := range f.Frames() {
		x, b1, b2 := f.In(0, n), f.Const(0), f.Const(0)
		for k := len(c) - 1; k > 0; k-- {
			b1, b2 = f.Sum(c[k], f.Scale(p.alpha, f.Mul(x, b1)), f.Scale(-p.beta, b2)), b1
		}
		f.Out(0, n, f.Sum(c[0], f.Mul(x, b1), f.Scale(-p.beta, b2)))
	}
}

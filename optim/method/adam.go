package method

import (
	"context"
	"math"
)

func init() {
	Register(Entry{Name: "adam", Doc: "Adam: momentum and per-parameter scaling; steady on rough losses.", Run: Adam})
}

// Adam is Adam with the learning rate falling to a hundredth along a half
// cosine:
//
//	m ← β₁m + (1−β₁)g     v ← β₂v + (1−β₂)g²
//	x ← x − lr · m̂ / (√v̂ + ε)
//
// Source: D. P. Kingma, J. Ba, Adam: A Method for Stochastic Optimization,
// ICLR 2015.
func Adam(ctx context.Context, o Objective, x []float64, s Settings) (float64, error) {
	const beta1, beta2, epsilon = 0.9, 0.999, 1e-12
	steps, lr := s.Steps, s.LR
	if steps == 0 {
		steps = 1000
	}
	if lr == 0 {
		lr = 0.02
	}
	n := len(x)
	g, m, v := make([]float64, n), make([]float64, n), make([]float64, n)
	low := NewBest()
	defer func() { copy(x, low.X) }()
	at := append([]float64(nil), x...)
	for k := 0; ; k++ {
		f := o.Evaluate(g, at)
		low.See(at, f)
		if s.Report != nil {
			if err := s.Report(Point{k, f, Norm(g), at}); err != nil {
				return low.F, err
			}
		}
		if err := ctx.Err(); err != nil {
			return low.F, err
		}
		if k == steps {
			return low.F, nil
		}
		rate := lr * (0.01 + 0.99*0.5*(1+math.Cos(math.Pi*float64(k)/float64(steps))))
		c1, c2 := 1-math.Pow(beta1, float64(k+1)), 1-math.Pow(beta2, float64(k+1))
		for i := range at {
			m[i] = beta1*m[i] + (1-beta1)*g[i]
			v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
			at[i] -= rate * (m[i] / c1) / (math.Sqrt(v[i]/c2) + epsilon)
		}
	}
}

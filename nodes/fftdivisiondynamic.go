package nodes

import (
	"fmt"
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the dynamic algorithm of FFTDivisionNode. In the place of the bins
// of a transform it has K carriers of f_k cycles per frame. Their coefficients c
// are those of least squares to the window, in every frame anew:
//
//	E_k[n] = e^{2πi f_k n},   G_kl = Σ_n w² E̅_k E_l + δ_kl 1e-8 Σ_n w²,   h_k = Σ_n w² E̅_k x
//	G c = h,   y = Re Σ_k p_k c_k,   p_k = g_k e^{iφ} E_k[N-1]/N
//
// Adjoint, by G^T q = p and, in the window, s = Σ c_k E_k and u = Σ q_k E̅_k:
//
//	x̄[n] += w² Re u ȳ,   φ̄ = -Im Σ p_k c_k ȳ
//	f̄_k = 2π Re{i (N-1) p_k c_k - Σ_n w² i n (q_k E̅_k (x - s) + c_k E_k u)} ȳ

// mostCarriers is how many the AMP runtime has.
const mostCarriers = 64

// firstCarrier is the place of the first carrier's parameter.
const firstCarrier = 6

// carrierParams are the parameters of the carriers.
func carrierParams() []abi.Param {
	var params []abi.Param
	for k := range mostCarriers {
		params = append(params, abi.Param{
			Name: fmt.Sprintf("carrier_band_%d", k), Role: abi.Other, Unit: "cycles/frame or Hz", Default: 0.1, Min: 0, Max: 1e5, Scale: abi.Log, Mod: true,
			Doc: "Frequency of a carrier of the dynamic algorithm: cycles per frame up to 1, Hz above; there are those that are given, or the first.",
		})
	}
	return params
}

// setCarriers leaves the carriers that there are.
func setCarriers(s *abi.Setup, law *transform) error {
	law.dynamic = s.Config.Text("algorithm") == "dynamic"
	given := 0
	for k := range mostCarriers {
		if s.Given(fmt.Sprintf("carrier_band_%d", k)) {
			given++
		}
	}
	for k := range mostCarriers {
		name := fmt.Sprintf("carrier_band_%d", k)
		switch {
		case s.Given(name) && !law.dynamic:
			return abi.Errorf("params."+name, `carriers belong to "algorithm": "dynamic"; take that, or leave %s out`, name)
		case s.Given(name) || law.dynamic && given == 0 && k == 0:
			law.carriers++
		default:
			s.Drop(name)
		}
	}
	for _, w := range law.window {
		law.power += w * w
	}
	return nil
}

// carriers are what a frame is made of, in scratch memory: pairs of real and
// imaginary parts.
type carriers struct {
	law     *transform
	f, was  []float64
	e       []float64 // E, carrier by carrier
	g       []float64 // the factor L of G = L L^H
	c, p, q []float64
	within  []float64 // 1 in the band
	rate    float64
}

// carrierScratch is how much they need.
func carrierScratch(n, k int) int { return 2*k*n + 2*k*k + 9*k }

func newCarriers(b *abi.Block, lane int) carriers {
	law, m := b.Data.(*transform), b.Scratch(lane)
	k := law.carriers
	p := carriers{law: law, rate: b.Rate}
	take := func(n int) []float64 {
		row := m[:n]
		m = m[n:]
		return row
	}
	p.e, p.g, p.f, p.was, p.c, p.p, p.q, p.within = take(2*k*law.n), take(2*k*k), take(k), take(k), take(2*k), take(2*k), take(2*k), take(k)
	for i := range p.was {
		p.was[i] = math.NaN()
	}
	return p
}

// carrier returns a frequency in cycles per frame and its slope.
func carrier(value, rate float64) (f, slope float64) {
	slope = 1
	if math.Abs(value) > 1 {
		value, slope = value/rate, 1/rate
	}
	if value < 0 || value > 1 {
		return min(max(value, 0), 1), 0
	}
	return value, slope
}

// set finds c and p of the frame at the end of the window x.
func (p *carriers) set(b *abi.Block, lane, t int, x []float64) {
	law, same := p.law, true
	n, k := law.n, law.carriers
	for i := range p.f {
		p.f[i], _ = carrier(b.Param(firstCarrier+i, lane).At(t), p.rate)
		same = same && p.f[i] == p.was[i]
	}
	if !same {
		copy(p.was, p.f)
		p.factor()
	}
	for i := range k {
		e, re, im := p.e[2*n*i:][:2*n], 0.0, 0.0
		for j, w := range law.window {
			v := w * w * x[j]
			re += v * e[2*j]
			im -= v * e[2*j+1]
		}
		p.c[2*i], p.c[2*i+1] = re, im
	}
	p.solve(p.c)
	within, outside, lo, hi := gates(b, lane, t)
	sin, cos := math.Sincos(b.Param(2, lane).At(t))
	for i, f := range p.f {
		g := outside
		p.within[i] = 0
		if lo <= f && f <= hi {
			g, p.within[i] = within, 1
		}
		g /= float64(n)
		er, ei := p.e[2*n*i+2*n-2], p.e[2*n*i+2*n-1]
		p.p[2*i], p.p[2*i+1] = g*(cos*er-sin*ei), g*(cos*ei+sin*er)
	}
}

// factor writes E, and Cholesky's factor of G below the diagonal and on it.
func (p *carriers) factor() {
	n, k := p.law.n, p.law.carriers
	for i, f := range p.f {
		e := p.e[2*n*i:][:2*n]
		for j := range n {
			at := f * float64(j)
			e[2*j], e[2*j+1] = kernel.CosTurn(at), kernel.SinTurn(at)
		}
	}
	for i := range k {
		for l := range i + 1 {
			a, b, re, im := p.e[2*n*i:][:2*n], p.e[2*n*l:][:2*n], 0.0, 0.0
			for j, w := range p.law.window {
				w *= w
				re += w * (a[2*j]*b[2*j] + a[2*j+1]*b[2*j+1])
				im += w * (a[2*j]*b[2*j+1] - a[2*j+1]*b[2*j])
			}
			if i == l {
				re, im = re+1e-8*p.law.power, 0
			}
			for m := range l { // less Σ L_im conj(L_lm)
				x, y := p.g[2*(k*i+m):], p.g[2*(k*l+m):]
				re -= x[0]*y[0] + x[1]*y[1]
				im -= x[1]*y[0] - x[0]*y[1]
			}
			at := p.g[2*(k*i+l):]
			if i == l {
				at[0], at[1] = math.Sqrt(re), 0
			} else {
				d := p.g[2*(k*l+l)]
				at[0], at[1] = re/d, im/d
			}
		}
	}
}

// solve replaces v by the solution of G z = v.
func (p *carriers) solve(v []float64) {
	k := p.law.carriers
	for i := range k {
		for m := range i {
			l := p.g[2*(k*i+m):]
			v[2*i] -= l[0]*v[2*m] - l[1]*v[2*m+1]
			v[2*i+1] -= l[0]*v[2*m+1] + l[1]*v[2*m]
		}
		d := p.g[2*(k*i+i)]
		v[2*i], v[2*i+1] = v[2*i]/d, v[2*i+1]/d
	}
	for i := k - 1; i >= 0; i-- {
		for m := i + 1; m < k; m++ { // conj(L_mi)
			l := p.g[2*(k*m+i):]
			v[2*i] -= l[0]*v[2*m] + l[1]*v[2*m+1]
			v[2*i+1] -= l[0]*v[2*m+1] - l[1]*v[2*m]
		}
		d := p.g[2*(k*i+i)]
		v[2*i], v[2*i+1] = v[2*i]/d, v[2*i+1]/d
	}
}

// value returns Σ p_k c_k, of all carriers and of those in the band.
func (p *carriers) value() (re, im, within float64) {
	for i := range p.within {
		a, b := p.p[2*i]*p.c[2*i]-p.p[2*i+1]*p.c[2*i+1], p.p[2*i]*p.c[2*i+1]+p.p[2*i+1]*p.c[2*i]
		re += a
		im += b
		within += p.within[i] * a
	}
	return re, im, within
}

// back adds the gradients of a frame. gx are those of the window.
func (p *carriers) back(b, d *abi.Block, lane, t int, x, gx []float64, dy float64) {
	law := p.law
	n, k := law.n, law.carriers
	for i := range k { // conj(G) q = p
		p.q[2*i], p.q[2*i+1] = p.p[2*i], -p.p[2*i+1]
	}
	p.solve(p.q)
	for i := range k {
		p.q[2*i+1] = -p.q[2*i+1]
	}
	df := p.was // lent; the frequencies are in f too
	for i := range k {
		// Re{i (N-1) p c}
		df[i] = -float64(n-1) * (p.p[2*i]*p.c[2*i+1] + p.p[2*i+1]*p.c[2*i])
	}
	for j, w := range law.window {
		w *= w
		sr, si, ur, ui := 0.0, 0.0, 0.0, 0.0
		for i := range k {
			e := p.e[2*(n*i+j):]
			c, q := p.c[2*i:], p.q[2*i:]
			sr += c[0]*e[0] - c[1]*e[1]
			si += c[0]*e[1] + c[1]*e[0]
			ur += q[0]*e[0] + q[1]*e[1]
			ui += q[1]*e[0] - q[0]*e[1]
		}
		gx[j] += w * ur * dy
		rr, ri := x[j]-sr, -si
		for i := range k {
			e := p.e[2*(n*i+j):]
			c, q := p.c[2*i:], p.q[2*i:]
			// Im{q E̅ (x - s) + c E u}, for Re{-i z} = Im z
			ar, ai := q[0]*e[0]+q[1]*e[1], q[1]*e[0]-q[0]*e[1]
			br, bi := c[0]*e[0]-c[1]*e[1], c[0]*e[1]+c[1]*e[0]
			df[i] += w * float64(j) * (ar*ri + ai*rr + br*ui + bi*ur)
		}
	}
	for i := range k {
		_, slope := carrier(b.Param(firstCarrier+i, lane).At(t), p.rate)
		d.Param(firstCarrier+i, lane).Add(t, 2*math.Pi*df[i]*slope*dy)
		df[i] = p.f[i]
	}
	re, im, in := p.value()
	d.Param(2, lane).Add(t, -im*dy)
	within, outside, _, _ := gates(b, lane, t)
	intensity, sum := b.Param(5, lane).At(t), 0.0
	if intensity >= 1e-6 {
		sum += in / within
	}
	if 1-intensity >= 1e-6 {
		sum -= (re - in) / outside
	}
	d.Param(5, lane).Add(t, sum*dy)
}

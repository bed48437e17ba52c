package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

// This file is the filters of first order and their kernel:
//
//	y[n] = b0 x[n] + b1 x[n-1] - a1 y[n-1]
//
// The adjoint is that of biquad.go, with one frame of memory:
//
//	λ[n]   = ȳ[n] - a1[n+1] λ[n+1]
//	x̄[n]  += b0[n] λ[n] + b1[n+1] λ[n+1]
//	b̄k[n]  = λ[n] x[n-k],   ā1[n] = -λ[n] y[n-1]

func init() {
	cutoff := cornerParam("cutoff_hz", "Corner frequency, where the gain is -3.01 dB.")
	freq := cornerParam("freq_hz", "Middle of the shelf's slope, where the gain is gain_db/2.")
	gain := boostParam("Gain on the shelf.")
	for _, f := range []struct {
		kind              kernel.Filter
		name, doc, detail string
		params            []abi.Param
	}{
		{kernel.Lowpass, "Lowpass1Node", "Low-pass filter, 6 dB per octave.", "H(s) = 1/(s + 1); silence at rate/2.", []abi.Param{cutoff}},
		{kernel.Highpass, "Highpass1Node", "High-pass filter, 6 dB per octave.", "H(s) = s/(s + 1); 1 at rate/2.", []abi.Param{cutoff}},
		{kernel.LowShelf, "LowShelf1Node", "Low shelf of first order.", "H(s) = (s + A)/(s + 1/A), A = 10^(gain_db/40).", []abi.Param{freq, gain}},
		{kernel.HighShelf, "HighShelf1Node", "High shelf of first order.", "H(s) = (A s + 1)/(s/A + 1), A = 10^(gain_db/40).", []abi.Param{freq, gain}},
	} {
		data := &firstOrder{f.kind, len(f.params)}
		abi.Register(abi.NodeType{
			Name: f.name, Family: filters, Doc: f.doc,
			Detail: f.detail + " Bilinear transform, exact at its frequency; y[n] = b0 x[n] + b1 x[n−1] − a1 y[n−1], coefficients new in every frame where a parameter is modulated.",
			Source: "U. Zölzer, DAFX: Digital Audio Effects, 2nd ed., 2011, ch. 2; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the adjoint).",
			Inputs: in, Outputs: out, Params: f.params,
			State: 2, Coefs: 9, Scratch: 9,
			Configure: func(s *abi.Setup) error { s.Data = data; return nil },
			Prepare: lanes(func(b *abi.Block, lane int) {
				f := b.Data.(*firstOrder)
				f.design(b.Coefs(lane), b, lane, 0)
			}),
			Forward: lanes(firstOrderForward), Backward: lanePairs(firstOrderBackward), Tangent: lanePairs(firstOrderTangent), Second: kernel.Second(firstOrderFormula),
		})
	}
}

type firstOrder struct {
	kind   kernel.Filter
	params int
}

// design writes b0, b1, a1 of frame n and their slopes by each parameter. The
// prototype is (p s + q)/(r s + u) with s scaled by the frequency t = tan w/2.
func (f *firstOrder) design(c []float64, b *abi.Block, lane, n int) {
	t := math.Tan(math.Pi * b.Param(0, lane).At(n) / b.Rate)
	dt := (1 + t*t) * math.Pi / b.Rate
	a := 1.0
	if f.params > 1 {
		a = math.Exp(decibels / 2 * b.Param(1, lane).At(n))
	}
	var proto, byT, byA [4]float64 // p, q, r, u
	switch f.kind {
	case kernel.Lowpass:
		proto, byT = [4]float64{0, t, 1, t}, [4]float64{0, 1, 0, 1}
	case kernel.Highpass:
		proto, byT = [4]float64{1, 0, 1, t}, [4]float64{0, 0, 0, 1}
	case kernel.LowShelf:
		proto, byT, byA = [4]float64{1, a * t, 1, t / a}, [4]float64{0, a, 0, 1 / a}, [4]float64{0, t, 0, -t / (a * a)}
	case kernel.HighShelf:
		proto, byT, byA = [4]float64{a, t, 1 / a, t}, [4]float64{0, 1, 0, 1}, [4]float64{1, 0, -1 / (a * a), 0}
	}
	scale := 1 / (proto[2] + proto[3])
	c[0], c[1], c[2] = (proto[0]+proto[1])*scale, (proto[1]-proto[0])*scale, (proto[3]-proto[2])*scale
	slopes := func(c, s []float64, by [4]float64, chain float64) {
		a0 := by[2] + by[3]
		chain *= scale
		s[0] = (by[0] + by[1] - c[0]*a0) * chain
		s[1] = (by[1] - by[0] - c[1]*a0) * chain
		s[2] = (by[3] - by[2] - c[2]*a0) * chain
	}
	slopes(c, c[3:6], byT, dt)
	slopes(c, c[6:9], byA, a*decibels/2)
}

func firstOrderForward(b *abi.Block, lane int) {
	f := b.Data.(*firstOrder)
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	x1, y1 := state[0], state[1]
	y = y[:len(x)]
	if b.Held() {
		c := b.Coefs(lane)
		b0, b1, a1 := c[0], c[1], -c[2]
		for n, x0 := range x {
			y1 = math.FMA(a1, y1, math.FMA(b0, x0, b1*x1))
			y[n], x1 = y1, x0
		}
	} else {
		c := b.Scratch(lane)
		for n, x0 := range x {
			f.design(c, b, lane, n)
			y1 = math.FMA(-c[2], y1, math.FMA(c[0], x0, c[1]*x1))
			y[n], x1 = y1, x0
		}
	}
	state[0], state[1] = x1, y1
}

func firstOrderBackward(b, d *abi.Block, lane int) {
	f := b.Data.(*firstOrder)
	x, y, dx, dy := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane)
	before, dstate := b.Before(lane), d.State(lane)
	ex, ey := dstate[0], dstate[1] // what the frames after add to x[n], y[n]
	held := b.Held()
	c := b.Scratch(lane)
	if held {
		c = b.Coefs(lane)
	}
	var s0, s1, s2 float64
	y, dx, dy = y[:len(x)], dx[:len(x)], dy[:len(x)]
	for n := len(x) - 1; n >= 0; n-- {
		x1, y1 := before[0], before[1]
		if n > 0 {
			x1, y1 = x[n-1], y[n-1]
		}
		if !held {
			f.design(c, b, lane, n)
		}
		lambda := dy[n] + ey
		dx[n] += c[0]*lambda + ex
		ex, ey = c[1]*lambda, -c[2]*lambda
		if held {
			s0 += lambda * x[n]
			s1 += lambda * x1
			s2 -= lambda * y1
			continue
		}
		for p := range f.params {
			s := c[3+3*p : 6+3*p]
			d.Param(p, lane).Add(n, lambda*(s[0]*x[n]+s[1]*x1-s[2]*y1))
		}
	}
	if held {
		for p := range f.params {
			s := c[3+3*p : 6+3*p]
			d.Param(p, lane).Add(0, s[0]*s0+s[1]*s1+s[2]*s2)
		}
	}
	dstate[0], dstate[1] = ex, ey
}

func firstOrderTangent(b, t *abi.Block, lane int) {
	f := b.Data.(*firstOrder)
	x, y, tx, ty := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane)
	before, tstate, c := b.Before(lane), t.State(lane), b.Scratch(lane)
	x1, y1, tx1, ty1 := before[0], before[1], tstate[0], tstate[1]
	for n := range x {
		if n == 0 || !b.Held() {
			f.design(c, b, lane, n)
		}
		ty1 = c[0]*tx[n] + c[1]*tx1 - c[2]*ty1
		for p := range f.params {
			s := c[3+3*p : 6+3*p]
			ty1 += t.Param(p, lane).At(n) * (s[0]*x[n] + s[1]*x1 - s[2]*y1)
		}
		ty[n] = ty1
		x1, y1, tx1 = x[n], y[n], tx[n]
	}
	tstate[0], tstate[1] = tx1, ty1
}

func firstOrderFormula(f *kernel.Formula) {
	data, freq, gain := f.Block.Data.(*firstOrder), f.Param(0), func(int) kernel.Number { return 0 }
	if data.params > 1 {
		gain = f.Param(1)
	}
	var b0, b1, a1 kernel.Number
	for n := range f.Frames() {
		if n == 0 || !f.Block.Held() {
			t, one := f.Tan(f.Scale(math.Pi/f.Block.Rate, freq(n))), f.Const(1)
			p, q, r, u := one, f.Const(0), one, t
			switch data.kind {
			case kernel.Lowpass:
				p, q = q, t
			case kernel.LowShelf:
				a := f.Exp(f.Scale(decibels/2, gain(n)))
				q, u = f.Mul(a, t), f.Div(t, a)
			case kernel.HighShelf:
				a := f.Exp(f.Scale(decibels/2, gain(n)))
				p, q, r = a, t, f.Inv(a)
			}
			scale := f.Inv(f.Add(r, u))
			b0, b1, a1 = f.Mul(f.Add(p, q), scale), f.Mul(f.Sub(q, p), scale), f.Mul(f.Sub(u, r), scale)
		}
		x := f.In(0, n)
		y := f.Sub(f.Add(f.Mul(b0, x), f.Mul(b1, f.State(0))), f.Mul(a1, f.State(1)))
		f.SetState(0, x)
		f.SetState(1, y)
		f.Out(0, n, y)
	}
}

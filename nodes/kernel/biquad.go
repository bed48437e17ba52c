package kernel

import (
	"math"

	"ampfit/abi"
)

// This file is the kernel of every filter of second order with one input and
// one output. The filters themselves stand in rbj.go.
//
//	y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2]
//
// It is run in direct form 1, so that its state is input and output of the two
// frames before, and coefficients may change with every frame. The adjoint
// needs only the rows of input and output:
//
//	λ[n]   = ȳ[n] - a1[n+1] λ[n+1] - a2[n+2] λ[n+2]
//	x̄[n]  += b0[n] λ[n] + b1[n+1] λ[n+1] + b2[n+2] λ[n+2]
//	b̄k[n]  =  λ[n] x[n-k]
//	āk[n]  = -λ[n] y[n-k]
//
// From one frame to the next there is one fused multiply-add in either
// direction; all others wait beside it. What is fused is written out, so that a
// lane has the same bits alone and beside another.

// Biquad is what a filter tells its kernel: Setup.Data of the family.
type Biquad struct {
	Params int // freq, q and perhaps gain_db
	// Design writes b0, b1, b2, a1, a2 into c[0:5] and, if slopes are wanted,
	// their derivatives by each parameter into the next groups of five.
	Design func(c []float64, freq, q, gain, rate float64, slopes bool)
}

// What a filter needs of its block.
const (
	BiquadState   = 4  // x[n-1], x[n-2], y[n-1], y[n-2]
	BiquadCoefs   = 20 // five coefficients, and their slopes by three parameters
	BiquadScratch = 20 // the same, of one frame
)

// params3 returns the parameters of a lane at frame n.
func (f *Biquad) params3(b *abi.Block, lane, n int) (freq, q, gain float64) {
	if f.Params > 2 {
		gain = b.Param(2, lane).At(n)
	}
	return b.Param(0, lane).At(n), b.Param(1, lane).At(n), gain
}

// BiquadPrepare writes the coefficients and slopes of held parameters.
func BiquadPrepare(b *abi.Block, lane int) {
	f := b.Data.(*Biquad)
	freq, q, gain := f.params3(b, lane, 0)
	f.Design(b.Coefs(lane), freq, q, gain, b.Rate, true)
}

// BiquadForward is the Forward of the family.
func BiquadForward(b *abi.Block, lane int) {
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	if b.Held() {
		BiquadRun(x, y, b.Coefs(lane), state)
		return
	}
	f, c := b.Data.(*Biquad), b.Scratch(lane)
	x1, x2, y1, y2 := state[0], state[1], state[2], state[3]
	was := [3]float64{math.NaN()} // no parameters yet
	for n, x0 := range x {
		freq, q, gain := f.params3(b, lane, n)
		if now := [3]float64{freq, q, gain}; now != was {
			f.Design(c, freq, q, gain, b.Rate, false)
			was = now
		}
		y0 := math.FMA(-c[3], y1, math.FMA(-c[4], y2, math.FMA(c[0], x0, math.FMA(c[1], x1, c[2]*x2))))
		y[n] = y0
		x1, x2, y1, y2 = x0, x1, y0, y1
	}
	state[0], state[1], state[2], state[3] = x1, x2, y1, y2
}

// BiquadRun filters with coefficients that stay, two frames a turn.
func BiquadRun(x, y, c, state []float64) {
	b0, b1, b2, a1, a2 := c[0], c[1], c[2], -c[3], -c[4]
	x1, x2, y1, y2 := state[0], state[1], state[2], state[3]
	y = y[:len(x)]
	n := 0
	for ; n+1 < len(x); n += 2 {
		u, v := x[n], x[n+1]
		y2 = math.FMA(a1, y1, math.FMA(a2, y2, math.FMA(b0, u, math.FMA(b1, x1, b2*x2))))
		y[n] = y2
		y1 = math.FMA(a1, y2, math.FMA(a2, y1, math.FMA(b0, v, math.FMA(b1, u, b2*x1))))
		y[n+1] = y1
		x1, x2 = v, u
	}
	if n < len(x) {
		u := x[n]
		y1, y2 = math.FMA(a1, y1, math.FMA(a2, y2, math.FMA(b0, u, math.FMA(b1, x1, b2*x2)))), y1
		y[n] = y1
		x1, x2 = u, x1
	}
	state[0], state[1], state[2], state[3] = x1, x2, y1, y2
}

// BiquadForwardCohort takes four lanes at a time where the processor has vectors
// for them, then two: the zeros lane by lane, and both recursions side by side,
// each of which alone would wait for itself. More do not pay without vectors:
// they want more registers than there are.
func BiquadForwardCohort(b *abi.Block) {
	lane := 0
	if b.Held() {
		if AVX2 && b.Frames >= 4 {
			for ; lane+4 <= b.Lanes; lane += 4 {
				biquadFour(b, lane)
			}
		}
		for ; lane+2 <= b.Lanes; lane += 2 {
			biquadZeros(b.In(0, lane), b.Out(0, lane), b.Coefs(lane), b.State(lane))
			biquadZeros(b.In(0, lane+1), b.Out(0, lane+1), b.Coefs(lane+1), b.State(lane+1))
			biquadPair(b.Out(0, lane), b.Out(0, lane+1), b.Coefs(lane), b.Coefs(lane+1), b.State(lane)[2:4], b.State(lane + 1)[2:4])
		}
	}
	for ; lane < b.Lanes; lane++ {
		BiquadForward(b, lane)
	}
}

// biquadZeros writes the part of y that needs no y, and moves the state of x.
func biquadZeros(x, y, c, state []float64) {
	b0, b1, b2 := c[0], c[1], c[2]
	x1, x2 := state[0], state[1]
	y = y[:len(x)]
	n := 0
	for ; n+3 < len(x); n += 4 {
		v, w := x[n:n+4:n+4], y[n:n+4:n+4]
		p, q, r, s := v[0], v[1], v[2], v[3]
		w[0] = math.FMA(b0, p, math.FMA(b1, x1, b2*x2))
		w[1] = math.FMA(b0, q, math.FMA(b1, p, b2*x1))
		w[2] = math.FMA(b0, r, math.FMA(b1, q, b2*p))
		w[3] = math.FMA(b0, s, math.FMA(b1, r, b2*q))
		x1, x2 = s, r
	}
	for ; n < len(x); n++ {
		y[n] = math.FMA(b0, x[n], math.FMA(b1, x1, b2*x2))
		x1, x2 = x[n], x1
	}
	state[0], state[1] = x1, x2
}

// biquadPair runs the recursions of two rows that hold the part of the zeros.
func biquadPair(y0, y1, c0, c1, s0, s1 []float64) {
	p0, p1, q0, q1 := -c0[3], -c1[3], -c0[4], -c1[4]
	u0, v0, u1, v1 := s0[0], s0[1], s1[0], s1[1]
	y1 = y1[:len(y0)]
	n := 0
	for ; n+1 < len(y0); n += 2 {
		v0 = math.FMA(p0, u0, math.FMA(q0, v0, y0[n]))
		v1 = math.FMA(p1, u1, math.FMA(q1, v1, y1[n]))
		y0[n], y1[n] = v0, v1
		u0 = math.FMA(p0, v0, math.FMA(q0, u0, y0[n+1]))
		u1 = math.FMA(p1, v1, math.FMA(q1, u1, y1[n+1]))
		y0[n+1], y1[n+1] = u0, u1
	}
	if n < len(y0) {
		u0, v0 = math.FMA(p0, u0, math.FMA(q0, v0, y0[n])), u0
		u1, v1 = math.FMA(p1, u1, math.FMA(q1, v1, y1[n])), u1
		y0[n], y1[n] = u0, u1
	}
	s0[0], s0[1], s1[0], s1[1] = u0, v0, u1, v1
}

// BiquadBackward is the Backward of the family.
func BiquadBackward(b, d *abi.Block, lane int) {
	if b.Held() {
		BiquadPoles(d.Out(0, lane), b.FrameScratch(lane), b.Coefs(lane), d.State(lane))
		biquadFinish(b, d, lane)
		return
	}
	x, y, dx, dy := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane)
	before, dstate := b.Before(lane), d.State(lane)
	f, c := b.Data.(*Biquad), b.Scratch(lane)
	// What the frames after add to x[n], x[n-1], y[n], y[n-1].
	ex1, ex2, ey1, ey2 := dstate[0], dstate[1], dstate[2], dstate[3]
	for n := len(x) - 1; n >= 0; n-- {
		x1, x2, y1, y2 := before[0], before[1], before[2], before[3]
		switch {
		case n > 1:
			x1, x2, y1, y2 = x[n-1], x[n-2], y[n-1], y[n-2]
		case n == 1:
			x1, x2, y1, y2 = x[0], x1, y[0], y1
		}
		freq, q, gain := f.params3(b, lane, n)
		f.Design(c, freq, q, gain, b.Rate, true)
		lambda := dy[n] + ey1
		dx[n] += c[0]*lambda + ex1
		ex1, ex2 = ex2+c[1]*lambda, c[2]*lambda
		ey1, ey2 = ey2-c[3]*lambda, -c[4]*lambda
		for p := range f.Params {
			s := c[5+5*p : 10+5*p]
			d.Param(p, lane).Add(n, lambda*(s[0]*x[n]+s[1]*x1+s[2]*x2-s[3]*y1-s[4]*y2))
		}
	}
	dstate[0], dstate[1], dstate[2], dstate[3] = ex1, ex2, ey1, ey2
}

// BiquadPoles writes λ and replaces the gradients of the output's state.
func BiquadPoles(dy, lambda, c, dstate []float64) {
	a1, a2 := -c[3], -c[4]
	n := max(len(dy)-2, 0)
	l1, l2 := biquadPolesTail(dy, lambda, c, dstate, n)
	lambda = lambda[:len(dy)]
	for n--; n >= 1; n -= 2 {
		l2 = math.FMA(a1, l1, math.FMA(a2, l2, dy[n]))
		lambda[n] = l2
		l1 = math.FMA(a1, l2, math.FMA(a2, l1, dy[n-1]))
		lambda[n-1] = l1
	}
	if n == 0 {
		l1, l2 = math.FMA(a1, l1, math.FMA(a2, l2, dy[n])), l1
		lambda[n] = l1
	}
	biquadPolesEnd(c, dstate, l1, l2)
}

// biquadPolesTail writes λ of the frames from the given one on, where the state
// after the block adds to the last two, and returns λ of the first two of them.
// It leaves in dstate[2:4] what the state adds before the block.
func biquadPolesTail(dy, lambda, c, dstate []float64, from int) (l1, l2 float64) {
	a1, a2 := -c[3], -c[4]
	e1, e2 := dstate[2], dstate[3]
	for n := len(dy) - 1; n >= from; n-- {
		l1, l2 = math.FMA(a1, l1, math.FMA(a2, l2, dy[n]+e1)), l1
		lambda[n] = l1
		e1, e2 = e2, 0
	}
	dstate[2], dstate[3] = e1, e2
	return l1, l2
}

// biquadPolesEnd carries λ of the first two frames on to the state before.
func biquadPolesEnd(c, dstate []float64, l1, l2 float64) {
	a1, a2 := -c[3], -c[4]
	dstate[2] = math.FMA(a1, l1, math.FMA(a2, l2, dstate[2]))
	dstate[3] = math.FMA(a2, l1, dstate[3])
}

// biquadFinish does, with λ in the frame scratch, what is no recursion.
func biquadFinish(b, d *abi.Block, lane int) {
	dstate := d.State(lane)
	sums := BiquadCollect(b.In(0, lane), b.Out(0, lane), d.In(0, lane), b.FrameScratch(lane), b.Coefs(lane), b.Before(lane), dstate, dstate[0], dstate[1])
	c := b.Coefs(lane)
	for p := range b.Params(lane) {
		slope := 0.0
		for i, s := range sums {
			slope = math.FMA(s, c[5+5*p+i], slope)
		}
		d.Param(p, lane).Add(0, slope)
	}
}

// BiquadCollect adds the gradient of the input, replaces those of the input's
// state and returns the sums Σ λ[n] x[n-k], -Σ λ[n] y[n-k], the gradients of the
// coefficients. after1 and after2 are the gradients of the last two inputs.
func BiquadCollect(x, y, dx, lambda, c, before, dstate []float64, after1, after2 float64) [5]float64 {
	frames := len(x)
	dx[frames-1] += after1
	dstate[0], dstate[1] = c[1]*lambda[0], c[2]*lambda[0]
	if frames > 1 {
		dx[frames-2] += after2
		dstate[0] += c[2] * lambda[1]
	} else {
		dstate[0] += after2
	}
	if AVX2 {
		return biquadProducts(x, y, dx, lambda, c, before)
	}
	biquadInput(dx, lambda[:frames], c)
	return biquadDots(x, y, lambda, before)
}

// biquadInput adds b0 λ[n] + b1 λ[n+1] + b2 λ[n+2].
func biquadInput(dx, lambda, c []float64) {
	b0, b1, b2 := c[0], c[1], c[2]
	n := 0
	if len(lambda) > 5 {
		l0, l1 := lambda[0], lambda[1]
		for ; n+5 < len(lambda); n += 4 {
			z, l := dx[n:n+4:n+4], lambda[n+2:n+6:n+6]
			p, q, r, s := l[0], l[1], l[2], l[3]
			z[0] += b0*l0 + (b1*l1 + b2*p)
			z[1] += b0*l1 + (b1*p + b2*q)
			z[2] += b0*p + (b1*q + b2*r)
			z[3] += b0*q + (b1*r + b2*s)
			l0, l1 = r, s
		}
	}
	for ; n < len(lambda); n++ {
		g := b0 * lambda[n]
		if n+1 < len(lambda) {
			g += b1 * lambda[n+1]
		}
		if n+2 < len(lambda) {
			g += b2 * lambda[n+2]
		}
		dx[n] += g
	}
}

// biquadDots returns Σ λ[n] x[n-k] for k = 0, 1, 2 and -Σ λ[n] y[n-k] for k = 1, 2.
func biquadDots(x, y, lambda, before []float64) [5]float64 {
	var s0, s1, s2, r1, r2 float64
	x1, x2, y1, y2 := before[0], before[1], before[2], before[3]
	y, lambda = y[:len(x)], lambda[:len(x)]
	n := 0
	for ; n+1 < len(x); n += 2 {
		l, m := lambda[n], lambda[n+1]
		p, q := x[n], x[n+1]
		s0 += l*p + m*q
		s1 += l*x1 + m*p
		s2 += l*x2 + m*x1
		x1, x2 = q, p
		f, g := y[n], y[n+1]
		r1 += l*y1 + m*f
		r2 += l*y2 + m*y1
		y1, y2 = g, f
	}
	if n < len(x) {
		l := lambda[n]
		s0 += l * x[n]
		s1 += l * x1
		s2 += l * x2
		r1 += l * y1
		r2 += l * y2
	}
	return [5]float64{s0, s1, s2, -r1, -r2}
}

// BiquadBackwardCohort takes lanes together as BiquadForwardCohort does.
func BiquadBackwardCohort(b, d *abi.Block) {
	lane := 0
	if b.Held() {
		if AVX2 && b.Frames >= 8 {
			for ; lane+4 <= b.Lanes; lane += 4 {
				biquadPolesFour(b, d, lane)
			}
		}
		for ; lane+2 <= b.Lanes; lane += 2 {
			biquadPolesPair(b, d, lane)
		}
		for l := range lane {
			biquadFinish(b, d, l)
		}
	}
	for ; lane < b.Lanes; lane++ {
		BiquadBackward(b, d, lane)
	}
}

// biquadPolesPair is BiquadPoles for two lanes side by side.
func biquadPolesPair(b, d *abi.Block, lane int) {
	frames := b.Frames
	g0, g1 := d.Out(0, lane)[:frames], d.Out(0, lane+1)[:frames]
	m0, m1 := b.FrameScratch(lane)[:frames], b.FrameScratch(lane + 1)[:frames]
	c0, c1, s0, s1 := b.Coefs(lane), b.Coefs(lane+1), d.State(lane), d.State(lane+1)
	p0, p1, q0, q1 := -c0[3], -c1[3], -c0[4], -c1[4]
	var u0, u1, v0, v1 float64
	n := frames - 1
	for ; n >= 0 && n >= frames-2; n-- {
		u0, v0 = math.FMA(p0, u0, math.FMA(q0, v0, g0[n]+s0[2])), u0
		u1, v1 = math.FMA(p1, u1, math.FMA(q1, v1, g1[n]+s1[2])), u1
		m0[n], m1[n] = u0, u1
		s0[2], s0[3], s1[2], s1[3] = s0[3], 0, s1[3], 0
	}
	for ; n >= 1; n -= 2 {
		v0 = math.FMA(p0, u0, math.FMA(q0, v0, g0[n]))
		v1 = math.FMA(p1, u1, math.FMA(q1, v1, g1[n]))
		m0[n], m1[n] = v0, v1
		u0 = math.FMA(p0, v0, math.FMA(q0, u0, g0[n-1]))
		u1 = math.FMA(p1, v1, math.FMA(q1, u1, g1[n-1]))
		m0[n-1], m1[n-1] = u0, u1
	}
	if n == 0 {
		u0, v0 = math.FMA(p0, u0, math.FMA(q0, v0, g0[n])), u0
		u1, v1 = math.FMA(p1, u1, math.FMA(q1, v1, g1[n])), u1
		m0[n], m1[n] = u0, u1
	}
	s0[2], s0[3] = math.FMA(p0, u0, math.FMA(q0, v0, s0[2])), math.FMA(q0, u0, s0[3])
	s1[2], s1[3] = math.FMA(p1, u1, math.FMA(q1, v1, s1[2])), math.FMA(q1, u1, s1[3])
}

// BiquadTangent is the Tangent of the family.
func BiquadTangent(b, t *abi.Block, lane int) {
	f := b.Data.(*Biquad)
	x, y, tx, ty := b.In(0, lane), b.Out(0, lane), t.In(0, lane), t.Out(0, lane)
	before, tstate, c := b.Before(lane), t.State(lane), b.Scratch(lane)
	x1, x2, y1, y2 := before[0], before[1], before[2], before[3]
	tx1, tx2, ty1, ty2 := tstate[0], tstate[1], tstate[2], tstate[3]
	for n := range x {
		if n == 0 || !b.Held() {
			freq, q, gain := f.params3(b, lane, n)
			f.Design(c, freq, q, gain, b.Rate, true)
		}
		ty[n] = c[0]*tx[n] + c[1]*tx1 + c[2]*tx2 - c[3]*ty1 - c[4]*ty2
		for p := range f.Params {
			s := c[5+5*p : 10+5*p]
			ty[n] += t.Param(p, lane).At(n) * (s[0]*x[n] + s[1]*x1 + s[2]*x2 - s[3]*y1 - s[4]*y2)
		}
		x1, x2, y1, y2 = x[n], x1, y[n], y1
		tx1, tx2, ty1, ty2 = tx[n], tx1, ty[n], ty1
	}
	tstate[0], tstate[1], tstate[2], tstate[3] = tx1, tx2, ty1, ty2
}

// BiquadPush is the tangent of one filter with coefficients c and their tangents tc;
// before is its state before the block, ts the tangent of the state. ty may be tx.
func BiquadPush(x, y, tx, ty, c, tc, before, ts []float64) {
	x1, x2, y1, y2 := before[0], before[1], before[2], before[3]
	tx1, tx2, ty1, ty2 := ts[0], ts[1], ts[2], ts[3]
	for n := range x {
		t := c[0]*tx[n] + c[1]*tx1 + c[2]*tx2 - c[3]*ty1 - c[4]*ty2 +
			tc[0]*x[n] + tc[1]*x1 + tc[2]*x2 - tc[3]*y1 - tc[4]*y2
		x1, x2, y1, y2 = x[n], x1, y[n], y1
		tx1, tx2, ty1, ty2 = tx[n], tx1, t, ty1
		ty[n] = t
	}
	ts[0], ts[1], ts[2], ts[3] = tx1, tx2, ty1, ty2
}

// Section runs one frame of a filter whose state begins at s.
func (f *Formula) Section(c [5]Number, x Number, s int) Number {
	x1, x2, y1, y2 := f.State(s), f.State(s+1), f.State(s+2), f.State(s+3)
	y := f.Sum(f.Mul(c[0], x), f.Mul(c[1], x1), f.Mul(c[2], x2))
	y = f.Sub(y, f.Add(f.Mul(c[3], y1), f.Mul(c[4], y2)))
	for i, v := range [4]Number{x, x1, y, y1} {
		f.SetState(s+i, v)
	}
	return y
}

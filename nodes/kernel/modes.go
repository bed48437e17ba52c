package kernel

import "math"

// This file is a bank of two-pole resonators driven by one signal,
//
//	y[n] = Σ A u[n-1],   u[n] = c1 u[n-1] + c2 u[n-2] + x[n]
//
// c1, c2 and A of a mode stand at the start of every width values of coefs, u[n-1]
// and u[n-2] in two values of the state. The adjoint runs each mode back in time; Λ
// is the gradient of u[n], μ what u[n-1] has from later frames:
//
//	x̄[n] += Λ,   Ā += u[n-1] ȳ[n],   c̄1 += u[n-1] Λ,   c̄2 += u[n-2] Λ
//	Λ, μ  = A ȳ[n] + c1 Λ + μ,  c2 Λ
//
// u is recomputed for two modes at a time, which fits into the nearest cache. Where
// the processor has vectors, modes_amd64.go does this for eight and sixteen.

// The coefficients of a mode.
const (
	modeC1 = iota
	modeC2
	modeA
)

const (
	ModesScratch      = 112 // tables and states of 16 modes
	ModesFrameScratch = 20  // u[n-1] of two modes, x̄ of nobody; with vectors four of y or x̄, u[n-1] of eight and before
)

// ModesForward writes the sum of the modes to y, and moves the state. It works in
// ModesScratch values of scratch and ModesFrameScratch values a frame of free.
func ModesForward(y, x, state, coefs []float64, width int, scratch, free []float64) {
	if AVX2 {
		modesForwardFast(y, x, state, coefs, width, scratch, free)
		return
	}
	clear(y)
	y = y[:len(x)]
	k, modes := 0, len(state)/2
	for ; k+4 <= modes; k += 4 {
		c, s := coefs[width*k:][:4*width], state[2*k:][:8]
		a0, b0, g0 := c[0], c[1], c[2]
		a1, b1, g1 := c[width], c[width+1], c[width+2]
		a2, b2, g2 := c[2*width], c[2*width+1], c[2*width+2]
		a3, b3, g3 := c[3*width], c[3*width+1], c[3*width+2]
		u0, v0, u1, v1, u2, v2, u3, v3 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
		for n, x := range x {
			y[n] += math.FMA(g0, u0, g1*u1) + math.FMA(g2, u2, g3*u3)
			u0, v0 = math.FMA(a0, u0, math.FMA(b0, v0, x)), u0
			u1, v1 = math.FMA(a1, u1, math.FMA(b1, v1, x)), u1
			u2, v2 = math.FMA(a2, u2, math.FMA(b2, v2, x)), u2
			u3, v3 = math.FMA(a3, u3, math.FMA(b3, v3, x)), u3
		}
		s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7] = u0, v0, u1, v1, u2, v2, u3, v3
	}
	for ; k < modes; k++ {
		c, s := coefs[width*k:][:width], state[2*k:][:2]
		u, v := s[0], s[1]
		for n, x := range x {
			y[n] = math.FMA(c[modeA], u, y[n])
			u, v = math.FMA(c[modeC1], u, math.FMA(c[modeC2], v, x)), u
		}
		s[0], s[1] = u, v
	}
}

// ModesBackward is the adjoint: it adds to dx, unless that is nil, replaces the
// gradients of the state, and gives those of c1, c2 and A of each mode to spread.
func ModesBackward(dx, dy, x, before, dstate, coefs []float64, width int, scratch, free []float64, spread func(mode int, dc1, dc2, da float64)) {
	if AVX2 {
		modesBackwardFast(dx, dy, x, before, dstate, coefs, width, scratch, free, spread)
		return
	}
	frames := len(x)
	if dx == nil {
		dx = free[2*frames:]
	}
	dx, dy = dx[:frames], dy[:frames]
	k, modes := 0, len(before)/2
	for ; k+2 <= modes; k += 2 {
		c, s, ds := coefs[width*k:][:2*width], before[2*k:][:4], dstate[2*k:][:4]
		a0, b0, g0 := c[0], c[1], c[2]
		a1, b1, g1 := c[width], c[width+1], c[width+2]
		r0, r1 := free[:frames], free[frames:][:frames]
		u0, v0, u1, v1 := s[0], s[1], s[2], s[3]
		for n, x := range x {
			r0[n], r1[n] = u0, u1
			u0, v0 = math.FMA(a0, u0, math.FMA(b0, v0, x)), u0
			u1, v1 = math.FMA(a1, u1, math.FMA(b1, v1, x)), u1
		}
		l0, m0, l1, m1 := ds[0], ds[1], ds[2], ds[3]
		u0, u1 = r0[frames-1], r1[frames-1]
		var p0, q0, z0, p1, q1, z1 float64
		for n := frames - 1; n >= 0; n-- {
			w0, w1 := s[1], s[3]
			if n > 0 {
				w0, w1 = r0[n-1], r1[n-1]
			}
			g := dy[n]
			dx[n] += l0 + l1
			z0, z1 = math.FMA(g, u0, z0), math.FMA(g, u1, z1)
			p0, p1 = math.FMA(l0, u0, p0), math.FMA(l1, u1, p1)
			q0, q1 = math.FMA(l0, w0, q0), math.FMA(l1, w1, q1)
			l0, m0 = math.FMA(a0, l0, math.FMA(g0, g, m0)), b0*l0
			l1, m1 = math.FMA(a1, l1, math.FMA(g1, g, m1)), b1*l1
			u0, u1 = w0, w1
		}
		ds[0], ds[1], ds[2], ds[3] = l0, m0, l1, m1
		spread(k, p0, q0, z0)
		spread(k+1, p1, q1, z1)
	}
	for ; k < modes; k++ {
		c, s, ds, r := coefs[width*k:][:width], before[2*k:][:2], dstate[2*k:][:2], free[:frames]
		u, v := s[0], s[1]
		for n, x := range x {
			r[n] = u
			u, v = math.FMA(c[modeC1], u, math.FMA(c[modeC2], v, x)), u
		}
		l, m, p, q, z := ds[0], ds[1], 0.0, 0.0, 0.0
		for n := frames - 1; n >= 0; n-- {
			w := s[1]
			if n > 0 {
				w = r[n-1]
			}
			dx[n] += l
			z = math.FMA(dy[n], r[n], z)
			p = math.FMA(l, r[n], p)
			q = math.FMA(l, w, q)
			l, m = math.FMA(c[modeC1], l, math.FMA(c[modeA], dy[n], m)), c[modeC2]*l
		}
		ds[0], ds[1] = l, m
		spread(k, p, q, z)
	}
}

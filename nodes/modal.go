package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(modal) }

// modal is a sum of two-pole resonators. With ρ = 10^(-3/(rate decay)),
// w = 2πf/rate, of each mode
//
//	y[n] = Σ A u[n-1],   u[n] = c1 u[n-1] + c2 u[n-2] + x[n]
//	A = v amp ρ sin w,   c1 = 2ρ cos w,   c2 = -ρ²
//
// so that an impulse is answered by v amp ρ^n sin(wn), where v fades modes out below
// half the rate, as in harmonic.go. The adjoint runs each mode
// back in time; Λ is the gradient of u[n], μ what u[n-1] has from later frames:
//
//	x̄[n] += Λ,   Ā += u[n-1] ȳ[n],   c̄1 += u[n-1] Λ,   c̄2 += u[n-2] Λ
//	Λ, μ  = A ȳ[n] + c1 Λ + μ,  c2 Λ
//
// u is recomputed for two modes at a time, which fits into the nearest cache. Where
// the processor has vectors, modes_amd64.go does this for eight and sixteen.
var modal = abi.NodeType{
	Name: "ModalNode", Family: timeBased,
	Doc: "Bank of decaying resonators, struck once or driven by the input.",
	Detail: "y = Σ_k amps_k h_k * x with h_k[n] = 10^(−3n/(rate decays_s_k)) sin(2π freqs_hz_k n/rate): decays_s is the time to −60 dB. " +
		"A mode fades out between 0.475 and 0.5 of the rate, as u²(3 − 2u) in its frequency; the gradient sees the fading. " +
		"excitation: input, or impulse: the modes are struck once, in frame 0, and the node has no input. " +
		"The gradient of a frequency is exact, but of use only from nearby.",
	Source: "J. O. Smith, Physical Audio Signal Processing, \"Modal Representation\"; M. van Walstijn, S. Mehes, An Explorative String-bridge-plate Model with Tunable Parameters, DAFx 2017.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "freqs_hz", Role: abi.Pitch, Unit: "Hz", Default: 220, Min: 1, MaxRate: 0.5, Scale: abi.Log, Vector: true, Doc: "Frequency of each mode; multiples of 220 Hz unless given."},
		{Name: "decays_s", Role: abi.Decay, Unit: "s", Default: 1, Min: 0.001, Max: 100, Scale: abi.Log, Vector: true, Doc: "Time of each mode to −60 dB."},
		{Name: "amps", Role: abi.Amplitudes, Default: 0, Min: -4, Max: 4, Vector: true, Doc: "Amplitude of each mode; 1/k unless given."},
	},
	Config: []abi.Key{
		{Name: "modes", Kind: abi.Int, Default: 8.0, Min: 1, Max: 4096, Doc: "Number of modes."},
		{Name: "excitation", Kind: abi.String, Default: "input", Enum: []string{"input", "impulse"}, Doc: "What drives the modes."},
		channelsKey,
	},
	Configure: func(s *abi.Setup) error {
		k := s.Config.Int("modes")
		var freqs, amps []float64
		for i := range k {
			freqs = append(freqs, min(220*float64(i+1), 0.45*s.Rate))
			amps = append(amps, 1/float64(i+1))
		}
		for i := range s.Params {
			s.Params[i].Len = k
		}
		s.Param("freqs_hz").Defaults, s.Param("amps").Defaults = freqs, amps
		law := modalLaw{s.Config.Text("excitation") == "impulse"}
		if law.struck {
			s.Inputs = nil
			if err := setChannels(s); err != nil {
				return err
			}
		}
		s.State, s.Coefs = 2*k, modalCoefs*k
		s.Data = law
		return nil
	},
	Scratch:      112, // tables and states of 16 modes
	FrameScratch: 21,  // x, u[n-1] of two modes, x̄ where there is no input; with vectors x, four of y or x̄, u[n-1] of eight and before
	Prepare:      modalPrepare,
	Forward:      modalForward,
	Backward:     modalBackward,
}

type modalLaw struct{ struck bool }

// The coefficients of a mode.
const (
	modalC1 = iota
	modalC2
	modalA
	modalSin // ρ sin w
	modalCos // ρ cos w
	modalRho
	modalFade   // v
	modalFading // v'
	modalCoefs
)

func modalPrepare(b *abi.Block) {
	for lane := range b.Lanes {
		freqs, decays, amps := b.Vector(0, lane), b.Vector(1, lane), b.Vector(2, lane)
		for k := range freqs {
			c := b.Coefs(lane)[modalCoefs*k:][:modalCoefs]
			rho := math.Exp(-3 * math.Ln10 / (b.Rate * decays[k]))
			sin, cos := math.Sincos(2 * math.Pi * freqs[k] / b.Rate)
			c[modalRho], c[modalSin], c[modalCos] = rho, rho*sin, rho*cos
			c[modalFade], c[modalFading] = fade(freqs[k] / b.Rate)
			c[modalC1], c[modalC2], c[modalA] = 2*rho*cos, -rho*rho, c[modalFade]*amps[k]*rho*sin
		}
	}
}

// drive returns the input, or the one impulse in frame 0.
func (law modalLaw) drive(b *abi.Block, lane int) []float64 {
	if !law.struck {
		return b.In(0, lane)
	}
	x := b.FrameScratch(lane)[:b.Frames]
	clear(x)
	if b.Frame(lane) == 0 {
		x[0] = 1
	}
	return x
}

func modalForward(b *abi.Block) {
	law := b.Data.(modalLaw)
	for lane := range b.Lanes {
		x, y, state, coefs := law.drive(b, lane), b.Out(0, lane), b.State(lane), b.Coefs(lane)
		if useAVX2 {
			modesForward(b, lane, x, b.FrameScratch(lane)[b.Frames:])
			continue
		}
		clear(y)
		y = y[:len(x)]
		k, modes := 0, len(state)/2
		for ; k+4 <= modes; k += 4 {
			c, s := coefs[modalCoefs*k:][:4*modalCoefs], state[2*k:][:8]
			a0, b0, g0 := c[0], c[1], c[2]
			a1, b1, g1 := c[modalCoefs], c[modalCoefs+1], c[modalCoefs+2]
			a2, b2, g2 := c[2*modalCoefs], c[2*modalCoefs+1], c[2*modalCoefs+2]
			a3, b3, g3 := c[3*modalCoefs], c[3*modalCoefs+1], c[3*modalCoefs+2]
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
			c, s := coefs[modalCoefs*k:][:modalCoefs], state[2*k:][:2]
			u, v := s[0], s[1]
			for n, x := range x {
				y[n] = math.FMA(c[modalA], u, y[n])
				u, v = math.FMA(c[modalC1], u, math.FMA(c[modalC2], v, x)), u
			}
			s[0], s[1] = u, v
		}
	}
}

func modalBackward(b, d *abi.Block) {
	law := b.Data.(modalLaw)
	for lane := range b.Lanes {
		x, dy := law.drive(b, lane), d.Out(0, lane)
		before, dstate, coefs, fs := b.Before(lane), d.State(lane), b.Coefs(lane), b.FrameScratch(lane)[b.Frames:]
		frames := len(x)
		if useAVX2 {
			modesBackward(b, d, lane, x, fs, fs[4*frames:], law.struck)
			continue
		}
		dx := fs[2*frames:] // nobody's, when the modes are struck
		if !law.struck {
			dx = d.In(0, lane)
		}
		dx, dy = dx[:frames], dy[:frames]
		k, modes := 0, len(before)/2
		for ; k+2 <= modes; k += 2 {
			c, s, ds := coefs[modalCoefs*k:][:2*modalCoefs], before[2*k:][:4], dstate[2*k:][:4]
			a0, b0, g0 := c[0], c[1], c[2]
			a1, b1, g1 := c[modalCoefs], c[modalCoefs+1], c[modalCoefs+2]
			r0, r1 := fs[:frames], fs[frames:][:frames]
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
			modalSpread(b, d, lane, k, p0, q0, z0)
			modalSpread(b, d, lane, k+1, p1, q1, z1)
		}
		for ; k < modes; k++ {
			c, s, ds, r := coefs[modalCoefs*k:][:modalCoefs], before[2*k:][:2], dstate[2*k:][:2], fs[:frames]
			u, v := s[0], s[1]
			for n, x := range x {
				r[n] = u
				u, v = math.FMA(c[modalC1], u, math.FMA(c[modalC2], v, x)), u
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
				l, m = math.FMA(c[modalC1], l, math.FMA(c[modalA], dy[n], m)), c[modalC2]*l
			}
			ds[0], ds[1] = l, m
			modalSpread(b, d, lane, k, p, q, z)
		}
	}
}

// modalSpread turns the gradients of c1, c2 and A of a mode into those of its
// parameters.
func modalSpread(b, d *abi.Block, lane, k int, dc1, dc2, da float64) {
	c := b.Coefs(lane)[modalCoefs*k:][:modalCoefs]
	amp, decay := b.Vector(2, lane)[k], b.Vector(1, lane)[k]
	d.Vector(2, lane)[k] += c[modalFade] * c[modalSin] * da
	d.Vector(0, lane)[k] += amp * c[modalSin] * da * c[modalFading] / b.Rate
	amp *= c[modalFade]
	d.Vector(0, lane)[k] += 2 * math.Pi / b.Rate * (amp*c[modalCos]*da - 2*c[modalSin]*dc1)
	byLog := amp*c[modalSin]*da + 2*c[modalCos]*dc1 - 2*c[modalRho]*c[modalRho]*dc2 // by ln ρ
	d.Vector(1, lane)[k] += byLog * 3 * math.Ln10 / (b.Rate * decay * decay)
}

package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(harmonicOscillator) }

// harmonicOscillator is a sum of partials on one pitch. With Φ in cycles,
//
//	Φ[n] = Φ[n-1] + f0[n]/rate,   r_k = k √(1 + B k²)
//	y[n] = Σ_k v(r_k f0[n]/rate) a_k sin 2π(r_k Φ[n] + p_k)
//
// where v fades partials out below half the rate. While f0 is held, a partial
// is a recursion s[n+1] = 2cos w s[n] - s[n-1], begun anew at absolute multiples
// of harmonicChunk frames; the state keeps Φ there, so that a block which begins
// between them has the same bits. The adjoint of a piece of j = 0, 1, … frames
// needs two sums per partial, by Goertzel's recursion:
//
//	E_k = Σ_j ȳ[j] e^{i w_k j},   J_k = Σ_j j ȳ[j] e^{i w_k j}
//
// times e^{iθ_k}, the phase at its start. With C + iS the first, and D the real
// part of the second:
//
//	ā_k += v S,   p̄_k += 2π v a C,   Φ̄ += 2π r v a C,   f̄0 += 2π r v a D/rate
//	r̄_k += 2π v a (Φ C + f0/rate D),   v̄ += a S
//
// When f0 is modulated every frame stands alone: the partials of a frame follow
// from each other by a rotation if B is 0.
var harmonicOscillator = abi.NodeType{
	Name: "HarmonicOscillatorNode", Family: sources,
	Doc: "Additive oscillator: harmonic partials on one pitch, stretched by inharmonicity.",
	Detail: "y[n] = Σ_k amps_k sin 2π(k√(1 + inharmonicity·k²) Φ[n] + phases_k), Φ[n] = Φ[n−1] + f0_hz[n]/rate, k from 1. " +
		"A partial fades out between 0.475 and 0.5 of the rate, as u²(3 − 2u) in its frequency, and is silent above; the gradient sees the fading. " +
		"The gradient of the pitch is exact, but a waveform loss has a minimum for almost every cycle of the run: start near, or use a spectral loss.",
	Source:  "X. Serra, J. O. Smith, Spectral Modeling Synthesis, CMJ 14(4), 1990; J. Engel et al., DDSP, ICLR 2020; H. Fletcher, Normal Vibration Frequencies of a Stiff Piano String, JASA 36, 1964 (inharmonicity).",
	Outputs: out,
	Params: []abi.Param{
		{Name: "f0_hz", Unit: "Hz", Default: 220, Min: 10, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Pitch."},
		{Name: "amps", Default: 0, Min: 0, Max: 4, Vector: true, Doc: "Amplitude of each partial; 1/k unless given."},
		{Name: "phases", Unit: "cycles", Default: 0, Scale: abi.Periodic, Vector: true, Doc: "Phase of each partial before the first frame."},
		{Name: "inharmonicity", Default: 0, Min: 0, Max: 0.01, Doc: "B: partial k is sharp by √(1 + B k²)."},
	},
	Config: []abi.Key{{Name: "harmonics", Kind: abi.Int, Default: 16.0, Min: 1, Max: 1024, Doc: "Number of partials."}},
	Configure: func(s *abi.Setup) error {
		k := s.Config.Int("harmonics")
		amps, phases := s.Param("amps"), s.Param("phases")
		amps.Len, phases.Len = k, k
		amps.Defaults = nil
		for i := range k {
			amps.Defaults = append(amps.Defaults, 1/float64(i+1))
		}
		s.Coefs, s.Scratch = partialCoefs*(k+3), 2*k
		return nil
	},
	State:        2, // Φ[n-1], and Φ in the first frame of the chunk
	FrameScratch: 1, // j ȳ[j], or Φ
	Prepare:      harmonicPrepare,
	Forward:      harmonicForward,
	Backward:     harmonicBackward,
}

// harmonicChunk is how long a recursion runs: its rounding grows as the square.
const harmonicChunk = 128

// The coefficients of a partial that stays.
const (
	partialRatio   = iota // r
	partialAmp            // v a
	partialStep           // w in cycles
	partialCos            // cos w
	partialSin            // sin w
	partialFade           // v
	partialFading         // ∂v/∂f, f in units of the rate
	partialStretch        // ∂r/∂B
	partialCoefs
)

// fade returns the weight of a partial of f times the rate, and its slope.
func fade(f float64) (v, slope float64) {
	u := (0.5 - f) / 0.025
	switch {
	case u >= 1:
		return 1, 0
	case u <= 0:
		return 0, 0
	}
	return u * u * (3 - 2*u), -6 * u * (1 - u) / 0.025
}

// stretched returns the ratio of partial k and its slope by the inharmonicity.
func stretched(k, b float64) (r, slope float64) {
	root := math.Sqrt(1 + b*k*k)
	return k * root, k * k * k / (2 * root)
}

func harmonicPrepare(b *abi.Block) {
	for lane := range b.Lanes {
		c, amps := b.Coefs(lane), b.Vector(1, lane)
		f, inharmonicity := b.Param(0, lane).At(0)/b.Rate, b.Param(3, lane).At(0)
		clear(c) // up to three partials of silence complete the last four
		for k, a := range amps {
			c := c[partialCoefs*k:][:partialCoefs]
			c[partialRatio], c[partialStretch] = stretched(float64(k+1), inharmonicity)
			step := c[partialRatio] * f
			c[partialFade], c[partialFading] = fade(step)
			c[partialAmp], c[partialStep] = c[partialFade]*a, step
			c[partialCos], c[partialSin] = cosTurn(step), sinTurn(step)
		}
	}
}

func harmonicForward(b *abi.Block) {
	for lane := range b.Lanes {
		if !b.Held() {
			harmonicVarying(b, lane)
			continue
		}
		y, state, c, phases := b.Out(0, lane), b.State(lane), b.Coefs(lane), b.Vector(2, lane)
		step := b.Param(0, lane).At(0) / b.Rate
		last, seed := state[0], state[1]
		clear(y)
		at := int(b.Frame(lane) % harmonicChunk)
		skip := at
		for len(y) > 0 {
			if at == 0 || math.Abs(last+step-(seed+float64(skip)*step)) > 1e-9*(1+math.Abs(last)) {
				seed, skip = last+step, 0 // the chunk begins, or the pitch was set within it
			}
			frames := min(harmonicChunk-at, len(y))
			for k := 0; k < len(phases); k += 4 {
				harmonicRun(y[:frames], skip, seed, c[partialCoefs*k:][:4*partialCoefs], phases[k:])
			}
			for range frames {
				last += step
			}
			y, at, skip = y[frames:], 0, 0
		}
		state[0], state[1] = last, seed
	}
}

// harmonicRun adds four partials to y, whose frames come after skip others.
func harmonicRun(y []float64, skip int, seed float64, c, phases []float64) {
	var p, q, w [4]float64 // s[n], s[n-1], 2cos
	silent := true
	for i := range 4 {
		c := c[partialCoefs*i:][:partialCoefs]
		if c[partialAmp] != 0 {
			turn := c[partialRatio]*seed + phases[i]
			p[i], q[i], w[i] = c[partialAmp]*sinTurn(turn), c[partialAmp]*sinTurn(turn-c[partialStep]), 2*c[partialCos]
			silent = false
		}
	}
	if silent {
		return
	}
	p0, p1, p2, p3, q0, q1, q2, q3, w0, w1, w2, w3 := p[0], p[1], p[2], p[3], q[0], q[1], q[2], q[3], w[0], w[1], w[2], w[3]
	for range skip {
		p0, q0 = math.FMA(w0, p0, -q0), p0
		p1, q1 = math.FMA(w1, p1, -q1), p1
		p2, q2 = math.FMA(w2, p2, -q2), p2
		p3, q3 = math.FMA(w3, p3, -q3), p3
	}
	for n := range y {
		y[n] += (p0 + p1) + (p2 + p3)
		p0, q0 = math.FMA(w0, p0, -q0), p0
		p1, q1 = math.FMA(w1, p1, -q1), p1
		p2, q2 = math.FMA(w2, p2, -q2), p2
		p3, q3 = math.FMA(w3, p3, -q3), p3
	}
}

// partial walks over the partials of one frame.
type partial struct {
	b              float64 // inharmonicity
	turn           float64 // Φ
	s, c, s1, c1   float64 // sin and cos of 2π k Φ, and of 2π Φ
	ratio, stretch float64
	k              float64
}

func newPartial(turn, b float64) partial {
	p := partial{b: b, turn: turn, c: 1}
	if b == 0 {
		p.s1, p.c1 = sinTurn(turn), cosTurn(turn)
	}
	return p
}

func (p *partial) next() {
	p.k++
	if p.b == 0 {
		p.s, p.c = p.s*p.c1+p.c*p.s1, p.c*p.c1-p.s*p.s1
		p.ratio, p.stretch = p.k, p.k*p.k*p.k/2
		return
	}
	p.ratio, p.stretch = stretched(p.k, p.b)
	p.s, p.c = sinTurn(p.ratio*p.turn), cosTurn(p.ratio*p.turn)
}

// harmonicPhases writes sine and cosine of the phases into scratch memory.
func harmonicPhases(b *abi.Block, lane int) []float64 {
	z := b.Scratch(lane)
	for k, p := range b.Vector(2, lane) {
		z[2*k], z[2*k+1] = sinTurn(p), cosTurn(p)
	}
	return z
}

func harmonicVarying(b *abi.Block, lane int) {
	y, state, amps, z := b.Out(0, lane), b.State(lane), b.Vector(1, lane), harmonicPhases(b, lane)
	f0, inharmonicity := b.Param(0, lane), b.Param(3, lane).At(0)
	last := state[0]
	for n := range y {
		f := f0.At(n) / b.Rate
		last += f
		if (b.Frame(lane)+int64(n))%harmonicChunk == 0 {
			state[1] = last
		}
		p, sum := newPartial(last, inharmonicity), 0.0
		for k, a := range amps {
			p.next()
			v, _ := fade(p.ratio * f)
			if v == 0 {
				break // so are all above
			}
			sum += v * a * (p.s*z[2*k+1] + p.c*z[2*k])
		}
		y[n] = sum
	}
	state[0] = last
}

func harmonicBackward(b, d *abi.Block) {
	for lane := range b.Lanes {
		dy, dstate := d.Out(0, lane), d.State(lane)
		if !b.Held() {
			harmonicVaryingBack(b, d, lane)
			continue
		}
		c, amps, phases := b.Coefs(lane), b.Vector(1, lane), b.Vector(2, lane)
		damps, dphases := d.Vector(1, lane), d.Vector(2, lane)
		f := b.Param(0, lane).At(0) / b.Rate
		ramp := b.FrameScratch(lane)
		last, lambda, dstretch := b.Before(lane)[0], dstate[0], 0.0
		df := lambda * float64(len(dy)) // Φ after the block
		if begins := chunkBegins(b, lane); begins >= 0 {
			lambda += dstate[1]
			df += dstate[1] * float64(begins+1)
			dstate[1] = 0
		}
		for from := 0; from < len(dy); from += harmonicChunk {
			g := dy[from:min(from+harmonicChunk, len(dy))]
			for j := range g {
				ramp[j] = float64(j) * g[j]
			}
			start := last + f*float64(from+1) // Φ in the first frame
			for k := 0; k < len(amps); k += 2 {
				var e [8]float64
				ck := c[partialCoefs*k:][:2*partialCoefs]
				if ck[partialFade] == 0 {
					break // so are all above
				}
				goertzel(&e, g, ramp[:len(g)], 2*ck[partialCos], 2*ck[partialCoefs+partialCos])
				for i := range min(2, len(amps)-k) {
					c := ck[partialCoefs*i:][:partialCoefs]
					s, cos := sinTurn(c[partialRatio]*start+phases[k+i]), cosTurn(c[partialRatio]*start+phases[k+i])
					e := e[4*i:][:4]
					er, ei := e[0]-c[partialCos]*e[1], c[partialSin]*e[1]
					jr, ji := e[2]-c[partialCos]*e[3], c[partialSin]*e[3]
					cosSum, sinSum, rampSum := cos*er-s*ei, s*er+cos*ei, cos*jr-s*ji
					a := 2 * math.Pi * c[partialAmp]
					damps[k+i] += c[partialFade] * sinSum
					dphases[k+i] += a * cosSum
					lambda += a * c[partialRatio] * cosSum
					dv := amps[k+i] * sinSum * c[partialFading]
					byFrames := float64(from+1)*cosSum + rampSum
					df += a*c[partialRatio]*byFrames + dv*c[partialRatio]
					dstretch += c[partialStretch] * (a*(last*cosSum+f*byFrames) + dv*f)
				}
			}
		}
		d.Param(0, lane).Add(0, df/b.Rate)
		d.Param(3, lane).Add(0, dstretch)
		dstate[0] = lambda
	}
}

// chunkBegins returns the last frame of the block in which a chunk begins, which
// is where the second value of the state comes from; -1: it was there before.
func chunkBegins(b *abi.Block, lane int) int {
	end := b.Frame(lane) + int64(b.Frames) - 1
	return max(-1, int(end-end%harmonicChunk-b.Frame(lane)))
}

// goertzel runs u = x + w u' - u” backward over two rows for two partials, and
// leaves the last two values of each.
func goertzel(e *[8]float64, x, y []float64, w0, w1 float64) {
	var a0, a1, b0, b1, p0, p1, q0, q1 float64
	y = y[:len(x)]
	for n := len(x) - 1; n >= 0; n-- {
		a0, a1 = math.FMA(w0, a0, x[n]-a1), a0
		b0, b1 = math.FMA(w0, b0, y[n]-b1), b0
		p0, p1 = math.FMA(w1, p0, x[n]-p1), p0
		q0, q1 = math.FMA(w1, q0, y[n]-q1), q0
	}
	*e = [8]float64{a0, a1, b0, b1, p0, p1, q0, q1}
}

func harmonicVaryingBack(b, d *abi.Block, lane int) {
	dy, dstate, amps, z := d.Out(0, lane), d.State(lane), b.Vector(1, lane), harmonicPhases(b, lane)
	damps, dphases, df0 := d.Vector(1, lane), d.Vector(2, lane), d.Param(0, lane)
	f0, inharmonicity := b.Param(0, lane), b.Param(3, lane).At(0)
	turns := b.FrameScratch(lane)
	last := b.Before(lane)[0]
	for n := range turns {
		last += f0.At(n) / b.Rate
		turns[n] = last
	}
	begins, dseed := chunkBegins(b, lane), dstate[1]
	if begins >= 0 {
		dstate[1] = 0
	}
	lambda, dstretch := dstate[0], 0.0
	for n := len(dy) - 1; n >= 0; n-- {
		f, g, df := f0.At(n)/b.Rate, dy[n], 0.0
		p := newPartial(turns[n], inharmonicity)
		for k, a := range amps {
			p.next()
			v, fading := fade(p.ratio * f)
			if v == 0 {
				break
			}
			s, c := p.s*z[2*k+1]+p.c*z[2*k], p.c*z[2*k+1]-p.s*z[2*k]
			damps[k] += v * s * g
			slope := 2 * math.Pi * v * a * c * g
			dphases[k] += slope
			lambda += p.ratio * slope
			dv := a * s * g * fading
			df += p.ratio * dv
			dstretch += p.stretch * (turns[n]*slope + f*dv)
		}
		if n == begins {
			lambda += dseed
		}
		df0.Add(n, (df+lambda)/b.Rate)
	}
	d.Param(3, lane).Add(0, dstretch)
	dstate[0] = lambda
}

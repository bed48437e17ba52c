package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(harmonicOscillator) }

// harmonicOscillator is a sum of partials on one pitch. With Φ in cycles,
//
//	Φ[n] = Φ[n-1] + f0[n]/rate,   r_k = k √(1 + B k²)
//	y[n] = Σ_k v(r_k f0[n]/rate) a_k sin 2π(r_k Φ[n] + p_k)
//
// where v fades partials out below half the rate. While f0 is held, a partial
// is a sine as in kernel/sines.go, begun anew at absolute multiples of kernel.SineChunk frames;
// the state keeps Φ there, so that a block which begins between them has the same
// bits. The adjoint of a piece of j = 0, 1, … frames needs two sums per partial:
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
		{Name: "f0_hz", Role: abi.Pitch, Unit: "Hz", Default: 220, Min: 10, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Pitch."},
		{Name: "amps", Role: abi.Amplitudes, Default: 0, Min: 0, Max: 4, Vector: true, Doc: "Amplitude of each partial; 1/k unless given."},
		{Name: "phases", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Vector: true, Doc: "Phase of each partial before the first frame."},
		{Name: "inharmonicity", Role: abi.Other, Default: 0, Min: 0, Max: 0.01, Doc: "B: partial k is sharp by √(1 + B k²)."},
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
		four := (k + 3) &^ 3
		s.Coefs, s.Scratch = partialCoefs*k+kernel.SineTables(k), max(7*four+2*kernel.SineChunk, 17*k)
		return nil
	},
	State:        2, // Φ[n-1], and Φ in the first frame of the chunk
	FrameScratch: 1, // Φ
	Prepare:      lanes(harmonicPrepare),
	Forward:      lanes(harmonicForward),
	Backward:     lanePairs(harmonicBackward),
}

// The coefficients of a partial that stays.
const (
	partialRatio   = iota // r
	partialAmp            // v a
	partialFade           // v
	partialFading         // ∂v/∂f, f in units of the rate
	partialStretch        // ∂r/∂B
	partialCoefs
)

// stretched returns the ratio of partial k and its slope by the inharmonicity.
func stretched(k, b float64) (r, slope float64) {
	root := math.Sqrt(1 + b*k*k)
	return k * root, k * k * k / (2 * root)
}

func harmonicPrepare(b *abi.Block, lane int) {
	c, amps := b.Coefs(lane), b.Vector(1, lane)
	f, inharmonicity := b.Param(0, lane).At(0)/b.Rate, b.Param(3, lane).At(0)
	clear(c)
	tables := c[partialCoefs*len(amps):]
	for k, a := range amps {
		c := c[partialCoefs*k:][:partialCoefs]
		c[partialRatio], c[partialStretch] = stretched(float64(k+1), inharmonicity)
		step := c[partialRatio] * f
		c[partialFade], c[partialFading] = kernel.Fade(step)
		c[partialAmp] = c[partialFade] * a
		kernel.SetSine(tables[kernel.SineTable*k:], step, 0)
	}
}

// heldPartials is the view of a lane whose pitch stays.
type heldPartials struct {
	c, tables, phases    []float64
	step                 float64
	turns, phasors, sums []float64 // of so many partials, by fours, as are heard
	x, ramp              []float64
}

func newHeldPartials(b *abi.Block, lane int) heldPartials {
	h := heldPartials{c: b.Coefs(lane), phases: b.Vector(2, lane), step: b.Param(0, lane).At(0) / b.Rate}
	k := len(h.phases)
	h.tables = h.c[partialCoefs*k:]
	heard := 0
	for heard < k && h.c[partialCoefs*heard+partialFade] != 0 {
		heard++ // the higher ones are silent too
	}
	heard = (heard + 3) &^ 3
	m := b.Scratch(lane)
	h.turns, h.phasors, h.sums, m = m[:heard], m[heard:3*heard], m[3*heard:7*heard], m[7*heard:]
	h.x, h.ramp = m[:kernel.SineChunk], m[kernel.SineChunk:2*kernel.SineChunk]
	return h
}

// turn sets sine and cosine of the partials where the first is at turn.
func (h *heldPartials) turn(turn float64) {
	clear(h.turns)
	for k := range min(len(h.turns), len(h.phases)) {
		h.turns[k] = h.c[partialCoefs*k+partialRatio]*turn + h.phases[k]
	}
	kernel.SinCosTurns(h.phasors, h.turns)
}

func harmonicForward(b *abi.Block, lane int) {
	if !b.Held() {
		harmonicVarying(b, lane)
		return
	}
	h, y, state := newHeldPartials(b, lane), b.Out(0, lane), b.State(lane)
	last, seed := state[0], state[1]
	at := int(b.Frame(lane) % kernel.SineChunk)
	for len(y) > 0 {
		if at == 0 {
			seed = last + h.step
		} else if math.Abs(last+h.step-(seed+float64(at)*h.step)) > 1e-9*(1+math.Abs(last)) {
			seed = last + h.step - float64(at)*h.step // the pitch was set within the chunk
		}
		frames := min(kernel.SineChunk-at, len(y))
		h.turn(seed)
		for k := range min(len(h.turns), len(h.phases)) {
			a := h.c[partialCoefs*k+partialAmp]
			h.phasors[2*k] *= a
			h.phasors[2*k+1] *= a
		}
		for k := 2 * len(h.phases); k < len(h.phasors); k++ {
			h.phasors[k] = 0
		}
		sum := h.x[:(at+frames+7)&^7] // from where the chunk begins
		clear(sum)
		kernel.AddSines(sum, h.tables, h.phasors, false)
		copy(y[:frames], sum[at:])
		last = seed + float64(at+frames-1)*h.step
		y, at = y[frames:], 0
	}
	state[0], state[1] = last, seed
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
		p.s1, p.c1 = kernel.SinTurn(turn), kernel.CosTurn(turn)
	}
	return p
}

func (p *partial) next() {
	p.k++
	if p.b == 0 {
		p.s, p.c = math.FMA(p.s, p.c1, p.c*p.s1), math.FMA(p.c, p.c1, -(p.s*p.s1))
		p.ratio, p.stretch = p.k, p.k*p.k*p.k/2
		return
	}
	p.ratio, p.stretch = stretched(p.k, p.b)
	p.s, p.c = kernel.SinTurn(p.ratio*p.turn), kernel.CosTurn(p.ratio*p.turn)
}

// harmonicPhases writes sine and cosine of the phases into scratch memory.
func harmonicPhases(b *abi.Block, lane int) []float64 {
	z := b.Scratch(lane)
	for k, p := range b.Vector(2, lane) {
		z[2*k], z[2*k+1] = kernel.SinTurn(p), kernel.CosTurn(p)
	}
	return z
}

func harmonicVarying(b *abi.Block, lane int) {
	y, state, amps, z := b.Out(0, lane), b.State(lane), b.Vector(1, lane), harmonicPhases(b, lane)
	f0, inharmonicity := b.Param(0, lane), b.Param(3, lane).At(0)
	coefs := b.Scratch(lane)[2*len(amps):][:2*len(amps)]
	for k, a := range amps {
		coefs[2*k], coefs[2*k+1] = a*z[2*k+1], a*z[2*k]
	}
	turns, last := b.FrameScratch(lane), state[0]
	for n := range turns {
		last += f0.At(n) / b.Rate
		turns[n] = last
		if (b.Frame(lane)+int64(n))%kernel.SineChunk == 0 {
			state[1] = last
		}
	}
	state[0] = last
	var walk [4][8]float64 // of eight frames, where vectors have done the first partials
	done := 0
	for n := range y {
		if i := n % 8; i == 0 {
			done = 0
			if inharmonicity == 0 && n+8 <= len(y) {
				done = kernel.PartialsEight(y[n:n+8], &walk, turns[n:n+8], coefs, whole(f0, n, 8, b.Rate, len(amps)))
			}
		}
		if done == len(amps) {
			continue
		}
		f, sum := f0.At(n)/b.Rate, 0.0
		var p partial
		if i := n % 8; done > 0 {
			p = partial{turn: turns[n], s1: walk[0][i], c1: walk[1][i], s: walk[2][i], c: walk[3][i], k: float64(done)}
			sum = y[n]
		} else {
			p = newPartial(turns[n], inharmonicity)
		}
		for k := done; k < len(amps); k++ {
			p.next()
			v, _ := kernel.Fade(p.ratio * f)
			if v == 0 {
				break // so are all above
			}
			sum = math.FMA(p.c, v*coefs[2*k+1], math.FMA(p.s, v*coefs[2*k], sum))
		}
		y[n] = sum
	}
}

// whole returns how many of the partials do not fade in any of some frames, if
// their ratios are whole numbers.
func whole(f0 abi.Values, n, frames int, rate float64, partials int) int {
	most := 0.0
	for i := range frames {
		most = max(most, f0.At(n+i)/rate)
	}
	return min(partials, int(0.4749/most))
}

func harmonicBackward(b, d *abi.Block, lane int) {
	dy, dstate := d.Out(0, lane), d.State(lane)
	if !b.Held() {
		harmonicVaryingBack(b, d, lane)
		return
	}
	h, amps, f := newHeldPartials(b, lane), b.Vector(1, lane), b.Param(0, lane).At(0)/b.Rate
	damps, dphases := d.Vector(1, lane), d.Vector(2, lane)
	last, lambda, dstretch := b.Before(lane)[0], dstate[0], 0.0
	df := lambda * float64(len(dy)) // Φ after the block
	if begins := kernel.SineChunkBegins(b, lane); begins >= 0 {
		lambda += dstate[1]
		df += dstate[1] * float64(begins+1)
		dstate[1] = 0
	}
	for from := 0; from < len(dy); from += kernel.SineChunk {
		g, ramp := kernel.SineRamp(h.x, h.ramp, dy[from:min(from+kernel.SineChunk, len(dy))])
		h.turn(last + f*float64(from+1)) // Φ in the first frame
		kernel.SumSines(h.sums, g, ramp, h.tables)
		for k := range min(len(h.turns), len(amps)) {
			c, e := h.c[partialCoefs*k:][:partialCoefs], h.sums[4*k:][:4]
			s, cos := h.phasors[2*k], h.phasors[2*k+1]
			cosSum, sinSum, rampSum := cos*e[0]-s*e[1], s*e[0]+cos*e[1], cos*e[2]-s*e[3]
			a := 2 * math.Pi * c[partialAmp]
			damps[k] += c[partialFade] * sinSum
			dphases[k] += a * cosSum
			lambda += a * c[partialRatio] * cosSum
			dv := amps[k] * sinSum * c[partialFading]
			byFrames := float64(from+1)*cosSum + rampSum
			df += a*c[partialRatio]*byFrames + dv*c[partialRatio]
			dstretch += c[partialStretch] * (a*(last*cosSum+f*byFrames) + dv*f)
		}
	}
	d.Param(0, lane).Add(0, df/b.Rate)
	d.Param(3, lane).Add(0, dstretch)
	dstate[0] = lambda
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
	begins, dseed := kernel.SineChunkBegins(b, lane), dstate[1]
	if begins >= 0 {
		dstate[1] = 0
	}
	lambda, dstretch := dstate[0], 0.0
	m := b.Scratch(lane)[2*len(amps):]
	coefs, sums := m[:3*len(amps)], m[3*len(amps):15*len(amps)]
	clear(sums)
	for k, a := range amps {
		coefs[3*k], coefs[3*k+1], coefs[3*k+2] = z[2*k+1], z[2*k], 2*math.Pi*a*float64(k+1)
	}
	var walk [7][4]float64 // of four frames, where vectors do the first partials
	done := 0
	for n := len(dy) - 1; n >= 0; n-- {
		if i := n % 4; i == 3 || n == len(dy)-1 {
			done = 0
			if inharmonicity == 0 && i == 3 {
				done = kernel.PartialsBack(&walk, turns[n-3:n+1], dy[n-3:n+1], coefs, sums, whole(f0, n-3, 4, b.Rate, len(amps)))
			}
		}
		f, g, df := f0.At(n)/b.Rate, dy[n], 0.0
		var p partial
		if i := n % 4; done > 0 {
			p = partial{turn: turns[n], s1: walk[0][i], c1: walk[1][i], s: walk[2][i], c: walk[3][i], k: float64(done)}
			lambda += walk[6][i]
		} else {
			p = newPartial(turns[n], inharmonicity)
		}
		for k := done; k < len(amps); k++ {
			a := amps[k]
			p.next()
			v, fading := kernel.Fade(p.ratio * f)
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
	for k, a := range amps { // what the vectors gathered
		w := sums[12*k:][:12]
		cube := float64(k+1) * float64(k+1) * float64(k+1)
		damps[k] += (w[0] + w[1]) + (w[2] + w[3])
		dphases[k] += 2 * math.Pi * a * ((w[4] + w[5]) + (w[6] + w[7]))
		dstretch += cube / 2 * 2 * math.Pi * a * ((w[8] + w[9]) + (w[10] + w[11]))
	}
	d.Param(3, lane).Add(0, dstretch)
	dstate[0] = lambda
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(sinusoidBank) }

// sinusoidBank is a sum of independent partials. With t = n/rate,
//
//	τ[n+1] = τ[n] + h[n],   h = 2^(glide e^{-t/glide_s})/rate,   τ[0] = 0   (without glide: τ = t)
//	y[n] = Σ_k v(f_k h) min(1, t/attack_k) a_k e^{-d_k t} sin 2π(f_k τ[n] + p_k)
//
// where v fades partials out below half the rate, as kernel.Fade does. Where attack
// and glide are over, a partial is a damped sine as in kernel/sines.go, begun anew at
// absolute multiples of kernel.SineChunk frames. Its adjoint needs two sums per piece,
// with z = e^{-d/rate + 2πi f/rate}: with C + iS that of ȳ[j] z^j and D + iT that
// of j ȳ[j] z^j, both turned to the phase where the piece begins, at t0 and τ0,
// and E = v e^{-d t0},
//
//	ā += E S,   p̄ += 2π a E C,   f̄ += 2π a E (τ0 C + D/rate) + a E S v'/(v rate),   d̄ -= a E (t0 S + T/rate)
//
// Elsewhere every frame is taken on its own, and τ̄ is summed back in time.
//
// The surrogate of Hayes et al. is the gradient by the pole z. Here it is given
// as that gradient divided by z: its imaginary part is a change of w, its real
// part one of ln ρ = -d/rate.
var sinusoidBank = abi.NodeType{
	Name: "SinusoidBankNode", Family: sources,
	Doc: "Independent sinusoidal partials with decay, attack and a common glide.",
	Detail: "y = Σ_k amps_k min(1, t/attacks_ms_k) e^(−decays_k t) sin 2π(freqs_hz_k τ + phases_k), t the time since frame 0; τ = t, or with glide_oct or glide_s given the integral of 2^(glide_oct e^(−t/glide_s)). " +
		"A partial fades out between 0.475 and 0.5 of the rate, as u²(3 − 2u) in its frequency at the time, and is silent above; the gradient sees the fading. " +
		"At the end of an attack the slope is that after it. The gradient of a frequency is exact, but of use only from nearby. " +
		"surrogate: true gives freqs_hz and decays the gradient by the pole z = e^((−decay + 2πi freq)/rate), divided by z: the decay then widens the basin while a frequency is far off. " +
		"With decays learned too, the way leads through damped partials to the frequency.",
	Source:  "B. Hayes, C. Saitis, G. Fazekas, Sinusoidal Frequency Estimation by Gradient Descent, ICASSP 2023.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "freqs_hz", Role: abi.Pitch, Unit: "Hz", Default: 220, Min: 1, MaxRate: 0.5, Scale: abi.Log, Vector: true, Doc: "Frequency of each partial; multiples of 220 Hz unless given."},
		{Name: "amps", Role: abi.Amplitudes, Default: 0, Min: 0, Max: 4, Vector: true, Doc: "Amplitude of each partial; 1/k unless given."},
		{Name: "phases", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Vector: true, Doc: "Phase of each partial in frame 0."},
		{Name: "decays", Role: abi.Decay, Unit: "1/s", Default: 0, Min: 0, Max: 1000, Vector: true, Doc: "Decay rate of each partial; 6.91/t60."},
		{Name: "attacks_ms", Role: abi.Attack, Unit: "ms", Default: 0, Min: 0, Max: 1000, Vector: true, Doc: "Linear attack of each partial."},
		{Name: "glide_oct", Role: abi.Interval, Unit: "octaves", Default: 0, Min: -4, Max: 4, Doc: "How far all pitches are off in frame 0; absent: not at all."},
		{Name: "glide_s", Role: abi.Other, Unit: "s", Default: 0.05, Min: 0.001, Max: 10, Scale: abi.Log, Doc: "Time constant of the way back."},
	},
	Config: []abi.Key{
		{Name: "partials", Kind: abi.Int, Default: 8.0, Min: 1, Max: 1024, Doc: "Number of partials."},
		{Name: "surrogate", Kind: abi.Bool, Default: false, Doc: "Give the gradient by the complex pole."},
	},
	Configure: func(s *abi.Setup) error {
		k := s.Config.Int("partials")
		law := bankLaw{glides: s.Given("glide_oct") || s.Given("glide_s"), surrogate: s.Config.Bool("surrogate")}
		for i := range s.Params {
			if s.Params[i].Vector {
				s.Params[i].Len = k
			}
		}
		s.Param("freqs_hz").Defaults, s.Param("amps").Defaults = harmonicSeries(k, s.Rate)
		if !law.glides {
			s.Drop("glide_oct")
			s.Drop("glide_s")
			s.State = 0
		}
		four := (k + 3) &^ 3
		s.Coefs, s.Scratch = bankCoefs*k+kernel.SineTables(k), 7*four+2*kernel.SineChunk
		s.Surrogate = law.surrogate
		s.Data = law
		return nil
	},
	State:        2, // τ, and τ in the first frame of the chunk
	FrameScratch: 4, // τ and h, τ̄ and h̄
	Prepare:      lanes(bankPrepare),
	Forward:      lanes(bankForward),
	Backward:     lanePairs(bankBackward),
}

type bankLaw struct{ glides, surrogate bool }

// The coefficients of a partial.
const (
	bankFade   = iota // v where the glide is over
	bankFading        // v'
	bankDamping
	bankCoefs
)

func bankPrepare(b *abi.Block, lane int) {
	freqs, decays, c := b.Vector(0, lane), b.Vector(3, lane), b.Coefs(lane)
	tables := c[bankCoefs*len(freqs):]
	clear(tables)
	for k, f := range freqs {
		c := c[bankCoefs*k:][:bankCoefs]
		c[bankFade], c[bankFading] = kernel.Fade(f / b.Rate)
		c[bankDamping] = decays[k] / b.Rate
		kernel.SetSine(tables[kernel.SineTable*k:], f/b.Rate, c[bankDamping])
	}
}

// bank is the view of one lane.
type bank struct {
	freqs, amps, phases, decays, attacks, c, tables []float64
	turns, phasors, sums, x, ramp                   []float64 // of partials by fours; of a chunk
	taus, steps                                     []float64 // of the block
	glide, glideS, rate                             float64
	glides, damped                                  bool
}

func newBank(b *abi.Block, lane int) bank {
	k := bank{
		freqs: b.Vector(0, lane), amps: b.Vector(1, lane), phases: b.Vector(2, lane), decays: b.Vector(3, lane), attacks: b.Vector(4, lane),
		c: b.Coefs(lane), rate: b.Rate, glides: b.Data.(bankLaw).glides,
	}
	k.tables = k.c[bankCoefs*len(k.freqs):]
	four, m := (len(k.freqs)+3)&^3, b.Scratch(lane)
	k.turns, k.phasors, k.sums, m = m[:four], m[four:3*four], m[3*four:7*four], m[7*four:]
	k.x, k.ramp = m[:kernel.SineChunk], m[kernel.SineChunk:2*kernel.SineChunk]
	fs := b.FrameScratch(lane)
	k.taus, k.steps = fs[:b.Frames], fs[b.Frames:2*b.Frames]
	for _, d := range k.decays {
		k.damped = k.damped || d != 0
	}
	if k.glides {
		k.glide, k.glideS = b.Param(5, lane).At(0), b.Param(6, lane).At(0)
	}
	return k
}

// times writes τ and h of the block, and returns τ after it. Where every partial
// is even from its first frame on, nobody asks for them.
func (k *bank) times(frame int64, tau float64) float64 {
	steady := 1 / k.rate
	for n := range k.taus {
		at := frame + int64(n)
		if !k.glides {
			k.taus[n], k.steps[n] = float64(at)/k.rate, steady
			continue
		}
		h := steady
		if !k.settled(at) {
			h = math.Exp2(k.glide*math.Exp(-float64(at)/(k.rate*k.glideS))) / k.rate
		}
		k.taus[n], k.steps[n] = tau, h
		tau += h
	}
	return tau
}

// settled reports whether the glide is over, by any precision.
func (k *bank) settled(frame int64) bool {
	return !k.glides || float64(frame) > 45*k.glideS*k.rate
}

// even reports whether partial i is a damped sine from this frame on.
func (k *bank) even(i int, frame int64) bool {
	return 1000*float64(frame) >= k.attacks[i]*k.rate && k.settled(frame)
}

// allEven reports it for all of them.
func (k *bank) allEven(frame int64) bool {
	for i := range k.attacks {
		if !k.even(i, frame) {
			return false
		}
	}
	return true
}

// attack returns the attack at a frame, and its slope by attacks_ms.
func (k *bank) attack(i int, frame int64) (attack, slope float64) {
	if t := 1000 * float64(frame) / k.rate; t < k.attacks[i] {
		return t / k.attacks[i], -t / (k.attacks[i] * k.attacks[i])
	}
	return 1, 0
}

// decay returns that of partial i at a frame.
func (k *bank) decay(i int, frame int64) float64 {
	if k.decays[i] == 0 {
		return 1
	}
	return math.Exp(-k.c[bankCoefs*i+bankDamping] * float64(frame))
}

// turn sets sine and cosine of the partials at τ.
func (k *bank) turn(tau float64) {
	clear(k.turns)
	for i, f := range k.freqs {
		k.turns[i] = f*tau + k.phases[i]
	}
	kernel.SinCosTurns(k.phasors, k.turns)
}

func bankForward(b *abi.Block, lane int) {
	k, y, frame := newBank(b, lane), b.Out(0, lane), b.Frame(lane)
	tau, seed := 0.0, 0.0
	if k.glides {
		tau, seed = b.State(lane)[0], b.State(lane)[1]
	}
	if k.glides || !k.allEven(frame-frame%kernel.SineChunk) {
		tau = k.times(frame, tau)
	}
	for from := 0; from < len(y); {
		at := frame + int64(from)
		skip := int(at % kernel.SineChunk)
		first := at - int64(skip)
		if !k.glides {
			seed = float64(first) / k.rate
		} else if skip == 0 {
			seed = k.taus[from]
		}
		frames := min(kernel.SineChunk-skip, len(y)-from)
		k.turn(seed)
		for i, a := range k.amps {
			if k.even(i, first) {
				a *= k.c[bankCoefs*i+bankFade] * k.decay(i, first)
			} else {
				a = 0
			}
			k.phasors[2*i] *= a
			k.phasors[2*i+1] *= a
		}
		for i := 2 * len(k.amps); i < len(k.phasors); i++ {
			k.phasors[i] = 0
		}
		sum := k.x[:(skip+frames+7)&^7] // from where the chunk begins
		clear(sum)
		kernel.AddSines(sum, k.tables, k.phasors, k.damped)
		to := y[from:][:frames]
		copy(to, sum[skip:])
		for i := range k.amps {
			if !k.even(i, first) {
				k.add(to, i, from, skip, first)
			}
		}
		from += frames
	}
	if k.glides {
		b.State(lane)[0], b.State(lane)[1] = tau, seed
	}
}

// add adds partial i, frame by frame; the first is that many frames from the
// start of the block, and skip from that of the chunk.
func (k *bank) add(y []float64, i, from, skip int, first int64) {
	decay, rho := k.decay(i, first), k.decay(i, 1)
	for range skip {
		decay *= rho
	}
	for n := range y {
		attack, _ := k.attack(i, first+int64(skip+n))
		v, _ := kernel.Fade(k.freqs[i] * k.steps[from+n])
		y[n] += k.amps[i] * v * attack * decay * kernel.SinTurn(k.freqs[i]*k.taus[from+n]+k.phases[i])
		decay *= rho
	}
}

func bankBackward(b, d *abi.Block, lane int) {
	k, dy := newBank(b, lane), d.Out(0, lane)
	dfreqs, damps, dphases, ddecays, dattacks := d.Vector(0, lane), d.Vector(1, lane), d.Vector(2, lane), d.Vector(3, lane), d.Vector(4, lane)
	frames, begin := len(dy), b.Frame(lane)
	dtau, dstep := b.FrameScratch(lane)[2*frames:3*frames], b.FrameScratch(lane)[3*frames:4*frames]
	rows := k.glides || !k.allEven(begin)
	if rows {
		tau := 0.0
		if k.glides {
			tau = b.Before(lane)[0]
		}
		k.times(begin, tau)
		clear(dtau)
		clear(dstep)
	}
	for from := 0; from < frames; from += kernel.SineChunk {
		g := dy[from:min(from+kernel.SineChunk, frames)]
		first := begin + int64(from)
		t0 := float64(first) / k.rate
		tau0 := t0
		if k.glides {
			tau0 = k.taus[from]
		}
		x, ramp := kernel.SineRamp(k.x, k.ramp, g)
		k.turn(tau0)
		kernel.SumSines(k.sums, x, ramp, k.tables)
		for i, a := range k.amps {
			var s, c, st, ct, dv float64 // Σ ȳ times sine and cosine, with t and τ
			w := k.c[bankCoefs*i:][:bankCoefs]
			if k.even(i, first) {
				e, decay := k.sums[4*i:][:4], k.decay(i, first)
				sin, cos := decay*k.phasors[2*i], decay*k.phasors[2*i+1]
				s, c = sin*e[0]+cos*e[1], cos*e[0]-sin*e[1]
				dv = a * s * w[bankFading] / k.rate
				s, c = w[bankFade]*s, w[bankFade]*c
				st, ct = t0*s+w[bankFade]*(sin*e[2]+cos*e[3])/k.rate, tau0*c+w[bankFade]*(cos*e[2]-sin*e[3])/k.rate
				if k.glides {
					dtau[from] += 2 * math.Pi * k.freqs[i] * a * c // its steps are 1/rate by now
				}
			} else {
				s, c, st, ct, dv = k.addBack(g, i, from, first, t0, dtau[from:], dstep[from:], &dattacks[i])
			}
			scale := 1.0
			if b.Data.(bankLaw).surrogate {
				scale = math.Exp(2 * w[bankDamping])
			}
			damps[i] += s
			dphases[i] += 2 * math.Pi * a * c
			dfreqs[i] += scale*2*math.Pi*a*ct + dv
			ddecays[i] -= scale * a * st
		}
	}
	if k.glides {
		k.timesBack(b, d, lane, dtau, dstep)
	}
}

// addBack returns, of partial i and the frames g that begin a chunk, Σ ȳ times sine
// and cosine, also with t and τ, and the gradient by the frequency of the fading; it
// adds those of τ and h in each frame, and of the attack.
func (k *bank) addBack(g []float64, i, from int, first int64, t0 float64, dtau, dstep []float64, dattack *float64) (s, c, st, ct, dv float64) {
	decay, rho, a := k.decay(i, first), k.decay(i, 1), k.amps[i]
	for j, g := range g {
		attack, slope := k.attack(i, first+int64(j))
		h := k.steps[from+j]
		v, fading := kernel.Fade(k.freqs[i] * h)
		turn := k.freqs[i]*k.taus[from+j] + k.phases[i]
		sin, cos := g*decay*kernel.SinTurn(turn), g*decay*kernel.CosTurn(turn)
		*dattack += a * v * slope * sin
		byFreq := a * attack * fading * sin
		dv += byFreq * h
		dstep[j] += byFreq * k.freqs[i]
		sin, cos = v*attack*sin, v*attack*cos
		s += sin
		c += cos
		st += sin * (t0 + float64(j)/k.rate)
		ct += cos * k.taus[from+j]
		dtau[j] += 2 * math.Pi * k.freqs[i] * a * cos
		decay *= rho
	}
	return s, c, st, ct, dv
}

// timesBack sums the gradients of τ back in time, and leads them to the glide.
func (k *bank) timesBack(b, d *abi.Block, lane int, dtau, dstep []float64) {
	dstate := d.State(lane)
	begins := kernel.SineChunkBegins(b, lane)
	lambda, dglide, dglideS := dstate[0], 0.0, 0.0
	for n := len(dtau) - 1; n >= 0; n-- {
		if at := b.Frame(lane) + int64(n); !k.settled(at) {
			t := float64(at) / k.rate
			falls := math.Exp(-t / k.glideS)
			g := (lambda + dstep[n]) * math.Ln2 * k.steps[n]
			dglide += g * falls
			dglideS += g * k.glide * falls * t / (k.glideS * k.glideS)
		}
		lambda += dtau[n]
		if n == begins {
			lambda += dstate[1]
			dstate[1] = 0
		}
	}
	d.Param(5, lane).Add(0, dglide)
	d.Param(6, lane).Add(0, dglideS)
	dstate[0] = lambda
}

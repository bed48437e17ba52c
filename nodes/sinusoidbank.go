package nodes

import (
	"math"

	"ampfit/abi"
)

func init() { abi.Register(sinusoidBank) }

// sinusoidBank is a sum of independent partials. With t = n/rate,
//
//	τ[n+1] = τ[n] + 2^(glide e^{-t/glide_s})/rate,   τ[0] = 0   (without glide: τ = t)
//	y[n] = Σ_k min(1, t/attack_k) a_k e^{-d_k t} sin 2π(f_k τ[n] + p_k)
//
// Where attack and glide are over, a partial is a recursion
//
//	s[n+1] = 2ρ cos w s[n] - ρ² s[n-1],   ρ = e^{-d/rate}, w = 2πf/rate
//
// begun anew at absolute multiples of harmonicChunk frames. Its adjoint is two
// Goertzel sums per piece, as in harmonic.go, with z = ρ e^{iw} for e^{iw}: with
// C + iS and D + iT these sums, t0 and τ0 at the start of the piece,
//
//	ā += e^{-d t0} S,   p̄ += 2π A C,   f̄ += 2π A (τ0 C + D/rate),   d̄ -= A (t0 S + T/rate)
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
		"At the end of an attack the slope is that after it. The gradient of a frequency is exact, but of use only from nearby. " +
		"surrogate: true gives freqs_hz and decays the gradient by the pole z = e^((−decay + 2πi freq)/rate), divided by z: the decay then widens the basin while a frequency is far off. " +
		"With decays learned too, the way leads through damped partials to the frequency.",
	Source:  "B. Hayes, C. Saitis, G. Fazekas, Sinusoidal Frequency Estimation by Gradient Descent, ICASSP 2023.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "freqs_hz", Unit: "Hz", Default: 220, Min: 1, MaxRate: 0.5, Scale: abi.Log, Vector: true, Doc: "Frequency of each partial; multiples of 220 Hz unless given."},
		{Name: "amps", Default: 0, Min: 0, Max: 4, Vector: true, Doc: "Amplitude of each partial; 1/k unless given."},
		{Name: "phases", Unit: "cycles", Default: 0, Scale: abi.Periodic, Vector: true, Doc: "Phase of each partial in frame 0."},
		{Name: "decays", Unit: "1/s", Default: 0, Min: 0, Max: 1000, Vector: true, Doc: "Decay rate of each partial; 6.91/t60."},
		{Name: "attacks_ms", Unit: "ms", Default: 0, Min: 0, Max: 1000, Vector: true, Doc: "Linear attack of each partial."},
		{Name: "glide_oct", Unit: "octaves", Default: 0, Min: -4, Max: 4, Doc: "How far all pitches are off in frame 0; absent: not at all."},
		{Name: "glide_s", Unit: "s", Default: 0.05, Min: 0.001, Max: 10, Scale: abi.Log, Doc: "Time constant of the way back."},
	},
	Config: []abi.Key{
		{Name: "partials", Kind: abi.Int, Default: 8.0, Min: 1, Max: 1024, Doc: "Number of partials."},
		{Name: "surrogate", Kind: abi.Bool, Default: false, Doc: "Give the gradient by the complex pole."},
	},
	Configure: func(s *abi.Setup) error {
		k := s.Config.Int("partials")
		law := bankLaw{glides: s.Given("glide_oct") || s.Given("glide_s"), surrogate: s.Config.Bool("surrogate")}
		var freqs, amps []float64
		for i := range k {
			freqs = append(freqs, min(220*float64(i+1), 0.45*s.Rate))
			amps = append(amps, 1/float64(i+1))
		}
		for i := range s.Params {
			if s.Params[i].Vector {
				s.Params[i].Len = k
			}
		}
		s.Param("freqs_hz").Defaults, s.Param("amps").Defaults = freqs, amps
		if !law.glides {
			s.Drop("glide_oct")
			s.Drop("glide_s")
			s.State = 0
		}
		s.Coefs = bankCoefs * k
		s.Surrogate = law.surrogate
		s.Data = law
		return nil
	},
	State:        2, // τ, and τ in the first frame of the chunk
	FrameScratch: 3, // j ȳ[j], τ, τ̄
	Prepare:      bankPrepare,
	Forward:      bankForward,
	Backward:     bankBackward,
}

type bankLaw struct{ glides, surrogate bool }

// The coefficients of a partial.
const (
	bankStep = iota // w in cycles
	bankReal        // ρ cos w
	bankImag        // ρ sin w
	bankRho2        // ρ²
	bankCoefs
)

func bankPrepare(b *abi.Block) {
	for lane := range b.Lanes {
		freqs, decays := b.Vector(0, lane), b.Vector(3, lane)
		for k, f := range freqs {
			c, rho := b.Coefs(lane)[bankCoefs*k:][:bankCoefs], math.Exp(-decays[k]/b.Rate)
			c[bankStep] = f / b.Rate
			c[bankReal], c[bankImag] = rho*cosTurn(c[bankStep]), rho*sinTurn(c[bankStep])
			c[bankRho2] = rho * rho
		}
	}
}

// bank is the view of one lane.
type bank struct {
	freqs, amps, phases, decays, attacks, c []float64
	glide, glideS, rate                     float64
	glides                                  bool
}

func newBank(b *abi.Block, lane int) bank {
	k := bank{
		freqs: b.Vector(0, lane), amps: b.Vector(1, lane), phases: b.Vector(2, lane), decays: b.Vector(3, lane), attacks: b.Vector(4, lane),
		c: b.Coefs(lane), rate: b.Rate, glides: b.Data.(bankLaw).glides,
	}
	if k.glides {
		k.glide, k.glideS = b.Param(5, lane).At(0), b.Param(6, lane).At(0)
	}
	return k
}

// step returns how far τ moves from a frame to the next.
func (k *bank) step(frame int64) float64 {
	if !k.glides {
		return 1 / k.rate
	}
	return math.Exp2(k.glide*math.Exp(-float64(frame)/(k.rate*k.glideS))) / k.rate
}

// even reports whether partial i is a recursion from this frame on: its attack
// is over, and so is the glide, by any precision.
func (k *bank) even(i int, frame int64) bool {
	t := float64(frame) / k.rate
	return 1000*t >= k.attacks[i] && (!k.glides || t > 45*k.glideS)
}

// envelope returns attack and decay at a frame, and the slope of the attack by
// attacks_ms.
func (k *bank) envelope(i int, frame int64) (attack, slope, decay float64) {
	t := float64(frame) / k.rate
	attack = 1
	if 1000*t < k.attacks[i] {
		attack = 1000 * t / k.attacks[i]
		slope = -attack / k.attacks[i]
	}
	return attack, slope, math.Exp(-k.decays[i] * t)
}

func bankForward(b *abi.Block) {
	for lane := range b.Lanes {
		k, y := newBank(b, lane), b.Out(0, lane)
		clear(y)
		frame := b.Frame(lane)
		tau, seed := float64(frame)/b.Rate, 0.0
		if k.glides {
			tau, seed = b.State(lane)[0], b.State(lane)[1]
		}
		for len(y) > 0 {
			skip := int(frame % harmonicChunk)
			first := frame - int64(skip)
			if !k.glides {
				seed = float64(first) / b.Rate
			} else if skip == 0 {
				seed = tau
			}
			frames := min(harmonicChunk-skip, len(y))
			var four [4]int
			count := 0
			for i, a := range k.amps {
				if !k.even(i, first) {
					k.add(y[:frames], i, frame, tau)
				} else if a != 0 {
					four[count] = i
					if count++; count == 4 {
						k.run(y[:frames], skip, four[:], first, seed)
						count = 0
					}
				}
			}
			if count > 0 {
				k.run(y[:frames], skip, four[:count], first, seed)
			}
			for range frames {
				tau += k.step(frame)
				frame++
			}
			if !k.glides {
				tau = float64(frame) / b.Rate
			}
			y = y[frames:]
		}
		if k.glides {
			b.State(lane)[0], b.State(lane)[1] = tau, seed
		}
	}
}

// add adds partial i, frame by frame.
func (k *bank) add(y []float64, i int, frame int64, tau float64) {
	for n := range y {
		at := frame + int64(n)
		if !k.glides {
			tau = float64(at) / k.rate
		}
		attack, _, decay := k.envelope(i, at)
		y[n] += k.amps[i] * attack * decay * sinTurn(k.freqs[i]*tau+k.phases[i])
		tau += k.step(at)
	}
}

// run adds up to four partials, recursively from the start of a chunk.
func (k *bank) run(y []float64, skip int, which []int, first int64, seed float64) {
	var p, q, w, r [4]float64
	for j, i := range which {
		c := k.c[bankCoefs*i:][:bankCoefs]
		turn, a := k.freqs[i]*seed+k.phases[i], k.amps[i]*math.Exp(-k.decays[i]*float64(first)/k.rate)
		p[j] = a * sinTurn(turn)
		// s[-1] = A Im(e^{iθ}/z); ρ² s[-1] is what the recursion takes.
		q[j] = a * (c[bankReal]*sinTurn(turn) - c[bankImag]*cosTurn(turn)) / c[bankRho2]
		w[j], r[j] = 2*c[bankReal], c[bankRho2]
	}
	p0, p1, p2, p3, q0, q1, q2, q3, w0, w1, w2, w3, r0, r1, r2, r3 := p[0], p[1], p[2], p[3], q[0], q[1], q[2], q[3], w[0], w[1], w[2], w[3], r[0], r[1], r[2], r[3]
	for range skip {
		p0, q0 = math.FMA(w0, p0, -r0*q0), p0
		p1, q1 = math.FMA(w1, p1, -r1*q1), p1
		p2, q2 = math.FMA(w2, p2, -r2*q2), p2
		p3, q3 = math.FMA(w3, p3, -r3*q3), p3
	}
	for n := range y {
		y[n] += (p0 + p1) + (p2 + p3)
		p0, q0 = math.FMA(w0, p0, -r0*q0), p0
		p1, q1 = math.FMA(w1, p1, -r1*q1), p1
		p2, q2 = math.FMA(w2, p2, -r2*q2), p2
		p3, q3 = math.FMA(w3, p3, -r3*q3), p3
	}
}

func bankBackward(b, d *abi.Block) {
	for lane := range b.Lanes {
		k, dy := newBank(b, lane), d.Out(0, lane)
		dfreqs, damps, dphases, ddecays, dattacks := d.Vector(0, lane), d.Vector(1, lane), d.Vector(2, lane), d.Vector(3, lane), d.Vector(4, lane)
		fs, frames := b.FrameScratch(lane), len(dy)
		ramp, taus, dtau := fs[:frames], fs[frames:2*frames], fs[2*frames:3*frames]
		begin := b.Frame(lane)
		tau := 0.0
		if k.glides {
			tau = b.Before(lane)[0]
		}
		for n := range taus {
			if !k.glides {
				tau = float64(begin+int64(n)) / b.Rate
			}
			taus[n] = tau
			tau += k.step(begin + int64(n))
		}
		clear(dtau)
		for from := 0; from < frames; from += harmonicChunk {
			g := dy[from:min(from+harmonicChunk, frames)]
			for j := range g {
				ramp[j] = float64(j) * g[j]
			}
			first := begin + int64(from)
			t0, tau0 := float64(first)/b.Rate, taus[from]
			var e [8]float64
			ready := -1 // the partial whose sums are in the second half of e
			for i := range k.amps {
				var s, c, st, ct float64 // Σ ȳ times sine and cosine, with t and τ
				decay := 1.0
				if k.even(i, first) {
					w := k.c[bankCoefs*i:][:bankCoefs]
					decay = math.Exp(-k.decays[i] * t0)
					half := e[:4]
					if ready == i {
						half = e[4:]
					} else {
						other := w // alone, if the next one is none
						if i+1 < len(k.amps) && k.even(i+1, first) {
							other, ready = k.c[bankCoefs*(i+1):], i+1
						}
						damped(&e, g, ramp[:len(g)], 2*w[bankReal], w[bankRho2], 2*other[bankReal], other[bankRho2])
					}
					er, ei := half[0]-w[bankReal]*half[1], w[bankImag]*half[1]
					jr, ji := half[2]-w[bankReal]*half[3], w[bankImag]*half[3]
					turn := k.freqs[i]*tau0 + k.phases[i]
					sin, cos := decay*sinTurn(turn), decay*cosTurn(turn)
					s, c = sin*er+cos*ei, cos*er-sin*ei
					st, ct = t0*s+(sin*jr+cos*ji)/b.Rate, tau0*c+(cos*jr-sin*ji)/b.Rate
					if k.glides {
						dtau[from] += 2 * math.Pi * k.freqs[i] * k.amps[i] * c // its steps are 1/rate by now
					}
				} else {
					for j, g := range g {
						at := first + int64(j)
						attack, slope, decay := k.envelope(i, at)
						turn := k.freqs[i]*taus[from+j] + k.phases[i]
						sin, cos := g*decay*sinTurn(turn), g*decay*cosTurn(turn)
						dattacks[i] += k.amps[i] * slope * sin
						s += attack * sin
						c += attack * cos
						st += attack * sin * float64(at) / b.Rate
						ct += attack * cos * taus[from+j]
						dtau[from+j] += 2 * math.Pi * k.freqs[i] * k.amps[i] * attack * cos
					}
				}
				a, scale := k.amps[i], 1.0
				if b.Data.(bankLaw).surrogate {
					scale = 1 / k.c[bankCoefs*i+bankRho2]
				}
				damps[i] += s
				dphases[i] += 2 * math.Pi * a * c
				dfreqs[i] += scale * 2 * math.Pi * a * ct
				ddecays[i] -= scale * a * st
			}
		}
		if !k.glides {
			continue
		}
		dstate := d.State(lane)
		begins := chunkBegins(b, lane)
		lambda, dglide, dglideS := dstate[0], 0.0, 0.0
		for n := frames - 1; n >= 0; n-- {
			at := float64(begin+int64(n)) / b.Rate
			falls := math.Exp(-at / k.glideS)
			g := lambda * math.Ln2 * k.step(begin+int64(n))
			dglide += g * falls
			dglideS += g * k.glide * falls * at / (k.glideS * k.glideS)
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
}

// damped runs u = x + w u' - r u” backward over two rows for two partials, and
// leaves the last two values of each.
func damped(e *[8]float64, x, y []float64, w0, r0, w1, r1 float64) {
	var a0, a1, b0, b1, p0, p1, q0, q1 float64
	y = y[:len(x)]
	for n := len(x) - 1; n >= 0; n-- {
		a0, a1 = math.FMA(w0, a0, math.FMA(-r0, a1, x[n])), a0
		b0, b1 = math.FMA(w0, b0, math.FMA(-r0, b1, y[n])), b0
		p0, p1 = math.FMA(w1, p0, math.FMA(-r1, p1, x[n])), p0
		q0, q1 = math.FMA(w1, q0, math.FMA(-r1, q1, y[n])), q0
	}
	*e = [8]float64{a0, a1, b0, b1, p0, p1, q0, q1}
}

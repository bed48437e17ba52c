package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(karplusStrong) }

// karplusStrong is a string: a delay of one period that is damped each time
// round. With P = rate/frequency, B = 1 - (1 - brightness)/stretch and
// ρ = 10^(-3/(frequency decay)),
//
//	y[n] = x[n] + ρ (h1 y(n-P+1) + h0 y(n-P) + h1 y(n-P-1))
//	h0 = (1+B)/2,   h1 = (1-B)/4
//
// y(t) is Lagrange's interpolation over four frames, so the loop is six taps
// W_j = ρ (h * w)_j, at n-k-j, and nothing in it varies in time. The adjoint is
// the same loop back in time: with λ = ȳ[n] + dual of y[n],
//
//	y[n-k-j] += W_j λ,   x̄[n] += λ,   W̄_j += y[n-k-j] λ
//
// from which the parameters have theirs. A noise burst lasts one period; its
// last frame weighs what is left of it, so the slope by P is that frame's noise.
var karplusStrong = abi.NodeType{
	Name: "KarplusStrongNode", Family: timeBased,
	Doc: "Plucked string after Karplus and Strong: a damped delay line of one period.",
	Detail: "y = x + ρ H(y(t − 1/frequency)); ρ makes the fundamental fall by 60 dB in decay_s, and H, three taps around the period, damps the upper partials: not at all with brightness 1, to silence at rate/2 with 0. " +
		"stretch passes only one part in so many through H, which stretches the decay of the partials as Karplus and Strong's does; it does not detune. H has no phase of its own, so the pitch is exact. " +
		"excitation: input; noise, a burst of one period (Gaussian, RMS 1/4, a function of seed, channel and frame); or impulse, a one in frame 0. Only the first has an input. " +
		"The gradient of the frequency is that of the interpolator: exact, with kinks where the period is a whole number of frames, and of use only from nearby.",
	Source: "K. Karplus, A. Strong, Digital Synthesis of Plucked-String and Drum Timbres, CMJ 7(2), 1983; D. A. Jaffe, J. O. Smith, Extensions of the Karplus–Strong Plucked-String Algorithm, CMJ 7(2), 1983; J. O. Smith, PASP, \"EKS Damping Filter\".",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "frequency", Role: abi.Pitch, Unit: "Hz", Default: 220, Min: 10, MaxRate: 0.25, Scale: abi.Log, Doc: "Fundamental."},
		{Name: "decay_s", Role: abi.Decay, Unit: "s", Default: 2, Min: 0.01, Max: 100, Scale: abi.Log, Doc: "Time of the fundamental to −60 dB, by the loop's gain."},
		{Name: "brightness", Role: abi.Other, Default: 0.5, Min: 0, Max: 1, Doc: "1 keeps the upper partials as long as the fundamental."},
		{Name: "stretch", Role: abi.Other, Default: 1, Min: 1, Max: 100, Scale: abi.Log, Doc: "How much slower the upper partials decay."},
	},
	Config: []abi.Key{
		{Name: "excitation", Kind: abi.String, Default: "input", Enum: []string{"input", "noise", "impulse"}, Doc: "What plucks the string."},
		{Name: "seed", Kind: abi.Int, Default: 1.0, Doc: "Of the noise burst."},
		{Name: "min_hz", Kind: abi.Number, Default: 20.0, Min: 1, Max: 10000, Doc: "Lowest frequency, which is the memory of the line."},
		channelsKey,
	},
	Configure: func(s *abi.Setup) error {
		law := stringLaw{excitation: s.Config.Text("excitation"), seed: uint64(int64(s.Config.Number("seed")))}
		lowest := s.Config.Number("min_hz")
		if s.Rate > 0 && lowest >= s.Rate/4 {
			return abi.Errorf("config.min_hz", "%v Hz is not below a quarter of the rate", lowest)
		}
		p := s.Param("frequency")
		p.Min, p.Default = lowest, max(p.Default, lowest)
		s.Internal = []int{int(math.Ceil(s.Rate/lowest)) + 6}
		if law.excitation != "input" {
			s.Inputs = nil
			if err := setChannels(s); err != nil {
				return err
			}
		}
		s.Data = law
		return nil
	},
	Coefs:        8, // k, P, W
	FrameScratch: 1, // x
	Internal:     []int{0},
	Prepare: lanes(func(b *abi.Block, lane int) {
		var l stringLoop
		l.set(b, lane)
		c := b.Coefs(lane)
		c[0], c[1] = float64(l.k), l.period
		copy(c[2:], l.w[:])
	}),
	Forward:  lanes(stringForward),
	Backward: lanePairs(stringBackward),
}

type stringLaw struct {
	excitation string
	seed       uint64
}

const burstLevel = 0.25

// burst fills x with the excitation of a source.
func (law stringLaw) burst(x []float64, channel int, frame int64, period float64) []float64 {
	if law.excitation == "impulse" || float64(frame) >= period {
		clear(x)
		if law.excitation == "impulse" && frame == 0 {
			x[0] = 1
		}
		return x
	}
	kernel.Gaussian(x, law.seed, channel, frame)
	for n := range x {
		x[n] *= burstLevel * min(1, max(0, period-float64(frame+int64(n))))
	}
	return x
}

// stringLoop is the loop filter and its slopes by period, ln ρ and B.
type stringLoop struct {
	k               int
	period          float64
	w, dp, drho, db [6]float64
}

func (l *stringLoop) set(b *abi.Block, lane int) {
	frequency, decay := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
	bright := 1 - (1-b.Param(2, lane).At(0))/b.Param(3, lane).At(0)
	l.period = b.Rate / frequency
	rho := math.Exp(-3 * math.Ln10 / (frequency * decay))
	h0, h1 := rho*(1+bright)/2, rho*(1-bright)/4
	var t kernel.Tap
	t.Set(kernel.Lagrange3, l.period-1, 1)
	l.k = t.K
	conv := func(dst *[6]float64, w *[4]float64, h0, h1 float64) {
		*dst = [6]float64{}
		for j, v := range w {
			dst[j] += h1 * v
			dst[j+1] += h0 * v
			dst[j+2] += h1 * v
		}
	}
	conv(&l.w, &t.W, h0, h1)
	conv(&l.dp, &t.DW, h0, h1)
	conv(&l.db, &t.W, rho/2, -rho/4)
	l.drho = l.w
}

func stringForward(b *abi.Block, lane int) {
	law := b.Data.(stringLaw)
	y, v, c := b.Out(0, lane), b.Internal(0, lane), b.Coefs(lane)
	var x []float64
	if law.excitation == "input" {
		x = b.In(0, lane)
	} else {
		x = law.burst(b.FrameScratch(lane), b.Channel(lane), b.Frame(lane), c[1])
	}
	h := len(v) - len(x)
	past, now := v[h-int(c[0])-5:], v[h:][:len(x)]
	w0, w1, w2, w3, w4, w5 := c[2], c[3], c[4], c[5], c[6], c[7]
	y = y[:len(x)]
	for n, x := range x {
		p := past[n : n+6 : n+6]
		s := math.FMA(w5, p[0], math.FMA(w4, p[1], w3*p[2])) + math.FMA(w2, p[3], math.FMA(w1, p[4], math.FMA(w0, p[5], x)))
		now[n], y[n] = s, s
	}
}

func stringBackward(b, d *abi.Block, lane int) {
	law := b.Data.(stringLaw)
	dy, v, dv, c := d.Out(0, lane), b.Internal(0, lane), d.Internal(0, lane), b.Coefs(lane)
	h, k := len(v)-len(dy), int(c[0])
	past, dpast, dnow := v[h-k-5:], dv[h-k-5:], dv[h:][:len(dy)]
	w0, w1, w2, w3, w4, w5 := c[2], c[3], c[4], c[5], c[6], c[7]
	var s0, s1, s2, s3, s4, s5 float64
	for n := len(dy) - 1; n >= 0; n-- {
		lambda := dy[n] + dnow[n]
		dnow[n] = lambda
		p, q := past[n:n+6:n+6], dpast[n:n+6:n+6]
		s5, s4, s3 = math.FMA(p[0], lambda, s5), math.FMA(p[1], lambda, s4), math.FMA(p[2], lambda, s3)
		s2, s1, s0 = math.FMA(p[3], lambda, s2), math.FMA(p[4], lambda, s1), math.FMA(p[5], lambda, s0)
		q[0], q[1], q[2] = math.FMA(w5, lambda, q[0]), math.FMA(w4, lambda, q[1]), math.FMA(w3, lambda, q[2])
		q[3], q[4], q[5] = math.FMA(w2, lambda, q[3]), math.FMA(w1, lambda, q[4]), math.FMA(w0, lambda, q[5])
	}
	var l stringLoop
	l.set(b, lane)
	dp, drho, db := 0.0, 0.0, 0.0
	for j, g := range [...]float64{s0, s1, s2, s3, s4, s5} {
		dp += l.dp[j] * g
		drho += l.drho[j] * g
		db += l.db[j] * g
	}
	switch law.excitation {
	case "input":
		vec.Add(d.In(0, lane), dnow)
	case "noise": // the frame whose weight is the rest of the period
		if at := int64(math.Ceil(l.period)) - 1 - b.Frame(lane); at >= 0 && at < int64(len(dy)) {
			x := b.FrameScratch(lane)[:1]
			kernel.Gaussian(x, law.seed, b.Channel(lane), b.Frame(lane)+at)
			dp += burstLevel * x[0] * dnow[at]
		}
	}
	frequency, decay := b.Param(0, lane).At(0), b.Param(1, lane).At(0)
	bright, stretch := b.Param(2, lane).At(0), b.Param(3, lane).At(0)
	loss := 3 * math.Ln10 / (frequency * decay)
	d.Param(0, lane).Add(0, loss/frequency*drho-l.period/frequency*dp)
	d.Param(1, lane).Add(0, loss/decay*drho)
	d.Param(2, lane).Add(0, db/stretch)
	d.Param(3, lane).Add(0, (1-bright)/(stretch*stretch)*db)
}

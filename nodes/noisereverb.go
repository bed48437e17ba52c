package nodes

import (
	"math"
	"math/bits"

	"ampfit/abi"
	"ampfit/internal/fft"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(noiseReverb) }

// reverbBands is the number of octaves, from half the rate down.
const reverbBands = 12

// noiseReverb convolves with noise that decays at a rate of its own in each
// octave:
//
//	h[n] = Σ_b 10^(gains_b/20) ρ_b^n noise_b[n],   ρ_b = 10^(-3/(rate decays_b))
//	w = h * x,   y[n] = (1 - mix) x[n] + mix w(n - T)
//
// by the partitions of kernel/convolution.go. The gradient of h is a correlation, level
// by level; what a level's taps have received goes to the bands at once:
//
//	ḡains_b += ln(10)/20 Σ h̄[n] h_b[n],   ln ρ̄_b += Σ n h̄[n] h_b[n]
//
// w is an internal row, read T frames back by linear interpolation.
var noiseReverb = abi.NodeType{
	Name: "NoiseReverbNode", Family: timeBased,
	Doc: "Reverberation by noise, shaped in octaves: level and decay time of each are learned.",
	Detail: "The impulse response is Σ_b 10^(gains_db_b/20) 10^(−3t/decays_s_b) noise_b(t), cut after length_s. The twelve bands are octaves from rate/2 down, the first one all below; " +
		"they overlap, and add up to white noise, a function of seed and channel, with √(13.8/rate) as its RMS: at 0 dB and equal decays the response has an energy of one per second of decay time. " +
		"y = (1 − mix) x + mix w(t − predelay), w the convolution, which has no delay of its own. The slope by predelay_ms is that of linear interpolation.",
	Source: "C. J. Steinmetz, V. K. Ithapu, P. Calamia, Filtered Noise Shaping for Time Domain Room Impulse Response Estimation from Reverberant Speech, WASPAA 2021; W. G. Gardner, Efficient Convolution without Input-Output Delay, JAES 43(3), 1995.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "gains_db", Role: abi.Boost, Unit: "dB", Default: 0, Min: -100, Max: 40, Vector: true, Len: reverbBands, Doc: "Level of each band, the lowest first."},
		{Name: "decays_s", Role: abi.Decay, Unit: "s", Default: 1, Min: 0.01, Max: 100, Scale: abi.Log, Vector: true, Len: reverbBands, Doc: "Time of each band to −60 dB."},
		{Name: "mix", Role: abi.Mix, Default: 0.3, Min: 0, Max: 1, Doc: "0 is the input, 1 the reverberation."},
		{Name: "predelay_ms", Role: abi.Predelay, Unit: "ms", Default: 0, Min: 0, Max: 250, Doc: "Delay of the reverberation."},
	},
	Config: []abi.Key{
		{Name: "seed", Kind: abi.Int, Default: 1.0, Doc: "Another seed, another noise."},
		{Name: "length_s", Kind: abi.Number, Default: 1.0, Min: 0.001, Max: 30, Doc: "Length of the response."},
	},
	Configure: func(s *abi.Setup) error {
		taps := max(1, int(math.Round(s.Config.Number("length_s")*s.Rate)))
		law := &reverbLaw{}
		seed := uint64(int64(s.Config.Number("seed")))
		used := taps
		if s.Frames > 0 { // no more of the response is heard
			used = min(used, s.Frames)
		}
		if need := 8 * float64(s.Channels[0]) * float64(reverbBands*used+8*taps); s.Memory > 0 && need > float64(s.Memory) {
			return abi.Errorf("length_s", "%g s at %g Hz need %.1f GiB of memory for the noise; make it shorter", s.Config.Number("length_s"), s.Rate, need/(1<<30))
		}
		for c := range s.Channels[0] {
			law.noise = append(law.noise, bandNoise(seed, c, taps, used, s.Rate))
		}
		law.Convolution = kernel.NewConvolution(s, used)
		law.response = s.Coefs
		s.Coefs += used
		history := int(math.Ceil(s.Param("predelay_ms").Max*s.Rate/1000)) + 1
		if s.Frames > 0 {
			history = min(history, s.Frames)
		}
		law.wet = len(s.Internal)
		s.Internal = append(s.Internal, history)
		s.Scratch = max(s.Scratch, 0) + max(law.Most, kernel.ConvolutionHead)
		s.Data = law
		return nil
	},
	Prepare:  lanes(reverbPrepare),
	Forward:  lanes(reverbForward),
	Backward: lanePairs(reverbBackward),
}

type reverbLaw struct {
	*kernel.Convolution
	noise    [][][]float64 // by channel and band
	response int           // where h starts in Coefs
	wet      int           // which internal row w is
}

// bandNoise returns white noise of the given length, split into octaves whose
// amplitudes add up to one; the first frames of it.
func bandNoise(seed uint64, channel, length, used int, rate float64) [][]float64 {
	n := max(16, 1<<bits.Len(uint(length-1)))
	plan := fft.NewPlan(n)
	x, free := make([]float64, n), plan.Scratch()
	kernel.Gaussian(x, seed, channel, 0)
	re, im := make([]float64, plan.Bins()), make([]float64, plan.Bins())
	plan.Forward(re, im, x, free)
	br, bi := make([]float64, plan.Bins()), make([]float64, plan.Bins())
	scale := math.Sqrt(6 * math.Ln10 / rate)
	place := make([]float64, plan.Bins()) // in octaves, a band's middle at a whole number
	for k := range place {
		place[k] = min(max(math.Log2(float64(2*max(k, 1))/float64(n))+reverbBands-0.5, 0), reverbBands-1)
	}
	bands := make([][]float64, reverbBands)
	for b := range bands {
		for k, at := range place {
			w := 0.0
			if apart := math.Abs(at - float64(b)); apart < 1 {
				w = math.Cos(math.Pi / 2 * apart)
			}
			w *= scale * w
			br[k], bi[k] = w*re[k], w*im[k]
		}
		plan.Inverse(x, br, bi, free)
		bands[b] = append([]float64(nil), x[:used]...)
	}
	return bands
}

// perLog is d(ln ρ)/dn of a band, -3 ln 10/(rate decay).
func perLog(decay, rate float64) float64 { return -3 * math.Ln10 / (rate * decay) }

func reverbPrepare(b *abi.Block, lane int) {
	law := b.Data.(*reverbLaw)
	coefs := b.Coefs(lane)
	h := coefs[law.response:][:law.Taps]
	clear(h)
	gains, decays := b.Vector(0, lane), b.Vector(1, lane)
	for band, noise := range law.noise[b.Channel(lane)] {
		rate := perLog(decays[band], b.Rate)
		rho := math.Exp(rate)
		for from := 0; from < len(h); from += 1024 { // anew, before rounding adds up
			g := math.Exp(decibels*gains[band] + rate*float64(from))
			to, v := h[from:min(from+1024, len(h))], noise[from:]
			for k := range to {
				to[k] = math.FMA(g, v[k], to[k])
				g *= rho
			}
		}
	}
	law.Prepare(coefs, h)
}

// tap places the read of w.
func (law *reverbLaw) tap(b *abi.Block, lane int) (t kernel.Tap) {
	t.Set(kernel.Linear, b.Param(3, lane).At(0)*b.Rate/1000, 0)
	return t
}

func reverbForward(b *abi.Block, lane int) {
	law := b.Data.(*reverbLaw)
	x, y, wet := b.In(0, lane), b.Out(0, lane), b.Internal(law.wet, lane)
	at := len(wet) - len(x)
	law.Forward(b, lane, wet[at:], b.Coefs(lane)[law.response:][:law.Taps])
	t, mix := law.tap(b, lane), b.Param(2, lane).At(0)
	for n := range y {
		y[n] = math.FMA(mix, t.Read(wet, at+n, &t.W), (1-mix)*x[n])
	}
}

func reverbBackward(b, d *abi.Block, lane int) {
	law := b.Data.(*reverbLaw)
	x, h := b.In(0, lane), b.Coefs(lane)[law.response:][:law.Taps]
	dx, dy := d.In(0, lane), d.Out(0, lane)
	wet, dwet := b.Internal(law.wet, lane), d.Internal(law.wet, lane)
	at := len(wet) - len(x)
	t, mix := law.tap(b, lane), b.Param(2, lane).At(0)
	dmix, dtime := 0.0, 0.0
	for n := range dy {
		g := mix * dy[n]
		dmix += (t.Read(wet, at+n, &t.W) - x[n]) * dy[n]
		dtime += g * t.Read(wet, at+n, &t.DW)
		t.Add(dwet, at+n, g)
		dx[n] += (1 - mix) * dy[n]
	}
	d.Param(2, lane).Add(0, dmix)
	d.Param(3, lane).Add(0, dtime*b.Rate/1000)
	most := max(law.Most, kernel.ConvolutionHead)
	dh, work := b.Scratch(lane)[:most], b.Scratch(lane)[most:]
	law.Backward(b, d, lane, dwet[at:], h, dh, work, func(dh []float64, from int) { law.spread(b, d, lane, dh, from) })
}

// spread adds what the taps from on have received to the gradients of the bands.
func (law *reverbLaw) spread(b, d *abi.Block, lane int, dh []float64, from int) {
	gains, decays, dgains, ddecays := b.Vector(0, lane), b.Vector(1, lane), d.Vector(0, lane), d.Vector(1, lane)
	for band, noise := range law.noise[b.Channel(lane)] {
		rate := perLog(decays[band], b.Rate)
		rho := math.Exp(rate)
		sum, moment := 0.0, 0.0
		for start := 0; start < len(dh); start += 1024 {
			g := math.Exp(decibels*gains[band] + rate*float64(from+start))
			to := dh[start:min(start+1024, len(dh))]
			v, part, first := noise[from+start:][:len(to)], 0.0, 0.0
			for k, x := range to {
				p := g * v[k] * x
				part += p
				first = math.FMA(float64(k), p, first)
				g *= rho
			}
			sum += part
			moment += first + float64(from+start)*part
		}
		dgains[band] += decibels * sum
		ddecays[band] -= rate / decays[band] * moment
	}
}

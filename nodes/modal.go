package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(modal) }

// mostModes is more than a thin plate has within hearing: 2 m² of steel of half a
// millimetre have √3 A/(h c) = 1.3 in a hertz, 27,000 up to 20 kHz.
const mostModes = 1 << 16

// modal is a sum of two-pole resonators. With ρ = 10^(-3/(rate decay)),
// w = 2πf/rate, of each mode
//
//	y[n] = Σ A u[n-1],   u[n] = c1 u[n-1] + c2 u[n-2] + x[n]
//	A = v amp ρ sin w,   c1 = 2ρ cos w,   c2 = -ρ²
//
// so that an impulse is answered by v amp ρ^n sin(wn), where v fades modes out below
// half the rate, as kernel.Fade does. The adjoint runs each mode
// back in time; Λ is the gradient of u[n], μ what u[n-1] has from later frames:
//
//	x̄[n] += Λ,   Ā += u[n-1] ȳ[n],   c̄1 += u[n-1] Λ,   c̄2 += u[n-2] Λ
//	Λ, μ  = A ȳ[n] + c1 Λ + μ,  c2 Λ
//
// The loops are those of kernel/modes.go.
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
		{Name: "modes", Kind: abi.Int, Default: 8.0, Min: 1, Max: mostModes, Doc: "Number of modes."},
		{Name: "excitation", Kind: abi.String, Default: "input", Enum: []string{"input", "impulse"}, Doc: "What drives the modes."},
		channelsKey,
	},
	Configure: func(s *abi.Setup) error {
		k := s.Config.Int("modes")
		for i := range s.Params {
			s.Params[i].Len = k
		}
		s.Param("freqs_hz").Defaults, s.Param("amps").Defaults = harmonicSeries(k, s.Rate)
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
	Scratch:      kernel.ModesScratch,
	FrameScratch: 1 + kernel.ModesFrameScratch, // x
	Prepare:      lanes(modalPrepare),
	Forward:      lanes(modalForward),
	Backward:     lanePairs(modalBackward),
}

// harmonicSeries returns k multiples of 220 Hz within the band, and 1, 1/2, 1/3, …
func harmonicSeries(k int, rate float64) (freqs, amps []float64) {
	for i := range k {
		freqs = append(freqs, min(220*float64(i+1), 0.45*rate))
		amps = append(amps, 1/float64(i+1))
	}
	return freqs, amps
}

type modalLaw struct{ struck bool }

// The coefficients of a mode.
const (
	modalC1 = iota // these three as kernel/modes.go wants them
	modalC2
	modalA
	modalSin // ρ sin w
	modalCos // ρ cos w
	modalRho
	modalFade   // v
	modalFading // v'
	modalCoefs
)

func modalPrepare(b *abi.Block, lane int) {
	freqs, decays, amps := b.Vector(0, lane), b.Vector(1, lane), b.Vector(2, lane)
	for k := range freqs {
		c := b.Coefs(lane)[modalCoefs*k:][:modalCoefs]
		rho := math.Exp(-3 * math.Ln10 / (b.Rate * decays[k]))
		sin, cos := math.Sincos(2 * math.Pi * freqs[k] / b.Rate)
		c[modalRho], c[modalSin], c[modalCos] = rho, rho*sin, rho*cos
		c[modalFade], c[modalFading] = kernel.Fade(freqs[k] / b.Rate)
		c[modalC1], c[modalC2], c[modalA] = 2*rho*cos, -rho*rho, c[modalFade]*amps[k]*rho*sin
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

func modalForward(b *abi.Block, lane int) {
	law := b.Data.(modalLaw)
	kernel.ModesForward(b.Out(0, lane), law.drive(b, lane), b.State(lane), b.Coefs(lane), modalCoefs, b.Scratch(lane), b.FrameScratch(lane)[b.Frames:])
}

func modalBackward(b, d *abi.Block, lane int) {
	law := b.Data.(modalLaw)
	x, dy := law.drive(b, lane), d.Out(0, lane)
	var dx []float64 // nobody's, when the modes are struck
	if !law.struck {
		dx = d.In(0, lane)
	}
	kernel.ModesBackward(dx, dy, x, b.Before(lane), d.State(lane), b.Coefs(lane), modalCoefs, b.Scratch(lane), b.FrameScratch(lane)[b.Frames:],
		func(k int, dc1, dc2, da float64) { modalSpread(b, d, lane, k, dc1, dc2, da) })
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

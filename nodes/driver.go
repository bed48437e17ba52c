package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(parametricDriver) }

// parametricDriver is an oscillator of few harmonics whose frequency is its
// input's first channel, x0; m is the mean of the others.
//
//	φ[n] = frac(φ[n-1] + max(x0[n], 0)/rate),   p = φ[n] + phase_offset[n]
//	s[n] = Σ_h a_h sin(2π h p)
//	y[n] = ((1-r[n]) s[n] + r[n] m[n]) A[n]
//
// The adjoint sums back in time; the block after hands over λ, the gradient of
// the state. With g = A (1-r) ȳ:
//
//	p̄[n]  = 2π g Σ_h h a_h cos(2π h p),   ā_h += g sin(2π h p)
//	λ[n]  = p̄[n] + λ[n+1],   x̄0[n] += λ[n]/rate   where x0 ≥ 0
var parametricDriver = abi.NodeType{
	Name: "ParametricDriverNode", Aliases: []string{"parametric_driver"}, Family: sources,
	Doc: "Oscillator of few harmonics; its input is the frequency in Hz.",
	Detail: "φ[n] = frac(φ[n−1] + hz[n]/rate), hz the first input channel, below 0 taken as 0 (at 0 its slope is 1); s = Σ_h a_h sin(2πh(φ + phase_offset)); " +
		"y = ((1 − render_mode) s + render_mode m) amplitude, m the mean of the other input channels, 0 without. " +
		"a is 1 for quartz, 1, 0.35, 0.12 for piezo, and the parameter harmonics for custom (elsewhere it has no effect).",
	Source: "The AMP runtime's ParametricDriverNode.",
	Inputs: in, Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "amplitude", Role: abi.Level, Default: 1, Min: 0, Max: 10, Mod: true, Doc: "Gain of the output."},
		{Name: "phase_offset", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Mod: true, Doc: "Added to the phase."},
		{Name: "render_mode", Role: abi.Switch, Default: 0, Min: 0, Max: 1, Mod: true, Doc: "0 is the oscillator, 1 the mean of the other input channels."},
		{Name: "harmonics", Role: abi.Amplitudes, Default: 0, Defaults: []float64{1}, Min: -4, Max: 4, Vector: true, Doc: "Amplitudes of the harmonics, at most 32, in mode custom."},
	},
	Config: []abi.Key{
		{Name: "mode", Kind: abi.String, Default: "quartz", Enum: []string{"quartz", "piezo", "piezoelectric", "custom", "harmonic"}, Doc: "Spectrum; piezoelectric is piezo, harmonic is custom."},
	},
	Configure: func(s *abi.Setup) error {
		s.OutChannels = []int{1}
		k := max(s.Length("harmonics"), 1)
		if k > 32 {
			return abi.Errorf("params.harmonics", "%d harmonics; at most 32 are allowed", k)
		}
		list := s.Param("harmonics")
		list.Len, list.NoGradient = k, true
		switch s.Config.Text("mode") {
		case "quartz":
			s.Data = harmonics{1}
		case "piezo", "piezoelectric":
			s.Data = harmonics{1, 0.35, 0.12}
		default:
			list.NoGradient = false
			s.Data = harmonics(nil)
		}
		return nil
	},
	State:    1, // φ[n-1]
	Record:   3, // φ, s, m
	Forward:  lanes(driverForward),
	Backward: lanePairs(driverBackward),
}

// harmonics are fixed amplitudes; nil: those of the parameter.
type harmonics []float64

func (a harmonics) of(b *abi.Block, lane int) []float64 {
	if a == nil {
		return b.Vector(3, lane)
	}
	return a
}

func driverForward(b *abi.Block, lane int) {
	a := b.Data.(harmonics).of(b, lane)
	hz, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	phases, sums, means := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	amplitude, offset, render := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	kernel.MeanOfOthers(b, lane, means)
	p := state[0]
	for n := range y {
		p = kernel.Frac(p + max(hz[n], 0)/b.Rate)
		s1, c1 := kernel.SinTurn(p+offset.At(n)), kernel.CosTurn(p+offset.At(n))
		sum, s, c := 0.0, s1, c1
		for _, a := range a {
			sum += a * s
			s, c = s*c1+c*s1, c*c1-s*s1
		}
		phases[n], sums[n] = p, sum
		r := render.At(n)
		y[n] = ((1-r)*sum + r*means[n]) * amplitude.At(n)
	}
	state[0] = p
}

func driverBackward(b, d *abi.Block, lane int) {
	law := b.Data.(harmonics)
	a := law.of(b, lane)
	var da []float64
	if law == nil {
		da = d.Vector(3, lane)
	}
	hz, dhz, dy, dstate := b.In(0, lane), d.In(0, lane), d.Out(0, lane), d.State(lane)
	phases, sums, means := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	amplitude, offset, render := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane)
	damplitude, doffset, drender := d.Param(0, lane), d.Param(1, lane), d.Param(2, lane)
	others := b.InChannels(0) - 1
	for c := range others {
		dx := d.InCh(0, c+1, lane)
		for n := range dx {
			dx[n] += amplitude.At(n) * render.At(n) / float64(others) * dy[n]
		}
	}
	lambda := dstate[0]
	for n := len(dy) - 1; n >= 0; n-- {
		s1, c1 := kernel.SinTurn(phases[n]+offset.At(n)), kernel.CosTurn(phases[n]+offset.At(n))
		r, amp := render.At(n), amplitude.At(n)
		damplitude.Add(n, ((1-r)*sums[n]+r*means[n])*dy[n])
		drender.Add(n, amp*(means[n]-sums[n])*dy[n])
		g := amp * (1 - r) * dy[n]
		slope, s, c := 0.0, s1, c1
		for h, a := range a {
			slope += float64(h+1) * a * c
			if da != nil {
				da[h] += g * s
			}
			s, c = s*c1+c*s1, c*c1-s*s1
		}
		slope *= 2 * math.Pi * g
		doffset.Add(n, slope)
		lambda += slope
		if hz[n] >= 0 {
			dhz[n] += lambda / b.Rate
		}
	}
	dstate[0] = lambda
}

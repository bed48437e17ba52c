package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(osc) }

// osc is an oscillator with four waves and three ways to use them.
//
//	φ[n] = frac(φ[n-1] + h[n]),   h = hz/rate; φ[n-1] = 0 where reset > 1/2
//	t[n] = frac(φ[n] + phase_offset[n] + h[n] frame_delay[n])
//	w[n] = wave(t[n], h[n])
//	polyblep:    v[n] = w[n]
//	integrator:  v[n] = clamp(leak v[n-1] + gain w[n], ±clamp)
//	op_amp:      v[n] = clamp(v[n-1] + clamp(m[n] - v[n-1], ±slew/rate), ±clamp)
//	y[n] = amp[n] v[n], or with pan y[n] (cos θ, sin θ), θ = (pan+1) π/4
//
// The waves have their corners rounded by two-sample polynomials, so that they
// and their slopes are continuous. The adjoint walks back and carries the
// gradients of φ, of the triangle's integral and of v, which the block after
// hands over. With s the gradient of t, and λ that of φ,
//
//	λ[n] = s[n] + λ[n+1] where no reset was at n+1
//	h̄[n] = λ[n] + frame_delay[n] s[n] + w̄[n] ∂w/∂h
//
// Where a clamp holds, the gradient goes to its bound; at equality it passes.
var osc = abi.NodeType{
	Name: "OscNode", Family: sources,
	Doc: "Band-limited oscillator, with an integrator or a slew-limited follower behind it.",
	Detail: "Advances, then reads: φ[n] = frac(φ[n−1] + hz[n]/rate), read at φ + phase_offset + frame_delay·hz/rate. hz is the first channel of the input where one is connected, else freq where the file sets or modulates it; " +
		"with neither it is 0. Waves: sine; saw and square (duty 1/2) with polynomial band-limited steps; triangle, a leaky integral of that square (0.9995, 0.0005), very quiet at high pitches. " +
		"integrator: v ← clamp(integration_leak v + integration_gain w, ±integration_clamp). op_amp: v follows the mean of the input's other channels by at most slew per second " +
		"(slew_rate where slew is negative; a limit of 0 is none), within ±slew_clamp; the wave is not used. With pan there are two channels, cos θ and sin θ, θ = (pan + 1) π/4. " +
		"The threshold of reset has no slope. Parameters of other modes have no effect, and are learned only where asked for. compat amp reproduces two defects of the AMP runtime: the corrections of the square have the wrong sign (so it jumps by up to 4, and the triangle is one of that square), " +
		"and phase_offset and frame_delay are ignored where both are given.",
	Source: "V. Välimäki, J. Pekonen, J. Nam, Perceptually Informed Synthesis of Bandlimited Classical Waveforms Using Integrated Polynomial Interpolation, JASA 131(1), 2012; the AMP runtime's OscNode.",
	Inputs: in, Outputs: out, Coupled: true, Advances: true, Example: `"params": {"freq": 220}`,
	Params: []abi.Param{
		{Name: "freq", Role: abi.Pitch, Unit: "Hz", Default: 440, Min: 0, MaxRate: 0.5, Scale: abi.Log, Mod: true, Doc: "Frequency, where no input gives it."},
		{Name: "pan", Role: abi.Pan, Default: 0, Min: -1, Max: 1, Mod: true, Doc: "From left to right; absent: one channel."},
		{Name: "amp", Role: abi.Level, Default: 1, Min: 0, Max: 10, Mod: true, Doc: "Gain of the output."},
		{Name: "phase_offset", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Mod: true, Doc: "Added to the phase where it is read."},
		{Name: "frame_delay", Role: abi.Other, Unit: "frames", Default: 0, Min: 0, Max: 4096, Mod: true, Held: true, Doc: "Frames by which the phase is read ahead."},
		{Name: "reset", Role: abi.Switch, Default: 0, Min: 0, Max: 1, Mod: true, NoGradient: true, Doc: "Above 1/2 the phase starts again at 0."},
		{Name: "slew", Role: abi.Slew, Unit: "1/s", Default: -1, Min: -1, Max: 1e6, Mod: true, Doc: "Fastest change in op_amp; negative: slew_rate."},
		{Name: "integration_leak", Role: abi.Coefficient, Default: 0.9995, Min: 0, Max: 0.999999, Doc: "What the integrator keeps of its value in a frame."},
		{Name: "integration_gain", Role: abi.Other, Default: 1, Min: 0, Max: 10, Doc: "Gain into the integrator."},
		{Name: "integration_clamp", Role: abi.Threshold, Default: 1.2, Min: 0.001, Max: 1000, Scale: abi.Log, Doc: "Bound of the integrator."},
		{Name: "slew_rate", Role: abi.Slew, Unit: "1/s", Default: 12000, Min: 0, Max: 1e6, Doc: "Fastest change in op_amp."},
		{Name: "slew_clamp", Role: abi.Threshold, Default: 1.2, Min: 0.001, Max: 1000, Scale: abi.Log, Doc: "Bound of the follower."},
	},
	Config: []abi.Key{
		{Name: "wave", Kind: abi.String, Default: "sine", Enum: []string{"sine", "saw", "square", "triangle"}, Doc: "Shape."},
		{Name: "mode", Kind: abi.String, Default: "polyblep", Enum: []string{"polyblep", "integrator", "blep_integrator", "op_amp", "opamp", "slew_opamp"}, Doc: "What stands behind the wave; blep_integrator is integrator, opamp and slew_opamp are op_amp."},
		{Name: "accept_reset", Kind: abi.Bool, Default: true, Doc: "Whether reset is heard."},
		{Name: "compat", Kind: abi.String, Enum: []string{"amp"}, Doc: "Reproduce the recorded defects of the AMP runtime."},
	},
	Configure: func(s *abi.Setup) error {
		law := oscLaw{wave: kernel.Waves[s.Config.Text("wave")], reset: s.Config.Bool("accept_reset"), sign: 1, moved: true}
		switch s.Config.Text("mode") {
		case "integrator", "blep_integrator":
			law.mode = oscIntegrator
		case "op_amp", "opamp", "slew_opamp":
			law.mode = oscFollower
		}
		if s.Config.Text("compat") == "amp" {
			law.sign = -1
			law.moved = !s.Given("phase_offset") || !s.Given("frame_delay")
		}
		// freq and pan, where they exist, come before amp.
		s.OutChannels, law.freq, law.pan = []int{1}, -1, -1
		if s.Given("freq") {
			if !s.Connected("in") {
				law.freq = law.amp
			}
			law.amp++
			if law.freq >= 0 && law.mode != oscFollower {
				s.Inputs = nil
			}
		} else {
			s.Drop("freq")
		}
		if s.Given("pan") {
			law.pan, s.OutChannels[0] = law.amp, 2
			law.amp++
		} else {
			s.Drop("pan")
		}
		if law.mode != oscIntegrator {
			s.Hold("integration_leak", "integration_gain", "integration_clamp")
		}
		if law.mode != oscFollower {
			s.Hold("slew", "slew_rate", "slew_clamp")
		}
		s.Data = law
		return nil
	},
	State:        4, // φ, the triangle's integral, v of integrator and op_amp
	Record:       3, // t, w, v
	FrameScratch: 2, // mean of the drive, gradients
	Forward:      lanes(oscForward),
	Backward:     lanePairs(oscBackward),
}

type oscMode int

const (
	oscPlain oscMode = iota
	oscIntegrator
	oscFollower
)

type oscLaw struct {
	wave           kernel.Wave
	mode           oscMode
	reset, moved   bool
	sign           float64 // of the square's corrections
	freq, pan, amp int     // index of the parameter, -1: none; the others follow amp
}

const (
	triangleLeak = 0.9995 // of the AMP runtime
	triangleGain = 0.0005
)

// blep returns the two-sample residual of a falling unit step at t = 0, of
// height 2, and its slopes.
func blep(t, h float64) (v, byT, byH float64) {
	switch {
	case h == 0 && t == 0: // the middle of a step that nothing passes
		return -1, 0, 0
	case t < h:
		u := t / h
		k := 2 * (1 - u) / h
		return 2*u - u*u - 1, k, -k * u
	case t > 1-h:
		u := (t - 1) / h
		k := 2 * (1 + u) / h
		return u*u + 2*u + 1, k, -k * u
	}
	return 0, 0, 0
}

// at returns the wave at phase t, and its slopes by phase and step; for the
// triangle that of the square under it.
func (law *oscLaw) at(t, h float64) (v, byT, byH float64) {
	switch law.wave {
	case kernel.SineWave:
		return kernel.SinTurn(t), 2 * math.Pi * kernel.CosTurn(t), 0
	case kernel.SawWave:
		p, pt, ph := blep(t, h)
		return 2*t - 1 - p, 2 - pt, -ph
	}
	v = 1
	if t >= 0.5 {
		v = -1
	}
	p, pt, ph := blep(t, h)
	q, qt, qh := blep(kernel.Frac(t+0.5), h)
	return v + law.sign*(p-q), law.sign * (pt - qt), law.sign * (ph - qh)
}

// hertz returns the frequency of frame n.
func (law *oscLaw) hertz(b *abi.Block, lane int) abi.Values {
	if law.freq < 0 {
		return abi.FrameValues(b.In(0, lane))
	}
	return b.Param(law.freq, lane)
}

// limit returns the fastest change of op_amp in a frame.
func (law *oscLaw) limit(b *abi.Block, lane, n int) float64 {
	if slew := b.Param(law.amp+4, lane).At(n); slew >= 0 {
		return slew / b.Rate
	}
	return b.Param(law.amp+8, lane).At(0) / b.Rate
}

func oscForward(b *abi.Block, lane int) {
	law := b.Data.(oscLaw)
	y, vs, amp := b.Out(0, lane), b.Record(2, lane), b.Param(law.amp, lane)
	law.waves(b, lane)
	switch law.mode {
	case oscPlain:
		copy(vs, b.Record(1, lane))
	case oscIntegrator:
		law.integrate(b, lane)
	case oscFollower:
		law.follow(b, lane)
	}
	for n, v := range vs {
		y[n] = v * amp.At(n)
	}
	if law.pan >= 0 {
		right, pan := b.OutCh(0, 1, lane), b.Param(law.pan, lane)
		for n, v := range y {
			turn := (pan.At(n) + 1) / 8
			y[n], right[n] = v*kernel.CosTurn(turn), v*kernel.SinTurn(turn)
		}
	}
}

func oscBackward(b, d *abi.Block, lane int) {
	law := b.Data.(oscLaw)
	dy, vs, amp, damp := d.Out(0, lane), b.Record(2, lane), b.Param(law.amp, lane), d.Param(law.amp, lane)
	dv := b.FrameScratch(lane)[b.Frames : 2*b.Frames]
	copy(dv, dy)
	if law.pan >= 0 {
		dright, pan, dpan := d.OutCh(0, 1, lane), b.Param(law.pan, lane), d.Param(law.pan, lane)
		for n := len(dv) - 1; n >= 0; n-- {
			turn := (pan.At(n) + 1) / 8
			c, s := kernel.CosTurn(turn), kernel.SinTurn(turn)
			dpan.Add(n, math.Pi/4*vs[n]*amp.At(n)*(c*dright[n]-s*dv[n]))
			dv[n] = c*dv[n] + s*dright[n]
		}
	}
	for n := len(dv) - 1; n >= 0; n-- {
		damp.Add(n, vs[n]*dv[n])
		dv[n] *= amp.At(n)
	}
	switch law.mode {
	case oscIntegrator:
		law.integrateBack(b, d, lane, dv)
	case oscFollower:
		law.followBack(b, d, lane, dv)
	}
	law.wavesBack(b, d, lane, dv)
}

// waves records t and w.
func (law *oscLaw) waves(b *abi.Block, lane int) {
	ts, ws, state := b.Record(0, lane), b.Record(1, lane), b.State(lane)
	hz, offset, ahead, reset := law.hertz(b, lane), b.Param(law.amp+1, lane), b.Param(law.amp+2, lane), b.Param(law.amp+3, lane)
	p, triangle := state[0], state[1]
	for n := range ts {
		h := hz.At(n) / b.Rate
		if law.reset && reset.At(n) > 0.5 {
			p = 0
		}
		p = kernel.Frac(p + h)
		t := p
		if law.moved {
			t = kernel.Frac(p + offset.At(n) + h*ahead.At(n))
		}
		w := 0.0
		if law.mode != oscFollower {
			w, _, _ = law.at(t, h)
			if law.wave == kernel.TriangleWave {
				triangle = triangleLeak*triangle + triangleGain*w
				w = triangle
			}
		}
		ts[n], ws[n] = t, w
	}
	state[0], state[1] = p, triangle
}

// wavesBack has the gradients of w in dw.
func (law *oscLaw) wavesBack(b, d *abi.Block, lane int, dw []float64) {
	ts, dstate := b.Record(0, lane), d.State(lane)
	hz, ahead, reset := law.hertz(b, lane), b.Param(law.amp+2, lane), b.Param(law.amp+3, lane)
	dhz, doffset, dahead := law.hertz(d, lane), d.Param(law.amp+1, lane), d.Param(law.amp+2, lane)
	phi, triangle := dstate[0], dstate[1]
	for n := len(dw) - 1; n >= 0; n-- {
		h, dh := hz.At(n)/b.Rate, 0.0
		if law.mode != oscFollower {
			g := dw[n]
			if law.wave == kernel.TriangleWave {
				triangle += g
				g = triangleGain * triangle
				triangle *= triangleLeak
			}
			_, byT, byH := law.at(ts[n], h)
			s := g * byT
			dh = g * byH
			phi += s
			if law.moved {
				doffset.Add(n, s)
				dahead.Add(n, h*s)
				dh += ahead.At(n) * s
			}
		}
		dhz.Add(n, (dh+phi)/b.Rate)
		if law.reset && reset.At(n) > 0.5 {
			phi = 0
		}
	}
	dstate[0], dstate[1] = phi, triangle
}

// integrate records v of the integrator.
func (law *oscLaw) integrate(b *abi.Block, lane int) {
	ws, vs, state := b.Record(1, lane), b.Record(2, lane), b.State(lane)
	leak, gain, bound := b.Param(law.amp+5, lane).At(0), b.Param(law.amp+6, lane).At(0), b.Param(law.amp+7, lane).At(0)
	v := state[2]
	for n, w := range ws {
		v = min(max(leak*v+gain*w, -bound), bound)
		vs[n] = v
	}
	state[2] = v
}

// integrateBack replaces the gradients of v by those of w.
func (law *oscLaw) integrateBack(b, d *abi.Block, lane int, dv []float64) {
	ws, vs, dstate := b.Record(1, lane), b.Record(2, lane), d.State(lane)
	leak, gain, bound := b.Param(law.amp+5, lane).At(0), b.Param(law.amp+6, lane).At(0), b.Param(law.amp+7, lane).At(0)
	dleak, dgain, dbound, carry := 0.0, 0.0, 0.0, dstate[2]
	for n := len(dv) - 1; n >= 0; n-- {
		last := b.Before(lane)[2]
		if n > 0 {
			last = vs[n-1]
		}
		g := dv[n] + carry
		dv[n], carry = 0, 0
		switch v := leak*last + gain*ws[n]; {
		case v > bound:
			dbound += g
		case v < -bound:
			dbound -= g
		default:
			dleak += g * last
			dgain += g * ws[n]
			dv[n], carry = gain*g, leak*g
		}
	}
	d.Param(law.amp+5, lane).Add(0, dleak)
	d.Param(law.amp+6, lane).Add(0, dgain)
	d.Param(law.amp+7, lane).Add(0, dbound)
	dstate[2] = carry
}

// follow records v of the follower.
func (law *oscLaw) follow(b *abi.Block, lane int) {
	vs, state, drive := b.Record(2, lane), b.State(lane), b.FrameScratch(lane)[:b.Frames]
	kernel.MeanOfOthers(b, lane, drive)
	v, rail := state[3], b.Param(law.amp+9, lane).At(0)
	for n, m := range drive {
		step := m - v
		if limit := law.limit(b, lane, n); limit > 0 {
			step = min(max(step, -limit), limit)
		}
		v = min(max(v+step, -rail), rail)
		vs[n] = v
	}
	state[3] = v
}

// followBack leads the gradients of v to the drive; there is no w.
func (law *oscLaw) followBack(b, d *abi.Block, lane int, dv []float64) {
	vs, dstate, drive := b.Record(2, lane), d.State(lane), b.FrameScratch(lane)[:b.Frames]
	kernel.MeanOfOthers(b, lane, drive)
	others, rail := b.InChannels(0)-1, b.Param(law.amp+9, lane).At(0)
	drate, drail, carry := 0.0, 0.0, dstate[3]
	for n := len(dv) - 1; n >= 0; n-- {
		last := b.Before(lane)[3]
		if n > 0 {
			last = vs[n-1]
		}
		g := dv[n] + carry
		carry = 0
		limit := law.limit(b, lane, n)
		move := drive[n] - last
		held := limit > 0 && math.Abs(move) > limit
		v := drive[n]
		if held {
			v = last + math.Copysign(limit, move)
		}
		switch {
		case v > rail:
			drail += g
		case v < -rail:
			drail -= g
		case held:
			carry = g
			if slew := b.Param(law.amp+4, lane).At(n); slew >= 0 {
				d.Param(law.amp+4, lane).Add(n, math.Copysign(g/b.Rate, g*move))
			} else {
				drate += math.Copysign(g/b.Rate, g*move)
			}
		default:
			for c := range others {
				d.InCh(0, c+1, lane)[n] += g / float64(others)
			}
		}
	}
	d.Param(law.amp+8, lane).Add(0, drate)
	d.Param(law.amp+9, lane).Add(0, drail)
	dstate[3] = carry
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() {
	for _, t := range []struct {
		name, doc                                        string
		rate, depth, delay, feedback, mix, longest, most float64
	}{
		{"ChorusNode", "Chorus: the input and a copy of slowly moving delay.", 0.8, 3, 15, 0, 0.5, 100, 20},
		{"FlangerNode", "Flanger: a short moving delay with feedback, which combs the spectrum.", 0.25, 1.5, 2, 0.5, 0.5, 40, 20},
		{"VibratoNode", "Vibrato: a moving delay alone, which bends the pitch.", 5, 1, 3, 0, 1, 20, 20},
	} {
		abi.Register(abi.NodeType{
			Name: t.name, Family: timeBased, Doc: t.doc,
			Detail: "v = x + feedback v(t − time), y = (1 − mix) x + mix v(t − time), time = delay_ms + depth_ms w(φ + phase), w within ±1; φ is read and then advanced by rate_hz/rate. " +
				"The feedback comes from the moving tap. Where time is below one frame (lagrange3: two) the delay stays there and has no slope. " +
				"At whole frames the slope by the time is that of the longer time. ChorusNode, FlangerNode and VibratoNode are one kernel and differ in their defaults.",
			Source: "J. Dattorro, Effect Design, Part 2: Delay-Line Modulation and Chorus, JAES 45(10), 1997.",
			Inputs: in, Outputs: out,
			Params: []abi.Param{
				{Name: "rate_hz", Role: abi.Rate, Unit: "Hz", Default: t.rate, Min: 0.01, Max: t.most, Scale: abi.Log, Mod: true, Doc: "Frequency of the wave."},
				{Name: "depth_ms", Role: abi.Depth, Unit: "ms", Default: t.depth, Min: 0, Max: t.longest / 2, Doc: "How far the delay moves to each side; at most max_ms/2."},
				{Name: "delay_ms", Role: abi.Delay, Unit: "ms", Default: t.delay, Min: 0, Max: t.longest / 2, Doc: "Delay in the middle of the movement; at most max_ms/2."},
				{Name: "feedback", Role: abi.Feedback, Default: t.feedback, Min: -0.999, Max: 0.999, Doc: "Gain from the moving tap to the start of the line."},
				{Name: "mix", Role: abi.Mix, Default: t.mix, Min: 0, Max: 1, Doc: "0 is the input, 1 the delayed signal."},
				{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase of the first frame."},
			},
			Config: []abi.Key{
				{Name: "wave", Kind: abi.String, Default: "sine", Enum: []string{"sine", "triangle"}, Doc: "Shape of the movement, as of LFONode."},
				{Name: "interp", Kind: abi.String, Default: "linear", Enum: []string{"linear", "lagrange3"}, Doc: "Interpolation between frames; linear damps the highest octave as it moves."},
				{Name: "max_ms", Kind: abi.Number, Default: t.longest, Min: 0.1, Max: 10000, Doc: "Longest delay, which is the memory of the line."},
			},
			Wave: kernel.SmoothWave,
			Configure: func(s *abi.Setup) error {
				longest := s.Config.Number("max_ms")
				for _, name := range []string{"depth_ms", "delay_ms"} {
					p := s.Param(name)
					p.Max = longest / 2
					p.Default = min(p.Default, p.Max)
				}
				law := chorusLaw{wave: kernel.Waves[s.Config.Text("wave")], combLaw: combLaw{least: 1}}
				if s.Config.Text("interp") == "lagrange3" {
					law.interp, law.least = kernel.Lagrange3, 2
				}
				s.Internal = []int{max(int(math.Ceil(longest*s.Rate/1000)), 2) + 3}
				s.Data = law
				return nil
			},
			State:    1, // φ
			Record:   1, // φ
			Internal: []int{0},
			Forward:  lanes(chorusForward),
			Backward: lanePairs(chorusBackward),
			Tangent:  lanePairs(chorusTangent),
			Second:   kernel.Second(chorusFormula),
		})
	}
}

// chorusLaw is the configuration of a delay moved by a wave:
//
//	T[n] = delay + depth w(frac(φ[n] + phase)),   φ[n+1] = frac(φ[n] + f[n]/rate)
//	e[n] = v(n - T[n]),   v[n] = x[n] + feedback e[n]
//	y[n] = (1 - mix) x[n] + mix e[n]
//
// v is an internal row, whose dual collects what later frames read. Running
// back in time, with the dual of φ handed over by the block after:
//
//	λ         = dual of v[n],   x̄[n] += (1 - mix) ȳ[n] + λ
//	ē         = mix ȳ[n] + feedback λ,   v[n-k-j] += w_j ē
//	T̄         = ē Σ_j w_j' v[n-k-j],   d̄elay += T̄,   d̄epth += w T̄
//	f̄[n]      = φ̄[n+1]/rate,   φ̄[n] = φ̄[n+1] + depth w' T̄
type chorusLaw struct {
	combLaw
	wave kernel.Wave
}

func chorusForward(b *abi.Block, lane int) {
	law, perMs := b.Data.(chorusLaw), b.Rate/1000
	x, y, v, state := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane), b.State(lane)
	rate, phase := b.Param(0, lane), b.Param(5, lane).At(0)
	depth, delay := perMs*b.Param(1, lane).At(0), perMs*b.Param(2, lane).At(0)
	feedback, mix := b.Param(3, lane).At(0), b.Param(4, lane).At(0)
	h, p := len(v)-len(x), state[0]
	y = y[:len(x)]
	now, rest, read := v[h:][:len(x)], 1-mix, b.Record(0, lane)[:len(x)]
	var t kernel.Tap
	for n := range x {
		read[n] = p
		time := math.FMA(depth, law.wave.Value(kernel.Frac(p+phase)), delay)
		var e float64
		if law.interp == kernel.Linear {
			time = max(time, 1)
			k := int(time)
			f := time - float64(k)
			past := v[h+n-k-1:][:2]
			e = math.FMA(f, past[0], (1-f)*past[1])
		} else {
			law.place(&t, time)
			e = t.Read(v, h+n, &t.W)
		}
		now[n] = math.FMA(feedback, e, x[n])
		y[n] = math.FMA(mix, e, rest*x[n])
		p = kernel.Advance(p, rate.At(n)/b.Rate)
	}
	state[0] = p
}

func chorusBackward(b, d *abi.Block, lane int) {
	law, perMs := b.Data.(chorusLaw), b.Rate/1000
	x, v := b.In(0, lane), b.Internal(0, lane)
	dx, dy, dv, dstate := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane), d.State(lane)
	drate, phase := d.Param(0, lane), b.Param(5, lane).At(0)
	depth, delay := perMs*b.Param(1, lane).At(0), perMs*b.Param(2, lane).At(0)
	feedback, mix := b.Param(3, lane).At(0), b.Param(4, lane).At(0)
	p, h := b.Record(0, lane), len(v)-len(x)
	ddepth, ddelay, dfeedback, dmix, dphase, dp := 0.0, 0.0, 0.0, 0.0, 0.0, dstate[0]
	var t kernel.Tap
	for n := len(x) - 1; n >= 0; n-- {
		w, slope := law.wave.At(kernel.Frac(p[n] + phase))
		time := math.FMA(depth, w, delay)
		lambda := dv[h+n]
		g := math.FMA(mix, dy[n], feedback*lambda)
		var e, dt float64
		if law.interp == kernel.Linear {
			least := max(time, 1)
			k := int(least)
			f := least - float64(k)
			past, dpast := v[h+n-k-1:][:2], dv[h+n-k-1:][:2]
			e = math.FMA(f, past[0], (1-f)*past[1])
			if time >= 1 {
				dt = g * (past[0] - past[1])
			}
			dpast[0] = math.FMA(f, g, dpast[0])
			dpast[1] = math.FMA(1-f, g, dpast[1])
		} else {
			law.place(&t, time)
			e, dt = t.Read(v, h+n, &t.W), g*t.Read(v, h+n, &t.DW)
			t.Add(dv, h+n, g)
		}
		dx[n] += (1-mix)*dy[n] + lambda
		dfeedback += e * lambda
		dmix += (e - x[n]) * dy[n]
		ddelay += dt
		ddepth += w * dt
		drate.Add(n, dp/b.Rate)
		dt *= depth * slope
		dphase += dt
		dp += dt
	}
	dstate[0] = dp
	for i, v := range [...]float64{perMs * ddepth, perMs * ddelay, dfeedback, dmix, dphase} {
		d.Param(1+i, lane).Add(0, v)
	}
}

func chorusTangent(b, t *abi.Block, lane int) {
	law, perMs := b.Data.(chorusLaw), b.Rate/1000
	x, v := b.In(0, lane), b.Internal(0, lane)
	tx, ty, tv, tstate := t.In(0, lane), t.Out(0, lane), t.Internal(0, lane), t.State(lane)
	rate, trate := b.Param(0, lane), t.Param(0, lane)
	var p, tp [6]float64
	for i := 1; i < 6; i++ {
		p[i], tp[i] = b.Param(i, lane).At(0), t.Param(i, lane).At(0)
	}
	phi, tphi, h := b.Before(lane)[0], tstate[0], len(v)-len(x)
	var at kernel.Tap
	for n := range x {
		w, slope := law.wave.At(kernel.Frac(phi + p[5]))
		law.place(&at, perMs*(p[2]+p[1]*w))
		tt := perMs * (tp[2] + tp[1]*w + p[1]*slope*(tphi+tp[5]))
		i := h + n
		e, te := at.Read(v, i, &at.W), at.Read(tv, i, &at.W)+tt*at.Read(v, i, &at.DW)
		tv[i] = tx[n] + p[3]*te + tp[3]*e
		ty[n] = (1-p[4])*tx[n] + p[4]*te + tp[4]*(e-x[n])
		phi = kernel.Advance(phi, rate.At(n)/b.Rate)
		tphi += trate.At(n) / b.Rate
	}
	tstate[0] = tphi
}

func chorusFormula(f *kernel.Formula) {
	law, rate, phase := f.Block.Data.(chorusLaw), f.Param(0), f.Param(5)(0)
	depth, delay, feedback, mix := f.Param(1)(0), f.Param(2)(0), f.Param(3)(0), f.Param(4)(0)
	h := len(f.Block.Internal(0, f.Lane)) - f.Frames()
	for n := range f.Frames() {
		x, w := f.In(0, n), f.Wave(law.wave, f.Add(f.State(0), phase))
		time := f.AtLeast(f.Scale(f.Block.Rate/1000, f.Add(delay, f.Mul(depth, w))), law.least)
		e := f.Tap(law.interp, 0, time, 1, n, h)
		f.SetRow(0, f.Add(x, f.Mul(feedback, e)))
		f.Out(0, n, f.Mix(mix, x, e))
		f.SetState(0, f.Add(f.State(0), f.Scale(1/f.Block.Rate, rate(n))))
	}
}

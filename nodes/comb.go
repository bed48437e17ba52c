package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() {
	common := func(t abi.NodeType) {
		t.Family, t.Inputs, t.Outputs = timeBased, in, out
		t.Params = []abi.Param{
			{Name: "time_ms", Role: abi.Delay, Unit: "ms", Default: 10, Min: 0, Max: 2000, Mod: true, Doc: "Delay, at most max_ms and at least one frame (lagrange3: two)."},
			{Name: "gain", Role: abi.Feedback, Default: 0.7, Min: -0.999, Max: 0.999, Mod: true, Doc: "Gain of the loop."},
		}
		t.Config = []abi.Key{
			{Name: "max_ms", Kind: abi.Number, Default: 2000.0, Min: 0.1, Max: 600000, Doc: "Longest time, which is the memory of the line."},
			{Name: "interp", Kind: abi.String, Default: "linear", Enum: []string{"linear", "lagrange3"}, Doc: "Interpolation between frames."},
		}
		if t.Name == "AllpassDelayNode" {
			t.Params[1].Role = abi.Diffusion
		}
		t.Forward, t.Backward, t.Tangent, t.Second = lanes(combForward), lanePairs(combBackward), lanePairs(combTangent), kernel.Second(combFormula)
		abi.Register(t)
	}
	common(abi.NodeType{
		Name: "CombNode",
		Doc:  "Feedback comb filter; its time can be learned and modulated.",
		Detail: "y = x + gain y(t − time). Where time_ms is below one frame (lagrange3: two), the delay stays there and has no slope. " +
			"At whole frames the slope by the time is that of the longer time.",
		Source:    "M. R. Schroeder, Natural Sounding Artificial Reverberation, JAES 10(3), 1962.",
		Internal:  []int{0},
		Configure: func(s *abi.Setup) error { return setComb(s, false) },
	})
	common(abi.NodeType{
		Name: "AllpassDelayNode",
		Doc:  "Schroeder's all-pass: a delay line with feedback whose response is flat.",
		Detail: "y = −gain x + x(t − time) + gain y(t − time). Flat while time is a whole number of frames or interp is lagrange3 and the frequency well below rate/2; " +
			"linear interpolation damps the highest octave. Where time_ms is below one frame (lagrange3: two), the delay stays there and has no slope. " +
			"At whole frames the slope by the time is that of the longer time.",
		Source:    "M. R. Schroeder, B. F. Logan, \"Colorless\" Artificial Reverberation, JAES 9(3), 1961.",
		Internal:  []int{0, 0},
		Configure: func(s *abi.Setup) error { return setComb(s, true) },
	})
}

// combLaw is the configuration of comb and all-pass:
//
//	comb       y[n] = x[n] + g[n] y(n - T[n])
//	all-pass   y[n] = -g[n] x[n] + x(n - T[n]) + g[n] y(n - T[n])
//
// where v(t) interpolates, Σ_j w_j v[n-k-j]. y and x are internal rows; their
// duals collect what later frames read. Running back in time:
//
//	λ          = ȳ[n] + dual of y[n]
//	y[n-k-j]  += g w_j λ,   ḡ[n] = y(n - T) λ,   T̄[n] = g λ Σ_j w_j' y[n-k-j]
//	comb       x̄[n] += λ
//	all-pass   x̄[n] += -g λ + dual of x[n],   x[n-k-j] += w_j λ,
//	           ḡ[n] -= x[n] λ,   T̄[n] += λ Σ_j w_j' x[n-k-j]
type combLaw struct {
	interp  kernel.Interpolation
	allpass bool
	least   float64 // frames
}

func setComb(s *abi.Setup, allpass bool) error {
	longest := s.Config.Number("max_ms")
	p := s.Param("time_ms")
	p.Max, p.Default = longest, min(p.Default, longest)
	law := combLaw{allpass: allpass, least: 1}
	if s.Config.Text("interp") == "lagrange3" {
		// Between its two middle frames the interpolator never amplifies.
		law.interp, law.least = kernel.Lagrange3, 2
	}
	history := max(int(math.Ceil(longest*s.Rate/1000)), 2) + 3
	for i := range s.Internal {
		s.Internal[i] = history
	}
	s.Data = law
	return nil
}

// place sets the tap for a time in frames; the slope of a time that is too
// short is 0.
func (law combLaw) place(t *kernel.Tap, time float64) {
	t.Set(law.interp, max(time, law.least), 1)
	if time < law.least {
		t.DW = [4]float64{}
	}
}

func combForward(b *abi.Block, lane int) {
	law, perMs := b.Data.(combLaw), b.Rate/1000
	x, y, v := b.In(0, lane), b.Out(0, lane), b.Internal(0, lane)
	time, gain := b.Param(0, lane), b.Param(1, lane)
	h := len(v) - len(x)
	var u []float64
	if law.allpass {
		u = b.Internal(1, lane)
		copy(u[h:], x)
	}
	var t kernel.Tap
	law.place(&t, perMs*time.At(0))
	if !time.Varies() && !gain.Varies() && t.Taps == 2 {
		combRun(x, y, v, u, t.K, t.W[0], t.W[1], gain.At(0))
		return
	}
	for n := range x {
		if time.Varies() {
			law.place(&t, perMs*time.At(n))
		}
		g, i := gain.At(n), h+n
		past := t.Read(v, i, &t.W)
		if law.allpass {
			v[i] = math.FMA(g, past-x[n], t.Read(u, i, &t.W))
		} else {
			v[i] = math.FMA(g, past, x[n])
		}
		y[n] = v[i]
	}
}

// combRun is the common case: a held time and gain, linear interpolation. Its
// arithmetic is that of combForward. u is nil for a comb.
func combRun(x, y, v, u []float64, k int, w0, w1, g float64) {
	h := len(v) - len(x)
	now, past := v[h:][:len(x)], v[h-k-1:]
	y = y[:len(x)]
	if u == nil {
		for n, x := range x {
			s := math.FMA(g, math.FMA(w1, past[n], w0*past[n+1]), x)
			now[n], y[n] = s, s
		}
		return
	}
	before := u[h-k-1:]
	for n, x := range x {
		s := math.FMA(g, math.FMA(w1, past[n], w0*past[n+1])-x, math.FMA(w1, before[n], w0*before[n+1]))
		now[n], y[n] = s, s
	}
}

func combBackward(b, d *abi.Block, lane int) {
	law, perMs := b.Data.(combLaw), b.Rate/1000
	x, v := b.In(0, lane), b.Internal(0, lane)
	dx, dy, dv := d.In(0, lane), d.Out(0, lane), d.Internal(0, lane)
	time, gain := b.Param(0, lane), b.Param(1, lane)
	dtime, dgain := d.Param(0, lane), d.Param(1, lane)
	h := len(v) - len(x)
	var u, du []float64
	if law.allpass {
		u, du = b.Internal(1, lane), d.Internal(1, lane)
	}
	var t kernel.Tap
	law.place(&t, perMs*time.At(0))
	if !time.Varies() && !gain.Varies() && t.Taps == 2 {
		dt, dg := combRunBack(x, v, u, dx, dy, dv, du, t.K, t.W[0], t.W[1], gain.At(0))
		dtime.Add(0, perMs*t.DW[1]*dt) // dw[1] is 1, or 0 below the least time
		dgain.Add(0, dg)
		return
	}
	for n := len(x) - 1; n >= 0; n-- {
		if time.Varies() {
			law.place(&t, perMs*time.At(n))
		}
		g, i := gain.At(n), h+n
		lambda := dy[n] + dv[i]
		dg, dt := t.Read(v, i, &t.W), g*t.Read(v, i, &t.DW)
		t.Add(dv, i, g*lambda)
		if law.allpass {
			dg -= x[n]
			dt += t.Read(u, i, &t.DW)
			t.Add(du, i, lambda)
			dx[n] += du[i] - g*lambda
		} else {
			dx[n] += lambda
		}
		dgain.Add(n, dg*lambda)
		dtime.Add(n, perMs*dt*lambda)
	}
}

// combRunBack is the adjoint of combRun; it returns the gradients of the time
// in frames and of the gain.
func combRunBack(x, v, u, dx, dy, dv, du []float64, k int, w0, w1, g float64) (dt, dg float64) {
	h := len(v) - len(x)
	past, dpast, dnow := v[h-k-1:], dv[h-k-1:], dv[h:][:len(x)]
	dx, dy = dx[:len(x)], dy[:len(x)]
	if u == nil {
		for n := len(x) - 1; n >= 0; n-- {
			p0, p1 := past[n+1], past[n]
			lambda := dy[n] + dnow[n]
			dx[n] += lambda
			dg = math.FMA(math.FMA(w1, p1, w0*p0), lambda, dg)
			e := g * lambda
			dt = math.FMA(p1-p0, e, dt)
			dpast[n+1] = math.FMA(w0, e, dpast[n+1])
			dpast[n] = math.FMA(w1, e, dpast[n])
		}
		return dt, dg
	}
	before, dbefore, dinput := u[h-k-1:], du[h-k-1:], du[h:][:len(x)]
	for n := len(x) - 1; n >= 0; n-- {
		p0, p1 := past[n+1], past[n]
		lambda := dy[n] + dnow[n]
		dg = math.FMA(math.FMA(w1, p1, w0*p0)-x[n], lambda, dg)
		e := g * lambda
		dt = math.FMA(p1-p0, e, math.FMA(before[n]-before[n+1], lambda, dt))
		dpast[n+1] = math.FMA(w0, e, dpast[n+1])
		dpast[n] = math.FMA(w1, e, dpast[n])
		dbefore[n+1] = math.FMA(w0, lambda, dbefore[n+1])
		dbefore[n] = math.FMA(w1, lambda, dbefore[n])
		dx[n] += dinput[n] - e
	}
	return dt, dg
}

func combTangent(b, t *abi.Block, lane int) {
	law, perMs := b.Data.(combLaw), b.Rate/1000
	x, v := b.In(0, lane), b.Internal(0, lane)
	tx, ty, tv := t.In(0, lane), t.Out(0, lane), t.Internal(0, lane)
	time, gain, ttime, tgain := b.Param(0, lane), b.Param(1, lane), t.Param(0, lane), t.Param(1, lane)
	h := len(v) - len(x)
	var u, tu []float64
	if law.allpass {
		u, tu = b.Internal(1, lane), t.Internal(1, lane)
		copy(tu[h:], tx)
	}
	var at kernel.Tap
	for n := range x {
		law.place(&at, perMs*time.At(n))
		g, i, tt := gain.At(n), h+n, perMs*ttime.At(n)
		past := at.Read(v, i, &at.W)
		s := g*(at.Read(tv, i, &at.W)+tt*at.Read(v, i, &at.DW)) + tgain.At(n)*past
		if law.allpass {
			s += at.Read(tu, i, &at.W) + tt*at.Read(u, i, &at.DW) - g*tx[n] - tgain.At(n)*x[n]
		} else {
			s += tx[n]
		}
		tv[i], ty[n] = s, s
	}
}

func combFormula(f *kernel.Formula) {
	law, ms, gain := f.Block.Data.(combLaw), f.Param(0), f.Param(1)
	h := len(f.Block.Internal(0, f.Lane)) - f.Frames()
	for n := range f.Frames() {
		x, g, time := f.In(0, n), gain(n), f.AtLeast(f.Scale(f.Block.Rate/1000, ms(n)), law.least)
		past := f.Tap(law.interp, 0, time, 1, n, h)
		var y kernel.Number
		if law.allpass {
			f.SetRow(1, x)
			y = f.Add(f.Mul(g, f.Sub(past, x)), f.Tap(law.interp, 1, time, 1, n, h))
		} else {
			y = f.Add(f.Mul(g, past), x)
		}
		f.SetRow(0, y)
		f.Out(0, n, y)
	}
}

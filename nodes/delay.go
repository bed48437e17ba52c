package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(delay) }

// delay is a line with a fractional tap. With T = time_ms rate/1000 frames,
//
//	e[n] = v(n - max(T, 1))                the tap of the feedback
//	l[n] = l[n-1] + a (e[n] - l[n-1])      damping; without it l = e
//	v[n] = x[n] + feedback l[n]
//	d[n] = v(n - T)                        the tap of the output
//	y[n] = (1 - mix) x[n] + mix d[n]
//
// where v(t) interpolates: Σ_j w_j(f) v[n-k-j], k whole and f a fraction. The
// line is an internal row with a history as long as the longest delay. Its dual
// collects v̄; running back in time, v̄[n] is complete when frame n is reached,
// but for what d[n] adds if its tap reaches frame n itself:
//
//	d̄       = mix ȳ[n]
//	v̄[n-k-j] += w_j d̄,   T̄[n] += d̄ Σ_j w_j' v[n-k-j]
//	λ        = v̄[n]
//	x̄[n]    += (1 - mix) ȳ[n] + λ,   f̄eedback += l[n] λ
//	l̄        = feedback λ + (1-a) l̄[n+1],   ē = a l̄
//	v̄[n-k-j] += w_j ē,   T̄[n] += ē Σ_j w_j' v[n-k-j] where T ≥ 1
//
// The all-pass interpolator keeps a state of its own per tap:
//
//	d[n] = η (v[n-k] - d[n-1]) + v[n-k-1],   η = (1-f)/(1+f)
var delay = abi.NodeType{
	Name: "DelayNode", Family: timeBased,
	Doc: "Delay line with feedback; its time can be learned and modulated.",
	Detail: "v = x + feedback LP(v(t − time)), y = (1 − mix) x + mix v(t − time). " +
		"The feedback takes at least one frame: where time_ms is less, the feedback stays at one frame (and does not see the time), while the output goes on down to 0. " +
		"interp: linear damps the highest octave at fractional times; lagrange3 (third order, four frames around the tap; below 2 frames the first four there are) much less; " +
		"allpass (Thiran, first order) not at all, but it rings when its time moves, and below half a frame its pole comes near −1. " +
		"The slope by the time is that of the interpolator: exact, with a kink at whole frames (linear, lagrange3; the slope of the longer time is taken), a jump half-way between them (allpass, which changes its frames there). " +
		"It leads towards a better time only from within about half a period of the signal. " +
		"damping_hz is a one-pole low-pass in the feedback, a = 1 − exp(−2π damping_hz/rate); absent it is off.",
	Source: "T. I. Laakso, V. Välimäki, M. Karjalainen, U. K. Laine, Splitting the Unit Delay, IEEE Signal Processing Magazine 13(1), 1996.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "time_ms", Role: abi.Delay, Unit: "ms", Default: 0, Min: 0, Max: 2000, Mod: true, Doc: "Delay, at most max_ms."},
		{Name: "feedback", Role: abi.Feedback, Default: 0, Min: -0.999, Max: 0.999, Doc: "Gain from the end of the line to its start."},
		{Name: "mix", Role: abi.Mix, Default: 1, Min: 0, Max: 1, Doc: "0 is the input, 1 the delayed signal."},
		{Name: "damping_hz", Role: abi.Corner, Unit: "Hz", Default: 6000, Min: 10, MaxRate: 0.49, Scale: abi.Log, Doc: "Corner of the low-pass in the feedback; absent: none."},
	},
	Config: []abi.Key{
		{Name: "max_ms", Kind: abi.Number, Default: 2000.0, Min: 0.1, Max: 600000, Doc: "Longest time, which is the memory of the line."},
		{Name: "interp", Kind: abi.String, Default: "linear", Enum: []string{"linear", "lagrange3", "allpass"}, Doc: "Interpolation between frames."},
	},
	Configure: func(s *abi.Setup) error {
		longest := s.Config.Number("max_ms")
		s.Param("time_ms").Max = longest
		law := delayLaw{damped: s.Given("damping_hz")}
		if !law.damped {
			s.Drop("damping_hz")
		}
		law.longest = int(math.Ceil(longest * s.Rate / 1000))
		history := law.longest + 3
		if s.Frames > 0 { // before the run there is nothing to remember
			history = min(history, s.Frames)
		}
		s.Internal = []int{history}
		switch s.Config.Text("interp") {
		case "lagrange3":
			law.interp = kernel.Lagrange3
		case "allpass":
			law.interp = kernel.Thiran
			s.Record = 2 // e, d
		}
		if law.interp != kernel.Thiran && law.damped {
			s.Record = 1 // l, of held times
		}
		s.Data = law
		return nil
	},
	State:        3, // l[n-1], and d[n-1] and e[n-1] of the all-pass taps
	FrameScratch: 3, // e, d, l
	Internal:     []int{0},
	Forward:      lanes(delayForward),
	Backward:     lanePairs(delayBackward),
	Tangent:      lanePairs(delayTangent),
	Second:       kernel.Second(delayFormula),
}

type delayLaw struct {
	interp  kernel.Interpolation
	damped  bool
	longest int // time in frames
}

// damping returns the coefficient of the low-pass and its slope; a = 1 is none.
func (law delayLaw) damping(b *abi.Block, lane int) (a, slope float64) {
	if !law.damped {
		return 1, 0
	}
	return kernel.OnePoleCoef(b.Param(3, lane).At(0), b.Rate)
}

// place sets both taps for a time in milliseconds, and says whether they read
// the same.
func (law delayLaw) place(end, loop *kernel.Tap, ms, perMs float64) (together bool) {
	time := ms * perMs
	end.Set(law.interp, time, 0)
	loop.Set(law.interp, max(time, 1), 1)
	return law.interp != kernel.Thiran && time >= 2
}

// delayForward takes the fastest way there is: delayheld.go, delaymoving.go, else
// delayframes.go.
func delayForward(b *abi.Block, lane int) {
	law, perMs := b.Data.(delayLaw), b.Rate/1000
	time, h := b.Param(0, lane), len(b.Internal(0, lane))-b.Frames
	var end, loop kernel.Tap
	together := law.place(&end, &loop, time.At(0), perMs)
	switch {
	case law.pieces(time, perMs, &end, h):
		delayPieces(b, lane, law, &end)
	case law.moving(b, lane, h):
		delayMoving(b, lane)
	case law.plain(time, together, &end, h):
		delayRun(b, lane, end.K, end.W[0], end.W[1])
	default:
		delayFrames(b, lane)
	}
}

func delayBackward(b, d *abi.Block, lane int) {
	law, perMs := b.Data.(delayLaw), b.Rate/1000
	time, h := b.Param(0, lane), len(b.Internal(0, lane))-b.Frames
	var end, loop kernel.Tap
	together := law.place(&end, &loop, time.At(0), perMs)
	switch {
	case law.pieces(time, perMs, &end, h):
		delayPiecesBack(b, d, lane, law, &end)
	case law.moving(b, lane, h):
		delayMovingBack(b, d, lane)
	case law.plain(time, together, &end, h):
		delayRunBack(b, d, lane, end.K, end.W[0], end.W[1])
	default:
		delayFramesBack(b, d, lane)
	}
}

func delayTangent(b, t *abi.Block, lane int) {
	law := b.Data.(delayLaw)
	perMs := b.Rate / 1000
	x, v, before := b.In(0, lane), b.Internal(0, lane), b.Before(lane)
	tx, ty, tv, tstate := t.In(0, lane), t.Out(0, lane), t.Internal(0, lane), t.State(lane)
	time, feedback, mix := b.Param(0, lane), b.Param(1, lane).At(0), b.Param(2, lane).At(0)
	ttime, tfeedback, tmix, ta := t.Param(0, lane), t.Param(1, lane).At(0), t.Param(2, lane).At(0), 0.0
	a, slope := law.damping(b, lane)
	if law.damped {
		ta = slope * t.Param(3, lane).At(0)
	}
	h := len(v) - len(x)
	e, out, l := delayTaps(b, lane, law)
	var end, loop kernel.Tap
	tlast, tend, tloop := tstate[0], tstate[1], tstate[2]
	for n := range x {
		law.place(&end, &loop, time.At(n), perMs)
		i := h + n
		prev, prevEnd, prevLoop := before[0], before[1], before[2]
		if n > 0 {
			prev, prevEnd, prevLoop = l[n-1], out[n-1], e[n-1]
		}
		tt := perMs * ttime.At(n)
		loopTime := tt
		if time.At(n)*perMs < 1 {
			loopTime = 0
		}
		te := 0.0
		if law.interp == kernel.Thiran {
			tloop = loop.W[0]*(at(tv, i-loop.K)-tloop) + at(tv, i-loop.K-1) + loop.DW[0]*loopTime*(at(v, i-loop.K)-prevLoop)
			te = tloop
		} else {
			te = loop.Read(tv, i, &loop.W) + loopTime*loop.Read(v, i, &loop.DW)
		}
		if law.damped {
			tlast += a*(te-tlast) + ta*(e[n]-prev)
		} else {
			tlast = te
		}
		tv[i] = tx[n] + feedback*tlast + tfeedback*l[n]
		td := 0.0
		if law.interp == kernel.Thiran {
			tend = end.W[0]*(at(tv, i-end.K)-tend) + at(tv, i-end.K-1) + end.DW[0]*tt*(at(v, i-end.K)-prevEnd)
			td = tend
		} else {
			td = end.Read(tv, i, &end.W) + tt*end.Read(v, i, &end.DW)
		}
		ty[n] = (1-mix)*tx[n] + mix*td + tmix*(out[n]-x[n])
	}
	if law.damped {
		tstate[0] = tlast
	}
	if law.interp == kernel.Thiran {
		tstate[1], tstate[2] = tend, tloop
	}
}

func delayFormula(f *kernel.Formula) {
	law, ms, feedback, mix := f.Block.Data.(delayLaw), f.Param(0), f.Param(1)(0), f.Param(2)(0)
	h := len(f.Block.Internal(0, f.Lane)) - f.Frames()
	var a kernel.Number
	if law.damped {
		a = f.PoleCoef(f.Param(3)(0))
	}
	for n := range f.Frames() {
		x, time := f.In(0, n), f.Scale(f.Block.Rate/1000, ms(n))
		var e, d kernel.Number
		if loop := f.AtLeast(time, 1); law.interp == kernel.Thiran {
			e = delayRing(f, loop, 1, n, h, 2)
		} else {
			e = f.Tap(law.interp, 0, loop, 1, n, h)
		}
		l := e
		if law.damped {
			l = f.Mix(a, f.State(0), e)
			f.SetState(0, l)
		}
		f.SetRow(0, f.Add(x, f.Mul(feedback, l)))
		if law.interp == kernel.Thiran {
			d = delayRing(f, time, 0, n, h, 1)
		} else {
			d = f.Tap(law.interp, 0, time, 0, n, h)
		}
		f.Out(0, n, f.Mix(mix, x, d))
	}
}

// delayRing is the all-pass tap, whose last value is a state.
func delayRing(f *kernel.Formula, time kernel.Number, first, n, history, state int) kernel.Number {
	var t kernel.Tap
	t.Set(kernel.Thiran, f.Value(time), first)
	u, at := f.Shift(-float64(t.K), time), history+n-t.K
	eta := f.Div(f.Shift(1, f.Scale(-1, u)), f.Shift(1, u))
	y := f.Add(f.Mul(eta, f.Sub(f.Row(0, at), f.State(state))), f.Row(0, at-1))
	f.SetState(state, y)
	return y
}

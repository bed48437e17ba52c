package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(onePole) }

// onePole is a one-pole low-pass filter, or what it takes away:
//
//	l[n] = l[n-1] + a[n] (x[n] - l[n-1]),   a[n] = 1 - exp(-2π cutoff[n]/rate)
//	lowpass: y[n] = l[n]    highpass: y[n] = x[n] - l[n]
//
// The pole is the impulse-invariant image of an RC filter. With s = +1 for the
// low-pass and -1 for the high-pass, the adjoint runs back in time; the block
// after hands over (1-a) λ, the gradient of the state:
//
//	λ[n]   = s ȳ[n] + (1-a[n+1]) λ[n+1]
//	x̄[n]  += a[n] λ[n]            high-pass: + ȳ[n]
//	ā[n]   = (x[n] - l[n-1]) λ[n]
var onePole = abi.NodeType{
	Name: "OnePoleNode", Family: filters,
	Doc: "One-pole low-pass or high-pass filter, 6 dB per octave.",
	Detail: "l[n] = l[n−1] + a (x[n] − l[n−1]), a = 1 − exp(−2π cutoff_hz/rate); the low-pass is l, the high-pass x − l. " +
		"Towards rate/2 the low-pass flattens out, as its pole is that of an RC filter sampled.",
	Source: "J. O. Smith, Introduction to Digital Filters, \"One-Pole\"; C.-Y. Yu et al., Differentiable All-pole Filters for Time-varying Audio Systems, DAFx 2024 (the time-varying adjoint).",
	Inputs: in, Outputs: out,
	Params: []abi.Param{cornerParam("cutoff_hz", "Corner frequency; the gain there is -3 dB within 0.1 dB up to rate/20.")},
	Config: []abi.Key{{
		Name: "kind", Kind: abi.String, Default: "lowpass", Enum: []string{"lowpass", "highpass"},
		Doc: "Which part of the signal passes.",
	}},
	Configure: func(s *abi.Setup) error {
		s.Data = onePoleKind{s.Config.Text("kind") == "highpass"}
		return nil
	},
	State:         1, // l[n-1]
	Coefs:         2, // a and its slope
	Prepare:       lanes(onePolePrepare),
	FrameScratch:  1, // l[n-1]
	Forward:       onePoleForward,
	Backward:      onePoleBackward,
	Tangent:       lanePairs(onePoleTangent),
	Second:        kernel.Second(onePoleFormula),
	CohortForward: onePoleForwardFour,
}

type onePoleKind struct{ high bool }

func onePolePrepare(b *abi.Block, lane int) {
	c := b.Coefs(lane)
	c[0], c[1] = kernel.OnePoleCoef(b.Param(0, lane).At(0), b.Rate)
}

// onePoleStart returns the coefficient of the first frame of a block and its
// slope.
func onePoleStart(b *abi.Block, lane int) (a, slope float64) {
	if b.Held() {
		c := b.Coefs(lane)
		return c[0], c[1]
	}
	return kernel.OnePoleCoef(b.Param(0, lane).At(0), b.Rate)
}

func onePoleForward(b *abi.Block) {
	for lane := range b.Lanes {
		onePoleForwardLane(b, lane)
	}
}

// The recursion is written l = (1-a) l + a x, with one fused multiply-add from
// one frame to the next.
func onePoleForwardLane(b *abi.Block, lane int) {
	x, y := b.In(0, lane), b.Out(0, lane)
	cutoff, state := b.Param(0, lane), b.State(lane)
	a, _ := onePoleStart(b, lane)
	last := state[0]
	y = y[:len(x)]
	for n := range x {
		if cutoff.Varies() {
			a, _ = kernel.OnePoleCoef(cutoff.At(n), b.Rate)
		}
		last = math.FMA(1-a, last, float64(a*x[n]))
		y[n] = last
	}
	state[0] = last
	if b.Data.(onePoleKind).high {
		for n := range x {
			y[n] = x[n] - y[n]
		}
	}
}

func onePoleForwardFour(b *abi.Block) {
	lane := 0
	if b.Held() {
		for ; lane+4 <= b.Lanes; lane += 4 {
			n := b.Frames
			x0, x1, x2, x3 := b.In(0, lane)[:n], b.In(0, lane+1)[:n], b.In(0, lane+2)[:n], b.In(0, lane+3)[:n]
			y0, y1, y2, y3 := b.Out(0, lane)[:n], b.Out(0, lane+1)[:n], b.Out(0, lane+2)[:n], b.Out(0, lane+3)[:n]
			s0, s1, s2, s3 := b.State(lane), b.State(lane+1), b.State(lane+2), b.State(lane+3)
			a0 := b.Coefs(lane)[0]
			a1 := b.Coefs(lane + 1)[0]
			a2 := b.Coefs(lane + 2)[0]
			a3 := b.Coefs(lane + 3)[0]
			p0, p1, p2, p3 := 1-a0, 1-a1, 1-a2, 1-a3
			l0, l1, l2, l3 := s0[0], s1[0], s2[0], s3[0]
			for n := range x0 {
				l0 = math.FMA(p0, l0, float64(a0*x0[n]))
				l1 = math.FMA(p1, l1, float64(a1*x1[n]))
				l2 = math.FMA(p2, l2, float64(a2*x2[n]))
				l3 = math.FMA(p3, l3, float64(a3*x3[n]))
				y0[n], y1[n], y2[n], y3[n] = l0, l1, l2, l3
			}
			s0[0], s1[0], s2[0], s3[0] = l0, l1, l2, l3
			if b.Data.(onePoleKind).high {
				for k := lane; k < lane+4; k++ {
					x, y := b.In(0, k), b.Out(0, k)
					for n := range x {
						y[n] = x[n] - y[n]
					}
				}
			}
		}
	}
	for ; lane < b.Lanes; lane++ {
		onePoleForwardLane(b, lane)
	}
}

// onePolePast returns l[n-1] for every frame of the block: the output row of a
// low-pass, moved by one, or what a high-pass took away.
func onePolePast(b *abi.Block, lane int) []float64 {
	y, past := b.Out(0, lane), b.FrameScratch(lane)
	past[0] = b.Before(lane)[0]
	if b.Data.(onePoleKind).high {
		x := b.In(0, lane)
		for n := 1; n < len(past); n++ {
			past[n] = x[n-1] - y[n-1]
		}
	} else {
		copy(past[1:], y)
	}
	return past
}

func onePoleBackward(b, d *abi.Block) {
	for lane := range b.Lanes {
		onePoleBackwardLane(b, d, lane)
	}
}

func onePoleBackwardLane(b, d *abi.Block, lane int) {
	x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
	cutoff, dcutoff, dstate := b.Param(0, lane), d.Param(0, lane), d.State(lane)
	past := onePolePast(b, lane)
	dx, dy, past = dx[:len(x)], dy[:len(x)], past[:len(x)]
	s := 1.0
	if b.Data.(onePoleKind).high {
		s = -1
		vec.Add(dx, dy)
	}
	a, slope := onePoleStart(b, lane)
	carry := dstate[0] // (1-a) λ[n+1]
	if !cutoff.Varies() {
		p, lambda, sum := 1-a, 0.0, 0.0
		for n := len(x) - 1; n >= 0; n-- {
			lambda = math.FMA(p, lambda, float64(s*dy[n])+carry)
			carry = 0 // it is in λ now
			dx[n] = math.FMA(a, lambda, dx[n])
			sum = math.FMA(x[n]-past[n], lambda, sum)
		}
		dcutoff.Add(0, slope*sum)
		dstate[0] = p * lambda
		return
	}
	for n := len(x) - 1; n >= 0; n-- {
		a, slope = kernel.OnePoleCoef(cutoff.At(n), b.Rate)
		lambda := s*dy[n] + carry
		dx[n] += a * lambda
		dcutoff.Add(n, slope*(x[n]-past[n])*lambda)
		carry = (1 - a) * lambda
	}
	dstate[0] = carry
}

func onePoleTangent(b, t *abi.Block, lane int) {
	high := b.Data.(onePoleKind).high
	x, tx, ty := b.In(0, lane), t.In(0, lane), t.Out(0, lane)
	cutoff, tcutoff, tstate := b.Param(0, lane), t.Param(0, lane), t.State(lane)
	past, tlast := onePolePast(b, lane), tstate[0]
	for n := range x {
		a, slope := kernel.OnePoleCoef(cutoff.At(n), b.Rate)
		tlast += a*(tx[n]-tlast) + slope*tcutoff.At(n)*(x[n]-past[n])
		ty[n] = tlast
		if high {
			ty[n] = tx[n] - tlast
		}
	}
	tstate[0] = tlast
}

func onePoleFormula(f *kernel.Formula) {
	high, cutoff := f.Block.Data.(onePoleKind).high, f.Param(0)
	for n := range f.Frames() {
		a := f.PoleCoef(cutoff(n))
		x, last := f.In(0, n), f.State(0)
		last = f.Add(last, f.Mul(a, f.Sub(x, last)))
		f.SetState(0, last)
		if high {
			last = f.Sub(x, last)
		}
		f.Out(0, n, last)
	}
}

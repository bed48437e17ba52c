package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(slewLimiter) }

// slewLimiter follows its input no faster than its limits. Per frame,
//
//	w    = x[n] - y[n-1]
//	w    = ±A (√(1/4 + 2|w|/A) - 1/2) where |w| > A   order 2 only, A = accel/rate²
//	w    = clamp(w, v[n-1] ± A)                       order 2 only
//	v[n] = clamp(w, -fall/rate, rise/rate)
//	y[n] = y[n-1] + v[n]
//
// The adjoint follows the branch of each frame: v̄ = ȳ + what follows, which goes
// to rise or fall, to v[n-1] and A, or to x[n] and -y[n-1]. The root is the speed
// from which steps of A come to rest at the input: braking, with the slope 1/ρ,
// ρ the root, by w and ρ - 1/2 - |w|/(A ρ) by A.
var slewLimiter = abi.NodeType{
	Name: "SlewLimiterNode", Family: dynamics,
	Doc: "Limits how fast a signal rises and falls.",
	Detail: "y[n] = y[n−1] + clamp(x[n] − y[n−1], −fall_per_s/rate, rise_per_s/rate). order 2 also limits the second difference, |y[n] − 2y[n−1] + y[n−2]| ≤ accel_per_s2/rate² (within the limits of the first): it slows down before it arrives, and overshoots only where the input jumps on the way. " +
		"ideal passes the input through, whatever the limits. At a limit exactly reached the slope is that of the free side; a limited frame has no slope by the input, only by its limit and the past.",
	Source: "D. Self, Small Signal Audio Design, 3rd ed., 2020 (slew rate); the clamp as a mask, as in C.-Y. Yu et al., DAFx 2024.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "rise_per_s", Role: abi.Slew, Unit: "1/s", Default: 1000, Min: 0.01, Max: 1e7, Scale: abi.Log, Doc: "Fastest rise per second."},
		{Name: "fall_per_s", Role: abi.Slew, Unit: "1/s", Default: 1000, Min: 0.01, Max: 1e7, Scale: abi.Log, Doc: "Fastest fall per second."},
		{Name: "accel_per_s2", Role: abi.Slew, Unit: "1/s²", Default: 1e7, Min: 1, Max: 1e12, Scale: abi.Log, Doc: "Order 2: largest change of the slope per second."},
	},
	Config: []abi.Key{
		{Name: "order", Kind: abi.Int, Default: 1.0, Min: 1, Max: 2, Doc: "Differences that are limited: the first, or the second too."},
		{Name: "ideal", Kind: abi.Bool, Default: false, Doc: "Pass the input through."},
	},
	Configure: func(s *abi.Setup) error {
		l := slewLaw{second: s.Config.Int("order") == 2, ideal: s.Config.Bool("ideal")}
		if !l.second {
			s.Drop("accel_per_s2")
		}
		s.Data = l
		return nil
	},
	State:    2, // y[n-1], v[n-1]
	Record:   1, // the branch
	Forward:  lanes(slewForward),
	Backward: lanePairs(slewBackward),
}

type slewLaw struct{ second, ideal bool }

// The branches of a frame.
const (
	slewFree = iota
	slewRises
	slewFalls
	slewUp     // v[n-1] + A
	slewDown   // v[n-1] - A
	slewBrakes // towards rest at the input
)

func slewForward(b *abi.Block, lane int) {
	l := b.Data.(slewLaw)
	x, y, branch, state := b.In(0, lane), b.Out(0, lane), b.Record(0, lane), b.State(lane)
	rise, fall, accel := b.Param(0, lane).At(0)/b.Rate, b.Param(1, lane).At(0)/b.Rate, 0.0
	if l.second {
		accel = b.Param(2, lane).At(0) / (b.Rate * b.Rate)
	}
	last, v := state[0], state[1]
	for n, x := range x {
		to, how := x-last, slewFree
		if !l.ideal {
			if l.second && math.Abs(to) > accel {
				to, how = math.Copysign(accel*(math.Sqrt(0.25+2*math.Abs(to)/accel)-0.5), to), slewBrakes
			}
			if l.second && to > v+accel {
				to, how = v+accel, slewUp
			} else if l.second && to < v-accel {
				to, how = v-accel, slewDown
			}
			if to > rise {
				to, how = rise, slewRises
			} else if to < -fall {
				to, how = -fall, slewFalls
			}
		}
		v = to
		if how == slewFree {
			last = x // exactly
		} else {
			last += v
		}
		y[n], branch[n] = last, float64(how)
	}
	state[0], state[1] = last, v
}

func slewBackward(b, d *abi.Block, lane int) {
	l := b.Data.(slewLaw)
	x, y, dx, dy, branch, dstate := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane), b.Record(0, lane), d.State(lane)
	accel := 1.0
	if l.second {
		accel = b.Param(2, lane).At(0) / (b.Rate * b.Rate)
	}
	ey, ev := dstate[0], dstate[1] // of y[n] and v[n] by the frames after
	var drise, dfall, daccel float64
	for n := len(dx) - 1; n >= 0; n-- {
		g := dy[n] + ey
		dv := g + ev
		ey, ev = g, 0 // y[n] = y[n-1] + v[n]
		switch int(branch[n]) {
		case slewFree:
			dx[n] += dv
			ey -= dv
		case slewBrakes:
			w := x[n] - b.Before(lane)[0]
			if n > 0 {
				w = x[n] - y[n-1]
			}
			root := math.Sqrt(0.25 + 2*math.Abs(w)/accel)
			dx[n] += dv / root
			ey -= dv / root
			daccel += kernel.Sign(w) * (root - 0.5 - math.Abs(w)/(accel*root)) * dv
		case slewRises:
			drise += dv
		case slewFalls:
			dfall -= dv
		case slewUp:
			ev = dv
			daccel += dv
		case slewDown:
			ev = dv
			daccel -= dv
		}
	}
	d.Param(0, lane).Add(0, drise/b.Rate)
	d.Param(1, lane).Add(0, dfall/b.Rate)
	if l.second {
		d.Param(2, lane).Add(0, daccel/(b.Rate*b.Rate))
	}
	dstate[0], dstate[1] = ey, ev
}

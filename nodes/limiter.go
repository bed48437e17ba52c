package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(limiter) }

// limiter keeps every frame below a ceiling c. With D the level of the loudest
// channel and N the frames of lookahead,
//
//	t[n] = max(1 - c/D[n], 0)                    attenuation that frame n needs
//	m[n] = max(t[n-N] … t[n])
//	f[n] = m[n] + a (f[n-1] - m[n])               a of the attack where m[n] > f[n-1], else of the release
//	s[n] = (f[n-N] + … + f[n])/(N+1)
//	y[n] = makeup (1 - s[n]) x[n-N]
//
// Without an attack f[n-k] ≥ m[n-k] ≥ t[n-N] for all k of the sum, so s[n] ≥ t[n-N]:
// no frame passes the ceiling, and the gain moves along ramps of N frames. The sum is
// carried from frame to frame, and taken anew where the absolute frame number
// is a multiple of 4096, so that rounding does not gather.
//
// The adjoint: ȳ goes to s and x[n-N]; s̄, carried as the sum is, to f; f̄ to
// m[n] and f[n-1] by the branch; m̄ to the t that was the largest,
// the latest of equals; t̄ to the level by c/D² and to the ceiling by -1/D.
var limiter = abi.NodeType{
	Name: "LimiterNode", Family: dynamics,
	Doc: "Look-ahead limiter: no frame passes the ceiling.",
	Detail: "The attenuation that a frame needs, max(1 − ceiling/|x|, 0), is held over lookahead_ms, falls with release_ms and is averaged over lookahead_ms, so it has arrived when the frame comes out, lookahead_ms later: the node declares that delay. " +
		"At attack_ms 0 the attack is the ramp of the lookahead and no frame passes the ceiling; a longer one is softer and lets peaks through. makeup_db acts after it, and so raises the ceiling. The gradient takes the branches as they fell: a frame below the ceiling has no slope by it, and of equal maxima the latest has all.",
	Source: "P. Hämäläinen, Smoothing of the Control Signal Without Clipped Output in Digital Peak Limiters, DAFx 2002.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "ceiling_db", Role: abi.Threshold, Unit: "dB", Default: -1, Min: -60, Max: 20, Doc: "Largest level of the output, in dB of full scale."},
		{Name: "release_ms", Role: abi.Release, Unit: "ms", Default: 100, Min: 1, Max: 5000, Scale: abi.Log, Doc: "Time constant at which the gain comes back."},
		dynamicsMakeup,
		{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 0, Min: 0, Max: 1000, Doc: "Time constant at which the gain falls, before the ramp; above 0 fast peaks pass the ceiling."},
	},
	Config: []abi.Key{
		{Name: "lookahead_ms", Kind: abi.Number, Default: 2.0, Min: 0, Max: 100, Doc: "Time of the ramp before a peak, and the delay of the node, in whole frames."},
		dynamicsLink,
	},
	Configure: func(s *abi.Setup) error {
		n := int(math.Round(s.Config.Number("lookahead_ms") * s.Rate / 1000))
		s.Delay, s.Data = n, n
		s.Coupled = s.Config.Bool("link")
		s.Internal = []int{n, n + 1}
		channels := 1
		if s.Coupled {
			channels = s.Channels[0]
			s.OutChannels = []int{channels}
		}
		for range channels {
			s.Internal = append(s.Internal, n)
		}
		return nil
	},
	State:        1, // (N+1) s
	Internal:     []int{0, 0, 0},
	Record:       2, // s, and the frames back to the largest t
	FrameScratch: 1, // D
	Forward:      lanes(limiterForward),
	Backward:     lanePairs(limiterBackward),
}

const limiterRenews = 4096

// limiterAttack returns the coefficient of the attack and its slope, which is 0 at
// 0 ms with all its derivatives.
func limiterAttack(b *abi.Block, lane int) (a, slope float64) {
	if ms := b.Param(3, lane).At(0); ms > 0 {
		return kernel.Ballistic(ms, b.Rate)
	}
	return 0, 0
}

func limiterForward(b *abi.Block, lane int) {
	past := b.Data.(int)
	frames, state := b.Frames, b.State(lane)
	level, t, f := b.FrameScratch(lane)[:frames], b.Internal(0, lane), b.Internal(1, lane)
	rs, back := b.Record(0, lane), b.Record(1, lane)
	ceiling := math.Exp(decibels * b.Param(0, lane).At(0))
	a, _ := kernel.Ballistic(b.Param(1, lane).At(0), b.Rate)
	rise, _ := limiterAttack(b, lane)
	makeup := math.Exp(decibels * b.Param(2, lane).At(0))
	kernel.Loudest(level, b, 0, lane)
	sum, most := state[0], -1 // most: where the largest t stands, unknown yet
	for n, d := range level {
		i := past + n // of t; f has one frame more in front
		t[i] = 0
		if d > ceiling {
			t[i] = 1 - ceiling/d
		}
		if most >= n && t[i] < t[most] {
			// it is still in the window, and larger
		} else if most >= n {
			most = i
		} else {
			most = n
			for k := n + 1; k <= i; k++ {
				if t[k] >= t[most] {
					most = k
				}
			}
		}
		m, last := t[most], f[i]
		if m < last {
			m += a * (last - m)
		} else {
			m += rise * (last - m)
		}
		f[i+1] = m
		if (b.Frame(lane)+int64(n))%limiterRenews == 0 {
			sum = 0
			for _, v := range f[n+1 : i+2] {
				sum += v
			}
		} else {
			sum += m - f[n]
		}
		back[n] = float64(i - most)
		rs[n] = sum / float64(past+1)
	}
	state[0] = sum
	for c := range b.OutChannels(0) {
		y, x := b.OutCh(0, c, lane), b.Internal(2+c, lane)
		copy(x[past:], b.InCh(0, c, lane))
		for n := range y {
			y[n] = x[n] * ((1 - rs[n]) * makeup)
		}
	}
}

func limiterBackward(b, d *abi.Block, lane int) {
	past := b.Data.(int)
	frames, dstate := b.Frames, d.State(lane)
	ds := b.FrameScratch(lane)[:frames]
	t, f, dt, df := b.Internal(0, lane), b.Internal(1, lane), d.Internal(0, lane), d.Internal(1, lane)
	rs, back := b.Record(0, lane), b.Record(1, lane)
	ceiling := math.Exp(decibels * b.Param(0, lane).At(0))
	a, slope := kernel.Ballistic(b.Param(1, lane).At(0), b.Rate)
	rise, riseSlope := limiterAttack(b, lane)
	makeup := math.Exp(decibels * b.Param(2, lane).At(0))
	var da, drise, dceiling, dmakeup float64
	clear(ds)
	for c := range b.OutChannels(0) {
		dy, x, dx := d.OutCh(0, c, lane), b.Internal(2+c, lane), d.Internal(2+c, lane)
		for n, g := range dy {
			dx[n] += g * ((1 - rs[n]) * makeup)
			ds[n] -= g * x[n] * makeup
			dmakeup += g * x[n] * ((1 - rs[n]) * makeup)
		}
	}
	dsum := dstate[0]
	for n := frames - 1; n >= 0; n-- {
		i := past + n
		dsum += ds[n] / float64(past+1)
		if (b.Frame(lane)+int64(n))%limiterRenews == 0 {
			for k := n + 1; k <= i+1; k++ {
				df[k] += dsum
			}
			dsum = 0
		} else {
			df[i+1] += dsum
			df[n] -= dsum
		}
		most := i - int(back[n])
		m, last, g := t[most], f[i], df[i+1]
		if m < last {
			da += g * (last - m)
			df[i] += a * g
			g *= 1 - a
		} else {
			drise += g * (last - m)
			df[i] += rise * g
			g *= 1 - rise
		}
		dt[most] += g
		if t[i] > 0 {
			c, x := kernel.LoudestAt(b, 0, lane, n)
			g := dt[i] / math.Abs(x)
			dceiling -= g
			d.InCh(0, c, lane)[n] += kernel.Sign(x) * g * ceiling / math.Abs(x)
		}
	}
	dstate[0] = dsum
	for c := range b.OutChannels(0) {
		vec.Add(d.InCh(0, c, lane), d.Internal(2+c, lane)[past:])
	}
	d.Param(0, lane).Add(0, decibels*ceiling*dceiling)
	d.Param(1, lane).Add(0, slope*da)
	d.Param(2, lane).Add(0, decibels*dmakeup)
	d.Param(3, lane).Add(0, riseSlope*drise)
}

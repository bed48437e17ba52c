package nodes

import (
	"math"
	"slices"

	"ampfit/abi"
)

func init() {
	abi.Register(impulse)
	abi.Register(expEnvelope)
}

// onsets are frames in ascending order.
type onsets []int64

// setOnsets reads the key times, in seconds; without it there is one at 0.
func setOnsets(s *abi.Setup) error {
	times := s.Config.Numbers("times")
	if times == nil {
		times = []float64{0}
	}
	var frames onsets
	for _, t := range times {
		if !(t >= 0 && t <= 1e7) {
			return abi.Errorf("config.times", "%v s is no time of a run", t)
		}
		frames = append(frames, int64(math.Round(t*s.Rate)))
	}
	slices.Sort(frames)
	s.Data = frames
	return nil
}

// from returns the first onset at or after a frame.
func (o onsets) from(frame int64) int {
	i, _ := slices.BinarySearch(o, frame)
	return i
}

// impulse has the adjoint l̄evel += Σ ȳ over its frames.
var impulse = abi.NodeType{
	Name: "ImpulseNode", Family: sources,
	Doc:       "Impulses of one frame.",
	Detail:    "level in the frame nearest to each of the times (once for each time that falls into it), else 0.",
	Outputs:   out,
	Params:    []abi.Param{{Name: "level", Role: abi.Level, Default: 1, Min: -1000, Max: 1000, Doc: "Height of the impulses."}},
	Config:    []abi.Key{{Name: "times", Kind: abi.Numbers, Doc: "Times of the impulses in seconds; absent: one in frame 0."}},
	Configure: setOnsets,
	Forward: lanes(func(b *abi.Block, lane int) {
		impulses(b, lane, b.Out(0, lane), b.Param(0, lane).At(0))
	}),
	Backward: lanePairs(impulseBackward),
	Second:   abi.LinearSecond(lanePairs(impulseBackward)),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		impulses(b, lane, t.Out(0, lane), t.Param(0, lane).At(0))
	}),
}

func impulses(b *abi.Block, lane int, y []float64, level float64) {
	at := b.Data.(onsets)
	clear(y)
	for i := at.from(b.Frame(lane)); i < len(at) && at[i] < b.Frame(lane)+int64(len(y)); i++ {
		y[at[i]-b.Frame(lane)] += level
	}
}

// expEnvelope is a function of the time t since the last onset:
//
//	y = level min(1, t/attack) e^{-kt},   k = ln(1000)/t60
//	l̄evel += y/level ȳ,   t̄60 += k t/t60 y ȳ,   āttack -= y/attack ȳ where t < attack
var expEnvelope = abi.NodeType{
	Name: "ExpEnvelopeNode", Family: controlled,
	Doc: "Exponential decay after each onset.",
	Detail: "y = level·10^(−3t/t60_s), t the time since the last of the times (rounded to a frame), times min(1, t/attack_ms); 0 before the first. A new onset starts again. " +
		"At the end of the attack the slope is that after it.",
	Outputs: out,
	Params: []abi.Param{
		{Name: "level", Role: abi.Level, Default: 1, Min: 0, Max: 100, Doc: "Value at an onset."},
		{Name: "t60_s", Role: abi.Decay, Unit: "s", Default: 1, Min: 0.001, Max: 60, Scale: abi.Log, Doc: "Time of a decay by 60 dB."},
		{Name: "attack_ms", Role: abi.Attack, Unit: "ms", Default: 0, Min: 0, Max: 1000, Doc: "Length of a linear attack within the decay."},
	},
	Config:    []abi.Key{{Name: "times", Kind: abi.Numbers, Doc: "Onsets in seconds; absent: one in frame 0."}},
	Configure: setOnsets,
	Record:    1, // without the level
	Forward: lanes(func(b *abi.Block, lane int) {
		y, e, level := b.Out(0, lane), b.Record(0, lane), b.Param(0, lane).At(0)
		rate, attack := math.Log(1000)/(b.Param(1, lane).At(0)*b.Rate), b.Param(2, lane).At(0)*b.Rate/1000
		at := b.Data.(onsets)
		i := at.from(b.Frame(lane) + 1) // the next
		for n := range y {
			frame := b.Frame(lane) + int64(n)
			for i < len(at) && at[i] <= frame {
				i++
			}
			if i == 0 {
				e[n], y[n] = 0, 0
				continue
			}
			t := float64(frame - at[i-1])
			e[n] = math.Exp(-rate * t)
			if t < attack {
				e[n] *= t / attack
			}
			y[n] = level * e[n]
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		dy, e, level := d.Out(0, lane), b.Record(0, lane), b.Param(0, lane).At(0)
		t60, attackMs := b.Param(1, lane).At(0), b.Param(2, lane).At(0)
		at := b.Data.(onsets)
		i, attack := at.from(b.Frame(lane)+1), attackMs*b.Rate/1000
		dlevel, drate, dattack := 0.0, 0.0, 0.0
		for n, g := range dy {
			frame := b.Frame(lane) + int64(n)
			for i < len(at) && at[i] <= frame {
				i++
			}
			if i == 0 {
				continue
			}
			t := float64(frame - at[i-1])
			dlevel += e[n] * g
			drate += t * e[n] * g
			if t < attack {
				dattack += e[n] * g
			}
		}
		d.Param(0, lane).Add(0, dlevel)
		d.Param(1, lane).Add(0, level*math.Log(1000)/(t60*t60*b.Rate)*drate)
		if attack > 0 {
			d.Param(2, lane).Add(0, -level/attackMs*dattack)
		}
	}),
}

func impulseBackward(b, d *abi.Block, lane int) {
	at := b.Data.(onsets)
	dy, sum := d.Out(0, lane), 0.0
	for i := at.from(b.Frame(lane)); i < len(at) && at[i] < b.Frame(lane)+int64(len(dy)); i++ {
		sum += dy[at[i]-b.Frame(lane)]
	}
	d.Param(0, lane).Add(0, sum)
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(pan) }

// pan places a mono signal between two channels at constant power. With
// θ = π/4 (1 + pan),
//
//	left = cos θ · x,   right = sin θ · x
//	x̄[n]   += cos θ l̄[n] + sin θ r̄[n]
//	p̄an[n]  = π/4 x[n] (cos θ r̄[n] - sin θ l̄[n])
var pan = abi.NodeType{
	Name: "PanNode", Family: mixing,
	Doc:    "Pans mono to stereo at constant power.",
	Detail: "left = cos(π/4 (1 + pan)) x, right = sin(π/4 (1 + pan)) x: −3 dB on both sides in the middle. Several input channels are summed first.",
	Inputs: in, Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "pan", Role: abi.Pan, Default: 0, Min: -1, Max: 1, Mod: true, Doc: "−1 is left, 1 right."},
	},
	Configure: func(s *abi.Setup) error {
		s.OutChannels = []int{2}
		return nil
	},
	FrameScratch: 2,
	Forward: lanes(func(b *abi.Block, lane int) {
		x, left, right := kernel.SumOfChannels(b, b.FrameScratch(lane), lane), b.OutCh(0, 0, lane), b.OutCh(0, 1, lane)
		p := b.Param(0, lane)
		r, l := panGains(p.At(0))
		for n, x := range x {
			if p.Varies() {
				r, l = panGains(p.At(n))
			}
			left[n], right[n] = l*x, r*x
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		x, dx := kernel.SumOfChannels(b, b.FrameScratch(lane), lane), b.FrameScratch(lane)[b.Frames:]
		dleft, dright := d.OutCh(0, 0, lane), d.OutCh(0, 1, lane)
		p, dp := b.Param(0, lane), d.Param(0, lane)
		r, l := panGains(p.At(0))
		for n, x := range x {
			if p.Varies() {
				r, l = panGains(p.At(n))
			}
			dx[n] = l*dleft[n] + r*dright[n]
			dp.Add(n, math.Pi/4*x*(l*dright[n]-r*dleft[n]))
		}
		for c := range b.InChannels(0) {
			vec.Add(d.InCh(0, c, lane), dx[:b.Frames])
		}
	}),
	Second: kernel.Second(panFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		fs := b.FrameScratch(lane)
		x, tx := kernel.SumOfChannels(b, fs, lane), kernel.SumOfChannels(t, fs[b.Frames:], lane)
		left, right := t.OutCh(0, 0, lane), t.OutCh(0, 1, lane)
		p, tp := b.Param(0, lane), t.Param(0, lane)
		for n := range x {
			r, l := panGains(p.At(n))
			v := math.Pi / 4 * tp.At(n) * x[n]
			left[n], right[n] = l*tx[n]-r*v, r*tx[n]+l*v
		}
	}),
}

// panGains returns the gains of the right and the left channel.
func panGains(p float64) (right, left float64) { return math.Sincos(math.Pi / 4 * (1 + p)) }

func panFormula(f *kernel.Formula) {
	pan := f.Param(0)
	for n := range f.Frames() {
		x := f.Const(0)
		for c := range f.Block.InChannels(0) {
			x = f.Add(x, f.InCh(0, c, n))
		}
		angle := f.Scale(math.Pi/4, f.Shift(1, pan(n)))
		f.OutCh(0, 0, n, f.Mul(f.Cos(angle), x))
		f.OutCh(0, 1, n, f.Mul(f.Sin(angle), x))
	}
}

package nodes

import (
	"ampfit/abi"
	"ampfit/internal/vec"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(stereoWidth) }

// stereoWidth scales the side signal. With s = (left - right)/2,
//
//	left' = left + (width - 1) s,   right' = right - (width - 1) s
//
// so that a width of 1 leaves every bit. The matrix is symmetric, so the
// adjoint is the same map, and w̄idth += Σ s (l̄ - r̄).
var stereoWidth = abi.NodeType{
	Name: "StereoWidthNode", Family: mixing,
	Doc:    "Stereo width, by the gain of the side signal.",
	Detail: "mid = (left + right)/2, side = width (left − right)/2; left = mid + side, right = mid − side. 0 is mono, 1 changes nothing. Channels are taken in pairs; an odd last one passes.",
	Inputs: in, Outputs: out, Coupled: true,
	Params: []abi.Param{
		{Name: "width", Role: abi.Width, Default: 1, Min: 0, Max: 4, Doc: "Gain of the side signal."},
	},
	Forward: lanes(func(b *abi.Block, lane int) {
		k := (b.Param(0, lane).At(0) - 1) / 2
		for c := 0; c < b.InChannels(0); c += 2 {
			x, y := b.InCh(0, c, lane), b.OutCh(0, c, lane)
			if c+1 == b.InChannels(0) {
				copy(y, x)
				break
			}
			x2, y2 := b.InCh(0, c+1, lane), b.OutCh(0, c+1, lane)
			for n := range x {
				s := k * (x[n] - x2[n])
				y[n], y2[n] = x[n]+s, x2[n]-s
			}
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		k, sum := (b.Param(0, lane).At(0)-1)/2, 0.0
		for c := 0; c < b.InChannels(0); c += 2 {
			x, dx, dy := b.InCh(0, c, lane), d.InCh(0, c, lane), d.OutCh(0, c, lane)
			if c+1 == b.InChannels(0) {
				vec.Add(dx, dy)
				break
			}
			x2, dx2, dy2 := b.InCh(0, c+1, lane), d.InCh(0, c+1, lane), d.OutCh(0, c+1, lane)
			for n := range x {
				g := dy[n] - dy2[n]
				dx[n] += dy[n] + k*g
				dx2[n] += dy2[n] - k*g
				sum += (x[n] - x2[n]) * g
			}
		}
		d.Param(0, lane).Add(0, sum/2)
	}),
	Second: kernel.Second(widthFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		k, tk := (b.Param(0, lane).At(0)-1)/2, t.Param(0, lane).At(0)/2
		for c := 0; c < b.InChannels(0); c += 2 {
			x, tx, ty := b.InCh(0, c, lane), t.InCh(0, c, lane), t.OutCh(0, c, lane)
			if c+1 == b.InChannels(0) {
				copy(ty, tx)
				break
			}
			x2, tx2, ty2 := b.InCh(0, c+1, lane), t.InCh(0, c+1, lane), t.OutCh(0, c+1, lane)
			for n := range x {
				s := k*(tx[n]-tx2[n]) + tk*(x[n]-x2[n])
				ty[n], ty2[n] = tx[n]+s, tx2[n]-s
			}
		}
	}),
}

func widthFormula(f *kernel.Formula) {
	k, channels := f.Scale(0.5, f.Shift(-1, f.Param(0)(0))), f.Block.InChannels(0)
	for n := range f.Frames() {
		for c := 0; c < channels; c += 2 {
			x := f.InCh(0, c, n)
			if c+1 == channels {
				f.OutCh(0, c, n, x)
				break
			}
			x2 := f.InCh(0, c+1, n)
			s := f.Mul(k, f.Sub(x, x2))
			f.OutCh(0, c, n, f.Add(x, s))
			f.OutCh(0, c+1, n, f.Sub(x2, s))
		}
	}
}

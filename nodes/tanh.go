package nodes

import (
	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(tanh) }

// tanh saturates. With u = drive x + bias, t = tanh u and t0 = tanh bias, and
// g = level (1-t²) ȳ, the adjoint is
//
//	x̄[n]    += drive g
//	d̄rive[n] = x g
//	b̄ias[n]  = g - level (1-t0²) ȳ
//	l̄evel   += (t - t0) ȳ
//
// t is recorded: it costs more to compute than all the rest.
var tanh = abi.NodeType{
	Name: "TanhNode", Family: nonlinear,
	Doc:    "Soft saturation by tanh, without offset.",
	Detail: "y[n] = level (tanh(drive x[n] + bias) − tanh(bias)). A bias makes it asymmetric: even harmonics.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 1000, Scale: abi.Log, Mod: true, Doc: "Gain before the curve."},
		{Name: "bias", Role: abi.Bias, Default: 0, Min: -5, Max: 5, Mod: true, Doc: "Offset before the curve."},
		{Name: "level", Role: abi.Level, Default: 1, Min: 0, Max: 10, Doc: "Gain after the curve, and its height."},
	},
	Record: 1, // tanh(drive x + bias)
	Forward: lanes(func(b *abi.Block, lane int) {
		x, y, t := b.In(0, lane), b.Out(0, lane), b.Record(0, lane)
		drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
		t0 := kernel.Tanh(bias.At(0))
		y, t = y[:len(x)], t[:len(x)]
		if b.Held() {
			drive, bias := drive.At(0), bias.At(0)
			for n, x := range x {
				t[n] = kernel.Tanh(drive*x + bias)
				y[n] = level * (t[n] - t0)
			}
			return
		}
		for n := range x {
			if bias.Varies() {
				t0 = kernel.Tanh(bias.At(n))
			}
			t[n] = kernel.Tanh(drive.At(n)*x[n] + bias.At(n))
			y[n] = level * (t[n] - t0)
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		x, t, dx, dy := b.In(0, lane), b.Record(0, lane), d.In(0, lane), d.Out(0, lane)
		drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
		ddrive, dbias, dlevel := d.Param(0, lane), d.Param(1, lane), 0.0
		t0 := kernel.Tanh(bias.At(0))
		t, dx, dy = t[:len(x)], dx[:len(x)], dy[:len(x)]
		if b.Held() {
			drive, sumDrive, sumBias, sum := drive.At(0), 0.0, 0.0, 0.0
			for n, x := range x {
				g := level * (1 - t[n]*t[n]) * dy[n]
				dx[n] += drive * g
				sumDrive += x * g
				sumBias += g
				sum += dy[n]
				dlevel += (t[n] - t0) * dy[n]
			}
			ddrive.Add(0, sumDrive)
			dbias.Add(0, sumBias-level*(1-t0*t0)*sum)
			d.Param(2, lane).Add(0, dlevel)
			return
		}
		for n := range x {
			if bias.Varies() {
				t0 = kernel.Tanh(bias.At(n))
			}
			g := level * (1 - t[n]*t[n]) * dy[n]
			dx[n] += drive.At(n) * g
			ddrive.Add(n, x[n]*g)
			dbias.Add(n, g-level*(1-t0*t0)*dy[n])
			dlevel += (t[n] - t0) * dy[n]
		}
		d.Param(2, lane).Add(0, dlevel)
	}),
	Second: kernel.Second(tanhFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		x, th, tx, ty := b.In(0, lane), b.Record(0, lane), t.In(0, lane), t.Out(0, lane)
		drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
		tdrive, tbias, tlevel := t.Param(0, lane), t.Param(1, lane), t.Param(2, lane).At(0)
		for n := range x {
			t0 := kernel.Tanh(bias.At(n))
			g := level * (1 - th[n]*th[n])
			ty[n] = g*(drive.At(n)*tx[n]+tdrive.At(n)*x[n]+tbias.At(n)) - level*(1-t0*t0)*tbias.At(n) + tlevel*(th[n]-t0)
		}
	}),
}

func tanhFormula(f *kernel.Formula) {
	drive, bias, level := f.Param(0), f.Param(1), f.Param(2)(0)
	for n := range f.Frames() {
		offset := bias(n)
		f.Out(0, n, f.Mul(level, f.Sub(f.Tanh(f.Add(f.Mul(drive(n), f.In(0, n)), offset)), f.Tanh(offset))))
	}
}

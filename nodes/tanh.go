package nodes

import (
	"math"

	"ampfit/abi"
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
		{Name: "drive", Default: 1, Min: 0.01, Max: 1000, Scale: abi.Log, Mod: true, Doc: "Gain before the curve."},
		{Name: "bias", Default: 0, Min: -5, Max: 5, Mod: true, Doc: "Offset before the curve."},
		{Name: "level", Default: 1, Min: 0, Max: 10, Doc: "Gain after the curve, and its height."},
	},
	Record: 1, // tanh(drive x + bias)
	Forward: func(b *abi.Block) {
		for lane := range b.Lanes {
			x, y, t := b.In(0, lane), b.Out(0, lane), b.Record(0, lane)
			drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
			t0 := tanhOf(bias.At(0))
			y, t = y[:len(x)], t[:len(x)]
			if b.Held() {
				drive, bias := drive.At(0), bias.At(0)
				for n, x := range x {
					t[n] = tanhOf(math.FMA(drive, x, bias))
					y[n] = level * (t[n] - t0)
				}
				continue
			}
			for n := range x {
				if bias.Varies() {
					t0 = tanhOf(bias.At(n))
				}
				t[n] = tanhOf(math.FMA(drive.At(n), x[n], bias.At(n)))
				y[n] = level * (t[n] - t0)
			}
		}
	},
	Backward: func(b, d *abi.Block) {
		for lane := range b.Lanes {
			x, t, dx, dy := b.In(0, lane), b.Record(0, lane), d.In(0, lane), d.Out(0, lane)
			drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
			ddrive, dbias, dlevel := d.Param(0, lane), d.Param(1, lane), 0.0
			t0 := tanhOf(bias.At(0))
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
				continue
			}
			for n := range x {
				if bias.Varies() {
					t0 = tanhOf(bias.At(n))
				}
				g := level * (1 - t[n]*t[n]) * dy[n]
				dx[n] += drive.At(n) * g
				ddrive.Add(n, x[n]*g)
				dbias.Add(n, g-level*(1-t0*t0)*dy[n])
				dlevel += (t[n] - t0) * dy[n]
			}
			d.Param(2, lane).Add(0, dlevel)
		}
	},
	Tangent: func(b, t *abi.Block) {
		for lane := range b.Lanes {
			x, th, tx, ty := b.In(0, lane), b.Record(0, lane), t.In(0, lane), t.Out(0, lane)
			drive, bias, level := b.Param(0, lane), b.Param(1, lane), b.Param(2, lane).At(0)
			tdrive, tbias, tlevel := t.Param(0, lane), t.Param(1, lane), t.Param(2, lane).At(0)
			for n := range x {
				t0 := tanhOf(bias.At(n))
				g := level * (1 - th[n]*th[n])
				ty[n] = g*(drive.At(n)*tx[n]+tdrive.At(n)*x[n]+tbias.At(n)) - level*(1-t0*t0)*tbias.At(n) + tlevel*(th[n]-t0)
			}
		}
	},
}

// tanhOf returns tanh x within 4e-16, three times faster than math.Tanh:
// with m = e^(2|x|) - 1 it is m/(m+2), and m+1 = 2^k e^r is split as usual,
// r within ±ln(2)/2. It is odd to the bit, and 1 from |x| = 20 on.
func tanhOf(x float64) float64 {
	a := min(math.Abs(x), 20) // NaN stays
	k := math.Floor(math.FMA(a, 2/math.Ln2, 0.5))
	r := math.FMA(-k, ln2Low, math.FMA(-k, ln2High, 2*a))
	// e^r - 1 = r + r² (1/2! + r/3! + …); the remainder r^15/15! is below 1e-19.
	p := math.FMA(r, 1./87178291200, 1./6227020800)
	p = math.FMA(r, p, 1./479001600)
	p = math.FMA(r, p, 1./39916800)
	p = math.FMA(r, p, 1./3628800)
	p = math.FMA(r, p, 1./362880)
	p = math.FMA(r, p, 1./40320)
	p = math.FMA(r, p, 1./5040)
	p = math.FMA(r, p, 1./720)
	p = math.FMA(r, p, 1./120)
	p = math.FMA(r, p, 1./24)
	p = math.FMA(r, p, 1./6)
	p = math.FMA(r, p, 0.5)
	p = math.FMA(float64(r*r), p, r)
	two := math.Float64frombits(uint64(1023+int64(k)) << 52) // 2^k
	m := math.FMA(two, p, two-1)
	return math.Copysign(m/(m+2), x)
}

// ln 2 in two parts, the first with 32 bits, so that k times it is exact
// (fdlibm, e_exp.c).
const (
	ln2High = 6.93147180369123816490e-01
	ln2Low  = 1.90821492927058770002e-10
)

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(crossover) }

// crossover is a Linkwitz–Riley pair: each output is the same Butterworth
// filter twice in series, low-pass or high-pass. Their poles are equal, and
// LP² + HP² is the all-pass of those poles. The signal between the two filters
// is recorded, and the adjoint walks them back, each as in kernel/biquad.go.
var crossover = abi.NodeType{
	Name: "CrossoverNode", Family: filters,
	Doc: "Linkwitz-Riley crossover of 4th order: low and high, each 24 dB per octave.",
	Detail: "low = LP(LP(x)), high = HP(HP(x)), with the cookbook's filters at q = 0.7071. Both are -6.02 dB at freq_hz and in phase, and low + high is the all-pass of q 0.7071 there: it adds no gain. " +
		"The heat is that of both outputs together.",
	Source: "S. H. Linkwitz, Active Crossover Networks for Noncoincident Drivers, JAES 24(1), 1976; R. Bristow-Johnson, Audio EQ Cookbook (W3C Note, 2021).",
	Inputs: in, Outputs: []string{"low", "high"},
	Params: []abi.Param{{
		Name: "freq_hz", Role: abi.Corner, Unit: "Hz", Default: 1000, Min: 10, MaxRate: 0.49, Scale: abi.Log,
		Doc: "Where both outputs are equal.",
	}},
	State: 4 * kernel.BiquadState, Coefs: 2 * kernel.BiquadCoefs, Record: 2,
	FrameScratch: 2, // λ, and the gradient between two filters
	Prepare: lanes(func(b *abi.Block, lane int) {
		c, freq := b.Coefs(lane), b.Param(0, lane).At(0)
		kernel.CookbookDesign(kernel.Lowpass, c, freq, math.Sqrt2/2, 0, b.Rate, true)
		kernel.CookbookDesign(kernel.Highpass, c[kernel.BiquadCoefs:], freq, math.Sqrt2/2, 0, b.Rate, true)
	}),
	Forward: lanes(func(b *abi.Block, lane int) {
		for port := range 2 {
			c, s := b.Coefs(lane)[kernel.BiquadCoefs*port:], b.State(lane)[2*kernel.BiquadState*port:]
			between := b.Record(port, lane)
			kernel.BiquadRun(b.In(0, lane), between, c, s)
			kernel.BiquadRun(between, b.Out(port, lane), c, s[kernel.BiquadState:])
		}
	}),
	Backward: lanePairs(func(b, d *abi.Block, lane int) {
		frames := b.Frames
		lambda, dmid := b.FrameScratch(lane)[:frames], b.FrameScratch(lane)[frames:2*frames]
		dfreq := 0.0
		for port := range 2 {
			c, s, ds := b.Coefs(lane)[kernel.BiquadCoefs*port:], b.Before(lane)[2*kernel.BiquadState*port:], d.State(lane)[2*kernel.BiquadState*port:]
			between := b.Record(port, lane)
			clear(dmid)
			dfreq += crossoverBack(between, b.Out(port, lane), dmid, d.Out(port, lane), lambda, c, s[kernel.BiquadState:], ds[kernel.BiquadState:2*kernel.BiquadState])
			dfreq += crossoverBack(b.In(0, lane), between, d.In(0, lane), dmid, lambda, c, s, ds[:kernel.BiquadState])
		}
		d.Param(0, lane).Add(0, dfreq)
	}),
	Second: kernel.Second(crossoverFormula),
	Tangent: lanePairs(func(b, t *abi.Block, lane int) {
		tfreq := t.Param(0, lane).At(0)
		for port := range 2 {
			c, s, ts := b.Coefs(lane)[kernel.BiquadCoefs*port:], b.Before(lane)[2*kernel.BiquadState*port:], t.State(lane)[2*kernel.BiquadState*port:]
			between, tmid := b.Record(port, lane), b.FrameScratch(lane)[:b.Frames]
			crossoverPush(b.In(0, lane), between, t.In(0, lane), tmid, c, s, ts, tfreq)
			crossoverPush(between, b.Out(port, lane), tmid, t.Out(port, lane), c, s[kernel.BiquadState:], ts[kernel.BiquadState:], tfreq)
		}
	}),
}

// crossoverBack is the adjoint of one filter; it returns the gradient of freq.
func crossoverBack(x, y, dx, dy, lambda, c, before, dstate []float64) float64 {
	after1, after2 := dstate[0], dstate[1]
	kernel.BiquadPoles(dy, lambda, c, dstate)
	sum := 0.0
	for i, s := range kernel.BiquadCollect(x, y, dx, lambda, c, before, dstate, after1, after2) {
		sum += s * c[5+i]
	}
	return sum
}

// crossoverPush is the tangent of one filter.
func crossoverPush(x, y, tx, ty, c, before, ts []float64, tfreq float64) {
	x1, x2, y1, y2 := before[0], before[1], before[2], before[3]
	for n := range x {
		v := c[0]*tx[n] + c[1]*ts[0] + c[2]*ts[1] - c[3]*ts[2] - c[4]*ts[3] +
			tfreq*(c[5]*x[n]+c[6]*x1+c[7]*x2-c[8]*y1-c[9]*y2)
		ts[0], ts[1], ts[2], ts[3] = tx[n], ts[0], v, ts[2]
		ty[n] = v
		x1, x2, y1, y2 = x[n], x1, y[n], y1
	}
}

func crossoverFormula(f *kernel.Formula) {
	freq, q := f.Param(0)(0), f.Const(math.Sqrt2/2)
	c := [2][5]kernel.Number{f.Cookbook(kernel.Lowpass, freq, q, 0), f.Cookbook(kernel.Highpass, freq, q, 0)}
	for n := range f.Frames() {
		x := f.In(0, n)
		for port := range 2 {
			s := 2 * kernel.BiquadState * port
			f.Out(port, n, f.Section(c[port], f.Section(c[port], x, s), s+kernel.BiquadState))
		}
	}
}

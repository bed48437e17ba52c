package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(subharmonicLowLifter) }

// subharmonicLowLifter divides the frequency of what lies in its band by
// counting its periods. With one-pole coefficients A of high-passes and a of
// low-passes,
//
//	h[n] = A_in (h[n-1] + x[n] - x[n-1]),   l[n] = l[n-1] + a_in (h[n] - l[n-1])
//	e[n] = e[n-1] + (|l| > e[n-1] ? a_att : a_rel) (|l| - e[n-1])
//	q, p: ±1, turned by every (second) rising zero of l
//	s2[n] = s2[n-1] + a_2 (q - s2[n-1]),   s4 of p alike;   s = s2 + 0.6 s4
//	w[n] = tanh(drive s) (e[n] + 1e-6)
//	o[n] = (1-mix) x[n] + mix w[n],   y[n] = A_out (y[n-1] + o[n] - o[n-1])
//
// The adjoint is that of each recursion in turn, backward in time. Where |l|
// meets e the slope is that of the release; the turning of q and p has none.
var subharmonicLowLifter = abi.NodeType{
	Name: "SubharmonicLowLifterNode", Family: dynamics,
	Doc: "Adds an octave (or two) below a band, in its loudness.",
	Detail: "The band between band_lo and band_hi (one pole each) drives an envelope (attack at 100 Hz, release at 5 Hz) and a flip-flop that turns at each rising zero: a square an octave lower, " +
		"smoothed at band_hi/3 (at least 30 Hz), and with use_div4 0.6 of one two octaves lower, smoothed at band_hi/5 (at least 20 Hz). wet = tanh(drive s)(envelope + 1e-6); y is a high-pass at out_hp of (1 − mix) x + mix wet. " +
		"Low-passes have a = 1 − exp(−2π f/rate), high-passes 1/(1 + 2π f/rate). Zero crossings have no slope. " +
		"compat amp: the flip-flops stand still at 0, as they do in the AMP runtime, so there is no octave.",
	Source: "The AMP runtime's SubharmonicLowLifterNode and its subharmonic_process.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "band_lo", Role: abi.Corner, Unit: "Hz", Default: 70, Min: 10, Max: 2000, Scale: abi.Log, Doc: "Lower end of the band."},
		{Name: "band_hi", Role: abi.Corner, Unit: "Hz", Default: 160, Min: 10, Max: 5000, Scale: abi.Log, Doc: "Upper end of the band."},
		{Name: "mix", Role: abi.Mix, Default: 0.5, Min: 0, Max: 1, Doc: "0 is the input, 1 the octave."},
		{Name: "drive", Role: abi.Drive, Default: 1, Min: 0.01, Max: 100, Scale: abi.Log, Doc: "Gain of the smoothed square before its saturation."},
		{Name: "out_hp", Role: abi.Corner, Unit: "Hz", Default: 25, Min: 1, Max: 1000, Scale: abi.Log, Doc: "Corner of the high-pass at the output."},
	},
	Config: []abi.Key{
		{Name: "use_div4", Kind: abi.Bool, Default: false, Doc: "Add the second octave."},
		{Name: "compat", Kind: abi.String, Enum: []string{"amp"}, Doc: "Reproduce the recorded defect of the AMP runtime."},
	},
	Configure: func(s *abi.Setup) error {
		s.Data = lowLifterLaw{s.Config.Bool("use_div4"), s.Config.Text("compat") == "amp"}
		return nil
	},
	State:    12, // h, x, l, e, s2, s4, y, o, sign, turns of q, turns of p, rising zeros since
	Record:   7,  // h, l, e, s2, s4, turns, tanh
	Coefs:    10,
	Prepare:  lanes(lowLifterPrepare),
	Forward:  lanes(lowLifterForward),
	Backward: lanePairs(lowLifterBackward),
}

type lowLifterLaw struct{ div4, still bool }

// lowPassCoef and highPassCoef return the coefficient and its slope; a
// frequency below least is taken as least, with slope 0.
func lowPassCoef(hz, least, rate float64) (a, slope float64) {
	a, slope = kernel.OnePoleCoef(max(hz, least), rate)
	if hz < least {
		slope = 0
	}
	return a, slope
}

func highPassCoef(hz, rate float64) (a, slope float64) {
	w := 2 * math.Pi / rate
	a = 1 / (1 + w*hz)
	return a, -w * a * a
}

func lowLifterPrepare(b *abi.Block, lane int) {
	c := b.Coefs(lane)
	lo, hi, hp := b.Param(0, lane).At(0), b.Param(1, lane).At(0), b.Param(4, lane).At(0)
	c[0], c[5] = highPassCoef(lo, b.Rate)
	c[1], c[6] = kernel.OnePoleCoef(hi, b.Rate)
	c[2], c[7] = lowPassCoef(hi/3, 30, b.Rate)
	c[3], c[8] = lowPassCoef(hi/5, 20, b.Rate)
	c[4], c[9] = highPassCoef(hp, b.Rate)
}

// turned is ±1 after a number of turns.
func turned(turns float64) float64 {
	if int64(math.Round(turns))&1 != 0 {
		return -1
	}
	return 1
}

func lowLifterForward(b *abi.Block, lane int) {
	law := b.Data.(lowLifterLaw)
	attack, _ := kernel.OnePoleCoef(100, b.Rate)
	release, _ := kernel.OnePoleCoef(5, b.Rate)
	x, y, z, c := b.In(0, lane), b.Out(0, lane), b.State(lane), b.Coefs(lane)
	hs, ls, es := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	s2s, s4s, turns, ths := b.Record(3, lane), b.Record(4, lane), b.Record(5, lane), b.Record(6, lane)
	mix, drive := b.Param(2, lane).At(0), b.Param(3, lane).At(0)
	h, px, l, e, s2, s4, py, po := z[0], z[1], z[2], z[3], z[4], z[5], z[6], z[7]
	sign, q, p, count := math.Round(z[8]), turned(z[9]), turned(z[10]), math.Round(z[11])
	for n, x := range x {
		h = c[0] * (h + x - px)
		px = x
		l += c[1] * (h - l)
		loud := math.Abs(l)
		if loud > e {
			e += attack * (loud - e)
		} else {
			e += release * (loud - e)
		}
		now := -1.0
		if l > 0 {
			now = 1
		}
		if sign < 0 && now > 0 {
			q = -q
			if law.div4 {
				if count++; count >= 2 {
					p, count = -p, 0
				}
			}
		}
		sign = now
		fq, fp := q, p
		if law.still {
			fq, fp = 0, 0
		}
		s2 += c[2] * (fq - s2)
		s := s2
		if law.div4 {
			s4 += c[3] * (fp - s4)
			s += 0.6 * s4
		}
		th := kernel.Tanh(drive * s)
		o := (1-mix)*x + mix*(th*(e+1e-6))
		py = c[4] * (py + o - po)
		po = o
		y[n] = py
		hs[n], ls[n], es[n], s2s[n], s4s[n], ths[n] = h, l, e, s2, s4, th
		turns[n] = (1 - q) + (1-p)/2 // 2 and 1 are the signs of q and p
	}
	z[0], z[1], z[2], z[3], z[4], z[5], z[6], z[7] = h, px, l, e, s2, s4, py, po
	z[8], z[9], z[10], z[11] = sign, (1-q)/2, (1-p)/2, count
}

func lowLifterBackward(b, d *abi.Block, lane int) {
	law := b.Data.(lowLifterLaw)
	attack, _ := kernel.OnePoleCoef(100, b.Rate)
	release, _ := kernel.OnePoleCoef(5, b.Rate)
	x, y, dx, dy, c := b.In(0, lane), b.Out(0, lane), d.In(0, lane), d.Out(0, lane), b.Coefs(lane)
	hs, ls, es := b.Record(0, lane), b.Record(1, lane), b.Record(2, lane)
	s2s, s4s, turns, ths := b.Record(3, lane), b.Record(4, lane), b.Record(5, lane), b.Record(6, lane)
	mix, drive, before, dz := b.Param(2, lane).At(0), b.Param(3, lane).At(0), b.Before(lane), d.State(lane)
	dh, dpx, dl, de, ds2, ds4, dpy, dpo := dz[0], dz[1], dz[2], dz[3], dz[4], dz[5], dz[6], dz[7]
	dmix, ddrive := 0.0, 0.0
	var dc [5]float64
	for n := len(x) - 1; n >= 0; n-- {
		l1, e1, s21, s41 := before[2], before[3], before[4], before[5]
		if n > 0 {
			l1, e1, s21, s41 = ls[n-1], es[n-1], s2s[n-1], s4s[n-1]
		}
		lambda := dy[n] + dpy
		dc[4] += lambda * y[n] / c[4]
		dpy = c[4] * lambda
		do := dpy + dpo
		dpo = -dpy
		th, e := ths[n], es[n]
		dmix += (th*(e+1e-6) - x[n]) * do
		gx := (1-mix)*do + dpx
		de += mix * do * th
		g := mix * do * (e + 1e-6) * (1 - th*th)
		s := s2s[n]
		if law.div4 {
			s += 0.6 * s4s[n]
		}
		ddrive += s * g
		ds2 += drive * g
		q, p := 1.0, 1.0
		if turns[n] >= 2 {
			q = -1
		}
		if turns[n] == 1 || turns[n] == 3 {
			p = -1
		}
		if law.still {
			q, p = 0, 0
		}
		dc[2] += (q - s21) * ds2
		ds2 *= 1 - c[2]
		if law.div4 {
			ds4 += 0.6 * drive * g
			dc[3] += (p - s41) * ds4
			ds4 *= 1 - c[3]
		}
		a, loud := release, math.Abs(ls[n])
		if loud > e1 {
			a = attack
		}
		dl += math.Copysign(a, ls[n]) * de
		de *= 1 - a
		dc[1] += (hs[n] - l1) * dl
		dh += c[1] * dl
		dl *= 1 - c[1]
		dc[0] += dh * hs[n] / c[0]
		dh *= c[0]
		dx[n] += gx + dh
		dpx = -dh
	}
	dz[0], dz[1], dz[2], dz[3], dz[4], dz[5], dz[6], dz[7] = dh, dpx, dl, de, ds2, ds4, dpy, dpo
	clear(dz[8:])
	d.Param(0, lane).Add(0, c[5]*dc[0])
	d.Param(1, lane).Add(0, c[6]*dc[1]+c[7]/3*dc[2]+c[8]/5*dc[3])
	d.Param(2, lane).Add(0, dmix)
	d.Param(3, lane).Add(0, ddrive)
	d.Param(4, lane).Add(0, c[9]*dc[4])
}

package nodes

import (
	"math"

	"ampfit/abi"
	"ampfit/nodes/kernel"
)

func init() { abi.Register(phaser) }

// phaser is a chain of all-pass stages whose corner moves in every frame. A
// stage is a normalised lattice of one or two rotations by an angle β with
// k = sin β, c = cos β, of its input u and a state s:
//
//	y = k u + c s,   s' = c u - k s
//
// Order 1: k = tan(w/2 - π/4), w = 2πf/rate, so that y is 90° late at f. Order 2
// puts the lattice of k1 = -cos w in the place of the state's delay in that of
// k2 = (1-a)/(1+a), a = sin w/(2q), as the all-pass of the RBJ cookbook. A
// rotation keeps u² + s², so the chain is lossless and stable however fast its
// corner moves. The rest is
//
//	f[n] = center 2^(depth w(φ[n] + phase)),   φ[n+1] = frac(φ[n] + rate_hz[n]/rate)
//	u[n] = x[n] + feedback e[n-1],   e = chain(u),   y = (1 - mix) x + mix e
//
// The rotation is its own transpose, so the adjoint of a stage is the same
// lattice run back in time, and
//
//	ū = k ȳ + c s̄',   s̄ = c ȳ - k s̄',   β̄ = ȳ s' - s̄' y
var phaser = abi.NodeType{
	Name: "PhaserNode", Family: timeBased,
	Doc: "Phaser: a chain of all-pass stages with a moving corner, mixed with the input.",
	Detail: "u = x + feedback e[n−1], e = the stages of u, y = (1 − mix) x + mix e. The corner of all stages is center_hz 2^(depth_oct w(φ + phase)), w within ±1, at most 0.49 of the rate (there its slope is 0); φ is read and then advanced by rate_hz/rate. " +
		"stage_order 1 turns the phase by 90° at the corner and 180° in all, 2 by 180° and 360°, as sharply as q says. " +
		"A stage is a normalised lattice, so it loses no energy however fast the corner moves.",
	Source: "A. H. Gray, J. D. Markel, A Normalized Digital Filter Structure, IEEE Trans. ASSP 23(3), 1975; R. Kiiski, F. Esqueda, V. Välimäki, Time-Variant Gray-Box Modeling of a Phaser Pedal, DAFx 2016.",
	Inputs: in, Outputs: out,
	Params: []abi.Param{
		{Name: "rate_hz", Role: abi.Rate, Unit: "Hz", Default: 0.5, Min: 0.01, Max: 20, Scale: abi.Log, Mod: true, Doc: "Frequency of the wave."},
		{Name: "depth_oct", Role: abi.Depth, Unit: "octaves", Default: 1, Min: 0, Max: 5, Doc: "How far the corner moves to each side."},
		{Name: "center_hz", Role: abi.Corner, Unit: "Hz", Default: 800, Min: 20, MaxRate: 0.49, Scale: abi.Log, Doc: "Corner in the middle of the movement."},
		{Name: "feedback", Role: abi.Feedback, Default: 0, Min: -0.99, Max: 0.99, Doc: "Gain from the end of the chain to its start, a frame later."},
		{Name: "mix", Role: abi.Mix, Default: 0.5, Min: 0, Max: 1, Doc: "0 is the input, 1 the chain."},
		{Name: "phase", Role: abi.Phase, Unit: "cycles", Default: 0, Scale: abi.Periodic, Doc: "Phase of the first frame."},
		{Name: "q", Role: abi.Quality, Default: 0.7, Min: 0.05, Max: 40, Scale: abi.Log, Doc: "Sharpness of a stage of second order; stage_order 1 has none."},
	},
	Config: []abi.Key{
		{Name: "stages", Kind: abi.Int, Default: 4.0, Min: 1, Max: 64, Doc: "Number of stages."},
		{Name: "stage_order", Kind: abi.Int, Default: 1.0, Min: 1, Max: 2, Doc: "Order of a stage."},
		{Name: "wave", Kind: abi.String, Default: "sine", Enum: []string{"sine", "triangle"}, Doc: "Shape of the movement, as of LFONode."},
	},
	Wave: kernel.SmoothWave,
	Configure: func(s *abi.Setup) error {
		law := phaserLaw{wave: kernel.Waves[s.Config.Text("wave")], stages: s.Config.Int("stages"), order: s.Config.Int("stage_order")}
		if law.order == 1 {
			s.Drop("q")
		}
		s.State = 2 + law.stages*law.order
		s.Scratch = law.stages * law.order
		s.FrameScratch = 1 + 2*law.stages*law.order
		s.Data = law
		return nil
	},
	Forward:  lanes(phaserForward),
	Backward: lanePairs(phaserBackward),
}

type phaserLaw struct {
	wave          kernel.Wave
	stages, order int
}

// corner is what a frame's corner makes of the rotations: sine and cosine of
// the angles, and their slopes by w; of the outer angle also by q.
type corner struct {
	k, c, k2, c2   float64
	dw, dw2, dq2   float64
	hz             float64
	limited        bool
	value, byPhase float64 // of the wave
}

// set finds the corner at a phase. Slopes are set when they are asked for.
func (law phaserLaw) set(t *corner, p, depth, center, q, rate float64, slopes bool) {
	if slopes {
		t.value, t.byPhase = law.wave.At(p)
	} else {
		t.value = law.wave.Value(p)
	}
	t.hz = center * math.Exp2(depth*t.value)
	t.limited = t.hz > 0.49*rate
	if t.limited {
		t.hz = 0.49 * rate
	}
	w := math.Pi * t.hz / rate // half of it
	sin, cos := math.Sincos(w)
	if law.order == 1 {
		tan := sin / cos
		root := math.Sqrt(tan)
		t.k, t.c = (tan-1)/(1+tan), 2*root/(1+tan)
		if slopes {
			t.dw = (1 + tan*tan) / (2 * (1 + tan) * root)
		}
		return
	}
	s, c := 2*sin*cos, 1-2*sin*sin
	a := s / (2 * q)
	root := math.Sqrt(a)
	t.k, t.c = -c, s
	t.k2, t.c2 = (1-a)/(1+a), 2*root/(1+a)
	if slopes {
		by := -1 / ((1 + a) * root)
		t.dw, t.dw2, t.dq2 = 1, by*c/(2*q), -by*a/q
	}
}

// lattice runs the chain over one frame. z are the states; keep, when there is
// one, takes for every rotation its y and s'.
func (law phaserLaw) lattice(t *corner, u float64, z, keep []float64) float64 {
	if law.order == 1 {
		for j, s := range z {
			y := math.FMA(t.k, u, t.c*s)
			z[j] = math.FMA(t.c, u, -t.k*s)
			if keep != nil {
				keep[2*j], keep[2*j+1] = y, z[j]
			}
			u = y
		}
		return u
	}
	for j := 0; j+1 < len(z); j += 2 {
		inner, outer := z[j], z[j+1]
		y := math.FMA(t.k2, u, t.c2*outer)
		f := math.FMA(t.c2, u, -t.k2*outer)
		z[j+1] = math.FMA(t.k, f, t.c*inner)
		z[j] = math.FMA(t.c, f, -t.k*inner)
		if keep != nil {
			keep[2*j], keep[2*j+1], keep[2*j+2], keep[2*j+3] = y, f, z[j+1], z[j]
		}
		u = y
	}
	return u
}

// phaserView is one lane's parameters.
type phaserView struct {
	depth, center, feedback, mix, phase, q float64
}

func newPhaserView(b *abi.Block, lane int) phaserView {
	v := phaserView{b.Param(1, lane).At(0), b.Param(2, lane).At(0), b.Param(3, lane).At(0), b.Param(4, lane).At(0), b.Param(5, lane).At(0), 1}
	if b.Data.(phaserLaw).order == 2 {
		v.q = b.Param(6, lane).At(0)
	}
	return v
}

// The state is φ, e[n-1], and those of the rotations.

func phaserForward(b *abi.Block, lane int) {
	law := b.Data.(phaserLaw)
	x, y, state := b.In(0, lane), b.Out(0, lane), b.State(lane)
	rate, v := b.Param(0, lane), newPhaserView(b, lane)
	p, e, z := state[0], state[1], state[2:]
	var t corner
	for n := range x {
		law.set(&t, kernel.Frac(p+v.phase), v.depth, v.center, v.q, b.Rate, false)
		e = law.lattice(&t, math.FMA(v.feedback, e, x[n]), z, nil)
		y[n] = math.FMA(v.mix, e, (1-v.mix)*x[n])
		p = kernel.Advance(p, rate.At(n)/b.Rate)
	}
	state[0], state[1] = p, e
}

func phaserBackward(b, d *abi.Block, lane int) {
	law := b.Data.(phaserLaw)
	x, dx, dy := b.In(0, lane), d.In(0, lane), d.Out(0, lane)
	before, dstate := b.Before(lane), d.State(lane)
	rate, drate, v := b.Param(0, lane), d.Param(0, lane), newPhaserView(b, lane)
	fs, width := b.FrameScratch(lane), 2*law.stages*law.order
	p, kept := fs[:len(x)], fs[len(x):]
	z := b.Scratch(lane)
	copy(z, before[2:])
	var t corner
	phi, e := before[0], before[1]
	for n := range x {
		p[n] = kernel.Frac(phi + v.phase)
		law.set(&t, p[n], v.depth, v.center, v.q, b.Rate, false)
		e = law.lattice(&t, math.FMA(v.feedback, e, x[n]), z, kept[n*width:][:width])
		phi = kernel.Advance(phi, rate.At(n)/b.Rate)
	}
	var ddepth, dcenter, dfeedback, dmix, dphase, dq float64
	dphi, de, dz := dstate[0], dstate[1], dstate[2:]
	for n := len(x) - 1; n >= 0; n-- {
		law.set(&t, p[n], v.depth, v.center, v.q, b.Rate, true)
		keep := kept[n*width:][:width]
		last := before[1]
		if n > 0 {
			last = kept[n*width-2*law.order]
		}
		e := keep[width-2*law.order]
		g := math.FMA(v.mix, dy[n], de)
		dmix += (e - x[n]) * dy[n]
		var db, db2 float64
		if law.order == 1 {
			for j := len(dz) - 1; j >= 0; j-- {
				ds := dz[j]
				db += g*keep[2*j+1] - ds*keep[2*j]
				dz[j] = math.FMA(t.c, g, -t.k*ds)
				g = math.FMA(t.k, g, t.c*ds)
			}
		} else {
			for j := len(dz) - 2; j >= 0; j -= 2 {
				k := keep[2*j:][:4]
				gi, ds := dz[j+1], dz[j]
				db += gi*k[3] - ds*k[2]
				dz[j] = math.FMA(t.c, gi, -t.k*ds)
				df := math.FMA(t.k, gi, t.c*ds)
				db2 += g*k[1] - df*k[0]
				dz[j+1] = math.FMA(t.c2, g, -t.k2*df)
				g = math.FMA(t.k2, g, t.c2*df)
			}
		}
		dx[n] += math.FMA(1-v.mix, dy[n], g)
		dfeedback += last * g
		de = v.feedback * g
		dq += db2 * t.dq2
		drate.Add(n, dphi/b.Rate)
		if t.limited {
			continue
		}
		dhz := (db*t.dw + db2*t.dw2) * 2 * math.Pi / b.Rate * t.hz // by the logarithm of f
		dcenter += dhz
		ddepth += dhz * math.Ln2 * t.value
		dphase += dhz * math.Ln2 * v.depth * t.byPhase
		dphi += dhz * math.Ln2 * v.depth * t.byPhase
	}
	dstate[0], dstate[1] = dphi, de
	for i, g := range [...]float64{ddepth, dcenter / v.center, dfeedback, dmix, dphase} {
		d.Param(1+i, lane).Add(0, g)
	}
	if law.order == 2 {
		d.Param(6, lane).Add(0, dq)
	}
}

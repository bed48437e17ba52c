package host_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi/libamp/host"
)

// fr is the fraction of a phase.
func fr(x float64) float64 { return x - math.Floor(x) }

// tens is a tensor (batch, channel, frame).
type tens struct {
	b, c, f int
	d       []float64
}

func (t tens) at(b, c, f int) float64 { return t.d[(b*t.c+c)*t.f+f] }

// rnd is a tensor of random values.
func rnd(rng *rand.Rand, b, c, f int, lo, hi float64) tens {
	t := tens{b, c, f, make([]float64, b*c*f)}
	for i := range t.d {
		t.d[i] = lo + (hi-lo)*rng.Float64()
	}
	return t
}
func (t tens) buf(name string) host.Buffer {
	return host.Buffer{Name: name, Batches: t.b, Channels: t.c, Frames: t.f, Data: t.d}
}

// plane reads channel 0 of a view; where it is shorter it holds the default.
func plane(v *tens, b, f int, def float64) float64 {
	if v == nil || b >= v.b || f >= v.f {
		return def
	}
	return v.at(b, 0, f)
}

// agree compares an output with the model's.
func agree(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance*(1+math.Abs(want[i])), "%s, value %d", what, i)
	}
}

// The signal nodes of the AMP runtime against models written from their
// description, with its defects: random parameters and views, batches, channels,
// and calls of uneven length on one state.
func TestLegacyNodesAgainstModels(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	run := func(l *host.Legacy, c host.LegacyCall, what string) []float64 {
		y, _, err := l.Run(c)
		require.NoError(t, err, what)
		return y
	}
	for range 60 {
		rate := []float64{8000, 44100, 48000, 96000}[rng.IntN(4)]
		B := 1 + rng.IntN(2)
		C := 1 + rng.IntN(3)
		// Osc
		{
			B := 1 + rng.IntN(2)
			wave := []string{"sine", "saw", "square", "triangle"}[rng.IntN(4)]
			mode := []string{"polyblep", "integrator", "blep_integrator", "op_amp", "opamp", "slew_opamp"}[rng.IntN(6)]
			leak, gain, clamp, srate, sclamp := 0.9+0.09*rng.Float64(), rng.Float64()*2, 0.5+rng.Float64(), 100+20000*rng.Float64(), .3+rng.Float64()
			acc := rng.IntN(2) == 0
			accs := "false"
			if acc {
				accs = "true"
			}
			if rng.IntN(2) == 0 {
				accs = map[string]string{"true": "1", "false": "0"}[accs]
			}
			js := fmt.Sprintf(`{"wave": "%s", "mode": "%s", "accept_reset": %s, "integration_leak": %v, "integration_gain": %v, "integration_clamp": %v, "slew_rate": %v, "slew_clamp": %v}`, wave, mode, accs, leak, gain, clamp, srate, sclamp)
			l, err := host.NewLegacy("o", "OscNode", js, rate)
			require.NoError(t, err)
			useAudio, usePan, useOff, useDel, useReset, useSlew, useAmp := rng.IntN(2) == 0, rng.IntN(3) == 0, rng.IntN(3) == 0, rng.IntN(3) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
			phi, tri, integ, opa := make([]float64, B), make([]float64, B), make([]float64, B), make([]float64, B)
			ac := 1 + rng.IntN(3)
			for range 3 {
				F := 1 + rng.IntN(100)
				call := host.LegacyCall{Batches: B, Channels: 1, Frames: F}
				var au *tens
				if useAudio {
					a := rnd(rng, B, ac, F, 0, 3000)
					au = &a
					for i := range a.d {
						if (i/F)%ac > 0 {
							a.d[i] = 2*rng.Float64() - 1
						}
					}
					bf := a.buf("")
					call.Audio = &bf
				}
				view := func(use bool, name string, lo, hi float64) *tens {
					if !use {
						return nil
					}
					f := F
					if rng.IntN(5) == 0 && !strings.HasPrefix(name, "freq") {
						f = 1 + rng.IntN(F)
					}
					v := rnd(rng, B, 1, f, lo, hi)
					call.Params = append(call.Params, v.buf(name))
					return &v
				}
				fq := view(true, []string{"freq", "frequency"}[rng.IntN(2)], 20, 4000)
				am := view(useAmp, []string{"amp", "amplitude"}[rng.IntN(2)], 0, 2)
				pn := view(usePan, "pan", -1, 1)
				of := view(useOff, "phase_offset", 0, 1)
				dl := view(useDel, "frame_delay", 0, 5)
				rs := view(useReset, "reset", 0, 0.55)
				sl := view(useSlew, "slew", 0, 5000)
				y := run(l, call, "osc")
				nc := 1
				if usePan {
					nc = 2
				}
				want := make([]float64, B*nc*F)
				exact := of != nil && dl != nil && of.f == F && dl.f == F
				for b := range B {
					for f := range F {
						hz := plane(fq, b, f, 0)
						if au != nil {
							hz = au.at(b, 0, f)
						}
						if acc && plane(rs, b, f, 0) > 0.5 {
							phi[b] = 0
						}
						dt := hz / rate
						phi[b] = fr(phi[b] + dt)
						p := phi[b]
						if !exact {
							p = fr(p + plane(of, b, f, 0) + dt*plane(dl, b, f, 0))
						}
						bl := func(t float64) float64 {
							d := dt
							if d < 1e-20 {
								d = 1e-20
							}
							if t < d {
								u := t / d
								return 2*u - u*u - 1
							}
							if t > 1-d {
								u := (t - 1) / d
								return u*u + 2*u + 1
							}
							return 0
						}
						sq := func() float64 {
							v := 1.0
							if p >= 0.5 {
								v = -1
							}
							return v - bl(p) + bl(fr(p+0.5))
						}
						var w float64
						op := strings.Contains(mode, "op")
						if !op || true {
							switch wave {
							case "sine":
								w = math.Sin(2 * math.Pi * p)
							case "saw":
								w = 2*p - 1 - bl(p)
							case "square":
								w = sq()
							case "triangle":
								if mode == "polyblep" || strings.Contains(mode, "integ") {
									tri[b] = 0.9995*tri[b] + 0.0005*sq()
								}
								w = tri[b]
							}
						}
						v := w
						if strings.Contains(mode, "integrator") {
							integ[b] = math.Max(-clamp, math.Min(clamp, leak*integ[b]+gain*w))
							v = integ[b]
						}
						if mode == "op_amp" || mode == "opamp" || mode == "slew_opamp" {
							tg := 0.0
							if au != nil && ac > 1 {
								for c := 1; c < ac; c++ {
									tg += au.at(b, c, f)
								}
								tg /= float64(ac - 1)
							}
							lim := srate / rate
							if s := plane(sl, b, f, -1); s >= 0 {
								lim = s / rate
							}
							st := tg - opa[b]
							if lim > 0 {
								st = math.Max(-lim, math.Min(lim, st))
							}
							opa[b] = math.Max(-sclamp, math.Min(sclamp, opa[b]+st))
							v = opa[b]
						}
						v *= plane(am, b, f, 1)
						if usePan {
							th := (math.Max(-1, math.Min(1, plane(pn, b, f, 0))) + 1) * math.Pi / 4
							want[(b*2)*F+f] = v * math.Cos(th)
							want[(b*2+1)*F+f] = v * math.Sin(th)
						} else {
							want[b*F+f] = v
						}
					}
				}
				tag := fmt.Sprintf("osc B=%d F=%d ", B, F) + mode + " " + wave + fmt.Sprint(au != nil, acc, []bool{am != nil, pn != nil, of != nil, dl != nil, rs != nil, sl != nil})
				if sl != nil && sl.f < F {
					tag += " shortslew"
				}
				if wave == "triangle" || wave == "square" {
					tag += " sq"
				}
				agree(t, tag, y, want, 1e-12)
			}
		}
		// LFO
		{
			wave := []string{"sine", "square", "saw", "triangle"}[rng.IntN(4)]
			rhz, dep, slew := 0.1+rng.Float64()*100, rng.Float64()*3, float64(rng.IntN(2))*rng.Float64()*20
			ui := rng.IntN(3) == 0
			js := fmt.Sprintf(`{"wave": "%s", "rate_hz": %v, "depth": %v, "slew_ms": %v, "use_input": %v}`, wave, rhz, dep, slew, ui)
			l, err := host.NewLegacy("o", "LFONode", js, rate)
			require.NoError(t, err)
			ph := 0.0
			z := make([]float64, B)
			for range 3 {
				F := 1 + rng.IntN(64)
				call := host.LegacyCall{Batches: B, Channels: C, Frames: F}
				a := rnd(rng, B, C, F, -2, 2)
				if ui {
					bf := a.buf("")
					call.Audio = &bf
				}
				y := run(l, call, "lfo")
				want := make([]float64, B*F)
				for b := range B {
					mx := 0.0
					if ui {
						for c := range C {
							for f := range F {
								mx = math.Max(mx, math.Abs(a.at(b, c, f)))
							}
						}
						if mx < 1e-12 {
							mx = 1
						}
					}
					for f := range F {
						var v float64
						if ui {
							v = dep * a.at(b, 0, f) / mx
						} else {
							switch wave {
							case "sine":
								v = math.Sin(2 * math.Pi * ph)
							case "square":
								v = 1
								if ph >= .5 {
									v = -1
								}
							case "saw":
								v = 2*ph - 1
							case "triangle":
								v = 2*math.Abs(2*ph-1) - 1
							}
							v *= dep
							ph = fr(ph + rhz/rate)
						}
						if slew > 0 {
							al := 1 - math.Exp(-1/(rate*slew/1000))
							z[b] = (1-al)*z[b] + al*v
							v = z[b]
						}
						want[b*F+f] = v
					}
				}
				agree(t, fmt.Sprintf("lfo ui=%v slew=%v", ui, slew > 0), y, want, 1e-12)
			}
		}
		// PitchQuantizer
		{
			grid := []string{"", "0,200,400,500,700,900,1100", "0,300,700", "700,0,200", "100,500"}[rng.IntN(5)]
			free := rng.IntN(2) == 0
			vr := []string{"continuous", "weighted", "stepped"}[rng.IntN(3)]
			slew := rng.IntN(2) == 0
			js := fmt.Sprintf(`{"is_free_mode": %v, "free_variant": "%s", "slew": %v`, free, vr, slew)
			if grid != "" {
				js += fmt.Sprintf(`, "grid_cents": "%s"`, grid)
			}
			sd := 2.0
			if rng.IntN(2) == 0 {
				sd = 1 + 2*rng.Float64()
				js += fmt.Sprintf(`, "span_default": %v`, sd)
			}
			l, err := host.NewLegacy("o", "PitchQuantizerNode", js+"}", rate)
			require.NoError(t, err)
			g := []float64{0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1100}
			switch grid {
			case "0,200,400,500,700,900,1100":
				g = []float64{0, 200, 400, 500, 700, 900, 1100}
			case "0,300,700":
				g = []float64{0, 300, 700}
			case "700,0,200":
				g = []float64{0, 200, 700}
			case "100,500":
				g = []float64{100, 500}
			}
			N := float64(len(g))
			gg := append(append([]float64{}, g...), g[0]+1200)
			W := func(c float64) float64 {
				o := math.Floor(c / 1200)
				cc := c - 1200*o
				i := len(g) - 1
				for k := range g {
					if gg[k] <= cc && cc < gg[k+1] {
						i = k
						break
					}
				}
				return o*N + float64(i) + (cc-gg[i])/(gg[i+1]-gg[i])
			}
			Wi := func(u float64) float64 {
				o := math.Floor(u / N)
				i := int(math.Min(math.Max(math.Floor(u-o*N), 0), N-1))
				frc := u - o*N - float64(i)
				return 1200*o + gg[i] + frc*(gg[i+1]-gg[i])
			}
			prev := make([]float64, B)
			useRoot, useSpan := rng.IntN(2) == 0, rng.IntN(2) == 0
			for range 3 {
				F := 1 + rng.IntN(40)
				call := host.LegacyCall{Batches: B, Channels: 1, Frames: F}
				in := rnd(rng, B, 1, F, -1, 1)
				call.Params = append(call.Params, in.buf("input"))
				var rt, sp *tens
				if useRoot {
					v := rnd(rng, B, 1, F, 40, 80)
					rt = &v
					call.Params = append(call.Params, v.buf("root_midi"))
				}
				if useSpan {
					v := rnd(rng, B, 1, F, 0.5, 4)
					sp = &v
					call.Params = append(call.Params, v.buf("span_oct"))
				}
				y := run(l, call, "pq")
				want := make([]float64, B*F)
				for b := range B {
					tg := make([]float64, F)
					for f := range F {
						u := in.at(b, 0, f) * plane(sp, b, f, sd)
						root := 440 * math.Pow(2, (plane(rt, b, f, 60)-69)/12)
						var c float64
						switch {
						case !free:
							c = Wi(math.Round(W(1200 * u)))
						case vr == "continuous":
							c = 1200 * u
						case vr == "weighted":
							c = Wi(N * u)
						default:
							c = Wi(math.Round(N * u))
						}
						tg[f] = root * math.Pow(2, c/1200)
					}
					if slew {
						y1 := tg[F-1]
						for f := range F {
							tf := float64(f) / float64(F)
							h := 3*tf*tf - 2*tf*tf*tf
							want[b*F+f] = prev[b] + h*(y1-prev[b])
						}
						prev[b] = y1
					} else {
						copy(want[b*F:], tg)
					}
				}
				agree(t, fmt.Sprintf("pq slew=%v free=%v %s grid=%q sd=%v", slew, free, vr, grid, sd != 2), y, want, 1e-12)
			}
		}
		// OscillatorPitch
		{
			mf, ds := float64(rng.IntN(2))*50, float64(rng.IntN(2))*5000
			l, err := host.NewLegacy("o", "OscillatorPitchNode", fmt.Sprintf(`{"min_freq": %v, "default_slew": %v}`, mf, ds), rate)
			require.NoError(t, err)
			cur := make([]float64, B)
			uP, uR, uC, uA, uS := rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
			for range 3 {
				F := 1 + rng.IntN(40)
				call := host.LegacyCall{Batches: B, Channels: 1, Frames: F}
				view := func(use bool, name string, lo, hi float64) *tens {
					if !use {
						return nil
					}
					v := rnd(rng, B, 1, F, lo, hi)
					call.Params = append(call.Params, v.buf(name))
					return &v
				}
				pp, rr, cc, aa, ss := view(uP, "pitch_hz", 20, 2000), view(uR, "root_hz", 20, 2000), view(uC, "offset_cents", -1200, 1200), view(uA, "add_hz", -100, 100), view(uS, "slew_hz_per_s", 0, 90000)
				y := run(l, call, "op")
				want := make([]float64, B*F)
				for b := range B {
					for f := range F {
						var tg float64
						if pp != nil {
							tg = plane(pp, b, f, 0)
						} else {
							tg = plane(rr, b, f, mf) * math.Pow(2, plane(cc, b, f, 0)/1200)
						}
						tg += plane(aa, b, f, 0)
						tg = math.Max(tg, mf)
						lim := plane(ss, b, f, ds) / rate
						st := tg - cur[b]
						if lim > 0 {
							st = math.Max(-lim, math.Min(lim, st))
						}
						cur[b] += st
						want[b*F+f] = math.Max(cur[b], mf)
					}
				}
				agree(t, fmt.Sprintf("op %v %v %v", uP, uR, uC), y, want, 1e-12)
			}
		}
		// ParametricDriver, Safety, Resampler, Sine, Subharmonic
		{
			mode := []string{"quartz", "piezo", "piezoelectric", "custom", "harmonic"}[rng.IntN(5)]
			js := fmt.Sprintf(`{"mode": "%s"`, mode)
			hs := []float64{1}
			if mode[0] == 'p' {
				hs = []float64{1, .35, .12}
			}
			if mode == "custom" || mode == "harmonic" {
				hs = []float64{.5, -.25, .1, .7}
				js += `, "harmonics": "0.5,-0.25, 0.1,0.7"`
			}
			l, err := host.NewLegacy("o", "ParametricDriverNode", js+"}", rate)
			require.NoError(t, err)
			phi := make([]float64, B)
			uA, uP, uR := rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
			for range 3 {
				F := 1 + rng.IntN(40)
				a := rnd(rng, B, C, F, -1, 1)
				for b := range B {
					for f := range F {
						a.d[(b*C)*F+f] = -50 + 2000*rng.Float64()
					}
				}
				bf := a.buf("")
				call := host.LegacyCall{Batches: B, Channels: C, Frames: F, Audio: &bf}
				view := func(use bool, name string, lo, hi float64) *tens {
					if !use {
						return nil
					}
					v := rnd(rng, B, 1, F, lo, hi)
					call.Params = append(call.Params, v.buf(name))
					return &v
				}
				am, po, rm := view(uA, []string{"amp", "amplitude"}[rng.IntN(2)], 0, 2), view(uP, []string{"phase", "phase_offset"}[rng.IntN(2)], -1, 1), view(uR, "render_mode", -.2, 1.2)
				y := run(l, call, "drv")
				want := make([]float64, B*F)
				for b := range B {
					for f := range F {
						hz := math.Max(a.at(b, 0, f), 0)
						phi[b] = fr(phi[b] + hz/rate)
						p := fr(phi[b] + plane(po, b, f, 0))
						s := 0.0
						for h, v := range hs {
							s += v * math.Sin(2*math.Pi*float64(h+1)*p)
						}
						m := 0.0
						if C > 1 {
							for c := 1; c < C; c++ {
								m += a.at(b, c, f)
							}
							m /= float64(C - 1)
						}
						r := math.Max(0, math.Min(1, plane(rm, b, f, 0)))
						want[b*F+f] = ((1-r)*s + r*m) * plane(am, b, f, 1)
					}
				}
				agree(t, fmt.Sprintf("drv B=%d C=%d F=%d %v %v %v", B, C, F, am != nil, po != nil, rm != nil), y, want, 1e-12)
			}
		}
		{
			dc := 0.9 + 0.09*rng.Float64()
			l, _ := host.NewLegacy("o", "SafetyNode", fmt.Sprintf(`{"dc_alpha": %v}`, dc), rate)
			d := make([]float64, B*C)
			iv := rng.Float64()
			l2, _ := host.NewLegacy("o", "ResamplerNode", fmt.Sprintf(`{"initial_value": %v}`, iv), rate)
			xp := make([]float64, B*C)
			for i := range xp {
				xp[i] = iv
			}
			blo, bhi, mix, drv, ohp, d4 := 40+50*rng.Float64(), 120+90*rng.Float64(), rng.Float64(), .5+2*rng.Float64(), 10+30*rng.Float64(), rng.IntN(2) == 0
			l3, err := host.NewLegacy("o", "SubharmonicLowLifterNode", fmt.Sprintf(`{"band_lo": %v, "band_hi": %v, "mix": %v, "drive": %v, "out_hp": %v, "use_div4": %v}`, blo, bhi, mix, drv, ohp, d4), rate)
			require.NoError(t, err)
			yh, oh := make([]float64, B*C), make([]float64, B*C)
			for range 3 {
				F := 1 + rng.IntN(60)
				a := rnd(rng, B, C, F, -2, 2)
				bf := a.buf("")
				call := host.LegacyCall{Batches: B, Channels: C, Frames: F, Audio: &bf}
				y, y2, y3 := run(l, call, "safe"), run(l2, call, "res"), run(l3, call, "sub")
				w1, w2, w3 := make([]float64, B*C*F), make([]float64, B*C*F), make([]float64, B*C*F)
				rc := 1 / (2 * math.Pi * math.Max(ohp, 1))
				ahp := rc / (rc + 1/rate)
				for i := range B * C {
					for f := range F {
						x := a.d[i*F+f]
						d[i] = dc*d[i] + (1-dc)*x
						w1[i*F+f] = math.Max(-1, math.Min(1, x-d[i]))
						w2[i*F+f] = x - xp[i]
						xp[i] = x
						o := (1 - mix) * x
						yh[i] = ahp * (yh[i] + o - oh[i])
						oh[i] = o
						w3[i*F+f] = yh[i]
					}
				}
				agree(t, "safety", y, w1, 1e-12)
				agree(t, "resampler", y2, w2, 1e-12)
				agree(t, "subharm", y3, w3, 1e-12)
			}
		}
	}
}

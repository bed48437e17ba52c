package host_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi/libamp/host"
)

// Envelope, sine and spectral division likewise.
func TestLegacyStagesAndSpectraAgainstModels(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 4))
	run := func(l *host.Legacy, c host.LegacyCall, what string) []float64 {
		y, _, err := l.Run(c)
		require.NoError(t, err, what)
		return y
	}
	for iter := 0; iter < 80; iter++ {
		rate := []float64{1000, 8000, 48000}[rng.IntN(3)]
		B := 1 + rng.IntN(2)
		C := 1 + rng.IntN(3)
		{ // envelope
			ms := func() float64 {
				if rng.IntN(4) == 0 {
					return 0
				}
				return math.Round(rng.Float64()*12*1000) / 1000 * 1000 / rate * 10
			}
			at, ho, de, su, re := ms(), ms(), ms(), float64(rng.IntN(2))*ms(), ms()
			sl := rng.Float64()
			sr := rng.IntN(2) == 0
			l, err := host.NewLegacy("e", "EnvelopeModulatorNode", fmt.Sprintf(`{"attack_ms": %v, "hold_ms": %v, "decay_ms": %v, "sustain_ms": %v, "release_ms": %v, "sustain_level": %v, "send_resets": %v}`, at, ho, de, su, re, sl, sr), rate)
			require.NoError(t, err)
			n := func(m float64) int { return int(math.Max(0, math.RoundToEven(m/1000*rate))) }
			nA, nH, nD, nS, nR := n(at), n(ho), n(de), n(su), n(re)
			type st struct {
				stage, t      int
				val, vel, rel float64
			}
			ss := make([]st, B)
			uT, uG, uD, uV := rng.IntN(2) == 0, rng.IntN(3) > 0, rng.IntN(4) == 0, rng.IntN(2) == 0
			for range 3 {
				F := 1 + rng.IntN(120)
				call := host.LegacyCall{Batches: B, Channels: 1, Frames: F}
				view := func(use bool, name string, p float64) *tens {
					if !use {
						return nil
					}
					v := rnd(rng, B, 1, F, 0, 1)
					cur := 0.0
					for i := range v.d {
						if rng.Float64() < p {
							cur = 1 - cur
						}
						if p >= 0.9 {
							cur = 0
							if rng.Float64() < 0.03 {
								cur = 1
							}
						}
						v.d[i] = cur
					}
					call.Params = append(call.Params, v.buf(name))
					return &v
				}
				tr, ga, dr := view(uT, "trigger", 0.95), view(uG, "gate", 0.04), view(uD, "drone", 0.02)
				var ve *tens
				if uV {
					v := rnd(rng, B, 1, F, -.2, 1.5)
					ve = &v
					call.Params = append(call.Params, v.buf("velocity"))
				}
				y := run(l, call, "env")
				want := make([]float64, 2*B*F)
				const (
					idle = iota
					A
					H
					D
					S
					R
				)
				for b := range B {
					s := &ss[b]
					for f := range F {
						on := plane(ga, b, f, 0) > .5 || plane(dr, b, f, 0) > .5
						start := func() {
							s.stage, s.t, s.val, s.vel = A, 0, 0, math.Max(0, plane(ve, b, f, 1))
							if sr {
								want[B*F+b*F+f] = 1
							}
						}
						if plane(tr, b, f, 0) > .5 {
							start()
						}
						for again := true; again; {
							again = false
							switch s.stage {
							case idle:
								if on {
									start()
									again = true
								}
							case A:
								if nA == 0 {
									s.val = s.vel
									s.stage, s.t = H, 0
									again = true
								}
							case H:
								if nH == 0 {
									s.stage, s.t = D, 0
									again = true
								}
							case D:
								if nD == 0 {
									s.val = s.vel * sl
									s.stage, s.t = S, 0
									again = true
								}
							case R:
								if nR == 0 {
									s.val = 0
									s.stage, s.t = idle, 0
									if on {
										start()
										again = true
									}
								}
							}
						}
						out := 0.0
						switch s.stage {
						case idle:
							s.val = 0
							out = 0
						case A:
							s.val = math.Min(s.val+s.vel/float64(nA), s.vel)
							out = s.val
							s.t++
							if s.t >= nA {
								s.val = s.vel
								out = s.val
								s.stage, s.t = H, 0
							}
						case H:
							s.val = s.vel
							out = s.val
							s.t++
							if s.t >= nH {
								s.stage, s.t = D, 0
							}
						case D:
							s.val = math.Max(s.vel*sl, s.val-(s.vel-s.vel*sl)/float64(nD))
							out = s.val
							s.t++
							if s.t >= nD {
								s.val = s.vel * sl
								out = s.val
								s.stage, s.t = S, 0
							}
						case S:
							s.val = s.vel * sl
							out = s.val
							s.t++
							if (nS > 0 && s.t >= nS) || (nS == 0 && !on) {
								s.rel = s.val
								s.stage, s.t = R, 0
							}
						case R:
							if on {
								out = 0
								start()
							} else {
								s.val = math.Max(0, s.val-s.rel/float64(nR))
								out = s.val
								s.t++
								if s.t >= nR {
									s.val = 0
									out = 0
									s.stage, s.t = idle, 0
								}
							}
						}
						want[b*F+f] = out
					}
				}
				agree(t, fmt.Sprintf("env zero=%v%v%v%v nS=%v tr=%v ve=%v", nA == 0, nH == 0, nD == 0, nR == 0, nS > 0, uT, uV), y, want, 1e-10)
			}
		}
		{ // sine
			ch, fq, am, ph := 1+rng.IntN(3), 50+400*rng.Float64(), rng.Float64(), rng.Float64()*3-1
			l, err := host.NewLegacy("e", "SineOscillatorNode", fmt.Sprintf(`{"channels": %d, "frequency": %v, "amplitude": %v, "phase": %v}`, ch, fq, am, ph), rate)
			require.NoError(t, err)
			phi := make([]float64, B*ch)
			for i := range phi {
				phi[i] = fr(ph)
			}
			uf, ua := rng.IntN(2) == 0, rng.IntN(2) == 0
			for range 3 {
				F := 1 + rng.IntN(50)
				call := host.LegacyCall{Batches: B, Channels: ch, Frames: F}
				vf, va := rnd(rng, B, ch, F, 0, 400), rnd(rng, B, ch, F, 0, 2)
				if uf {
					call.Params = append(call.Params, vf.buf("frequency"))
				}
				if ua {
					call.Params = append(call.Params, va.buf("amplitude"))
				}
				y := run(l, call, "sine")
				want := make([]float64, B*ch*F)
				for i := range B * ch {
					for f := range F {
						q, a := fq, am
						if uf {
							q = vf.d[i*F+f]
						}
						if ua {
							a = va.d[i*F+f]
						}
						phi[i] = fr(phi[i] + q/rate)
						want[i*F+f] = a * math.Sin(2*math.Pi*phi[i])
					}
				}
				if fq <= rate/2 {
					agree(t, fmt.Sprintf("sine ch=%d B=%d uf=%v ua=%v", ch, B, uf, ua), y, want, 1e-12)
				}
			}
		}
		{ // fft division, frame-major
			N := []int{2, 4, 8, 16, 12}[rng.IntN(5)]
			win := []string{"hann", "hamming", "rectangular"}[rng.IntN(3)]
			dyn := rng.IntN(3) == 0
			eps := []float64{1e-9, 1e-3, 1e-6}[rng.IntN(3)]
			alg := "fft"
			if dyn {
				alg = "dynamic"
			}
			l, err := host.NewLegacy("e", "FFTDivisionNode", fmt.Sprintf(`{"max_batch_windows": 1, "window_size": %d, "window": "%s", "epsilon": %v, "algorithm": "%s", "enable_remainder": %d}`, N, win, eps, alg, rng.IntN(2)), rate)
			require.NoError(t, err)
			w := make([]float64, N)
			for j := range w {
				c := math.Cos(2 * math.Pi * float64(j) / float64(N-1))
				w[j] = map[string]float64{"hann": .5 - .5*c, "hamming": .54 - .46*c, "rectangular": 1}[win]
			}
			rows := B * C
			hx, hd := make([][]float64, rows), make([][]complex128, rows)
			ud, ui, up, ub, uf := rng.IntN(3) > 0 || true, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0, rng.IntN(2) == 0
			K := 1 + rng.IntN(3)
			seen := 0
			for range 3 {
				F := 1 + rng.IntN(40)
				mk := func(lo, hi float64) []float64 {
					v := make([]float64, F*rows)
					for i := range v {
						v[i] = lo + (hi-lo)*rng.Float64()
					}
					return v
				}
				call := host.LegacyCall{Batches: B, Channels: C, Frames: F}
				hb := func(name string, v []float64) host.Buffer {
					return host.Buffer{Name: name, Batches: B, Channels: C, Frames: F, Data: v}
				}
				x := mk(-1, 1)
				bx := hb("", x)
				call.Audio = &bx
				var dv, di, pv, lo, hi, fi []float64
				view := func(use bool, name string, a, b float64) []float64 {
					if !use {
						return nil
					}
					v := mk(a, b)
					call.Params = append(call.Params, hb(name, v))
					return v
				}
				dv, di, pv = view(ud, "divisor", .3, 2), view(ui, "divisor_imag", -1, 1), view(up, "phase_offset", -2, 2)
				lo, hi, fi = view(ub, "lower_band", 0, 1), view(ub, "upper_band", 0, 1), view(uf, "filter_intensity", 0, 1)
				var cb [][]float64
				if dyn {
					for k := range K {
						a, b := 0.0, 0.5
						if k == 1 {
							a, b = 10, rate/2
						}
						cb = append(cb, view(true, fmt.Sprintf("carrier_band_%d", k), a, b))
					}
				}
				y := run(l, call, "fftdiv "+alg)
				want := make([]float64, F*rows)
				g := func(v []float64, i int, d float64) float64 {
					if v == nil {
						return d
					}
					return v[i]
				}
				for f := range F {
					seen++
					for r := range rows {
						i := f*rows + r
						hx[r] = append(hx[r], x[i])
						hd[r] = append(hd[r], complex(g(dv, i, 1), g(di, i, 0)))
						if len(hx[r]) < N {
							d := g(dv, i, 1)
							if math.Abs(d) < eps {
								d = math.Copysign(eps, d)
							}
							want[i] = x[i] / d
							continue
						}
						xs, ds := hx[r][len(hx[r])-N:], hd[r][len(hd[r])-N:]
						l0, h0 := g(lo, i, 0), g(hi, i, 1)
						if l0 > h0 {
							l0, h0 = h0, l0
						}
						I := g(fi, i, 1)
						in, out := math.Max(1e-6, I), math.Max(1e-6, 1-I)
						rot := cmplx.Rect(1, g(pv, i, 0))
						if !dyn {
							var Y complex128
							for k := range N {
								var X, D complex128
								for j := range N {
									e := cmplx.Rect(w[j], -2*math.Pi*float64(k*j)/float64(N))
									X += e * complex(xs[j], 0)
									D += e * ds[j]
								}
								m := math.Max(real(D)*real(D)+imag(D)*imag(D), eps)
								gg := out
								if q := float64(k) / float64(N-1); l0 <= q && q <= h0 {
									gg = in
								}
								Y += complex(gg, 0) * rot * X * cmplx.Conj(D) / complex(m, 0) * cmplx.Rect(1/float64(N), 2*math.Pi*float64(k*(N-1))/float64(N))
							}
							want[i] = real(Y)
							continue
						}
						fk := make([]float64, K)
						M := make([][]complex128, K)
						for k := range K {
							v := cb[k][i]
							if math.Abs(v) > 1 {
								v /= rate
							}
							fk[k] = math.Min(math.Max(v, 0), 1)
						}
						tr := 0.0
						for j := range N {
							tr += w[j] * w[j]
						}
						for a := range K {
							M[a] = make([]complex128, K+1)
							for b := range K {
								for j := range N {
									M[a][b] += complex(w[j]*w[j], 0) * cmplx.Rect(1, 2*math.Pi*(fk[b]-fk[a])*float64(j))
								}
							}
							M[a][a] += complex(1e-8*tr, 0)
							for j := range N {
								M[a][K] += complex(w[j]*w[j]*xs[j], 0) * cmplx.Rect(1, -2*math.Pi*fk[a]*float64(j))
							}
						}
						for a := range K {
							p := a
							for q := a + 1; q < K; q++ {
								if cmplx.Abs(M[q][a]) > cmplx.Abs(M[p][a]) {
									p = q
								}
							}
							M[a], M[p] = M[p], M[a]
							for q := a + 1; q < K; q++ {
								f := M[q][a] / M[a][a]
								for c := a; c <= K; c++ {
									M[q][c] -= f * M[a][c]
								}
							}
						}
						cc := make([]complex128, K)
						for a := K - 1; a >= 0; a-- {
							v := M[a][K]
							for q := a + 1; q < K; q++ {
								v -= M[a][q] * cc[q]
							}
							cc[a] = v / M[a][a]
						}
						var Y complex128
						for k := range K {
							gg := out
							if l0 <= fk[k] && fk[k] <= h0 {
								gg = in
							}
							Y += complex(gg/float64(N), 0) * rot * cc[k] * cmplx.Rect(1, 2*math.Pi*fk[k]*float64(N-1))
						}
						want[i] = real(Y)
					}
				}
				tol := 1e-8
				if dyn {
					tol = 1e-6
				}
				if win == "hann" && N == 2 {
					continue
				}
				agree(t, fmt.Sprintf("fftdiv %s N=%d %s B=%d C=%d", alg, N, win, B, C), y, want, tol)
			}
		}
	}
}

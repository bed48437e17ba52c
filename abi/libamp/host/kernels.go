package host

import "math"

// The free kernels of the AMP runtime, which programs built for it link against.
// Rows are (B, F) or (B, C, F); states are updated in place. They are the same
// recurrences as the nodes', without a graph around them.

// rows calls f for each row of n frames.
func rows(count, n int, f func(row, at int)) {
	for r := range count {
		f(r, r*n)
	}
}

// LFOSlew is z ← r z + α x, y = z.
func LFOSlew(x, y []float64, b, f int, r, alpha float64, z []float64) {
	rows(b, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			z[row] = r*z[row] + alpha*x[n]
			y[n] = z[row]
		}
	})
}

// SafetyFilter blocks DC by one pole: y ← a y + x − x[n−1].
func SafetyFilter(x, y []float64, lanes, f int, a float64, prevIn, prevDC []float64) {
	rows(lanes, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			prevDC[row] = a*prevDC[row] + (x[n] - prevIn[row])
			prevIn[row] = x[n]
			y[n] = prevDC[row]
		}
	})
}

// DCBlock subtracts a slow mean: d ← a d + (1−a) x, y = x − d.
func DCBlock(x, y []float64, lanes, f int, a float64, d []float64) {
	rows(lanes, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			d[row] = a*d[row] + (1-a)*x[n]
			y[n] = x[n] - d[row]
		}
	})
}

// Subharmonic are the coefficients and states of SubharmonicProcess; every state
// has one value per lane.
type Subharmonic struct {
	HPIn, LPIn, Sub2, Sub4, Attack, Release, HPOut, Drive, Mix float64

	Div4                                              bool
	HP, LP, Prev, Sub2LP, Sub4LP, Env, HPOutY, HPOutX []float64
	Sign, FF2, FF4                                    []int8
	FF4Count                                          []int32
}

// SubharmonicProcess divides the band of a high- and low-passed input by 2 (and
// 4) with flip-flops at its rising zero crossings, shapes them by the band's
// envelope, mixes and high-passes.
func SubharmonicProcess(x, y []float64, lanes, f int, s *Subharmonic) {
	rows(lanes, f, func(i, at int) {
		for n := at; n < at+f; n++ {
			s.HP[i] = s.HPIn * (s.HP[i] + x[n] - s.Prev[i])
			s.Prev[i] = x[n]
			s.LP[i] += s.LPIn * (s.HP[i] - s.LP[i])
			level := math.Abs(s.LP[i])
			a := s.Release
			if level > s.Env[i] {
				a = s.Attack
			}
			s.Env[i] += a * (level - s.Env[i])
			sign := int8(-1)
			if s.LP[i] > 0 {
				sign = 1
			}
			if s.Sign[i] < 0 && sign > 0 {
				s.FF2[i] = -s.FF2[i]
				if s.Div4 {
					if s.FF4Count[i]++; s.FF4Count[i] >= 2 {
						s.FF4[i], s.FF4Count[i] = -s.FF4[i], 0
					}
				}
			}
			s.Sign[i] = sign
			s.Sub2LP[i] += s.Sub2 * (float64(s.FF2[i]) - s.Sub2LP[i])
			sub := s.Sub2LP[i]
			if s.Div4 {
				s.Sub4LP[i] += s.Sub4 * (float64(s.FF4[i]) - s.Sub4LP[i])
				sub += 0.6 * s.Sub4LP[i]
			}
			wet := math.Tanh(s.Drive*sub) * (s.Env[i] + 1e-6)
			o := (1-s.Mix)*x[n] + s.Mix*wet
			s.HPOutY[i] = s.HPOut * (s.HPOutY[i] + o - s.HPOutX[i])
			s.HPOutX[i] = o
			y[n] = s.HPOutY[i]
		}
	})
}

// PhaseAdvance adds the increments modulo 1 and plays the phase; reset (nil for
// none) above 0.5 begins at 0.
func PhaseAdvance(dphi, out []float64, b, f int, phase, reset []float64) {
	rows(b, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			if reset != nil && reset[n] > 0.5 {
				phase[row] = 0
			}
			phase[row] = frac(phase[row] + dphi[n])
			out[n] = phase[row]
		}
	})
}

func frac(x float64) float64 { return x - math.Floor(x) }

// PortamentoSmooth glides to a frequency where the mask is above 0.5 and jumps
// elsewhere. slide and damp may be nil: 0.
func PortamentoSmooth(target, mask, slide, damp, out []float64, b, f, sr int, freq []float64) {
	at0 := func(v []float64, n int) float64 {
		if v == nil {
			return 0
		}
		return v[n]
	}
	rows(b, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			if at0(mask, n) > 0.5 {
				frames := math.Max(1, at0(slide, n)*float64(sr))
				a := math.Pow(math.Exp(-1/frames), 1+math.Max(0, at0(damp, n)))
				freq[row] = a*freq[row] + (1-a)*target[n]
			} else {
				freq[row] = target[n]
			}
			out[n] = freq[row]
		}
	})
}

// ArpAdvance plays a sequence, each step for so many frames.
func ArpAdvance(seq, out []float64, b, f int, step, timer []int32, framesPerStep int) {
	rows(b, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			out[n] = seq[int(step[row])%len(seq)]
			if timer[row]++; int(timer[row]) >= framesPerStep {
				timer[row] = 0
				step[row] = (step[row] + 1) % int32(len(seq))
			}
		}
	})
}

// PolyBLEP is the residual of a band-limited step at phase t of increment dt.
func PolyBLEP(t, dt float64) float64 {
	switch {
	case t < dt:
		u := t / math.Max(dt, 1e-20)
		return u + u - u*u - 1
	case t > 1-dt:
		u := (t - 1) / math.Max(dt, 1e-20)
		return u*u + u + u + 1
	}
	return 0
}

// SawBLEP is a band-limited saw at phase t.
func SawBLEP(t, dt float64) float64 { return 2*t - 1 - PolyBLEP(t, dt) }

// SquareBLEP is a pulse of width pw, with the signs of AMP's corrections, which
// enlarge its steps.
func SquareBLEP(t, dt, pw float64) float64 {
	y := -1.0
	if t < pw {
		y = 1
	}
	return y - PolyBLEP(t, dt) + PolyBLEP(frac(t+1-pw), dt)
}

// TriangleBLEP is the leaky integral of a square, one state per row.
func TriangleBLEP(ph, dphi, out []float64, b, f int, tri []float64) {
	rows(b, f, func(row, at int) {
		for n := at; n < at+f; n++ {
			tri[row] = 0.9995*tri[row] + 0.0005*SquareBLEP(ph[n], dphi[n], 0.5)
			out[n] = tri[row]
		}
	})
}

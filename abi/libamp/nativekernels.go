//go:build cgo && native

package main

/*
#include "native.h"
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"

	"gonum.org/v1/gonum/dsp/fourier"
)

// AMP's free kernels. They have no way to tell an error: without memory or
// sizes they do nothing.

// view shows n C values to Go; nil for NULL.
func view[T, C any](p *C, n int) []T {
	if p == nil || n <= 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(p)), n)
}

func some(sizes ...C.int) bool {
	for _, n := range sizes {
		if n <= 0 {
			return false
		}
	}
	return true
}

//export lfo_slew
func lfo_slew(x, out *C.double, b, f C.int, r, alpha C.double, z *C.double) {
	if n := int(b) * int(f); x != nil && out != nil && z != nil && some(b, f) {
		host.LFOSlew(doubles(x, n), doubles(out, n), int(b), int(f), float64(r), float64(alpha), doubles(z, int(b)))
	}
}

//export safety_filter
func safety_filter(x, y *C.double, b, c, f C.int, a C.double, in, dc *C.double) {
	if lanes := int(b) * int(c); x != nil && y != nil && in != nil && dc != nil && some(b, c, f) {
		n := lanes * int(f)
		host.SafetyFilter(doubles(x, n), doubles(y, n), lanes, int(f), float64(a), doubles(in, lanes), doubles(dc, lanes))
	}
}

//export dc_block
func dc_block(x, out *C.double, b, c, f C.int, a C.double, state *C.double) {
	if lanes := int(b) * int(c); x != nil && out != nil && state != nil && some(b, c, f) {
		n := lanes * int(f)
		host.DCBlock(doubles(x, n), doubles(out, n), lanes, int(f), float64(a), doubles(state, lanes))
	}
}

//export subharmonic_process
func subharmonic_process(x, y *C.double, b, c, f C.int, hpIn, lpIn, sub2 C.double, div4 C.int, sub4, attack, release, hpOut, drive, mix C.double,
	hp, lp, prev *C.double, sign, ff2, ff4 *C.int8_t, count *C.int32_t, sub2LP, sub4LP, env, outY, outX *C.double) {
	if x == nil || y == nil || !some(b, c, f) {
		return
	}
	lanes := int(b) * int(c)
	s := &host.Subharmonic{
		HPIn: float64(hpIn), LPIn: float64(lpIn), Sub2: float64(sub2), Sub4: float64(sub4), Attack: float64(attack), Release: float64(release),
		HPOut: float64(hpOut), Drive: float64(drive), Mix: float64(mix), Div4: div4 != 0,
		HP: doubles(hp, lanes), LP: doubles(lp, lanes), Prev: doubles(prev, lanes), Sign: view[int8](sign, lanes), FF2: view[int8](ff2, lanes),
		FF4: view[int8](ff4, lanes), FF4Count: view[int32](count, lanes), Sub2LP: doubles(sub2LP, lanes), Sub4LP: doubles(sub4LP, lanes),
		Env: doubles(env, lanes), HPOutY: doubles(outY, lanes), HPOutX: doubles(outX, lanes),
	}
	for _, v := range [][]float64{s.HP, s.LP, s.Prev, s.Sub2LP, s.Env, s.HPOutY, s.HPOutX} {
		if v == nil {
			return
		}
	}
	if s.Sign == nil || s.FF2 == nil || s.Div4 && (s.FF4 == nil || s.FF4Count == nil || s.Sub4LP == nil) {
		return
	}
	n := lanes * int(f)
	host.SubharmonicProcess(doubles(x, n), doubles(y, n), lanes, int(f), s)
}

//export envelope_process
func envelope_process(trigger, gate, drone, velocity *C.double, b, f, attack, hold, decay, sustain, release C.int, level C.double, resets C.int,
	stage *C.int, value, timer, vel *C.double, activations *C.int64_t, start, amp, reset *C.double) {
	if !some(b, f) || stage == nil || value == nil || timer == nil || vel == nil || activations == nil || start == nil || amp == nil || reset == nil {
		return
	}
	rows, n := int(b), int(b)*int(f)
	host.EnvelopeProcess(doubles(trigger, n), doubles(gate, n), doubles(drone, n), doubles(velocity, n), doubles(amp, n), doubles(reset, n), rows, int(f), &host.Envelope{
		Attack: int(attack), Hold: int(hold), Decay: int(decay), Sustain: int(sustain), Release: int(release), Level: float64(level), SendResets: resets != 0,
		Stage: view[int32](stage, rows), Value: doubles(value, rows), Timer: doubles(timer, rows), Velocity: doubles(vel, rows),
		ReleaseStart: doubles(start, rows), Activations: view[int64](activations, rows),
	})
}

//export phase_advance
func phase_advance(dphi, out *C.double, b, f C.int, phase, reset *C.double) {
	if n := int(b) * int(f); dphi != nil && out != nil && phase != nil && some(b, f) {
		host.PhaseAdvance(doubles(dphi, n), doubles(out, n), int(b), int(f), doubles(phase, int(b)), doubles(reset, n))
	}
}

//export portamento_smooth
func portamento_smooth(target, mask, slide, damp *C.double, b, f, sr C.int, freq, out *C.double) {
	if n := int(b) * int(f); target != nil && out != nil && freq != nil && some(b, f) {
		host.PortamentoSmooth(doubles(target, n), doubles(mask, n), doubles(slide, n), doubles(damp, n), doubles(out, n), int(b), int(f), int(sr), doubles(freq, int(b)))
	}
}

//export arp_advance
func arp_advance(seq *C.double, length C.int, out *C.double, b, f C.int, step, timer *C.int, fps C.int) {
	if seq == nil || out == nil || !some(length, b, f) {
		return
	}
	s, t := view[int32](step, int(b)), view[int32](timer, int(b))
	if s == nil {
		s = make([]int32, b)
	}
	if t == nil {
		t = make([]int32, b)
	}
	for _, v := range s {
		if v < 0 {
			return
		}
	}
	host.ArpAdvance(doubles(seq, int(length)), doubles(out, int(b)*int(f)), int(b), int(f), s, t, int(fps))
}

// eachPhase fills out from phases and increments.
func eachPhase(t, dt, out *C.double, n int, wave func(t, dt float64) float64) {
	if t == nil || dt == nil || out == nil || n <= 0 {
		return
	}
	p, d, y := doubles(t, n), doubles(dt, n), doubles(out, n)
	for i := range y {
		y[i] = wave(p[i], d[i])
	}
}

//export polyblep_arr
func polyblep_arr(t, dt, out *C.double, n C.int) { eachPhase(t, dt, out, int(n), host.PolyBLEP) }

//export osc_saw_blep_c
func osc_saw_blep_c(ph, dphi, out *C.double, b, f C.int) {
	eachPhase(ph, dphi, out, int(b)*int(f), host.SawBLEP)
}

//export osc_square_blep_c
func osc_square_blep_c(ph, dphi *C.double, pw C.double, out *C.double, b, f C.int) {
	eachPhase(ph, dphi, out, int(b)*int(f), func(t, dt float64) float64 { return host.SquareBLEP(t, dt, float64(pw)) })
}

//export osc_triangle_blep_c
func osc_triangle_blep_c(ph, dphi, out *C.double, b, f C.int, tri *C.double) {
	if n := int(b) * int(f); ph != nil && dphi != nil && out != nil && tri != nil && some(b, f) {
		host.TriangleBLEP(doubles(ph, n), doubles(dphi, n), doubles(out, n), int(b), int(f), doubles(tri, int(b)))
	}
}

// The transform is complex, of any length, and its inverse divides by it.

//export amp_fft_backend_transform
func amp_fft_backend_transform(re, im, outRe, outIm *C.double, n, inverse C.int) {
	amp_fft_backend_transform_many(re, im, outRe, outIm, n, 1, inverse)
}

//export amp_fft_backend_transform_many
func amp_fft_backend_transform_many(re, im, outRe, outIm *C.double, n, batch, inverse C.int) C.int {
	if re == nil || outRe == nil || outIm == nil || !some(n, batch) {
		return 0
	}
	size, length := int(n*batch), int(n)
	a, b, y, z := doubles(re, size), doubles(im, size), doubles(outRe, size), doubles(outIm, size)
	plan, buf := fourier.NewCmplxFFT(length), make([]complex128, length)
	for at := 0; at < size; at += length {
		for i := range buf {
			buf[i] = complex(a[at+i], 0)
			if b != nil {
				buf[i] = complex(a[at+i], b[at+i])
			}
		}
		scale := 1.0
		if inverse != 0 {
			buf, scale = plan.Sequence(buf, buf), 1/float64(length)
		} else {
			buf = plan.Coefficients(buf, buf)
		}
		for i, v := range buf {
			y[at+i], z[at+i] = real(v)*scale, imag(v)*scale
		}
	}
	return 1
}

package main

/*
#include "amp.h"

static int progress(amp_progress_t f, void *user, uint32_t step, double loss, double fraction) {
    return f ? f(user, step, loss, fraction) : 0;
}
*/
import "C"

import (
	"unsafe"

	"ampfit/abi/libamp/host"
)

//export amp_fit
func amp_fit(graphJSON *C.char, target, input *C.double, channels, inputChannels, frames C.uint32_t, rate C.double,
	options *C.char, progress C.amp_progress_t, user unsafe.Pointer, result **C.char) (code C.int) {
	defer guard(&code)
	if graphJSON == nil || target == nil || result == nil || channels == 0 || frames == 0 {
		return invalid("graph_json, target, result, channels and frames are needed")
	}
	*result = nil
	text, err := host.Fit(host.FitRequest{
		Graph: goText(graphJSON), Options: goText(options), Rate: float64(rate),
		Target: rows(target, int(channels), int(frames)), Input: rows(input, int(inputChannels), int(frames)),
		Progress: func(step int, loss, fraction float64) (stop bool) {
			return C.progress(progress, user, C.uint32_t(step), C.double(loss), C.double(fraction)) != 0
		},
	})
	if err != nil {
		return remember(err)
	}
	*result = C.CString(text)
	return remember(nil)
}

func rows(p *C.double, channels, frames int) [][]float64 {
	if p == nil {
		return nil
	}
	var out [][]float64
	whole := doubles(p, channels*frames)
	for c := range channels {
		out = append(out, append([]float64(nil), whole[c*frames:(c+1)*frames]...))
	}
	return out
}

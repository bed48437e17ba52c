//go:build cgo && native

package main

/*
#include "native.h"
*/
import "C"

import (
	"time"
	"unsafe"

	"ampfit/abi/libamp/host"
)

// streamer is a host.Streamer; of a session it owns the runtime.
type streamer struct {
	*host.Streamer
	runtime *host.Runtime
	own     *C.amp_runtime_t
}

func streamerOf(p unsafe.Pointer) *streamer {
	s, _ := lookup(p).(*streamer)
	return s
}

// streaming calls f with a streamer and turns what goes wrong into a code. given
// says that no other argument is missing.
func streaming(p unsafe.Pointer, given bool, f func(s *streamer) C.int) (code C.int) {
	defer guard(&code)
	s := streamerOf(p)
	switch {
	case s == nil:
		return invalid("the streamer is NULL or was destroyed")
	case !given:
		return invalid("an argument is missing")
	}
	code = f(s)
	remember(nil)
	return code
}

//export amp_graph_streamer_create
func amp_graph_streamer_create(p *C.amp_runtime_t, control *C.uint8_t, length C.size_t, hint C.int, rate C.double, ring, block C.uint32_t) unsafe.Pointer {
	return newStreamer(p, nil, control, length, hint, rate, ring, block)
}

func newStreamer(p, own *C.amp_runtime_t, control *C.uint8_t, length C.size_t, hint C.int, rate C.double, ring, block C.uint32_t) (h unsafe.Pointer) {
	var code C.int
	defer guard(&code)
	r := runtimeOf(p)
	if r == nil || ring > 1<<24 || block > 1<<24 {
		invalid("the runtime is NULL or was destroyed, or the ring or the block is too long")
		return nil
	}
	s, err := host.NewStreamer(r.Runtime, blob(control, length), int(hint), float64(rate), int(ring), int(block))
	if remember(err) != 0 {
		return nil
	}
	return newHandle(&streamer{s, r.Runtime, own})
}

//export amp_graph_streamer_start
func amp_graph_streamer_start(p unsafe.Pointer) C.int {
	return streaming(p, true, func(s *streamer) C.int {
		s.Start()
		return 0
	})
}

//export amp_graph_streamer_stop
func amp_graph_streamer_stop(p unsafe.Pointer) {
	if s := streamerOf(p); s != nil {
		s.Stop()
	}
}

//export amp_graph_streamer_destroy
func amp_graph_streamer_destroy(p unsafe.Pointer) {
	if s, ok := release(p).(*streamer); ok {
		s.Stop()
		if s.own != nil {
			amp_graph_runtime_destroy(s.own)
		}
	}
}

// Blocks are rendered as soon as there is room, so there is nobody to wake.
//
//export amp_graph_streamer_notify
func amp_graph_streamer_notify(unsafe.Pointer) {}

//export amp_graph_streamer_available
func amp_graph_streamer_available(p unsafe.Pointer, frames *C.uint64_t) C.int {
	return streaming(p, frames != nil, func(s *streamer) C.int {
		*frames = C.uint64_t(s.State().Ring)
		return 0
	})
}

func tell(n, channels int, first int64, frames, outChannels *C.uint32_t, sequence *C.uint64_t) {
	if frames != nil {
		*frames = C.uint32_t(n)
	}
	if outChannels != nil {
		*outChannels = C.uint32_t(channels)
	}
	if sequence != nil {
		*sequence = C.uint64_t(first)
	}
}

//export amp_graph_streamer_read
func amp_graph_streamer_read(p unsafe.Pointer, to *C.double, limit C.size_t, frames, channels *C.uint32_t, sequence *C.uint64_t) C.int {
	return streaming(p, to != nil && limit > 0, func(s *streamer) C.int {
		n, ch, first := s.Read(func(values int) []float64 { return doubles(to, values) }, int(min(limit, 1<<31)))
		tell(n, ch, first, frames, channels, sequence)
		return 0
	})
}

//export amp_graph_streamer_dump_count
func amp_graph_streamer_dump_count(p unsafe.Pointer, count *C.uint32_t) C.int {
	return streaming(p, count != nil, func(s *streamer) C.int {
		*count = C.uint32_t(s.State().Dumps)
		return 0
	})
}

// With too little room it returns 1 and the number of frames.
//
//export amp_graph_streamer_pop_dump
func amp_graph_streamer_pop_dump(p unsafe.Pointer, to *C.double, limit C.size_t, frames, channels *C.uint32_t, sequence *C.uint64_t) C.int {
	return streaming(p, true, func(s *streamer) C.int {
		if to == nil {
			limit = 0
		}
		n, ch, first, short := s.Pop(func(values int) []float64 { return doubles(to, values) }, int(min(limit, 1<<31)))
		tell(n, ch, first, frames, channels, sequence)
		return truth(short)
	})
}

//export amp_graph_streamer_status
func amp_graph_streamer_status(p unsafe.Pointer, produced, consumed *C.uint64_t) C.int {
	return streaming(p, true, func(s *streamer) C.int {
		x := s.State()
		if produced != nil {
			*produced = C.uint64_t(x.Produced)
		}
		if consumed != nil {
			*consumed = C.uint64_t(x.Consumed)
		}
		return C.int(x.Status)
	})
}

func millis(d time.Duration) C.uint64_t { return C.uint64_t(max(d.Milliseconds(), 0)) }

// Without a contract the frames of the hint are the goal, drained.
//
//export amp_graph_streamer_evaluate_completion
func amp_graph_streamer_evaluate_completion(p unsafe.Pointer, c *C.native_contract_t, progress *C.native_progress_t, verdict *C.native_verdict_t) C.int {
	return streaming(p, true, func(s *streamer) C.int {
		complete(s.State(), c, progress, verdict)
		return 0
	})
}

// complete says how far a streamer is, and whether that is what was asked for.
func complete(x host.StreamState, c *C.native_contract_t, progress *C.native_progress_t, verdict *C.native_verdict_t) {
	if progress != nil {
		*progress = C.native_progress_t{
			produced: C.uint64_t(x.Produced), consumed: C.uint64_t(x.Consumed), ring_size: C.uint32_t(x.Ring), ring_capacity: C.uint32_t(x.Capacity),
			dump_depth: C.uint32_t(x.Dumps), elapsed_ms: millis(x.Elapsed), since_produced_ms: millis(x.Made), since_consumed_ms: millis(x.Read),
			since_dump_ms: millis(x.Dumped), running: truth(x.Running),
		}
	}
	if verdict == nil {
		return
	}
	expected := C.uint64_t(x.Expected)
	goal := C.native_contract_t{target_produced: expected, target_consumed: expected, require_ring_drain: truth(expected > 0), require_dump_drain: truth(expected > 0)}
	if c != nil {
		goal = *c
		if goal.target_produced == 0 {
			goal.target_produced = expected
		}
		if goal.target_consumed == 0 {
			goal.target_consumed = expected
		}
	}
	late := func(d time.Duration, limit C.uint32_t) bool { return limit > 0 && d.Milliseconds() >= int64(limit) }
	v := C.native_verdict_t{ring_drained: truth(x.Ring == 0), dump_drained: truth(x.Dumps == 0)}
	v.producer_met, v.consumer_met = truth(C.uint64_t(x.Produced) >= goal.target_produced), truth(C.uint64_t(x.Consumed) >= goal.target_consumed)
	v.inflight_exceeded = truth(goal.maximum_inflight > 0 && x.Ring > int(goal.maximum_inflight))
	v.dumps_exceeded = truth(goal.maximum_dumps > 0 && x.Dumps > int(goal.maximum_dumps))
	v.idle_timeout = truth(late(min(x.Made, x.Read, x.Dumped), goal.idle_timeout_ms))
	v.total_timeout = truth(late(x.Elapsed, goal.total_timeout_ms))
	v.timed_out = v.idle_timeout | v.total_timeout
	v.satisfied = truth(v.producer_met == 1 && v.consumer_met == 1 && v.inflight_exceeded == 0 && v.dumps_exceeded == 0 &&
		(goal.require_ring_drain == 0 || v.ring_drained == 1) && (goal.require_dump_drain == 0 || v.dump_drained == 1))
	*verdict = v
}

// put copies a text into a fixed field.
func put(field []C.char, s string) {
	n := min(len(s), len(field)-1)
	for i := range n {
		field[i] = C.char(s[i])
	}
	field[n] = 0
}

// It returns the number of nodes; entries that have no room are left out.
//
//export amp_graph_runtime_debug_snapshot
func amp_graph_runtime_debug_snapshot(p *C.amp_runtime_t, stream unsafe.Pointer, entries *C.native_node_entry_t, capacity C.uint32_t, out *C.native_snapshot_t) C.int {
	return with(p, true, func(r *runtime) error {
		snapshot(r.Runtime, streamerOf(stream), entries, capacity, out)
		return nil
	})
}

func snapshot(r *host.Runtime, s *streamer, entries *C.native_node_entry_t, capacity C.uint32_t, out *C.native_snapshot_t) {
	names := r.Nodes()
	if out != nil {
		*out = C.native_snapshot_t{version: 1, node_count: C.uint32_t(len(names)), sample_rate: C.double(r.Rate()), scheduler_mode: 1}
		f := r.LastError()
		out.error_code = C.int64_t(f.Code)
		put(out.error_stage[:], f.Stage)
		put(out.error_node[:], f.Node)
		put(out.error_detail[:], f.Detail)
		for i, name := range names {
			if name == r.Sink() {
				out.sink_index = C.uint32_t(i)
			}
		}
		if s != nil {
			x := s.State()
			out.produced, out.consumed, out.loops = C.uint64_t(x.Produced), C.uint64_t(x.Consumed), C.uint64_t(x.Loops)
			out.ring_capacity, out.ring_size, out.dump_depth = C.uint32_t(x.Capacity), C.uint32_t(x.Ring), C.uint32_t(x.Dumps)
		}
	}
	if entries == nil {
		return
	}
	for i, e := range unsafe.Slice(entries, min(int(capacity), len(names))) {
		e = C.native_node_entry_t{}
		put(e.name[:], names[i])
		if s == nil || !s.State().Running { // its own goroutine owns the runtime while it runs
			if d, err := r.Describe(names[i]); err == nil {
				e.declared_delay, e.oversample, e.supports_v2 = C.uint32_t(d.Declared), C.uint32_t(d.Oversample), C.uint8_t(truth(d.SupportsV2))
				e.last_heat, e.total_heat = C.float(d.Heat), C.double(d.Heat)
			}
		}
		unsafe.Slice(entries, len(names))[i] = e
	}
}

//export amp_kpn_session_create_from_blobs
func amp_kpn_session_create_from_blobs(descriptor *C.uint8_t, descriptorLen C.size_t, plan *C.uint8_t, planLen C.size_t, hint C.int, rate C.double, ring, block C.uint32_t) unsafe.Pointer {
	if descriptor == nil || descriptorLen == 0 {
		invalid("a session needs a descriptor blob; there is no demonstration graph here")
		return nil
	}
	r := amp_graph_runtime_create(descriptor, descriptorLen, plan, planLen)
	if r == nil {
		return nil
	}
	h := newStreamer(r, r, nil, 0, hint, rate, ring, block)
	if h == nil {
		amp_graph_runtime_destroy(r)
	}
	return h
}

//export amp_kpn_session_start
func amp_kpn_session_start(p unsafe.Pointer) C.int { return amp_graph_streamer_start(p) }

//export amp_kpn_session_stop
func amp_kpn_session_stop(p unsafe.Pointer) { amp_graph_streamer_stop(p) }

//export amp_kpn_session_destroy
func amp_kpn_session_destroy(p unsafe.Pointer) { amp_graph_streamer_destroy(p) }

//export amp_kpn_session_available
func amp_kpn_session_available(p unsafe.Pointer, frames *C.uint64_t) C.int {
	return amp_graph_streamer_available(p, frames)
}

//export amp_kpn_session_read
func amp_kpn_session_read(p unsafe.Pointer, to *C.double, limit C.size_t, frames, channels *C.uint32_t, sequence *C.uint64_t) C.int {
	return amp_graph_streamer_read(p, to, limit, frames, channels, sequence)
}

//export amp_kpn_session_dump_count
func amp_kpn_session_dump_count(p unsafe.Pointer, count *C.uint32_t) C.int {
	return amp_graph_streamer_dump_count(p, count)
}

//export amp_kpn_session_pop_dump
func amp_kpn_session_pop_dump(p unsafe.Pointer, to *C.double, limit C.size_t, frames, channels *C.uint32_t, sequence *C.uint64_t) C.int {
	return amp_graph_streamer_pop_dump(p, to, limit, frames, channels, sequence)
}

//export amp_kpn_session_status
func amp_kpn_session_status(p unsafe.Pointer, produced, consumed *C.uint64_t) C.int {
	return amp_graph_streamer_status(p, produced, consumed)
}

//export amp_kpn_session_debug_snapshot
func amp_kpn_session_debug_snapshot(p unsafe.Pointer, entries *C.native_node_entry_t, capacity C.uint32_t, out *C.native_snapshot_t) C.int {
	return streaming(p, true, func(s *streamer) C.int {
		snapshot(s.runtime, s, entries, capacity, out)
		return 0
	})
}

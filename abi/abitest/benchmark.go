package abitest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"ampfit/abi"
)

// BenchmarkForward measures the forward kernel that a runtime would use, for 1
// and 4 lanes, held and modulated, in blocks of 1024 frames. It reports ns/frame
// per lane and allocs/op.
func BenchmarkForward(b *testing.B, typ *abi.NodeType, config abi.Config) {
	benchmark(b, typ, config, func(t, _ *trace) func() {
		forward, _ := t.r.kernels()
		return func() { forward(t.block) }
	})
}

// BenchmarkBackward measures the adjoint alone.
func BenchmarkBackward(b *testing.B, typ *abi.NodeType, config abi.Config) {
	if typ.Backward == nil {
		return
	}
	benchmark(b, typ, config, func(t, d *trace) func() {
		forward, backward := t.r.kernels()
		forward(t.block)
		return func() { backward(t.block, d.block) }
	})
}

func benchmark(b *testing.B, typ *abi.NodeType, config abi.Config, kernel func(t, d *trace) func()) {
	const frames, past = 1024, 8192
	if typ.External {
		return
	}
	both := variants(typ, nil)[0].config
	maps.Copy(both, config)
	for _, lanes := range []int{1, 4} {
		for _, modulated := range []bool{false, true} {
			r, err := variant{config: both}.rig(typ, 1, past+frames, lanes, modulated)
			if err != nil {
				b.Fatalf("abitest: %s: %v", typ.Name, err)
			}
			if modulated && !r.any() {
				continue
			}
			how := "held"
			if modulated {
				how = "modulated"
			}
			t, d := r.newTrace(), r.newTrace()
			values := r.draw(rand.New(rand.NewPCG(1, 1)), atDefault)
			forward, _ := r.kernels()
			t.forward(values, []int{past}, forward)
			for l := range t.mem {
				copy(t.mem[l].state, t.states[1][l])
				copy(t.mem[l].before, t.states[1][l])
			}
			t.bindAll(past, frames)
			d.bindAll(past, frames)
			call := kernel(t, d)
			b.Run(fmt.Sprintf("%s/lanes=%d/%s", typ.Name, len(r.who), how), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					call()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames*len(r.who)), "ns/frame")
			})
		}
	}
}

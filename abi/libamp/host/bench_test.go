package host_test

import (
	"fmt"
	"testing"

	"ampfit/abi/libamp/host"
)

// BenchmarkOscillator measures a sine of 256 frames forward and back, at the
// rate and oversampled.
func BenchmarkOscillator(b *testing.B) {
	for _, ratio := range []int{1, 4} {
		for _, way := range []string{"forward", "both"} {
			b.Run(fmt.Sprintf("%s/%dx", way, ratio), func(b *testing.B) {
				record := 0
				if way == "both" {
					record = 1
				}
				node, err := host.NewNode(host.Descriptor{Type: "SineOscillatorNode", Rate: 48000, Oversample: ratio, SupportsV2: true, Record: record})
				if err != nil {
					b.Fatal(err)
				}
				frequency := []host.Buffer{{Name: "frequency", Batches: 1, Channels: 1, Frames: 1, Data: []float64{440}}}
				out := []host.Buffer{{Batches: 1, Channels: 1, Frames: 256, Data: make([]float64, 256)}}
				grad := []host.Buffer{{Name: "frequency", Batches: 1, Channels: 1, Frames: 1, Data: make([]float64, 1)}}
				b.ReportAllocs()
				for b.Loop() {
					if err := node.Forward(frequency, out); err != nil {
						b.Fatal(err)
					}
					if record > 0 {
						if err := node.Backward(out, grad); err != nil {
							b.Fatal(err)
						}
					}
				}
			})
		}
	}
}

// BenchmarkCall measures what a call costs beside its work: a gain of 1 frame.
func BenchmarkCall(b *testing.B) {
	node, err := host.NewNode(host.Descriptor{Type: "GainNode", Rate: 48000, SupportsV2: true})
	if err != nil {
		b.Fatal(err)
	}
	in := []host.Buffer{{Batches: 1, Channels: 1, Frames: 1, Data: []float64{1}}}
	out := []host.Buffer{{Batches: 1, Channels: 1, Frames: 1, Data: make([]float64, 1)}}
	b.ReportAllocs()
	for b.Loop() {
		if err := node.Forward(in, out); err != nil {
			b.Fatal(err)
		}
	}
}

// Package abitest runs one node type on its own, without a graph, and checks
// that it keeps the promises of package abi.
//
// A test of what a node is takes a type, parameters and a sound:
//
//	y := abitest.Run(t, "OnePoleNode", abitest.P{"cutoff_hz": 48}, abitest.Step(256))
//
// The conformance suite needs no numbers; it draws its own:
//
//	for _, typ := range abi.Types() {
//		t.Run(typ.Name, func(t *testing.T) { abitest.Conformance(t, typ) })
//	}
//
// The package binds [abi.Lane] and [abi.Block] itself, over rows that hold the
// whole run with the declared history in front:
//
//	row     [ history: zeros | block | block | … | block ]
//	call              └─────history─────┘└ frames ┘
//
// What a kernel must not read is filled with NaN before every call: scratch
// memory, records and outputs not yet written, the state while a block is
// walked backward. A read of it shows in the result.
package abitest

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"ampfit/abi"
)

// Rate is the sample rate of a run that names none, in Hz.
const Rate = 48000.0

// P holds the parameters of a run by name: a number, a []float64 for a vector,
// or a [PerFrame] for a modulated one. Parameters that are not named keep their
// default. Three keys are no parameters: "config" takes an [abi.Config],
// "sample_rate" a number, and "audio" a map[string]*abi.Audio of the files that
// the configuration may name.
type P map[string]any

// PerFrame is a parameter with one value per frame.
type PerFrame []float64

// Run runs a node over one channel and returns its first output. Each signal
// feeds one input port, in order; a node without inputs takes from the first
// one only the number of frames. Runs of several blocks give the same bits.
func Run(t testing.TB, name string, p P, signals ...[]float64) []float64 {
	t.Helper()
	ports := make([][][]float64, len(signals))
	for i, s := range signals {
		ports[i] = [][]float64{s}
	}
	return RunChannels(t, name, p, ports...)[0][0]
}

// RunChannels runs a node over several channels: ports[i][c] is channel c of
// input port i. The result is indexed by output port and channel.
func RunChannels(t testing.TB, name string, p P, ports ...[][]float64) [][][]float64 {
	t.Helper()
	typ := abi.Lookup(name)
	if typ == nil {
		t.Fatalf("abitest: node type %q is not registered", name)
	}
	if len(ports) == 0 || len(ports[0]) == 0 {
		t.Fatalf("abitest: %s needs a signal, if only for the number of frames", name)
	}
	s := spec{rate: Rate, frames: len(ports[0][0]), batches: 1}
	if err := s.read(p); err != nil {
		t.Fatalf("abitest: %s: %v", name, err)
	}
	for range typ.Inputs {
		s.channels = append(s.channels, len(ports[min(len(s.channels), len(ports)-1)]))
	}
	r, err := newRig(typ, s)
	if err != nil {
		t.Fatalf("abitest: %s: %v", name, err)
	}
	v := r.zeros()
	for l := range v.lanes {
		row := 0
		for port := range r.inRows {
			for c := range r.inRows[port] {
				if !r.set.Coupled {
					c = r.who[l].channel
				}
				if port < len(ports) {
					copy(v.lanes[l].in[row], ports[port][c])
				}
				row++
			}
		}
		for i, par := range r.set.Params {
			copy(v.lanes[l].params[i], par.Start())
			switch x := p[par.Name].(type) {
			case float64:
				v.lanes[l].params[i][0] = x
			case int:
				v.lanes[l].params[i][0] = float64(x)
			case []float64:
				copy(v.lanes[l].params[i], x)
			case PerFrame:
				copy(v.lanes[l].params[i], x)
			}
		}
	}
	for key := range p {
		if !special(key) && !slices.ContainsFunc(r.set.Params, func(q abi.Param) bool { return q.Name == key }) {
			t.Fatalf("abitest: %s has no parameter %q here", name, key)
		}
	}
	tr := r.newTrace()
	forward, _ := r.kernels()
	tr.forward(v, []int{64, 1, 127}, forward)
	outs := tr.outs()
	result := make([][][]float64, len(r.outRows))
	row := 0
	for port, n := range r.outRows {
		if !r.set.Coupled {
			for l := range outs.lanes {
				result[port] = append(result[port], outs.lanes[l].out[row])
			}
			row++
			continue
		}
		for range n {
			result[port] = append(result[port], outs.lanes[0].out[row])
			row++
		}
	}
	return result
}

func special(key string) bool { return key == "config" || key == "sample_rate" || key == "audio" }

// read takes from p what shapes the run.
func (s *spec) read(p P) error {
	s.given, s.lengths, s.varies = map[string]bool{}, map[string]int{}, map[string]bool{}
	for key, v := range p {
		switch x := v.(type) {
		case float64, int:
			if key == "sample_rate" {
				s.rate = number(x)
				continue
			}
			s.given[key], s.lengths[key] = true, 1
		case []float64:
			s.given[key], s.lengths[key] = true, len(x)
		case PerFrame:
			if len(x) != s.frames {
				return fmt.Errorf("%s has %d values per frame for %d frames", key, len(x), s.frames)
			}
			s.given[key], s.varies[key] = true, true
		case abi.Config:
			s.config = maps.Clone(x)
		case map[string]*abi.Audio:
			s.audio = x
		default:
			return fmt.Errorf("%s: %T is neither a number, []float64, PerFrame nor abi.Config", key, v)
		}
	}
	return nil
}

func number(v any) float64 {
	if i, ok := v.(int); ok {
		return float64(i)
	}
	return v.(float64)
}

// Step returns frames ones.
func Step(frames int) []float64 {
	x := make([]float64, frames)
	for n := range x {
		x[n] = 1
	}
	return x
}

// Silence returns frames zeros; for sources it says how long they run.
func Silence(frames int) []float64 { return make([]float64, frames) }

// Impulse returns a one, followed by zeros.
func Impulse(frames int) []float64 {
	x := make([]float64, frames)
	x[0] = 1
	return x
}

// Sine returns a sine of amplitude 1 and the given frequency in cycles per
// frame, starting at phase 0.
func Sine(frames int, cyclesPerFrame float64) []float64 {
	x := make([]float64, frames)
	for n := range x {
		x[n] = math.Sin(2 * math.Pi * cyclesPerFrame * float64(n))
	}
	return x
}

// Noise returns Gaussian noise of RMS 1, the same for the same seed.
func Noise(frames int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	x := make([]float64, frames)
	for n := range x {
		x[n] = rng.NormFloat64()
	}
	return x
}

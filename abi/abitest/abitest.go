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
	return RunBatches(t, name, Batches{P: p, Ports: [][][][]float64{ports}})[0]
}

// Batches describes a run of several batches, call by call, as a host makes it.
type Batches struct {
	P      P
	Ports  [][][][]float64          // inputs by batch, port, channel and frame
	Params map[string][][][]float64 // per-frame parameters by batch, channel and frame, in the place of those in P
	Calls  []int                    // frames of each call, used in turn; absent: some uneven ones
}

// RunBatches returns the outputs by batch, port, channel and frame.
func RunBatches(t testing.TB, name string, run Batches) [][][][]float64 {
	t.Helper()
	typ, p := abi.Lookup(name), run.P
	if typ == nil {
		t.Fatalf("abitest: node type %q is not registered", name)
	}
	if len(run.Ports) == 0 || len(run.Ports[0]) == 0 || len(run.Ports[0][0]) == 0 {
		t.Fatalf("abitest: %s needs a signal, if only for the number of frames", name)
	}
	s := spec{rate: Rate, frames: len(run.Ports[0][0][0]), batches: len(run.Ports)}
	if err := s.read(p); err != nil {
		t.Fatalf("abitest: %s: %v", name, err)
	}
	for key := range run.Params {
		s.given[key], s.varies[key] = true, true
	}
	for i := range typ.Inputs {
		s.channels = append(s.channels, len(run.Ports[0][min(i, len(run.Ports[0])-1)]))
	}
	r, err := newRig(typ, s)
	if err != nil {
		t.Fatalf("abitest: %s: %v", name, err)
	}
	for key := range p {
		if !special(key) && !slices.ContainsFunc(r.set.Params, func(q abi.Param) bool { return q.Name == key }) {
			t.Fatalf("abitest: %s has no parameter %q here", name, key)
		}
	}
	v := r.zeros()
	for l := range v.lanes {
		who := r.who[l]
		ports, row := run.Ports[who.batch], 0
		for port := range r.inRows {
			for c := range r.inRows[port] {
				if !r.set.Coupled {
					c = who.channel
				}
				if port < len(ports) {
					copy(v.lanes[l].in[row], ports[port][c])
				}
				row++
			}
		}
		for i, par := range r.set.Params {
			to := v.lanes[l].params[i]
			copy(to, par.Start())
			switch x := p[par.Name].(type) {
			case float64, int:
				to[0] = number(x)
			case []float64:
				copy(to, x)
			case PerFrame:
				copy(to, x)
			}
			if views := run.Params[par.Name]; views != nil {
				copy(to, views[who.batch][who.channel])
			}
		}
	}
	tr := r.newTrace()
	forward, _ := r.kernels()
	calls := run.Calls
	if calls == nil {
		calls = []int{64, 1, 127}
	}
	tr.forward(v, calls, forward)
	result := make([][][][]float64, s.batches)
	for l, lane := range tr.outs().lanes {
		to := &result[r.who[l].batch]
		if *to == nil {
			*to = make([][][]float64, len(r.outRows))
		}
		row := 0
		for port, n := range r.outRows {
			(*to)[port] = append((*to)[port], lane.out[row:row+n]...)
			row += n
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

// Row returns frames of a function of their number.
func Row(frames int, at func(n int) float64) []float64 {
	x := make([]float64, frames)
	for n := range x {
		x[n] = at(n)
	}
	return x
}

// Step returns frames ones.
func Step(frames int) []float64 {
	return slices.Repeat([]float64{1}, frames)
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
	return Row(frames, func(n int) float64 { return math.Sin(2 * math.Pi * cyclesPerFrame * float64(n)) })
}

// Noise returns Gaussian noise of RMS 1, the same for the same seed.
func Noise(frames int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	return Row(frames, func(int) float64 { return rng.NormFloat64() })
}

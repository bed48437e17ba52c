// Bits writes a hash of what the engine computes for every graph of testdata
// and for random ones: outputs, gradients, products, states after rewinding, for
// schedules, threads and ways of keeping the tape. Two builds that agree on one
// machine write the same lines:
//
//	go run ./internal/tools/bits > before.txt
//	go run ./internal/tools/bits > after.txt && diff before.txt after.txt
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sort"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/graphtest"
	_ "ampfit/nodes"
)

var (
	root   = flag.String("root", ".", "folder of the module")
	count  = flag.Int("random", 300, "random graphs")
	frames = flag.Int("frames", 9000, "frames of the graphs of testdata")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	for _, pattern := range []string{"testdata/graphs/*.json", "testdata/tasks/*.json", "testdata/readme/eq.json"} {
		files, err := filepath.Glob(filepath.Join(*root, pattern))
		if err != nil || len(files) == 0 {
			log.Fatalf("bits: no graphs match %s: %v", pattern, err)
		}
		for _, file := range files {
			g, err := graph.Load(file)
			if err != nil {
				log.Fatal(err)
			}
			o := adjoint.Options{Input: noise(1, *frames, 7), Rate: 44100, Frames: *frames, Options: run.Options{Settings: graph.Settings{Audio: adjoint.ReadAudio}}}
			write(filepath.Base(file), g, o)
		}
	}
	for seed := range uint64(*count) {
		s := graphtest.Random(rand.New(rand.NewPCG(seed, 1)), graphtest.Options{})
		g, err := graph.Parse("", s.JSON())
		if err != nil {
			log.Fatal(err)
		}
		o := adjoint.Options{Input: s.Input, Frames: s.Frames, Batches: s.Batches}
		write(fmt.Sprintf("random-%d", seed), g, o)
	}
}

// noise is seeded and uniform within ±0.5.
func noise(channels, frames int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 2))
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = make([]float64, frames)
		for n := range rows[c] {
			rows[c][n] = rng.Float64() - 0.5
		}
	}
	return rows
}

// write prints a line for each way of running a graph.
func write(name string, g *graph.Graph, o adjoint.Options) {
	third := o.Frames / 3
	ways := []struct {
		name string
		set  func(o *adjoint.Options)
	}{
		{"full", func(*adjoint.Options) {}},
		{"kpn", func(o *adjoint.Options) { way(o, "kpn", 1) }},
		{"ipls-2", func(o *adjoint.Options) { way(o, "ipls", 2) }},
		{"segments", func(o *adjoint.Options) { o.Segment, o.Block = third, 100 }},
		{"segments-heat", func(o *adjoint.Options) {
			o.Segment, o.Block, o.Heat, o.HeatWeights = third, 100, true, map[string]float64{}
			for i, n := range g.Nodes {
				o.HeatWeights[n.Name] = 0.1 * float64(i+1)
			}
		}},
		{"binomial-ipls-2", func(o *adjoint.Options) {
			o.Segment, o.Block, o.TapeMode, o.Slots = third/3+1, 64, "binomial", 2
			way(o, "ipls", 2)
		}},
	}
	for _, w := range ways {
		o := o
		w.set(&o)
		m, err := adjoint.NewModel(g, o)
		if err != nil {
			fmt.Printf("%s %s refused\n", name, w.name) // gates in series
			return
		}
		fmt.Printf("%s %s%s\n", name, w.name, hashes(m, o))
	}
}

// hashes evaluates a model and returns the hashes of what came out.
func hashes(m *adjoint.Model, o adjoint.Options) string {
	weights := noise(1, len(m.Output), 11)[0]
	m.ForwardBackward(func(grad, _ []float64) { copy(grad, weights) })
	text := hash("output", m.Output)
	text += hash("input", m.InputGrad...)
	var grads, states [][]float64
	direction := adjoint.Direction{Params: map[*adjoint.Param][]float64{}}
	nodes := map[string]bool{}
	for i, p := range m.Params {
		grads = append(grads, append([]float64(nil), p.Grad...))
		if p.Spec != nil && !p.Spec.NoGradient {
			v := make([]float64, len(p.Values))
			for k := range v {
				v[k] = 0.01 * float64((i+k)%5-2)
			}
			direction.Params[p] = v
		}
		nodes[p.Node] = true
	}
	for _, node := range sorted(nodes) {
		states = append(states, m.StateGrad(node), m.Heat[node])
	}
	text += hash("params", grads...) + hash("states", states...)
	for _, part := range []int64{1, 2} {
		if err := m.Rewind(part * int64(o.Frames) / 3); err != nil {
			log.Fatal(err)
		}
		text += hash("snapshot", snapshot(m)) + hash("on", m.Continue(40)...)
	}
	if y, err := m.Tangent(direction); err == nil {
		text += hash("tangent", y)
		l := adjoint.LossFunc(func(grad, x []float64) float64 {
			for i, v := range x {
				if grad != nil {
					grad[i] = v + weights[i]
				}
			}
			return 0
		})
		if h := m.HVP(l, direction); h.Approximate == nil {
			text += hash("hvp", h.Values)
		}
	}
	return text
}

func hash(name string, rows ...[]float64) string {
	h := fnv.New64a()
	for _, row := range rows {
		binary.Write(h, binary.LittleEndian, uint64(len(row)))
		for _, v := range row {
			if v == 0 {
				v = 0 // one zero: the sign of an untouched dual tells nothing
			}
			binary.Write(h, binary.LittleEndian, math.Float64bits(v))
		}
	}
	return fmt.Sprintf(" %s %016x", name, h.Sum64())
}

func sorted(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}

// way sets schedule and threads.
func way(o *adjoint.Options, schedule string, threads int) {
	s, err := run.ParseSchedule(schedule)
	if err != nil {
		log.Fatal(err)
		os.Exit(1)
	}
	o.Schedule, o.Threads = s, threads
}

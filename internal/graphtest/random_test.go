package graphtest_test

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/internal/graphtest"
	_ "ampfit/nodes"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

var (
	count = flag.Int("graphs", 0, "random graphs to try; 0 means 300, or 60 with -short")
	first = flag.Uint64("first", 1, "seed of the first random graph")
)

func seeds() (from, to uint64) {
	n := *count
	if n == 0 {
		n = 300
		if testing.Short() {
			n = 60
		}
	}
	return *first, *first + uint64(n)
}

// attempt turns a panic into an error, so that a failing graph can be shrunk.
func attempt(check func(*graphtest.Spec) error, s *graphtest.Spec) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return check(s)
}

// hold fails with the smallest graph it finds for which check fails.
func hold(t *testing.T, seed uint64, s *graphtest.Spec, check func(*graphtest.Spec) error) {
	t.Helper()
	err := attempt(check, s)
	if err == nil {
		return
	}
	small := graphtest.Shrink(s, func(c *graphtest.Spec) bool { return attempt(check, c) != nil })
	t.Fatalf("-first=%d -graphs=1: %v\nshrunk: %v\n%s", seed, err, attempt(check, small), small)
}

// model plans the graph of a spec; nil when gates stand in series, which the
// plan must refuse exactly then.
func model(s *graphtest.Spec, o adjoint.Options) (*adjoint.Model, error) {
	_, series := s.Render()
	g, err := graph.Parse("", s.JSON())
	if err != nil {
		return nil, err
	}
	o.Input, o.Frames, o.Batches = s.Input, s.Frames, s.Batches
	m, err := adjoint.NewModel(g, o)
	if errors.Is(series, graphtest.ErrSeries) {
		if err == nil {
			return nil, errors.New("gates in series were accepted")
		}
		return nil, nil
	}
	return m, err
}

// The engine renders what the plain evaluator does, with the same heat and the
// same number of clamped frames.
func TestRandomGraphsMatchReference(t *testing.T) {
	from, to := seeds()
	series := 0
	for seed := from; seed < to; seed++ {
		s := graphtest.Random(rand.New(rand.NewPCG(seed, 0)), graphtest.Options{})
		hold(t, seed, s, func(s *graphtest.Spec) error {
			want, err := s.Render()
			if err != nil && !errors.Is(err, graphtest.ErrSeries) {
				return err
			}
			m, err := model(s, adjoint.Options{Options: run.Options{KeepLatency: true, Heat: true, Settings: graph.Settings{Block: int(1 + seed%97)}}})
			if m == nil {
				series++
				return err
			}
			m.Forward()
			if err := near(join(want.Output), m.Output, 1e-12); err != nil {
				return err
			}
			if n := m.Run.Clamped(); n != int64(want.Clamped) {
				return fmt.Errorf("%d frames clamped, %d in the reference", n, want.Clamped)
			}
			for node, heat := range want.Heat {
				if err := near(heat, m.Heat[node], 1e-11); err != nil {
					return fmt.Errorf("heat of %s: %w", node, err)
				}
			}
			if late, ok := s.Latency(); ok && late != m.Plan.Latency {
				return fmt.Errorf("the plan is late by %d frames, the longest path by %d", m.Plan.Latency, late)
			}
			return nil
		})
	}
	t.Logf("%d graphs, %d of them refused for gates in series", to-from, series)
	require.Less(t, series, int(to-from)/4+2)
}

// Output bits depend neither on the block nor on segments, schedule and threads,
// and gradients not on the latter; on the block they depend by rounding only.
func TestRandomGraphsBlocksAndSegments(t *testing.T) {
	from, to := seeds()
	for seed := from; seed < to; seed++ {
		s := graphtest.Random(rand.New(rand.NewPCG(seed, 0)), graphtest.Options{})
		hold(t, seed, s, func(s *graphtest.Spec) error {
			var output, grads []float64
			for i, o := range []adjoint.Options{
				{}, {Options: run.Options{Limits: tape.Limits{Segment: 1}}}, {Options: run.Options{Settings: graph.Settings{Block: 100}}}, {Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 1}}}, {Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 230}}},
				{Options: run.Options{Schedule: run.IPLS, Settings: graph.Settings{Block: 100}}}, {Options: run.Options{Schedule: run.IPLS, Threads: 2, Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 100}}}, {Options: run.Options{Schedule: run.KPN, Threads: 2, Settings: graph.Settings{Block: 100}}},
				{Options: run.Options{Settings: graph.Settings{Block: 100}, Limits: tape.Limits{Segment: 100, TapeMode: "binomial", Slots: 2}}},
				{Options: run.Options{Settings: graph.Settings{Block: 1}}}, {Options: run.Options{Settings: graph.Settings{Block: 7}, Limits: tape.Limits{Segment: 20}}},
			} {
				o.Heat, o.CheckReads = true, true
				o.HeatWeights = map[string]float64{s.Output: 0.1}
				m, err := model(s, o)
				if m == nil {
					return err
				}
				m.ForwardBackward(func(grad, y []float64) {
					for n := range grad {
						grad[n] = math.Sin(float64(n))
					}
				})
				var g []float64
				for _, p := range m.Params {
					g = append(g, p.Grad...)
				}
				g = append(g, join(m.InputGrad)...)
				for _, n := range s.Nodes {
					g = append(g, m.StateGrad(n.Name)...)
				}
				if output == nil {
					output = append([]float64(nil), m.Output...)
				}
				if err := same(output, m.Output); err != nil {
					return fmt.Errorf("output with %d frames a block, %d a segment: %w", o.Block, o.Segment, err)
				}
				at := int64(s.Frames+m.Plan.Latency) * int64(i) / 11
				if err := m.Rewind(at); err != nil {
					return err
				}
				rows := m.Continue(s.Frames + m.Plan.Latency - int(at))
				for r, row := range rows {
					skip := max(int64(m.Plan.Latency)-at, 0)
					if err := same(output[(r+1)*s.Frames-len(row)+int(skip):(r+1)*s.Frames], row[skip:]); err != nil {
						return fmt.Errorf("rewound to frame %d with %d frames a block, %d a segment: %w", at, o.Block, o.Segment, err)
					}
				}
				switch {
				case i == 0 || i == 2:
					grads = g
				case o.Block == 1 || o.Block == 7:
					err = near(grads, g, 1e-10)
				default:
					err = same(grads, g)
				}
				if err != nil {
					return fmt.Errorf("gradient with %d frames a block, %d a segment: %w", o.Block, o.Segment, err)
				}
			}
			return nil
		})
	}
}

// Gradients agree with differences.
func TestRandomGraphsGradient(t *testing.T) {
	from, to := seeds()
	for seed := from; seed < to; seed += 4 {
		o := graphtest.Options{MaxFrames: 250, Smooth: seed%8 != 1}
		s := graphtest.Random(rand.New(rand.NewPCG(seed, 1)), o)
		hold(t, seed, s, func(s *graphtest.Spec) error {
			if m, err := model(s, adjoint.Options{}); m == nil {
				return err
			}
			g, err := graph.Parse("", s.JSON())
			if err != nil {
				return err
			}
			r, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: adjoint.Options{Input: s.Input, Frames: s.Frames, Batches: s.Batches, Options: run.Options{Settings: graph.Settings{Block: 64}}}})
			if err != nil {
				return err
			}
			for _, row := range r.Rows {
				// Corners of clamps and clippers have no slope to compare with.
				if !row.OK && !row.Kink && len(r.Unsupported) == 0 && (o.Smooth && r.Clamped == 0) {
					return fmt.Errorf("the gradient is wrong:\n%s", r)
				}
			}
			if o.Smooth && r.Clamped == 0 && r.Dot > 1e-10 {
				return fmt.Errorf("the dot product is wrong:\n%s", r)
			}
			return nil
		})
	}
}

func join(rows [][]float64) []float64 {
	var all []float64
	for _, row := range rows {
		all = append(all, row...)
	}
	return all
}

func same(want, got []float64) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d values, not %d", len(got), len(want))
	}
	for i, w := range want {
		if math.Float64bits(w) != math.Float64bits(got[i]) {
			return fmt.Errorf("value %d is %v, not %v", i, got[i], w)
		}
	}
	return nil
}

// near compares with a tolerance relative to the largest value, or to 1, the
// level of the signals from which a small result may be left over.
func near(want, got []float64, tolerance float64) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d values, not %d", len(got), len(want))
	}
	size := 1.0
	for _, w := range want {
		size = math.Max(size, math.Abs(w))
	}
	for i, w := range want {
		if !(math.Abs(w-got[i]) <= tolerance*size) {
			return fmt.Errorf("value %d is %v, not %v (largest %v)", i, got[i], w, size)
		}
	}
	return nil
}

// The drawing covers what it is meant to cover.
func TestRandomCoversEverything(t *testing.T) {
	seen := map[string]int{}
	for seed := range uint64(300) {
		s := graphtest.Random(rand.New(rand.NewPCG(seed, 0)), graphtest.Options{})
		text := string(s.JSON())
		for _, word := range []string{
			`"oversample_ratio"`, `"declared_delay"`, `"supports_v2"`, `"gather"`, `"synchrony_gates"`, `"multiply"`, `"channel"`, "QuantizerNode",
			"LookaheadNode", "DelayNode", "HardClipNode", "MixNode", "DryWetNode", "TanhNode", "OnePoleNode",
		} {
			if strings.Contains(text, word) {
				seen[word]++
			}
		}
		if _, ok := s.Latency(); !ok {
			seen["loop"]++
		}
		if s.Batches > 1 {
			seen["batches"]++
		}
	}
	t.Log(seen)
	require.Len(t, seen, 17)
	for word, n := range seen {
		require.Greater(t, n, 15, word)
	}
}

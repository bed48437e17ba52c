package adjoint_test

import (
	"fmt"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// counting is a gain of 0.5 with a state that counts its calls.
var counted struct{ forward, backward int }

func init() {
	abi.Register(abi.NodeType{
		Name: "CountingTestNode", Doc: "Half the input, y = x/2.", Inputs: []string{"in"}, Outputs: []string{"out"}, State: 1,
		Forward: func(b *abi.Block) {
			counted.forward++
			for n, x := range b.In(0, 0) {
				b.Out(0, 0)[n] = x / 2
			}
			b.State(0)[0]++
		},
		Backward: func(_, d *abi.Block) {
			counted.backward++
			for n, g := range d.Out(0, 0) {
				d.In(0, 0)[n] += g / 2
			}
		},
	})
}

// The kernels of a real graph are called as often as the schedule of the tape
// says: once forward for each block of a segment that it advances or records,
// once backward for each block, and with binomial checkpoints as often as
// Griewank and Walther's formula has it.
func TestKernelCallsEqualThePlan(t *testing.T) {
	const length, block = 1024, 256
	for _, loop := range []bool{false, true} {
		edges := `{"source": "dry", "target": "a"}, {"source": "a", "target": "out"}`
		if loop {
			edges += `, {"source": "a", "target": "a", "delay_frames": 300}`
		}
		g := load(t, `{"sample_rate": 48000, "nodes": [{"name": "dry", "type": "InputNode"},
			{"name": "a", "type": "CountingTestNode", "gather": "sum"}, {"name": "out", "type": "OnePoleNode"}], "edges": [`+edges+`], "output": "out"}`)
		for _, tc := range []struct {
			mode            string
			segments, slots int
			rendered        int // segments, all passes
		}{
			{"full", 1, 0, 1},
			{"segments", 7, 0, 7 + 6},
			{"binomial", 30, 30, 30 + 29},
			// r is the least with C(slots+r, r) ≥ n; r·n − C(slots+r, slots+1) advances, and n recordings.
			{"binomial", 30, 5, 3*30 - 28 + 30},
			{"binomial", 10, 3, 2*10 - 5 + 10},
			{"binomial", 10, 1, 45 + 10},
		} {
			t.Run(fmt.Sprint(tc.mode, tc.segments, tc.slots, loop), func(t *testing.T) {
				o := adjoint.Options{Input: noise(1, 1, length*tc.segments), Options: run.Options{Schedule: run.KPN, Settings: graph.Settings{Block: block}, Limits: tape.Limits{TapeMode: tc.mode, Segment: length, Slots: tc.slots}}}
				if tc.mode == "full" {
					o.Segment = 0
				}
				m, err := adjoint.NewModel(g, o)
				require.NoError(t, err)
				require.Equal(t, tc.segments, m.Tape.Segments)
				counted.forward, counted.backward = 0, 0
				m.ForwardBackward(func(grad, y []float64) { copy(grad, y) })
				perSegment := length / block
				require.Equal(t, tc.rendered*perSegment, counted.forward)
				require.Equal(t, tc.segments*perSegment, counted.backward)
				require.InDelta(t, m.Tape.Extra, float64(counted.forward)/float64(counted.backward)-1, 1e-12, "what the plan announces")
			})
		}
	}
	// The list of actions says the same.
	s := tape.Binomial(30, 5)
	renders := 0
	for _, a := range s.Actions {
		if a.Kind == tape.Advance || a.Kind == tape.Record {
			renders++
		}
	}
	require.Equal(t, 3*30-28+30, renders)
}

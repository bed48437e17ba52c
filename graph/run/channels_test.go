package run_test

import (
	"testing"

	"ampfit/graph"
	"ampfit/graph/run"

	"github.com/stretchr/testify/require"
)

var (
	left  = []float64{1, 2, 3, 4}
	right = []float64{10, 20, 30, 40}
)

func TestConcatenation(t *testing.T) {
	// Both channels of the input and, of the first, the second once more.
	y := render(t, dry+","+gain+`,{"name": "out", "type": "GainNode"}`,
		edge("dry", "a", 0)+","+edge("a", "out", 0)+`,{"source": "a", "target": "out", "channel": 1, "delay_frames": 1}`, left, right)
	require.Equal(t, [][]float64{left, right, delayed(right, 1)}, y)
}

func TestSumSpreadsMono(t *testing.T) {
	y := render(t, dry+`,{"name": "one", "type": "ConstantNode", "params": {"value": 100}},{"name": "out", "type": "GainNode", "gather": "sum"}`,
		edge("one", "out", 0)+","+edge("dry", "out", 0)+`,{"source": "dry", "target": "out", "channel": 0}`, left, right)
	require.Equal(t, [][]float64{{102, 104, 106, 108}, {111, 122, 133, 144}}, y)
}

func TestMonoFeedsManyAtTheOtherInput(t *testing.T) {
	y := render(t, dry+`,{"name": "one", "type": "ConstantNode", "params": {"value": 100}},{"name": "out", "type": "DryWetNode", "params": {"mix": 0.5}}`,
		edge("dry", "out", 0)+`,{"source": "one", "target": "out.wet"}`, left, right)
	require.Equal(t, [][]float64{{50.5, 51, 51.5, 52}, {55, 60, 65, 70}}, y)
}

func TestUnconnectedInputIsSilence(t *testing.T) {
	y := render(t, dry+`,{"name": "out", "type": "DryWetNode", "params": {"mix": 0.25}}`, edge("dry", "out", 0), left, right)
	require.Equal(t, [][]float64{{0.75, 1.5, 2.25, 3}, {7.5, 15, 22.5, 30}}, y)
	require.Equal(t, [][]float64{{0, 0, 0, 0}}, render(t, gain, "", left))
}

func TestModulatorChannels(t *testing.T) {
	vca := `{"name": "vca", "type": "GainNode", "params": {"gain": 0}}`
	three := `{"name": "x", "type": "ConstantNode", "config": {"channels": 3}, "params": {"value": 1}}`
	// Channel c drives channel c, the last one if there are fewer.
	y := render(t, dry+","+three+","+vca, edge("x", "vca", 0)+`,{"source": "dry", "target": "vca.gain"}`, left, right)
	require.Equal(t, [][]float64{left, right, right}, y)
	// channel picks one.
	y = render(t, dry+","+three+","+vca, edge("x", "vca", 0)+`,{"source": "dry", "target": "vca.gain", "channel": 0}`, left, right)
	require.Equal(t, [][]float64{left, left, left}, y)
}

func TestChannelsFollowALoop(t *testing.T) {
	sum := `{"name": "sum", "type": "GainNode", "gather": "sum"},{"name": "back", "type": "GainNode", "params": {"gain": 0.5}},{"name": "out", "type": "GainNode"}`
	loop := edge("sum", "back", 0) + "," + edge("back", "sum", 1) + "," + edge("sum", "out", 0)
	p := plan(t, dry+","+sum, edge("dry", "sum", 0)+","+loop, graph.Options{Channels: 3})
	require.Equal(t, 3, p.Output.Channels)
	// A loop that nothing feeds has one.
	p = plan(t, sum, loop, graph.Options{})
	require.Equal(t, 1, p.Output.Channels)
}

func TestChannelsThatDependOnThemselves(t *testing.T) {
	_, err := tryPlan(dry+`,{"name": "a", "type": "GainNode"},{"name": "back", "type": "GainNode"},{"name": "out", "type": "GainNode"}`,
		edge("dry", "a", 0)+","+edge("a", "back", 0)+","+edge("back", "a", 1)+","+edge("a", "out", 0), graph.Options{})
	require.ErrorContains(t, err, `the channels of a.in depend on themselves: each turn of the loop concatenates one more; add "gather": "sum" to a, or a MixNode in the loop`)
	plan(t, dry+`,{"name": "a", "type": "GainNode"},{"name": "back", "type": "MixNode"},{"name": "out", "type": "GainNode"}`,
		edge("dry", "a", 0)+","+edge("a", "back", 0)+","+edge("back", "a", 1)+","+edge("a", "out", 0), graph.Options{})
}

func TestChannelMismatchNamesBothEnds(t *testing.T) {
	three := `{"name": "x", "type": "ConstantNode", "config": {"channels": 3}}`
	_, err := tryPlan(dry+","+three+`,{"name": "out", "type": "DryWetNode"}`, edge("dry", "out", 0)+`,{"source": "x", "target": "out.wet"}`, graph.Options{Channels: 2})
	require.ErrorContains(t, err, "edges[0]: dry brings 2 channels to out.dry, but out works on 3 channels at its other input; use a MixNode or MatrixNode to bring them together")
	_, err = tryPlan(dry+","+three+`,{"name": "out", "type": "GainNode", "gather": "sum"}`, edge("dry", "out", 0)+","+edge("x", "out", 0), graph.Options{Channels: 2})
	require.ErrorContains(t, err, "edges[0]: dry has 2 channels and cannot be summed with the 3 channels at out.in")
}

func TestMixNodeSumsWhatIsConcatenated(t *testing.T) {
	y := render(t, dry+`,{"name": "out", "type": "MixNode", "params": {"gains": [1, 2, 3]}}`, edge("dry", "out", 0)+`,{"source": "dry", "target": "out", "channel": 0}`, left, right)
	require.Equal(t, [][]float64{{24, 48, 72, 96}}, y)
	_, err := tryPlan(dry+`,{"name": "out", "type": "MixNode", "params": {"gains": [1, 2, 3]}}`, edge("dry", "out", 0), graph.Options{Channels: 2})
	require.ErrorContains(t, err, "gains of out has 3 values here and needs 2")
}

// A value of each batch, for scalars and for vectors.
func TestValuesPerBatch(t *testing.T) {
	nodes := dry + `,{"name": "a", "type": "GainNode", "params": {"gain": [2, 3]}},{"name": "out", "type": "MixNode", "params": {"gains": [1, 0, 0, 1]}}`
	p := plan(t, nodes, edge("dry", "a", 0)+","+edge("a", "out", 0), graph.Options{Frames: 4, Channels: 2, Batches: 2})
	r := run.New(p, run.Options{})
	r.Input = [][]float64{left, right}
	require.Equal(t, [][]float64{{2, 4, 6, 8}, {30, 60, 90, 120}}, r.Render(false))
}

// A dry signal of one channel plays on all channels that the node asks for.
func TestInputChannels(t *testing.T) {
	y := render(t, `{"name": "dry", "type": "InputNode", "config": {"channels": 2}}`, "", left)
	require.Equal(t, [][]float64{left, left}, y)
	y = render(t, dry, "", left[:2], right)
	require.Equal(t, [][]float64{{1, 2}, {10, 20}}, y, "the run is as long as the first channel")
}

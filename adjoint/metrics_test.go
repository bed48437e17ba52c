package adjoint_test

import (
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"

	"github.com/stretchr/testify/require"
)

// The adjoint energy of a node is the sum of the squares of the gradient by its
// output, the heat over time ends at the heat, and a second evaluation does not
// add to either.
func TestMetricsOverTime(t *testing.T) {
	g := load(t, `{"sample_rate": 1000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "half", "type": "GainNode", "params": {"gain": 0.5}}],
		"edges": [{"source": "dry", "target": "half"}]}`)
	input := noise(4, 1, 950)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: input, Options: run.Options{Heat: true, Settings: graph.Settings{Block: 100}}})
	require.NoError(t, err)
	m.Run.ProfileEvery(0.1)
	for range 2 {
		m.ForwardBackward(func(grad, y []float64) { copy(grad, y) })
	}
	metrics := m.Run.Metrics()
	require.Equal(t, "half", metrics[1].Name)
	require.Len(t, metrics[1].AdjointEnergy, 10)
	for i, e := range metrics[1].AdjointEnergy {
		want := 0.0
		for _, x := range input[0][100*i : min(100*i+100, 950)] {
			want += x * x / 4
		}
		require.InDelta(t, want/0.1, e, 1e-9)
		require.InDelta(t, e/4, metrics[0].AdjointEnergy[i], 1e-9, "half of it goes on")
	}
	require.InDelta(t, m.Heat["half"][0], metrics[1].HeatAt[9], 1e-15)
	require.InDelta(t, metrics[1].Heat, metrics[1].HeatAt[9], 1e-15)
	for i := 1; i < 10; i++ {
		require.Greater(t, metrics[1].HeatAt[i], metrics[1].HeatAt[i-1])
	}
}

// Where an interval is shorter than a block, the heat so far never falls.
func TestHeatOverTimeNeverFalls(t *testing.T) {
	g := load(t, `{"sample_rate": 1000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "half", "type": "GainNode", "params": {"gain": 0.5}}],
		"edges": [{"source": "dry", "target": "half"}]}`)
	m, err := adjoint.NewModel(g, adjoint.Options{Input: noise(4, 1, 950), Options: run.Options{Heat: true, Settings: graph.Settings{Block: 100}}})
	require.NoError(t, err)
	m.Run.ProfileEvery(0.03)
	for range 2 {
		m.ForwardBackward(func(grad, y []float64) { copy(grad, y) })
	}
	at := m.Run.Metrics()[1].HeatAt
	require.Len(t, at, 31)
	require.Positive(t, at[0])
	require.IsNonDecreasing(t, at)
	require.InDelta(t, m.Heat["half"][0], at[30], 1e-15)
}

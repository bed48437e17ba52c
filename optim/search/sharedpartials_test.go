package search

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
	"ampfit/optim/method"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

// The pairs of oscillators that may modulate each other grow with the square of
// their number; a search that has used up its evaluations tries no more of them.
func TestSharedPartialsEndWithTheBudget(t *testing.T) {
	var nodes, edges []string
	for i := range 12 {
		nodes = append(nodes, fmt.Sprintf(`{"name": "o%d", "type": "SineOscillatorNode", "params": {"frequency": {"value": %d, "learn": true}, "amplitude": 0.05}}`, i, 200+37*i))
		edges = append(edges, fmt.Sprintf(`{"source": "o%d", "target": "out"}`, i))
	}
	nodes = append(nodes, `{"name": "out", "type": "GainNode", "gather": "sum"}`)
	g, err := graph.Parse("", []byte(fmt.Sprintf(`{"nodes": [%s], "edges": [%s], "output": "out"}`, strings.Join(nodes, ","), strings.Join(edges, ","))))
	require.NoError(t, err)
	o, err := problem.New(g, problem.Options{Target: [][]float64{hissOf(3000)}, Run: adjoint.Options{Rate: 16000}})
	require.NoError(t, err)
	x := o.Start()
	s := New(o, false).newState(x, o.Evaluate(nil, x), method.Settings{})
	all, err := withSharedPartials(context.Background(), s)
	require.NoError(t, err)
	require.Greater(t, len(all), 12*8)
	const left = 5
	o.Calls = 4*Budget(o) - left
	some, err := withSharedPartials(context.Background(), s)
	require.NoError(t, err)
	require.Equal(t, all[:left+1], some)
}

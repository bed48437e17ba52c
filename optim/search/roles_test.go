package search

import (
	"fmt"
	"testing"

	"ampfit/abi"
	"ampfit/adjoint"
	"ampfit/graph"
	_ "ampfit/nodes"
	"ampfit/optim/problem"

	"github.com/stretchr/testify/require"
)

// stranger registers a node type under another name, its parameters as well, and
// returns the problem of a graph of it alone, with a dry signal where it has an
// input.
func stranger(t *testing.T, of string) *problem.Problem {
	t.Helper()
	nt := *abi.Lookup(of)
	nt.Name, nt.Aliases = "Strange"+of, nil
	nt.Params = append([]abi.Param(nil), nt.Params...)
	for i := range nt.Params {
		nt.Params[i].Name = fmt.Sprintf("p%d", i)
	}
	if configure := nt.Configure; configure != nil { // it knows its parameters by their own names
		strange, own := map[string]string{}, map[string]string{}
		for i, p := range abi.Lookup(of).Params {
			strange[p.Name], own[nt.Params[i].Name] = nt.Params[i].Name, p.Name
		}
		nt.Configure = func(s *abi.Setup) error {
			for i := range s.Params {
				s.Params[i].Name = own[s.Params[i].Name]
			}
			err := configure(s)
			for i := range s.Params {
				s.Params[i].Name = strange[s.Params[i].Name]
			}
			return err
		}
	}
	abi.Register(nt)
	nodes, edges := `{"name": "x", "type": "`+nt.Name+`"}`, ""
	o := problem.Options{Target: [][]float64{hissOf(4000)}, Run: adjoint.Options{Rate: 16000}}
	if len(nt.Inputs) > 0 {
		nodes, edges = `{"name": "dry", "type": "InputNode"}, `+nodes, `{"source": "dry", "target": "x"}`
		o.Run.Input = [][]float64{hissOf(4000)}
	}
	g, err := graph.Parse("", []byte(`{"nodes": [`+nodes+`], "edges": [`+edges+`]}`))
	require.NoError(t, err)
	p, err := problem.New(g, o)
	require.NoError(t, err)
	return p
}

// A type that nobody has heard of is found by its roles: what a C library
// declares is as good as what is built in.
func TestStrangersAreFound(t *testing.T) {
	require.Len(t, tones(stranger(t, "SineOscillatorNode")), 1)
	require.Len(t, rateVariables(stranger(t, "TremoloNode")), 1)
	chorus := movements(stranger(t, "ChorusNode"))
	require.Len(t, chorus, 1)
	require.NotNil(t, chorus[0].depth, "it moves")
	phaser := movements(stranger(t, "PhaserNode"))
	require.Len(t, phaser, 1)
	require.True(t, phaser[0].octaves)
	require.True(t, reverberates(stranger(t, "NoiseReverbNode")))
	require.GreaterOrEqual(t, levelVariable(stranger(t, "GainNode")), 0)
	require.Equal(t, -1, levelVariable(stranger(t, "PeakingEQNode")), "the gain of a band is no level")
}

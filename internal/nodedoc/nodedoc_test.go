package nodedoc

import (
	"encoding/json"
	"strings"
	"testing"

	"ampfit/abi"

	"github.com/stretchr/testify/require"
)

func TestWrapKeepsEveryWord(t *testing.T) {
	text := strings.Repeat("y[n] = x[n] − x[n−1], ", 30) + strings.Repeat("w", 130) + " end\n  kept as it is"
	out := wrap(text)
	require.Equal(t, strings.Fields(text), strings.Fields(out))
	for _, line := range strings.Split(out, "\n") {
		require.True(t, len([]rune(line)) <= 100 || !strings.Contains(line, " "), line)
	}
	require.True(t, strings.HasSuffix(out, "\n  kept as it is"))
	require.Empty(t, wrap(""))
}

// A type whose ports depend on what the graph says is documented as it stands,
// and its snippet has the ports of the snippet.
func TestPortsFollowTheExample(t *testing.T) {
	typ := &abi.NodeType{
		Name: "X", Inputs: []string{"in"}, Outputs: []string{"out"}, Example: `"params": {"freq": 220}, "config": {"taps": [1, 2]}`,
		Params: []abi.Param{{Name: "freq", Max: 1000}},
		Config: []abi.Key{{Name: "taps", Kind: abi.Numbers}},
		Configure: func(s *abi.Setup) error {
			if s.Given("freq") {
				require.Equal(t, []float64{1, 2}, s.Config.Numbers("taps"))
				s.Inputs = nil
			}
			return nil
		},
	}
	require.Contains(t, Text(typ), "inputs: in ")
	require.NotContains(t, Snippet(typ), "edges")
}

// Every form of the documentation says what a parameter is.
func TestRolesAreShown(t *testing.T) {
	typ := &abi.NodeType{
		Name: "X", Outputs: []string{"out"},
		Params: []abi.Param{{Name: "tune_hz", Role: abi.Pitch, Max: 1000}, {Name: "p", Max: 1}},
	}
	require.Regexp(t, `(?m)^  tune_hz +pitch `, Text(typ))
	require.Contains(t, Markdown([]*abi.NodeType{typ}), "| tune_hz | pitch |")
	var list []struct{ Params []struct{ Name, Role string } }
	text, err := JSON([]*abi.NodeType{typ})
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &list))
	require.Equal(t, []struct{ Name, Role string }{{"tune_hz", "pitch"}, {"p", ""}}, list[0].Params)
}

func TestEveryRoleIsExplained(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(Roles()), "\n")
	require.Len(t, lines, len(abi.Roles()))
	for i, name := range abi.Roles() {
		require.Regexp(t, `^`+name+` +[^ ]`, lines[i])
	}
}

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The plan of a search says what each stage has to do with a graph, before
// anything is rendered: of a tremolo its rate, of a source without a dry signal
// its pitch.
func TestGraphPlansTheSearch(t *testing.T) {
	dir := t.TempDir()
	plan := func(text string) string {
		path := filepath.Join(dir, "g.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		return ok(t, "graph", "--plan", path).out
	}
	effect := `{"name": "dry", "type": "InputNode"}, {"name": "t", "type": "TremoloNode"}], "edges": [{"source": "dry", "target": "t"}]}`
	out := plan(`{"nodes": [` + effect)
	require.Regexp(t, `(?m)^the search of auto for esr$`, out)
	require.Regexp(t, `(?m)^rates +runs +1 rate learned$`, out)
	require.Regexp(t, `(?m)^delays and moving corners +– +no delay or moving corner is learned$`, out)
	require.Regexp(t, `(?m)^spectra in place of the waveform +runs +where the error stays above 0.5`, out)
	require.Regexp(t, `(?m)^plain descent +runs +the graph is an effect$`, out)

	out = plan(`{"loss": "mse", "nodes": [` + effect)
	require.Regexp(t, `(?m)^the search of auto for mse$`, out)
	require.Regexp(t, `(?m)^spectra in place of the waveform +– +the loss was asked for$`, out)
	require.NotContains(t, out, "plain descent")

	out = plan(`{"nodes": [{"name": "o", "type": "SineOscillatorNode"}]}`)
	require.Contains(t, out, "the search of auto for mrstft(")
	require.Regexp(t, `(?m)^pitches +runs +1 pitch learned$`, out)
	require.Regexp(t, `(?m)^plain descent +– +there is no dry signal$`, out)
	require.NotContains(t, out, "delays and moving corners")
}

package cnode_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/abi"
	"ampfit/adjoint"
)

// The names of a library's parameters are its own; what they are it says by
// their roles.
func TestLibraryDeclaresRoles(t *testing.T) { eachWay(t, libraryDeclaresRoles) }

func libraryDeclaresRoles(t *testing.T) {
	dir := build(t, "../../testdata/cnode/amp_osc.c", "testdata/mute.c")
	g, err := parse(t, dir, oscillator)
	require.NoError(t, err)
	osc := g.Nodes[0].Type
	require.Equal(t, "tune_hz", osc.Param(abi.Pitch).Name)
	require.Equal(t, "loud", osc.Param(abi.Level).Name)
	require.Nil(t, osc.Wave)

	g, err = parse(t, dir, strings.Replace(odd("mute.so", "Moves", "{}"), `"supports_v2": true, `, "", 1))
	require.NoError(t, err)
	moves := g.Node("odd").Type
	require.Equal(t, "how_often", moves.Param(abi.Rate).Name)
	require.Equal(t, "p", moves.Param(abi.NoRole).Name, "a role may be left out")
	shape := moves.Wave(nil)
	for phase, want := range map[float64]float64{0: 1, 0.25: 0, 0.5: -1, 1.75: 0} {
		require.InDelta(t, want, shape(phase), 1e-15, "phase %g", phase)
	}
}

const oscillator = `{"nodes": [{"name": "osc", "type": "COsc", "library": "amp_osc.so", "supports_v2": true, "params": {
  "tune_hz": {"value": 333, "learn": true}, "loud": {"value": 0.7, "learn": true}}}]}`

func TestLibraryWithoutInputs(t *testing.T) { eachWay(t, libraryWithoutInputs) }

func libraryWithoutInputs(t *testing.T) {
	dir := build(t, "../../testdata/cnode/amp_osc.c")
	g, err := parse(t, dir, oscillator)
	require.NoError(t, err)
	o := adjoint.Options{Rate: 48000, Frames: 3000}
	for n, y := range render(t, g, o) {
		require.InDelta(t, 0.7*math.Sin(2*math.Pi*333*float64(n)/48000), y, 1e-11) // phases add up 3000 times
	}
	report, err := adjoint.CheckGraph(g, adjoint.CheckOptions{Options: o})
	require.NoError(t, err)
	require.True(t, report.OK, "%+v", report)
	require.Empty(t, report.Unsupported)
}

package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	require.Regexp(t, `^ampfit .*go1\.\d+.*\n$`, ok(t, "--version").out)
	for want, info := range map[string]*debug.BuildInfo{
		"(devel), go1.25": {GoVersion: "go1.25"},
		"v0.1.0, commit 0123456789ab of 2026-11-26 with changes, go1.25": {
			GoVersion: "go1.25", Main: debug.Module{Version: "v0.1.0"},
			Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.time", Value: "2026-11-26T12:00:00Z"}, {Key: "vcs.modified", Value: "true"}},
		},
	} {
		require.Equal(t, want, describeBuild(info))
	}
}

// check and graph took --profile and printed nothing.
func TestProfileOfCheckAndGraph(t *testing.T) {
	dir := toneTask(t)
	graph := write(t, dir, "warm.json", `{"sample_rate": 16000, "nodes": [{"name": "dry", "type": "InputNode"}, {"name": "tone", "type": "OnePoleNode"}], "edges": [{"source": "dry", "target": "tone"}]}`)
	const row = `(?m)^tone +OnePoleNode +[0-9.]+ ms +[0-9.]+ ms .* J`
	r := ok(t, "check", graph, "--profile")
	require.Regexp(t, row, r.errout)
	require.NotRegexp(t, row, r.out)
	require.Empty(t, ok(t, "check", graph).errout)
	require.Regexp(t, row, ok(t, "graph", graph, "--profile", "-i", dir+"/dry.wav").out)
	require.NotRegexp(t, row, ok(t, "graph", graph).out)
}

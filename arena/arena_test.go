package arena_test

import (
	"testing"

	"ampfit/arena"

	"github.com/stretchr/testify/require"
)

func TestOffsetsAreCacheLines(t *testing.T) {
	var l arena.Layout
	for _, tc := range []struct{ take, at, size int }{{1, 0, 8}, {8, 8, 16}, {9, 16, 32}, {0, 32, 32}, {3, 32, 40}} {
		require.Equal(t, tc.at, l.Take(tc.take))
		require.Equal(t, tc.size, l.Size())
	}
}

// An arena keeps what it holds, doubles when pressed and never shrinks.
func TestArenaGrowsByDoubling(t *testing.T) {
	var p arena.Pair
	p.Reserve(100, 0)
	require.Len(t, p.Primal, 100)
	require.Empty(t, p.Dual)
	p.Primal[99] = 7
	p.Reserve(101, 10)
	require.Len(t, p.Primal, 200)
	require.Len(t, p.Dual, 10)
	require.Equal(t, 7.0, p.Primal[99])
	before := &p.Primal[0]
	p.Reserve(200, 10)
	p.Reserve(5, 1)
	require.Same(t, before, &p.Primal[0], "there was room")
	p.Reserve(1000, 10)
	require.Len(t, p.Primal, 1000, "more than twice as much at once")
	require.Equal(t, 7.0, p.Primal[99])
}

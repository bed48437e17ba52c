package arena_test

import (
	"testing"

	"ampfit/arena"

	"github.com/stretchr/testify/require"
)

func TestOffsetsAreCacheLines(t *testing.T) {
	l := arena.NewLayout(0)
	for _, tc := range []struct{ take, size int }{{1, 8}, {8, 16}, {9, 32}, {0, 32}, {3, 40}} {
		require.Equal(t, tc.take, l.Take(tc.take).Len())
		require.Equal(t, tc.size, l.Duals())
	}
}

func cells(n int) *arena.Layout {
	l := arena.NewLayout(0)
	l.Take(n)
	l.EndHead()
	l.EndStates()
	l.EndValues()
	return l
}

// A region doubles when pressed, never shrinks, and begins with zeros.
func TestRegionGrowsByDoubling(t *testing.T) {
	var m arena.Region
	m.Lay(cells(96), false)
	require.Equal(t, 96, m.Len())
	m.Head()[95] = 7
	m.Lay(cells(104), false)
	require.Equal(t, 192, m.Len())
	require.Zero(t, m.Head()[95])
	before := &m.Head()[0]
	m.Lay(cells(192), false)
	m.Lay(cells(8), false)
	require.Same(t, before, &m.Head()[0], "there was room")
	m.Lay(cells(1000), false)
	require.Equal(t, 1000, m.Len(), "more than twice as much at once")
}

// run is a layout of a parameter, two states and a row of two frames' history in
// segments of four graph frames at twice the rate.
func run() (l *arena.Layout, states arena.Cells, row, mirror arena.Row) {
	l = arena.NewLayout(4)
	l.Take(1)
	l.EndHead()
	states = l.Take(2)
	l.EndStates()
	row = l.Row(2, 2)
	l.EndValues()
	return l, states, row, l.Mirror(row)
}

// What readers still see of a segment comes in front of the next one, and a
// snapshot holds just that and the states.
func TestHistoryMovesInFront(t *testing.T) {
	l, states, row, _ := run()
	var m arena.Region
	m.Lay(l, false)
	copy(m.Cells(states), []float64{5, 6})
	copy(m.Frames(row, 0, 3), []float64{1, 2, 3, 4, 7, 8})
	var s arena.Snapshot
	m.Save(&s, 3)
	require.Equal(t, []float64{5, 6, 0, 0, 0, 0, 0, 0, 7, 8}, s.Data, "states of a cache line, then the history")
	m.Shift(3)
	require.Equal(t, []float64{7, 8}, m.Frames(row, -1, 1))
	require.Equal(t, []float64{8, 1}, m.Early(row, 0, 1, 1))
	w := m.Window(row, 1, 0)
	require.Equal(t, []float64{7, 8, 1, 2}, m.Open(&w, 0, 2), "read a frame late")

	m.Restart()
	require.Equal(t, []float64{0, 0}, m.Frames(row, -1, 1))
	require.Equal(t, []float64{0, 0}, m.Cells(states))
	m.Load(&s, 0)
	require.Equal(t, []float64{7, 8}, m.Frames(row, -1, 1))
	require.Equal(t, []float64{5, 6}, m.Cells(states))
}

// Gradients that readers leave in front of a segment belong to the end of the
// one before; the rest is zero when its first reader comes by.
func TestGradientsMoveBack(t *testing.T) {
	l, states, row, mirror := run()
	var m arena.Region
	m.Lay(l, true)
	copy(m.Cells(states), []float64{5, 6})
	for _, r := range []arena.Row{row, mirror} {
		copy(m.Frames(r, -1, 5), []float64{9, 9, 9, 9, 9, 9, 9, 9, 9, 9})
	}
	m.BeginBack(4)
	require.Equal(t, []float64{0, 0}, m.Cells(states))
	m.OpenBack(2)
	require.Equal(t, []float64{9, 9, 0, 0, 0, 0, 0, 0}, m.Frames(row, 0, 4), "open from frame 2 less the history on")
	m.OpenBack(0)
	require.Equal(t, []float64{0, 0}, m.Frames(row, -1, 1))
	copy(m.Frames(mirror, -1, 1), []float64{3, 4})
	m.ShiftBack(2)
	require.Equal(t, []float64{3, 4}, m.Frames(mirror, 1, 1))
	require.Equal(t, []float64{0, 0}, m.Frames(row, 1, 1))
}

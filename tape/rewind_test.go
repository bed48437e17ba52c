package tape_test

import (
	"testing"

	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

func TestRewindTakesTheLatestSnapshot(t *testing.T) {
	var h tape.Held
	require.Equal(t, []tape.Action{{tape.Load, 0, tape.Start}, {Kind: tape.Advance}, {Kind: tape.Advance, Segment: 1}}, h.Rewind(2))
	h.Save(0, 0)
	h.Save(5, 1)
	h.Save(3, 2)
	h.Save(4, 1) // in place of 5
	require.Equal(t, []tape.Action{{tape.Load, 0, 0}, {Kind: tape.Advance}, {Kind: tape.Advance, Segment: 1}}, h.Rewind(2))
	require.Equal(t, []tape.Action{{tape.Load, 3, 2}}, h.Rewind(3))
	require.Equal(t, []tape.Action{{tape.Load, 4, 1}, {Kind: tape.Advance, Segment: 4}, {Kind: tape.Advance, Segment: 5}}, h.Rewind(6))
	h.Forget()
	require.Equal(t, []tape.Action{{tape.Load, 0, tape.Start}}, h.Rewind(0))
}

// The actions bring a system there, whatever a schedule left in its slots.
func TestRewindAfterASchedule(t *testing.T) {
	const n = 40
	var h tape.Held
	s := newToy(t, n)
	schedule := tape.Binomial(n, 4)
	for _, a := range schedule.Actions {
		if a.Kind == tape.Turn {
			break
		}
		if a.Kind == tape.Save {
			h.Save(a.Segment, a.Slot)
		}
		require.NoError(t, (&tape.Schedule{Actions: []tape.Action{a}}).Run(s))
	}
	s.slots[tape.Start] = 0
	for _, k := range []int{n, 0, 13, n - 1, 20} {
		require.NoError(t, (&tape.Schedule{Actions: h.Rewind(k)}).Run(s))
		require.Equal(t, k, s.at)
	}
}

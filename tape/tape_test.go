package tape_test

import (
	"testing"

	"ampfit/arena"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// stepper counts what it takes to come to a segment.
type stepper struct {
	at, advances int
	loads        []int // segments gone back to; -1 is the start of the run
	reversed     []int
}

func (s *stepper) Advance(int)                { s.at++; s.advances++ }
func (s *stepper) Save(p *arena.Snapshot)     { p.Data = append(p.Data, float64(s.at)) }
func (s *stepper) Reverse(k int)              { s.reversed = append(s.reversed, k) }
func (s *stepper) rewind(t *tape.Tape, k int) { s.advances, s.loads = 0, nil; t.Rewind(s, k) }
func (s *stepper) Load(p *arena.Snapshot) {
	if s.at = 0; p == nil {
		s.loads = append(s.loads, -1)
		return
	}
	s.at = int(p.Data[0])
	s.loads = append(s.loads, s.at)
}

// Whatever a schedule leaves in its slots, the latest snapshot at or before a
// segment leads there, or the start of the run.
func TestRewindTakesTheLatestSnapshot(t *testing.T) {
	const n = 40
	for _, schedule := range []*tape.Schedule{tape.Full(), tape.InSegments(n), tape.Binomial(n, 4)} {
		var held []int
		for _, a := range schedule.Actions {
			if a.Kind == tape.Turn {
				break
			}
			if a.Kind == tape.Save {
				held = append(held, a.Segment)
			}
		}
		s, p := &stepper{}, tape.New(schedule)
		p.Forward(s)
		for _, k := range []int{n, 0, 13, n - 1, 20} {
			want := -1
			for _, h := range held {
				if h <= k {
					want = h
				}
			}
			s.rewind(p, k)
			require.Equal(t, []int{want}, s.loads, "%s, to %d", schedule.Mode, k)
			require.Equal(t, k, s.at)
			require.Equal(t, k-max(want, 0), s.advances)
		}
		p.Forget()
		s.rewind(p, 5)
		require.Equal(t, []int{-1}, s.loads, "forgotten")
		require.Equal(t, 5, s.at)
	}
}

// A tape that grows keeps the newest segments, and walks them back one by one.
func TestOpenTape(t *testing.T) {
	for _, tc := range []struct {
		keep int
		back []int
	}{{0, nil}, {2, []int{4, 3}}, {-1, []int{4, 3, 2, 1, 0}}} {
		s, p := &stepper{}, tape.Open(tc.keep)
		for k := range 5 {
			p.Append(s, k)
		}
		for range 6 {
			p.Pop(s)
		}
		require.Equal(t, tc.back, s.reversed, "keeping %d", tc.keep)
		require.Equal(t, 5-len(tc.back), s.at, "before what was walked back")
	}
}

// costs are those of rows of 8 bytes a frame with a history.
type costs struct{ frame, snapshot int64 }

func (c costs) Cost(segment int) tape.Cost {
	return tape.Cost{Run: c.frame * int64(segment), Snapshot: c.snapshot, History: 100}
}
func (c costs) Count(segment, total int) int { return (total + segment - 1) / segment }
func (c costs) Least() int                   { return 4096 }

func TestChoiceFollowsTheBudget(t *testing.T) {
	const total = 1 << 20
	for _, tc := range []struct {
		name  string
		costs costs
		limit tape.Limits
		mode  string
	}{
		{"small", costs{8, 1000}, tape.Limits{}, "full"},
		{"larger than the caches", costs{100, 1000}, tape.Limits{}, "segments"},
		{"asked for", costs{100, 1000}, tape.Limits{TapeMode: "full"}, "full"},
		{"a small budget", costs{8, 1000}, tape.Limits{TapeMemory: 1 << 20}, "segments"},
		{"large snapshots", costs{8, 1 << 20}, tape.Limits{TapeMemory: 4 << 20}, "binomial"},
		{"a length given", costs{8, 1000}, tape.Limits{Segment: 5000}, "segments"},
		{"a length and slots given", costs{8, 1000}, tape.Limits{Segment: 5000, Slots: 3, TapeMode: "binomial"}, "binomial"},
	} {
		p, s, err := tape.Choose(total, tc.costs, tc.limit)
		require.NoError(t, err, tc.name)
		require.Equal(t, tc.mode, p.Mode, tc.name)
		require.Equal(t, p.Mode, s.Mode, tc.name)
		require.Equal(t, p.Segments, s.Segments, tc.name)
		require.Equal(t, p.Bytes, tc.costs.Cost(p.Segment).Run+int64(p.Slots)*tc.costs.snapshot, tc.name)
		if b := tc.limit.TapeMemory; b > 0 {
			require.LessOrEqual(t, p.Bytes, b, tc.name)
		}
	}
	_, _, err := tape.Choose(total, costs{1000, 1 << 20}, tape.Limits{TapeMemory: 1 << 20})
	require.ErrorContains(t, err, "does not hold one segment")
}

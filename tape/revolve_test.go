package tape_test

import (
	"fmt"
	"testing"

	"ampfit/arena"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// toy is a run whose state is the number of the next segment.
type toy struct {
	t        *testing.T
	at       int // segment at whose start it stands
	last     int // that was rendered last, -1 after going back
	reversed []int
	advances int
	n        int
}

func newToy(t *testing.T, n int) *toy { return &toy{t: t, last: -1, n: n} }

func (s *toy) Advance(k int) {
	require.Equal(s.t, s.at, k)
	s.at++
	s.last = k
	s.advances++
}

func (s *toy) Save(p *arena.Snapshot) { p.Data = append(p.Data, float64(s.at)) }

func (s *toy) Load(p *arena.Snapshot) {
	s.at, s.last = 0, -1
	if p != nil {
		s.at = int(p.Data[0])
	}
}

func (s *toy) Reverse(k int) {
	require.Equal(s.t, s.last, k)
	s.last = -1
	s.reversed = append(s.reversed, k)
}

// check performs a schedule; what is advanced over is rendered once more than
// what is reversed.
func (s *toy) check(schedule *tape.Schedule) {
	p := tape.New(schedule)
	p.Forward(s)
	require.Equal(s.t, s.n, s.at, "the end of the run")
	require.Empty(s.t, s.reversed)
	p.Back(s)
	require.Len(s.t, s.reversed, s.n)
	for i, k := range s.reversed {
		require.Equal(s.t, s.n-1-i, k, "from the last to the first")
	}
	s.advances -= s.n
}

// The advances are r·l − C(s+r, s+1) with the least r for which C(s+r, s) ≥ l.
func TestBinomialCostIsGriewankAndWalthers(t *testing.T) {
	for _, tc := range []struct{ slots, advances int }{{5, 6284}, {10, 3636}, {20, 2747}, {40, 2097}, {60, 1938}} {
		s := newToy(t, 1000)
		s.check(tape.Binomial(1000, tc.slots))
		require.Equal(t, tc.advances, s.advances, "%d snapshots", tc.slots)
		require.Equal(t, tc.advances, tape.Binomial(1000, tc.slots).Extra)
	}
}

// For small runs the cost is the optimum of dynamic programming.
func TestBinomialIsOptimal(t *testing.T) {
	memo := map[[2]int]int{}
	var cost func(l, s int) int
	cost = func(l, s int) int {
		if l == 1 {
			return 0
		}
		if s == 1 {
			return l * (l - 1) / 2
		}
		key := [2]int{l, s}
		if c, ok := memo[key]; ok {
			return c
		}
		best := 1 << 30
		for m := 1; m < l; m++ {
			best = min(best, m+cost(l-m, s-1)+cost(m, s))
		}
		memo[key] = best
		return best
	}
	for l := 1; l <= 40; l++ {
		for slots := 1; slots <= 8; slots++ {
			s := newToy(t, l)
			s.check(tape.Binomial(l, slots))
			require.Equal(t, cost(l, min(slots, l)), s.advances, "%d segments, %d slots", l, slots)
		}
	}
}

func TestFullAndSegments(t *testing.T) {
	s := newToy(t, 1)
	s.check(tape.Full())
	for n := 1; n < 6; n++ {
		s := newToy(t, n)
		schedule := tape.InSegments(n)
		s.check(schedule)
		require.Equal(t, n-1, s.advances)
		require.Equal(t, n-1, schedule.Extra)
	}
}

func ExampleInSegments() {
	for _, a := range tape.InSegments(2).Actions {
		fmt.Println(a)
	}
	// Output:
	// save 0 in 0
	// advance 0
	// record 1
	// turn 0
	// reverse 1
	// load 0 in 0
	// record 0
	// reverse 0
}

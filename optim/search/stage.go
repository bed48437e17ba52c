// Package search finds the parameters of a problem by stages: each is one idea of
// where a better point may lie, in a file of its own, and a row in one of the two
// tables of auto.go.
//
//	facts ──► applies? ──► proposals ──► rounds, fewer go on in each ──► lower? ──► adopted
//
// A stage knows what to propose and how to thin that out. Budget, acceptance,
// reports, the end of a search and the record of it are the driver's, [Search].
package search

import (
	"context"
	"fmt"
	"strings"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// Stage is one idea of where a better point may lie.
type Stage struct {
	Name, Doc string // Doc is one sentence

	// Applies tells from facts, before anything is evaluated, whether the stage
	// has anything to do, and why. Nil is always.
	Applies func(*State) (bool, string)
	// Needed is asked when its turn comes, and tells from how far the search is.
	Needed func(*State) (bool, string)
	// Turns is how often it proposes, each time from where the last turn led; nil
	// is once.
	Turns func(*State) int
	// Propose returns points in the coordinates of the first round, with their
	// values where the round keeps only some. Nil proposes what stages without
	// rounds have left.
	Propose func(context.Context, *State) ([]Start, error)
	// Rounds thin the proposals out. A stage without rounds leaves its proposals
	// to the next that has some.
	Rounds func(*State) []Round
	// OnSieve stages are judged by the sieve: their last round is on it.
	OnSieve bool
	// Run takes the place of proposals and rounds.
	Run func(context.Context, *State) error
	// Last stages run once, after the searches from all starts.
	Last bool
	// Repeat lets a stage, with those that propose to it, go again.
	Repeat func(*State) Repeat
}

// Start is a point to descend from, and its value: of the loss, or whatever the
// stage sorts its proposals by.
type Start struct {
	X  []float64
	F  float64
	by *Stage // that proposed it, where another descends from it
}

// Round is a descent from each of the best starts. The last round's points are
// adopted where they are lower than what is known.
type Round struct {
	Keep   int     // so many starts, the lowest; 0: all
	Behind float64 // without those that are so many times the lowest; 0: all
	Above  float64 // without those that are so many times the lowest known; 0: all
	Steps  int     // of each descent; 0: as many as the settings say
	LR     float64 // learning rate, of the methods that have one
	Method method.Method
	On     *problem.Problem // nil: the problem itself
	Adopt  bool             // what is lower is adopted in this round already
}

// Repeat says how often a stage goes again: as long as it gains, and the budget
// lasts.
type Repeat struct {
	Most int
	Gain float64 // part of the loss that a round has to gain
	Idle int     // rounds without it that end the stage
}

// Record is what became of a stage.
type Record struct {
	Name, Doc     string
	Ran           bool
	Why           string  // it ran, or did not
	Loss          string  // that was minimised
	Evaluations   int     // at lower rates as well, from all starts
	Before, After float64 // the lowest loss; NaN where it did not run
}

func (st *Stage) feeds() bool { return st.Run == nil && st.Rounds == nil }

func (st *Stage) asks(s *State) (bool, string) {
	if st.Applies == nil {
		return true, "always"
	}
	return st.Applies(s)
}

func (st *Stage) needed(s *State) (bool, string) {
	if st.Needed == nil {
		return true, ""
	}
	return st.Needed(s)
}

// count names a number of things.
func count(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "ch"):
		thing += "es"
	case strings.Contains(thing, " that "):
		thing = strings.Replace(thing, " that ", "s that ", 1)
	case strings.Contains(thing, " of "):
		thing = strings.Replace(thing, " of ", "s of ", 1)
	default:
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// some is whether there are any of things that are learned, and how many.
func some(n int, thing string) (bool, string) {
	if n == 0 {
		return false, "no " + thing + " is learned"
	}
	return true, count(n, thing) + " learned"
}

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
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
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

// Search runs the stages of a table from one start after another.
type Search struct {
	Problem *problem.Problem // of the waveform, or of the spectra in its place
	Records []Record
	free    bool // the loss may change to that of spectra
	before  float64
}

// New begins a search; free says that nobody asked for the loss at hand, so that
// spectra may be fitted where the waveform is lost.
func New(p *problem.Problem, free bool) *Search { return &Search{Problem: p, free: free} }

// State is how far a search from one start is, for its stages to see.
type State struct {
	Problem  *problem.Problem
	Sieve    *problem.Problem // that proposals are compared on: the problem, or a coarser loss of spectra
	Settings method.Settings
	Local    method.Method // the fastest descent that applies
	Begin    []float64     // where the search began
	First    float64       // value there
	X        []float64     // where it is
	F        float64       // value there
	Coarse   float64       // value of the sieve there, where that is another loss
	Low      *method.Best  // lowest of all; a gain on the sieve can cost on the problem
	Pool     []Start       // what stages without rounds have proposed
	Done     float64       // value at which nothing is left to be found
	Turn     int           // of the stage at hand
	Round    int           // of its repetitions

	search *Search
	random *rand.Rand
	read   *sound    // what the analysis found; nil before it
	own    []float64 // the first point that the target suggests
	inStep bool      // the waveform was matched in growing stretches
	full   bool      // a descent went all the way
	end    string    // why no further stage runs; empty as long as they do
	step   int
}

func (s *Search) newState(x []float64, f float64, set method.Settings) *State {
	p := s.Problem
	st := &State{
		Problem: p, Sieve: p, Settings: set, Local: localMethod(p), Begin: slices.Clone(x), First: f, X: slices.Clone(x), F: f,
		Low: method.NewBest(), Done: doneAt(p), search: s, random: rand.New(rand.NewPCG(set.Seed, 0x736561726368)),
	}
	if coarse := st.coarseProblem(); coarse != nil {
		st.Sieve, st.random = coarse, rand.New(rand.NewPCG(set.Seed, 0x737065637472))
	}
	st.Low.See(x, f)
	return st
}

// Run searches from x, whose value is f, and leaves the lowest point there.
func (s *Search) Run(ctx context.Context, x []float64, f float64, set method.Settings) (float64, error) {
	st := s.newState(x, f, set)
	err := st.run(ctx, tableFor(st))
	copy(x, st.Low.X)
	return st.Low.F, err
}

// Finally runs what comes once after the searches from all starts, the lowest of
// which ended at x with the value f. It reports whether there is another problem
// to search from the start now.
func (s *Search) Finally(ctx context.Context, x []float64, f float64) (again bool, err error) {
	st, before := s.newState(x, f, method.Settings{}), s.Problem
	for _, stage := range tableFor(st) {
		if !stage.Last {
			continue
		}
		ok, why := stage.needed(st)
		if ok {
			ok, why = stage.asks(st)
		}
		if st.recordOf(stage).Why = why; ok {
			err = st.runOnce(ctx, stage)
		}
	}
	if again = s.Problem != before; again {
		s.Problem.Calls = 0
	}
	return again, err
}

// run takes the stages of a table in turn.
func (s *State) run(ctx context.Context, table []*Stage) error {
	var group []*Stage // a stage with rounds, behind those that propose to it
	if s.Sieve != s.Problem {
		if err := s.reportHere(); err != nil {
			return err
		}
	}
	for _, st := range table {
		if st.Last {
			continue
		}
		ok, why := false, s.end
		if s.end == "" {
			ok, why = st.asks(s)
		}
		if r := s.recordOf(st); !r.Ran {
			r.Why = why
		}
		if !ok {
			if !st.feeds() {
				group = nil
			}
			continue
		}
		if group = append(group, st); st.feeds() {
			continue
		}
		err := s.runGroup(ctx, group)
		group = nil
		if err != nil {
			return err
		}
		if s.F <= s.Done && !st.OnSieve {
			s.End("the loss is as low as it can tell")
		}
	}
	return nil
}

// runGroup runs a stage and those that propose to it, again as long as that gains.
func (s *State) runGroup(ctx context.Context, group []*Stage) error {
	last := group[len(group)-1]
	repeat := Repeat{Most: 1, Idle: 1}
	if last.Repeat != nil {
		repeat = last.Repeat(s)
	}
	idle := 0
	for s.Round = 0; s.Round < repeat.Most && idle < repeat.Idle; s.Round++ {
		if ok, why := s.worthwhile(last); !ok {
			for _, st := range group {
				if r := s.recordOf(st); !r.Ran {
					r.Why = why
				}
			}
			return nil
		}
		before := s.value(last)
		for _, st := range group {
			if err := s.runOnce(ctx, st); err != nil {
				return err
			}
		}
		idle++
		if s.value(last) < before*(1-repeat.Gain) {
			idle = 0
		}
	}
	return nil
}

// worthwhile reports whether a stage is to run, or to go again.
func (s *State) worthwhile(st *Stage) (bool, string) {
	if st.Repeat != nil && s.Spent() {
		return false, "the evaluations are used up"
	}
	if st.Repeat != nil && !st.OnSieve && s.F <= s.Done {
		return false, "the loss is as low as it can tell"
	}
	return st.needed(s)
}

// runOnce runs a stage and notes what that cost and gained.
func (s *State) runOnce(ctx context.Context, st *Stage) error {
	if ok, why := st.needed(s); !ok {
		if r := s.recordOf(st); !r.Ran {
			r.Why = why
		}
		return nil
	}
	r := s.recordOf(st)
	if !r.Ran {
		r.Ran, r.Before, r.After = true, s.Low.F, s.Low.F
	}
	calls := s.Problem.Calls + s.Problem.Low
	defer func() {
		r := s.recordOf(st)
		r.Evaluations += s.Problem.Calls + s.Problem.Low - calls
		r.After = min(r.After, s.Low.F)
	}()
	if st.Run != nil {
		return st.Run(ctx, s)
	}
	turns := 1
	if st.Turns != nil {
		turns = st.Turns(s)
	}
	for s.Turn = 0; s.Turn < turns; s.Turn++ {
		starts := s.Pool
		if st.Propose != nil {
			var err error
			if starts, err = st.Propose(ctx, s); err != nil {
				return err
			}
		}
		if st.feeds() {
			for _, t := range starts {
				t.by = st
				s.Pool = append(s.Pool, t)
			}
			continue
		}
		s.Pool = nil
		if err := s.thin(ctx, starts, st.Rounds(s)); err != nil {
			return err
		}
		if s.F <= s.Done && !st.OnSieve {
			return nil
		}
	}
	return nil
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

func (s *State) value(st *Stage) float64 {
	if st.OnSieve {
		return s.Coarse
	}
	return s.F
}

func (r *Round) on(s *State) *problem.Problem {
	if r.On == nil {
		return s.Problem
	}
	return r.On
}

// thin descends from fewer starts in each round, and adopts what comes out lower.
func (s *State) thin(ctx context.Context, starts []Start, rounds []Round) error {
	for k := range rounds {
		r := &rounds[k]
		on := r.on(s)
		adopt := r.Adopt || k == len(rounds)-1
		starts = behind(starts, r.Behind)
		if k > 0 && on != rounds[k-1].on(s) {
			s.carry(starts, rounds[k-1].on(s), on)
		}
		if starts = lowest(starts, r.Keep); len(starts) == 0 {
			return nil
		}
		for i := range starts {
			t := &starts[i]
			if r.Above > 0 && t.F > r.Above*s.F {
				break
			}
			t.X = slices.Clone(t.X)
			var err error
			t.F, err = s.descend(ctx, on, r.Method, t.X, method.Settings{Steps: r.Steps, LR: r.LR}, adopt && on == s.Problem)
			if err != nil {
				if on == s.Problem || on == s.Sieve {
					s.adopt(on, *t)
				}
				return err
			}
			if adopt && on == s.Problem {
				if s.adopt(on, *t); s.F <= s.Done {
					return nil
				}
			} else if on == s.Problem && (t.F <= s.Done || s.Spent()) || on.Ratio == 1 && t.F <= s.Done {
				break // what is done is sorted to the front
			}
		}
		if adopt && on != s.Problem {
			if err := s.adopt(on, lowest(starts, 1)[0]); err != nil {
				return err
			}
		}
	}
	return nil
}

// carry takes starts to the coordinates of another problem, and evaluates them
// there where they will be compared.
func (s *State) carry(starts []Start, from, to *problem.Problem) {
	for i := range starts {
		if from.Meter != to.Meter { // at another rate
			starts[i].X = from.Carry(to, starts[i].X)
		}
		if len(starts) > 1 {
			starts[i].F = to.Evaluate(nil, starts[i].X)
		}
	}
}

// descend runs a method from x. Steps that are lower than what is known are
// reported where that is asked for.
func (s *State) descend(ctx context.Context, on *problem.Problem, m method.Method, x []float64, set method.Settings, report bool) (float64, error) {
	if m == nil {
		m = s.Local
	}
	if most := s.Settings.Steps; most > 0 && (set.Steps == 0 || set.Steps > most) {
		set.Steps = most
	}
	if known := s.F; report {
		set.Report = func(p method.Point) error {
			if p.Value >= known {
				return nil
			}
			return s.report(p)
		}
	}
	return m(ctx, on, x, set)
}

// further descends from the point at hand, and adopts what is lower.
func (s *State) further(ctx context.Context, m method.Method, set method.Settings) error {
	x := slices.Clone(s.X)
	f, err := s.descend(ctx, s.Problem, m, x, set, true)
	s.adopt(s.Problem, Start{X: x, F: f})
	return err
}

// adopt moves to a point that is lower, by the problem or by the sieve. What the
// sieve finds is reported here, as no descent has done it.
func (s *State) adopt(on *problem.Problem, t Start) error {
	if on == s.Problem {
		if t.F < s.F {
			s.move(t)
		}
		return nil
	}
	if t.F >= s.Coarse {
		return nil
	}
	s.Coarse = t.F
	s.move(Start{X: t.X, F: s.Problem.Evaluate(nil, t.X)})
	return s.reportHere()
}

func (s *State) move(t Start) {
	s.X, s.F = t.X, t.F
	s.Low.See(t.X, t.F)
}

func (s *State) report(p method.Point) error {
	p.Step = s.step
	s.step++
	if s.Settings.Report == nil {
		return nil
	}
	return s.Settings.Report(p)
}

func (s *State) reportHere() error {
	return s.report(method.Point{Value: s.F, GradNorm: math.NaN(), X: s.X})
}

// End lets no further stage run, for a reason that is shown.
func (s *State) End(why string) { s.end = why }

// Budget is how many evaluations a part of a search may take: fewer for longer
// runs, and for spectral losses, which cost as much as ten nodes.
func Budget(p *problem.Problem) int {
	nodes := float64(len(p.Model.Plan.Units))
	if !p.Quadratic() {
		nodes += 10
	}
	return int(math.Min(math.Max(1e9/(float64(len(p.Model.Output))*nodes), 200), 3000))
}

// Spent reports whether the search has used up its evaluations.
func (s *State) Spent() bool { return s.Problem.Calls > 4*Budget(s.Problem) }

// recordOf is the record of a stage of the search at hand; it begins one.
func (s *State) recordOf(st *Stage) *Record {
	name := s.Problem.LossName()
	all := s.search.Records
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Name == st.Name && all[i].Loss == name {
			return &all[i]
		}
	}
	s.search.Records = append(all, Record{Name: st.Name, Doc: st.Doc, Loss: name, Before: math.NaN(), After: math.NaN()})
	return &s.search.Records[len(all)]
}

// lowest sorts starts and leaves so many; 0 leaves all.
func lowest(t []Start, n int) []Start {
	sort.SliceStable(t, func(i, j int) bool { return t[i].F < t[j].F })
	if n == 0 {
		return t
	}
	return t[:min(n, len(t))]
}

// behind leaves out the starts that are so many times the lowest.
func behind(t []Start, times float64) []Start {
	if times == 0 || len(t) == 0 {
		return t
	}
	best := slices.MinFunc(t, func(a, b Start) int { return cmp.Compare(a.F, b.F) }).F
	return slices.DeleteFunc(t, func(s Start) bool { return s.F > times*best })
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

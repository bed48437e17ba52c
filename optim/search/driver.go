package search

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"ampfit/optim/method"
	"ampfit/optim/problem"
)

// Search runs the stages of a table from one start after another.
type Search struct {
	Problem *problem.Problem // of the waveform, or of the spectra in its place
	Records []Record
	Tell    func(stage string) // called as a stage begins, when not nil
	free    bool               // the loss may change to that of spectra
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
			s.End("nothing is left to be found")
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
		return false, "nothing is left to be found"
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
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.search.Tell != nil {
		s.search.Tell(st.Name)
	}
	r := s.recordOf(st)
	if !r.Ran {
		r.Ran, r.Before, r.After = true, s.Low.F, s.Low.F
	}
	calls := s.Problem.Calls + s.Problem.LowRate
	defer func() {
		r := s.recordOf(st)
		r.Evaluations += s.Problem.Calls + s.Problem.LowRate - calls
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

func (s *State) value(st *Stage) float64 {
	if st.OnSieve {
		return s.Coarse
	}
	return s.F
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

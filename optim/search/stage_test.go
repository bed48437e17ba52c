package search

import (
	"context"
	"slices"
	"strings"
	"testing"

	_ "ampfit/nodes"
	"ampfit/optim/method"

	"github.com/stretchr/testify/require"
)

// A stage is read by users: it has a name and a sentence, and a row stands for one
// stage.
func TestTablesCanBeRead(t *testing.T) {
	for _, table := range [][]*Stage{waveform, slices.Concat(effectSpectra, spectra)} {
		byName := map[string]*Stage{}
		for _, st := range table {
			require.NotEmpty(t, st.Name)
			require.True(t, strings.HasSuffix(st.Doc, "."), st.Name)
			require.Equal(t, 1, strings.Count(st.Doc+" ", ". "), "%s: one sentence", st.Name)
			require.True(t, (st.Run != nil) != (st.Propose != nil || st.Rounds != nil), st.Name)
			if known := byName[st.Name]; known != nil {
				require.Same(t, known, st)
			}
			byName[st.Name] = st
		}
		last := table[len(table)-1]
		require.False(t, last.feeds(), "proposals that nobody takes")
	}
}

// What is proposed goes to the next stage with rounds, fewer go on in each, and
// what is lower is adopted; the record counts every evaluation.
func TestDriver(t *testing.T) {
	o := problemOf(t, "GainNode", `"gain": {"value": 1, "learn": true}`, `"gain": 0.25`, hissOf(2000), 16000)
	var descended []float64
	still := func(_ context.Context, p method.Objective, x []float64, _ method.Settings) (float64, error) {
		descended = append(descended, x[0])
		return p.Evaluate(nil, x), nil
	}
	at := func(values ...float64) func(context.Context, *State) ([]Start, error) {
		return func(_ context.Context, s *State) ([]Start, error) {
			var out []Start
			for _, v := range values {
				x := []float64{s.Problem.Variables[0].Unbounded(v)}
				out = append(out, Start{X: x, F: s.Problem.Evaluate(nil, x)})
			}
			return out, nil
		}
	}
	first := &Stage{Name: "first", Propose: at(3, 0.5)}
	second := &Stage{Name: "second", Propose: at(0.375, 2)}
	not := &Stage{Name: "not", Applies: func(*State) (bool, string) { return false, "no" }, Propose: at(0.25)}
	taken := &Stage{Name: "taken", Rounds: func(*State) []Round { return []Round{{Keep: 3, Method: still}, {Keep: 1, Method: still}} }}
	end := &Stage{Name: "end", Run: func(_ context.Context, s *State) error { s.End("enough"); return nil }}
	x := o.Start()
	s := New(o, false)
	st := s.newState(x, o.Evaluate(nil, x), method.Settings{})
	before := o.Calls
	require.NoError(t, st.run(context.Background(), []*Stage{first, second, not, taken, end, first}))
	value, _ := o.Variables[0].Value(st.X[0])
	require.InDelta(t, 0.375, value, 1e-12)
	require.Len(t, descended, 4)
	u := func(v float64) float64 { return o.Variables[0].Unbounded(v) }
	require.Equal(t, []float64{u(0.375), u(0.5), u(2), u(0.375)}, descended)
	sum := 0
	for _, r := range s.Records {
		sum += r.Evaluations
	}
	require.Equal(t, o.Calls-before, sum)
	require.Equal(t, "no", s.Records[2].Why)
	require.False(t, s.Records[2].Ran)
	require.Less(t, s.Records[3].After, s.Records[3].Before)
}

package optim

import (
	"fmt"
	"math"
	"slices"
)

// Resumed is where an earlier fit of the same graph ended.
type Resumed struct {
	Values    map[string]map[string][]float64 // by node and parameter
	LossName  string
	Variables []string // of the history
	HeatNodes []string
	History   []Step
}

// resume checks that an earlier fit can be gone on from, and takes its history.
func (f *fit) resume() error {
	e, r := f.options.Resume, f.result
	switch {
	case len(e.History) == 0:
		return fmt.Errorf("the earlier fit has no history to go on from; start anew without --resume")
	case e.LossName != r.LossName:
		return fmt.Errorf("the earlier fit minimised %s and this one would minimise %s, so their histories do not go together; give it the same loss, or start anew without --resume", e.LossName, r.LossName)
	case !slices.Equal(e.Variables, r.Variables):
		return fmt.Errorf("the earlier fit learned %s and this one would learn %s; learn the same, or start anew without --resume", list(e.Variables), list(r.Variables))
	case !slices.Equal(e.HeatNodes, r.HeatNodes):
		return fmt.Errorf("the earlier fit was of a graph with the nodes %s, this one has %s; start anew without --resume", list(e.HeatNodes), list(r.HeatNodes))
	}
	last := e.History[len(e.History)-1]
	r.History = slices.Clone(e.History)
	r.Steps, f.offset, f.before = last.Step, last.Step+1, last.Seconds
	r.Notes = append(r.Notes, fmt.Sprintf("resumed after step %d, at %s %.6g", last.Step, e.LossName, last.Best))
	return nil
}

// resumeAt moves x to where the earlier fit ended, and returns the loss there.
func (f *fit) resumeAt(x []float64) float64 {
	for i := range f.problem.Variables {
		v := &f.problem.Variables[i]
		if values := f.options.Resume.Values[v.Param.Node][v.Param.Name]; v.Element < len(values) && !math.IsNaN(values[v.Element]) {
			x[i] = v.Unbounded(values[v.Element])
		}
	}
	return f.problem.Evaluate(nil, x)
}

// sameLoss is how near the loss of resumed values has to be to what the earlier
// fit ended at: its files have less than full precision, and its machine may
// have been another.
const sameLoss = 1e-2

// another reports what is wrong when the values of the earlier fit no longer
// have the loss that it ended at: the recording is another one.
func (f *fit) another(now float64) error {
	h := f.options.Resume.History
	was := h[len(h)-1].Best
	if math.Abs(now-was) <= sameLoss*math.Max(math.Abs(was), math.Abs(f.result.Initial)*1e-6) {
		return nil
	}
	return fmt.Errorf("the earlier fit ended at %s %.6g, and its values now have %.6g: the target or the dry signal is another; start anew without --resume", f.result.LossName, was, now)
}

// list names a few things.
func list(names []string) string {
	const most = 6
	text := ""
	for i, n := range names {
		if i == most {
			return fmt.Sprintf("%s and %d more", text, len(names)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	if text == "" {
		return "nothing"
	}
	return text
}

package report

import (
	"fmt"
	"math"
	"strings"

	"ampfit/internal/plot"
)

// row is a line of the parameter table, as text.
type row struct {
	Node, Name, Unit      string
	Initial, Value, Error cell
	Range                 string
	Flags                 []string
	Note                  string
}

// cell is a value or several; all of them are shown when asked for.
type cell struct {
	Text string
	All  string // "": the text is all
}

func paramRow(p *Param) row {
	r := row{
		Node: p.Node, Name: p.Name, Unit: p.Unit,
		Initial: newCell(p.Initial, number), Value: newCell(p.Value, number),
		Error: newCell(p.StdErr, deviation), Range: p.span(), Note: p.Note,
	}
	if p.Learned {
		if n := p.atBound(); n > 0 {
			r.Flags = append(r.Flags, some("at its bound", n, len(p.Value)))
		}
		if n := p.unidentified(); n > 0 {
			r.Flags = append(r.Flags, some("not identified", n, len(p.Value)))
		}
	}
	return r
}

func newCell(values []float64, text func(float64) string) cell {
	if len(values) == 0 {
		return cell{Text: "–"}
	}
	all := make([]string, len(values))
	same := true
	low, high := math.Inf(1), math.Inf(-1)
	for i, v := range values {
		all[i] = text(v)
		same = same && all[i] == all[0]
		low, high = min(low, v), max(high, v)
	}
	switch {
	case len(values) <= 3 && !same:
		return cell{Text: strings.Join(all, ", ")}
	case same:
		return cell{Text: all[0]}
	}
	return cell{Text: fmt.Sprintf("%s … %s", text(low), text(high)), All: strings.Join(all, ", ")}
}

// deviation writes a standard error: two digits say all that it knows.
func deviation(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case math.IsInf(v, 0):
		return "∞"
	}
	return strings.ReplaceAll(plot.Number(v, 2), "-", "−")
}

func (p *Param) hasRange() bool { return p.Max > p.Min }

func (p *Param) span() string {
	low, high := p.Min, p.Max
	switch {
	case !p.hasRange(), math.IsInf(low, -1) && math.IsInf(high, 1):
		return ""
	case math.IsInf(low, -1):
		return "up to " + number(high)
	case math.IsInf(high, 1):
		return "from " + number(low)
	}
	return number(low) + " … " + number(high)
}

// boundShare is how near to a bound counts as on it, of the range.
const boundShare = 1e-4

// atBound counts the values that lie on a bound, by the share of the range or,
// where it spans more than a decade above zero, of the range of logarithms.
func (p *Param) atBound() int {
	if !p.hasRange() {
		return 0
	}
	n := 0
	for _, v := range p.Value {
		low, high := p.Min, p.Max
		if low > 0 && high/low > 10 && v > 0 {
			v, low, high = math.Log(v), math.Log(low), math.Log(high)
		}
		room := boundShare * (high - low)
		if !finite(room) {
			room = boundShare
		}
		if v-low <= room || high-v <= room {
			n++
		}
	}
	return n
}

// unidentified counts the values whose error is no smaller than half the range.
func (p *Param) unidentified() int {
	n := 0
	for _, e := range p.StdErr {
		if math.IsInf(e, 1) || p.hasRange() && e >= (p.Max-p.Min)/2 {
			n++
		}
	}
	return n
}

func some(flag string, n, of int) string {
	if of > 1 {
		return fmt.Sprintf("%s (%d of %d)", flag, n, of)
	}
	return flag
}

// metricRow is a line of the metrics table.
type metricRow struct {
	Name, Start, Final, Change string
}

func newMetricRow(m Metric) metricRow {
	r := metricRow{Name: m.Name, Start: number(m.Start), Final: number(m.Final)}
	for _, s := range []*string{&r.Start, &r.Final} {
		if *s == "NaN" {
			*s = "–"
		}
	}
	switch {
	case !finite(m.Start) || !finite(m.Final):
	case strings.HasSuffix(m.Name, "_db"):
		r.Change = signed(m.Final-m.Start) + " dB"
	case m.Start > 0 && m.Final >= 0 && finite(m.Final/m.Start):
		r.Change = "× " + plot.Number(m.Final/m.Start, 3)
	}
	return r
}

// stageRow is a line of the table of the search.
type stageRow struct {
	Name, Loss, Evaluations, Before, After, Why string
}

func newStageRow(s Stage) stageRow {
	if !s.Ran {
		return stageRow{Name: s.Name, Loss: s.Loss, Evaluations: "–", Why: s.Why}
	}
	return stageRow{s.Name, s.Loss, fmt.Sprint(s.Evaluations), number(s.Before), number(s.After), s.Why}
}

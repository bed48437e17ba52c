package graph

import (
	"fmt"

	"ampfit/abi"
	"ampfit/internal/jsontree"
	"ampfit/internal/suggest"
)

// values checks the parameters of the file against ranges and lengths.
func (p *Plan) values() {
	for _, u := range p.Units {
		for _, s := range u.Node.Settings {
			if s.Name != HeatParam && u.Param(s.Name) == nil {
				p.add(s.value, s.path, "this configuration of %s has no parameter %q; it has %s", u.Name, s.Name, suggest.List(setupNames(u)))
			}
		}
		for _, q := range u.Params {
			p.value(q)
		}
	}
	for _, u := range p.Units { // ties need the values of the others
		for _, q := range u.Params {
			if q.Setting != nil && q.Setting.Tie != nil {
				p.tied(q)
			}
		}
	}
}

func (p *Plan) tied(q *Param) {
	t := q.Setting.Tie
	to := p.Param(t.Node, t.Param)
	if to == nil || len(to.Value) != len(q.Value) {
		p.add(q.Setting.value, q.Setting.path+".tie", "%s.%s cannot follow %s.%s: they have different lengths", q.Of.Name, q.Name, t.Node, t.Param)
		return
	}
	for i := range q.Value {
		q.Value[i] = t.Scale*to.Value[i] + t.Offset
		if q.Value[i] < q.Min || q.Value[i] > q.Max {
			if q.Scale != abi.Periodic {
				p.add(q.Setting.value, q.Setting.path+".tie", "the tie gives %s, outside the range %s", short(q.Value[i]), q.rangeText())
			}
		}
	}
}

func setupNames(u *Unit) []string {
	var names []string
	for _, q := range u.Params {
		names = append(names, q.Name)
	}
	return names
}

func (p *Plan) value(q *Param) {
	q.Value = q.Start()
	s := q.Setting
	if s == nil {
		return
	}
	if s.Scale != nil {
		q.Scale = *s.Scale
	}
	if s.Unit != "" {
		q.Unit = s.Unit
	}
	at := s.value
	if at.Kind == jsontree.Object && at.Get("value") != nil {
		at = at.Get("value")
	}
	if s.Value != nil {
		switch {
		case q.Vector && len(s.Value) == q.Len, q.Vector && len(s.Value) == q.Len*p.Batches,
			!q.Vector && len(s.Value) == p.Batches, !q.Vector && len(s.Value) == 1:
			q.Value = append([]float64(nil), s.Value...)
		case q.Vector:
			p.add(at, s.path, "%s of %s has %d values here and needs %d", q.Name, q.Of.Name, len(s.Value), q.Len)
			return
		default:
			p.add(at, s.path, "%s of %s is one number; the %d values here would be one per batch, and this run has %d", q.Name, q.Of.Name, len(s.Value), p.Batches)
			return
		}
	}
	if q.Scale == abi.Periodic {
		return
	}
	for i, v := range q.Value {
		if v < q.Min || v > q.Max {
			item := at
			if at.Kind == jsontree.Array && i < len(at.Items) {
				item = at.Items[i]
			}
			p.add(item, s.path, "%s%s is outside the range of %s, %s", short(v), unit(q.Unit), q.Name, q.rangeText())
		}
	}
	if s.Min != nil && (*s.Min < q.Min || *s.Min > q.Max) || s.Max != nil && (*s.Max < q.Min || *s.Max > q.Max) {
		p.add(s.value, s.path, "min and max must lie within the range of %s, %s", q.Name, q.rangeText())
	}
}

func unit(u string) string {
	if u == "" {
		return ""
	}
	return " " + u
}

func (q *Param) rangeText() string {
	return fmt.Sprintf("%s to %s%s", short(q.Min), short(q.Max), unit(q.Unit))
}

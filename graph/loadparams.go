package graph

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
)

func (l *loader) config(v *jsontree.Value, n *Node, path string) abi.Config {
	c := abi.Config{}
	for _, k := range n.Type.Config {
		if k.Default != nil {
			c[k.Name] = k.Default
		}
	}
	if v == nil || !l.want(v, path, jsontree.Object) {
		return c
	}
	for _, m := range v.Members {
		at := join(path, m.Key)
		k := configKey(n.Type, m.Key)
		if k == nil && (typeParam(n.Type, m.Key) != nil || n.Type.Alias(m.Key) != nil) {
			l.addAt(m.Offset, at, `%s is a parameter of %s, not configuration; write it into the node's "params": {"%s": …}`, m.Key, n.Type.Name, m.Key)
			continue
		}
		if k == nil {
			var names []string
			for _, k := range n.Type.Config {
				names = append(names, k.Name)
			}
			l.addAt(m.Offset, at, "%s has no configuration key %q; %s", n.Type.Name, m.Key, hint(m.Key, names))
			continue
		}
		if val, ok := l.configValue(m.Value, at, k); ok {
			c[m.Key] = val
		}
	}
	return c
}

func configKey(t *abi.NodeType, name string) *abi.Key {
	for i := range t.Config {
		if t.Config[i].Name == name {
			return &t.Config[i]
		}
	}
	return nil
}

func (l *loader) configValue(v *jsontree.Value, path string, k *abi.Key) (any, bool) {
	switch k.Kind {
	case abi.String, abi.File:
		if !l.want(v, path, jsontree.String) {
			return nil, false
		}
		if len(k.Enum) > 0 && !slices.Contains(k.Enum, v.Text) {
			l.add(v, path, "%q is not allowed here; %s", v.Text, hint(v.Text, k.Enum))
			return nil, false
		}
		return v.Text, true
	case abi.Bool:
		return v.Bool, l.want(v, path, jsontree.Bool)
	case abi.Int, abi.Number:
		if !l.want(v, path, jsontree.Number) {
			return nil, false
		}
		if k.Kind == abi.Int && v.Num != math.Trunc(v.Num) {
			l.add(v, path, "%s is not a whole number", v.Text)
			return nil, false
		}
		if k.Min != k.Max && (v.Num < k.Min || v.Num > k.Max) {
			l.add(v, path, "%s is outside %s to %s", v.Text, short(k.Min), short(k.Max))
			return nil, false
		}
		return v.Num, true
	}
	if !l.want(v, path, jsontree.Array) {
		return nil, false
	}
	var nums []float64
	var pairs [][2]float64
	var texts []string
	for i, item := range v.Items {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch k.Kind {
		case abi.Numbers:
			if !l.want(item, at, jsontree.Number) {
				return nil, false
			}
			nums = append(nums, item.Num)
		case abi.Strings:
			if !l.want(item, at, jsontree.String) {
				return nil, false
			}
			texts = append(texts, item.Text)
		case abi.Pairs:
			if len(item.Items) != 2 || item.Items[0].Kind != jsontree.Number || item.Items[1].Kind != jsontree.Number {
				l.add(item, at, "this must be a pair of numbers, [a, b]")
				return nil, false
			}
			pairs = append(pairs, [2]float64{item.Items[0].Num, item.Items[1].Num})
		}
	}
	switch k.Kind {
	case abi.Numbers:
		return nums, true
	case abi.Strings:
		return texts, true
	}
	return pairs, true
}

func (l *loader) params(v *jsontree.Value, n *Node, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	for _, m := range v.Members {
		at := join(path, m.Key)
		if n.Type.Open && m.Key != HeatParam && typeParam(n.Type, m.Key) == nil {
			p := openParam(m)
			if learn := m.Value.Get("learn"); p.NoGradient && learn != nil && learn.Bool {
				l.addAt(m.Offset, at, `to learn %s, give it "min" and "max": the library does not say its range`, m.Key)
				continue
			}
			n.Type.Params = append(n.Type.Params, p) // the type is the node's own
		}
		p := l.param(n, m.Key)
		switch {
		case p == nil && m.Key != HeatParam && configKey(n.Type, m.Key) != nil:
			l.addAt(m.Offset, at, `%s is configuration of %s, not a parameter; write it into the node's "config": {"%s": …}`, m.Key, n.Type.Name, m.Key)
			continue
		case p == nil && m.Key != HeatParam:
			l.addAt(m.Offset, at, "%s has no parameter %q; %s", n.Type.Name, m.Key, hint(m.Key, paramNames(n.Type)))
			continue
		}
		s := l.setting(m, at, n, p)
		if s == nil {
			continue
		}
		if p != nil && p.Name != s.Name {
			s.Word, s.Name = s.Name, p.Name
		}
		if other := n.Setting(s.Name); other != nil {
			l.addAt(m.Offset, at, "%s and %s of %s are the same parameter; keep one", other.word(), s.word(), n.Name)
			continue
		}
		n.Settings = append(n.Settings, s)
	}
}

// param finds the parameter of a node that a name of the file means. Another word
// of the field for it is accepted, and noted.
func (l *loader) param(n *Node, name string) *abi.Param {
	if p := typeParam(n.Type, name); p != nil {
		return p
	}
	p := n.Type.Alias(name)
	if p != nil {
		l.g.Notes = append(l.g.Notes, fmt.Sprintf("%s of %s is taken for its %s", name, n.Name, p.Name))
	}
	return p
}

// openParam describes a parameter by what the file says of it. Without a range
// there is nowhere to look for it: it is not learned.
func openParam(m jsontree.Member) abi.Param {
	p := abi.Param{Name: m.Key, Doc: "A parameter of the library.", Min: -1e300, Max: 1e300}
	lo, hi := m.Value.Get("min"), m.Value.Get("max")
	if lo != nil && lo.Kind == jsontree.Number {
		p.Min = lo.Num
	}
	if hi != nil && hi.Kind == jsontree.Number {
		p.Max = hi.Num
	}
	p.NoGradient = lo == nil || hi == nil
	value := m.Value
	if v := m.Value.Get("value"); v != nil {
		value = v
	}
	if value.Kind == jsontree.Number {
		p.Default = value.Num
	}
	return p
}

func typeParam(t *abi.NodeType, name string) *abi.Param {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return &t.Params[i]
		}
	}
	return nil
}

func paramNames(t *abi.NodeType) []string {
	var names []string
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	return names
}

func (l *loader) setting(m jsontree.Member, path string, n *Node, p *abi.Param) *Setting {
	s := &Setting{Name: m.Key, value: m.Value, path: path}
	before := len(l.faults)
	switch m.Value.Kind {
	case jsontree.Number, jsontree.Array:
		l.values(s, m.Value, path)
	case jsontree.Object:
		l.keys(m.Value, path, "a parameter", settingKeys)
		if v := m.Value.Get("value"); v != nil {
			l.values(s, v, path+".value")
		}
		if v := m.Value.Get("learn"); v != nil && l.want(v, path+".learn", jsontree.Bool) {
			s.Learn, s.Held = v.Bool, !v.Bool
			if v.Bool && p != nil && p.NoGradient {
				l.add(v, path+".learn", "%s of %s has no gradient and cannot be learned; set it by hand", m.Key, n.Type.Name)
			}
		}
		s.Min, s.Max = l.number(m.Value, path, "min"), l.number(m.Value, path, "max")
		if s.Min != nil && s.Max != nil && *s.Min >= *s.Max {
			l.add(m.Value, path, "min %s is not below max %s", short(*s.Min), short(*s.Max))
		}
		if v := m.Value.Get("unit"); v != nil && l.want(v, path+".unit", jsontree.String) {
			s.Unit = v.Text
		}
		l.scale(s, m.Value.Get("scale"), path+".scale")
		l.prior(s, m.Value.Get("prior"), path+".prior")
		l.tie(s, m.Value.Get("tie"), path+".tie")
	default:
		l.add(m.Value, path, "a parameter is a number, an array of numbers or an object, not %s", m.Value.Kind)
	}
	if len(l.faults) > before {
		return nil
	}
	return s
}

func (l *loader) values(s *Setting, v *jsontree.Value, path string) {
	switch v.Kind {
	case jsontree.Number:
		s.Value = []float64{v.Num}
	case jsontree.Array:
		s.Array = true
		if len(v.Items) == 0 {
			l.add(v, path, "the array is empty")
		}
		for i, item := range v.Items {
			if l.want(item, fmt.Sprintf("%s[%d]", path, i), jsontree.Number) {
				s.Value = append(s.Value, item.Num)
			}
		}
	default:
		l.add(v, path, "a value is a number or an array of numbers, not %s", v.Kind)
	}
}

func (l *loader) number(v *jsontree.Value, path, key string) *float64 {
	m := v.Get(key)
	if m == nil || !l.want(m, join(path, key), jsontree.Number) {
		return nil
	}
	return &m.Num
}

func (l *loader) scale(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.String) {
		return
	}
	for _, scale := range []abi.Scale{abi.Linear, abi.Log, abi.Periodic} {
		if scale.String() == v.Text {
			s.Scale = &scale
			return
		}
	}
	l.add(v, path, `%q is no scale; allowed are "linear", "log" and "periodic"`, v.Text)
}

func (l *loader) prior(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	l.keys(v, path, "a prior", []string{"mean", "std"})
	mean, std := l.number(v, path, "mean"), l.number(v, path, "std")
	if mean == nil || std == nil || *std <= 0 {
		l.add(v, path, `a prior needs "mean" and a "std" above 0`)
		return
	}
	s.Prior = &Prior{*mean, *std}
}

func (l *loader) tie(s *Setting, v *jsontree.Value, path string) {
	if v == nil || !l.want(v, path, jsontree.Object) {
		return
	}
	l.keys(v, path, "a tie", []string{"to", "scale", "offset"})
	to := v.Get("to")
	if to == nil {
		l.add(v, path, `a tie needs "to": "node.param"`)
		return
	}
	if !l.want(to, path+".to", jsontree.String) {
		return
	}
	node, param, ok := strings.Cut(to.Text, ".")
	if !ok {
		l.add(to, path+".to", "%q is not of the form node.param", to.Text)
		return
	}
	s.Tie = &Tie{Node: node, Param: param, Scale: 1}
	if x := l.number(v, path, "scale"); x != nil {
		s.Tie.Scale = *x
	}
	if x := l.number(v, path, "offset"); x != nil {
		s.Tie.Offset = *x
	}
}

// ties checks that every tie names a parameter that is not tied itself.
func (l *loader) ties() {
	for _, n := range l.g.Nodes {
		for _, s := range n.Settings {
			if s.Tie != nil {
				l.tied(s, s.value.Get("tie").Get("to"), s.path+".tie.to")
			}
		}
	}
}

func (l *loader) tied(s *Setting, at *jsontree.Value, path string) {
	to := l.g.Node(s.Tie.Node)
	if to == nil {
		l.add(at, path, "there is no node %q; %s", s.Tie.Node, hint(s.Tie.Node, l.nodeNames()))
		return
	}
	if to.Type == nil {
		return
	}
	p := l.param(to, s.Tie.Param)
	if p == nil {
		l.add(at, path, "%s has no parameter %q; %s", to.Type.Name, s.Tie.Param, hint(s.Tie.Param, paramNames(to.Type)))
		return
	}
	s.Tie.Param = p.Name
	if of := to.Setting(p.Name); of != nil && of.Tie != nil {
		l.add(at, path, "%s.%s is tied itself; tie both to the same parameter", s.Tie.Node, s.Tie.Param)
	}
}

// short prints a number for messages.
func short(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.6g", x), ".0") }

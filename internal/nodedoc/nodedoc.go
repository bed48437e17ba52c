// Package nodedoc prints what the registry knows of the node types: as text,
// as Markdown, as JSON, and as a JSON Schema of graph files.
package nodedoc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"ampfit/abi"
	"ampfit/internal/text"
)

// Text documents one type for a terminal.
func Text(t *abi.NodeType) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s — %s\n", t.Name, t.Doc)
	if len(t.Aliases) > 0 {
		fmt.Fprintf(&b, "also spelt %s\n", strings.Join(t.Aliases, ", "))
	}
	in, out := ports(t, "")
	fmt.Fprintf(&b, "\ninputs: %s   outputs: %s\n", orNone(in), orNone(out))
	fmt.Fprintf(&b, "adjoint: %s\n", adjoint(t))
	if len(t.Params) > 0 {
		b.WriteString("\nparameters\n")
		rows := [][]string{{"  name", "role", "unit", "default", "range", "scale", "mod", ""}}
		for _, p := range folded(t.Params) {
			rows = append(rows, []string{"  " + vectorName(p), p.Role.String(), p.Unit, number(p.Default), rangeOf(p), p.Scale.String(), yes(p.Mod), paramDoc(p)})
		}
		text.Columns(&b, rows)
	}
	if len(t.Config) > 0 {
		b.WriteString("\nconfiguration\n")
		rows := [][]string{{"  key", "type", "default", "allowed", ""}}
		for _, k := range t.Config {
			rows = append(rows, []string{"  " + k.Name, kindName(k.Kind), defaultOf(k), allowed(k), k.Doc})
		}
		text.Columns(&b, rows)
	}
	if t.Detail != "" {
		b.WriteString("\n" + wrap(t.Detail) + "\n")
	}
	if t.Source != "" {
		b.WriteString("\n" + wrap("source: "+strings.TrimSpace(t.Source)) + "\n")
	}
	if line := Places(t); line != "" {
		b.WriteString("\nwhere the keys go:\n  " + line + "\n")
	}
	fmt.Fprintf(&b, "\na graph with it:\n%s", Snippet(t))
	return b.String()
}

// Places is a node of the type that has a key of the configuration in "config" and a
// parameter in "params", where the type has such; "" where it has neither.
func Places(t *abi.NodeType) string {
	var members []string
	for _, k := range t.Config {
		v := k.Default
		if v == nil && len(k.Enum) > 0 {
			v = k.Enum[0]
		}
		if text, err := json.Marshal(v); v != nil && err == nil {
			members = append(members, fmt.Sprintf(`"config": {%q: %s}`, k.Name, text))
			break
		}
	}
	for _, p := range t.Params {
		if !p.Vector && !p.NoGradient {
			members = append(members, fmt.Sprintf(`"params": {%q: {"value": %s, "learn": true}}`, p.Name, number(p.Default)))
			break
		}
	}
	if len(members) == 0 {
		return ""
	}
	return fmt.Sprintf(`{"name": "x", "type": %q, %s}`, t.Name, strings.Join(members, ", "))
}

// Search lists the types that have a word in their name, their documentation, or the
// names and roles of their parameters, those by name first; "" where none has.
func Search(types []*abi.NodeType, word string) string {
	word = strings.ToLower(word)
	var named, others [][]string
	for _, t := range types {
		text := t.Doc + " " + t.Detail + " " + t.Family
		for _, p := range t.Params {
			text += " " + p.Name + " " + p.Role.String()
		}
		for _, k := range t.Config {
			text += " " + k.Name + " " + strings.Join(k.Enum, " ")
		}
		row := []string{"  " + t.Name, t.Doc}
		switch {
		case strings.Contains(strings.ToLower(t.Name+" "+strings.Join(t.Aliases, " ")), word):
			named = append(named, row)
		case strings.Contains(strings.ToLower(text), word):
			others = append(others, row)
		}
	}
	var b strings.Builder
	if rows := append(named, others...); len(rows) > 0 {
		text.Columns(&b, rows)
	}
	return b.String()
}

// ports are the inputs and outputs that a node of the type has: one that a
// graph gives these members, such as `"params": {"freq": 220}`, and otherwise
// leaves as it is.
func ports(t *abi.NodeType, members string) (in, out []string) {
	var given struct {
		Params map[string]json.RawMessage
		Config map[string]any
	}
	if json.Unmarshal([]byte("{"+members+"}"), &given) != nil {
		panic(fmt.Sprintf("nodedoc: the example of %s is not JSON: %s", t.Name, members))
	}
	s := abi.NewSetup(t)
	s.Node, s.Rate, s.Config = "x", 48000, abi.Config{}
	s.Given = func(param string) bool { return given.Params[param] != nil }
	s.Length = func(param string) int {
		var list []float64
		if given.Params[param] == nil {
			return 0
		}
		if json.Unmarshal(given.Params[param], &list) != nil {
			return 1
		}
		return len(list)
	}
	for _, k := range t.Config {
		if k.Default != nil {
			s.Config[k.Name] = k.Default
		}
		if v, ok := given.Config[k.Name]; ok {
			s.Config[k.Name] = configValue(k.Kind, v)
		}
	}
	for range t.Inputs {
		s.Channels = append(s.Channels, 1)
	}
	if s.Finish(t) != nil { // some need a file, which has no part in the ports
		return t.Inputs, t.Outputs
	}
	return s.Inputs, s.Outputs
}

// wrap breaks lines between words before they are longer than a page is wide.
func wrap(text string) string {
	const width = 100
	var out []string
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		at := 0 // where the line that is being filled begins
		for space := strings.IndexByte(line, ' '); space >= 0; {
			next := strings.IndexByte(line[space+1:], ' ')
			end := len(line)
			if next >= 0 {
				next += space + 1
				end = next
			}
			if len([]rune(line[at:end])) > width && space > at {
				out = append(out, line[at:space])
				at = space + 1
			}
			space = next
		}
		out = append(out, line[at:])
	}
	return strings.Join(out, "\n")
}

// configValue turns a JSON value into what abi.Config holds.
func configValue(kind abi.Kind, v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	var numbers []float64
	var pairs [][2]float64
	var texts []string
	for _, e := range list {
		switch e := e.(type) {
		case float64:
			numbers = append(numbers, e)
		case string:
			texts = append(texts, e)
		case []any:
			a, _ := e[0].(float64)
			b, _ := e[1].(float64)
			pairs = append(pairs, [2]float64{a, b})
		}
	}
	switch kind {
	case abi.Numbers:
		return numbers
	case abi.Pairs:
		return pairs
	}
	return texts
}

func orNone(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, ", ")
}

func adjoint(t *abi.NodeType) string {
	switch {
	case t.External:
		return "yes (the gradient by the dry signal)"
	case t.Backward == nil:
		return "none: gradients behind it are zero"
	}
	return "yes"
}

func vectorName(p abi.Param) string {
	if p.Vector {
		return p.Name + "[]"
	}
	return p.Name
}

// paramDoc is what a parameter is, and whether a fit leaves it alone by itself.
func paramDoc(p abi.Param) string {
	if p.Held && !p.NoGradient {
		return p.Doc + " Learned only where asked for."
	}
	return p.Doc
}

// folded lists numbered parameters that are alike, such as carrier_band_0 and the
// following, as one: carrier_band_0 … carrier_band_63.
func folded(params []abi.Param) []abi.Param {
	var list []abi.Param
	for i := 0; i < len(params); i++ {
		p := params[i]
		stem, first := strings.CutSuffix(p.Name, "_0")
		last := i
		for first && last+1 < len(params) && params[last+1].Name == fmt.Sprintf("%s_%d", stem, last+1-i) && params[last+1].Doc == p.Doc {
			last++
		}
		if last > i {
			p.Name += " … " + params[last].Name
			i = last
		}
		list = append(list, p)
	}
	return list
}

func yes(v bool) string {
	if v {
		return "yes"
	}
	return ""
}

func number(x float64) string {
	if math.IsInf(x, 1) {
		return "∞"
	}
	return fmt.Sprintf("%.6g", x)
}

func rangeOf(p abi.Param) string {
	if p.Scale == abi.Periodic {
		return "one turn"
	}
	hi := number(p.Max)
	if p.MaxRate > 0 {
		hi = number(p.MaxRate) + " fs"
	}
	return number(p.Min) + " … " + hi
}

func kindName(k abi.Kind) string {
	return [...]string{"text", "whole number", "number", "true/false", "numbers", "pairs", "file", "texts"}[k]
}

func defaultOf(k abi.Key) string {
	if k.Default == nil {
		return "–"
	}
	return fmt.Sprint(k.Default)
}

func allowed(k abi.Key) string {
	switch {
	case len(k.Enum) > 0:
		return strings.Join(k.Enum, "|")
	case k.Min != k.Max:
		return number(k.Min) + " … " + number(k.Max)
	}
	return ""
}

// SnippetFile is the sound that snippets name where a type plays one.
const SnippetFile = "sound.wav"

// Snippet is a graph that runs the type, as small as it can be.
func Snippet(t *abi.NodeType) string {
	var nodes, edges []string
	if t.External {
		return "{\n  \"descriptor_version\": 2,\n  \"nodes\": [\n    {\"name\": \"dry\", \"type\": \"InputNode\"}\n  ]\n}\n"
	}
	extra := t.Example
	for _, k := range t.Config {
		if extra == "" && k.Kind == abi.File && k.Default == nil {
			extra = fmt.Sprintf(`"config": {%q: %q}`, k.Name, SnippetFile)
		}
	}
	in, _ := ports(t, extra)
	if extra != "" {
		extra = ", " + extra
	}
	if len(in) > 0 {
		nodes = append(nodes, `{"name": "dry", "type": "InputNode"}`)
	}
	nodes = append(nodes, fmt.Sprintf(`{"name": "x", "type": %q%s}`, t.Name, extra))
	for _, in := range in {
		edges = append(edges, fmt.Sprintf(`{"source": "dry", "target": "x.%s"}`, in))
	}
	var b strings.Builder
	b.WriteString("{\n  \"descriptor_version\": 2,\n  \"nodes\": [\n    " + strings.Join(nodes, ",\n    ") + "\n  ]")
	if len(edges) > 0 {
		b.WriteString(",\n  \"edges\": [\n    " + strings.Join(edges, ",\n    ") + "\n  ]")
	}
	b.WriteString(",\n  \"output\": \"x\"\n}\n")
	return b.String()
}

// Overview lists the types by family, a line each.
func Overview(types []*abi.NodeType) string {
	var b strings.Builder
	for _, family := range families(types) {
		fmt.Fprintf(&b, "%s\n", family)
		var rows [][]string
		for _, t := range types {
			if t.Family == family {
				rows = append(rows, []string{"  " + t.Name, t.Doc})
			}
		}
		text.Columns(&b, rows)
		b.WriteString("\n")
	}
	return b.String() + "ampfit nodes TYPE says more about one, ampfit nodes --roles what the roles of parameters are.\n"
}

// Roles lists the roles of parameters, a line each.
func Roles() string {
	var b strings.Builder
	text.Columns(&b, roles())
	return b.String()
}

// roles are rows of name and meaning.
func roles() (rows [][]string) {
	for _, name := range abi.Roles() {
		role, _ := abi.ParseRole(name) // it is one of its own names
		rows = append(rows, []string{name, role.Doc()})
	}
	return rows
}

func families(types []*abi.NodeType) []string {
	order := []string{"Sources", "Filters", "Nonlinear", "Dynamics", "Time", "Mixing and space", "Control and spectral"}
	rank := map[string]int{}
	for i, f := range order {
		rank[f] = i - len(order)
	}
	var out []string
	for _, t := range types {
		out = append(out, t.Family)
	}
	slices.SortFunc(out, func(a, b string) int { return cmp.Or(cmp.Compare(rank[a], rank[b]), cmp.Compare(a, b)) })
	return slices.Compact(out)
}

// Markdown is the whole node reference.
func Markdown(types []*abi.NodeType) string {
	var b strings.Builder
	b.WriteString("# Node reference\n\nMade from the registry by `make docs`; do not edit. `fs` is the rate at which the kernel runs\n(graph rate × oversample_ratio). `ampfit nodes TYPE` prints one entry.\n")
	for _, family := range families(types) {
		fmt.Fprintf(&b, "\n## %s\n", family)
		for _, t := range types {
			if t.Family == family {
				markdown(&b, t)
			}
		}
	}
	b.WriteString("\n## Roles\n\nWhat a parameter is, whatever its name. The search of a fit asks for roles only; node libraries in C declare them, too.\n")
	b.WriteString("\n| role | what has it |\n| --- | --- |\n")
	for _, r := range roles() {
		fmt.Fprintf(&b, "| %s | %s |\n", r[0], r[1])
	}
	return b.String()
}

func markdown(b *strings.Builder, t *abi.NodeType) {
	fmt.Fprintf(b, "\n### %s\n\n%s\n", t.Name, t.Doc)
	in, out := ports(t, "")
	fmt.Fprintf(b, "\nInputs: %s. Outputs: %s. Adjoint: %s.\n", orNone(in), orNone(out), adjoint(t))
	if len(t.Params) > 0 {
		b.WriteString("\n| parameter | role | unit | default | range | scale | mod | meaning |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n")
		for _, p := range folded(t.Params) {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %s |\n", vectorName(p), p.Role, p.Unit, number(p.Default), rangeOf(p), p.Scale, yes(p.Mod), cell(paramDoc(p)))
		}
	}
	if len(t.Config) > 0 {
		b.WriteString("\n| configuration | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n")
		for _, k := range t.Config {
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", k.Name, kindName(k.Kind), defaultOf(k), cell(allowed(k)), cell(k.Doc))
		}
	}
	if t.Detail != "" {
		fmt.Fprintf(b, "\n```\n%s\n```\n", wrap(t.Detail))
	}
	if t.Source != "" {
		fmt.Fprintf(b, "\nSource: %s\n", strings.TrimSpace(t.Source))
	}
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

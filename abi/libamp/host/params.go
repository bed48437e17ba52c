// Package host runs nodes and graphs for the C interface: buffers in, buffers
// out, state kept between calls, gradients on the way back. It is plain Go; the
// shims around it turn C structures into its types.
package host

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"ampfit/abi"
	"ampfit/internal/jsontree"
)

// Fault is an error with its code of the C interface.
type Fault struct {
	Code abi.Code
	Msg  string
}

func (f *Fault) Error() string { return f.Msg }

// fault makes a Fault.
func fault(code abi.Code, format string, args ...any) error {
	return &Fault{code, fmt.Sprintf(format, args...)}
}

// CodeOf returns the code of an error; those without one are internal.
func CodeOf(err error) abi.Code {
	switch f := err.(type) {
	case nil:
		return abi.OK
	case *Fault:
		return f.Code
	}
	return abi.EInternal
}

// nodeObject turns params_json into a node object of graph files. It may be one
// already, or hold AMP's flat keys: parameters and configuration side by side,
// lists as text with commas, truth values as 0 and 1. What the type does not
// know is dropped when lenient is set, as AMP drops it, else it is a fault.
func nodeObject(t *abi.NodeType, text string, lenient bool) (*jsontree.Value, error) {
	out := &jsontree.Value{Kind: jsontree.Object}
	text = strings.TrimSpace(text)
	if text == "" {
		text = "{}"
	}
	tree, problems := jsontree.Parse([]byte(text))
	if tree == nil || tree.Kind != jsontree.Object || len(problems) > 0 && !lenient {
		msg := "it is not an object"
		if len(problems) > 0 {
			msg = problems[0].Msg
		}
		return nil, fault(abi.EInvalidArg, "params_json of %s: %s", t.Name, msg)
	}
	params, config := object(tree.Get("params")), object(tree.Get("config"))
	for _, m := range tree.Members {
		if err := place(t, m, out, params, config, lenient); err != nil {
			return nil, err
		}
	}
	out.Set("params", params)
	out.Set("config", config)
	return out, nil
}

func object(v *jsontree.Value) *jsontree.Value {
	if v == nil || v.Kind != jsontree.Object {
		return &jsontree.Value{Kind: jsontree.Object}
	}
	return v
}

// place puts a member where graph files have it.
func place(t *abi.NodeType, m jsontree.Member, node, params, config *jsontree.Value, lenient bool) error {
	switch m.Key {
	case "params", "config", "name", "type", "record", "comment":
		return nil
	case "oversample_ratio", "declared_delay", "supports_v2", "gather":
		node.Set(m.Key, m.Value)
		return nil
	case "thermo.heat":
		params.Set(m.Key, m.Value)
		return nil
	}
	for i := range t.Params {
		if t.Params[i].Name == m.Key {
			params.Set(m.Key, numbers(m.Value))
			return nil
		}
	}
	for i := range t.Config {
		if k := &t.Config[i]; k.Name == m.Key {
			v := configValue(m.Value, k.Kind)
			if lenient && len(k.Enum) > 0 { // AMP's words have no case, and its default stands for one that it does not know
				at := slices.IndexFunc(k.Enum, func(word string) bool { return strings.EqualFold(word, v.Text) })
				if at < 0 {
					return nil
				}
				v = &jsontree.Value{Kind: jsontree.String, Text: k.Enum[at]}
			}
			config.Set(m.Key, v)
			return nil
		}
	}
	switch m.Key { // as AMP's contract spells them
	case "oversample":
		node.Set("oversample_ratio", m.Value)
		return nil
	case "declared_delay_frames":
		node.Set("declared_delay", m.Value)
		return nil
	}
	if lenient {
		return nil
	}
	return fault(abi.EInvalidArg, "params_json of %s: there is no parameter or configuration key %q; there are %s", t.Name, m.Key, strings.Join(keysOf(t), ", "))
}

// keysOf lists what params_json of a type may hold.
func keysOf(t *abi.NodeType) (names []string) {
	for _, p := range t.Params {
		names = append(names, p.Name)
	}
	for _, k := range t.Config {
		names = append(names, k.Name)
	}
	return append(names, "thermo.heat", "oversample_ratio", "declared_delay", "supports_v2", "record")
}

// planFault is what is wrong with the graph around a node, in words of the node:
// the host has never seen that graph.
func planFault(t *abi.NodeType, err error) error {
	msg := madeUp.ReplaceAllString(err.Error(), "")
	return fault(abi.EInvalidArg, "%s", strings.ReplaceAll(msg, ": x ", ": "+t.Name+" "))
}

var madeUp = regexp.MustCompile(`(?m)^(graph(:\d+:\d+)?: (nodes\[\d+\]\.?)?|adjoint: )`)

// numbers reads AMP's text lists and truth values as numbers.
func numbers(v *jsontree.Value) *jsontree.Value {
	switch v.Kind {
	case jsontree.Bool:
		if v.Bool {
			return jsontree.NewNumber(1)
		}
		return jsontree.NewNumber(0)
	case jsontree.String:
		if list, ok := commaNumbers(v.Text); ok {
			return jsontree.NewNumbers(list)
		}
	}
	return v
}

func commaNumbers(s string) ([]float64, bool) {
	var list []float64
	for _, part := range strings.Split(s, ",") {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return nil, false
		}
		list = append(list, x)
	}
	return list, true
}

func configValue(v *jsontree.Value, k abi.Kind) *jsontree.Value {
	switch {
	case k == abi.Bool && v.Kind == jsontree.Number:
		return &jsontree.Value{Kind: jsontree.Bool, Bool: v.Num >= 0.5}
	case k == abi.Numbers:
		return numbers(v)
	case k == abi.Strings && v.Kind == jsontree.String:
		list := &jsontree.Value{Kind: jsontree.Array}
		for _, part := range strings.Split(v.Text, ",") {
			list.Items = append(list.Items, &jsontree.Value{Kind: jsontree.String, Text: strings.TrimSpace(part)})
		}
		return list
	case k == abi.Int && v.Kind == jsontree.Number:
		return jsontree.NewNumber(float64(int64(v.Num)))
	}
	return v
}

// member is a member of a JSON object.
type member = jsontree.Member

// RecordOf reads how many forward calls params_json wants kept: 1 unless it has
// "record".
func RecordOf(params string) int {
	if v := tree(params).Get("record"); v != nil && v.Kind == jsontree.Number {
		return int(v.Num)
	}
	return 1
}

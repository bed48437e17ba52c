// Package jsontree reads JSON into a tree that remembers where each value
// stands, so that a checker can name line, column and path, and writes the tree
// again in the order it was read.
package jsontree

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the JSON type of a value.
type Kind int

// The JSON types.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// String returns the name used in messages, with its article.
func (k Kind) String() string {
	return [...]string{"null", "a truth value", "a number", "a string", "an array", "an object"}[k]
}

// Value is one value of the tree.
type Value struct {
	Kind    Kind
	Offset  int // in the file, bytes
	Bool    bool
	Num     float64
	Text    string // of a string; of a number as written
	Items   []*Value
	Members []Member
}

// Member is one member of an object.
type Member struct {
	Key    string
	Offset int // of the key
	Value  *Value
}

// Get returns the member of that key, nil when there is none or v is no object.
func (v *Value) Get(key string) *Value {
	if v == nil || v.Kind != Object {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return v.Members[i].Value
		}
	}
	return nil
}

// Set replaces or appends a member.
func (v *Value) Set(key string, to *Value) {
	for i := range v.Members {
		if v.Members[i].Key == key {
			v.Members[i].Value = to
			return
		}
	}
	v.Members = append(v.Members, Member{Key: key, Value: to})
}

// NewNumber returns a number value.
func NewNumber(x float64) *Value { return &Value{Kind: Number, Num: x} }

// NewNumbers returns an array of numbers.
func NewNumbers(x []float64) *Value {
	v := &Value{Kind: Array}
	for _, e := range x {
		v.Items = append(v.Items, NewNumber(e))
	}
	return v
}

// Problem is a fault at a place of the text.
type Problem struct {
	Offset int
	Msg    string
}

func (p *Problem) Error() string { return p.Msg }

// Parse reads one JSON value. Duplicate keys do not stop it: they come back as
// problems beside the tree. A syntax error is the only problem then, and the
// tree is nil.
func Parse(data []byte) (*Value, []Problem) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, []Problem{{0, "the file is empty"}}
	}
	if rest, ok := bytes.CutPrefix(data, []byte("\xef\xbb\xbf")); ok { // the mark that some editors put
		data = append([]byte("   "), rest...)
	}
	if !utf8.Valid(data) {
		at := 0
		for r, n := utf8.DecodeRune(data); r != utf8.RuneError || n > 1; r, n = utf8.DecodeRune(data[at:]) {
			at += n
		}
		return nil, []Problem{{at, "this is not UTF-8 text; save the file as UTF-8"}}
	}
	p := &parser{dec: json.NewDecoder(bytes.NewReader(data)), data: data}
	p.dec.UseNumber()
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil { // finds the exact place
		return nil, []Problem{p.explain(err)}
	}
	v, err := p.value()
	if err == nil {
		if _, end := p.dec.Token(); end != io.EOF {
			err = &Problem{p.at(), "there is more text after the end of the JSON value"}
		}
	}
	if err != nil {
		return nil, []Problem{p.explain(err)}
	}
	return v, p.dups
}

const maxDepth = 200 // more than any graph nests; keeps the recursion bounded

type parser struct {
	dec   *json.Decoder
	data  []byte
	dups  []Problem
	depth int
}

// at is the offset of the next token.
func (p *parser) at() int {
	i := int(p.dec.InputOffset())
	for i < len(p.data) && strings.IndexByte(" \t\r\n:,", p.data[i]) >= 0 {
		i++
	}
	return i
}

func (p *parser) explain(err error) Problem {
	if pr, ok := err.(*Problem); ok {
		return *pr
	}
	if se, ok := err.(*json.SyntaxError); ok {
		msg := strings.TrimPrefix(se.Error(), "json: ")
		if strings.Contains(msg, "unexpected end") {
			return Problem{len(p.data), "the text ends before the JSON value does; a bracket or brace may be missing"}
		}
		return p.syntax(max(0, int(se.Offset)-1), msg)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return Problem{len(p.data), "the text ends before the JSON value does; a bracket or brace may be missing"}
	}
	return Problem{p.at(), "this is not JSON: " + err.Error()}
}

// syntax says what the usual slips are; msg is the decoder's sentence.
func (p *parser) syntax(at int, msg string) Problem {
	before := bytes.TrimRight(p.data[:at], " \t\r\n")
	switch {
	case strings.Contains(msg, "max depth"):
		return Problem{at, fmt.Sprintf("brackets are nested more than %d deep", maxDepth)}
	case at >= len(p.data):
	case (p.data[at] == ']' || p.data[at] == '}') && bytes.HasSuffix(before, []byte(",")):
		return Problem{len(before) - 1, fmt.Sprintf("nothing follows this comma but %q; remove the comma", p.data[at])}
	case p.data[at] == '/' || p.data[at] == '#':
		return Problem{at, `JSON has no comments; use a "comment" key`}
	case p.data[at] == '\'':
		return Problem{at, "names and texts stand in double quotes in JSON"}
	}
	return Problem{at, "this is not JSON: " + msg}
}

func (p *parser) value() (*Value, error) {
	at := p.at()
	tok, err := p.dec.Token()
	if err != nil {
		return nil, err
	}
	v := &Value{Offset: at}
	switch t := tok.(type) {
	case nil:
	case bool:
		v.Kind, v.Bool = Bool, t
	case string:
		v.Kind, v.Text = String, t
	case json.Number:
		v.Kind, v.Text = Number, t.String()
		v.Num, err = strconv.ParseFloat(v.Text, 64)
		if err != nil || math.IsInf(v.Num, 0) {
			return nil, &Problem{at, fmt.Sprintf("the number %s is too large", v.Text)}
		}
	case json.Delim:
		if p.depth++; p.depth > maxDepth {
			return nil, &Problem{at, fmt.Sprintf("brackets are nested more than %d deep", maxDepth)}
		}
		if t == '{' {
			err = p.object(v)
		} else {
			err = p.array(v)
		}
		p.depth--
	}
	return v, err
}

func (p *parser) object(v *Value) error {
	v.Kind = Object
	seen := map[string]bool{}
	for p.dec.More() {
		at := p.at()
		tok, err := p.dec.Token()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			return &Problem{at, "an object key must be a string"}
		}
		val, err := p.value()
		if err != nil {
			return err
		}
		if seen[key] {
			p.dups = append(p.dups, Problem{at, fmt.Sprintf("the key %q stands here a second time; keep one of them", key)})
			continue
		}
		seen[key] = true
		v.Members = append(v.Members, Member{key, at, val})
	}
	_, err := p.dec.Token()
	return err
}

func (p *parser) array(v *Value) error {
	v.Kind = Array
	for p.dec.More() {
		item, err := p.value()
		if err != nil {
			return err
		}
		v.Items = append(v.Items, item)
	}
	_, err := p.dec.Token()
	return err
}

// Position returns the line and column, both from 1, of an offset; columns
// count characters.
func Position(data []byte, offset int) (line, col int) {
	offset = min(max(offset, 0), len(data))
	head := data[:offset]
	line = 1 + bytes.Count(head, []byte("\n"))
	last := bytes.LastIndexByte(head, '\n')
	return line, 1 + len([]rune(string(head[last+1:])))
}

// Format writes the tree as indented JSON; arrays of plain values and short
// objects stay on one line.
func (v *Value) Format() []byte {
	var b bytes.Buffer
	v.write(&b, 0)
	b.WriteByte('\n')
	return b.Bytes()
}

const lineWidth = 110

func (v *Value) write(b *bytes.Buffer, indent int) {
	if flat := v.flat(); flat != "" && indent+len(flat) <= lineWidth {
		b.WriteString(flat)
		return
	}
	pad := strings.Repeat(" ", indent+2)
	switch v.Kind {
	case Array:
		b.WriteString("[")
		for i, item := range v.Items {
			b.WriteString(sep(i, pad))
			item.write(b, indent+2)
		}
		b.WriteString("\n" + strings.Repeat(" ", indent) + "]")
	case Object:
		b.WriteString("{")
		for i, m := range v.Members {
			b.WriteString(sep(i, pad))
			b.WriteString(quote(m.Key) + ": ")
			m.Value.write(b, indent+2)
		}
		b.WriteString("\n" + strings.Repeat(" ", indent) + "}")
	default:
		b.WriteString(v.flat())
	}
}

func sep(i int, pad string) string {
	if i == 0 {
		return "\n" + pad
	}
	return ",\n" + pad
}

// flat renders on one line; "" when an array of objects or a deep object asks
// for several.
func (v *Value) flat() string {
	switch v.Kind {
	case Null:
		return "null"
	case Bool:
		return strconv.FormatBool(v.Bool)
	case Number:
		if v.Text != "" {
			return v.Text
		}
		return strconv.FormatFloat(v.Num, 'g', -1, 64)
	case String:
		return quote(v.Text)
	case Array:
		parts := make([]string, len(v.Items))
		for i, item := range v.Items {
			if item.Kind == Object {
				return ""
			}
			if parts[i] = item.flat(); parts[i] == "" {
				return ""
			}
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	parts := make([]string, len(v.Members))
	for i, m := range v.Members {
		f := m.Value.flat()
		if f == "" {
			return ""
		}
		parts[i] = quote(m.Key) + ": " + f
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

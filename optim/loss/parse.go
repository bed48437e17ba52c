package loss

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"ampfit/internal/suggest"
)

// Parse returns the loss that a specification names, bound to a target of so
// many channels at a rate in Hz:
//
//	spec  = term { "+" term }
//	term  = [ weight "*" ] name [ "(" [ arg { "," arg } ] ")" ]
//	arg   = [ name "=" ] value
//	value = number { "/" number } | "n" [ "/" number ]
//
// where n is the size of each transform: "mrstft + 0.1*esr", "esr(pre=0.85)",
// "mrstft(512/1024/2048, hop=n/4, win=n)". An error says at which column, counted
// from 1, what was found and what is allowed there.
func Parse(spec string, target []float64, channels int, rate float64) (Loss, error) {
	p := &parser{text: spec}
	p.next()
	var terms []Term
	for {
		weight, c := p.term()
		if p.err != nil {
			return nil, p.err
		}
		c.target, c.channels, c.rate = target, channels, rate
		loss, err := c.kind.build(c)
		if c.err != nil {
			return nil, c.err
		}
		if err != nil {
			return nil, err
		}
		terms = append(terms, Term{weight, loss})
		if p.token == "" {
			break
		}
		p.expect("+", `"+" and another loss, or the end`)
		if p.err != nil {
			return nil, p.err
		}
	}
	if len(terms) == 1 && terms[0].Weight == 1 {
		return terms[0].Loss, nil
	}
	return NewSum(terms...)
}

// call is a term of a specification, for a kind to build a loss from.
type call struct {
	kind     *kind
	args     []value
	target   []float64
	channels int
	rate     float64
	err      error // the first that fail was given
}

// value is an argument: some numbers, or n over a number.
type value struct {
	name    string // empty if it was given without
	column  int    // of the value
	numbers []float64
	ofSize  bool // n/numbers[0]
}

// fail records what is wrong at a column, unless something was before.
func (c *call) fail(column int, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("loss: column %d: %s", column, fmt.Sprintf(format, args...))
	}
}

func (c *call) arg(name string) *value {
	if i := slices.IndexFunc(c.args, func(v value) bool { return v.name == name }); i >= 0 {
		return &c.args[i]
	}
	return nil
}

// number returns the argument of that name, or what holds without it.
func (c *call) number(name string, standard float64) float64 {
	v := c.arg(name)
	if v == nil {
		return standard
	}
	if v.ofSize || len(v.numbers) != 1 {
		c.fail(v.column, "%s of %s is one number", name, c.kind.name)
		return standard
	}
	return v.numbers[0]
}

// stftOptions reads sizes, hop, win and the weights of the terms.
func (c *call) stftOptions(standard []Resolution) STFTOptions {
	o := STFTOptions{Channels: c.channels, Resolutions: append([]Resolution(nil), standard...)}
	if v := c.arg(""); v != nil {
		o.Resolutions = make([]Resolution, len(v.numbers))
		if v.ofSize {
			c.fail(v.column, "a size is a number of frames, such as 1024")
		}
		for i := range o.Resolutions {
			o.Resolutions[i].Size = c.frames("size", v, v.numbers[i])
		}
	}
	set := func(name string, field func(*Resolution) *int) {
		v := c.arg(name)
		if v == nil {
			return
		}
		if len(v.numbers) != 1 && len(v.numbers) != len(o.Resolutions) {
			c.fail(v.column, "%d values of %s for %d sizes; give one, or one for each", len(v.numbers), name, len(o.Resolutions))
			return
		}
		for i := range o.Resolutions {
			r, number := &o.Resolutions[i], v.numbers[min(i, len(v.numbers)-1)]
			if v.ofSize {
				number = float64(r.Size) / number
			}
			*field(r) = c.frames(name, v, number)
		}
	}
	set("hop", func(r *Resolution) *int { return &r.Hop })
	set("win", func(r *Resolution) *int { return &r.Window })
	o.Floor = c.number("floor", 0)
	switch c.number("center", 1) {
	case 0:
		o.Causal = true
	case 1:
	default:
		c.fail(c.arg("center").column, "center is 1, windows around their frames with reflected edges, or 0, windows from the first frame on with zeros after the last")
	}
	o.Weights = STFTWeights{SC: c.number("sc", 1), Log: c.number("log", 1), Lin: c.number("lin", 0)}
	if o.Weights == (STFTWeights{}) {
		c.fail(c.args[len(c.args)-1].column, "sc, log and lin are all 0; one must be above")
	}
	return o
}

// frames returns a number as a positive whole number of frames.
func (c *call) frames(name string, v *value, number float64) int {
	n := int(number)
	if !(number >= 1 && number <= 1<<24) || float64(n) != number {
		c.fail(v.column, "a %s of %v frames; it is a whole number from 1 to %d", name, number, 1<<24)
	}
	return n
}

// parser reads a specification token by token. Tokens are names, numbers and
// single characters; the empty token is the end.
type parser struct {
	text   string
	at     int // first byte after token
	token  string
	column int // of token, in characters from 1
	err    error
}

func (p *parser) fail(column int, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("loss: column %d: %s", column, fmt.Sprintf(format, args...))
	}
}

func (p *parser) next() {
	rest := strings.TrimLeftFunc(p.text[p.at:], unicode.IsSpace)
	start := len(p.text) - len(rest)
	p.column = utf8.RuneCountInString(p.text[:start]) + 1
	n := 0
	switch {
	case rest == "":
	case isLetter(rest[0]):
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
	case isDigit(rest[0]) || rest[0] == '.' || rest[0] == '-':
		n = numberLength(rest)
	default:
		_, n = utf8.DecodeRuneInString(rest)
	}
	p.token, p.at = rest[:n], start+n
}

// numberLength returns the length of the number, with its exponent, that
// begins s; a sign at the start is part of it, so that the error can name it.
func numberLength(s string) int {
	n := 1
	for n < len(s) && (isDigit(s[n]) || s[n] == '.') {
		n++
	}
	if n < len(s) && (s[n] == 'e' || s[n] == 'E') {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if e < len(s) && isDigit(s[e]) {
			for n = e; n < len(s) && isDigit(s[n]); n++ {
			}
		}
	}
	return n
}

func isLetter(b byte) bool { return b == '_' || 'a' <= b|0x20 && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isNumber(s string) bool {
	return s != "" && (isDigit(s[0]) || s[0] == '.' || s[0] == '-')
}

// found says what the token is, for an error.
func (p *parser) found() string {
	if p.token == "" {
		return "the end"
	}
	return strconv.Quote(p.token)
}

func (p *parser) expect(token, allowed string) {
	if p.token != token {
		p.fail(p.column, "found %s; here comes %s", p.found(), allowed)
		return
	}
	p.next()
}

func (p *parser) number() float64 {
	v, err := strconv.ParseFloat(p.token, 64)
	if !isNumber(p.token) || err != nil {
		p.fail(p.column, "found %s; here comes a number", p.found())
	}
	p.next()
	return v
}

func (p *parser) term() (weight float64, c *call) {
	weight = 1
	if isNumber(p.token) {
		column := p.column
		weight = p.number()
		if !(weight > 0) {
			p.fail(column, "a weight of %v; it is above 0", weight)
		}
		p.expect("*", `"*" between a weight and its loss`)
	}
	if p.err != nil {
		return 0, nil
	}
	c = &call{}
	if p.token == "" || !isLetter(p.token[0]) {
		p.fail(p.column, "found %s; here comes a loss: %s", p.found(), strings.Join(kindNames(), ", "))
		return 0, nil
	}
	i, found := findKind(p.token)
	if !found {
		p.fail(p.column, "there is no loss %q%s; there are %s", p.token, didYouMean(p.token, kindNames()), strings.Join(kindNames(), ", "))
		return 0, nil
	}
	c.kind = &kinds[i]
	p.next()
	if p.token == "(" {
		p.next()
		for p.token != ")" && p.err == nil {
			c.args = append(c.args, p.arg(c))
			if p.token != ")" {
				p.expect(",", `"," and another argument, or ")"`)
			}
		}
		p.next()
	}
	return weight, c
}

// arg reads an argument of c and checks that it has one of that name.
func (p *parser) arg(c *call) value {
	v := value{}
	column, first := p.column, p.token
	if first != "n" && first != "" && isLetter(first[0]) {
		v.name = first
		p.next()
	}
	var names []string
	for _, a := range c.kind.args {
		names = append(names, orSizes(a))
	}
	known := slices.Contains(c.kind.args, v.name)
	switch {
	case known && c.arg(v.name) != nil:
		p.fail(column, "%s has %s twice", c.kind.name, orSizes(v.name))
	case known:
	case len(names) == 0:
		p.fail(column, "%s takes no arguments, found %s", c.kind.name, strconv.Quote(first))
	case v.name == "":
		p.fail(column, "found %s; %s takes %s=…", strconv.Quote(first), c.kind.name, strings.Join(names, "=…, "))
	default:
		p.fail(column, "%s has no argument %q%s; it has %s", c.kind.name, v.name, didYouMean(v.name, names), strings.Join(names, ", "))
	}
	if v.name != "" {
		p.expect("=", fmt.Sprintf(`"=" and the value of %s`, v.name))
	}
	if p.err != nil {
		return v
	}
	v.column = p.column
	if p.token == "n" {
		v.ofSize, v.numbers = true, []float64{1}
		p.next()
		if p.token == "/" {
			p.next()
			column := p.column
			v.numbers[0] = p.number()
			if !(v.numbers[0] > 0) {
				p.fail(column, "n over %v; it is above 0", v.numbers[0])
			}
		}
		return v
	}
	v.numbers = append(v.numbers, p.number())
	for p.token == "/" && p.err == nil {
		p.next()
		v.numbers = append(v.numbers, p.number())
	}
	return v
}

func orSizes(name string) string {
	if name == "" {
		return "sizes"
	}
	return name
}

func kindNames() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// didYouMean returns a question with the choice nearest to a word, or nothing
// if none is near.
func didYouMean(word string, choices []string) string {
	if near := suggest.Nearest(word, choices); near != "" {
		return fmt.Sprintf(", did you mean %s?", near)
	}
	return ""
}

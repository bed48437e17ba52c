package cnode

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// spec is a node as its library sees it: what stays the same for all calls.
type spec struct {
	Name, Type  string
	Rate        float64
	Inputs      []string // audio ports
	Channels    []int    // of each
	Outputs     []string
	OutChannels []int // of each; the library says it
	Params      []specParam
	V1          bool // runs through amp_run_node
	FirstOnly   bool // it does if amp_run_node knows it
	Delay       int  // measured, in frames; the library says it
}

// specParam is a parameter: one value, or a vector of Len.
type specParam struct {
	Name   string
	Len    int
	Vector bool
	Start  []float64
}

// call is what a forward call heard and played: all channels of all ports, one
// after the other, and the values of the parameters, one per frame of those
// that vary.
type call struct {
	frames          int
	varies          []bool
	in, params, out []float64
	heat            float64 // joules since the state was made, as the library counts them
	refused         bool    // AMP_E_UNSUPPORTED: it plays nothing
}

// refuse makes a call one that plays nothing.
func (c *call) refuse(s *spec) {
	c.refused = true
	c.out = append(c.out[:0], make([]float64, s.outSize(c))...)
}

// paramSize is the number of values of a parameter in a call.
func (s *spec) paramSize(c *call, k int) int {
	if c.varies[k] {
		return c.frames
	}
	return s.Params[k].Len
}

// inSize, outSize and paramsSize are the numbers of values of a call.
func (s *spec) inSize(c *call) int  { return sum(s.Channels) * c.frames }
func (s *spec) outSize(c *call) int { return sum(s.OutChannels) * c.frames }
func (s *spec) paramsSize(c *call) (n int) {
	for k := range s.Params {
		n += s.paramSize(c, k)
	}
	return n
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// silence is a call of so many silent frames at the start values.
func (s *spec) silence(frames int) *call {
	c := &call{frames: frames, varies: make([]bool, len(s.Params))}
	c.in = make([]float64, s.inSize(c))
	for _, p := range s.Params {
		c.params = append(c.params, p.Start...)
	}
	return c
}

// json is params_json with the values of a call; what varies is at its first
// value. The first interface takes lists as text.
func (s *spec) json(c *call) string {
	values := map[string]any{"record": -1}
	if s.V1 {
		delete(values, "record")
	}
	at := 0
	for k, p := range s.Params {
		v := c.params[at:]
		at += s.paramSize(c, k)
		switch {
		case !p.Vector:
			values[p.Name] = v[0]
		case s.V1:
			var parts []string
			for _, x := range v[:p.Len] {
				parts = append(parts, fmt.Sprint(x))
			}
			values[p.Name] = strings.Join(parts, ",")
		default:
			values[p.Name] = v[:p.Len]
		}
	}
	text, err := json.Marshal(values)
	if err != nil { // values that are no numbers
		return "{}"
	}
	return string(text)
}

func finite(values []float64) (bad int, ok bool) {
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return i, false
		}
	}
	return 0, true
}

// fillNaN fills what must not be read, or has no value.
func fillNaN(v []float64) {
	for i := range v {
		v[i] = math.NaN()
	}
}

// breach is what a library did wrong in a call.
type breach struct {
	msg string
	// intact says that nothing outside the library is affected.
	intact bool
}

func (b *breach) Error() string { return b.msg }

func breaks(format string, args ...any) *breach {
	return &breach{fmt.Sprintf(format, args...), true}
}

// instance is one state of a library, in this process or in a child.
type instance interface {
	// forward renders a call: it fills in what was played.
	forward(c *call) *breach
	// backward walks the newest forward call back from the gradient of its
	// output, and returns those of its inputs and parameters; nil when the
	// library turns out to have none.
	backward(c *call, grad []float64) (in, params []float64, b *breach)
	// clone copies the state with all that is kept in it; nil when the library
	// does not say how.
	clone() instance
	// alive is false when the process that holds the state has ended.
	alive() bool
	release()
}

// opened is what a library answers to a node of its type.
type opened struct {
	OutChannels    []int
	V1, NoBackward bool
	Delay          int
	Heat           bool // the library counts it
}

// maker makes instances, in this process or in a child.
type maker interface {
	open(s *spec) (opened, error)
	instance(s *spec) instance
	// about tells what the library says of a type: its JSON, and whether it
	// speaks the second interface.
	about(typeName string) (text string, v2 bool)
}

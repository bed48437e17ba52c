//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"

	"ampfit/abi"

	"github.com/ebitengine/purego"
)

// node is a node of a library in one plan; kernels get it as their Data.
type node struct {
	lib            *library
	name, typeName string
	rate           float64
	channels       int
	outChannels    int
	params         []string
	start          []float64
	v1             bool // runs through amp_run_node
	noBackward     bool // answers AMP_E_UNSUPPORTED on the way back

	mu       sync.Mutex
	next     int64
	sessions map[int64]*session
}

// session is a run of one batch from frame 0, with its state in the library.
type session struct {
	id, used int64
	batch    int
	arena    *arena
	depth    int // calls that the library still keeps
	calls    []call
}

// call is what a forward call heard and played.
type call struct {
	frames          int
	in, params, out []float64
}

// maxSessions are kept of each batch: of runs that take turns.
const maxSessions = 4

// callBits is the part of a token that is the number of calls.
const callBits = 24

func (n *node) fault(format string, args ...any) {
	f := &Fault{n.lib.path, n.name, fmt.Sprintf(format, args...)}
	OnFault(f)
	panic(f) // what follows cannot be trusted
}

// started returns the session of a run that begins: a replay goes on in the one
// that it repeats.
func (n *node) started(b *abi.Block, lane int) *session {
	if b.State(lane)[0] != 0 {
		return nil
	}
	n.next++
	for _, s := range n.sessions {
		if s.batch == b.Batch(lane) && n.same(b, lane, s, 0) {
			s.used = n.next
			return s
		}
	}
	return n.begin(b.Batch(lane))
}

// close gives back what the library and the sessions hold.
func (n *node) close() {
	for _, s := range n.sessions {
		n.drop(s)
		s.arena.unmap()
	}
}

// begin makes a session of a batch and drops the one that rested longest.
func (n *node) begin(batch int) *session {
	var oldest *session
	count := 0
	for _, s := range n.sessions {
		if s.batch == batch {
			count++
			if oldest == nil || s.used < oldest.used {
				oldest = s
			}
		}
	}
	n.next++
	s := &session{id: n.next, used: n.next, batch: batch}
	if count >= maxSessions {
		delete(n.sessions, oldest.id)
		n.drop(oldest)
		s.arena, s.calls = oldest.arena, oldest.calls[:0] // their memory serves again
	}
	n.sessions[s.id] = s
	return s
}

// drop releases the state of a session in the library.
func (n *node) drop(s *session) {
	if s.arena != nil {
		if state := *s.arena.state; state != 0 && n.lib.release != 0 {
			purego.SyscallN(n.lib.release, state)
		}
		*s.arena.state = 0
	}
	s.depth = 0
}

// find returns the session of a token and the number of calls before it.
func (n *node) find(token float64) (*session, int) {
	id, at := int64(token)>>callBits, int(int64(token)&(1<<callBits-1))
	s := n.sessions[id]
	if s == nil || at > len(s.calls) {
		n.fault("the run goes on from a state that is no longer kept; more than %d runs take turns", maxSessions)
	}
	n.next++
	s.used = n.next
	return s, at
}

func (s *session) token(at int) float64 { return float64(s.id<<callBits | int64(at)) }

func forward(b *abi.Block) {
	n := b.Data.(*node)
	n.mu.Lock()
	defer n.mu.Unlock()
	for lane := range b.Lanes {
		state := b.State(lane)
		s, at := n.started(b, lane), 0
		if state[0] != 0 {
			s, at = n.find(state[0])
		}
		c := n.heard(b, lane, s, at)
		for ch := range n.outChannels {
			copy(b.OutCh(0, ch, lane), c.out[ch*b.Frames:(ch+1)*b.Frames])
		}
		state[0] = s.token(at + 1)
	}
}

// heard returns the call of the session at a place: the one that was made
// there, when it was the same, or a new one.
func (n *node) heard(b *abi.Block, lane int, s *session, at int) *call {
	if n.same(b, lane, s, at) { // without a call: the library may be on its way back
		return &s.calls[at]
	}
	if at < cap(s.calls) {
		s.calls = s.calls[:at+1] // with the memory of an earlier call
	} else {
		s.calls = append(s.calls, call{})
	}
	c := &s.calls[at]
	c.frames, c.in, c.params = b.Frames, c.in[:0], c.params[:0]
	for ch := range n.channels {
		c.in = append(c.in, b.InCh(0, ch, lane)...)
	}
	for k := range n.params {
		c.params = append(c.params, b.Param(k, lane).At(0))
	}
	n.replay(s, at)
	return c
}

// same reports whether the session made the call of this lane before.
func (n *node) same(b *abi.Block, lane int, s *session, at int) bool {
	same := at < len(s.calls) && s.calls[at].frames == b.Frames
	for ch := 0; same && ch < n.channels; ch++ {
		same = equalBits(s.calls[at].in[ch*b.Frames:(ch+1)*b.Frames], b.InCh(0, ch, lane))
	}
	for k := 0; same && k < len(n.params); k++ {
		same = math.Float64bits(s.calls[at].params[k]) == math.Float64bits(b.Param(k, lane).At(0))
	}
	return same
}

func equalBits(a, b []float64) bool {
	for i, x := range a {
		if math.Float64bits(x) != math.Float64bits(b[i]) {
			return false
		}
	}
	return true
}

// replay brings the library to where it has made the calls up to and with one.
func (n *node) replay(s *session, at int) {
	if s.depth > at { // it is further, on another way
		n.drop(s)
	}
	for s.depth <= at {
		n.forward(s, &s.calls[s.depth])
		s.depth++
	}
}

func backward(b, d *abi.Block) {
	n := b.Data.(*node)
	n.mu.Lock()
	defer n.mu.Unlock()
	for lane := range b.Lanes {
		d.State(lane)[0] = 0 // a token has no gradient
		token := b.State(lane)[0]
		if before := b.Before(lane); before != nil {
			token = before[0]
		}
		s, at := n.begun(token, b.Batch(lane))
		if at != s.depth-1 {
			n.replay(s, at)
		}
		c := &s.calls[at]
		a := n.room(s, c.frames)
		for ch := range n.outChannels {
			copy(a.gradOut[ch*c.frames:(ch+1)*c.frames], d.OutCh(0, ch, lane))
		}
		n.backward(s, c)
		s.depth--
		for ch := range n.channels {
			dx := d.InCh(0, ch, lane)
			for i, g := range a.gradIn[ch*c.frames : (ch+1)*c.frames] {
				dx[i] += g
			}
		}
		for k := range n.params {
			d.Param(k, lane).Add(0, a.gradParams[k])
		}
	}
}

// begun finds the session of a token from before its call; the first call of a
// run has the token 0, and belongs to the session that was used last.
func (n *node) begun(token float64, batch int) (*session, int) {
	if token != 0 {
		return n.find(token)
	}
	var newest *session
	for _, s := range n.sessions {
		if s.batch == batch && len(s.calls) > 0 && (newest == nil || s.used > newest.used) {
			newest = s
		}
	}
	if newest == nil {
		n.fault("a call is walked back that was never made")
	}
	return newest, 0
}

// json is params_json with the values of the parameters.
func (n *node) json(values []float64) string {
	p := map[string]any{"record": -1}
	for k, name := range n.params {
		p[name] = values[k]
	}
	if n.v1 {
		delete(p, "record")
	}
	text, err := json.Marshal(p)
	if err != nil { // values that are no numbers
		text = []byte("{}")
	}
	return string(text)
}

// try renders a few frames of silence and walks them back: it tells whether the
// library knows the type, its channels, and whether it has an adjoint.
func (n *node) try() error {
	const frames = 8
	s := &session{}
	defer func() { n.drop(s); s.arena.unmap() }()
	c := call{frames: frames, in: make([]float64, n.channels*frames), params: slices.Clone(n.start)}
	n.v1 = n.lib.v2 == 0
	if !n.v1 {
		n.outChannels = n.channels
		code, channels, err := n.shape(s, &c)
		switch {
		case code == abi.EUnknownNode:
			n.v1 = true // it may know it by the first call
		case err != nil:
			return err
		case code != abi.OK:
			return fmt.Errorf("%s refuses a node of type %q (code %d)", n.lib.path, n.typeName, code)
		default:
			n.outChannels = channels
			if code, err := n.callForward(s, &c); err != nil {
				return err
			} else if code != abi.OK {
				return fmt.Errorf("%s cannot render a node of type %q (code %d)", n.lib.path, n.typeName, code)
			}
			clear(n.room(s, frames).gradOut)
			code, err := n.callBackward(s, &c)
			if err != nil {
				return err
			}
			n.noBackward = code == abi.EUnsupported
			if code != abi.OK && !n.noBackward {
				return fmt.Errorf("%s cannot walk a node of type %q back (code %d)", n.lib.path, n.typeName, code)
			}
			return nil
		}
	}
	code, err := n.callLegacy(s, &c, true)
	if err == nil && code != abi.OK {
		err = fmt.Errorf("%s has no node type %q (code %d)", n.lib.path, n.typeName, code)
	}
	return err
}

// forward makes a call in the library and keeps what it plays.
func (n *node) forward(s *session, c *call) {
	var code abi.Code
	var err error
	if n.v1 {
		code, err = n.callLegacy(s, c, false)
	} else {
		code, err = n.callForward(s, c)
	}
	n.check("forward", code, err, c.out)
}

func (n *node) backward(s *session, c *call) {
	code, err := n.callBackward(s, c)
	a := s.arena
	n.check("backward", code, err, a.gradIn[:n.channels*c.frames])
	n.check("backward", code, nil, a.gradParams)
}

func (n *node) check(way string, code abi.Code, err error, results []float64) {
	if err != nil {
		n.fault("%v", err)
	}
	if code != abi.OK {
		n.fault("the %s call fails with code %d", way, code)
	}
	for i, v := range results {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			n.fault("the %s call returns %v (value %d)", way, v, i)
		}
	}
}

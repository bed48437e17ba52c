package cnode

import (
	"fmt"
	"iter"
	"math"
	"sync"
	"sync/atomic"

	"ampfit/abi"
)

// node is a node of a library in one plan; kernels get it as their Data.
type node struct {
	path string
	spec spec
	make maker

	heat bool // the library counts it

	mu       sync.Mutex
	next     int64
	mute     atomic.Bool // a forward call was refused
	noBack   atomic.Bool // a backward call was
	sessions map[int64]*session
}

// session is a run of one batch from frame 0, with its state in the library.
type session struct {
	id, used int64
	batch    int
	state    instance
	depth    int // calls that the library still keeps
	calls    []call
	dead     bool // its library broke the contract; all it plays is NaN
	mark     instance
	marked   int       // calls that mark has made
	grad     []float64 // of the outputs of a call
}

// Refused implements abi.Refuser.
func (n *node) Refused() (forward, backward bool) { return n.mute.Load(), n.noBack.Load() }

// maxSessions are kept of each batch: of runs that take turns.
const maxSessions = 4

// callBits is the part of a token that is the number of calls.
const callBits = 24

// fault reports what a library did wrong. It returns when OnFault does.
func (n *node) fault(b *breach) {
	OnFault(&Fault{Library: n.path, Node: n.spec.Name, Msg: b.msg, Intact: b.intact})
}

// lost is a fault that no caller can go on after.
func (n *node) lost(format string, args ...any) {
	f := &Fault{Library: n.path, Node: n.spec.Name, Msg: fmt.Sprintf(format, args...)}
	OnFault(f)
	panic(f)
}

// started returns the session of a run that begins: a replay goes on in the one
// that it repeats.
func (n *node) started(b *abi.Block, lane int) *session {
	n.next++
	for _, s := range n.sessions {
		if !s.dead && s.batch == b.Batch(lane) && n.same(b, lane, s, 0) {
			s.used = n.next
			return s
		}
	}
	return n.begin(b.Batch(lane))
}

// close gives back what the library and the sessions hold.
func (n *node) close() {
	for _, s := range n.sessions {
		s.drop()
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
		oldest.drop()
		s.calls = oldest.calls[:0] // its memory serves again
	}
	n.sessions[s.id] = s
	return s
}

// drop releases the states of a session in the library.
func (s *session) drop() {
	for _, x := range []instance{s.state, s.mark} {
		if x != nil {
			x.release()
		}
	}
	s.state, s.mark, s.depth = nil, nil, 0
}

// find returns the session of a token and the number of calls before it.
func (n *node) find(token float64) (*session, int) {
	id, at := int64(token)>>callBits, int(int64(token)&(1<<callBits-1))
	s := n.sessions[id]
	if s == nil || at > len(s.calls) && !s.dead {
		n.lost("the run goes on from a state that is no longer kept; more than %d runs take turns", maxSessions)
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
		var s *session
		at := 0
		if state[0] == 0 {
			s = n.started(b, lane)
		} else {
			s, at = n.find(state[0])
		}
		if c := n.heard(b, lane, s, at); c != nil {
			n.play(b, lane, c)
			if n.heat {
				before := 0.0
				if at > 0 {
					before = s.calls[at-1].heat
				}
				b.AddHeat(lane, c.heat-before)
			}
		} else {
			for port, ch := range each(n.spec.OutChannels) { // nothing can be made of them
				fillNaN(b.OutCh(port, ch, lane))
			}
		}
		state[0] = s.token(at + 1)
	}
}

// play copies what a call played to the output ports.
func (n *node) play(b *abi.Block, lane int, c *call) {
	out := c.out
	for port, ch := range each(n.spec.OutChannels) {
		out = out[copy(b.OutCh(port, ch, lane), out):]
	}
}

// each goes over all channels of ports that have so many.
func each(channels []int) iter.Seq2[int, int] {
	return func(yield func(port, ch int) bool) {
		for port, n := range channels {
			for ch := range n {
				if !yield(port, ch) {
					return
				}
			}
		}
	}
}

// heard returns the call of the session at a place: the one that was made
// there, when it was the same, or a new one. It is nil once the library broke
// the contract.
func (n *node) heard(b *abi.Block, lane int, s *session, at int) *call {
	if s.dead {
		return nil
	}
	if n.same(b, lane, s, at) { // without a call: the library may be on its way back
		return &s.calls[at]
	}
	if at < cap(s.calls) {
		s.calls = s.calls[:at+1] // with the memory of an earlier call
	} else {
		s.calls = append(s.calls, call{})
	}
	c := &s.calls[at]
	c.frames, c.in, c.params, c.varies = b.Frames, c.in[:0], c.params[:0], c.varies[:0]
	c.heat, c.refused = 0, false
	for port, ch := range each(n.spec.Channels) {
		c.in = append(c.in, b.InCh(port, ch, lane)...)
	}
	for k, p := range n.spec.Params {
		v := b.Param(k, lane)
		c.varies = append(c.varies, !p.Vector && v.Varies())
		switch {
		case p.Vector:
			c.params = append(c.params, b.Vector(k, lane)...)
		case v.Varies():
			for i := range b.Frames {
				c.params = append(c.params, v.At(i))
			}
		default:
			c.params = append(c.params, v.At(0))
		}
	}
	if !n.replay(s, at) {
		return nil
	}
	return c
}

// same reports whether the session made the call of this lane before.
func (n *node) same(b *abi.Block, lane int, s *session, at int) bool {
	if at >= len(s.calls) || s.calls[at].frames != b.Frames {
		return false
	}
	c := &s.calls[at]
	in, params := c.in, c.params
	for port, ch := range each(n.spec.Channels) {
		if !equalBits(in[:b.Frames], b.InCh(port, ch, lane)) {
			return false
		}
		in = in[b.Frames:]
	}
	for k, p := range n.spec.Params {
		size := n.spec.paramSize(c, k)
		v := b.Param(k, lane)
		switch {
		case p.Vector:
			if !equalBits(params[:size], b.Vector(k, lane)) {
				return false
			}
		case v.Varies() != c.varies[k]:
			return false
		default:
			for i := range size {
				if math.Float64bits(params[i]) != math.Float64bits(v.At(i)) {
					return false
				}
			}
		}
		params = params[size:]
	}
	return true
}

func equalBits(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i, x := range a {
		if math.Float64bits(x) != math.Float64bits(b[i]) {
			return false
		}
	}
	return true
}

// replay brings the library to where it has made the calls up to and with one.
// It tells whether that went well.
func (n *node) replay(s *session, at int) bool {
	if s.depth > at { // it is further, on another way
		n.depart(s, at)
	}
	if s.dead {
		return false
	}
	if s.state != nil && !s.state.alive() { // another node took its process down
		s.drop()
	}
	if s.state == nil {
		s.state = n.make.instance(&n.spec)
	}
	for s.depth <= at {
		c := &s.calls[s.depth]
		if s.depth > 0 && s.calls[s.depth-1].refused { // for good: its state is not known
			c.refuse(&n.spec)
			c.heat = s.calls[s.depth-1].heat
			s.depth++
			continue
		}
		if b := s.state.forward(c); b != nil {
			s.dead = true
			s.drop()
			n.fault(b)
			return false
		}
		if c.refused {
			n.mute.Store(true)
			if s.depth > 0 {
				c.heat = s.calls[s.depth-1].heat
			}
		}
		s.depth++
	}
	return true
}

// depart takes a session back to a place that another way leads on from. What
// the library copies its state for is that: runs that leave one place again and
// again need not begin afresh.
func (n *node) depart(s *session, at int) {
	if s.mark != nil && s.marked > at {
		s.mark.release()
		s.mark = nil
	}
	s.state.release()
	s.state, s.depth = nil, 0
	if s.mark != nil {
		s.state, s.depth = s.mark.clone(), s.marked
		if s.state == nil {
			s.depth = 0
		}
	}
	if at == 0 {
		return
	}
	if s.depth < at && !n.replay(s, at-1) {
		return
	}
	if s.mark != nil && s.marked == at {
		return
	}
	if s.mark != nil {
		s.mark.release()
	}
	s.mark, s.marked = s.state.clone(), at
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
		n.walk(s, at, d, lane)
	}
}

// walk makes the backward call at a place and adds its gradients to the duals.
func (n *node) walk(s *session, at int, d *abi.Block, lane int) {
	var in, params []float64
	var broken *breach
	var c *call
	if !s.dead && s.state != nil && !s.state.alive() && s.depth < len(s.calls) {
		s.dead = true // the gradient of its state is lost
		n.fault(breaks("the process of the library has ended on the way back, by a fault of another node"))
	}
	if n.mute.Load() || n.noBack.Load() { // zeros; the library stays where it is
		return
	}
	if !s.dead && at != s.depth-1 {
		n.replay(s, at)
	}
	if !s.dead {
		c = &s.calls[at]
		grad := s.grad[:0]
		for port, ch := range each(n.spec.OutChannels) {
			grad = append(grad, d.OutCh(port, ch, lane)...)
		}
		s.grad = grad
		if in, params, broken = s.state.backward(c, grad); broken != nil {
			s.dead = true
			s.drop()
			n.fault(broken)
		}
		if !s.dead && in == nil && params == nil {
			n.noBack.Store(true)
			return
		}
	}
	if s.dead {
		for port, ch := range each(n.spec.Channels) {
			fillNaN(d.InCh(port, ch, lane))
		}
		return
	}
	s.depth--
	for port, ch := range each(n.spec.Channels) {
		row := d.InCh(port, ch, lane)
		for i, g := range in[:c.frames] {
			row[i] += g
		}
		in = in[c.frames:]
	}
	for k, p := range n.spec.Params {
		size := n.spec.paramSize(c, k)
		for i, g := range params[:size] {
			if p.Vector {
				d.Vector(k, lane)[i] += g
			} else {
				d.Param(k, lane).Add(i, g)
			}
		}
		params = params[size:]
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
		if s.batch == batch && (len(s.calls) > 0 || s.dead) && (newest == nil || s.used > newest.used) {
			newest = s
		}
	}
	if newest == nil {
		n.lost("a call is walked back that was never made")
	}
	return newest, 0
}

//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// hostEnv names the library that a child process holds for its parent.
const hostEnv = "AMPFIT_NODE_HOST"

// hostSocket is the descriptor of the child's end.
const hostSocket = 3

func init() {
	if path := os.Getenv(hostEnv); path != "" && !embedded() {
		os.Exit(serve(path))
	}
}

// serve opens a library and makes the calls that the parent asks for, until it
// closes the socket.
func serve(path string) int {
	runtime.LockOSThread()
	os.Unsetenv(hostEnv)
	debug.SetTraceback("none")
	signal.Ignore(os.Interrupt) // the parent decides what that means
	go func() {                 // a library that never returns must not outlive it
		for parent := syscall.Getppid(); syscall.Getppid() == parent; {
			time.Sleep(time.Second)
		}
		os.Exit(1)
	}()
	h := &host{w: newWire(hostSocket), specs: map[uint64]*spec{}, states: map[uint64]*hosted{}}
	fenced = func(at uintptr, size int, what string) {
		h.w.begin(replyEnd)
		h.w.number(uint64(at))
		h.w.number(uint64(size))
		h.w.text(what)
		_ = h.w.send() // without the parent the next frame ends this
	}
	var err error
	if h.lib, err = open(path); err == nil {
		h.lib.paged = true
	}
	h.w.begin(replyResult)
	if err != nil {
		h.w.begin(replyBreach)
		h.w.text(err.Error())
	}
	if h.w.send() != nil || err != nil {
		return 1
	}
	for {
		op, f, err := h.w.receive()
		if err != nil {
			return 0
		}
		if h.answer(op, f) && h.w.send() != nil {
			return 0
		}
	}
}

// host is the child's side.
type host struct {
	w      *wire
	lib    *library
	specs  map[uint64]*spec
	states map[uint64]*hosted
}

// hosted is a state and its newest call.
type hosted struct {
	*local
	call call
	grad []float64
}

// answer does what a frame asks for and reports whether there is a reply.
func (h *host) answer(op byte, f *frame) bool {
	w := h.w
	switch op {
	case opAbout:
		text, v2 := h.lib.about(f.text())
		w.begin(replyResult)
		w.number(map[bool]uint64{true: 1}[v2])
		w.text(text)
	case opOpen:
		var s spec
		err := json.Unmarshal([]byte(f.text()), &s)
		var o opened
		if err == nil {
			o, err = h.lib.open(&s)
		}
		w.begin(replyResult)
		if err != nil {
			w.begin(replyBreach)
			w.text(err.Error())
			break
		}
		text, _ := json.Marshal(o) // numbers and truth values always encode
		w.text(string(text))
	case opSpec:
		id := f.number()
		s := &spec{}
		if err := json.Unmarshal([]byte(f.text()), s); err != nil {
			panic(fmt.Sprintf("cnode: a spec that is none: %v", err))
		}
		h.specs[id] = s
		return false
	case opNew:
		id := f.number()
		h.states[id] = &hosted{local: h.lib.local(h.specs[f.number()])}
		return false
	case opRelease:
		id := f.number()
		h.states[id].release()
		delete(h.states, id)
		return false
	case opClone:
		old, id := h.states[f.number()], f.number()
		x, ok := old.clone().(*local)
		if ok {
			h.states[id] = &hosted{local: x}
		}
		w.begin(replyResult)
		w.number(map[bool]uint64{true: 1}[ok])
	case opForward:
		x := h.states[f.number()]
		c, s := &x.call, x.spec
		f.call(c, s)
		c.in = f.floats(c.in[:0], s.inSize(c))
		c.params = f.floats(c.params[:0], s.paramsSize(c))
		b := x.forward(c)
		h.reply(b, c.refused, []float64{c.heat}, c.out)
	case opBackward:
		x := h.states[f.number()]
		c, s := &x.call, x.spec
		f.call(c, s)
		x.grad = f.floats(x.grad[:0], s.outSize(c))
		in, params, b := x.backward(c, x.grad)
		h.reply(b, in == nil && params == nil, in, params)
	default:
		panic(fmt.Sprintf("cnode: an unknown request %q", op))
	}
	return true
}

func (h *host) reply(b *breach, refused bool, results ...[]float64) {
	if b != nil {
		h.w.begin(replyBreach)
		h.w.text(b.msg)
		return
	}
	h.w.begin(replyResult)
	h.w.number(map[bool]uint64{true: 1}[refused])
	for _, r := range results {
		h.w.floats(r)
	}
}

//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// client is a library in a child process. It starts a new child when the one
// before has died.
type client struct {
	path  string
	limit atomic.Int64 // of a call, nanoseconds

	mu    sync.Mutex
	child *child
	next  uint64 // instance or spec
}

// child is one process.
type child struct {
	w      *wire
	cmd    *exec.Cmd
	stderr *crashLog
	specs  map[*spec]uint64
	ends   []end       // ranges without access
	late   atomic.Bool // it was ended for taking too long
	dead   bool
}

// start makes sure that there is a living child.
func (c *client) start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revive()
}

// revive starts a child when there is none alive.
func (c *client) revive() error {
	if c.child != nil && !c.child.dead {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("the node library %s cannot be isolated: this program does not know its own file (%w)", c.path, err)
	}
	syscall.ForkLock.RLock()
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(ends[0])
		syscall.CloseOnExec(ends[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return fmt.Errorf("the node library %s cannot be isolated: %w", c.path, err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "node host")
	defer theirs.Close()
	x := &child{w: newWire(ends[0]), stderr: newCrashLog(os.Stderr), specs: map[*spec]uint64{}}
	x.w.most = textMost
	x.cmd = exec.Command(self, "nodehost", c.path)
	x.cmd.Env = append(os.Environ(), hostEnv+"="+c.path)
	x.cmd.ExtraFiles = []*os.File{theirs}
	x.cmd.Stdout, x.cmd.Stderr = x.stderr, x.stderr
	x.stderr.flooded = func() { _ = x.cmd.Process.Kill() } // it may have died by itself
	if err := x.cmd.Start(); err != nil {
		syscall.Close(ends[0])
		return fmt.Errorf("the node library %s cannot be isolated: %w", c.path, err)
	}
	c.child = x
	theirs.Close() // so that the child's end is the only one
	op, f, b := c.await(x, "its initialisation")
	switch {
	case b != nil:
		return errors.New("the node library " + c.path + " " + b.msg)
	case op == replyBreach:
		c.bury(x, "")
		return errors.New(f.text())
	}
	return nil
}

// bury ends a child and returns what is known of its end, during what was asked
// of it last.
func (c *client) bury(x *child, during string) string {
	x.dead = true
	syscall.Close(int(x.w.fd))
	err := x.cmd.Wait()
	if x.late.Load() {
		return fmt.Sprintf("did not return from %s within %v; its process was ended", during, time.Duration(c.limit.Load()))
	}
	return x.stderr.cause(err, x.ends) + " in " + during
}

// await reads the answer to what was asked.
func (c *client) await(x *child, during string) (op byte, f *frame, b *breach) {
	limit := time.AfterFunc(time.Duration(c.limit.Load()), func() {
		x.late.Store(true)
		_ = x.cmd.Process.Kill() // it may have died by itself
	})
	defer limit.Stop()
	for {
		op, f, err := x.w.receive()
		switch {
		case err == errTooLong:
			return 0, nil, breaks("%s", c.confused(x, during))
		case err != nil:
			return 0, nil, breaks("%s", c.bury(x, during))
		case op == replyEnd:
			e := end{at: f.number(), size: f.number()}
			e.what = f.text()
			x.ends = append(x.ends, e)
		case op == replyResult, op == replyBreach:
			return op, f, nil
		default:
			return 0, nil, breaks("%s", c.confused(x, during))
		}
	}
}

// textMost is how long an answer in words may be; those in numbers are longer by
// what they hold.
const textMost = 1 << 20

// end is a range without access behind what it is named for.
type end struct {
	at, size uint64
	what     string
}

// confused ends a child whose answers make no sense: the library has written
// where it must not.
func (c *client) confused(x *child, during string) string {
	_ = x.cmd.Process.Kill() // it may have died by itself
	c.bury(x, during)
	return "writes into the memory of its process, which gives no sensible answers any more, in " + during
}

// answer reads numbers of an answer by f; one that does not hold them is a
// breach.
func (r *remote) answer(during string, read func()) (b *breach) {
	defer func() {
		if recover() != nil {
			b = breaks("the library %s", r.c.confused(r.on, during))
		}
	}()
	read()
	return nil
}

// ask sends the frame that was put down and waits for the answer.
func (c *client) ask(x *child, during string) (*frame, *breach) {
	_ = x.w.send() // a child that has died shows in its answer
	op, f, b := c.await(x, during)
	if b != nil {
		b.msg = "the library " + b.msg
		return nil, b
	}
	if op == replyBreach {
		return nil, breaks("%s", f.text())
	}
	return f, nil
}

func (c *client) about(typeName string) (text string, v2 bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revive() != nil {
		return "", true // what is wrong shows when the node is opened
	}
	w := c.child.w
	w.begin(opAbout)
	w.text(typeName)
	f, b := c.ask(c.child, "the call that describes "+typeName)
	if b != nil {
		return "", true
	}
	v2 = f.number() == 1
	return f.text(), v2
}

func (c *client) open(s *spec) (o opened, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.revive(); err != nil {
		return o, err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return o, err
	}
	w := c.child.w
	w.begin(opOpen)
	w.text(string(text))
	f, b := c.ask(c.child, "the trial of node "+s.Name)
	if b != nil {
		return o, fmt.Errorf("%s: %w", c.path, b)
	}
	return o, json.Unmarshal([]byte(f.text()), &o)
}

// remote is a state in a child.
type remote struct {
	c    *client
	on   *child // nil before the first call
	id   uint64
	spec *spec
	flat [2][]float64
}

func (c *client) instance(s *spec) instance { return newRemote(c, s) }

func newRemote(c *client, s *spec) *remote { return &remote{c: c, spec: s, flat: [2][]float64{{}, {}}} }

// alive tells whether the child that holds the state is.
func (r *remote) alive() bool {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	return r.on == nil || !r.on.dead
}

// place makes the state in the child.
func (r *remote) place() *breach {
	if r.on != nil {
		if r.on.dead {
			return breaks("its process has ended")
		}
		return nil
	}
	if err := r.c.revive(); err != nil {
		return breaks("%v", err)
	}
	x := r.c.child
	number, known := x.specs[r.spec]
	if !known {
		text, err := json.Marshal(r.spec)
		if err != nil {
			return breaks("%v", err)
		}
		r.c.next++
		number = r.c.next
		x.specs[r.spec] = number
		x.w.begin(opSpec)
		x.w.number(number)
		x.w.text(string(text))
		_ = x.w.send()
	}
	r.c.next++
	r.on, r.id = x, r.c.next
	x.w.begin(opNew)
	x.w.number(r.id)
	x.w.number(number)
	_ = x.w.send()
	return nil
}

func (r *remote) forward(c *call) *breach {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if b := r.place(); b != nil {
		return b
	}
	w := r.on.w
	w.begin(opForward)
	w.number(r.id)
	w.call(c)
	w.floats(c.in)
	w.floats(c.params)
	w.most = textMost + 8*r.spec.outSize(c)
	during := fmt.Sprintf("a forward call of %d frames", c.frames)
	f, b := r.c.ask(r.on, during)
	if b != nil {
		return b
	}
	return r.answer(during, func() {
		c.refused = f.number() == 1
		c.heat = math.Float64frombits(f.number())
		c.out = f.floats(c.out[:0], r.spec.outSize(c))
	})
}

func (r *remote) backward(c *call, grad []float64) (in, params []float64, b *breach) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if b := r.place(); b != nil {
		return nil, nil, b
	}
	w := r.on.w
	w.begin(opBackward)
	w.number(r.id)
	w.call(c)
	w.floats(grad)
	w.most = textMost + 8*(r.spec.inSize(c)+r.spec.paramsSize(c))
	during := fmt.Sprintf("a backward call of %d frames", c.frames)
	f, b := r.c.ask(r.on, during)
	if b != nil {
		return nil, nil, b
	}
	b = r.answer(during, func() {
		if f.number() == 1 {
			return
		}
		r.flat[0] = f.floats(r.flat[0][:0], r.spec.inSize(c))
		r.flat[1] = f.floats(r.flat[1][:0], r.spec.paramsSize(c))
		in, params = r.flat[0], r.flat[1]
	})
	return in, params, b
}

func (r *remote) clone() instance {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.on == nil || r.on.dead {
		return nil
	}
	r.c.next++
	y := newRemote(r.c, r.spec)
	y.on, y.id = r.on, r.c.next
	r.on.w.begin(opClone)
	r.on.w.number(r.id)
	r.on.w.number(y.id)
	f, b := r.c.ask(r.on, "amp_clone_state")
	if b != nil || f.number() == 0 {
		return nil
	}
	return y
}

func (r *remote) release() {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.on == nil || r.on.dead {
		return
	}
	r.on.w.begin(opRelease)
	r.on.w.number(r.id)
	_ = r.on.w.send() // that the child has died shows at the next call
}

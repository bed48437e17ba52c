//go:build (linux || darwin) && (amd64 || arm64)

package cnode

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"
	"unsafe"
)

// Between a program and the child that holds a library go frames over a socket:
// a length, a letter, and what belongs to it. Numbers are as they lie in
// memory; both ends are the same program.
//
//	to the child               back
//	a  type                    r v2, text
//	o  spec                    r opened | e
//	s  number, spec
//	n  instance, spec
//	f  instance, call          r refused, heat, out | e
//	b  instance, call, grad    r refused, gradients | e
//	c  instance, new one       r whether it could be cloned
//	d  instance
//	                           p address, size, text: a range without access
const (
	opAbout, opOpen, opSpec, opNew     = 'a', 'o', 's', 'n'
	opForward, opBackward              = 'f', 'b'
	opClone, opRelease                 = 'c', 'd'
	replyResult, replyBreach, replyEnd = 'r', 'e', 'p'
)

// wire is one end.
type wire struct {
	fd  fdConn
	in  *bufio.Reader
	out []byte
	buf []byte
	// most is how long a frame that comes in may be; 0 is any length.
	most int
}

// errTooLong is a frame that is longer than any that is expected.
var errTooLong = errors.New("cnode: a frame is longer than any answer")

func newWire(fd int) *wire {
	w := &wire{fd: fdConn(fd)}
	w.in = bufio.NewReaderSize(w.fd, 1<<16)
	return w
}

// fdConn reads and writes a blocking descriptor without the runtime's poller,
// which would cost more than the call.
type fdConn int

func (fd fdConn) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return 0, err
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

func (fd fdConn) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := syscall.Write(int(fd), p[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// begin starts a frame.
func (w *wire) begin(op byte) { w.out = append(w.out[:0], 0, 0, 0, 0, 0, 0, 0, op) }

func (w *wire) number(v uint64) { w.out = binary.LittleEndian.AppendUint64(w.out, v) }
func (w *wire) text(s string)   { w.out = append(w.out, s...) }
func (w *wire) floats(v []float64) {
	if len(v) > 0 {
		w.out = append(w.out, unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 8*len(v))...)
	}
}

// call puts a call down: its frames and which parameters vary.
func (w *wire) call(c *call) {
	w.number(uint64(c.frames))
	for _, v := range c.varies {
		one := byte(0)
		if v {
			one = 1
		}
		w.out = append(w.out, one)
	}
	for len(w.out)%8 != 0 {
		w.out = append(w.out, 0)
	}
}

func (w *wire) send() error {
	binary.LittleEndian.PutUint32(w.out, uint32(len(w.out)-8))
	_, err := w.fd.Write(w.out)
	return err
}

// receive reads a frame; the reader is good until the next one.
func (w *wire) receive() (op byte, f *frame, err error) {
	var head [8]byte
	if _, err := io.ReadFull(w.in, head[:]); err != nil {
		return 0, nil, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if w.most > 0 && n > w.most {
		return 0, nil, errTooLong
	}
	if cap(w.buf) < n {
		w.buf = make([]byte, n)
	}
	w.buf = w.buf[:n]
	_, err = io.ReadFull(w.in, w.buf)
	return head[7], &frame{w.buf}, err
}

// frame is what came in.
type frame struct{ rest []byte }

func (f *frame) number() uint64 {
	v := binary.LittleEndian.Uint64(f.rest)
	f.rest = f.rest[8:]
	return v
}

func (f *frame) text() string { return string(f.rest) }

// floats appends the next n values to v.
func (f *frame) floats(v []float64, n int) []float64 {
	if n < 0 || 8*n > len(f.rest) {
		panic(fmt.Sprintf("cnode: a frame of %d bytes has no %d values", len(f.rest), n))
	}
	for i := range n {
		v = append(v, *(*float64)(unsafe.Pointer(&f.rest[8*i])))
	}
	f.rest = f.rest[8*n:]
	return v
}

// call reads a call of a spec.
func (f *frame) call(c *call, s *spec) {
	c.frames = int(f.number())
	c.varies = c.varies[:0]
	for k := range s.Params {
		c.varies = append(c.varies, f.rest[k] != 0)
	}
	f.rest = f.rest[(len(s.Params)+7)/8*8:]
}

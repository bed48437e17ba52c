package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/go-audio/audio"
)

// reader decodes a file block by block into the sound that it is.
type reader struct {
	Audio
	name   string
	src    io.Reader // the bytes of the data chunk
	head   *head
	decode func(dst []float64, src []byte)
	raw    []byte    // one block of file bytes
	block  []float64 // the same, decoded
	frame  int64     // frames read so far
	ended  bool
}

// blockBytes is about what is read at once: large enough to keep system calls
// rare, small enough to stay in the cache.
const blockBytes = 64 << 10

// openFault is an error with a sentence of its own in front of its cause.
type openFault struct {
	msg   string
	cause error
}

func (e *openFault) Error() string { return e.msg }
func (e *openFault) Unwrap() error { return e.cause }

func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &openFault{path + ": no such file; check the path", fs.ErrNotExist}
	case errors.Is(err, fs.ErrPermission):
		return &openFault{path + ": may not be read; check its permissions", fs.ErrPermission}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// newReader reads the header from r; name stands in messages.
func newReader(r io.Reader, name string) (*reader, error) {
	if f, ok := r.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s: is a directory; give a WAV file", name)
		}
	}
	src := bufio.NewReaderSize(r, 4096)
	h, err := readHead(src, name)
	if err != nil {
		return nil, err
	}
	w := &reader{
		Audio: Audio{Rate: h.rate, Channels: h.channels, Bits: h.bits, Float: h.tag == tagFloat},
		name:  name, src: src, head: h, decode: decoder(h),
	}
	if h.size >= 0 {
		w.src = io.LimitReader(src, h.size)
	}
	return w, nil
}

// next decodes at least one frame. What it returns is valid until the next call.
func (r *reader) next() ([]float64, error) {
	if r.ended {
		return nil, io.EOF
	}
	width := r.head.container * r.Channels
	if r.raw == nil {
		frames := max(1, blockBytes/width)
		r.raw = make([]byte, frames*width)
		r.block = make([]float64, frames*r.Channels)
	}
	n, err := io.ReadFull(r.src, r.raw)
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		r.ended = true
	default:
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	frames := r.block[:n/width*r.Channels]
	r.decode(frames, r.raw[:n/width*width])
	if err := r.check(frames); err != nil {
		return nil, err
	}
	r.frame += int64(n / width)
	if r.ended {
		r.warn(n % width)
		if r.frame == 0 {
			return nil, noFrames(r.name)
		}
		if len(frames) == 0 {
			return nil, io.EOF
		}
	}
	return frames, nil
}

func (r *reader) check(frames []float64) error {
	if !r.Float {
		return nil
	}
	for i, x := range frames {
		if !finite(x) {
			n := r.frame + int64(i/r.Channels)
			return fmt.Errorf("%s: frame %d of channel %d (both from 0; at %.4f s) is %v; repair the recording there, or export it again",
				r.name, n, i%r.Channels, float64(n)/float64(r.Rate), x)
		}
	}
	return nil
}

// warn is called once, at the end of the data, with the bytes left over.
func (r *reader) warn(rest int) {
	width := int64(r.head.container * r.Channels)
	if size := r.head.size; size >= 0 && !r.head.pipe && r.frame < size/width {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: cut off: its header promises %d frames (%.3f s), the file holds %d (%.3f s)",
			r.name, size/width, float64(size/width)/float64(r.Rate), r.frame, float64(r.frame)/float64(r.Rate)))
	}
	if rest > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%s: its data ends inside frame %d; dropped %d of %d bytes of that frame",
			r.name, r.frame, rest, width))
	}
}

// Read reads a whole file.
func Read(path string) (*Audio, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	defer f.Close()
	var real int64
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		real = info.Size()
	}
	return decode(f, path, real)
}

// Decode reads a whole file from r; name stands in messages.
func Decode(r io.Reader, name string) (*Audio, error) { return decode(r, name, 0) }

// decode reads to the end. Where the true size of the file is known it bounds
// what is allocated ahead; otherwise the memory grows with the bytes that come.
func decode(from io.Reader, name string, real int64) (*Audio, error) {
	r, err := newReader(from, name)
	if err != nil {
		return nil, err
	}
	if r.head.size >= 0 {
		real = min(real, r.head.size)
	}
	data := make([]float64, 0, real/int64(r.head.container))
	for {
		frames, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		data = append(data, frames...)
	}
	r.Buffer = &audio.FloatBuffer{Format: &audio.Format{NumChannels: r.Channels, SampleRate: r.Rate}, Data: data}
	a := r.Audio // without the reader
	return &a, nil
}

// decoder returns the conversion of samples. Integers are scaled by the size of
// their container, in which they are left-justified: 12 bits in 16 have four
// zeros below.
func decoder(h *head) func(dst []float64, src []byte) {
	le := binary.LittleEndian
	if h.tag == tagFloat {
		if h.container == 4 {
			return func(dst []float64, src []byte) {
				for i := range dst {
					dst[i] = float64(math.Float32frombits(le.Uint32(src[4*i:])))
				}
			}
		}
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = math.Float64frombits(le.Uint64(src[8*i:]))
			}
		}
	}
	switch h.container {
	case 1: // alone unsigned, with 128 for zero
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int(src[i])-128) / (1 << 7)
			}
		}
	case 2:
		return func(dst []float64, src []byte) {
			for i := range dst {
				dst[i] = float64(int16(le.Uint16(src[2*i:]))) / (1 << 15)
			}
		}
	case 3:
		return func(dst []float64, src []byte) {
			for i := range dst {
				b := src[3*i : 3*i+3]
				dst[i] = float64(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
			}
		}
	}
	return func(dst []float64, src []byte) {
		for i := range dst {
			dst[i] = float64(int32(le.Uint32(src[4*i:]))) / (1 << 31)
		}
	}
}

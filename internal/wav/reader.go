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

// Reader decodes a file block by block, for those that do not fit in memory.
type Reader struct {
	Rate     int
	Channels int
	Bits     int
	Float    bool

	// Warnings grows up to the end of the data.
	Warnings []string

	name   string
	src    io.Reader // the bytes of the data chunk
	close  io.Closer
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

// Open opens the file for reading block by block. Close it after use.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	r, err := NewReader(f, path)
	if err != nil {
		f.Close()
		return nil, err
	}
	r.close = f
	return r, nil
}

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

// NewReader reads the header from r; name stands in messages.
func NewReader(r io.Reader, name string) (*Reader, error) {
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
	w := &Reader{
		Rate: h.rate, Channels: h.channels, Bits: h.bits, Float: h.tag == tagFloat,
		name: name, src: src, head: h, decode: decoder(h),
	}
	if h.size >= 0 {
		w.src = io.LimitReader(src, h.size)
	}
	return w, nil
}

// Close closes the file that Open opened.
func (r *Reader) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close.Close()
}

// ReadRows fills the rows, one per channel and of equal length, and returns the
// number of frames read; it is short only at the end, and then io.EOF follows.
// A sample that is NaN or infinite is an error.
// It panics if dst has not one row per channel.
func (r *Reader) ReadRows(dst [][]float64) (int, error) {
	if len(dst) != r.Channels {
		panic(fmt.Sprintf("wav: %d rows for %d channels", len(dst), r.Channels))
	}
	want, done := len(dst[0]), 0
	part := make([][]float64, len(dst))
	for done < want {
		frames, err := r.next(want - done)
		if err != nil {
			if done > 0 && err == io.EOF {
				break
			}
			return done, err
		}
		n := len(frames) / r.Channels
		for c := range dst {
			part[c] = dst[c][done : done+n]
		}
		deinterleave(part, frames)
		done += n
	}
	return done, nil
}

// next decodes at most limit frames, at least one. What it returns is valid
// until the next call.
func (r *Reader) next(limit int) ([]float64, error) {
	if r.ended {
		return nil, io.EOF
	}
	width := r.head.container * r.Channels
	if r.raw == nil {
		frames := max(1, blockBytes/width)
		r.raw = make([]byte, frames*width)
		r.block = make([]float64, frames*r.Channels)
	}
	raw := r.raw[:min(len(r.raw)/width, limit)*width]
	n, err := io.ReadFull(r.src, raw)
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		r.ended = true
	default:
		return nil, fmt.Errorf("%s: %w", r.name, err)
	}
	frames := r.block[:n/width*r.Channels]
	r.decode(frames, raw[:n/width*width])
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

func (r *Reader) check(frames []float64) error {
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
func (r *Reader) warn(rest int) {
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
	r, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var real int64
	if info, err := r.close.(*os.File).Stat(); err == nil && info.Mode().IsRegular() {
		real = info.Size()
	}
	return r.all(real)
}

// Decode reads a whole file from r; name stands in messages.
func Decode(r io.Reader, name string) (*Audio, error) {
	w, err := NewReader(r, name)
	if err != nil {
		return nil, err
	}
	return w.all(0)
}

// all reads to the end. Where the true size of the file is known it bounds what
// is allocated ahead; otherwise the memory grows with the bytes that come.
func (r *Reader) all(real int64) (*Audio, error) {
	if r.head.size >= 0 {
		real = min(real, r.head.size)
	}
	data := make([]float64, 0, real/int64(r.head.container))
	for {
		frames, err := r.next(math.MaxInt32)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		data = append(data, frames...)
	}
	return &Audio{
		Rate: r.Rate, Channels: r.Channels, Bits: r.Bits, Float: r.Float,
		Buffer:   &audio.FloatBuffer{Format: &audio.Format{NumChannels: r.Channels, SampleRate: r.Rate}, Data: data},
		Warnings: r.Warnings,
	}, nil
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

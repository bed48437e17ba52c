package wav

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Write writes the rows, one per channel, to path. It returns how many samples
// lay outside the range of the format and were clipped to it; float formats
// have room above ±1. A NaN or an infinity is an error, and so are rows of
// different lengths. On an error path is as it was.
func Write(path string, rate int, rows [][]float64, f Format) (clipped int, err error) {
	frames, err := rowFrames(rows, path)
	if err != nil {
		return 0, err
	}
	return finish(create(path, rate, len(rows), f, frames))(rows)
}

// Encode writes a whole file to w, as Write does. It does not seek.
func Encode(w io.Writer, rate int, rows [][]float64, f Format) (clipped int, err error) {
	frames, err := rowFrames(rows, "wav")
	if err != nil {
		return 0, err
	}
	return finish(newWriter(w, "wav", rate, len(rows), f, frames))(rows)
}

// finish returns what writes all rows and closes.
func finish(w *Writer, err error) func(rows [][]float64) (int, error) {
	return func(rows [][]float64) (int, error) {
		if err != nil {
			return 0, err
		}
		w.WriteRows(rows) // Close repeats its error
		return w.clipped, w.Close()
	}
}

func rowFrames(rows [][]float64, name string) (int, error) {
	if len(rows) == 0 {
		return 0, fmt.Errorf("%s: no channels to write", name)
	}
	for c, row := range rows {
		if len(row) != len(rows[0]) {
			return 0, fmt.Errorf("%s: channel 0 has %d frames, channel %d has %d; rows must be of equal length", name, len(rows[0]), c, len(row))
		}
	}
	if len(rows[0]) == 0 {
		return 0, fmt.Errorf("%s: no frames to write", name)
	}
	return len(rows[0]), nil
}

// Writer writes a file block by block. The file appears at Close.
type Writer struct {
	name     string
	rate     int
	channels int
	format   Format

	out     *bufio.Writer
	file    *os.File // nil: the caller's
	temp    string   // renamed to path at the end; "": written in place
	path    string
	planned int // frames that the header promises, or -1: patched at Close
	frames  int
	clipped int
	raw     []byte
	err     error
	done    bool

	// riffMax is the largest size a RIFF header can hold; a test lowers it.
	riffMax uint64
}

// Create starts a file that is written block by block. Nothing stands at path
// before Close. Use it like this:
//
//	w, err := wav.Create(path, rate, channels, wav.Float32)
//	…
//	defer w.Abort() // does nothing after Close
//	…
//	return w.Close()
func Create(path string, rate, channels int, f Format) (*Writer, error) {
	return create(path, rate, channels, f, -1)
}

func create(path string, rate, channels int, f Format, planned int) (*Writer, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // write through a link, do not replace it
	}
	temp := ""
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s: is a directory; give a file name", path)
	}
	at := path // a device or a pipe is written to, not replaced
	if err != nil || info.Mode().IsRegular() {
		temp = filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%08x.tmp", filepath.Base(path), rand.Uint32()))
		at = temp
	}
	file, err := os.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, createError(path, err)
	}
	w, err := newWriter(file, path, rate, channels, f, planned)
	if err != nil {
		file.Close()
		if temp != "" {
			os.Remove(temp)
		}
		return nil, err
	}
	w.file, w.temp, w.path = file, temp, path
	return w, nil
}

func createError(path string, err error) error {
	dir := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no directory %s; make it first (%w)", path, dir, fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: may not write in %s; check its permissions (%w)", path, dir, fs.ErrPermission)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func newWriter(out io.Writer, name string, rate, channels int, f Format, planned int) (*Writer, error) {
	if !f.valid() {
		return nil, fmt.Errorf("%s: no sample format %v", name, f)
	}
	if rate < 1 || int64(rate) > math.MaxUint32 {
		return nil, fmt.Errorf("%s: cannot write a rate of %d Hz", name, rate)
	}
	if channels < 1 || channels*f.Bytes() > math.MaxUint16 {
		return nil, fmt.Errorf("%s: cannot write %d channels of %s", name, channels, f)
	}
	w := &Writer{
		name: name, rate: rate, channels: channels, format: f,
		out: bufio.NewWriterSize(out, blockBytes), planned: planned, riffMax: math.MaxUint32,
	}
	_, w.err = w.out.Write(w.header(max(0, planned)))
	return w, nil
}

// Clipped returns how many samples so far lay outside the range of the format.
// A sample of exactly +1, half a step above the largest integer, is not counted.
func (w *Writer) Clipped() int { return w.clipped }

// WriteRows appends frames: one row per channel, of equal length. After an
// error the file is lost, and Close returns the same error.
func (w *Writer) WriteRows(rows [][]float64) error {
	if w.err != nil {
		return w.err
	}
	if w.done {
		return fmt.Errorf("%s: written to after Close", w.name)
	}
	if len(rows) != w.channels {
		w.err = fmt.Errorf("%s: %d rows for %d channels", w.name, len(rows), w.channels)
		return w.err
	}
	for c, row := range rows {
		if len(row) != len(rows[0]) {
			w.err = fmt.Errorf("%s: channel 0 has %d frames, channel %d has %d; rows must be of equal length", w.name, len(rows[0]), c, len(row))
			return w.err
		}
	}
	block := max(1, blockBytes/(w.channels*w.format.Bytes()))
	for at := 0; at < len(rows[0]) && w.err == nil; at += block {
		w.err = w.write(rows, at, min(at+block, len(rows[0])))
	}
	return w.err
}

func (w *Writer) write(rows [][]float64, from, to int) error {
	b := w.raw[:0]
	le := binary.LittleEndian
	for n := from; n < to; n++ {
		for c, row := range rows {
			x := row[n]
			if !finite(x) {
				at := w.frames + n - from
				return fmt.Errorf("%s: frame %d of channel %d (both from 0; at %.4f s) is %v, which has no place in a file",
					w.name, at, c, float64(at)/float64(w.rate), x)
			}
			switch w.format {
			case PCM16:
				b = le.AppendUint16(b, uint16(w.quantise(x, 1<<15)))
			case PCM24:
				v := w.quantise(x, 1<<23)
				b = append(b, byte(v), byte(v>>8), byte(v>>16))
			case Float32:
				if math.Abs(x) > math.MaxFloat32 {
					x = math.Copysign(math.MaxFloat32, x)
					w.clipped++
				}
				b = le.AppendUint32(b, math.Float32bits(float32(x)))
			case Float64:
				b = le.AppendUint64(b, math.Float64bits(x))
			}
		}
	}
	w.raw = b
	w.frames += to - from
	_, err := w.out.Write(b)
	return err
}

// quantise rounds to the nearest integer step and saturates.
func (w *Writer) quantise(x, full float64) int32 {
	v := math.RoundToEven(x * full)
	if v < -full || v > full {
		w.clipped++
	}
	return int32(max(-full, min(full-1, v)))
}

// Close completes the file and puts it in its place. After an error of
// WriteRows it removes what was written and returns that error.
func (w *Writer) Close() error {
	if w.done {
		return w.err
	}
	if w.err == nil && w.frames == 0 {
		w.err = fmt.Errorf("%s: no frames to write", w.name)
	}
	if w.err == nil {
		w.err = w.complete()
	}
	if w.err != nil {
		err := w.err
		w.Abort()
		return err
	}
	w.done = true
	if w.file == nil {
		return nil
	}
	if err := w.file.Close(); err != nil {
		w.err = err
	} else if w.temp != "" {
		w.err = os.Rename(w.temp, w.path)
	}
	if w.err != nil {
		if w.temp != "" {
			os.Remove(w.temp)
		}
		w.err = fmt.Errorf("%s: %w", w.name, w.err)
	}
	return w.err
}

// complete writes the pad byte and, where they were not known, the sizes.
func (w *Writer) complete() error {
	if w.size(w.frames)&1 == 1 {
		w.out.WriteByte(0) // Flush repeats its error
	}
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("%s: %w", w.name, err)
	}
	if w.planned >= 0 || w.file == nil {
		return nil
	}
	_, err := w.file.WriteAt(w.header(w.frames), 0)
	if err != nil && w.temp == "" {
		return nil // a pipe: its header says that the size is unknown
	}
	return err
}

// Abort gives the file up: nothing of it stays. After Close it does nothing.
func (w *Writer) Abort() {
	if w.done {
		return
	}
	w.done = true
	if w.file != nil {
		w.file.Close()
	}
	if w.temp != "" {
		os.Remove(w.temp)
	}
	if w.err == nil {
		w.err = fmt.Errorf("%s: given up", w.name)
	}
}

func (w *Writer) size(frames int) uint64 {
	return uint64(frames) * uint64(w.channels*w.format.Bytes())
}

// speakers is the channel mask of the usual layouts: front left and right,
// centre, then low frequencies, back and side. 0 leaves it open.
var speakers = [...]uint32{1: 0x4, 2: 0x3, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x13F, 8: 0x63F}

// header returns all that stands before the samples. Its length depends on the
// format only, unless the frames are known from the start: else a JUNK chunk
// holds the place of the ds64 chunk of a file beyond 4 GiB.
func (w *Writer) header(frames int) []byte {
	le := binary.LittleEndian
	size := w.size(frames)
	b := append(w.formatChunks(frames), "data"...)

	const ds64 = 28 // riff size, data size, frames, and an empty table
	riff := 4 + uint64(len(b)) + 4 + size + size&1
	streamed := w.planned < 0
	if streamed {
		riff += 8 + ds64
	}
	large := riff > w.riffMax
	if large && !streamed {
		riff += 8 + ds64
	}
	unknown := streamed && frames == 0 // it stays so when the file is a pipe

	var h []byte
	switch {
	case large:
		h = append(h, "RF64\xFF\xFF\xFF\xFFWAVEds64"...)
		h = le.AppendUint32(h, ds64)
		h = le.AppendUint64(h, riff)
		h = le.AppendUint64(h, size)
		h = le.AppendUint64(h, uint64(frames))
		h = le.AppendUint32(h, 0)
	default:
		if unknown {
			riff = unknownSize
		}
		h = append(h, "RIFF"...)
		h = le.AppendUint32(h, uint32(riff))
		h = append(h, "WAVE"...)
		if streamed {
			h = append(h, "JUNK"...)
			h = le.AppendUint32(h, ds64)
			h = append(h, make([]byte, ds64)...)
		}
	}
	if large || unknown {
		size = unknownSize
	}
	return le.AppendUint32(append(h, b...), uint32(size))
}

// formatChunks are the chunks that say what the samples are.
func (w *Writer) formatChunks(frames int) []byte {
	le := binary.LittleEndian
	bytes := w.format.Bytes()
	tag := uint16(tagPCM)
	if w.format.isFloat() {
		tag = tagFloat
	}
	first, size := tag, uint32(16)
	extensible := w.channels > 2 || tag == tagPCM && bytes > 2
	switch {
	case extensible:
		first, size = tagExtensible, 40
	case tag == tagFloat:
		size = 18
	}
	b := append([]byte(nil), "fmt "...)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, first)
	b = le.AppendUint16(b, uint16(w.channels))
	b = le.AppendUint32(b, uint32(w.rate))
	b = le.AppendUint32(b, uint32(min(uint64(w.rate)*uint64(w.channels*bytes), math.MaxUint32)))
	b = le.AppendUint16(b, uint16(w.channels*bytes))
	b = le.AppendUint16(b, uint16(8*bytes))
	if extensible {
		mask := uint32(0)
		if w.channels < len(speakers) {
			mask = speakers[w.channels]
		}
		b = le.AppendUint16(b, 22)
		b = le.AppendUint16(b, uint16(8*bytes))
		b = le.AppendUint32(b, mask)
		b = le.AppendUint16(b, tag)
		b = append(b, guidTails[0]...)
	} else if tag == tagFloat {
		b = le.AppendUint16(b, 0)
	}
	if tag == tagFloat {
		b = append(b, "fact"...)
		b = le.AppendUint32(b, 4)
		b = le.AppendUint32(b, uint32(min(uint64(frames), math.MaxUint32)))
	}
	return b
}

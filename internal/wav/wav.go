// Package wav reads and writes WAV files.
//
// Samples are float64 in ±1 inside the program, one row per channel. A file is
// a list of chunks; the two that matter are "fmt ", which says what a sample
// is, and "data", which holds the frames, channels interleaved:
//
//	RIFF size WAVE │ fmt … │ LIST … │ data size  L0 R0 L1 R1 L2 R2 … │ …
//
// The reader takes integer PCM of 8 to 32 bits and float of 32 and 64, plain or
// EXTENSIBLE, and RF64 beyond 4 GiB. What a header promises is never believed:
// memory follows the bytes that are there, and a file that ends early gives what
// it holds together with a warning. Whatever else is wrong is an error of one
// sentence, which says how to mend it.
//
// The writer goes to a temporary file beside the target and renames it at the
// end, so that a file of that name is always a whole one.
//
// Sources: Microsoft and IBM, Multimedia Programming Interface and Data
// Specifications 1.0 (RIFF); Microsoft, WAVEFORMATEXTENSIBLE; EBU Tech 3306
// (RF64).
package wav

import (
	"fmt"
	"math"

	"github.com/go-audio/audio"
)

// Audio is a whole decoded file.
type Audio struct {
	Rate     int  // frames per second
	Channels int  // at least 1
	Bits     int  // bits per sample as stored in the file
	Float    bool // the file stores floats

	// Buffer holds the frames, channels interleaved. Integers are scaled to ±1;
	// floats are as in the file, and may lie outside.
	Buffer *audio.FloatBuffer

	// Warnings are sentences for the user, such as data that ends early.
	Warnings []string
}

// Frames returns the length in frames.
func (a *Audio) Frames() int { return len(a.Buffer.Data) / a.Channels }

// Rows returns a copy of the samples with one row per channel. The rows lie in
// one allocation, channel after channel.
func (a *Audio) Rows() [][]float64 {
	frames := a.Frames()
	all := make([]float64, frames*a.Channels)
	rows := make([][]float64, a.Channels)
	for c := range rows {
		rows[c] = all[c*frames : (c+1)*frames : (c+1)*frames]
	}
	deinterleave(rows, a.Buffer.Data)
	return rows
}

func deinterleave(rows [][]float64, frames []float64) {
	for c, row := range rows {
		i := c
		for n := range row {
			row[n] = frames[i]
			i += len(rows)
		}
	}
}

// Format is what a sample is in a file that is written.
type Format int

// The zero value is the default: it neither clips nor rounds audibly.
const (
	Float32 Format = iota
	PCM16
	PCM24
	Float64
)

var formats = [...]struct {
	name  string
	bytes int
	float bool
}{
	Float32: {"32f", 4, true},
	PCM16:   {"16", 2, false},
	PCM24:   {"24", 3, false},
	Float64: {"64f", 8, true},
}

// String returns the spelling of the command line: 16, 24, 32f or 64f.
func (f Format) String() string {
	if !f.valid() {
		return fmt.Sprintf("Format(%d)", int(f))
	}
	return formats[f].name
}

// Bytes is what a sample takes in a file.
func (f Format) Bytes() int { return formats[f].bytes }

// ParseFormat reads the spelling of the command line.
func ParseFormat(s string) (Format, error) {
	for f, spec := range formats {
		if spec.name == s {
			return Format(f), nil
		}
	}
	return 0, fmt.Errorf("wav: no sample format %q; take 16, 24, 32f or 64f", s)
}

func (f Format) valid() bool   { return f >= 0 && int(f) < len(formats) }
func (f Format) isFloat() bool { return formats[f].float }

func finite(x float64) bool { return math.Abs(x) <= math.MaxFloat64 }

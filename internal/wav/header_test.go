package wav_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"ampfit/internal/wav"
)

const (
	pcm        = 1
	float      = 3
	muLaw      = 7
	extensible = 0xFFFE
	unknown    = 0xFFFFFFFF
)

func le16(v ...int) (b []byte) {
	for _, v := range v {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func le32(v ...uint32) (b []byte) {
	for _, v := range v {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

func le64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }

func join(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// chunk pads, sized does not and may lie.
func chunk(id string, body []byte) []byte {
	b := sized(id, uint32(len(body)), body)
	if len(body)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

func sized(id string, size uint32, body []byte) []byte { return join(id, le32(size), body) }

func riff(chunks ...[]byte) []byte {
	b := []byte("WAVE")
	for _, c := range chunks {
		b = append(b, c...)
	}
	return join("RIFF", le32(uint32(len(b))), b)
}

// format is a WAVEFORMAT of 8000 Hz.
func format(tag, channels, bits, container int) []byte {
	frame := channels * container
	return join(le16(tag, channels), le32(8000, uint32(8000*frame)), le16(frame, bits))
}

// guid turns one into a WAVEFORMATEXTENSIBLE.
func guid(tag int, base []byte) []byte {
	return join(le16(extensible), base[2:], le16(22), base[14:16], le32(3), le16(tag), "\x00\x00\x00\x00\x10\x00\x80\x00\x00\xAA\x00\x38\x9B\x71")
}

func fmtChunk(tag, channels, bits int) []byte {
	return chunk("fmt ", format(tag, channels, bits, (bits+7)/8))
}

// pair is two frames of 16-bit mono, ½ and -½.
var pair = le16(0x4000, 0xC000)

var half = []float64{0.5, -0.5}

// Each is a file that is fine, or that gives what it holds with a warning.
func TestDecodeHeaders(t *testing.T) {
	mono16 := fmtChunk(pcm, 1, 16)
	f32 := join(le32(math.Float32bits(0.5), math.Float32bits(-0.5)))
	for _, tc := range []struct {
		name string
		file []byte
		want []float64
		warn string
	}{
		{"plain", riff(mono16, chunk("data", pair)), half, ""},
		{"8 bit is unsigned", riff(fmtChunk(pcm, 1, 8), chunk("data", []byte{192, 64})), half, ""},
		{"24 bit", riff(fmtChunk(pcm, 1, 24), chunk("data", []byte{0, 0, 0x40, 0, 0, 0xC0})), half, ""},
		{"32 bit", riff(fmtChunk(pcm, 1, 32), chunk("data", le32(0x40000000, 0xC0000000))), half, ""},
		{"12 bit in 16", riff(chunk("fmt ", format(pcm, 1, 12, 2)), chunk("data", pair)), half, ""},
		{"20 bit in 24", riff(chunk("fmt ", format(pcm, 1, 20, 3)), chunk("data", []byte{0, 0, 0x40, 0, 0, 0xC0})), half, ""},
		{"24 bit in 32", riff(chunk("fmt ", format(pcm, 1, 24, 4)), chunk("data", le32(0x40000000, 0xC0000000))), half, ""},
		{"float 32", riff(fmtChunk(float, 1, 32), chunk("data", f32)), half, ""},
		{"float 64", riff(fmtChunk(float, 1, 64), chunk("data", join(le64(math.Float64bits(0.5)), le64(math.Float64bits(-0.5))))), half, ""},
		{"float outside ±1", riff(fmtChunk(float, 1, 32), chunk("data", le32(math.Float32bits(3)))), []float64{3}, ""},
		{"extensible 16 bit", riff(chunk("fmt ", guid(pcm, format(pcm, 1, 16, 2))), chunk("data", pair)), half, ""},
		{"extensible float 32", riff(chunk("fmt ", guid(float, format(float, 1, 32, 4))), chunk("fact", le32(2)), chunk("data", f32)), half, ""},
		{"no bytes per frame", riff(chunk("fmt ", format(pcm, 1, 16, 0)), chunk("data", pair)), half, ""},
		{"stereo", riff(fmtChunk(pcm, 2, 16), chunk("data", pair)), half, ""},

		{"JUNK before", riff(chunk("JUNK", make([]byte, 28)), mono16, chunk("data", pair)), half, ""},
		{"odd LIST between", riff(mono16, chunk("LIST", []byte("INFOabc")), chunk("data", pair)), half, ""},
		{"odd LIST after", riff(mono16, chunk("data", pair), chunk("LIST", []byte("INFOabc"))), half, ""},
		{"second data chunk", riff(mono16, chunk("data", pair), chunk("data", pair)), half, ""},
		{"odd data with pad", riff(fmtChunk(pcm, 1, 8), chunk("data", []byte{192, 64, 128}), chunk("LIST", []byte("INFO"))), []float64{0.5, -0.5, 0}, ""},
		{"odd data without pad", riff(fmtChunk(pcm, 1, 8), sized("data", 3, []byte{192, 64, 128})), []float64{0.5, -0.5, 0}, ""},
		{"odd 24 bit", riff(fmtChunk(pcm, 1, 24), chunk("data", []byte{0, 0, 0x40})), []float64{0.5}, ""},

		{"size 0", riff(mono16, sized("data", 0, pair)), half, ""},
		{"size 0xFFFFFFFF", riff(mono16, sized("data", unknown, pair)), half, ""},
		{"size of a sox pipe", riff(mono16, sized("data", 0x7FFFF000, pair)), half, ""},
		{"RF64", join("RF64", le32(unknown), "WAVE", chunk("ds64", join(le64(0), le64(4), le64(2), le32(0))), mono16,
			sized("data", unknown, pair), chunk("LIST", []byte("INFO"))), half, ""},
		{"RF64 without sizes", join("RF64", le32(unknown), "WAVE", chunk("ds64", make([]byte, 28)), mono16, sized("data", unknown, pair)), half, ""},
		{"RF64 of 6 GiB, cut", join("RF64", le32(unknown), "WAVE", chunk("ds64", join(le64(6<<30+72), le64(6<<30), le64(3<<30), le32(0))), mono16,
			sized("data", unknown, pair)), half, "x.wav: cut off: its header promises 3221225472 frames (402653.184 s), the file holds 2 (0.000 s)"},

		{"cut off", riff(mono16, sized("data", 8000, pair)), half, "x.wav: cut off: its header promises 4000 frames (0.500 s), the file holds 2 (0.000 s)"},
		{"ends inside a frame", riff(fmtChunk(pcm, 2, 16), chunk("data", join(pair, []byte{1, 2, 3}))), half,
			"x.wav: its data ends inside frame 1; dropped 3 of 4 bytes of that frame"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := wav.Decode(bytes.NewReader(tc.file), "x.wav")
			require.NoError(t, err)
			require.Equal(t, tc.want, a.Buffer.Data)
			require.Equal(t, 8000, a.Rate)
			if tc.warn == "" {
				require.Empty(t, a.Warnings)
			} else {
				require.Equal(t, []string{tc.warn}, a.Warnings)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	mono16 := fmtChunk(pcm, 1, 16)
	data := chunk("data", pair)
	to := "; convert it: ffmpeg -i 'my song.x' -c:a pcm_f32le 'my song.wav'"
	for _, tc := range []struct {
		name string
		file []byte
		want string
	}{
		{"empty", nil, "is empty (0 bytes); record or copy it again"},
		{"text", []byte("hello, world"), `is not a WAV file (it begins with "hell"); if it is audio, convert it: ffmpeg -i 'my song.x' -c:a pcm_f32le 'my song.wav'`},
		{"one byte", []byte("R"), `is not a WAV file (it begins with "R"); if it is audio, convert it: ffmpeg -i 'my song.x' -c:a pcm_f32le 'my song.wav'`},
		{"FLAC", []byte("fLaC\x00\x00\x00\x22etcetc"), "is FLAC, not WAV" + to},
		{"MP3 with tag", []byte("ID3\x04etcetcetc"), "is MP3, not WAV" + to},
		{"MP3", []byte("\xFF\xFB\x90\x64etcetcetc"), "is MP3, not WAV" + to},
		{"Ogg", []byte("OggS\x00etcetcetc"), "is Ogg, not WAV" + to},
		{"AIFF", []byte("FORM\x00\x00\x10\x00AIFF"), "is AIFF, not WAV" + to},
		{"MP4", []byte("\x00\x00\x00\x20ftypM4A "), "is MP4 (AAC or ALAC), not WAV" + to},
		{"AVI", []byte("RIFF\x00\x00\x10\x00AVI "), `is RIFF of type "AVI ", not WAV` + to},
		{"header alone", riff(), `ends before its "fmt " chunk, so it holds no audio; copy or export it again`},
		{"no data chunk", riff(mono16, chunk("LIST", []byte("INFO"))), "has a header but no data chunk, so it holds no audio; copy or export it again"},
		{"no fmt chunk", riff(data, mono16), `no "fmt " chunk before the data, so the sample format is unknown; export the file again`},
		{"no frames", riff(mono16, chunk("data", nil)), "holds no frames; record or export it again"},
		{"no frames, LIST after", riff(mono16, chunk("data", nil), chunk("LIST", []byte("INFO"))), "holds no frames; record or export it again"},
		{"less than a frame", riff(mono16, chunk("data", []byte{1})), "holds no frames; record or export it again"},
		{"short fmt", riff(chunk("fmt ", le16(1, 2, 3)), data), `its "fmt " chunk has 6 bytes where 16 are needed; the header is damaged, export the file again`},
		{"cut in fmt", riff(sized("fmt ", 16, le16(1, 1))), `ends inside its "fmt " chunk; the file is cut off, copy or export it again`},
		{"fmt of 4 GB", riff(sized("fmt ", unknown, format(pcm, 1, 16, 2))), `its "fmt " chunk claims 4294967295 bytes, which no real one has; the header is damaged, export the file again`},
		{"ds64 of 4 GB", join("RF64", le32(unknown), "WAVE", sized("ds64", unknown, nil)), `its "ds64" chunk claims 4294967295 bytes, which no real one has; the header is damaged, export the file again`},
		{"LIST of 4 GB", riff(mono16, sized("LIST", unknown, []byte("INFO"))), `its "LIST" chunk claims 4294967295 bytes, past the end of the file, and no data chunk was found before; copy or export it again`},
		{"mu-law", riff(fmtChunk(muLaw, 1, 8), data), "holds mu-law, but only integer PCM and float are read" + to},
		{"mu-law, extensible", riff(chunk("fmt ", guid(muLaw, format(muLaw, 1, 8, 1))), data), "holds mu-law, but only integer PCM and float are read" + to},
		{"unknown codec", riff(fmtChunk(0x1234, 1, 8), data), "holds codec 0x1234, but only integer PCM and float are read" + to},
		{"unknown sub-format", riff(chunk("fmt ", join(guid(pcm, format(pcm, 1, 16, 2))[:26], "not the usual.")), data),
			"unknown sub-format 01006e6f742074686520757375616c2e" + to},
		{"short extensible", riff(chunk("fmt ", format(extensible, 1, 16, 2)), data), "an EXTENSIBLE header of 16 bytes where 40 are needed; the header is damaged, export the file again"},
		{"channels 0", riff(fmtChunk(pcm, 0, 16), data), "its header says 0 channels; the header is damaged, export the file again"},
		{"rate 0", riff(chunk("fmt ", join(le16(1, 1), le32(0, 0), le16(2, 16))), data), "its header says 0 Hz; the header is damaged, export the file again"},
		{"64-bit integer", riff(fmtChunk(pcm, 1, 64), data), "64-bit integer samples, 1 channels in frames of 8 bytes, cannot be read" + to},
		{"16-bit float", riff(fmtChunk(float, 1, 16), data), "16-bit float samples, 1 channels in frames of 2 bytes, cannot be read" + to},
		{"0 bits", riff(chunk("fmt ", format(pcm, 1, 0, 0)), data), "0-bit integer samples, 1 channels in frames of 0 bytes, cannot be read" + to},
		{"NaN", riff(fmtChunk(float, 2, 32), chunk("data", le32(0, 0, 0, 0x7FC00000))),
			"frame 1 of channel 1 (both from 0; at 0.0001 s) is NaN; repair the recording there, or export it again"},
		{"infinite", riff(fmtChunk(float, 1, 32), chunk("data", le32(0, 0x7F800000))),
			"frame 1 of channel 0 (both from 0; at 0.0001 s) is +Inf; repair the recording there, or export it again"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := wav.Decode(bytes.NewReader(tc.file), "my song.x")
			require.Nil(t, a)
			require.EqualError(t, err, "my song.x: "+tc.want)
		})
	}
}

func TestReadPlaces(t *testing.T) {
	dir := t.TempDir()
	_, err := wav.Read(filepath.Join(dir, "none.wav"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "none.wav: no such file; check the path")
	_, err = wav.Read(dir)
	require.EqualError(t, err, dir+": is a directory; give a WAV file")
}

// A header of 44 bytes that promises 4 GB must not cost memory for them.
func TestLyingHeaderAllocatesLittle(t *testing.T) {
	file := riff(fmtChunk(pcm, 2, 16), sized("data", unknown-1, le16(1, 2)))
	path := filepath.Join(t.TempDir(), "lie.wav")
	require.NoError(t, os.WriteFile(path, file, 0o600))
	for name, read := range map[string]func() (*wav.Audio, error){
		"Read":   func() (*wav.Audio, error) { return wav.Read(path) },
		"Decode": func() (*wav.Audio, error) { return wav.Decode(bytes.NewReader(file), "lie.wav") },
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			a, err := read()
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.Equal(t, 1, a.Frames())
			require.Len(t, a.Warnings, 1)
			// The block buffers: 64 KiB of bytes, and 32 Ki samples of 8 bytes.
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

// FuzzDecode reads any bytes: an error or an Audio whose parts agree, never a
// panic, and never more memory than a small multiple of the input.
func FuzzDecode(f *testing.F) {
	mono16 := fmtChunk(pcm, 1, 16)
	for _, seed := range [][]byte{
		nil,
		riff(),
		riff(mono16, chunk("data", pair)),
		riff(fmtChunk(pcm, 1, 8), chunk("data", []byte{1, 2, 3})),
		riff(fmtChunk(pcm, 2, 24), chunk("data", make([]byte, 12))),
		riff(fmtChunk(float, 1, 32), chunk("fact", le32(1)), chunk("data", make([]byte, 4))),
		riff(fmtChunk(float, 1, 64), chunk("data", make([]byte, 8))),
		riff(chunk("fmt ", guid(pcm, format(pcm, 6, 32, 4))), chunk("data", make([]byte, 24))),
		riff(mono16, sized("data", unknown, pair)),
		riff(mono16, sized("data", 0, pair)),
		riff(chunk("LIST", []byte("odd")), mono16, sized("LIST", unknown-1, pair)),
		riff(chunk("fmt ", format(pcm, 65535, 8, 1)), chunk("data", make([]byte, 9))),
		join("RF64", le32(unknown), "WAVE", chunk("ds64", join(le64(0), le64(1<<62), le64(0), le32(0))), mono16, sized("data", unknown, pair)),
		join("RF64", le32(unknown), "WAVE", chunk("ds64", join(le64(0), le64(1<<63), le64(0), le32(0))), mono16, sized("data", unknown, pair)),
		[]byte("fLaC\x00\x00\x00\x22"),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := wav.Decode(bytes.NewReader(file), "fuzz.wav")
		if err != nil {
			require.Nil(t, a)
			require.Contains(t, err.Error(), "fuzz.wav: ")
			return
		}
		require.Positive(t, a.Frames())
		require.Len(t, a.Buffer.Data, a.Frames()*a.Channels)
		require.LessOrEqual(t, len(a.Buffer.Data), len(file))
		rows := a.Rows()
		require.Len(t, rows, a.Channels)
		for i, x := range a.Buffer.Data {
			require.Equal(t, x, rows[i%a.Channels][i/a.Channels])
			require.False(t, math.IsNaN(x) || math.IsInf(x, 0))
		}
	})
}

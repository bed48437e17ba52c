package wav

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// Format tags, from mmreg.h.
const (
	tagPCM        = 0x0001
	tagFloat      = 0x0003
	tagExtensible = 0xFFFE // the tag proper is in the sub-format GUID
)

var codecs = map[uint16]string{
	0x0002: "Microsoft ADPCM",
	0x0006: "A-law",
	0x0007: "mu-law",
	0x0011: "IMA ADPCM",
	0x0031: "GSM 6.10",
	0x0040: "G.721 ADPCM",
	0x0050: "MPEG audio",
	0x0055: "MP3",
	0x0092: "Dolby AC-3",
	0x00FF: "AAC",
	0x0160: "Windows Media Audio",
	0x0161: "Windows Media Audio",
	0x0162: "Windows Media Audio",
	0x2000: "Dolby AC-3",
	0x674F: "Ogg Vorbis",
	0xF1AC: "FLAC",
}

// A sub-format GUID is the tag, then one of these tails: the one of
// WAVEFORMATEXTENSIBLE, or that of the ambisonic B-format (AMB) files.
var guidTails = [][]byte{
	{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71},
	{0, 0, 0x21, 0x07, 0xD3, 0x11, 0x86, 0x44, 0xC8, 0xC1, 0xCA, 0, 0, 0},
}

// maxHead bounds the two chunks that are held in memory. Real ones have at most
// some hundred bytes.
const maxHead = 64 << 10

// A data size that a writer to a pipe leaves in place, as it cannot go back.
const (
	unknownSize = 1<<32 - 1 // ffmpeg; 0 is another
	soxPipe     = 0x7FFFF000
	alsaPipe    = 0x80000000
)

// head is what stands before the samples.
type head struct {
	tag       uint16
	channels  int
	rate      int
	bits      int   // as stated
	container int   // bytes per sample, from the bytes per frame
	size      int64 // of the data chunk; -1: until the end of the file
	pipe      bool  // the size is a placeholder, and a shorter file no surprise
}

// readHead reads up to the first sample.
func readHead(r *bufio.Reader, name string) (*head, error) {
	rf64, err := readMagic(r, name)
	if err != nil {
		return nil, err
	}
	var h *head
	ds64 := int64(-1)
	for {
		var chunk [8]byte
		if _, err := io.ReadFull(r, chunk[:]); err != nil {
			return nil, endOfChunks(err, name, h != nil)
		}
		id, size := string(chunk[:4]), int64(binary.LittleEndian.Uint32(chunk[4:]))
		switch id {
		case "fmt ", "ds64":
			if size > maxHead {
				return nil, fmt.Errorf("%s: its %q chunk claims %d bytes, which no real one has; the header is damaged, export the file again", name, id, size)
			}
			body := make([]byte, size+size&1)
			if n, err := io.ReadFull(r, body); err != nil && int64(n) < size {
				return nil, fmt.Errorf("%s: ends inside its %q chunk; the file is cut off, copy or export it again", name, id)
			}
			if id == "fmt " {
				if h, err = parseFmt(body[:size], name); err != nil {
					return nil, err
				}
			} else if rf64 && size >= 16 {
				ds64 = int64(binary.LittleEndian.Uint64(body[8:]))
			}
		case "data":
			if h == nil {
				return nil, fmt.Errorf("%s: no \"fmt \" chunk before the data, so the sample format is unknown; export the file again", name)
			}
			h.setSize(size, ds64, rf64)
			if size == 0 && chunkFollows(r) {
				return nil, noFrames(name)
			}
			return h, nil
		default:
			if _, err := io.CopyN(io.Discard, r, size+size&1); err != nil {
				if !errors.Is(err, io.EOF) {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
				return nil, fmt.Errorf("%s: its %q chunk claims %d bytes, past the end of the file, and no data chunk was found before; copy or export it again", name, id, size)
			}
		}
	}
}

func endOfChunks(err error, name string, haveFmt bool) error {
	switch {
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s: %w", name, err)
	case haveFmt:
		return fmt.Errorf("%s: has a header but no data chunk, so it holds no audio; copy or export it again", name)
	}
	return fmt.Errorf("%s: ends before its \"fmt \" chunk, so it holds no audio; copy or export it again", name)
}

func noFrames(name string) error {
	return fmt.Errorf("%s: holds no frames; record or export it again", name)
}

// setSize turns the stated size of the data chunk into the one to read. RF64
// keeps the size in its ds64 chunk and 0xFFFFFFFF in the data chunk.
func (h *head) setSize(size, ds64 int64, rf64 bool) {
	h.size = size
	switch {
	case rf64 && size == unknownSize && ds64 > 0:
		h.size = ds64
	case size == 0 || size == unknownSize:
		h.size = -1
	case size == soxPipe || size == alsaPipe || size == alsaPipe-1:
		h.pipe = true
	}
}

// chunkFollows tells an empty data chunk from a streamed one, whose size is 0
// too: behind the first another chunk begins.
func chunkFollows(r *bufio.Reader) bool {
	next, _ := r.Peek(4)
	switch string(next) {
	case "LIST", "bext", "cue ", "smpl", "fact", "PEAK", "iXML", "id3 ", "ID3 ", "JUNK", "junk", "inst", "_PMX", "afsp", "axml", "chna", "acid":
		return true
	}
	return false
}

// parseFmt reads a WAVEFORMAT, WAVEFORMATEX or WAVEFORMATEXTENSIBLE.
func parseFmt(b []byte, name string) (*head, error) {
	if len(b) < 16 {
		return nil, fmt.Errorf("%s: its \"fmt \" chunk has %d bytes where 16 are needed; the header is damaged, export the file again", name, len(b))
	}
	u16 := binary.LittleEndian.Uint16
	h := &head{
		tag:      u16(b),
		channels: int(u16(b[2:])),
		rate:     int(binary.LittleEndian.Uint32(b[4:])),
		bits:     int(u16(b[14:])),
	}
	if h.tag == tagExtensible {
		if len(b) < 40 {
			return nil, fmt.Errorf("%s: an EXTENSIBLE header of %d bytes where 40 are needed; the header is damaged, export the file again", name, len(b))
		}
		if !bytes.Equal(b[26:40], guidTails[0]) && !bytes.Equal(b[26:40], guidTails[1]) {
			return nil, fmt.Errorf("%s: unknown sub-format %x; convert it: %s", name, b[24:40], convert(name))
		}
		h.tag = u16(b[24:])
	}
	if h.tag != tagPCM && h.tag != tagFloat {
		codec, ok := codecs[h.tag]
		if !ok {
			codec = fmt.Sprintf("codec 0x%04X", h.tag)
		}
		return nil, fmt.Errorf("%s: holds %s, but only integer PCM and float are read; convert it: %s", name, codec, convert(name))
	}
	if h.channels == 0 {
		return nil, fmt.Errorf("%s: its header says 0 channels; the header is damaged, export the file again", name)
	}
	if h.rate == 0 {
		return nil, fmt.Errorf("%s: its header says 0 Hz; the header is damaged, export the file again", name)
	}
	frame := int(u16(b[12:]))
	if frame == 0 { // some writers leave it out
		frame = (h.bits + 7) / 8 * h.channels
	}
	h.container = frame / h.channels
	var fits bool
	if h.tag == tagFloat {
		fits = h.container == 4 || h.container == 8
	} else {
		fits = h.container >= 1 && h.container <= 4
	}
	if !fits || frame%h.channels != 0 || h.bits < 1 || h.bits > 8*h.container {
		kind := "integer"
		if h.tag == tagFloat {
			kind = "float"
		}
		return nil, fmt.Errorf("%s: %d-bit %s samples, %d channels in frames of %d bytes, cannot be read; convert it: %s",
			name, h.bits, kind, h.channels, frame, convert(name))
	}
	return h, nil
}

// readMagic reads the twelve bytes that make a file a WAV file.
func readMagic(r *bufio.Reader, name string) (rf64 bool, err error) {
	magic, err := r.Peek(12)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	if len(magic) == 0 {
		return false, fmt.Errorf("%s: is empty (0 bytes); record or copy it again", name)
	}
	if len(magic) == 12 && string(magic[8:]) == "WAVE" {
		switch string(magic[:4]) {
		case "RIFF", "RF64", "BW64":
			rf64 = magic[1] != 'I'
			r.Discard(12) // peeked, so it is there
			return rf64, nil
		}
	}
	if kind := recognise(magic); kind != "" {
		return false, fmt.Errorf("%s: is %s, not WAV; convert it: %s", name, kind, convert(name))
	}
	return false, fmt.Errorf("%s: is not a WAV file (it begins with %q); if it is audio, convert it: %s", name, magic[:min(4, len(magic))], convert(name))
}

// others are files of other kinds by bytes near their beginning.
var others = []struct {
	at          int
	bytes, kind string
}{
	{0, "fLaC", "FLAC"}, {0, "OggS", "Ogg"}, {8, "AIFF", "AIFF"}, {8, "AIFC", "AIFF"}, {0, "RIFX", "big-endian RIFX"}, {0, "riff", "Wave64"},
	{4, "ftyp", "MP4 (AAC or ALAC)"}, {0, "caff", "CAF"}, {0, ".snd", "AU"}, {0, "wvpk", "WavPack"}, {0, "ID3", "MP3"},
	{0, "\x1A\x45\xDF\xA3", "Matroska or WebM"}, {0, "\x30\x26\xB2\x75", "Windows Media"},
}

// recognise names a file by its first bytes, or returns "".
func recognise(b []byte) string {
	for _, o := range others {
		if len(b) >= o.at && strings.HasPrefix(string(b[o.at:]), o.bytes) {
			return o.kind
		}
	}
	switch {
	case strings.HasPrefix(string(b), "RIFF"):
		return fmt.Sprintf("RIFF of type %q", b[min(8, len(b)):])
	case len(b) > 1 && b[0] == 0xFF && b[1]&0xE0 == 0xE0 && b[1]&0x06 != 0:
		return "MP3"
	}
	return ""
}

// convert returns the command that makes a file of any kind readable.
func convert(name string) string {
	ext := filepath.Ext(name)
	to := strings.TrimSuffix(name, ext) + ".wav"
	if strings.EqualFold(ext, ".wav") {
		to = strings.TrimSuffix(name, ext) + "-float.wav"
	}
	return "ffmpeg -i " + shellQuote(name) + " -c:a pcm_f32le " + shellQuote(to)
}

func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._/-+,=@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

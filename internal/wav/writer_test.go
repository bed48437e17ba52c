package wav

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// A file beyond the size of a RIFF header becomes RF64, whether its length was
// known from the start or not. The limit is lowered so that it fits in memory.
func TestBeyondRIFF(t *testing.T) {
	rows := [][]float64{{0.25, -0.5, 0.75}}
	for _, planned := range []int{3, -1} {
		path := filepath.Join(t.TempDir(), "large.wav")
		w, err := create(path, 8000, 1, PCM16, planned)
		require.NoError(t, err)
		w.riffMax = 40
		w.out.Reset(w.file) // the header of the real limit is still in the buffer
		_, err = w.out.Write(w.header(max(0, planned)))
		require.NoError(t, err)
		require.NoError(t, w.WriteRows(rows))
		require.NoError(t, w.Close())

		file, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "RF64\xFF\xFF\xFF\xFFWAVEds64", string(file[:16]))
		require.EqualValues(t, len(file)-8, binary.LittleEndian.Uint64(file[20:]))
		a, err := Decode(bytes.NewReader(append(file, "LIST\x04\x00\x00\x00INFO"...)), "large.wav")
		require.NoError(t, err)
		require.Equal(t, rows[0], a.Buffer.Data)
		require.Empty(t, a.Warnings)
	}
}

// The header of a real 6 GiB file, which is not written here.
func TestHeaderBeyond4GiB(t *testing.T) {
	w, err := newWriter(new(bytes.Buffer), "a.wav", 48000, 2, Float32, 3<<28)
	require.NoError(t, err)
	h := w.header(3 << 28)
	require.Equal(t, "RF64", string(h[:4]))
	require.EqualValues(t, uint64(6<<30), binary.LittleEndian.Uint64(h[28:]))
	a, err := Decode(bytes.NewReader(append(h, make([]byte, 8)...)), "a.wav")
	require.NoError(t, err)
	require.Equal(t, 1, a.Frames())
	require.Contains(t, a.Warnings[0], "promises 805306368 frames")
}

// Readers of the simplest kind take the sizes from the RIFF header.
func TestRIFFSize(t *testing.T) {
	for f := range formats {
		for channels := range 4 {
			var b bytes.Buffer
			rows := make([][]float64, channels+1)
			for c := range rows {
				rows[c] = make([]float64, 3)
			}
			_, err := Encode(&b, 8000, rows, Format(f))
			require.NoError(t, err)
			require.EqualValues(t, b.Len()-8, binary.LittleEndian.Uint32(b.Bytes()[4:]))
		}
	}
}

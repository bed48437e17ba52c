package wav_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ampfit/internal/wav"
)

// step is the largest error of a format for samples inside ±1: half of its last
// place, and a whole one at exactly +1.
var step = map[wav.Format]float64{
	wav.PCM16: 1.0 / (1 << 15), wav.PCM24: 1.0 / (1 << 23), wav.Float32: 1.0 / (1 << 25), wav.Float64: 0,
}

func noise(channels, frames int) [][]float64 {
	r := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float64, channels)
	for c := range rows {
		rows[c] = make([]float64, frames)
		for n := range rows[c] {
			rows[c][n] = 2*r.Float64() - 1
		}
	}
	return rows
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for f, tolerance := range step {
		for _, channels := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11} {
			for _, frames := range []int{1, 2, 33333} {
				t.Run(fmt.Sprintf("%s/%d/%d", f, channels, frames), func(t *testing.T) {
					path := filepath.Join(dir, "a.wav")
					rows := noise(channels, frames)
					clipped, err := wav.Write(path, 44100, rows, f)
					require.NoError(t, err)
					require.Zero(t, clipped)
					a, err := wav.Read(path)
					require.NoError(t, err)
					require.Empty(t, a.Warnings)
					require.Equal(t, 44100, a.Rate)
					require.Equal(t, channels, a.Channels)
					require.Equal(t, frames, a.Frames())
					require.Equal(t, f == wav.Float32 || f == wav.Float64, a.Float)
					require.Equal(t, channels, a.Buffer.Format.NumChannels)
					for c, row := range a.Rows() {
						require.InDeltaSlice(t, rows[c], row, tolerance)
					}

					// What was read is written again to the same bits.
					var again bytes.Buffer
					_, err = wav.Encode(&again, 44100, a.Rows(), f)
					require.NoError(t, err)
					first, err := os.ReadFile(path)
					require.NoError(t, err)
					require.Equal(t, first, again.Bytes())
					require.Zero(t, len(first)%2, "chunks are padded to even length")
				})
			}
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	require.NoError(t, err)
	require.Empty(t, left, "no temporary file stays")
}

// Any rows, in any blocks, through writer and reader: the bits of 64f survive.
func TestBlocks(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		channels := rapid.IntRange(1, 9).Draw(t, "channels")
		rows := noise(channels, rapid.IntRange(1, 5000).Draw(t, "frames"))
		path := filepath.Join(dir, "b.wav")
		w, err := wav.Create(path, 48000, channels, wav.Float64)
		require.NoError(t, err)
		block := make([][]float64, channels)
		for at := 0; at < len(rows[0]); {
			to := min(len(rows[0]), at+rapid.IntRange(0, 3000).Draw(t, "write"))
			for c := range rows {
				block[c] = rows[c][at:to]
			}
			require.NoError(t, w.WriteRows(block))
			at = to
		}
		require.NoError(t, w.Close())

		got, err := wav.Read(path)
		require.NoError(t, err)
		require.Equal(t, rows, got.Rows())
		require.Empty(t, got.Warnings)
	})
}

func TestClipping(t *testing.T) {
	for _, tc := range []struct {
		f       wav.Format
		x, want float64
		clipped int
	}{
		{wav.PCM16, 1, 32767.0 / 32768, 0},
		{wav.PCM16, -1, -1, 0},
		{wav.PCM16, 1.5, 32767.0 / 32768, 1},
		{wav.PCM16, -7, -1, 1},
		{wav.PCM16, 0.5 / 32768, 0, 0}, // half goes to even
		{wav.PCM16, 1.5 / 32768, 2.0 / 32768, 0},
		{wav.PCM16, -0.6 / 32768, -1.0 / 32768, 0},
		{wav.PCM24, 1e300, 8388607.0 / 8388608, 1},
		{wav.Float32, 2, 2, 0},
		{wav.Float32, -1e300, -math.MaxFloat32, 1},
		{wav.Float64, 1e300, 1e300, 0},
	} {
		t.Run(fmt.Sprintf("%s/%g", tc.f, tc.x), func(t *testing.T) {
			var b bytes.Buffer
			clipped, err := wav.Encode(&b, 8000, [][]float64{{tc.x}}, tc.f)
			require.NoError(t, err)
			require.Equal(t, tc.clipped, clipped)
			a, err := wav.Decode(&b, "b.wav")
			require.NoError(t, err)
			require.Equal(t, []float64{tc.want}, a.Buffer.Data)
		})
	}
}

func TestParseFormat(t *testing.T) {
	for _, s := range []string{"16", "24", "32f", "64f"} {
		f, err := wav.ParseFormat(s)
		require.NoError(t, err)
		require.Equal(t, s, f.String())
	}
	require.Equal(t, "32f", wav.Format(0).String())
	_, err := wav.ParseFormat("32")
	require.EqualError(t, err, `wav: no sample format "32"; take 16, 24, 32f or 64f`)
}

func TestWriteErrors(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "kept.wav")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o600))
	for _, tc := range []struct {
		name string
		rate int
		rows [][]float64
		says string
	}{
		{"NaN", 8000, [][]float64{{0, 0}, {0, math.NaN()}}, "frame 1 of channel 1 (both from 0; at 0.0001 s) is NaN"},
		{"infinite", 8000, [][]float64{{math.Inf(-1)}}, "frame 0 of channel 0 (both from 0; at 0.0000 s) is -Inf"},
		{"ragged", 8000, [][]float64{{0}, {0, 0}}, "channel 0 has 1 frames, channel 1 has 2"},
		{"no channels", 8000, nil, "no channels"},
		{"no frames", 8000, [][]float64{{}}, "no frames"},
		{"rate", 0, [][]float64{{0}}, "a rate of 0 Hz"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := wav.Write(path, tc.rate, tc.rows, wav.Float32)
			require.ErrorContains(t, err, path+": ")
			require.ErrorContains(t, err, tc.says)
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "before", string(b))
			all, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, all, 1, "no temporary file stays")
		})
	}
	_, err := wav.Write(dir, 8000, [][]float64{{0}}, wav.Float32)
	require.ErrorContains(t, err, "is a directory; give a file name")
	_, err = wav.Write(filepath.Join(dir, "none", "a.wav"), 8000, [][]float64{{0}}, wav.Float32)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "make it first")
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	w, err := wav.Create(filepath.Join(dir, "a.wav"), 8000, 1, wav.PCM16)
	require.NoError(t, err)
	require.NoError(t, w.WriteRows([][]float64{{1, 2, -3}}))
	require.Equal(t, 2, w.Clipped())
	w.Abort()
	require.Error(t, w.Close())
	all, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestWriteThroughLinkAndDevice(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no links and devices of this kind")
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target.wav"), filepath.Join(dir, "link.wav")
	require.NoError(t, os.WriteFile(target, nil, 0o600))
	require.NoError(t, os.Symlink("target.wav", link))
	_, err := wav.Write(link, 8000, [][]float64{{0.5}}, wav.Float32)
	require.NoError(t, err)
	info, err := os.Lstat(link)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&os.ModeSymlink)
	a, err := wav.Read(target)
	require.NoError(t, err)
	require.Equal(t, []float64{0.5}, a.Buffer.Data)

	_, err = wav.Write(os.DevNull, 8000, [][]float64{{0.5}}, wav.Float32)
	require.NoError(t, err)
	info, err = os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular())
}

// What sox reads from a file of ours, and what we read from one of sox, agree to
// the last bit of the narrower format.
func TestSox(t *testing.T) {
	sox, err := exec.LookPath("sox")
	if err != nil {
		t.Skip("sox is not installed")
	}
	dir := t.TempDir()
	ours, theirs := filepath.Join(dir, "ours.wav"), filepath.Join(dir, "theirs.wav")
	for f := range step {
		for _, channels := range []int{1, 2, 6} {
			for _, streamed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/streamed=%v", f, channels, streamed), func(t *testing.T) {
					rows := noise(channels, 1001)
					if streamed {
						w, err := wav.Create(ours, 48000, channels, f)
						require.NoError(t, err)
						require.NoError(t, w.WriteRows(rows))
						require.NoError(t, w.Close())
					} else {
						_, err := wav.Write(ours, 48000, rows, f)
						require.NoError(t, err)
					}
					a, err := wav.Read(ours)
					require.NoError(t, err)
					for _, as := range [][]string{
						{"-e", "unsigned-integer", "-b", "8"}, {"-e", "signed-integer", "-b", "16"}, {"-e", "signed-integer", "-b", "24"},
						{"-e", "signed-integer", "-b", "32"}, {"-e", "floating-point", "-b", "32"}, {"-e", "floating-point", "-b", "64"},
					} {
						out, err := exec.Command(sox, append(append([]string{"-D", "-V1", ours}, as...), theirs)...).CombinedOutput()
						require.NoError(t, err, "%s", out)
						require.Empty(t, string(out))
						b, err := wav.Read(theirs)
						require.NoError(t, err)
						require.Empty(t, b.Warnings)
						require.Equal(t, fmt.Sprint(b.Bits), as[3])
						// sox works in 32-bit integers inside.
						tolerance := 1.5 / float64(int64(1)<<min(b.Bits-1, 24))
						require.InDeltaSlice(t, a.Buffer.Data, b.Buffer.Data, tolerance)
					}

					pipe, err := exec.Command(sox, "-D", "-V1", ours, "-t", "wav", "-e", "floating-point", "-b", "64", "-").Output()
					require.NoError(t, err)
					b, err := wav.Decode(bytes.NewReader(pipe), "pipe.wav")
					require.NoError(t, err)
					require.Empty(t, b.Warnings, "sox leaves a placeholder for the size")
					require.InDeltaSlice(t, a.Buffer.Data, b.Buffer.Data, 1.0/(1<<24))
				})
			}
		}
	}
	law := exec.Command(sox, "-V1", ours, "-e", "mu-law", theirs)
	require.NoError(t, law.Run())
	_, err = wav.Read(theirs)
	require.ErrorContains(t, err, "holds mu-law, but only integer PCM and float are read; convert it: ffmpeg -i ")
}

// A tone goes out as 16-bit PCM and comes back.
func ExampleWrite() {
	dir, _ := os.MkdirTemp("", "")
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "tone.wav")

	tone := make([]float64, 48000)
	for n := range tone {
		tone[n] = 0.5 * math.Sin(2*math.Pi*440*float64(n)/48000)
	}
	clipped, err := wav.Write(path, 48000, [][]float64{tone}, wav.PCM16)
	fmt.Println("clipped:", clipped, err)

	a, err := wav.Read(path)
	fmt.Println(a.Frames(), "frames at", a.Rate, "Hz,", a.Channels, "channel,", a.Bits, "bits", err)
	// Output:
	// clipped: 0 <nil>
	// 48000 frames at 48000 Hz, 1 channel, 16 bits <nil>
}

func BenchmarkRead(b *testing.B) {
	for f := range step {
		b.Run(f.String(), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "b.wav")
			_, err := wav.Write(path, 48000, noise(2, 1<<20), f)
			require.NoError(b, err)
			info, err := os.Stat(path)
			require.NoError(b, err)
			b.SetBytes(info.Size())
			for b.Loop() {
				_, err := wav.Read(path)
				require.NoError(b, err)
			}
		})
	}
}

func BenchmarkEncode(b *testing.B) {
	for f := range step {
		b.Run(f.String(), func(b *testing.B) {
			rows := noise(2, 1<<20)
			for b.Loop() {
				_, err := wav.Encode(io.Discard, 48000, rows, f)
				require.NoError(b, err)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(1<<20)/2, "ns/frame")
		})
	}
}

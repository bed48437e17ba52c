package adjoint_test

import (
	"bytes"
	"os"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"ampfit/adjoint"
	"ampfit/graph"
	"ampfit/graph/run"
	"ampfit/tape"

	"github.com/stretchr/testify/require"
)

// hourGraph has ten nodes, two feedback loops among them.
const hourGraph = `{"descriptor_version": 2, "sample_rate": 48000, "nodes": [
	{"name": "dry", "type": "InputNode"},
	{"name": "hp", "type": "HighpassNode", "params": {"cutoff_hz": 40}},
	{"name": "low", "type": "LowShelfNode", "params": {"freq_hz": 200, "gain_db": 2}},
	{"name": "mid", "type": "PeakingEQNode", "params": {"freq_hz": 1200, "gain_db": -3}},
	{"name": "sum", "type": "GainNode", "gather": "sum"},
	{"name": "damp", "type": "OnePoleNode", "params": {"cutoff_hz": 5000}},
	{"name": "fb", "type": "GainNode", "params": {"gain": 0.5}},
	{"name": "drive", "type": "SoftClipNode"},
	{"name": "tone", "type": "OnePoleNode", "params": {"cutoff_hz": 9000}},
	{"name": "out", "type": "GainNode", "params": {"gain": 0.8}}],
	"edges": [
	{"source": "dry", "target": "hp"}, {"source": "hp", "target": "low"}, {"source": "low", "target": "mid"},
	{"source": "mid", "target": "sum"}, {"source": "sum", "target": "damp"}, {"source": "damp", "target": "fb"},
	{"source": "fb", "target": "sum", "delay_frames": 1009}, {"source": "sum", "target": "drive"},
	{"source": "drive", "target": "tone"}, {"source": "tone", "target": "out"}]}`

// peak returns the peak resident memory of the process in bytes.
func peak(t *testing.T) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("the peak memory of a process is read from /proc")
	}
	for _, line := range bytes.Split(text, []byte("\n")) {
		if rest, ok := bytes.CutPrefix(line, []byte("VmHWM:")); ok {
			kb, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(rest, []byte("kB")))), 10, 64)
			require.NoError(t, err)
			return kb << 10
		}
	}
	t.Skip("no VmHWM")
	return 0
}

// An hour of 48 kHz audio needs no more than 1 GiB beyond the four signals of
// that length, and at most 2.2 times the time per frame of a run that keeps
// everything. AMPFIT_LONG=1 runs it; it takes 7 GiB and a minute.
func TestHourInBoundedMemory(t *testing.T) {
	if os.Getenv("AMPFIT_LONG") == "" {
		t.Skip("an hour of audio: set AMPFIT_LONG=1")
	}
	g, err := graph.Parse("", []byte(hourGraph))
	require.NoError(t, err)
	perFrame := func(frames int, memory int64) time.Duration {
		input, target := make([]float64, frames), make([]float64, frames)
		s := uint64(7)
		for i := range input {
			s = s*6364136223846793005 + 1442695040888963407
			input[i] = float64(int64(s)) / (1 << 65)
			target[i] = input[i] * 0.7
		}
		m, err := adjoint.NewModel(g, adjoint.Options{Input: [][]float64{input}, SkipInputGrad: true, Options: run.Options{Limits: tape.Limits{TapeMemory: memory}}})
		require.NoError(t, err)
		t.Log(m.Tape)
		mse := adjoint.LossFunc(func(grad, y []float64) float64 {
			sum := 0.0
			for i, v := range y {
				e := v - target[i]
				sum += e * e
				if grad != nil {
					grad[i] = 2 * e
				}
			}
			return sum
		})
		best := time.Duration(1 << 62)
		for range 2 + 3_000_000/frames {
			start := time.Now()
			m.ValueGradient(mse)
			best = min(best, time.Since(start))
		}
		return best * 1000 / time.Duration(frames)
	}
	short := perFrame(60*48000, 1<<40)
	debug.FreeOSMemory()
	const frames = 3600 * 48000
	long := perFrame(frames, 512<<20)
	extra := peak(t) - 4*8*frames
	t.Logf("per frame: %d ps for a minute, %d ps for an hour (%.2f times); %d MiB beyond four signals", short, long, float64(long)/float64(short), extra>>20)
	require.Less(t, extra, int64(1<<30))
	require.LessOrEqual(t, float64(long)/float64(short), 2.2)
}
